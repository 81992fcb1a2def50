/*-------------------------------------------------------------------------
 *
 * wait.c
 *		tviews_wait(): has what was committed before the call been drained?
 *
 * It drains nothing itself.  What counts is what was committed when it was
 * called, and every transaction that was committed then has an id below the next one
 * to be given out then.  So it waits until no entry is left whose writer's id is below that,
 * which is a little more than asked for: the entry of a transaction that had begun then and
 * commits meanwhile is waited for as well.  No snapshot is kept from one look to the
 * next, and a writer that stays open is not waited for.
 *
 * What is not in the queue but has to be compared (it was lost, or a TVIEW is stale)
 * is waited for too, unless no drain would do it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "utils/wait_event.h"

#include "queue.h"
#include "run.h"
#include "steps.h"

/* Bounds of the time between two looks, in microseconds. */
#define SHORTEST_PAUSE 1000
#define LONGEST_PAUSE 50000

static void check_isolation(void);
static bool is_drained(TransactionId before, TimestampTz began);
static bool is_compared(void);

PG_FUNCTION_INFO_V1(tvb_wait);

/* tviews_wait(timeout interval) */
Datum
tvb_wait(PG_FUNCTION_ARGS)
{
	int64		timeout = tvb_steps_usecs(fcinfo, 0, "timeout", true);
	TransactionId before = XidFromFullTransactionId(ReadNextFullTransactionId());
	TimestampTz began = GetCurrentTimestamp();
	int64		since = tvb_steps_clock();

	check_isolation();
	for (;;)
	{
		int64		passed;
		int64		pause;

		if (is_drained(before, began))
			PG_RETURN_BOOL(true);
		passed = tvb_steps_clock() - since;
		if (passed >= timeout)
			PG_RETURN_BOOL(false);
		pause = Max(SHORTEST_PAUSE, Min(passed / 8, LONGEST_PAUSE));
		tvb_steps_sleep(Min(pause, timeout - passed));
	}
}

/* Refuse transactions that would not see what a drain does meanwhile. */
static void
check_isolation(void)
{
	PreventCommandDuringRecovery("tviews_wait()");
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s must run in a READ COMMITTED transaction", "tviews_wait()"),
				 errdetail("The snapshot of this transaction does not see what drains commit while it waits."),
				 errhint("Call it before the transaction begins.")));
}

/* Whether nothing is left to be done for transactions with an id below before, or that began earlier. */
static bool
is_drained(TransactionId before, TimestampTz began)
{
	bool		drained;

	/* one look, one snapshot */
	PushActiveSnapshot(GetLatestSnapshot());
	drained = !tvb_queue_pending_before(GetActiveSnapshot(), before, began) && is_compared();
	PopActiveSnapshot();
	return drained;
}

/* Whether no TVIEW waits for a comparison that a drain would make. */
static bool
is_compared(void)
{
	static SPIPlanPtr plan = NULL;
	pg_uuid_t	epoch;
	TvbRunArgs	args = TVB_RUN_ARG(UUIDOID, UUIDPGetDatum(&epoch));
	bool		compared;
	bool		isnull;

	if (!tvb_queue_epoch(GetActiveSnapshot(), &epoch))
		return false;
	SPI_connect();
	tvb_run_own_query(&plan,
					  "SELECT NOT EXISTS (SELECT FROM tviews_batch.tview"
					  "  WHERE NOT paused AND broken IS NULL AND (epoch IS DISTINCT FROM $1"
					  "   OR (stale_reason IS NOT NULL AND NOT awaits_prepared)))"
					  " AND NOT EXISTS (SELECT FROM tviews_batch.overflow WHERE NOT done)"
					  " AND NOT EXISTS (SELECT FROM tviews_batch.postponed JOIN tviews_batch.tview USING (tview)"
					  "  WHERE NOT paused AND broken IS NULL)"
					  " AND EXISTS (SELECT FROM tviews_batch.unlogged_sentinel)", &args);
	compared = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	SPI_finish();
	return compared;
}
