/*-------------------------------------------------------------------------
 *
 * compare.c
 *		Whole TVIEWs beside their views: write what differs, or count it.
 *
 * One query joins all rows of the view with all stored rows; nothing is held
 * in memory but what hash and sort of that query take, and differences spill.
 * The TVIEW is locked in ROW EXCLUSIVE mode at most; readers and their
 * snapshots see whole rows throughout.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "compare.h"
#include "evaluate.h"
#include "owner.h"
#include "probe.h"
#include "refresh.h"

static Oid	get_tview(FunctionCallInfo fcinfo);
static void verify(TvbTview *tview, TvbCounts *counts, int64 *duplicates);

PG_FUNCTION_INFO_V1(tvb_verify);
PG_FUNCTION_INFO_V1(tvb_refresh_sql);

int64
tvb_compare_write(TvbRun *run, TvbTview *tview, const TvbRange *range, TvbWrites *writes,
				  TvbCounts *counts)
{
	TvbFilter	in_range = {.relid = tview->relid, .range = range};
	const TvbFilter *filter = range ? &in_range : NULL;
	TvbOwnerState owner;
	TvbRunArgs *args;
	int64		rows;

	tvb_owner_enter(&owner, tview->owner, tview->settings, tview->row_security);
	args = range ? tvb_range_args(range) : NULL;
	tvb_run_query(run, tvb_evaluate_pairs_sql(tview, filter), args, tvb_writes_receive_pairs(writes));
	tvb_refresh_check_unique(run, tview, filter, args, writes);
	rows = tvb_writes_rows(writes);
	tvb_writes_apply(writes, counts);
	if (tvb_writes_check_begin(writes))
	{
		tvb_run_query(run, tvb_evaluate_pairs_sql(tview, filter), args, tvb_writes_receive_pairs(writes));
		tvb_writes_check_end(writes);
	}
	tvb_owner_leave(&owner);
	return rows;
}

/*
 * tviews_verify(tview regclass): rows missing, unexpected, different.
 *
 * Takes no lock that a drain minds, and writes nothing.  Rows that the view has
 * a second time for one key count as missing.
 */
Datum
tvb_verify(PG_FUNCTION_ARGS)
{
	Oid			relid = get_tview(fcinfo);
	TvbTview   *tview;
	TvbCounts	counts;
	int64		duplicates;
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);

	SPI_connect();
	tview = tvb_registry_require(relid);
	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(relid));
	verify(tview, &counts, &duplicates);
	SPI_finish();

	values[0] = Int64GetDatum(counts.inserted + duplicates);
	values[1] = Int64GetDatum(counts.deleted);
	values[2] = Int64GetDatum(counts.updated);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

/* tviews_refresh_sql(tview regclass): the query for a batch of keys without NULLs. */
Datum
tvb_refresh_sql(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	TvbTview   *tview;
	TvbFilter	filter = {0};
	char	   *sql;
	text	   *result;
	Oid			relid = get_tview(fcinfo);

	SPI_connect();
	tview = tvb_registry_require(relid);
	filter.relid = tview->relid;
	filter.columns = tview->refresh_key;
	if (tview->refresh_key == NIL)
		sql = tvb_evaluate_pairs_sql(tview, NULL);
	else if (OidIsValid(tvb_probe_index(tview)))
		sql = tvb_evaluate_view_sql(tview, &filter);
	else
		sql = tvb_evaluate_pairs_sql(tview, &filter);
	MemoryContextSwitchTo(caller);
	result = cstring_to_text(sql);
	SPI_finish();
	PG_RETURN_TEXT_P(result);
}

/* The argument of both functions. */
static Oid
get_tview(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", "tview")));
	return PG_GETARG_OID(0);
}

/* Count the differences under the active snapshot, as the owner. */
static void
verify(TvbTview *tview, TvbCounts *counts, int64 *duplicates)
{
	TvbRun		run = {CurrentMemoryContext, RegisterSnapshot(GetActiveSnapshot())};
	TvbWrites  *writes = tvb_writes_create(CurrentMemoryContext, &run, tview, NULL);
	TvbOwnerState owner;

	if (tview->columns == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the view of TVIEW %s does not exist", tview->name)));
	tvb_owner_enter(&owner, tview->owner, tview->settings, tview->row_security);
	tvb_run_query(&run, tvb_evaluate_pairs_sql(tview, NULL), NULL, tvb_writes_receive_pairs(writes));
	tvb_owner_leave(&owner);
	*counts = tvb_writes_counts(writes);
	*duplicates = tvb_writes_duplicates(writes);
	tvb_writes_destroy(writes);
	UnregisterSnapshot(run.snapshot);
}
