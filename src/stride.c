/*-------------------------------------------------------------------------
 *
 * stride.c
 *		Whether a comparison goes in ranges, and how long these are.
 *
 * A range has tviews_batch.batch_keys rows, if the view can be evaluated for
 * it at about its share of the cost of the whole.  That depends on the view: a condition on the
 * key of a table reaches its index, one on an aggregate's group may not reach what is aggregated, and each
 * range costs as much as the whole then.  So the planner is asked, for longer and longer ranges, and
 * where none pays the TVIEW is compared at once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "utils/syscache.h"

#include "evaluate.h"
#include "owner.h"
#include "settings.h"
#include "stride.h"

/* All ranges together may cost so many times the whole ... */
#define MOST_COST 3.0

/* ... beside so much per range, about what its transaction takes. */
#define FREE_COST 1000.0

/* Ranges get longer by this factor until they pay, but not longer than that many batches. */
#define STRETCH 4
#define LONGEST 64

static TvbStrideKind choose(TvbRun *run, TvbTview *tview, int64 *step, int64 *total, TvbRange **first);
static double estimate_rows(TvbRun *run, TvbTview *tview);
static double range_cost(TvbRun *run, TvbTview *tview, TvbRange *range);

TvbStrideKind
tvb_stride_choose(TvbRun *run, TvbTview *tview, int64 *step, int64 *total, TvbRange **first)
{
	TvbOwnerState owner;
	TvbStrideKind kind;

	if (tview->refresh_key == NIL)
		return TVB_STRIDE_NO_KEY;
	tvb_owner_enter(&owner, tview->owner, tview->settings, tview->row_security);
	kind = choose(run, tview, step, total, first);
	tvb_owner_leave(&owner);
	return kind;
}

/* The same as the TVIEW's owner. */
static TvbStrideKind
choose(TvbRun *run, TvbTview *tview, int64 *step, int64 *total, TvbRange **first)
{
	double		whole = tvb_run_cost(run, tvb_evaluate_pairs_sql(tview, NULL), NULL, NULL);
	double		rows = estimate_rows(run, tview);

	*total = (int64) Min(Max(rows, 1.0), (double) PG_INT64_MAX / 2);
	for (*step = tvb_batch_keys; *step <= (int64) tvb_batch_keys * LONGEST; *step *= STRETCH)
	{
		double		ranges = Max(rows / *step, 2.0);
		double		allowed = whole * MOST_COST / ranges + FREE_COST;
		double		cost;

		*first = tvb_range_begin(tview);
		cost = tvb_run_cost(run, tvb_range_end_sql(tview, *first, *step), NULL, NULL);
		if (cost > allowed)
			continue;
		tvb_range_find_end(run, tview, *first, *step);
		if (tvb_range_is_all(*first))
			return TVB_STRIDE_FITS;
		if (cost + range_cost(run, tview, *first) <= allowed)
			return TVB_STRIDE_RANGES;
	}
	return TVB_STRIDE_COSTLY;
}

/* How many rows there are to compare: the view's, or the stored ones if these are known to be more. */
static double
estimate_rows(TvbRun *run, TvbTview *tview)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(tview->relid));
	double		stored = 0;
	double		rows;

	if (HeapTupleIsValid(tuple))
	{
		stored = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
		ReleaseSysCache(tuple);
	}
	(void) tvb_run_cost(run, psprintf("SELECT 1 FROM %s", tview->view_name), NULL, &rows);
	return Max(rows, stored);
}

/* What it costs to compare a range. */
static double
range_cost(TvbRun *run, TvbTview *tview, TvbRange *range)
{
	TvbFilter	filter = {.relid = tview->relid, .range = range};

	return tvb_run_cost(run, tvb_evaluate_pairs_sql(tview, &filter), tvb_range_args(range), NULL);
}
