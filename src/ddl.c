/*-------------------------------------------------------------------------
 *
 * ddl.c
 *		Definition: event triggers that keep capture in step with the user's DDL.
 *
 * A partition or child that is attached later gets capture triggers; what it
 * brings, or takes along when detached or dropped, is one change for all rows
 * of the source.  A dropped TVIEW is forgotten.  These triggers run for
 * everybody's DDL: they leave at once where no family of ours is concerned.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "drop.h"
#include "owner.h"
#include "registry.h"
#include "sources.h"

PG_FUNCTION_INFO_V1(tvb_follow_ddl);
PG_FUNCTION_INFO_V1(tvb_follow_drop);

/* Refuse to be called as anything but an event trigger; returns its data. */
static EventTriggerData *
trigger_data(FunctionCallInfo fcinfo, const char *name)
{
	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("%s can only be called as an event trigger", name)));
	return (EventTriggerData *) fcinfo->context;
}

/* The first column of a query's rows, as an oid list; run as the extension's owner. */
static List *
select_oids(const char *query)
{
	TvbOwnerState state;
	List	   *oids = NIL;

	tvb_owner_enter_extension(&state);
	if (SPI_execute(query, true, 0) < 0)
		elog(ERROR, "could not run \"%s\"", query);
	tvb_owner_leave(&state);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);

		if (!isnull)
			oids = list_append_unique_oid(oids, DatumGetObjectId(value));
	}
	return oids;
}

/* Whether the extension's tables are there; they are not while it is created or dropped. */
static bool
is_installed(void)
{
	Oid			schema = get_namespace_oid("tviews_batch", true);

	return OidIsValid(schema) && OidIsValid(get_relname_relid("captured", schema)) &&
		OidIsValid(get_relname_relid("lookup", schema));
}

/* Relations with their whole families. */
static List *
with_families(List *relids)
{
	List	   *all = NIL;
	ListCell   *lc;

	foreach(lc, relids)
	{
		if (get_rel_name(lfirst_oid(lc)) != NULL)
			all = list_concat_unique_oid(all, tvb_sources_family(lfirst_oid(lc)));
	}
	return all;
}

/*
 * ddl_command_end: tables were created or altered.  A new table is empty, so
 * only ALTER TABLE can have changed what a source contains.
 */
Datum
tvb_follow_ddl(PG_FUNCTION_ARGS)
{
	EventTriggerData *data = trigger_data(fcinfo, "tviews_batch.follow_ddl");
	bool		created = data->tag != CMDTAG_ALTER_TABLE;
	List	   *sources;
	ListCell   *lc;

	if (tvb_sources_in_ddl() || !is_installed())
		PG_RETURN_NULL();
	SPI_connect();
	sources = tvb_sources_concerned(with_families(
												  select_oids("SELECT objid FROM pg_catalog.pg_event_trigger_ddl_commands()"
															  " WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass")));
	foreach(lc, sources)
	{
		bool		changed = false;

		(void) tvb_sources_sync(lfirst_oid(lc), &changed);
		if (changed && !created)
			tvb_sources_everything(lfirst_oid(lc));
	}
	SPI_finish();
	PG_RETURN_NULL();
}

/* Forget relations that are gone; the sources they belonged to lost their rows. */
static void
forget_relations(List *relids)
{
	TvbOwnerState state;
	List	   *sources = tvb_sources_concerned(relids);
	ListCell   *lc;

	tvb_owner_enter_extension(&state);
	foreach(lc, relids)
	{
		Oid			relid = lfirst_oid(lc);

		SPI_execute(psprintf("DELETE FROM tviews_batch.captured WHERE relation = %u", relid), false, 0);
		SPI_execute(psprintf("DELETE FROM tviews_batch.shape WHERE source = %u", relid), false, 0);
	}
	tvb_owner_leave(&state);
	tvb_drop_metadata(relids);
	foreach(lc, sources)
	{
		if (get_rel_name(lfirst_oid(lc)) == NULL)
			continue;
		(void) tvb_sources_sync(lfirst_oid(lc), NULL);
		tvb_sources_everything(lfirst_oid(lc));
	}
}

/* The TVIEWs among dropped relations, and those whose view is among them. */
static List *
known_relations(List *relids)
{
	List	   *known = NIL;
	ListCell   *lc;

	foreach(lc, relids)
	{
		Oid			relid = lfirst_oid(lc);

		known = list_concat_unique_oid(known, select_oids(psprintf("SELECT tview::oid FROM tviews_batch.tview WHERE tview = %u OR view = %u"
																   " UNION SELECT relation::oid FROM tviews_batch.captured WHERE relation = %u"
																   " UNION SELECT source::oid FROM tviews_batch.source WHERE source = %u",
																   relid, relid, relid, relid)));
	}
	return known;
}

/*
 * sql_drop: tables or views were dropped.
 */
Datum
tvb_follow_drop(PG_FUNCTION_ARGS)
{
	List	   *known;

	(void) trigger_data(fcinfo, "tviews_batch.follow_drop");
	if (tvb_sources_in_ddl() || !is_installed())
		PG_RETURN_NULL();
	SPI_connect();
	known = known_relations(select_oids("SELECT objid FROM pg_catalog.pg_event_trigger_dropped_objects()"
										" WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
										" AND object_type IN ('table', 'view', 'foreign table')"));
	if (known != NIL)
		forget_relations(known);
	SPI_finish();
	PG_RETURN_NULL();
}
