/*-------------------------------------------------------------------------
 *
 * ddl_drop.c
 *		Definition: the event trigger that forgets what the user drops.
 *
 * TVIEWs, views, sources and their partitions are forgotten, and what is left of their
 * families may have changed in all rows.  A trigger of ours that was dropped is not made again behind
 * the user's back: its TVIEWs are stale.  A foreign table that is gone may set TVIEWs free
 * that could not be refreshed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/lsyscache.h"

#include "ddl_find.h"
#include "ddl_work.h"
#include "derive.h"
#include "drop.h"
#include "levels.h"
#include "owner.h"
#include "registry.h"
#include "run.h"
#include "sources.h"

PG_FUNCTION_INFO_V1(tvb_follow_drop);

/* Forget relations that are gone; the sources they belonged to lost their rows. */
static void
work_forget(TvbCommand *command)
{
	ListCell   *lc;

	foreach(lc, command->relations)
	{
		TvbOwnerState state;
		Oid			relid = lfirst_oid(lc);

		tvb_owner_enter_extension(&state);
		SPI_execute(psprintf("DELETE FROM tviews_batch.captured WHERE relation = %u", relid), false, 0);
		SPI_execute(psprintf("DELETE FROM tviews_batch.shape WHERE source = %u", relid), false, 0);
		tvb_owner_leave(&state);
	}
	tvb_drop_metadata(command->relations);
	foreach(lc, command->sources)
	{
		if (get_rel_name(lfirst_oid(lc)) != NULL)
			(void) tvb_sources_sync(lfirst_oid(lc), false, NULL);
	}
	tvb_ddl_work_everything(command);
}

/* Relations of ours among those dropped. */
static List *
dropped_relations(void)
{
	static SPIPlanPtr plan = NULL;
	List	   *relids;

	tvb_run_own_change(&plan,
					   "SELECT d.objid FROM pg_catalog.pg_event_trigger_dropped_objects() d"
					   " WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0"
					   " AND d.object_type IN ('table', 'view', 'foreign table')"
					   " AND (EXISTS (SELECT FROM tviews_batch.tview t WHERE t.tview = d.objid)"
					   "  OR EXISTS (SELECT FROM tviews_batch.tview t WHERE t.view = d.objid)"
					   "  OR EXISTS (SELECT FROM tviews_batch.captured c WHERE c.relation = d.objid)"
					   "  OR EXISTS (SELECT FROM tviews_batch.source s WHERE s.source = d.objid))", NULL);
	relids = tvb_ddl_find_result(1);
	SPI_freetuptable(SPI_tuptable);
	return relids;
}

/* Tables that are still there and lost a trigger of ours. */
static List *
stripped_relations(void)
{
	static SPIPlanPtr plan = NULL;
	List	   *relids;

	tvb_run_own_change(&plan,
					   "SELECT DISTINCT c.oid FROM pg_catalog.pg_event_trigger_dropped_objects() d"
					   " JOIN pg_catalog.pg_namespace n ON n.nspname = d.address_names[1]"
					   " JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = d.address_names[2]"
					   " WHERE d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass"
					   " AND (starts_with(d.address_names[3], 'tviews_capture_') OR d.address_names[3] = 'tviews_guard')",
					   NULL);
	relids = tvb_ddl_find_result(1);
	SPI_freetuptable(SPI_tuptable);
	return relids;
}

/* Triggers of ours were dropped: nothing is created again behind the user's back. */
static void
work_stripped(TvbCommand *command)
{
	ListCell   *lc;

	foreach(lc, command->relations)
		tvb_derive_stale(tvb_ddl_find_dependent(list_make1_oid(RelationRelationId), list_make1_oid(lfirst_oid(lc))),
						 psprintf("a trigger of the extension was dropped from table %s",
								  tvb_registry_relation_name(lfirst_oid(lc))));
}

/* TVIEWs that could not be refreshed, where what is gone may have been the reason: a foreign partition. */
static List *
freed_tviews(void)
{
	static SPIPlanPtr plan = NULL;
	List	   *tviews;

	tvb_run_own_change(&plan,
					   "SELECT tview::oid FROM tviews_batch.tview WHERE broken IS NOT NULL"
					   " AND EXISTS (SELECT FROM pg_catalog.pg_event_trigger_dropped_objects() WHERE object_type = 'foreign table')"
					   " ORDER BY level, 1", NULL);
	tviews = tvb_ddl_find_result(1);
	SPI_freetuptable(SPI_tuptable);
	return tviews;
}

/* Derive these again. */
static void
work_freed(TvbCommand *command)
{
	bool		changed = false;
	ListCell   *lc;

	foreach(lc, command->relations)
		changed |= tvb_derive_again(lfirst_oid(lc));
	if (changed)
		tvb_levels_sync();
}

/*
 * sql_drop: something was dropped.
 */
Datum
tvb_follow_drop(PG_FUNCTION_ARGS)
{
	TvbCommand	command = {0};

	(void) tvb_ddl_work_trigger(fcinfo, "tviews_batch.follow_drop");
	if (tvb_sources_in_ddl() || !tvb_ddl_work_installed())
		PG_RETURN_NULL();
	SPI_connect();
	command.relations = dropped_relations();
	if (command.relations != NIL)
	{
		command.sources = tvb_sources_concerned(command.relations);
		tvb_ddl_work_protect(work_forget, &command);
	}
	command.relations = stripped_relations();
	command.sources = command.relations;
	if (command.relations != NIL)
		tvb_ddl_work_protect(work_stripped, &command);
	command.relations = freed_tviews();
	command.sources = NIL;
	if (command.relations != NIL)
		tvb_ddl_work_protect(work_freed, &command);
	SPI_finish();
	PG_RETURN_NULL();
}
