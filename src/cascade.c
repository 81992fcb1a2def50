/*-------------------------------------------------------------------------
 *
 * cascade.c
 *		One round of changes through all TVIEWs, level by level.
 *
 * A TVIEW comes after all those that it reads.  Rows that change in one become
 * changes of it as a source (writes.c) and so reach the TVIEWs of higher
 * levels in the same pass; where no row changed, nothing follows.
 *
 * For each TVIEW it is decided here whether its keys are refreshed or the
 * whole is compared:
 *
 *	- a change that cannot be traced to keys, a refresh interval that is over,
 *	  or a request: whole;
 *	- it is stale: whole, as many of these as the caller allows;
 *	- more keys than tviews_batch.full_threshold: whole;
 *	- else key by key.
 *
 * Whatever may fail is an attempt (attempt.c).  Keys that fail are set aside by
 * refresh.c.  A comparison that fails is followed by a refresh of all keys, which
 * finds those that do.  A lookup that fails has no key to blame: the TVIEW is stale
 * then, as it is when something that its definition names is gone.  The other
 * TVIEWs go on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "miscadmin.h"
#include "optimizer/plancat.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "attempt.h"
#include "cascade.h"
#include "compare.h"
#include "keys.h"
#include "quarantine.h"
#include "refresh.h"
#include "settings.h"

/* So many keys are never worth a comparison of the whole. */
#define FEW_KEYS 1000

/* The work on one TVIEW. */
typedef struct Work
{
	TvbCascade *cascade;
	MemoryContext context;
	TvbTview   *tview;
	TimestampTz started;
	TvbWrites  *writes;
	TvbBag	   *keys;
	bool		traced;			/* the changes could be traced to keys */
	TvbCounts	written;		/* by a comparison */
	ErrorData  *error;			/* of the last attempt that failed */
} Work;

static bool may_touch(const TvbTview *tview);
static bool is_stale(const TvbTview *tview);
static bool has_changes(TvbCascade *cascade, const TvbTview *tview);
static bool wants_whole(TvbCascade *cascade, const TvbTview *tview);
static void refresh_tview(TvbCascade *cascade, TvbTview *tview, bool whole);
static void do_work(Work *w, bool whole);
static bool refresh_keys(Work *w);
static bool compare_whole(Work *w, bool whole);
static bool collect_all(Work *w);
static void mark_compared(Work *w);
static void attempt_prepare(void *arg);
static void attempt_collect(void *arg);
static void attempt_compare(void *arg);
static void attempt_all_keys(void *arg);
static void set_aside(Work *w, const char *what);
static TvbBag *make_keys(Work *w);
static bool too_many_keys(const TvbTview *tview, int64 keys);
static void touch(TvbCascade *cascade, TvbTview *tview, bool whole);
static void refresh_error_context(void *arg);

bool
tvb_cascade_wanted(const TvbCascade *cascade)
{
	ListCell   *lc;

	foreach(lc, cascade->tviews)
	{
		const TvbTview *tview = lfirst(lc);

		if (!may_touch(tview))
			continue;
		if (tview->retry_due ||
			((is_stale(tview) || tview->due) && !tview->failed_lately))
			return true;
	}
	return false;
}

void
tvb_cascade_run(TvbCascade *cascade)
{
	ListCell   *lc;

	foreach(lc, cascade->tviews)
	{
		TvbTview   *tview = lfirst(lc);
		bool		whole;

		CHECK_FOR_INTERRUPTS();
		if (!may_touch(tview) && tview->relid != cascade->only)
			continue;
		whole = wants_whole(cascade, tview);
		if (whole || has_changes(cascade, tview) ||
			(tview->retry_due && !OidIsValid(cascade->only)))
			refresh_tview(cascade, tview, whole);
	}
}

/* Whether a drain may refresh a TVIEW at all. */
static bool
may_touch(const TvbTview *tview)
{
	return !tview->paused && tview->broken == NULL && tview->view_name != NULL;
}

/* Whether a drain is to compare a TVIEW because it is stale. */
static bool
is_stale(const TvbTview *tview)
{
	return tview->stale_reason != NULL && !tview->awaits_prepared;
}

/* Whether a source of the TVIEW has changes. */
static bool
has_changes(TvbCascade *cascade, const TvbTview *tview)
{
	ListCell   *lc;

	foreach(lc, tview->sources)
	{
		if (tvb_changes_any(cascade->changes, lfirst_oid(lc)))
			return true;
	}
	return false;
}

/* Whether a TVIEW is to be compared whole, whatever its changes. */
static bool
wants_whole(TvbCascade *cascade, const TvbTview *tview)
{
	if (OidIsValid(cascade->only))
		return tview->relid == cascade->only;
	if (tview->failed_lately)
		return false;
	if (tview->due)
		return true;
	return is_stale(tview) && cascade->stale_left > 0;
}

/* Refresh one TVIEW. */
static void
refresh_tview(TvbCascade *cascade, TvbTview *tview, bool whole)
{
	MemoryContext context = AllocSetContextCreate(cascade->context, "TVIEW refresh of one TVIEW",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Work		work = {cascade, context, tview, GetCurrentTimestamp()};
	ErrorContextCallback callback;

	callback.callback = refresh_error_context;
	callback.arg = tview;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	if (tview->broken)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("TVIEW %s cannot be refreshed: %s", tview->name, tview->broken)));
	do_work(&work, whole);
	if (work.keys != NULL)
		tvb_bag_destroy(work.keys);
	if (work.writes != NULL)
		tvb_writes_destroy(work.writes);

	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* The steps of that. */
static void
do_work(Work *w, bool whole)
{
	TvbTview   *tview = w->tview;

	if (whole && is_stale(tview))
		w->cascade->stale_left--;
	if (tvb_attempt(attempt_prepare, w, true, &w->error) != TVB_DONE)
	{
		set_aside(w, "cannot be refreshed");
		return;
	}
	w->keys = make_keys(w);
	if (!whole && tvb_attempt(attempt_collect, w, true, &w->error) != TVB_DONE)
	{
		set_aside(w, "a lookup failed");
		return;
	}
	if (!whole && w->traced)
		tvb_quarantine_due(tview, w->keys);
	else
		whole = true;

	if ((whole || too_many_keys(tview, tvb_bag_count(w->keys))) && compare_whole(w, whole))
		return;
	if (tvb_bag_count(w->keys) > 0 && !refresh_keys(w))
		return;
	if (whole)
		mark_compared(w);
}

/* Refresh the keys collected; false: the TVIEW was set aside. */
static bool
refresh_keys(Work *w)
{
	TvbCascade *cascade = w->cascade;
	int64		failed = cascade->failed;
	TvbVerdict	verdict;

	verdict = tvb_refresh_keys(cascade->run, w->context, w->tview, w->keys, w->writes,
							   &cascade->counts, &cascade->keys, &cascade->failed, &w->error);
	if (verdict == TVB_BROKEN)
	{
		set_aside(w, "cannot be refreshed");
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
	touch(cascade, w->tview, false);
	return true;
}

/*
 * Compare the whole TVIEW; true: there is nothing left to do.  False: it failed,
 * and the keys to be refreshed instead are in the bag.  whole: not only because it is quicker.
 */
static bool
compare_whole(Work *w, bool whole)
{
	TvbCascade *cascade = w->cascade;
	TvbVerdict	verdict = tvb_attempt(attempt_compare, w, true, &w->error);

	if (verdict == TVB_DONE)
	{
		tvb_writes_tell(w->writes);
		cascade->counts.inserted += w->written.inserted;
		cascade->counts.updated += w->written.updated;
		cascade->counts.deleted += w->written.deleted;
		mark_compared(w);
		return true;
	}
	tvb_writes_forget(w->writes);
	if (verdict == TVB_BROKEN)
	{
		set_aside(w, "cannot be refreshed");
		return true;
	}
	return whole && !collect_all(w);
}

/* Put all keys into the bag, as the comparison failed; false: the TVIEW was set aside. */
static bool
collect_all(Work *w)
{
	/* the bag may hold keys of tasks that came to nothing */
	tvb_bag_destroy(w->keys);
	w->keys = make_keys(w);
	if (w->tview->refresh_key != NIL &&
		tvb_attempt(attempt_all_keys, w, true, &w->error) == TVB_DONE)
		return true;
	set_aside(w, "its comparison failed");
	return false;
}

/* All rows have been looked at: the TVIEW is clean, but for keys that failed just now. */
static void
mark_compared(Work *w)
{
	TvbTview   *tview = w->tview;

	tvb_quarantine_clear_before(tview, w->started);
	tview->stale_reason = NULL;
	tview->due = false;
	tview->retry_due = false;
	w->cascade->compared++;
	touch(w->cascade, tview, true);
}

/* Read the rest of the metadata, and prepare for writing. */
static void
attempt_prepare(void *arg)
{
	Work	   *w = arg;

	tvb_registry_complete(w->tview);
	if (w->tview->columns == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the view of TVIEW %s does not exist", w->tview->name)));
	w->writes = tvb_writes_create(w->context, w->cascade->run, w->tview, w->cascade->changes);
}

/* Find the keys that the changes touch. */
static void
attempt_collect(void *arg)
{
	Work	   *w = arg;

	w->traced = tvb_keys_collect(w->cascade->run, w->context, w->tview, w->cascade->changes,
								 w->keys);
}

/* Compare. */
static void
attempt_compare(void *arg)
{
	Work	   *w = arg;

	tvb_writes_mode(w->writes, false, false);
	tvb_compare_write(w->cascade->run, w->tview, w->writes, &w->written);
}

/* Find all keys. */
static void
attempt_all_keys(void *arg)
{
	Work	   *w = arg;

	tvb_keys_all(w->cascade->run, w->context, w->tview, w->keys);
}

/* The last attempt failed, and the TVIEW with it; or an error, if it is the one that was asked for. */
static void
set_aside(Work *w, const char *what)
{
	if (w->tview->relid == w->cascade->only)
		ReThrowError(w->error);
	tvb_quarantine_tview(w->tview, what, w->error);
	touch(w->cascade, w->tview, false);
}

/* An empty bag for keys. */
static TvbBag *
make_keys(Work *w)
{
	return tvb_bag_create(w->context, "TVIEW keys", (Size) tvb_work_mem * 1024 / 8);
}

/* Whether so many keys are better served by one comparison of the whole. */
static bool
too_many_keys(const TvbTview *tview, int64 keys)
{
	Relation	rel;
	BlockNumber pages;
	double		rows;
	double		all_visible;

	/* a comparison would meet those that failed, and fail */
	if (tvb_full_threshold >= 1.0 || keys <= FEW_KEYS || tview->has_failures)
		return false;
	rel = relation_open(tview->relid, AccessShareLock);
	estimate_rel_size(rel, NULL, &pages, &rows, &all_visible);
	relation_close(rel, NoLock);
	return keys > tvb_full_threshold * rows;
}

/* Remember that a TVIEW was looked at. */
static void
touch(TvbCascade *cascade, TvbTview *tview, bool whole)
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
	touched->whole |= whole;
	cascade->levels = bms_add_member(cascade->levels, tview->level);
	MemoryContextSwitchTo(old);
}

/* errcontext for whatever fails in there. */
static void
refresh_error_context(void *arg)
{
	errcontext("refreshing TVIEW %s", ((TvbTview *) arg)->name);
}
