/* lineage_expand.h - a view's query with nested views and CTEs written out as subqueries */
#ifndef TVB_LINEAGE_EXPAND_H
#define TVB_LINEAGE_EXPAND_H

#include "postgres.h"
#include "nodes/bitmapset.h"
#include "nodes/parsenodes.h"

/* One table of an expanded query. */
typedef struct TvbTable
{
	RangeTblEntry *rte;			/* identity: the entry in the expanded query */
	Oid			nested;			/* the nested view as whose owner it is read; InvalidOid: as who reads the query */
	Oid			reader;			/* that owner */
	bool		reads_all;		/* a whole-row reference */
	Bitmapset  *reads;			/* attnos read anywhere in the query */
} TvbTable;

/* A copy of query, normalized, without RTEs of views, CTEs that are not recursive, virtual generated columns. */
extern Query *tvb_expand_query(Query *query);

/*
 * The same, but CTEs for which stays() is true, nested views and CTEs in them written out, are left.  It is asked when nothing
 * around them has been written out, and told the outermost query, and again, without, for each reference: with the same answer.
 */
extern Query *tvb_expand_but(Query *query, bool (*stays) (CommonTableExpr *cte, Query *outermost));

/* Make an analysed tree the same whatever server version made it, in place. */
extern void tvb_expand_normalize(Query *query);

/* The tables of an expanded query in the order of its text: list of TvbTable *. */
extern List *tvb_expand_tables(Query *expanded);

/*
 * Range table indexes that FROM, or a set operation, really uses; a view's
 * range table also holds entries that are not part of it.
 */
extern Bitmapset *tvb_expand_used(Query *query);

/* The conditions that AND joins, however nested; NIL for no condition. */
extern List *tvb_expand_conjuncts(Node *quals);

#endif
