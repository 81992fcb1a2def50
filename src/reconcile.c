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
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "drain.h"
#include "epoch.h"
#include "registry.h"
#include "run.h"
#include "steps.h"

static Oid	require_own_tview(Oid relid);
static List *tviews_to_compare(FunctionCallInfo fcinfo);
static void reconcile_one(Oid relid);

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

/* CALL tviews_reconcile(tview regclass): one TVIEW, or all that are stale. */
Datum
tvb_reconcile(PG_FUNCTION_ARGS)
{
	List	   *tviews;
	ListCell   *lc;

	tvb_steps_begin(fcinfo, "tviews_reconcile()");
	tvb_steps_next();
	tvb_drain_check_transaction("tviews_reconcile()");
	tvb_drain_lock(true);
	(void) tvb_epoch_check();
	tviews = tviews_to_compare(fcinfo);
	foreach(lc, tviews)
	{
		tvb_steps_next();
		reconcile_one(lfirst_oid(lc));
	}
	tvb_steps_end();
	PG_RETURN_VOID();
}

/* tviews_pause(tview regclass) */
Datum
tvb_pause(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr plan = NULL;
	Oid			relid = require_own_tview(PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0));
	Datum		value = ObjectIdGetDatum(relid);
	Oid			type = OIDOID;
	TvbRunArgs	args = {1, &type, &value, NULL};

	SPI_connect();
	tvb_run_own_change(&plan,
					   "UPDATE tviews_batch.tview SET paused = true"
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
	Datum		value = ObjectIdGetDatum(relid);
	Oid			type = OIDOID;
	TvbRunArgs	args = {1, &type, &value, NULL};

	SPI_connect();
	tvb_run_own_change(&plan,
					   "UPDATE tviews_batch.tview SET paused = false,"
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

/* Oids of the TVIEWs to be compared; they outlive the transaction. */
static List *
tviews_to_compare(FunctionCallInfo fcinfo)
{
	List	   *relids = NIL;
	ListCell   *lc;

	if (!PG_ARGISNULL(0))
		return list_make1_oid(tvb_registry_require(PG_GETARG_OID(0))->relid);
	foreach(lc, tvb_registry_list())
	{
		TvbTview   *tview = lfirst(lc);

		if (tview->stale_reason != NULL && !tview->awaits_prepared && !tview->paused &&
			tview->broken == NULL && tview->view_name != NULL)
			relids = lappend_oid(relids, tview->relid);
	}
	return relids;
}

/* Compare one in the current transaction, commit, and say so. */
static void
reconcile_one(Oid relid)
{
	TvbDrainResult result;
	char	   *name = get_rel_name(relid);

	if (name == NULL)
		return;
	tvb_drain_check_transaction("tviews_reconcile()");
	tvb_drain_compare(relid, &result);
	tvb_steps_next();
	if (result.compared > 0)
		ereport(NOTICE,
				(errmsg("compared TVIEW \"%s\" with its view: %lld inserted, %lld updated, %lld deleted",
						name,
						(long long) result.counts.inserted,
						(long long) result.counts.updated,
						(long long) result.counts.deleted)));
}
