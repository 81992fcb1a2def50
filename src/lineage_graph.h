/* lineage_graph.h - the flat picture of a view that ways are looked for in */
#ifndef TVB_LINEAGE_GRAPH_H
#define TVB_LINEAGE_GRAPH_H

#include "postgres.h"
#include "nodes/bitmapset.h"
#include "nodes/parsenodes.h"

/*
 * A member: something in FROM whose columns conditions may name.  In
 * expressions of the graph its columns are Vars with varno = id, levelsup 0.
 */
typedef struct TvbMember
{
	int			id;				/* from 1 */
	RangeTblEntry *rte;			/* a table's own entry, or a derived one with
								 * resolved arguments */
	bool		derived;		/* function, VALUES: never changes by itself */
	Bitmapset  *depends;		/* derived: the members its arguments name */
	const char *opaque;			/* why there is no way from here, or NULL */
	Bitmapset  *scopes;			/* queries around it */
	Bitmapset  *boxes;			/* ... that group, or make rows distinct */
	Bitmapset  *shells;			/* ... whose outer rows are there without it */
	Bitmapset  *nullable;		/* outer joins that may put NULLs in its place */
} TvbMember;

/* A condition that holds for every contributing row combination at its place. */
typedef struct TvbConjunct
{
	Expr	   *expr;
	Bitmapset  *members;		/* members it names */
	Bitmapset  *scopes;			/* its place, as for members */
	Bitmapset  *boxes;
	Bitmapset  *shells;
	Bitmapset  *nullable;		/* outer joins it stands inside of; its own
								 * for an ON */
	bool		strict;			/* not true when a member it names is
								 * NULL-extended */
	bool		equality;		/* expression = expression over other members,
								 * btree semantics */
} TvbConjunct;

/* Where a join stands. */
typedef struct TvbJoin
{
	Bitmapset  *nullable;		/* outer joins around it */
	Bitmapset  *shells;
} TvbJoin;

/* One window definition. */
typedef struct TvbWindow
{
	int			scope;			/* the query it belongs to */
	Bitmapset  *nullable;		/* outer joins around that query */
	List	   *partition;		/* Expr *: the PARTITION BY expressions that
								 * were resolved, and correlated */
	List	   *correlated;		/* Expr *: what conditions of the query set
								 * equal to something outside of it */
	int			conjuncts;		/* how many the graph had when the query was
								 * built: later ones stand outside of it */
	bool		arms;			/* its rows come from a set operation */
	bool		sides;			/* ... from a FULL JOIN */
} TvbWindow;

/* One variant of a view: one arm chosen of each set operation and FULL JOIN. */
typedef struct TvbGraph
{
	List	   *members;		/* TvbMember *, by id */
	List	   *conjuncts;		/* TvbConjunct * */
	List	   *windows;		/* TvbWindow * */
	List	   *joins;			/* TvbJoin *, by id from 1 */
	List	   *outputs;		/* Expr * or NULL, per column of the view */
	Bitmapset  *full_joins;		/* outer joins that are one side of a FULL
								 * JOIN */
	Bitmapset  *passive;		/* shells of arms that only filter: ways of
								 * others do not enter */
} TvbGraph;

/*
 * All variants of an expanded query, as a list of TvbGraph *; NIL when there
 * are too many to look at.
 */
extern List *tvb_graph_variants(Query *expanded);

/* The member with an id. */
#define tvb_graph_member(graph, id) ((TvbMember *) list_nth((graph)->members, (id) - 1))

/* Ids of the members an expression of the graph names. */
extern Bitmapset *tvb_graph_members(Node *expr);

/*
 * Grouping, DISTINCT and set operations give back one of several values that
 * are equal but perhaps not identical (1.0, 1.00).  Such columns are wrapped in
 * a PlaceHolderVar in the graph.  This returns expr without the mark when the
 * only mark stands at its top, expr when there is none, and NULL otherwise.
 */
extern Expr *tvb_graph_unmark(Expr *expr);

/* Whether an expression is NULL if anything that it names is. */
extern bool tvb_graph_is_strict(Expr *expr);

/* Whether values of a type that are equal are also identical. */
extern bool tvb_graph_equal_is_identical(Oid type, Oid collation);

/* Whether a table's column is NOT NULL; with children: whether none that inherits from it may have NULLs either. */
extern bool tvb_graph_not_null(const RangeTblEntry *rte, AttrNumber attno, bool children);

/*
 * Whether columns that a primary key determines are those of any row of a group: rows of an inheritance parent's
 * children may have the same key.
 */
extern bool tvb_graph_any_row_of_group(Query *query);

/* Whether an operator is equality in the default btree family of a type. */
extern bool tvb_graph_is_equality(Oid opno, Oid type);

/* Whether what is equal by one collation is equal by the other. */
extern bool tvb_graph_collations_agree(Oid used, Oid own);

/* Whether what an equality takes for equal to one value is equal. */
extern bool tvb_graph_is_transitive(Oid opno);

/* Whether what an operator takes for equal is what grouping an operand by itself would. */
extern bool tvb_graph_equates(OpExpr *op, Node *expr);

#endif
