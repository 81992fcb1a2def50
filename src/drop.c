/*-------------------------------------------------------------------------
 *
 * drop.c
 *		Definition: tviews_drop.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/objectaddress.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "ddl_drop.h"
#include "drain.h"
#include "drop.h"
#include "levels.h"
#include "owner.h"
#include "registry.h"
#include "run.h"
#include "sources.h"

PG_FUNCTION_INFO_V1(tvb_drop);

void
tvb_drop_metadata(List *relids)
{
	TvbOwnerState state;
	List	   *sources = NIL;
	List	   *tviews = NIL;
	ListCell   *lc;

	tvb_owner_enter_extension(&state);
	foreach(lc, relids)
	{
		Oid			relid = lfirst_oid(lc);
		TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(relid));

		sources = list_concat_unique_oid(sources,
										 tvb_run_own_oids(NULL,
														  "SELECT DISTINCT r.source::oid FROM tviews_batch.route r"
														  " JOIN tviews_batch.tview t ON t.tview = r.tview"
														  " WHERE (t.tview = $1 OR t.view = $1) AND r.since_version > 0",
														  &args));
		sources = list_append_unique_oid(sources, relid);
		tviews = list_concat(tviews,
							 tvb_run_own_oids(NULL,
											  "WITH gone AS (DELETE FROM tviews_batch.tview"
											  "   WHERE tview = $1 OR view = $1 RETURNING tview),"
											  " r AS (DELETE FROM tviews_batch.route WHERE tview IN (TABLE gone)),"
											  " l AS (DELETE FROM tviews_batch.lookup WHERE tview IN (TABLE gone)),"
											  " f AS (DELETE FROM tviews_batch.failure WHERE tview IN (TABLE gone)),"
											  " p AS (DELETE FROM tviews_batch.postponed WHERE tview IN (TABLE gone)"
											  "   OR tview NOT IN (SELECT t.tview FROM tviews_batch.tview t))"
											  " SELECT tview::oid FROM gone", &args));
	}
	/* If other TVIEWs read one, it is a table like others from now on. */
	sources = list_concat_unique_oid(sources, tviews);
	foreach(lc, sources)
		(void) tvb_sources_sync(lfirst_oid(lc), false, NULL);
	foreach(lc, tviews)
	{
		if (get_rel_name(lfirst_oid(lc)) != NULL)
			tvb_sources_drop_guard(lfirst_oid(lc));
	}
	tvb_owner_leave(&state);
	if (tviews != NIL)
		tvb_levels_sync();
}

/*
 * tviews_drop(tview, keep_table)
 */
Datum
tvb_drop(PG_FUNCTION_ARGS)
{
	Oid			relid;
	bool		keep = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	TvbTview   *tview;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("tview must not be null")));
	relid = PG_GETARG_OID(0);
	tvb_drain_check_transaction("tviews_drop");
	SPI_connect();
	tview = tvb_registry_require(relid);
	if (!tvb_compat_owns_relation(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relid));
	tvb_drain_lock(true);
	if (keep)
		tvb_drop_metadata(list_make1_oid(relid));
	else
	{
		/* Dependent views make this fail before anything else is done. */
		tvb_sources_ddl(psprintf("DROP TABLE %s", tview->name));
		tvb_ddl_drop_forget(list_make1_oid(relid), NIL);
	}
	SPI_finish();
	PG_RETURN_VOID();
}
