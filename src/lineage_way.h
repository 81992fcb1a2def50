/* lineage_way.h - ways from members to the columns that are looked for */
#ifndef TVB_LINEAGE_WAY_H
#define TVB_LINEAGE_WAY_H

#include "postgres.h"

#include "lineage_graph.h"

/* What a way leads to: expressions over one member, the carrier. */
typedef struct TvbTarget
{
	int			carrier;		/* member id; 0: constants */
	List	   *positions;		/* int: what the caller calls the expressions */
	List	   *exprs;			/* Expr * over the carrier */
} TvbTarget;

/*
 * Ways of all members to the nearest of some targets.  They form a forest:
 * the way of a member is one step to the next and then that member's own way,
 * ending at a root, which yields a target's expressions from its own columns.
 * Arrays are indexed by member id.
 */
typedef struct TvbForest
{
	TvbGraph   *graph;
	Bitmapset  *solid;			/* outer joins taken as inner (tvb_way_solid) */
	int			scope;			/* ways stay inside this query; 0: anywhere */
	TvbTarget **target;			/* the target reached, or NULL: no way */
	List	  **root_exprs;		/* roots: the target's expressions over
								 * themselves */
	int		   *next;			/* next member on the way; 0 at roots */
	int		   *cost;
	Bitmapset **way;			/* members on the way, itself included */
} TvbForest;

/*
 * The outer joins that ways to targets (TvbTarget *) take as inner joins: the carriers'
 * own, whose NULL-extended target is covered otherwise, and those whose NULLs would not
 * pass a condition that must hold there.  They are the same for all members, so that
 * ways still form a forest.
 */
extern Bitmapset *tvb_way_solid(TvbGraph *graph, List *targets);

/* Find the ways of every member of a graph to the nearest of targets (TvbTarget *). */
extern TvbForest *tvb_way_forest(TvbGraph *graph, List *targets, Bitmapset *solid, int scope);

/*
 * The conjuncts that a lookup uses at one member of a way: those that must
 * hold for it, over members of its way only.  alone: also those over itself
 * alone.  List of TvbConjunct *.
 */
extern List *tvb_way_conjuncts(TvbForest *forest, int id, bool alone);

#endif
