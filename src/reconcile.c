/*-------------------------------------------------------------------------
 *
 * reconcile.c
 *		Whole TVIEWs on request: refresh, reconcile, pause, resume.
 *
 * What is compared here cascades to the TVIEWs that read it, in the same
 * transaction, as in a drain.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "drain.h"
#include "epoch.h"
#include "progress.h"
#include "registry.h"
#include "run.h"
#include "steps.h"

static Oid	require_own_tview(Oid relid);
static bool user_may_drain(FunctionCallInfo fcinfo);
static void require_may_compare(Oid relid, bool may_drain);
static List *unwatched_tviews(void);
static List *stale_tviews(bool may_drain);
static void reconcile_one(Oid relid);
static void remember_name(Oid relid, char *name);
static void tell_progress(const char *name, const TvbDrainComparison *comparison,
						  TimestampTz started, int64 *before);
static void tell_end(const char *name, const TvbDrainComparison *comparison,
					 const TvbCounts *counts);

PG_FUNCTION_INFO_V1(tvb_refresh);
PG_FUNCTION_INFO_V1(tvb_reconcile);
PG_FUNCTION_INFO_V1(tvb_pause);
PG_FUNCTION_INFO_V1(tvb_resume);

/* tviews_refresh(tview regclass) */
Datum
tvb_refresh(PG_FUNCTION_ARGS)
{
	TvbDrainResult result;
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};
	Oid			relid;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	tvb_drain_check_transaction("tviews_refresh()");
	relid = require_own_tview(PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0));
	tvb_drain_compare(relid, &result);
	if (result.compared == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the TVIEW was dropped while its refresh waited")));
	values[0] = Int64GetDatum(result.counts.inserted);
	values[1] = Int64GetDatum(result.counts.updated);
	values[2] = Int64GetDatum(result.counts.deleted);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* CALL tviews_reconcile(tview regclass): one TVIEW, or all that are stale and that the user may compare. */
Datum
tvb_reconcile(PG_FUNCTION_ARGS)
{
	bool		may_drain = user_may_drain(fcinfo);
	List	   *tviews;
	ListCell   *lc;

	tvb_steps_begin(fcinfo, "tviews_reconcile()");
	tvb_steps_next();
	tvb_drain_check_transaction("tviews_reconcile()");
	if (!PG_ARGISNULL(0))
		require_may_compare(PG_GETARG_OID(0), may_drain);
	tvb_drain_lock(true);
	(void) tvb_epoch_check();
	tviews = PG_ARGISNULL(0) ? stale_tviews(may_drain) : list_make1_oid(PG_GETARG_OID(0));
	tvb_steps_next();
	foreach(lc, tviews)
		reconcile_one(lfirst_oid(lc));
	tvb_steps_end();
	PG_RETURN_VOID();
}

/* tviews_pause(tview regclass) */
Datum
tvb_pause(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr plan = NULL;
	Oid			relid = require_own_tview(PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0));
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(relid));

	SPI_connect();
	tvb_run_own_change(&plan,
					   "UPDATE tviews_batch.tview SET paused = true, " TVB_PROGRESS_RESET
					   " WHERE tview = $1 AND NOT paused", &args);
	SPI_finish();
	PG_RETURN_VOID();
}

/* tviews_resume(tview regclass): what it missed is not known, so it is compared whole. */
Datum
tvb_resume(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr plan = NULL;
	Oid			relid = require_own_tview(PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0));
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(relid));

	SPI_connect();
	tvb_run_own_change(&plan,
					   "UPDATE tviews_batch.tview SET paused = false, awaits_prepared = false, " TVB_PROGRESS_RESET ","
					   " stale_reason = COALESCE(stale_reason, 'was paused')"
					   " WHERE tview = $1 AND paused", &args);
	SPI_finish();
	PG_RETURN_VOID();
}

/* The TVIEW, if it is one and the user may do what its owner may; else an error. */
static Oid
require_own_tview(Oid relid)
{
	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", "tview")));
	SPI_connect();
	(void) tvb_registry_require(relid);
	SPI_finish();
	if (!tvb_compat_owns_relation(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relid));
	return relid;
}

/* Whether the user may drain, and so compare any TVIEW. */
static bool
user_may_drain(FunctionCallInfo fcinfo)
{
	static const Oid types[] = {INT8OID, INT4OID};
	Oid			drain = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
										CStringGetDatum("tviews_drain"),
										PointerGetDatum(buildoidvector(types, lengthof(types))),
										ObjectIdGetDatum(get_func_namespace(fcinfo->flinfo->fn_oid)));

	return OidIsValid(drain) && tvb_compat_may_execute(drain, GetUserId());
}

/* An error unless it is a TVIEW that the user may compare. */
static void
require_may_compare(Oid relid, bool may_drain)
{
	(void) tvb_registry_require(relid);
	if (!may_drain && !tvb_compat_owns_relation(relid, GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of TVIEW %s", get_rel_name(relid)),
				 errhint("Who may execute tviews_drain() may compare all TVIEWs.")));
}

/* TVIEWs that tviews_status calls stale because something of ours does not fire; a comparison makes dropped triggers again. */
static List *
unwatched_tviews(void)
{
	List	   *relids;

	tvb_run_own_query(NULL, "SELECT DISTINCT tview::oid FROM tviews_batch.unwatched", NULL);
	relids = tvb_run_oid_column(1);
	SPI_freetuptable(SPI_tuptable);
	return relids;
}

/* Oids of the stale TVIEWs to be compared, lower levels first; they outlive the transaction. */
static List *
stale_tviews(bool may_drain)
{
	List	   *unwatched = unwatched_tviews();
	List	   *relids = NIL;
	ListCell   *lc;

	foreach(lc, tvb_registry_list())
	{
		TvbTview   *tview = lfirst(lc);

		if ((tview->stale_reason != NULL || list_member_oid(unwatched, tview->relid)) &&
			!tview->awaits_prepared && !tview->paused && tview->broken == NULL && !tview->view_gone &&
			(may_drain || tvb_compat_owns_relation(tview->relid, GetUserId())))
			relids = lappend_oid(relids, tview->relid);
	}
	return relids;
}

/* Compare one, a transaction per range, and say how far it is. */
static void
reconcile_one(Oid relid)
{
	TvbDrainComparison comparison = {0};
	TvbCounts	counts = {0};
	TimestampTz started = GetCurrentTimestamp();
	int64		before = -1;
	char		name[NAMEDATALEN];

	while (!comparison.ended)
	{
		TvbDrainResult result;

		CHECK_FOR_INTERRUPTS();
		tvb_drain_check_transaction("tviews_reconcile()");
		remember_name(relid, name);
		tvb_drain_compare_range(relid, &comparison, &result);
		tvb_steps_next();
		counts.inserted += result.counts.inserted;
		counts.updated += result.counts.updated;
		counts.deleted += result.counts.deleted;
		if (!comparison.ended)
			tell_progress(name, &comparison, started, &before);
	}
	tell_end(name, &comparison, &counts);
}

/* The TVIEW's name, as it may be gone when it is told; as it was, if it is gone already. */
static void
remember_name(Oid relid, char *name)
{
	char	   *now = get_rel_name(relid);

	strlcpy(name, now != NULL ? now : "?", NAMEDATALEN);
}

/* Say how far a comparison has come: rows before this call are counted, but not for the speed. */
static void
tell_progress(const char *name, const TvbDrainComparison *comparison, TimestampTz started,
			  int64 *before)
{
	double		share = (double) comparison->rows / Max(comparison->total, 1);
	double		seconds = (GetCurrentTimestamp() - started) / (double) USECS_PER_SEC;
	int64		done = comparison->rows - Max(*before, 0);
	int64		left = Max(comparison->total - comparison->rows, 0);

	if (*before < 0)
	{
		/* the first range tells where the comparison stands, not how fast it is */
		*before = comparison->rows;
		ereport(NOTICE,
				(errmsg("TVIEW \"%s\": %d%% compared, %lld of about %lld rows", name,
						(int) Min(share * 100, 99), (long long) comparison->rows,
						(long long) Max(comparison->total, comparison->rows))));
		return;
	}
	ereport(NOTICE,
			(errmsg("TVIEW \"%s\": %d%% compared, %lld of about %lld rows, about %.0f s left", name,
					(int) Min(share * 100, 99), (long long) comparison->rows,
					(long long) Max(comparison->total, comparison->rows),
					done > 0 ? seconds * left / done : 0.0)));
}

/* Say that a comparison has come to its end. */
static void
tell_end(const char *name, const TvbDrainComparison *comparison, const TvbCounts *counts)
{
	if (comparison->gone)
	{
		ereport(NOTICE,
				(errmsg("TVIEW \"%s\" was dropped while it was compared", name)));
		return;
	}
	if (comparison->started == 0 && comparison->stride == TVB_STRIDE_NO_KEY)
		ereport(NOTICE,
				(errmsg("TVIEW \"%s\" was compared at once: its rows cannot be told apart by a key", name)));
	if (comparison->started == 0 && comparison->stride == TVB_STRIDE_COSTLY)
		ereport(NOTICE,
				(errmsg("TVIEW \"%s\" was compared at once: its view costs too much to be evaluated in ranges of keys", name)));
	ereport(NOTICE,
			(errmsg("compared TVIEW \"%s\" with its view: %lld inserted, %lld updated, %lld deleted",
					name, (long long) counts->inserted, (long long) counts->updated,
					(long long) counts->deleted)));
}
