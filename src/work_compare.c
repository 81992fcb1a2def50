/*-------------------------------------------------------------------------
 *
 * work_compare.c
 *		One TVIEW in a drain: its comparison with its view, of a range or whole.
 *
 * A comparison that fails is followed by a refresh of all keys there, which
 * finds those that do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "compare.h"
#include "keys.h"
#include "owner.h"
#include "quarantine.h"
#include "refresh.h"
#include "work_compare.h"

static TvbVerdict compare(TvbJob *w);
static bool compare_rows(TvbJob *w);
static void mark_range(TvbJob *w);
static bool collect_all(TvbJob *w);
static void take_written(TvbJob *w);
static void attempt_forget(void *arg);
static void attempt_compare(void *arg);
static void attempt_all_keys(void *arg);
static void attempt_find_range(void *arg);

TvbExtent
tvb_work_compare_find(TvbJob *w)
{
	w->begun = tvb_progress_load(w->tview, &w->progress);
	/* what fails in there fails in a comparison of the whole, and is dealt with there */
	if (tvb_attempt(attempt_find_range, w, true, &w->error) != TVB_DONE)
		return TVB_EXTENT_WHOLE;
	return w->range != NULL ? TVB_EXTENT_RANGE : TVB_EXTENT_WHOLE;
}

void
tvb_work_compare_range(TvbJob *w)
{
	tvb_bag_destroy(w->keys);
	w->keys = tvb_work_make_keys(w);
	if (!compare_rows(w))
		return;
	if (tvb_bag_count(w->keys) > 0 && !tvb_work_refresh_keys(w))
		return;
	mark_range(w);
}

bool
tvb_work_compare_whole(TvbJob *w, bool whole)
{
	TvbVerdict	verdict;

	w->range = NULL;
	verdict = compare(w);
	if (verdict == TVB_DONE)
	{
		take_written(w);
		tvb_work_compare_mark(w, 0);
		return true;
	}
	tvb_writes_forget(w->writes);
	if (verdict >= TVB_BROKEN && (whole || verdict != TVB_HINDERED))
	{
		tvb_work_give_up(w, verdict, "cannot be refreshed");
		return true;
	}
	return whole && !collect_all(w);
}

void
tvb_work_compare_mark(TvbJob *w, TimestampTz since)
{
	TvbTview   *tview = w->tview;
	TvbTouched *touched = tvb_work_touch(w->cascade, tview);
	ErrorData  *error;

	touched->since = since;
	/* what another session has locked stays: it is tried again later, which does no harm */
	if (tview->failures.any || tview->postponed.any)
		(void) tvb_attempt(attempt_forget, w, true, &error);
	tview->stale_reason = NULL;
	tview->due = false;
	tview->failures.due = false;
	w->cascade->compared++;
	touched->whole = true;
	touched->progress = NULL;
}

/*
 * Compare.  Where a row met a value of another one's under a unique constraint of the user's, do it once more: rows that differ are
 * deleted before any is inserted, as that one may have to change as well.
 */
static TvbVerdict
compare(TvbJob *w)
{
	TvbVerdict	verdict;

	w->replace = false;
	verdict = tvb_attempt(attempt_compare, w, true, &w->error);
	if (verdict == TVB_FAILED && tvb_refresh_is_conflict(w->error->sqlerrcode) &&
		tvb_writes_may_replace(w->writes))
	{
		tvb_writes_forget(w->writes);
		w->replace = true;
		verdict = tvb_attempt(attempt_compare, w, true, &w->error);
	}
	return verdict;
}

/* Compare the rows of the range, or put its keys into the bag; false: neither is possible, which is dealt with. */
static bool
compare_rows(TvbJob *w)
{
	TvbVerdict	verdict = compare(w);

	if (verdict == TVB_DONE)
	{
		take_written(w);
		return true;
	}
	tvb_writes_forget(w->writes);
	if (verdict == TVB_FAILED)
		verdict = tvb_attempt(attempt_all_keys, w, true, &w->error);
	if (verdict != TVB_DONE)
	{
		if (verdict == TVB_LOCKED && w->tview->relid != w->cascade->only)
			tvb_work_pass(w);
		else
			tvb_work_set_aside(w, "its comparison failed");
		return false;
	}
	w->rows = tvb_bag_count(w->keys);
	return true;
}

/* The range has been looked at: remember where to go on, if it was not the last. */
static void
mark_range(TvbJob *w)
{
	TvbProgress *progress;
	StringInfoData place;
	MemoryContext old;

	if (!tvb_range_advance(w->range))
	{
		tvb_work_compare_mark(w, w->progress.started);
		return;
	}
	old = MemoryContextSwitchTo(w->cascade->context);
	initStringInfo(&place);
	tvb_range_pack(&place, w->range);
	progress = palloc(sizeof(TvbProgress));
	*progress = w->progress;
	progress->rows += w->rows;
	progress->pending |= w->cascade->prepared_pending;
	progress->place = place.data;
	progress->len = place.len;
	MemoryContextSwitchTo(old);
	tvb_work_touch(w->cascade, w->tview)->progress = progress;
}

/* Put all keys into the bag, as the comparison failed; false: the TVIEW was set aside. */
static bool
collect_all(TvbJob *w)
{
	/* the bag may hold keys of tasks that came to nothing */
	tvb_bag_destroy(w->keys);
	w->keys = tvb_work_make_keys(w);
	if (w->tview->refresh_key != NIL &&
		tvb_attempt(attempt_all_keys, w, true, &w->error) == TVB_DONE)
		return true;
	tvb_work_set_aside(w, "its comparison failed");
	return false;
}

/* What a comparison wrote stays: count it, and tell those who read the TVIEW. */
static void
take_written(TvbJob *w)
{
	TvbCounts  *counts = &w->cascade->counts;

	tvb_writes_tell(w->writes);
	counts->inserted += w->written.inserted;
	counts->updated += w->written.updated;
	counts->deleted += w->written.deleted;
}

/* Forget what failed, or was put off, before the comparison. */
static void
attempt_forget(void *arg)
{
	TvbJob	   *w = arg;
	TimestampTz since = tvb_work_touch(w->cascade, w->tview)->since;

	tvb_quarantine_clear_before(w->tview, since != 0 ? since : w->started);
	/* what waits since a comparison in ranges began may concern rows before its place */
	if (since == 0)
		tvb_postponed_clear(w->tview);
}

/* The attempt. */
static void
attempt_compare(void *arg)
{
	TvbJob	   *w = arg;

	tvb_writes_mode(w->writes, false, w->replace);
	memset(&w->written, 0, sizeof(TvbCounts));
	w->rows = tvb_compare_write(w->cascade->run, w->tview, w->range, w->writes, &w->written);
}

/* Find all keys of the range, or of the TVIEW. */
static void
attempt_all_keys(void *arg)
{
	TvbJob	   *w = arg;

	tvb_keys_all(w->cascade->run, w->context, w->tview, w->range, w->keys);
}

/* Find the range; none: the whole is to be compared. */
static void
attempt_find_range(void *arg)
{
	TvbJob	   *w = arg;
	TvbProgress *progress = &w->progress;
	TvbRun	   *run = w->cascade->run;
	MemoryContext old = MemoryContextSwitchTo(w->context);

	if (w->begun)
	{
		TvbOwnerState owner;

		w->range = tvb_range_unpack(w->tview, progress->place, progress->len);
		tvb_owner_enter(&owner, w->tview->owner, w->tview->settings, w->tview->row_security);
		tvb_range_find_end(run, w->tview, w->range, progress->step);
		tvb_owner_leave(&owner);
	}
	else
	{
		memset(progress, 0, sizeof(TvbProgress));
		progress->started = w->started;
		w->cascade->stride = tvb_stride_choose(run, w->tview, &progress->step, &progress->total,
											   &w->range);
		if (w->cascade->stride != TVB_STRIDE_RANGES)
			w->range = NULL;
	}
	MemoryContextSwitchTo(old);
}
