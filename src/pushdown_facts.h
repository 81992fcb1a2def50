/* pushdown_facts.h - conditions that hold for the rows of a view that have some keys */
#ifndef TVB_PUSHDOWN_FACTS_H
#define TVB_PUSHDOWN_FACTS_H

#include "postgres.h"
#include "nodes/bitmapset.h"
#include "nodes/parsenodes.h"

/* A condition over the columns of one query level. */
typedef struct TvbFact
{
	Node	   *qual;
	Bitmapset  *rels;			/* range table indexes it names */
	bool		key;			/* it says which rows the keys need */
	bool		known;			/* the planner knows it at this place */
} TvbFact;

/* Restrict a copy of a range table entry's subquery to the rows that fulfil facts over it. */
typedef void (*TvbRestrict) (void *arg, Query *subquery, int varno, List *facts);

/* Where facts are looked for. */
typedef struct TvbFactPlace
{
	Query	   *query;
	List	   *facts;			/* TvbFact *: all that hold at the place */
	TvbRestrict restrict_copy;
	void	   *arg;
} TvbFactPlace;

extern TvbFact *tvb_fact_make(Node *qual, bool key, bool known);

/* A range table entry for a subquery; names: its columns' (list of String). */
extern RangeTblEntry *tvb_fact_entry(Query *subquery, char *name, List *names, bool in_from);

/* EXISTS (SELECT 1 FROM rte WHERE conditions), over columns of range table entry 1 and of the level around it. */
extern Node *tvb_fact_exists(RangeTblEntry *rte, List *quals);

/* Whether the keys of GROUP BY, DISTINCT ON or PARTITION BY contain an expression, by its default equality. */
extern bool tvb_fact_clause_has(Query *query, List *clauses, Node *expr);

/*
 * Whether a condition may tell values of columns of a range table entry apart that are equal: c::text = 'a' where c is citext.
 * So it does not decide about whole groups.
 */
extern bool tvb_fact_is_fine(Node *qual, int varno);

/* Whether a condition contains a subquery: the planner does not move such. */
extern bool tvb_fact_has_sublink(Node *qual);

/* The columns that a fact names of a range table entry, in subqueries too; NULL if not only columns. */
extern Bitmapset *tvb_fact_columns(TvbFact *fact, int varno);

/* Whether a fact of this form is among some. */
extern bool tvb_fact_is_among(List *facts, Node *qual);

/*
 * What the keys say of the rows of one range table entry: TvbFact * over its columns alone.
 * Derived by equality from facts on others, else as EXISTS over one that is restricted itself.
 */
extern List *tvb_facts_about(TvbFactPlace *place, int varno);

/* expr column = ANY (parameter), or column IS NULL when param is 0. */
extern Node *tvb_fact_key(Var *column, int param);

/* The same condition on a column that is cast to the type of qual's column, or NULL. */
extern Node *tvb_fact_retype(Node *qual, Var *column);

/* A condition over the columns of range table entry varno, moved into its subquery's level. */
extern Node *tvb_fact_translate(Node *qual, int varno, List *targetlist);

/* The expression with the columns of joins replaced by what they stand for. */
extern Node *tvb_fact_flatten(Query *query, Node *expr);

/* The conditions joined by AND, without columns of joins: list of Node *. */
extern List *tvb_fact_conjuncts(Query *query, Node *quals);

/* A column, perhaps seen as another type of the same bytes; else NULL. */
extern Var *tvb_fact_column(Node *expr);

#endif
