/*-------------------------------------------------------------------------
 *
 * work.c
 *		One TVIEW in a drain.
 *
 * Changes become keys (collect.c), and these are refreshed (refresh.c); or it is
 * compared with its view (work_compare.c), where
 *
 *	- a change cannot be traced to keys;
 *	- there are more keys than tviews_batch.full_threshold;
 *	- the caller asks for it.
 *
 * Whatever may fail is an attempt (attempt.c).  Keys that fail are set aside by
 * refresh.c.  A lookup that fails has no key to blame: its changes are put off (postponed.c), and
 * when it goes on failing the TVIEW is stale, as it is when something that its definition
 * names is gone.  The changes of a TVIEW that another session has locked are put off as well.  The other
 * TVIEWs go on.
 *
 * Invariant: the changes of a TVIEW are in its rows, or put off, or it is stale, or has failed keys.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "optimizer/plancat.h"
#include "utils/rel.h"

#include "collect.h"
#include "quarantine.h"
#include "refresh.h"
#include "settings.h"
#include "told.h"
#include "work.h"
#include "work_compare.h"

#define LOOKUP_FAILED "a lookup failed"

/* So many keys are never worth a comparison of the whole. */
#define FEW_KEYS 1000

static bool collect(TvbJob *w);
static bool collect_late(TvbJob *w);
static bool forget_late(TvbJob *w);
static void attempt_forget_late(void *arg);
static void put_off(TvbJob *w, const char *message, bool failed);
static void attempt_prepare(void *arg);
static bool too_many_keys(const TvbTview *tview, int64 keys);

bool
tvb_work_is_stale(const TvbTview *tview)
{
	return tview->stale_reason != NULL && !tview->awaits_prepared;
}

void
tvb_work_do(TvbJob *w, TvbExtent extent)
{
	TvbTview   *tview = w->tview;
	TvbVerdict	verdict;

	w->turn = extent != TVB_EXTENT_KEYS && tvb_work_is_stale(tview);
	if (w->turn)
		w->cascade->stale_left--;
	w->comparing = extent != TVB_EXTENT_KEYS;
	verdict = tvb_attempt(attempt_prepare, w, true, &w->error);
	if (verdict != TVB_DONE)
	{
		tvb_work_give_up(w, verdict, "cannot be refreshed");
		return;
	}
	if (w->locked)
	{
		put_off(w, "it is locked by another session", false);
		return;
	}
	if (w->comparing && tview->relid != w->cascade->only && !tvb_progress_may_save(tview->relid))
	{
		tvb_work_pass(w);
		extent = TVB_EXTENT_KEYS;
	}
	if (extent == TVB_EXTENT_RANGE)
		extent = tvb_work_compare_find(w);
	w->keys = tvb_work_make_keys(w);
	if (extent != TVB_EXTENT_WHOLE && !(collect(w) && collect_late(w)))
		return;
	if (extent != TVB_EXTENT_WHOLE && w->traced)
		tvb_quarantine_due(tview, w->keys);
	else
		extent = TVB_EXTENT_WHOLE;
	w->comparing = extent != TVB_EXTENT_KEYS;

	if ((extent == TVB_EXTENT_WHOLE || too_many_keys(tview, tvb_bag_count(w->keys))) &&
		tvb_work_compare_whole(w, extent == TVB_EXTENT_WHOLE))
		return;
	if (tvb_bag_count(w->keys) > 0 && !tvb_work_refresh_keys(w))
		return;
	w->applied = true;
	if (extent == TVB_EXTENT_WHOLE)
		tvb_work_compare_mark(w, 0);
	else if (extent == TVB_EXTENT_RANGE)
		tvb_work_compare_range(w);
}

void
tvb_work_give_up(TvbJob *w, TvbVerdict verdict, const char *what)
{
	if (verdict == TVB_LOCKED && w->tview->relid != w->cascade->only)
		put_off(w, w->error->message, false);
	else if (verdict == TVB_HINDERED && w->tview->relid != w->cascade->only && !w->comparing &&
			 w->late_so_far.attempts + 1 < tvb_retry_limit)
		put_off(w, psprintf("%s: %s", what, w->error->message), true);
	else
		tvb_work_set_aside(w, what);
}

void
tvb_work_set_aside(TvbJob *w, const char *what)
{
	if (w->tview->relid == w->cascade->only)
		ReThrowError(w->error);
	if (!tvb_quarantine_tview(w->tview, what, w->error, w->applied))
	{
		put_off(w, w->error->message, false);
		return;
	}
	if (!w->applied)
		(void) forget_late(w);
	tvb_work_touch(w->cascade, w->tview)->progress = NULL;
}

void
tvb_work_pass(TvbJob *w)
{
	/* nor is it a reason for the next drain to follow at once */
	w->tview->failed_lately = true;
	if (w->turn)
		w->cascade->stale_left++;
	w->turn = false;
}

bool
tvb_work_refresh_keys(TvbJob *w)
{
	TvbCascade *cascade = w->cascade;
	int64		failed = cascade->failed;
	TvbVerdict	verdict;

	verdict = tvb_refresh_keys(cascade->run, w->context, w->tview, w->keys, w->writes,
							   &cascade->counts, &cascade->keys, &cascade->failed, &w->error);
	if (verdict >= TVB_BROKEN)
	{
		tvb_work_give_up(w, verdict, "cannot be refreshed");
		return false;
	}
	failed = cascade->failed - failed;
	if (failed > 0 && OidIsValid(cascade->only))
		ereport(WARNING,
				(errmsg_plural("%lld key of TVIEW %s could not be refreshed",
							   "%lld keys of TVIEW %s could not be refreshed",
							   (unsigned long) failed, (long long) failed, w->tview->name),
				 errhint("The view tviews_failures tells why.")));
	cascade->keyed++;
	tvb_work_touch(cascade, w->tview);
	return true;
}

TvbBag *
tvb_work_make_keys(TvbJob *w)
{
	return tvb_bag_create(w->context, CurrentResourceOwner, "TVIEW keys", (Size) tvb_work_mem * 1024 / 8);
}

TvbTouched *
tvb_work_touch(TvbCascade *cascade, TvbTview *tview)
{
	MemoryContext old = MemoryContextSwitchTo(cascade->context);
	TvbTouched *touched = NULL;
	ListCell   *lc;

	foreach(lc, cascade->touched)
	{
		if (((TvbTouched *) lfirst(lc))->tview == tview->relid)
			touched = lfirst(lc);
	}
	if (touched == NULL)
	{
		touched = palloc0(sizeof(TvbTouched));
		touched->tview = tview->relid;
		touched->row_xmin = tview->row_xmin;
		cascade->touched = lappend(cascade->touched, touched);
	}
	cascade->levels = bms_add_member(cascade->levels, tview->level);
	MemoryContextSwitchTo(old);
	return touched;
}

/* Find the keys that the changes touch; false: the TVIEW cannot be refreshed now. */
static bool
collect(TvbJob *w)
{
	const TvbPostponed once = {1, 0};
	TvbCollected collected;
	TvbVerdict	verdict = tvb_collect_keys(w->cascade->run, w->context, w->tview, w->cascade->changes,
										   w->keys, &collected);

	w->traced = collected.traced;
	w->error = collected.error;
	if (verdict == TVB_LOCKED)
	{
		tvb_work_give_up(w, verdict, LOOKUP_FAILED);
		return false;
	}
	if (collected.failed == NULL || !w->traced)
		return true;
	if (w->tview->relid == w->cascade->only || tvb_retry_limit == 0)
	{
		tvb_work_set_aside(w, LOOKUP_FAILED);
		return false;
	}
	tvb_postponed_add(w->tview, collected.failed,
					  psprintf(LOOKUP_FAILED ": %s", w->error->message), once);
	return true;
}

/* The same for changes that were put off before and are due. */
static bool
collect_late(TvbJob *w)
{
	TvbChanges *late;
	TvbCollected collected;
	TvbPostponed so_far;

	if (!w->traced || !w->tview->postponed.due || OidIsValid(w->cascade->only))
		return true;
	late = tvb_changes_create(w->context, (Size) tvb_work_mem * 1024 / 16);
	tvb_postponed_load(w->tview, late);
	if (tvb_collect_keys(w->cascade->run, w->context, w->tview, late, w->keys, &collected) != TVB_DONE)
	{
		w->tview->postponed.due = false;
		return true;
	}
	if (!forget_late(w))
	{
		w->tview->postponed.due = false;
		return true;
	}
	w->late = late;
	w->error = collected.error;
	w->traced = collected.traced;
	so_far = w->late_so_far;
	so_far.attempts++;
	if (collected.failed == NULL || !w->traced)
		return true;
	if (so_far.attempts >= tvb_retry_limit)
	{
		tvb_work_set_aside(w, LOOKUP_FAILED);
		return false;
	}
	tvb_postponed_add(w->tview, collected.failed,
					  psprintf(LOOKUP_FAILED ": %s", w->error->message), so_far);
	return true;
}

/* Forget what was put off; false: another session has it locked, and it stays. */
static bool
forget_late(TvbJob *w)
{
	ErrorData  *error;

	return !w->tview->postponed.any || tvb_attempt(attempt_forget_late, w, true, &error) == TVB_DONE;
}

/* The attempt at it. */
static void
attempt_forget_late(void *arg)
{
	TvbJob	   *w = arg;

	w->late_so_far = tvb_postponed_clear(w->tview);
}

/*
 * The TVIEW or its metadata is locked, or, failed, it could not be refreshed: keep the changes that concern it for later, the later
 * the more often it failed.
 */
static void
put_off(TvbJob *w, const char *message, bool failed)
{
	TvbPostponed so_far = {failed ? 1 : 0, 0};

	if (!w->applied)
		tvb_postponed_add(w->tview, w->cascade->changes, message, so_far);
	so_far.attempts = failed ? w->late_so_far.attempts + 1 : 0;
	so_far.since = w->late_so_far.since;
	if (!w->applied && w->late != NULL)
		tvb_postponed_add(w->tview, w->late, message, so_far);
	tvb_work_pass(w);
	w->tview->failures.due = false;
	w->tview->postponed.due = false;
}

/* Lock what is needed, read the rest of the metadata, and prepare for writing. */
static void
attempt_prepare(void *arg)
{
	TvbJob	   *w = arg;

	/* a mark may be there before its maker has told of the DDL that it is for */
	if (tvb_work_is_stale(w->tview))
		tvb_told_wait(w->cascade->run->snapshot);
	if (w->tview->relid != w->cascade->only &&
		!tvb_registry_try_lock(w->tview->relid, RowExclusiveLock, w->tview->view, w->tview->sources))
	{
		w->locked = true;
		return;
	}
	tvb_registry_complete(w->tview);
	if (w->tview->columns == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the view of TVIEW %s does not exist", w->tview->name)));
	w->writes = tvb_writes_create(w->context, w->cascade->run, w->tview, w->cascade->changes);
}

/* Whether so many keys are better served by one comparison of the whole. */
static bool
too_many_keys(const TvbTview *tview, int64 keys)
{
	Relation	rel;
	BlockNumber pages;
	double		rows;
	double		all_visible;

	/*
	 * a comparison would meet those that failed, and fail; one that is stale is
	 * compared in ranges
	 */
	if (tvb_full_threshold >= 1.0 || keys <= FEW_KEYS || tview->failures.any || tvb_work_is_stale(tview))
		return false;
	rel = relation_open(tview->relid, AccessShareLock);
	estimate_rel_size(rel, NULL, &pages, &rows, &all_visible);
	relation_close(rel, NoLock);
	return keys > tvb_full_threshold * rows;
}
