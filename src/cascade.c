/*-------------------------------------------------------------------------
 *
 * cascade.c
 *		One round of changes through all TVIEWs, level by level.
 *
 * A TVIEW comes after all those that it reads.  Rows that change in one become
 * changes of it as a source (writes.c) and so reach the TVIEWs of higher
 * levels in the same pass; where no row changed, nothing follows.
 *
 * Which TVIEWs are worked on, and how much of each is looked at, is decided here:
 *
 *	- a refresh interval that is over, or a request: whole;
 *	- it is stale: key by key, and the next range of its comparison, if the
 *	  caller allows one more;
 *	- it has changes, or keys to be tried again: key by key.
 *
 * How that is done is work.c's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "cascade.h"
#include "work.h"

static void release_changes(TvbCascade *cascade, const ListCell *tview);
static bool may_touch(const TvbTview *tview);
static bool has_changes(TvbCascade *cascade, const TvbTview *tview);
static TvbExtent wanted_extent(TvbCascade *cascade, const TvbTview *tview);
static void refresh_tview(TvbCascade *cascade, TvbTview *tview, TvbExtent extent);
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
		if (tview->failures.due || tview->postponed.due ||
			((tvb_work_is_stale(tview) || tview->due) && !tview->failed_lately))
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
		TvbExtent	extent;

		CHECK_FOR_INTERRUPTS();
		if (!may_touch(tview) && tview->relid != cascade->only)
			continue;
		extent = wanted_extent(cascade, tview);
		/* what has been dropped meanwhile has no name any more */
		if ((extent != TVB_EXTENT_KEYS || has_changes(cascade, tview) ||
			 ((tview->failures.due || tview->postponed.due) && !OidIsValid(cascade->only))) &&
			tvb_registry_name(tview))
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
static TvbExtent
wanted_extent(TvbCascade *cascade, const TvbTview *tview)
{
	if (OidIsValid(cascade->only))
	{
		if (tview->relid != cascade->only)
			return TVB_EXTENT_KEYS;
		return cascade->only_range ? TVB_EXTENT_RANGE : TVB_EXTENT_WHOLE;
	}
	if (tview->failed_lately)
		return TVB_EXTENT_KEYS;
	if (tvb_work_is_stale(tview))
		return cascade->stale_left > 0 ? TVB_EXTENT_RANGE : TVB_EXTENT_KEYS;
	return tview->due ? TVB_EXTENT_WHOLE : TVB_EXTENT_KEYS;
}

/* Refresh one TVIEW. */
static void
refresh_tview(TvbCascade *cascade, TvbTview *tview, TvbExtent extent)
{
	MemoryContext context = AllocSetContextCreate(cascade->context, "TVIEW refresh of one TVIEW",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TvbJob		work = {cascade, context, tview, GetCurrentTimestamp()};
	ErrorContextCallback callback;

	tview->begun = work.started;
	callback.callback = refresh_error_context;
	callback.arg = tview;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	if (tview->broken)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("TVIEW %s cannot be refreshed: %s", tview->name, tview->broken)));
	tvb_work_do(&work, extent);
	if (work.keys != NULL)
		tvb_bag_destroy(work.keys);
	if (work.writes != NULL)
		tvb_writes_destroy(work.writes);

	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* errcontext for whatever fails in there. */
static void
refresh_error_context(void *arg)
{
	errcontext("refreshing TVIEW %s", ((TvbTview *) arg)->name);
}
