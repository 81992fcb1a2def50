/* lineage_query.h - the lookup queries that ways are written out as */
#ifndef TVB_LINEAGE_QUERY_H
#define TVB_LINEAGE_QUERY_H

#include "postgres.h"

#include "lineage.h"
#include "lineage_way.h"

/* What the keys of one variant are made of. */
typedef struct TvbKeyTargets
{
	List	   *targets;		/* TvbTarget *, one per carrier, none for
								 * constants alone */
	List	   *positions;		/* int: of the constants */
	List	   *constants;		/* Expr * */
	bool		nullable;		/* the carrier may be NULL-extended: that key
								 * is looked up as a constant */
	TvbForest  *nearest;		/* ways to the nearest carrier */
	TvbForest  *around;			/* those of them that look into no window which
								 * is evaluated for each row outside; NULL:
								 * there are no others */
} TvbKeyTargets;

/* Find the ways of a graph's members to the targets; once for all of them. */
extern void tvb_query_find_ways(TvbGraph *graph, TvbKeyTargets *keys);

/*
 * The queries that find the keys touched by a change of one member, by these ways.  Sets
 * *reason and returns NIL when there is no way.
 */
extern List *tvb_query_member(TvbGraph *graph, int id, TvbKeyTargets *keys,
							  const char **reason);

/* Write the SQL of a query, and prove that it means the same when parsed again; NULL if not. */
extern char *tvb_query_sql(TvbWayQuery *query);

#endif
