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
 *	- it is stale: key by key, and the next range of its comparison, if the
 *	  caller allows one more; whole, where ranges do not pay (stride.c);
 *	- more keys than tviews_batch.full_threshold: whole;
 *	- else key by key.
 *
 * Whatever may fail is an attempt (attempt.c).  Keys that fail are set aside by
 * refresh.c.  A comparison that fails is followed by a refresh of all keys there, which
 * finds those that do.  A lookup that fails has no key to blame: its changes are put off (postponed.c), and
 * when it goes on failing the TVIEW is stale, as it is when something that its definition
 * names is gone.  The changes of a TVIEW that another session has locked are put off as well.  The other
 * TVIEWs go on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "optimizer/plancat.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "attempt.h"
#include "cascade.h"
#include "collect.h"
#include "compare.h"
#include "keys.h"
#include "owner.h"
#include "postponed.h"
#include "quarantine.h"
#include "refresh.h"
#include "settings.h"

#define LOOKUP_FAILED "a lookup failed"

/* So many keys are never worth a comparison of the whole. */
#define FEW_KEYS 1000

/* How much of a TVIEW is looked at. */
typedef enum Extent
{
	KEYS,						/* that changes touch */
	RANGE,						/* these, and a range */
	WHOLE
} Extent;

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
	bool		applied;		/* and these have been refreshed */
	TvbChanges *late;			/* changes that were put off before, and are
								 * in keys now */
	TvbRange   *range;			/* to be compared */
	bool		begun;			/* it is not the first one */
	TvbProgress progress;		/* before it, then after it */
	TvbCounts	written;		/* by a comparison */
	int64		rows;			/* looked at by it */
	ErrorData  *error;			/* of the last attempt that failed */
} Work;

static void release_changes(TvbCascade *cascade, const ListCell *tview);
static bool may_touch(const TvbTview *tview);
static bool is_stale(const TvbTview *tview);
static bool has_changes(TvbCascade *cascade, const TvbTview *tview);
static Extent wanted_extent(TvbCascade *cascade, const TvbTview *tview);
static void refresh_tview(TvbCascade *cascade, TvbTview *tview, Extent extent);
static void do_work(Work *w, Extent extent);
static bool lock_relations(const TvbTview *tview);
static bool collect(Work *w);
static bool collect_late(Work *w);
static void put_off(Work *w, const char *message);
static void give_up(Work *w, TvbVerdict verdict, const char *what);
static Extent find_range(Work *w);
static void work_on_range(Work *w);
static bool compare_range(Work *w);
static void mark_range(Work *w);
static bool refresh_keys(Work *w);
static bool compare_whole(Work *w, bool whole);
static bool collect_all(Work *w);
static void take_written(Work *w);
static void mark_compared(Work *w, TimestampTz since);
static void attempt_prepare(void *arg);
static void attempt_compare(void *arg);
static void attempt_all_keys(void *arg);
static void attempt_find_range(void *arg);
static void set_aside(Work *w, const char *what);
static TvbBag *make_keys(Work *w);
static bool too_many_keys(const TvbTview *tview, int64 keys);
static TvbTouched *touch(TvbCascade *cascade, TvbTview *tview);
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
		if (tview->retry_due || tview->postponed_due ||
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
		Extent		extent;

		CHECK_FOR_INTERRUPTS();
		if (!may_touch(tview) && tview->relid != cascade->only)
			continue;
		extent = wanted_extent(cascade, tview);
		if (extent != KEYS || has_changes(cascade, tview) ||
			((tview->retry_due || tview->postponed_due) && !OidIsValid(cascade->only)))
			refresh_tview(cascade, tview, extent);
		release_changes(cascade, lc);
	}
}

/*
 * Forget the changes that no TVIEW after this one reads, so that what is held
 * does not grow with the number of levels.
 */
static void
release_changes(TvbCascade *cascade, const ListCell *tview)
{
	ListCell   *lc;
	ListCell   *later;

	foreach(lc, ((TvbTview *) lfirst(tview))->sources)
	{
		Oid			source = lfirst_oid(lc);
		bool		wanted = false;

		if (!tvb_changes_any(cascade->changes, source))
			continue;
		for_each_cell(later, cascade->tviews, lnext(cascade->tviews, tview))
			wanted = wanted || list_member_oid(((TvbTview *) lfirst(later))->sources, source);
		if (!wanted)
			tvb_changes_release(cascade->changes, source);
	}
}

/* Whether a drain may refresh a TVIEW at all. */
static bool
may_touch(const TvbTview *tview)
{
	return !tview->paused && tview->broken == NULL && !tview->view_gone;
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

/* How much of a TVIEW is to be compared, whatever its changes. */
static Extent
wanted_extent(TvbCascade *cascade, const TvbTview *tview)
{
	if (OidIsValid(cascade->only))
	{
		if (tview->relid != cascade->only)
			return KEYS;
		return cascade->only_range ? RANGE : WHOLE;
	}
	if (tview->failed_lately)
		return KEYS;
	if (is_stale(tview))
		return cascade->stale_left > 0 ? RANGE : KEYS;
	return tview->due ? WHOLE : KEYS;
}

/* Refresh one TVIEW. */
static void
refresh_tview(TvbCascade *cascade, TvbTview *tview, Extent extent)
{
	MemoryContext context = AllocSetContextCreate(cascade->context, "TVIEW refresh of one TVIEW",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Work		work = {cascade, context, tview, GetCurrentTimestamp()};
	ErrorContextCallback callback;

	tvb_registry_name(tview);
	callback.callback = refresh_error_context;
	callback.arg = tview;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	if (tview->broken)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("TVIEW %s cannot be refreshed: %s", tview->name, tview->broken)));
	do_work(&work, extent);
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
do_work(Work *w, Extent extent)
{
	TvbTview   *tview = w->tview;
	TvbVerdict	verdict;

	if (extent != KEYS && is_stale(tview))
		w->cascade->stale_left--;
	if (tview->relid != w->cascade->only && !lock_relations(tview))
	{
		put_off(w, "it is locked by another session");
		return;
	}
	verdict = tvb_attempt(attempt_prepare, w, true, &w->error);
	if (verdict != TVB_DONE)
	{
		give_up(w, verdict, "cannot be refreshed");
		return;
	}
	if (extent == RANGE)
		extent = find_range(w);
	w->keys = make_keys(w);
	if (extent != WHOLE && !(collect(w) && collect_late(w)))
		return;
	if (extent != WHOLE && w->traced)
		tvb_quarantine_due(tview, w->keys);
	else
		extent = WHOLE;

	if ((extent == WHOLE || too_many_keys(tview, tvb_bag_count(w->keys))) &&
		compare_whole(w, extent == WHOLE))
		return;
	if (tvb_bag_count(w->keys) > 0 && !refresh_keys(w))
		return;
	w->applied = true;
	if (extent == WHOLE)
		mark_compared(w, 0);
	else if (extent == RANGE)
		work_on_range(w);
}

/*
 * Lock what a refresh would wait for, if nobody else has it locked; false: somebody has.  A drain goes on
 * with other TVIEWs then.
 */
static bool
lock_relations(const TvbTview *tview)
{
	ListCell   *lc;

	if (!ConditionalLockRelationOid(tview->relid, RowExclusiveLock) ||
		!ConditionalLockRelationOid(tview->view, AccessShareLock))
		return false;
	foreach(lc, tview->sources)
	{
		if (!ConditionalLockRelationOid(lfirst_oid(lc), AccessShareLock))
			return false;
	}
	return true;
}

/* Find the keys that the changes touch; false: the TVIEW cannot be refreshed now. */
static bool
collect(Work *w)
{
	TvbCollected collected;
	TvbVerdict	verdict = tvb_collect_keys(w->cascade->run, w->context, w->tview, w->cascade->changes,
										   w->keys, &collected);

	w->traced = collected.traced;
	w->error = collected.error;
	if (verdict == TVB_LOCKED)
	{
		give_up(w, verdict, NULL);
		return false;
	}
	if (collected.failed == NULL || !w->traced)
		return true;
	if (w->tview->relid == w->cascade->only || tvb_retry_limit == 0)
	{
		set_aside(w, LOOKUP_FAILED);
		return false;
	}
	tvb_postponed_add(w->tview, collected.failed,
					  psprintf(LOOKUP_FAILED ": %s", w->error->message), 1);
	return true;
}

/* The same for changes that were put off before and are due. */
static bool
collect_late(Work *w)
{
	TvbChanges *late;
	TvbCollected collected;
	int			attempts;

	if (!w->traced || !w->tview->postponed_due || OidIsValid(w->cascade->only))
		return true;
	late = tvb_changes_create(w->context, (Size) tvb_work_mem * 1024 / 16);
	tvb_postponed_load(w->tview, late);
	if (tvb_collect_keys(w->cascade->run, w->context, w->tview, late, w->keys, &collected) != TVB_DONE)
	{
		w->tview->postponed_due = false;
		return true;
	}
	w->late = late;
	w->error = collected.error;
	w->traced = collected.traced;
	attempts = tvb_postponed_clear(w->tview) + 1;
	if (collected.failed == NULL || !w->traced)
		return true;
	if (attempts >= tvb_retry_limit)
	{
		set_aside(w, LOOKUP_FAILED);
		return false;
	}
	tvb_postponed_add(w->tview, collected.failed,
					  psprintf(LOOKUP_FAILED ": %s", w->error->message), attempts);
	return true;
}

/* The TVIEW is locked: keep the changes that concern it for later. */
static void
put_off(Work *w, const char *message)
{
	tvb_postponed_add(w->tview, w->cascade->changes, message, 0);
	if (w->late != NULL)
		tvb_postponed_add(w->tview, w->late, message, 0);
	/* in this drain it is not tried again, nor is it a reason for the next one to follow at once */
	w->tview->failed_lately = true;
	w->tview->retry_due = false;
	w->tview->postponed_due = false;
}

/* The TVIEW cannot be refreshed: not now, or not without a comparison. */
static void
give_up(Work *w, TvbVerdict verdict, const char *what)
{
	if (verdict == TVB_LOCKED && w->tview->relid != w->cascade->only)
		put_off(w, w->error->message);
	else
		set_aside(w, what);
}

/* The next range of the comparison that goes on, or the first of a new one; or that it is to be whole. */
static Extent
find_range(Work *w)
{
	w->begun = tvb_progress_load(w->tview, &w->progress);
	/* what fails in there fails in a comparison of the whole, and is dealt with there */
	if (tvb_attempt(attempt_find_range, w, true, &w->error) != TVB_DONE)
		return WHOLE;
	return w->range != NULL ? RANGE : WHOLE;
}

/* Compare the range; its changes and those of the keys refreshed so far are kept apart. */
static void
work_on_range(Work *w)
{
	tvb_bag_destroy(w->keys);
	w->keys = make_keys(w);
	if (!compare_range(w))
		return;
	if (tvb_bag_count(w->keys) > 0 && !refresh_keys(w))
		return;
	mark_range(w);
}

/* Compare the rows of the range, or put its keys into the bag; false: neither is possible, which is dealt with. */
static bool
compare_range(Work *w)
{
	TvbVerdict	verdict = tvb_attempt(attempt_compare, w, true, &w->error);

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
			w->tview->failed_lately = true;
		else
			set_aside(w, "its comparison failed");
		return false;
	}
	w->rows = tvb_bag_count(w->keys);
	return true;
}

/* The range has been looked at: remember where to go on, if it was not the last. */
static void
mark_range(Work *w)
{
	TvbProgress *progress;
	StringInfoData place;
	MemoryContext old;

	if (!tvb_range_advance(w->range))
	{
		mark_compared(w, w->progress.started);
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
	touch(w->cascade, w->tview)->progress = progress;
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
	if (verdict >= TVB_BROKEN)
	{
		give_up(w, verdict, "cannot be refreshed");
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
	touch(cascade, w->tview);
	return true;
}

/*
 * Compare the whole TVIEW; true: there is nothing left to do.  False: it failed,
 * and the keys to be refreshed instead are in the bag.  whole: not only because it is quicker.
 */
static bool
compare_whole(Work *w, bool whole)
{
	TvbVerdict	verdict;

	w->range = NULL;
	verdict = tvb_attempt(attempt_compare, w, true, &w->error);
	if (verdict == TVB_DONE)
	{
		take_written(w);
		mark_compared(w, 0);
		return true;
	}
	tvb_writes_forget(w->writes);
	if (verdict >= TVB_BROKEN)
	{
		give_up(w, verdict, "cannot be refreshed");
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

/* What a comparison wrote stays: count it, and tell those who read the TVIEW. */
static void
take_written(Work *w)
{
	TvbCounts  *counts = &w->cascade->counts;

	tvb_writes_tell(w->writes);
	counts->inserted += w->written.inserted;
	counts->updated += w->written.updated;
	counts->deleted += w->written.deleted;
}

/*
 * All rows have been looked at, since that time if it was in several drains: the
 * TVIEW is clean, but for keys that failed meanwhile.
 */
static void
mark_compared(Work *w, TimestampTz since)
{
	TvbTview   *tview = w->tview;
	TvbTouched *touched = touch(w->cascade, tview);

	tvb_quarantine_clear_before(tview, since != 0 ? since : w->started);
	/* what waits since such a comparison began may concern rows before its place */
	if (since == 0)
		tvb_postponed_clear(tview);
	tview->stale_reason = NULL;
	tview->due = false;
	tview->retry_due = false;
	w->cascade->compared++;
	touched->whole = true;
	touched->since = since;
	touched->progress = NULL;
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

/* Compare. */
static void
attempt_compare(void *arg)
{
	Work	   *w = arg;

	tvb_writes_mode(w->writes, false, false);
	memset(&w->written, 0, sizeof(TvbCounts));
	w->rows = tvb_compare_write(w->cascade->run, w->tview, w->range, w->writes, &w->written);
}

/* Find all keys of the range, or of the TVIEW. */
static void
attempt_all_keys(void *arg)
{
	Work	   *w = arg;

	tvb_keys_all(w->cascade->run, w->context, w->tview, w->range, w->keys);
}

/* Find the range; none: the whole is to be compared. */
static void
attempt_find_range(void *arg)
{
	Work	   *w = arg;
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

/* The last attempt failed, and the TVIEW with it; or an error, if it is the one that was asked for. */
static void
set_aside(Work *w, const char *what)
{
	if (w->tview->relid == w->cascade->only)
		ReThrowError(w->error);
	tvb_quarantine_tview(w->tview, what, w->error, w->applied);
	if (!w->applied)
		tvb_postponed_clear(w->tview);
	touch(w->cascade, w->tview)->progress = NULL;
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

	/*
	 * a comparison would meet those that failed, and fail; one that is stale is
	 * compared in ranges
	 */
	if (tvb_full_threshold >= 1.0 || keys <= FEW_KEYS || tview->has_failures || is_stale(tview))
		return false;
	rel = relation_open(tview->relid, AccessShareLock);
	estimate_rel_size(rel, NULL, &pages, &rows, &all_visible);
	relation_close(rel, NoLock);
	return keys > tvb_full_threshold * rows;
}

/* Remember that a TVIEW was looked at. */
static TvbTouched *
touch(TvbCascade *cascade, TvbTview *tview)
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

/* errcontext for whatever fails in there. */
static void
refresh_error_context(void *arg)
{
	errcontext("refreshing TVIEW %s", ((TvbTview *) arg)->name);
}
