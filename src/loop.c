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
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "drain.h"
#include "steps.h"

#define DRAIN_CHANGES 100000
#define LONGEST_MARGIN (2 * USECS_PER_SEC)

static int64 get_usecs(FunctionCallInfo fcinfo, int argno, const char *name);
static int64 drain_once(TimestampTz stop, TvbDrainResult *result);
static void sleep_usecs(int64 usecs);

PG_FUNCTION_INFO_V1(tvb_drain_loop);

/* tviews_drain_loop(run_for interval, pause interval) */
Datum
tvb_drain_loop(PG_FUNCTION_ARGS)
{
	int64		run_for = get_usecs(fcinfo, 0, "run_for");
	int64		pause = get_usecs(fcinfo, 1, "pause");
	TimestampTz stop = GetCurrentTimestamp() + run_for - Min(run_for / 10, LONGEST_MARGIN);

	tvb_steps_begin(fcinfo, "tviews_drain_loop()");
	tvb_steps_next();
	for (;;)
	{
		TvbDrainResult result;
		int64		took = drain_once(stop, &result);
		bool		more = !result.busy && (result.remaining > 0 || result.stale);
		int64		wait = more ? 0 : pause;

		if (GetCurrentTimestamp() + wait + took >= stop)
			break;
		if (wait > 0)
			sleep_usecs(wait);
	}
	tvb_steps_end();
	PG_RETURN_VOID();
}

/* An interval argument in microseconds, or an error unless it is positive. */
static int64
get_usecs(FunctionCallInfo fcinfo, int argno, const char *name)
{
	Interval   *interval;
	double		usecs;

	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
	interval = PG_GETARG_INTERVAL_P(argno);
	usecs = (interval->month * (double) DAYS_PER_MONTH + interval->day) * USECS_PER_DAY +
		interval->time;
	if (usecs <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be greater than zero", name)));
	return (int64) Min(usecs, (double) PG_INT64_MAX / 4);
}

/* One drain in a transaction of its own; returns how long it took with its commit. */
static int64
drain_once(TimestampTz stop, TvbDrainResult *result)
{
	TimestampTz started = GetCurrentTimestamp();
	int64		left_ms = (stop - started) / 1000;
	TvbDrainLimits limits;

	limits.max_changes = DRAIN_CHANGES;
	limits.max_ms = (int) Max(Min(left_ms, INT_MAX), 1);
	tvb_drain_check_transaction("tviews_drain_loop()");
	tvb_drain_run(&limits, result);
	tvb_steps_next();
	return GetCurrentTimestamp() - started;
}

/* Sleep, unless interrupted by what ends the statement. */
static void
sleep_usecs(int64 usecs)
{
	TimestampTz until = GetCurrentTimestamp() + usecs;

	for (;;)
	{
		int64		left_ms = (until - GetCurrentTimestamp() + 999) / 1000;

		if (left_ms <= 0)
			break;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Min(left_ms, INT_MAX), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}
