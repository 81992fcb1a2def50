/*-------------------------------------------------------------------------
 *
 * ddl.c
 *		Definition: event triggers that keep the metadata in step with the user's DDL.
 *
 * These triggers run for everybody's DDL.  They leave at once where nothing of
 * ours can be concerned, which the command itself mostly tells, and they never
 * fail it: what goes wrong for one TVIEW stays with it (derive.c), what goes wrong
 * here is undone and becomes a warning, the sources concerned get one change for all
 * their rows, and the next drain makes up for it (repair.c).
 *
 *	- A partition or child that is created or attached gets capture triggers; what it
 *	  brings, or takes along when detached or dropped, is one such change.
 *	- The TVIEWs that depend on what was altered, found through pg_depend, are
 *	  derived again: this follows renames, replaced views, row types.
 *	- What changes a result without changing the view's query (a function, a
 *	  type's labels, capture switched off for a time) makes them stale.
 *	- A source or TVIEW that comes into a subscription gets a row trigger.
 *	- A dropped TVIEW is forgotten.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "compat.h"
#include "ddl_command.h"
#include "derive.h"
#include "drop.h"
#include "epoch.h"
#include "levels.h"
#include "owner.h"
#include "progress.h"
#include "queue.h"
#include "registry.h"
#include "repair.h"
#include "run.h"
#include "sources.h"

PG_FUNCTION_INFO_V1(tvb_follow_ddl);
PG_FUNCTION_INFO_V1(tvb_follow_drop);

/* A command that ended. */
typedef struct Command
{
	Node	   *tree;
	List	   *classes;		/* Oids, of the objects it made or altered */
	List	   *objects;
	List	   *relations;		/* those that are relations */
	List	   *sources;		/* sources captured on behalf of these */
	bool		is_ours;		/* a TVIEW or its view is among them */
	char	   *problem;		/* the error that undid what was to follow */
} Command;

/* What is done after a command, protected against errors. */
typedef void (*Work) (Command *command);

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

/*
 * Whether the extension's tables are there, as this version has them: not while it is created or dropped, nor
 * between the installation of a new library and ALTER EXTENSION UPDATE, which has all TVIEWs derived again.
 */
static bool
is_installed(void)
{
	Oid			schema = get_namespace_oid("tviews_batch", true);

	return OidIsValid(schema) && OidIsValid(get_relname_relid("captured", schema)) &&
		OidIsValid(get_relname_relid("lookup", schema)) && OidIsValid(get_relname_relid("tview", schema)) &&
		OidIsValid(get_relname_relid("unfollowed", schema)) && tvb_queue_exists();
}

/* An oid list as an array. */
static Datum
oid_array(List *oids)
{
	Datum	   *values = palloc(sizeof(Datum) * (list_length(oids) + 1));
	ListCell   *lc;

	foreach(lc, oids)
		values[foreach_current_index(lc)] = ObjectIdGetDatum(lfirst_oid(lc));
	return PointerGetDatum(construct_array(values, list_length(oids), OIDOID, sizeof(Oid), true,
										   TYPALIGN_INT));
}

/* A column of the last query's rows, as an oid list. */
static List *
result_oids(int column)
{
	List	   *oids = NIL;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, column, &isnull);

		if (!isnull)
			oids = lappend_oid(oids, DatumGetObjectId(value));
	}
	return oids;
}

/* ---------- protection ---------- */

/* Undo what failed; an error of our own is the user's no matter. */
static char *
catch_error(MemoryContext context, ResourceOwner owner)
{
	ErrorData  *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	if (tvb_derive_must_rethrow(error->sqlerrcode))
		PG_RE_THROW();
	FlushErrorState();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error->message;
}

/* Do the work in a subtransaction; returns the message of the error that undid it, or NULL. */
static char *
attempt(Work work, Command *command)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	char	   *volatile message = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		work(command);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		message = catch_error(context, owner);
	}
	PG_END_TRY();
	return message;
}

/* ---------- who is concerned ---------- */

/*
 * The tables that an ALTER TABLE gave a parent or took one from: the altered ones,
 * or the partition that it names.
 */
static List *
moved_children(Command *command)
{
	List	   *children = NIL;
	ListCell   *lc;

	if (command->tree == NULL || !IsA(command->tree, AlterTableStmt))
		return NIL;
	foreach(lc, ((AlterTableStmt *) command->tree)->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_AddInherit || cmd->subtype == AT_DropInherit)
			children = list_concat_unique_oid(children, command->relations);
		else if (cmd->subtype == AT_AttachPartition || cmd->subtype == AT_DetachPartition)
			children = lappend_oid(children, RangeVarGetRelid(castNode(PartitionCmd, cmd->def)->name, NoLock, true));
	}
	return children;
}

/* What was made or altered, if there is any TVIEW at all. */
static void
read_command(Command *command)
{
	static SPIPlanPtr plan = NULL;
	ListCell   *class;
	ListCell   *object;

	if (tvb_run_own_change(&plan,
						   "SELECT DISTINCT classid, objid,"
						   " (SELECT t.tview::oid FROM tviews_batch.tview t WHERE t.tview = objid OR t.view = objid LIMIT 1)"
						   " FROM pg_catalog.pg_event_trigger_ddl_commands()"
						   " WHERE objid IS NOT NULL AND EXISTS (SELECT FROM tviews_batch.tview)", NULL) == 0)
		return;
	command->classes = result_oids(1);
	command->objects = result_oids(2);
	command->is_ours = result_oids(3) != NIL;
	SPI_freetuptable(SPI_tuptable);
	forboth(class, command->classes, object, command->objects)
	{
		if (lfirst_oid(class) == RelationRelationId)
			command->relations = lappend_oid(command->relations, lfirst_oid(object));
	}
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

/* The TVIEWs of a view. */
static List *
tviews_of_view(Oid view)
{
	static SPIPlanPtr plan = NULL;
	Oid			type = OIDOID;
	Datum		value = ObjectIdGetDatum(view);
	TvbRunArgs	args = {1, &type, &value, NULL};
	List	   *tviews;

	tvb_run_own_change(&plan, "SELECT tview::oid FROM tviews_batch.tview WHERE view = $1", &args);
	tviews = result_oids(1);
	SPI_freetuptable(SPI_tuptable);
	return tviews;
}

/*
 * The TVIEWs that depend on objects: through views, functions, operators,
 * casts, types and the columns of tables that have them.
 */
static List *
dependent_tviews(List *classes, List *objects)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {OIDARRAYOID, OIDARRAYOID};
	Datum		values[] = {oid_array(classes), oid_array(objects)};
	TvbRunArgs	args = {2, types, values, NULL};
	List	   *tviews;

	tvb_run_own_change(&plan,
					   "WITH RECURSIVE up (classid, objid) AS ("
					   "  SELECT s.c, s.o FROM unnest($1, $2) AS s (c, o)"
					   "  UNION ALL"
					   "  SELECT 'pg_type'::regclass, c.reltype FROM unnest($1, $2) AS s (c, o) JOIN pg_class c ON c.oid = s.o"
					   "   WHERE s.c = 'pg_class'::regclass AND c.relkind = 'c'"
					   "  UNION"
					   "  SELECT n.classid, n.objid"
					   "  FROM up JOIN pg_depend d ON d.refclassid = up.classid AND d.refobjid = up.objid"
					   "  CROSS JOIN LATERAL ("
					   "   SELECT 'pg_class'::regclass::oid, w.ev_class FROM pg_rewrite w"
					   "    WHERE d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid"
					   "   UNION ALL"
					   "   SELECT d.classid, d.objid WHERE d.classid IN ('pg_proc'::regclass, 'pg_operator'::regclass,"
					   "    'pg_type'::regclass, 'pg_cast'::regclass)"
					   "   UNION ALL"
					   "   SELECT CASE c.relkind WHEN 'c' THEN 'pg_type'::regclass ELSE 'pg_class'::regclass END,"
					   "    CASE c.relkind WHEN 'c' THEN c.reltype ELSE c.oid END FROM pg_class c"
					   "    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_type'::regclass"
					   "     AND d.objsubid > 0 AND c.oid = d.objid) AS n (classid, objid)),"
					   " relation AS (SELECT objid FROM up WHERE classid = 'pg_class'::regclass)"
					   " SELECT tview::oid FROM tviews_batch.tview WHERE tview IN (TABLE relation) OR view IN (TABLE relation)"
					   " UNION"
					   " SELECT tview::oid FROM tviews_batch.route"
					   "  WHERE source IN (TABLE relation)"
					   "     OR source IN (SELECT c.source FROM tviews_batch.captured c WHERE c.relation IN (TABLE relation))",
					   &args);
	tviews = result_oids(1);
	SPI_freetuptable(SPI_tuptable);
	return tviews;
}

/* All TVIEWs. */
static List *
all_tviews(void)
{
	static SPIPlanPtr plan = NULL;
	List	   *tviews;

	tvb_run_own_change(&plan, "SELECT tview::oid FROM tviews_batch.tview ORDER BY level, 1", NULL);
	tviews = result_oids(1);
	SPI_freetuptable(SPI_tuptable);
	return tviews;
}

/* ---------- what could not be done ---------- */

/* All rows of the sources concerned may have changed. */
static void
work_everything(Command *command)
{
	ListCell   *lc;

	foreach(lc, command->sources)
	{
		if (get_rel_name(lfirst_oid(lc)) != NULL)
			tvb_sources_everything(lfirst_oid(lc));
	}
}

/* The next drain is to make up for it: for the TVIEWs that depend on what was altered, else for all. */
static void
work_remember(Command *command)
{
	List	   *classes = list_copy(command->classes);
	List	   *objects = list_copy(command->objects);
	List	   *tviews = NIL;
	ListCell   *lc;

	foreach(lc, command->sources)
	{
		classes = lappend_oid(classes, RelationRelationId);
		objects = lappend_oid(objects, lfirst_oid(lc));
	}
	if (objects != NIL && !tvb_ddl_command_renames_everywhere(command->tree))
		tviews = dependent_tviews(classes, objects);
	tvb_repair_remember(tviews != NIL ? tviews : all_tviews(), command->problem);
}

/* Do the work; if it fails, say so and leave it to the next drain. */
static void
protect(Work work, Command *command)
{
	command->problem = attempt(work, command);
	if (command->problem == NULL)
		return;
	ereport(WARNING,
			(errmsg("TVIEWs could not follow this command: %s", command->problem),
			 errhint("They are stale until the next drain has looked at them.")));
	(void) attempt(work_everything, command);
	(void) attempt(work_remember, command);
}

/* ---------- after a command ---------- */

/* Follow the rename of a column, in a table or in a view. */
static void
follow_column_rename(Command *command)
{
	RenameStmt *rename = (RenameStmt *) command->tree;
	ListCell   *lc;
	ListCell   *cell;

	foreach(lc, command->relations)
	{
		Oid			relid = lfirst_oid(lc);
		List	   *tviews;

		if (get_rel_name(relid) == NULL)
			continue;
		tvb_derive_rename_source(find_all_inheritors(relid, NoLock, NULL), rename->subname, rename->newname);
		tviews = tviews_of_view(relid);
		tvb_derive_rename_tview(tviews, rename->subname, rename->newname);
		foreach(cell, tviews)
		{
			command->classes = lappend_oid(command->classes, RelationRelationId);
			command->objects = lappend_oid(command->objects, lfirst_oid(cell));
		}
	}
}

/* A source that has a foreign table below it now is not captured any more: its TVIEWs are concerned. */
static void
add_foreign_families(Command *command)
{
	ListCell   *lc;
	bool		found = false;

	foreach(lc, command->relations)
		found |= get_rel_relkind(lfirst_oid(lc)) == RELKIND_FOREIGN_TABLE;
	if (!found)
		return;
	foreach(lc, command->sources)
	{
		command->classes = lappend_oid(command->classes, RelationRelationId);
		command->objects = lappend_oid(command->objects, lfirst_oid(lc));
	}
}

/* Partitions and children may have come or gone. */
static void
follow_families(Command *command)
{
	ListCell   *lc;

	foreach(lc, command->sources)
	{
		bool		changed = false;

		(void) tvb_sources_sync(lfirst_oid(lc), false, &changed);
		if (changed && command->tree && IsA(command->tree, AlterTableStmt))
			tvb_sources_everything(lfirst_oid(lc));
	}
}

/* Capture, or the guard, was off for a time, or is now. */
static void
follow_toggle(Command *command, List *tviews)
{
	List	   *family = with_families(command->relations);
	ListCell   *lc;

	if (tviews == NIL)
		return;
	foreach(lc, family)
		tvb_sources_enable(lfirst_oid(lc));
	tvb_derive_stale(tviews, psprintf("a trigger of the extension was switched on or off on table %s",
									  tvb_registry_relation_name(linitial_oid(command->relations))));
}

/* A TVIEW with a parent is written through it, past its guard: while it is one, and until now. */
static void
work_moved(Command *command)
{
	static SPIPlanPtr plan = NULL;
	Oid			type = OIDARRAYOID;
	Datum		value = oid_array(moved_children(command));
	TvbRunArgs	args = {1, &type, &value, NULL};
	List	   *tviews;

	tvb_run_own_change(&plan, "SELECT tview::oid FROM tviews_batch.tview WHERE tview = ANY ($1)", &args);
	tviews = result_oids(1);
	SPI_freetuptable(SPI_tuptable);
	if (tviews != NIL)
		tvb_derive_stale(tviews, "it was given a parent table, or lost one");
}

/* What follows from a command for TVIEWs. */
static void
work_follow(Command *command)
{
	const char *reason = tvb_ddl_command_changes_results(command->tree);
	bool		changed = false;
	List	   *tviews;
	ListCell   *lc;

	if (command->tree && IsA(command->tree, RenameStmt) &&
		((RenameStmt *) command->tree)->renameType == OBJECT_COLUMN)
		follow_column_rename(command);
	follow_families(command);
	if (tvb_ddl_command_renames_everywhere(command->tree))
		tviews = all_tviews();
	else
	{
		add_foreign_families(command);
		tviews = dependent_tviews(command->classes, command->objects);
	}
	foreach(lc, tviews)
		changed |= tvb_derive_again(lfirst_oid(lc));
	if (reason)
		tvb_derive_stale(tviews, reason);
	if (tvb_ddl_command_toggles_triggers(command->tree))
		follow_toggle(command, tviews);
	if (changed)
		tvb_levels_sync();
}

/*
 * Whether a view, a function or the like depends on one of the objects: without, no
 * TVIEW does.  What spares most DDL the search for TVIEWs.
 */
static bool
any_dependent(Command *command)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	bool		found = false;
	ListCell   *class;
	ListCell   *object;

	forboth(class, command->classes, object, command->objects)
	{
		ScanKeyData keys[2];
		SysScanDesc scan;
		HeapTuple	tuple;

		/* A composite type's columns hang on its row type. */
		if (lfirst_oid(class) == RelationRelationId && get_rel_relkind(lfirst_oid(object)) == RELKIND_COMPOSITE_TYPE)
			found = true;
		ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
					ObjectIdGetDatum(lfirst_oid(class)));
		ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
					ObjectIdGetDatum(lfirst_oid(object)));
		scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, keys);
		while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
		{
			Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

			found = form->classid == RewriteRelationId || form->classid == ProcedureRelationId ||
				form->classid == OperatorRelationId || form->classid == CastRelationId ||
				(form->refclassid == TypeRelationId &&
				 (form->classid == RelationRelationId || form->classid == TypeRelationId));
		}
		systable_endscan(scan);
	}
	table_close(depend, AccessShareLock);
	return found;
}

/* Tables came into a subscription. */
static void
work_subscribed(Command *command)
{
	tvb_sources_sync_subscribed();
}

/* Before a subscription changes: what it kept stale stays so until it has been compared. */
static void
work_unwatched(Command *command)
{
	static SPIPlanPtr plan = NULL;

	tvb_run_own_change(&plan,
					   "UPDATE tviews_batch.tview t SET stale_reason = coalesce(t.stale_reason, u.reason),"
					   " awaits_prepared = false, " TVB_PROGRESS_RESET
					   " FROM (SELECT tview, min(reason) FROM tviews_batch.unwatched GROUP BY tview) AS u (tview, reason)"
					   " WHERE t.tview = u.tview", NULL);
}

/* Find out what a command concerns, and follow it if anything. */
static void
follow_command(Command *command)
{
	read_command(command);
	if (command->objects == NIL)
		return;
	if (moved_children(command) != NIL)
		protect(work_moved, command);
	command->sources = tvb_sources_concerned(with_families(command->relations));
	if (command->sources == NIL && !command->is_ours && !tvb_ddl_command_renames_everywhere(command->tree) &&
		(!any_dependent(command) || dependent_tviews(command->classes, command->objects) == NIL))
		return;
	/* A restore makes what it knows; the first drain after it looks at the rest. */
	if (!(command->tree && IsA(command->tree, RenameStmt)) && tvb_epoch_restored())
		return;
	protect(work_follow, command);
}

/*
 * ddl_command_end: something was created or altered.  ddl_command_start: a
 * subscription will be altered or dropped.
 */
Datum
tvb_follow_ddl(PG_FUNCTION_ARGS)
{
	EventTriggerData *data = trigger_data(fcinfo, "tviews_batch.follow_ddl");
	Command		command = {0};

	if (tvb_ddl_command_makes_something_new(data->parsetree) || tvb_sources_in_ddl() || !is_installed())
		PG_RETURN_NULL();
	command.tree = data->parsetree;
	SPI_connect();
	if (strcmp(data->event, "ddl_command_start") == 0)
		protect(work_unwatched, &command);
	else if (tvb_ddl_command_changes_subscriptions(command.tree))
		protect(work_subscribed, &command);
	else
		follow_command(&command);
	SPI_finish();
	PG_RETURN_NULL();
}

/* ---------- after a drop ---------- */

/* Forget relations that are gone; the sources they belonged to lost their rows. */
static void
work_forget(Command *command)
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
	work_everything(command);
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
	relids = result_oids(1);
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
	relids = result_oids(1);
	SPI_freetuptable(SPI_tuptable);
	return relids;
}

/* Triggers of ours were dropped: nothing is created again behind the user's back. */
static void
work_stripped(Command *command)
{
	ListCell   *lc;

	foreach(lc, command->relations)
		tvb_derive_stale(dependent_tviews(list_make1_oid(RelationRelationId), list_make1_oid(lfirst_oid(lc))),
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
	tviews = result_oids(1);
	SPI_freetuptable(SPI_tuptable);
	return tviews;
}

/* Derive these again. */
static void
work_freed(Command *command)
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
	Command		command = {0};

	(void) trigger_data(fcinfo, "tviews_batch.follow_drop");
	if (tvb_sources_in_ddl() || !is_installed())
		PG_RETURN_NULL();
	SPI_connect();
	command.relations = dropped_relations();
	if (command.relations != NIL)
	{
		command.sources = tvb_sources_concerned(command.relations);
		protect(work_forget, &command);
	}
	command.relations = stripped_relations();
	command.sources = command.relations;
	if (command.relations != NIL)
		protect(work_stripped, &command);
	command.relations = freed_tviews();
	command.sources = NIL;
	if (command.relations != NIL)
		protect(work_freed, &command);
	SPI_finish();
	PG_RETURN_NULL();
}
