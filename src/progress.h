/* progress.h - how far the comparison of a TVIEW in ranges has come */
#ifndef TVB_PROGRESS_H
#define TVB_PROGRESS_H

#include "postgres.h"
#include "datatype/timestamp.h"

#include "registry.h"

/*
 * An assignment for statements that make a TVIEW stale: what was compared before
 * does not count any more.
 */
#define TVB_PROGRESS_RESET "compare_xid = NULL"

/*
 * An assignment for statements that change nothing about the TVIEW: what was compared before counts
 * still.  Its parameter is tvb_progress_xid().
 */
#define TVB_PROGRESS_KEEP(param) \
	"compare_xid = CASE WHEN compare_xid = xmin THEN " param " END"

/* A comparison that has begun. */
typedef struct TvbProgress
{
	TimestampTz started;
	int64		rows;			/* looked at so far */
	int64		total;			/* estimate */
	int64		step;			/* rows of a range */
	bool		pending;		/* part of it was compared while prepared
								 * transactions were awaited */
	const char *place;			/* where it goes on: a packed range */
	int			len;
} TvbProgress;

/* The comparison of a TVIEW that can be continued, in the current context; false: there is none. */
extern bool tvb_progress_load(const TvbTview *tview, TvbProgress *progress);

/* Store how far it has come, unless the TVIEW has been marked since it was read. */
extern void tvb_progress_save(Oid tview, TransactionId row_xmin, const TvbProgress *progress);

/* Whether the comparison that began at that time has come to its end. */
extern bool tvb_progress_ended(Oid tview, TimestampTz started);

/*
 * What is compared is lost where nothing can be said of it afterwards: whether nobody else has the TVIEW's row locked, and
 * waiting until nobody has.  It is not locked when they return.
 */
extern bool tvb_progress_may_save(Oid tview);
extern void tvb_progress_wait(Oid tview);

/* What rows written now have as xmin. */
extern Datum tvb_progress_xid(void);

#endif
