/*-------------------------------------------------------------------------
 *
 * quarantine.c
 *		Keys and TVIEWs that could not be refreshed.
 *
 * A key that failed stands in tviews_batch.failure until it succeeds.  A TVIEW
 * whose lookup or comparison failed is stale until a comparison succeeds.  Both
 * are tried again after 1 second, 2, 4, ... up to an hour; a key also whenever
 * one of its sources changes, as it then comes up in a drain anyway.
 *
 * Who writes these tables holds the drain lock, but for DDL, which lets be tried again what it
 * may have mended, or forgets it.  Its transaction may stay open, so drains write them in attempts.
 *
 * Invariant: a row of a TVIEW that may differ from its view has a failure, or
 * the TVIEW is stale.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "drain.h"
#include "lineage_graph.h"
#include "progress.h"
#include "quarantine.h"
#include "run.h"
#include "settings.h"

/* How many failed keys are tried before their time where a key has several images. */
#define EARLY_TRIES 100

/* Values of one column of a statement's parameters. */
#define TEXT_ARRAY(values, n) \
	PointerGetDatum(construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT))

static bool has_equal_images(const TvbTview *tview);
static Datum key_datum(const TvbPacked *key);
static Datum key_array(Datum *keys, int n);

PG_FUNCTION_INFO_V1(tvb_retry);

void
tvb_quarantine_record(TvbTview *tview, List *failures)
{
	static SPIPlanPtr plan = NULL;
	int			n = list_length(failures);
	Datum	   *columns[4];
	Datum		values[6] = {ObjectIdGetDatum(tview->relid)};
	Oid			types[6] = {OIDOID, BYTEAARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID};
	TvbRunArgs	args = {6, types, values, NULL};
	ListCell   *lc;

	if (n == 0)
		return;
	values[5] = TimestampTzGetDatum(tview->begun);
	for (int i = 0; i < lengthof(columns); i++)
		columns[i] = palloc(sizeof(Datum) * n);
	foreach(lc, failures)
	{
		TvbFailure *failure = lfirst(lc);
		int			i = foreach_current_index(lc);

		columns[0][i] = key_datum(&failure->key);
		columns[1][i] = CStringGetTextDatum(failure->text);
		columns[2][i] = CStringGetTextDatum(unpack_sql_state(failure->sqlstate));
		columns[3][i] = CStringGetTextDatum(failure->message);
	}
	values[1] = key_array(columns[0], n);
	for (int i = 1; i < lengthof(columns); i++)
		values[i + 1] = TEXT_ARRAY(columns[i], n);
	/* a comparison that has begun must not take them for older than itself, though the clock may have been set back since */
	tvb_run_own_change(&plan,
					   "INSERT INTO tviews_batch.failure AS f (tview, packed, digest, key, sqlstate, message,"
					   " attempts, first_failed, last_try, next_try)"
					   " SELECT $1, n.packed, sha256(n.packed), n.key::jsonb, n.sqlstate, n.message, 1, clock_timestamp(),"
					   "  greatest(clock_timestamp(), $6, (SELECT compare_started FROM tviews_batch.tview"
					   "   WHERE tview = $1 AND compare_xid = xmin)), " TVB_NEXT_TRY("0")
					   " FROM unnest($2, $3, $4, $5) AS n (packed, key, sqlstate, message)"
					   " ON CONFLICT (tview, digest) DO UPDATE SET key = excluded.key,"
					   "  sqlstate = excluded.sqlstate, message = excluded.message,"
					   "  attempts = f.attempts + 1, last_try = excluded.last_try,"
					   "  next_try = " TVB_NEXT_TRY("f.attempts"), &args);
	tview->failures.any = true;
}

void
tvb_quarantine_clear(TvbTview *tview, const TvbPacked *keys, int n)
{
	static SPIPlanPtr plan = NULL;
	Datum	   *packed;
	Datum		values[2] = {ObjectIdGetDatum(tview->relid)};
	Oid			types[2] = {OIDOID, BYTEAARRAYOID};
	TvbRunArgs	args = {2, types, values, NULL};

	if (!tview->failures.any || n == 0)
		return;
	packed = palloc(sizeof(Datum) * n);
	for (int i = 0; i < n; i++)
		packed[i] = key_datum(&keys[i]);
	values[1] = key_array(packed, n);
	tvb_run_own_change(&plan,
					   "DELETE FROM tviews_batch.failure WHERE tview = $1"
					   " AND digest = ANY (ARRAY(SELECT sha256(k) FROM unnest($2) AS n (k)))", &args);
}

void
tvb_quarantine_clear_before(TvbTview *tview, TimestampTz since)
{
	static SPIPlanPtr plan = NULL;
	Datum		values[2] = {ObjectIdGetDatum(tview->relid), TimestampTzGetDatum(since)};
	Oid			types[2] = {OIDOID, TIMESTAMPTZOID};
	TvbRunArgs	args = {2, types, values, NULL};

	if (tview->failures.any)
		tvb_run_own_change(&plan,
						   "DELETE FROM tviews_batch.failure WHERE tview = $1 AND last_try < $2", &args);
}

void
tvb_quarantine_due(TvbTview *tview, TvbBag *keys)
{
	static SPIPlanPtr plan = NULL;
	Datum		values[3] = {ObjectIdGetDatum(tview->relid), Int32GetDatum(tvb_batch_keys)};
	Oid			types[3] = {OIDOID, INT4OID, INT4OID};
	TvbRunArgs	args = {3, types, values, NULL};
	int			early = tview->failures.any && has_equal_images(tview) ? EARLY_TRIES : 0;
	uint64		n;

	if (!tview->failures.due && early == 0)
		return;
	values[2] = Int32GetDatum(early);
	n = tvb_run_own_query(&plan,
						  "(SELECT packed FROM tviews_batch.failure"
						  " WHERE tview = $1 AND next_try <= clock_timestamp()"
						  " ORDER BY next_try LIMIT $2)"
						  " UNION ALL"
						  " (SELECT packed FROM tviews_batch.failure"
						  " WHERE tview = $1 AND next_try > clock_timestamp()"
						  " ORDER BY last_try LIMIT $3)", &args);
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		bytea	   *packed = DatumGetByteaPP(SPI_getbinval(SPI_tuptable->vals[i],
														   SPI_tuptable->tupdesc, 1, &isnull));

		/* rows were refreshed by another key when it failed, and the version at work then kept it; the TVIEW is stale since */
		if (!tvb_link_matches(tview->refresh_layout, VARDATA_ANY(packed), VARSIZE_ANY_EXHDR(packed)))
			continue;
		tvb_bag_add(keys, VARDATA_ANY(packed), VARSIZE_ANY_EXHDR(packed));
	}
	SPI_freetuptable(SPI_tuptable);
	tview->failures.due = false;
}

bool
tvb_quarantine_tview(TvbTview *tview, const char *what, const ErrorData *error, bool applied)
{
	static SPIPlanPtr plan = NULL;
	char	   *reason = psprintf("%s: %s", what, error->message);
	Datum		values[4] = {ObjectIdGetDatum(tview->relid), CStringGetTextDatum(reason),
	CStringGetTextDatum(error->message), (Datum) 0};
	Oid			types[4] = {OIDOID, TEXTOID, TEXTOID, XIDOID};
	TvbRunArgs	args = {4, types, values, applied ? "    " : "   n"};

	if (applied)
		values[3] = tvb_progress_xid();
	/* DDL in a transaction that stays open may hold the row */
	if (tvb_run_own_change(&plan,
						   "UPDATE tviews_batch.tview SET stale_reason = $2, last_error = $3,"
						   " attempts = attempts + 1, next_try = " TVB_NEXT_TRY("attempts")
						   ", " TVB_PROGRESS_KEEP("$4")
						   " WHERE tview = (SELECT l.tview FROM tviews_batch.tview l WHERE l.tview = $1"
						   "  FOR NO KEY UPDATE SKIP LOCKED)", &args) == 0)
		return false;
	tview->stale_reason = reason;
	tview->failed_lately = true;
	return true;
}

/* tviews_retry(tview regclass): let the next drain try what has failed. */
Datum
tvb_retry(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr keys = NULL;
	static SPIPlanPtr postponed = NULL;
	static SPIPlanPtr tviews = NULL;
	Datum		values[2] = {ObjectIdGetDatum(PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0))};
	Oid			types[2] = {OIDOID, XIDOID};
	TvbRunArgs	args = {1, types, values, NULL};
	int64		n;

	tvb_drain_check_transaction("tviews_retry()");
	SPI_connect();
	if (!PG_ARGISNULL(0))
		(void) tvb_registry_require(PG_GETARG_OID(0));
	tvb_drain_lock(true);
	n = tvb_run_own_change(&keys,
						   "UPDATE tviews_batch.failure SET next_try = clock_timestamp()"
						   " WHERE $1 = 0 OR tview = $1", &args);
	tvb_run_own_change(&postponed,
					   "UPDATE tviews_batch.postponed SET next_try = clock_timestamp()"
					   " WHERE $1 = 0 OR tview = $1", &args);
	args.nargs = 2;
	values[1] = tvb_progress_xid();
	tvb_run_own_change(&tviews,
					   "UPDATE tviews_batch.tview SET next_try = NULL, " TVB_PROGRESS_KEEP("$2")
					   " WHERE ($1 = 0 OR tview = $1) AND next_try IS NOT NULL", &args);
	SPI_finish();
	PG_RETURN_INT64(n);
}

/*
 * Whether values of the refresh key can be equal without being identical (1.0,
 * 1.00).  Then a key that succeeded does not clear what failed under another image.
 */
static bool
has_equal_images(const TvbTview *tview)
{
	ListCell   *lc;

	foreach(lc, tview->refresh_key)
	{
		Oid			type;
		int32		typmod;
		Oid			collation;

		get_atttypetypmodcoll(tview->relid, get_attnum(tview->relid, lfirst(lc)),
							  &type, &typmod, &collation);
		if (!tvb_graph_equal_is_identical(type, collation))
			return true;
	}
	return false;
}

/* A packed key as bytea. */
static Datum
key_datum(const TvbPacked *key)
{
	bytea	   *value = palloc(VARHDRSZ + key->len);

	SET_VARSIZE(value, VARHDRSZ + key->len);
	memcpy(VARDATA(value), key->data, key->len);
	return PointerGetDatum(value);
}

/* An array of these. */
static Datum
key_array(Datum *keys, int n)
{
	return PointerGetDatum(construct_array(keys, n, BYTEAOID, -1, false, TYPALIGN_INT));
}
