/* capture_plan.h - what capture logs of a relation, remembered per backend */
#ifndef TVB_CAPTURE_PLAN_H
#define TVB_CAPTURE_PLAN_H

#include "postgres.h"
#include "access/attnum.h"
#include "executor/tuptable.h"
#include "utils/rel.h"

#include "link.h"

/* A column of the relation that is compared. */
typedef struct TvbReadColumn
{
	AttrNumber	attno;
	int16		typlen;
	bool		typbyval;
} TvbReadColumn;

/* A column of the relation that is logged. */
typedef struct TvbLinkSource
{
	AttrNumber	attno;
	bool		null_is_unknown;	/* a NULL may be a value not computed yet */
} TvbLinkSource;

/* What a change of the relation means for one source. */
typedef struct TvbCaptureSource
{
	Oid			source;
	int32		version;
	bool		everything;		/* no link values can be had: log one change
								 * for all rows */
	bool		skip;			/* more than enough changes wait: log none */
	bool		compare;		/* rows equal in the read columns are no
								 * change */
	int			nread;
	TvbReadColumn *read;
	TvbLayout  *layout;			/* of link */
	TvbLinkSource *link;
} TvbCaptureSource;

/* All sources that changes of one relation are logged for. */
typedef struct TvbCapturePlan
{
	AttrNumber	last;			/* highest column needed where rows are compared */
	AttrNumber	last_link;		/* highest column needed where they are only logged */
	bool		skips;			/* one of the sources is to be skipped */
	TupleTableSlot *old;		/* for rows of the transition tables; what an earlier */
	TupleTableSlot *new;		/* statement left there is not to be looked at */
	int			nsources;
	TvbCaptureSource *sources;	/* ordered by oid */
} TvbCapturePlan;

/*
 * The plan of rel, or NULL if nothing is logged for it.  Valid until the next
 * call.  A call that finds the plan at hand reads no catalog.
 */
extern const TvbCapturePlan *tvb_capture_plan(Relation rel);

/* The context that holds all plans, or NULL.  For tviews_memory. */
extern MemoryContext tvb_capture_plan_context(void);

#endif
