/*-------------------------------------------------------------------------
 *
 * ddl_drop.c
 *		Definition: the event trigger that forgets what the user drops.
 *
 * TVIEWs, views, sources and their partitions are forgotten, and what is left of their
 * families may have changed in all rows.  A trigger of ours that was dropped is not made again behind
 * the user's back: its TVIEWs are stale.  A foreign table that is gone may set TVIEWs free
 * that could not be refreshed.  A cast or operator class that is gone may leave a stored text with another meaning, and
 * values of its type another JSON or order.
 * A type, function or collation may take columns along, which rows that are read as a whole lack from then on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "ddl_drop.h"
#include "ddl_find.h"
#include "ddl_work.h"
#include "derive.h"
#include "drop.h"
#include "levels.h"
#include "owner.h"
#include "registry.h"
#include "repair.h"
#include "run.h"
#include "sources.h"

PG_FUNCTION_INFO_V1(tvb_follow_drop);

/* What a command dropped. */
typedef struct Dropped
{
	List	   *relations;		/* Oids, of those that TVIEWs consist of or
								 * read */
	List	   *stripped;		/* tables that are still there and lost a
								 * trigger of ours */
	bool		foreign;		/* a foreign table */
	bool		resolving;		/* a cast or operator class */
	List	   *shown;			/* types that had a cast to json */
	List	   *compared;		/* types that something of an operator class
								 * was for */
	List	   *shorter;		/* relations that are still there and lost a
								 * column, as with its type */
} Dropped;

void
tvb_ddl_drop_forget(List *relations, List *sources)
{
	ListCell   *lc;

	foreach(lc, relations)
	{
		TvbOwnerState state;
		Oid			relid = lfirst_oid(lc);

		tvb_owner_enter_extension(&state);
		SPI_execute(psprintf("DELETE FROM tviews_batch.captured WHERE relation = %u", relid), false, 0);
		SPI_execute(psprintf("DELETE FROM tviews_batch.shape WHERE source = %u", relid), false, 0);
		tvb_owner_leave(&state);
	}
	tvb_drop_metadata(relations);
	foreach(lc, sources)
	{
		if (get_rel_name(lfirst_oid(lc)) == NULL)
			continue;
		(void) tvb_sources_sync(lfirst_oid(lc), false, NULL);
		tvb_sources_everything(lfirst_oid(lc));
	}
}

/* Forget relations that are gone; the sources they belonged to lost their rows. */
static void
work_forget(TvbCommand *command)
{
	tvb_ddl_drop_forget(command->relations, command->sources);
}

/*
 * Of what was dropped, TVIEWs may depend that the transaction's snapshot does not show: leave to the next drain what is known of
 * now.  Whoever makes a TVIEW has locked what it reads, and was waited for.
 */
static void
work_unseen(TvbCommand *command)
{
	List	   *classes;
	List	   *objects;

	PushActiveSnapshot(GetLatestSnapshot());
	tvb_run_own_query(NULL, "SELECT DISTINCT classid, objid FROM pg_catalog.pg_event_trigger_dropped_objects()"
					  " WHERE classid IN ('pg_catalog.pg_cast'::pg_catalog.regclass,"
					  "   'pg_catalog.pg_opclass'::pg_catalog.regclass)"
					  "  OR classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
					  "   AND (objid IN (SELECT relation FROM tviews_batch.captured)"
					  "    OR objid IN (SELECT source FROM tviews_batch.source)"
					  "    OR objid IN (SELECT u.relation FROM tviews_batch.tview t, unnest(ARRAY[t.tview, t.view]) AS u (relation))"
					  "    OR object_type = 'composite type column')",
					  NULL);
	PopActiveSnapshot();
	classes = tvb_run_oid_column(1);
	objects = tvb_run_oid_column(2);
	SPI_freetuptable(SPI_tuptable);
	if (objects != NIL)
		tvb_repair_remember_objects(classes, objects);
}

/* Find out what was dropped.  One query: each call of the server's function describes all that was dropped anew. */
static Dropped
read_dropped(void)
{
	static SPIPlanPtr plan = NULL;
	Dropped		dropped = {0};
	List	   *untriggered = NIL;
	ListCell   *lc;

	tvb_run_own_change(&plan,
					   "WITH d AS MATERIALIZED ("
					   "  SELECT objid, objsubid, object_type, address_names, address_args FROM pg_catalog.pg_event_trigger_dropped_objects()"
					   "   WHERE classid IN ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_trigger'::pg_catalog.regclass,"
					   "    'pg_catalog.pg_cast'::pg_catalog.regclass, 'pg_catalog.pg_opclass'::pg_catalog.regclass,"
					   "    'pg_catalog.pg_amop'::pg_catalog.regclass, 'pg_catalog.pg_amproc'::pg_catalog.regclass))"
					   " SELECT 1, objid FROM d"
					   "  WHERE object_type IN ('table', 'view', 'foreign table') AND objsubid = 0"
					   /* LIMIT: no hash of all that is known is made for a table or two */
					   "   AND coalesce((SELECT true FROM tviews_batch.captured c WHERE c.relation = d.objid LIMIT 1),"
					   "    (SELECT true FROM tviews_batch.tview t WHERE t.tview = d.objid OR t.view = d.objid LIMIT 1),"
					   "    (SELECT true FROM tviews_batch.source s WHERE s.source = d.objid LIMIT 1), false)"
					   " UNION"
					   " SELECT 2, c.oid FROM d"
					   "  JOIN pg_catalog.pg_namespace n ON n.nspname = d.address_names[1]"
					   "  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = d.address_names[2]"
					   "  WHERE d.object_type = 'trigger'"
					   "   AND (starts_with(d.address_names[3], 'tviews_capture_') OR d.address_names[3] = 'tviews_guard')"
					   " UNION"
					   /* the user may have given it another name before */
					   " SELECT 8, c.oid FROM d"
					   "  JOIN pg_catalog.pg_namespace n ON n.nspname = d.address_names[1]"
					   "  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = d.address_names[2]"
					   "  WHERE d.object_type = 'trigger'"
					   "   AND (c.oid IN (SELECT relation FROM tviews_batch.captured) OR c.oid IN (SELECT tview FROM tviews_batch.tview))"
					   " UNION"
					   " SELECT CASE object_type WHEN 'foreign table' THEN 3 WHEN 'cast' THEN 4 WHEN 'operator class' THEN 4 ELSE 6 END, objid"
					   "  FROM d WHERE object_type IN ('foreign table', 'cast', 'operator class',"
					   "   'table column', 'foreign table column', 'composite type column')"
					   " UNION"
					   /* NULL: the type is gone, too; quotes are by the user's settings */
					   " SELECT CASE object_type WHEN 'cast' THEN 5 ELSE 7 END, t.type::oid"
					   "  FROM d, pg_catalog.to_regtype(CASE object_type WHEN 'cast' THEN address_names[1] ELSE address_args[1] END) AS t (type)"
					   /* nothing is looked up any more by a type of the server's */
					   "  WHERE t.type::oid >= 16384 AND (object_type IN ('operator of access method', 'function of access method')"
					   "   OR object_type = 'cast' AND replace(address_args[1], '\"', '') IN ('json', 'pg_catalog.json'))", NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		bool		isnull;
		int			what = DatumGetInt32(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &isnull));
		Oid			relid = DatumGetObjectId(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull));

		if (isnull)
			continue;
		if (what == 1)
			dropped.relations = lappend_oid(dropped.relations, relid);
		else if ((what == 2 || what == 8) && get_rel_name(relid) == NULL)
			continue;			/* it is gone too, though an older snapshot shows it */
		else if (what == 2)
			dropped.stripped = list_append_unique_oid(dropped.stripped, relid);
		else if (what == 8)
			untriggered = lappend_oid(untriggered, relid);
		else if (what == 3)
			dropped.foreign = true;
		else if (what == 5)
			dropped.shown = lappend_oid(dropped.shown, relid);
		else if (what == 7)
			dropped.compared = lappend_oid(dropped.compared, relid);
		else if (what == 6 && get_rel_name(relid) == NULL)
			continue;
		else if (what == 6)
			dropped.shorter = lappend_oid(dropped.shorter, relid);
		else
			dropped.resolving = true;
	}
	SPI_freetuptable(SPI_tuptable);
	foreach(lc, untriggered)
	{
		if (tvb_sources_lacks_trigger(lfirst_oid(lc)))
			dropped.stripped = list_append_unique_oid(dropped.stripped, lfirst_oid(lc));
	}
	return dropped;
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

/* Values of these types become JSON in another way. */
static void
work_shown(TvbCommand *command)
{
	tvb_ddl_work_stale_users(command->relations, "a cast to json was dropped");
}

/* Rows of these relations have fewer columns now. */
static void
work_shorter(TvbCommand *command)
{
	List	   *types = tvb_ddl_find_used_row_types(command->relations);
	List	   *classes = tvb_ddl_find_same_class(RelationRelationId, command->relations);
	bool		changed = false;
	ListCell   *lc;

	foreach(lc, command->relations)
	{
		if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_COMPOSITE_TYPE)
			types = list_append_unique_oid(types, get_rel_type_id(lfirst_oid(lc)));
	}
	foreach(lc, tvb_ddl_find_dependent(classes, command->relations))
		changed |= tvb_derive_again(lfirst_oid(lc));
	if (changed)
		tvb_levels_sync();
	if (types != NIL)
		tvb_ddl_work_stale_users(types, "a row type that the view uses lost a column");
}

/* Values of these types are compared in another way. */
static void
work_compared(TvbCommand *command)
{
	tvb_ddl_work_stale_users(command->relations, "an operator class was dropped");
}

/* Of these types TVIEWs may have values that the transaction's snapshot does not show: leave them to the next drain. */
static void
work_types_unseen(TvbCommand *command)
{
	tvb_repair_remember_objects(tvb_ddl_find_same_class(TypeRelationId, command->relations), command->relations);
}

/* What follows from that something is gone which was looked up by types. */
static void
follow_types(TvbCommand *command, List *types, TvbWork work)
{
	command->relations = types;
	if (types == NIL)
		return;
	if (IsolationUsesXactSnapshot())
		tvb_ddl_work_protect(work_types_unseen, command);
	tvb_ddl_work_protect(work, command);
}

/* TVIEWs that could not be refreshed: a foreign partition that is gone may have been the reason. */
static List *
broken_tviews(void)
{
	static SPIPlanPtr plan = NULL;

	return tvb_run_own_oids(&plan, "SELECT tview::oid FROM tviews_batch.tview WHERE broken IS NOT NULL ORDER BY level, 1",
							NULL);
}

/* Statements that met a foreign table gave triggers on what is above it no rows: they do if it was the last. */
static void
work_fit(TvbCommand *command)
{
	static SPIPlanPtr plan = NULL;
	ListCell   *lc;

	foreach(lc, tvb_run_own_oids(&plan, "SELECT DISTINCT c.source::oid FROM tviews_batch.captured c"
								 "  JOIN pg_trigger g ON g.tgrelid = c.relation"
								 " WHERE g.tgfoid = 'tviews_batch.capture()'::regprocedure"
								 "  AND g.tgtype & 17 = 16 AND g.tgoldtable IS NULL", NULL))
		(void) tvb_sources_sync(lfirst_oid(lc), false, NULL);
}

/* Derive these again. */
static void
work_derive(TvbCommand *command)
{
	bool		changed = false;
	ListCell   *lc;

	foreach(lc, command->relations)
		changed |= tvb_derive_again(lfirst_oid(lc));
	if (changed)
		tvb_levels_sync();
}

/* Relations that have lost a column. */
static void
work_shorter_left(TvbCommand *command)
{
	tvb_repair_remember_objects(tvb_ddl_find_same_class(RelationRelationId, command->relations), command->relations);
}

/* The same of what an event trigger of the user dropped inside of a command of ours: the next drain follows. */
static void
leave_drop(TvbCommand *command)
{
	Dropped		dropped;

	tvb_ddl_work_protect(work_unseen, command);
	dropped = read_dropped();
	command->relations = dropped.shorter;
	if (command->relations != NIL)
		tvb_ddl_work_protect(work_shorter_left, command);
	command->relations = list_concat(dropped.shown, dropped.compared);
	if (command->relations != NIL)
		tvb_ddl_work_protect(work_types_unseen, command);
}

/*
 * sql_drop: something was dropped.
 */
Datum
tvb_follow_drop(PG_FUNCTION_ARGS)
{
	EventTriggerData *data = tvb_ddl_work_trigger(fcinfo, "tviews_batch.follow_drop");
	TvbCommand	command = {0};
	Dropped		dropped;

	if (tvb_sources_is_own_ddl(data->parsetree) || !tvb_ddl_work_wanted())
		PG_RETURN_NULL();
	SPI_connect();
	if (tvb_sources_in_ddl())
	{
		leave_drop(&command);
		SPI_finish();
		PG_RETURN_NULL();
	}
	if (IsolationUsesXactSnapshot())
		tvb_ddl_work_protect(work_unseen, &command);
	dropped = read_dropped();
	command.relations = dropped.relations;
	if (command.relations != NIL)
	{
		command.sources = tvb_sources_concerned(command.relations);
		tvb_ddl_work_protect(work_forget, &command);
	}
	command.relations = dropped.stripped;
	command.sources = command.relations;
	if (command.relations != NIL)
		tvb_ddl_work_protect(work_stripped, &command);
	command.relations = list_concat_unique_oid(dropped.foreign ? broken_tviews() : NIL,
											   dropped.resolving ? tvb_ddl_find_resolving_any() : NIL);
	command.sources = NIL;
	if (command.relations != NIL)
		tvb_ddl_work_protect(work_derive, &command);
	if (dropped.foreign)
		tvb_ddl_work_protect(work_fit, &command);
	follow_types(&command, dropped.shown, work_shown);
	follow_types(&command, dropped.compared, work_compared);
	/* of ALTER TABLE the other event trigger sees more */
	command.relations = data->parsetree && IsA(data->parsetree, AlterTableStmt) ? NIL : dropped.shorter;
	if (command.relations != NIL)
		tvb_ddl_work_protect(work_shorter, &command);
	SPI_finish();
	PG_RETURN_NULL();
}
