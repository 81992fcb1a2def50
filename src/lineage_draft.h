/* lineage_draft.h - a lookup query while it is put together */
#ifndef TVB_LINEAGE_DRAFT_H
#define TVB_LINEAGE_DRAFT_H

#include "postgres.h"
#include "nodes/parsenodes.h"

#include "lineage.h"
#include "lineage_way.h"

/* The query being put together: entry 1 of its range table is tviews_changed. */
typedef struct TvbDraft
{
	List	   *members;		/* TvbMember *: entries 2, 3, ... */
	List	   *quals;			/* Expr * */
} TvbDraft;

/* Where each member of a segment stands in the draft: index by member id. */
typedef struct TvbSegment
{
	TvbGraph   *graph;
	int		   *varno;			/* 0: not there */
} TvbSegment;

/* Another draft that begins as this one is. */
extern TvbDraft *tvb_draft_copy(TvbDraft *draft);

/* A segment that no member stands in; one in which they stand as in another. */
extern TvbSegment *tvb_draft_segment(TvbGraph *graph);
extern TvbSegment *tvb_draft_copy_segment(TvbSegment *segment);

/* An expression or list of the graph's as one of the draft's; all its members stand in the segment. */
extern Node *tvb_draft_place(Node *node, TvbSegment *segment);

/* Put a member into the draft, unless the segment has it. */
extern void tvb_draft_place_member(TvbDraft *draft, TvbSegment *segment, int id);

/*
 * Add the way of member id to the draft; id itself is there already.  alone:
 * id is a stored row, its own conditions apply too.  Returns the root.
 */
extern int	tvb_draft_place_way(TvbDraft *draft, TvbSegment *segment, TvbForest *forest, int id, bool alone);

/*
 * The query SELECT DISTINCT exprs, which are positions of the key, of a draft; source: whose changes are looked up.
 * Neither the draft nor the expressions are changed.
 */
extern TvbWayQuery *tvb_draft_finish(TvbDraft *draft, RangeTblEntry *source, List *exprs, List *positions);

#endif
