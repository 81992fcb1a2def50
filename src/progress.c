/*-------------------------------------------------------------------------
 *
 * progress.c
 *		How far the comparison of a TVIEW in ranges has come.
 *
 * It is kept with the TVIEW in tviews_batch.tview, which is logged: a comparison goes on after
 * a cancel or a crash.  It counts only for the version of the row that it was written with:
 * compare_xid = xmin.  Whoever marks the TVIEW stale again, pauses it, or changes it in any way
 * that is not known to be harmless, makes another version, and the comparison starts
 * over.  The few statements that are harmless carry it along (TVB_PROGRESS_KEEP);
 * those that mark take it away by name as well (TVB_PROGRESS_RESET), for
 * the case that they run in the transaction of a drain.
 *
 * Invariant: while it counts, every row in the ranges before its place was equal to the view at some
 * snapshot, and all changes that a snapshot did not see have been, or will be, applied.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "attempt.h"
#include "progress.h"
#include "run.h"

#define LOCK_ROW "SELECT FROM tviews_batch.tview WHERE tview = $1 FOR NO KEY UPDATE"

/* The row of a TVIEW that somebody may have locked. */
typedef struct RowLock
{
	Oid			tview;
	bool		wait;
	bool		locked;			/* by us */
} RowLock;

static void attempt_lock_row(void *arg);

bool
tvb_progress_load(const TvbTview *tview, TvbProgress *progress)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(tview->relid));
	Datum		values[6];
	bytea	   *place;

	if (tvb_run_own_query(&plan,
						  "SELECT compare_started, compare_rows, compare_total, compare_step,"
						  " compare_pending, compare_place FROM tviews_batch.tview"
						  " WHERE tview = $1 AND compare_xid = xmin AND compare_place IS NOT NULL",
						  &args) == 0)
		return false;
	for (int i = 0; i < lengthof(values); i++)
	{
		bool		isnull;

		values[i] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, &isnull);
		if (isnull)
			elog(ERROR, "progress of TVIEW %u is incomplete", tview->relid);
	}
	progress->started = DatumGetTimestampTz(values[0]);
	progress->rows = DatumGetInt64(values[1]);
	progress->total = DatumGetInt64(values[2]);
	progress->step = DatumGetInt64(values[3]);
	progress->pending = DatumGetBool(values[4]);
	place = DatumGetByteaPCopy(values[5]);
	progress->place = VARDATA_ANY(place);
	progress->len = VARSIZE_ANY_EXHDR(place);
	SPI_freetuptable(SPI_tuptable);
	return true;
}

void
tvb_progress_save(Oid tview, TransactionId row_xmin, const TvbProgress *progress)
{
	static SPIPlanPtr plan = NULL;
	bytea	   *place = palloc(VARHDRSZ + progress->len);
	Datum		values[9] = {
		ObjectIdGetDatum(tview), TransactionIdGetDatum(row_xmin), tvb_progress_xid(),
		TimestampTzGetDatum(progress->started), Int64GetDatum(progress->rows),
		Int64GetDatum(progress->total), Int64GetDatum(progress->step),
		BoolGetDatum(progress->pending), PointerGetDatum(place)
	};
	Oid			types[9] = {OIDOID, XIDOID, XIDOID, TIMESTAMPTZOID, INT8OID, INT8OID, INT8OID,
		BOOLOID, BYTEAOID
	};
	TvbRunArgs	args = {9, types, values, NULL};

	SET_VARSIZE(place, VARHDRSZ + progress->len);
	memcpy(VARDATA(place), progress->place, progress->len);
	tvb_run_own_change(&plan,
					   "UPDATE tviews_batch.tview SET last_refresh = now(), last_error = NULL,"
					   " attempts = 0, next_try = NULL, compare_xid = $3, compare_started = $4,"
					   " compare_rows = $5, compare_total = $6, compare_step = $7, compare_pending = $8,"
					   " compare_place = $9 WHERE xmin = $2 AND tview ="
					   " (SELECT l.tview FROM tviews_batch.tview l WHERE l.tview = $1 FOR NO KEY UPDATE SKIP LOCKED)",
					   &args);
}

bool
tvb_progress_ended(Oid tview, TimestampTz started)
{
	static SPIPlanPtr plan = NULL;
	Datum		values[2] = {ObjectIdGetDatum(tview), TimestampTzGetDatum(started)};
	Oid			types[2] = {OIDOID, TIMESTAMPTZOID};
	TvbRunArgs	args = {2, types, values, NULL};
	bool		ended;

	ended = tvb_run_own_query(&plan,
							  "SELECT FROM tviews_batch.tview WHERE tview = $1 AND last_full >= $2"
							  " AND (stale_reason IS NULL OR awaits_prepared)", &args) > 0;
	SPI_freetuptable(SPI_tuptable);
	return ended;
}

bool
tvb_progress_may_save(Oid tview)
{
	RowLock		lock = {tview, false, false};
	ErrorData  *error;

	return tvb_attempt(attempt_lock_row, &lock, false, &error) == TVB_DONE && lock.locked;
}

void
tvb_progress_wait(Oid tview)
{
	RowLock		lock = {tview, true, false};
	ErrorData  *error;

	if (tvb_attempt(attempt_lock_row, &lock, false, &error) != TVB_DONE)
		ReThrowError(error);
}

/* Lock the row, or find that another session has. */
static void
attempt_lock_row(void *arg)
{
	RowLock    *lock = arg;
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(lock->tview));

	lock->locked = tvb_run_own_change(NULL, lock->wait ? LOCK_ROW : LOCK_ROW " SKIP LOCKED", &args) > 0;
}

Datum
tvb_progress_xid(void)
{
	return TransactionIdGetDatum(GetCurrentTransactionId());
}
