/*-------------------------------------------------------------------------
 *
 * history.c
 *		What drains leave in the extension's tables.
 *
 * Both functions write with a new snapshot, as the extension's owner, in the
 * transaction of the drain.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "cascade.h"
#include "history.h"
#include "memory.h"
#include "progress.h"
#include "run.h"
#include "settings.h"

/* A TVIEW is clean after a comparison, unless its row has changed: see below. */
#define CLEAN "d.whole AND t.xmin = d.row_xmin"

/* Stamp what the rows of d name; locked finds the same in l. */
#define STAMP(d, locked) \
	"UPDATE tviews_batch.tview t SET last_refresh = now()," \
	" last_full = CASE WHEN d.whole THEN d.since ELSE t.last_full END," \
	" stale_reason = CASE WHEN NOT (" CLEAN ") THEN t.stale_reason" \
	"  WHEN t.stale_reason IS NOT NULL AND $5" \
	"  THEN 'a transaction prepared before the queue was lost has not ended' END," \
	" awaits_prepared = CASE WHEN t.stale_reason IS NOT NULL AND " CLEAN \
	"  THEN $5 ELSE t.awaits_prepared END," \
	" last_error = CASE WHEN " CLEAN " THEN NULL ELSE t.last_error END," \
	" attempts = CASE WHEN " CLEAN " THEN 0 ELSE t.attempts END," \
	" next_try = CASE WHEN " CLEAN " THEN NULL ELSE t.next_try END," \
	" compare_xid = CASE WHEN t.compare_xid = t.xmin AND NOT (" CLEAN ") THEN $6 END," \
	" compare_place = CASE WHEN NOT (" CLEAN ") THEN t.compare_place END" \
	" FROM " d " AS d (tview, row_xmin, whole, since)" \
	" WHERE t.tview = d.tview AND t.tview IN (SELECT l.tview FROM tviews_batch.tview l" \
	"  WHERE " locked " FOR NO KEY UPDATE SKIP LOCKED)"

static void insert_row(TimestampTz started, const TvbDrainResult *result);
static void log_drain(const TvbDrainResult *result);

/*
 * A TVIEW may have been marked stale by somebody whose transaction the drain
 * did not see: then its row has another xmin than the one read, and the mark stays.
 *
 * One TVIEW alone is found by index; for an array the planner would read all.
 */
void
tvb_history_stamp(List *touched, bool prepared_pending)
{
	static SPIPlanPtr one_plan = NULL;
	static SPIPlanPtr plan = NULL;
	static Oid	one_types[6] = {OIDOID, XIDOID, BOOLOID, TIMESTAMPTZOID, BOOLOID, XIDOID};
	static Oid	types[6] = {OIDARRAYOID, XIDARRAYOID, BOOLARRAYOID, TIMESTAMPTZARRAYOID, BOOLOID, XIDOID};
	int			most = list_length(touched);
	int			n = 0;
	Datum	   *columns[4];		/* tview, row_xmin, whole, since */
	Datum		values[6];
	TvbRunArgs	args = {6, types, values, NULL};
	ListCell   *lc;

	for (int i = 0; i < lengthof(columns); i++)
		columns[i] = palloc(sizeof(Datum) * most);
	foreach(lc, touched)
	{
		TvbTouched *one = lfirst(lc);

		if (one->progress != NULL)
		{
			tvb_progress_save(one->tview, one->row_xmin, one->progress);
			continue;
		}
		columns[0][n] = ObjectIdGetDatum(one->tview);
		columns[1][n] = TransactionIdGetDatum(one->row_xmin);
		columns[2][n] = BoolGetDatum(one->whole);
		columns[3][n++] = TimestampTzGetDatum(one->since != 0 ? one->since : GetCurrentTransactionStartTimestamp());
	}
	if (n == 0)
		return;
	values[4] = BoolGetDatum(prepared_pending);
	values[5] = tvb_progress_xid();
	if (n == 1)
	{
		for (int i = 0; i < lengthof(columns); i++)
			values[i] = columns[i][0];
		args.types = one_types;
		tvb_run_own_change(&one_plan, STAMP("(VALUES ($1, $2, $3, $4))", "l.tview = $1"), &args);
		return;
	}
	values[0] = PointerGetDatum(construct_array(columns[0], n, OIDOID, sizeof(Oid), true, TYPALIGN_INT));
	values[1] = PointerGetDatum(construct_array(columns[1], n, XIDOID, sizeof(TransactionId), true, TYPALIGN_INT));
	values[2] = PointerGetDatum(construct_array(columns[2], n, BOOLOID, sizeof(bool), true, TYPALIGN_CHAR));
	values[3] = PointerGetDatum(construct_array(columns[3], n, TIMESTAMPTZOID, sizeof(TimestampTz),
												FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	tvb_run_own_change(&plan, STAMP("unnest($1, $2, $3, $4)", "l.tview = ANY ($1)"), &args);
}

void
tvb_history_record(TimestampTz started, const TvbDrainResult *result)
{
	static SPIPlanPtr trim = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(INT4OID, Int32GetDatum(tvb_history));

	if (tvb_history > 0)
		insert_row(started, result);
	/* ids have gaps, so this may keep fewer rows, but never more */
	tvb_run_own_change(&trim,
					   "DELETE FROM tviews_batch.drain WHERE id <="
					   " (SELECT max(id) FROM tviews_batch.drain) - $1", &args);
	log_drain(result);
}

/* The row of one drain. */
static void
insert_row(TimestampTz started, const TvbDrainResult *result)
{
	static SPIPlanPtr plan = NULL;
	NameData	role;
	Oid			types[14] = {TIMESTAMPTZOID, FLOAT8OID, INT8OID, INT8OID, INT8OID, INT8OID,
		INT8OID, INT8OID, INT4OID, INT8OID, INT4OID, INT4OID, INT8OID, NAMEOID
	};
	Datum		values[14] = {
		TimestampTzGetDatum(started),
		Float8GetDatum(result->elapsed_ms),
		Int64GetDatum(result->changes),
		Int64GetDatum(result->keys),
		Int64GetDatum(result->counts.inserted),
		Int64GetDatum(result->counts.updated),
		Int64GetDatum(result->counts.deleted),
		Int64GetDatum(result->failed),
		Int32GetDatum(result->levels),
		Int64GetDatum(result->remaining),
		Int32GetDatum(result->keyed),
		Int32GetDatum(result->compared),
		Int64GetDatum((int64) tvb_memory_peak()),
		NameGetDatum(&role)
	};
	TvbRunArgs	args = {14, types, values, NULL};

	namestrcpy(&role, GetUserNameFromId(GetUserId(), false));
	tvb_run_own_change(&plan,
					   "INSERT INTO tviews_batch.drain (started, elapsed_ms, changes, keys,"
					   " inserted, updated, deleted, failed, levels, remaining, keyed, compared,"
					   " memory_peak, role)"
					   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
					   &args);
}

/* A line in the server's log, if the drain took long enough. */
static void
log_drain(const TvbDrainResult *result)
{
	if (tvb_log_min_duration < 0 || result->elapsed_ms < tvb_log_min_duration)
		return;
	ereport(LOG,
			(errmsg("TVIEW drain took %.3f ms: %lld changes, %lld keys, %lld inserted, %lld updated, %lld deleted, %lld remaining",
					result->elapsed_ms,
					(long long) result->changes, (long long) result->keys,
					(long long) result->counts.inserted, (long long) result->counts.updated,
					(long long) result->counts.deleted, (long long) result->remaining),
			 errhidestmt(true)));
}
