/*-------------------------------------------------------------------------
 *
 * steps.c
 *		Calls that go on for a while: several transactions, pauses.
 *
 * SPI commits only for a CALL that is a statement of its own.  The transaction
 * that follows a commit has the isolation level of the session's default; a
 * drain needs READ COMMITTED.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "portability/instr_time.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "steps.h"

static bool is_atomic(FunctionCallInfo fcinfo);

void
tvb_steps_begin(FunctionCallInfo fcinfo, const char *call)
{
	if (is_atomic(fcinfo) || IsSubTransaction())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("%s cannot run inside a transaction block or a function", call),
				 errhint("It commits as it goes: CALL it as a statement of its own.")));
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
}

void
tvb_steps_next(void)
{
	SPI_commit();
	if (XactIsoLevel != XACT_READ_COMMITTED)
		(void) set_config_option("transaction_isolation", "read committed",
								 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL,
								 true, 0, false);
}

void
tvb_steps_end(void)
{
	SPI_finish();
}

int64
tvb_steps_usecs(FunctionCallInfo fcinfo, int argno, const char *name, bool zero_too)
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
	if (usecs < 0 && zero_too)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative", name)));
	if (usecs <= 0 && !zero_too)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be greater than zero", name)));
	return (int64) Min(usecs, (double) PG_INT64_MAX / 4);
}

int64
tvb_steps_clock(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MICROSEC(now);
}

void
tvb_steps_sleep(int64 usecs)
{
	int64		until = tvb_steps_clock() + usecs;

	for (;;)
	{
		int64		left_ms = (until - tvb_steps_clock() + 999) / 1000;

		if (left_ms <= 0)
			break;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Min(left_ms, INT_MAX), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/* Whether the call may not end transactions. */
static bool
is_atomic(FunctionCallInfo fcinfo)
{
	return fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic;
}
