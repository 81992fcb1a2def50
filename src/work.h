/* work.h - one TVIEW in a drain */
#ifndef TVB_WORK_H
#define TVB_WORK_H

#include "postgres.h"

#include "attempt.h"
#include "bag.h"
#include "cascade.h"
#include "postponed.h"
#include "range.h"

/* How much of a TVIEW is looked at. */
typedef enum TvbExtent
{
	TVB_EXTENT_KEYS,			/* that changes touch */
	TVB_EXTENT_RANGE,			/* these, and a range */
	TVB_EXTENT_WHOLE
} TvbExtent;

/* The work on one TVIEW. */
typedef struct TvbJob
{
	TvbCascade *cascade;
	MemoryContext context;
	TvbTview   *tview;
	TimestampTz started;
	TvbWrites  *writes;
	TvbBag	   *keys;
	bool		turn;			/* it is the one that may be compared because
								 * it is stale */
	bool		locked;			/* another session has it locked */
	bool		traced;			/* the changes could be traced to keys */
	bool		applied;		/* and these have been refreshed */
	TvbChanges *late;			/* changes that were put off before, and are
								 * in keys now */
	TvbPostponed late_so_far;	/* how long they were */
	bool		comparing;		/* not only the keys of changes are looked at */
	TvbRange   *range;			/* to be compared */
	bool		begun;			/* it is not the first one */
	TvbProgress progress;		/* before it, then after it */
	bool		replace;		/* a comparison deletes rows that differ and
								 * inserts them anew */
	TvbCounts	written;		/* by it */
	int64		rows;			/* looked at by it */
	ErrorData  *error;			/* of the last attempt that failed */
} TvbJob;

/* Whether a drain is to compare a TVIEW because it is stale. */
extern bool tvb_work_is_stale(const TvbTview *tview);

/* Do it.  The caller has filled in cascade, context, tview and started, and destroys keys and writes. */
extern void tvb_work_do(TvbJob *w, TvbExtent extent);

/* The rest is for work_compare.c. */

/* The TVIEW cannot be refreshed: not now, or not without a comparison. */
extern void tvb_work_give_up(TvbJob *w, TvbVerdict verdict, const char *what);

/* The TVIEW is stale, for the last error; or that is raised, if the TVIEW is the one that was asked for. */
extern void tvb_work_set_aside(TvbJob *w, const char *what);

/* Somebody has it locked: it is not tried again in this drain, and another one may be compared instead. */
extern void tvb_work_pass(TvbJob *w);

/* Refresh the keys collected; false: the TVIEW was set aside. */
extern bool tvb_work_refresh_keys(TvbJob *w);

/* An empty bag for keys. */
extern TvbBag *tvb_work_make_keys(TvbJob *w);

/* Remember that a TVIEW was looked at. */
extern TvbTouched *tvb_work_touch(TvbCascade *cascade, TvbTview *tview);

#endif
