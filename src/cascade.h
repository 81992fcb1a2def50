/* cascade.h - one round of changes through all TVIEWs, level by level */
#ifndef TVB_CASCADE_H
#define TVB_CASCADE_H

#include "postgres.h"
#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"

#include "changes.h"
#include "progress.h"
#include "registry.h"
#include "run.h"
#include "stride.h"
#include "writes.h"

/* A TVIEW that was looked at. */
typedef struct TvbTouched
{
	Oid			tview;
	TransactionId row_xmin;		/* of its metadata row, as read */
	bool		whole;			/* it was compared whole */
	TimestampTz since;			/* when that comparison began; 0: just now */
	const TvbProgress *progress;	/* of a comparison that goes on, or NULL */
} TvbTouched;

typedef struct TvbCascade
{
	TvbRun	   *run;
	MemoryContext context;		/* lives as long as the drain */
	List	   *tviews;			/* TvbTview *, by level */
	TvbChanges *changes;
	Oid			only;			/* compare this one, and what follows from it;
								 * else 0 */
	bool		only_range;		/* ... one range of it, not the whole */
	int			stale_left;		/* how many stale TVIEWs may still be compared,
								 * a range of each */
	bool		prepared_pending;	/* see tvb_epoch_check */

	/* what was done */
	TvbCounts	counts;
	int64		keys;			/* evaluated */
	int64		failed;			/* of these */
	int			keyed;			/* TVIEWs refreshed key by key */
	int			compared;		/* TVIEWs compared whole */
	Bitmapset  *levels;			/* on which something was refreshed */
	TvbStrideKind stride;		/* why the last comparison was not in ranges */
	List	   *touched;		/* TvbTouched * */
} TvbCascade;

/* Whether some TVIEW wants a comparison without any change. */
extern bool tvb_cascade_wanted(const TvbCascade *cascade);

/* Take the changes through all TVIEWs; adds to what was done.  The caller is connected to SPI. */
extern void tvb_cascade_run(TvbCascade *cascade);

#endif
