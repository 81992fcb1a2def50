/* drain.h - stage 6: the order of the stages */
#ifndef TVB_DRAIN_H
#define TVB_DRAIN_H

#include "postgres.h"

#include "stride.h"
#include "writes.h"

/* What one drain may claim. */
typedef struct TvbDrainLimits
{
	int64		max_changes;	/* 0: no limit */
	int			max_ms;			/* 0: no limit */
} TvbDrainLimits;

/* What one drain did. */
typedef struct TvbDrainResult
{
	int64		changes;		/* queue entries claimed */
	int64		keys;			/* keys evaluated */
	TvbCounts	counts;			/* rows written */
	int64		failed;			/* keys that failed */
	int			levels;			/* on which a TVIEW was refreshed */
	int64		remaining;		/* queue entries left */
	bool		busy;			/* another one drains: nothing was done */
	double		elapsed_ms;
	int			keyed;			/* TVIEWs refreshed key by key */
	int			compared;		/* TVIEWs compared whole */
	bool		stale;			/* a TVIEW is left that the next drain will
								 * compare */
} TvbDrainResult;

/* A comparison in several transactions; begin with {0}. */
typedef struct TvbDrainComparison
{
	TimestampTz started;		/* when its first range was compared */
	bool		gone;			/* it is a TVIEW no longer */
	bool		ended;			/* nothing is left of it */
	int64		rows;			/* looked at so far */
	int64		total;			/* estimate of all */
	TvbStrideKind stride;		/* if it has ended at once: why */
} TvbDrainComparison;

/* Refuse transactions in which call cannot work. */
extern void tvb_drain_check_transaction(const char *call);

/*
 * Take the drain lock until the end of the transaction.  Whoever writes a TVIEW
 * holds it, and takes its snapshot afterwards.  wait false: returns whether it was free.
 */
extern bool tvb_drain_lock(bool wait);

/* One drain.  Takes the lock if it is free. */
extern void tvb_drain_run(const TvbDrainLimits *limits, TvbDrainResult *result);

/*
 * Compare one TVIEW whole and take what changed to those that read it.  Waits
 * for the lock.  result->compared is 0 if it is a TVIEW no longer.
 */
extern void tvb_drain_compare(Oid tview, TvbDrainResult *result);

/* The same for the next range of a comparison.  Called in a transaction per range until it has ended. */
extern void tvb_drain_compare_range(Oid tview, TvbDrainComparison *comparison,
									TvbDrainResult *result);

#endif
