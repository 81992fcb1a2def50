/*-------------------------------------------------------------------------
 *
 * loop.c
 *		CALL tviews_drain_loop(): drains again and again.
 *
 * Each drain is a transaction of its own and claims a bounded number of
 * changes.  Between drains no snapshot is held and no transaction id, so that
 * a loop never keeps vacuum from its work.
 *
 * The loop ends a little before run_for has passed: a scheduler that starts it
 * every minute counts a start that finds the last one running as missed, and
 * makes up for it later.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"

#include "drain.h"
#include "steps.h"

#define DRAIN_CHANGES 100000
#define LONGEST_MARGIN (2 * USECS_PER_SEC)

static int64 drain_once(int64 stop, TvbDrainResult *result);

PG_FUNCTION_INFO_V1(tvb_drain_loop);

/* tviews_drain_loop(run_for interval, pause interval) */
Datum
tvb_drain_loop(PG_FUNCTION_ARGS)
{
	int64		run_for = tvb_steps_usecs(fcinfo, 0, "run_for", false);
	int64		pause = tvb_steps_usecs(fcinfo, 1, "pause", false);
	int64		stop = tvb_steps_clock() + run_for - Min(run_for / 10, LONGEST_MARGIN);

	tvb_steps_begin(fcinfo, "tviews_drain_loop()");
	tvb_steps_next();
	for (;;)
	{
		TvbDrainResult result;
		int64		took = drain_once(stop, &result);
		bool		more = !result.busy && (result.remaining > 0 || result.stale);
		int64		wait = more ? 0 : pause;

		if (tvb_steps_clock() + wait + took >= stop)
			break;
		if (wait > 0)
			tvb_steps_sleep(wait);
	}
	tvb_steps_end();
	PG_RETURN_VOID();
}

/* One drain in a transaction of its own; returns how long it took with its commit. */
static int64
drain_once(int64 stop, TvbDrainResult *result)
{
	int64		started = tvb_steps_clock();
	int64		left_ms = (stop - started) / 1000;
	TvbDrainLimits limits;

	limits.max_changes = DRAIN_CHANGES;
	limits.max_ms = (int) Max(Min(left_ms, INT_MAX), 1);
	tvb_drain_check_transaction("tviews_drain_loop()");
	tvb_drain_run(&limits, result);
	tvb_steps_next();
	return tvb_steps_clock() - started;
}
