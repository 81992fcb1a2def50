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

/*
 * What the next queries are for.  look_only: only count.  replace: a row that differs
 * is deleted and inserted anew, so that rows can swap a unique value.
 */
extern void tvb_writes_mode(TvbWrites *writes, bool look_only, bool replace);

/* Whether replacing rows is harmless: no column of the user's own, no foreign key to the TVIEW. */
extern bool tvb_writes_may_replace(const TvbWrites *writes);

/* Whether stored rows are looked for by the key's index: then keys need no query that joins both. */
extern bool tvb_writes_probes(const TvbWrites *writes);

/*
 * Receivers for the rows of queries made by tvb_evaluate_pairs_sql, tvb_evaluate_view_sql and
 * tvb_evaluate_stored_sql.  The first two forget what was received before; the last is for after
 * the second and under the same snapshot: it finds stored rows that the view no longer has.
 */
extern DestReceiver *tvb_writes_receive_pairs(TvbWrites *writes);
extern DestReceiver *tvb_writes_receive_view(TvbWrites *writes);
extern DestReceiver *tvb_writes_receive_stored(TvbWrites *writes);

/* Whether there may be stored rows for some of so many keys that no row of the view was beside. */
extern bool tvb_writes_left_unseen(const TvbWrites *writes, int64 nkeys);

/* The differences received; how often the view had another row for the key of a stored row. */
extern TvbCounts tvb_writes_counts(const TvbWrites *writes);
extern int64 tvb_writes_duplicates(TvbWrites *writes);

/* Whether several rows received have no stored row, and no index will tell that two of them have one key. */
extern bool tvb_writes_inserts_unchecked(const TvbWrites *writes);

/* The rows received, equal ones too. */
extern int64 tvb_writes_rows(const TvbWrites *writes);

/*
 * Write the differences received, as far as that was not done when they came, and add to
 * total.  The caller has entered the TVIEW's owner, and had when the queries ran.  The TVIEWs
 * that read this one are told by tell, once what was written is sure to stay; forget is for when a
 * subtransaction has undone it.
 */
extern void tvb_writes_apply(TvbWrites *writes, TvbCounts *total);

/*
 * After apply: begin says whether triggers could have changed what was written.  If so
 * the same query is to run once more, and end is an error if a row still differs.
 */
extern bool tvb_writes_check_begin(TvbWrites *writes);
extern void tvb_writes_check_end(TvbWrites *writes);

/* Once what was written is sure to stay, or was undone; see apply. */
extern void tvb_writes_tell(TvbWrites *writes);
extern void tvb_writes_forget(TvbWrites *writes);

/* Forget the rows received.  They are to be before the subtransaction ends in which they were. */
extern void tvb_writes_clear(TvbWrites *writes);

/* Whether the last apply failed: the rows are to blame, not their evaluation. */
extern bool tvb_writes_failed(const TvbWrites *writes);

extern void tvb_writes_destroy(TvbWrites *writes);

#endif
