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
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "miscadmin.h"
#include "optimizer/plancat.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "cascade.h"
#include "compare.h"
#include "keys.h"
#include "refresh.h"
#include "settings.h"

/* So many keys are never worth a comparison of the whole. */
#define FEW_KEYS 1000

static bool may_touch(const TvbTview *tview);
static bool is_stale(const TvbTview *tview);
static bool has_changes(TvbCascade *cascade, const TvbTview *tview);
static bool wants_whole(TvbCascade *cascade, const TvbTview *tview);
static void refresh_tview(TvbCascade *cascade, TvbTview *tview, bool whole);
static bool refresh_keyed(TvbCascade *cascade, MemoryContext context, TvbTview *tview);
static void refresh_keys(TvbCascade *cascade, MemoryContext context, TvbTview *tview,
						 TvbBag *keys);
static void compare_whole(TvbCascade *cascade, MemoryContext context, TvbTview *tview);
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

		if (may_touch(tview) && (is_stale(tview) || tview->due))
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
		if (whole || has_changes(cascade, tview))
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
	ErrorContextCallback callback;

	callback.callback = refresh_error_context;
	callback.arg = tview;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	if (tview->broken)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("TVIEW %s cannot be refreshed: %s", tview->name, tview->broken)));
	tvb_registry_complete(tview);
	if (tview->columns == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the view of TVIEW %s does not exist", tview->name)));
	if (whole || !refresh_keyed(cascade, context, tview))
		compare_whole(cascade, context, tview);

	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Refresh the keys that the changes touch; false: the whole is to be compared. */
static bool
refresh_keyed(TvbCascade *cascade, MemoryContext context, TvbTview *tview)
{
	TvbBag	   *keys = tvb_bag_create(context, "TVIEW keys", (Size) tvb_work_mem * 1024 / 8);
	bool		keyed;

	keyed = tvb_keys_collect(cascade->run, context, tview, cascade->changes, keys) &&
		!too_many_keys(tview, tvb_bag_count(keys));
	if (keyed && tvb_bag_count(keys) > 0)
		refresh_keys(cascade, context, tview, keys);
	tvb_bag_destroy(keys);
	return keyed;
}

/* Refresh these keys. */
static void
refresh_keys(TvbCascade *cascade, MemoryContext context, TvbTview *tview, TvbBag *keys)
{
	TvbWrites  *writes = tvb_writes_create(context, cascade->run, tview, cascade->changes);

	cascade->keys += tvb_refresh_keys(cascade->run, context, tview, keys, writes,
									  &cascade->counts);
	tvb_writes_destroy(writes);
	cascade->keyed++;
	touch(cascade, tview, false);
}

/* Compare the whole TVIEW; it is clean then. */
static void
compare_whole(TvbCascade *cascade, MemoryContext context, TvbTview *tview)
{
	TvbWrites  *writes = tvb_writes_create(context, cascade->run, tview, cascade->changes);

	tvb_compare_write(cascade->run, tview, writes, &cascade->counts);
	tvb_writes_destroy(writes);
	cascade->compared++;
	if (is_stale(tview))
		cascade->stale_left--;
	tview->stale_reason = NULL;
	tview->due = false;
	touch(cascade, tview, true);
}

/* Whether so many keys are better served by one comparison of the whole. */
static bool
too_many_keys(const TvbTview *tview, int64 keys)
{
	Relation	rel;
	BlockNumber pages;
	double		rows;
	double		all_visible;

	if (tvb_full_threshold >= 1.0 || keys <= FEW_KEYS)
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
