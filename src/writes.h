/* writes.h - the differences between a view and its TVIEW, and their writing */
#ifndef TVB_WRITES_H
#define TVB_WRITES_H

#include "postgres.h"
#include "tcop/dest.h"

#include "changes.h"
#include "registry.h"
#include "run.h"

typedef struct TvbCounts
{
	int64		inserted;
	int64		updated;
	int64		deleted;
} TvbCounts;

typedef struct TvbWrites TvbWrites;

/*
 * Prepare for the differences of one TVIEW.  The rows written become changes of
 * the TVIEW as a source, if some TVIEW reads it.  changes NULL: only count.
 * Not to be called as another user: it sets deferrable constraints immediate.
 */
extern TvbWrites *tvb_writes_create(MemoryContext parent, TvbRun *run, TvbTview *tview,
									TvbChanges *changes);

/* A receiver for the rows of one query made by tvb_evaluate_sql; forgets what was received before. */
extern DestReceiver *tvb_writes_receiver(TvbWrites *writes);

/* The differences received; how often the view had another row for the key of a stored row. */
extern TvbCounts tvb_writes_counts(const TvbWrites *writes);
extern int64 tvb_writes_duplicates(const TvbWrites *writes);

/*
 * Write the differences received and add to total.  The caller has entered the
 * TVIEW's owner.
 */
extern void tvb_writes_apply(TvbWrites *writes, TvbCounts *total);

extern void tvb_writes_destroy(TvbWrites *writes);

#endif
