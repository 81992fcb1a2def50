/* pushdown_cte.h - CTEs that are evaluated once, restricted to what all that read them need */
#ifndef TVB_PUSHDOWN_CTE_H
#define TVB_PUSHDOWN_CTE_H

#include "postgres.h"
#include "nodes/parsenodes.h"

/* One of them while the queries that read it are gone through. */
typedef struct TvbShared
{
	CommonTableExpr *cte;
	int			readers;		/* references not met yet */
	bool		met;			/* one was */
	List	   *facts;			/* TvbFact *, over columns of a range table entry 1: what all that were met need */
} TvbShared;

/*
 * Whether a CTE, nested views and CTEs in it written out, is not to be written out itself.  outermost: the query it is in, or
 * is around that, before others are; NULL: as was said then.
 */
extern bool tvb_cte_stays(CommonTableExpr *cte, Query *outermost);

/* The CTEs that a query has and that are not recursive: TvbShared *. */
extern List *tvb_cte_shared(Query *query);

/*
 * A reference to one of them, range table entry rtindex of a query, is met; facts: of the rows that it needs.  levels: those
 * of the query and of the ones around it, innermost first (list of List of TvbShared *).
 */
extern void tvb_cte_meet(List *levels, RangeTblEntry *rte, int rtindex, List *facts);

#endif
