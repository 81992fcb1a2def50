/*-------------------------------------------------------------------------
 *
 * ddl.c
 *		Definition: the event trigger that keeps the metadata in step with the user's DDL.
 *
 * It runs for everybody's DDL.  It leaves at once where nothing of ours can be
 * concerned, which the command itself mostly tells (ddl_command.c), and never
 * fails it: what goes wrong for one TVIEW stays with it (derive.c), what goes wrong
 * here is undone and made up for (ddl_work.c).
 *
 *	- A partition or child that is created or attached gets capture triggers; what it
 *	  brings, or takes along when detached or dropped, is one such change.
 *	- The TVIEWs that depend on what was altered, found through pg_depend, are
 *	  derived again: this follows renames, replaced views, row types.
 *	- What changes a result without changing the view's query (a function, a
 *	  type's labels, a text search configuration, capture switched off for a time) makes them stale.
 *	- A new function, operator or cast may be what a stored text names when it is parsed again, though the view
 *	  names another: texts that do not mean the view any more are given up.
 *	- A source or TVIEW that comes into a subscription gets a row trigger.
 *
 * What is dropped is ddl_drop.c's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "compat.h"
#include "ddl_command.h"
#include "ddl_find.h"
#include "ddl_work.h"
#include "derive.h"
#include "drain.h"
#include "epoch.h"
#include "levels.h"
#include "progress.h"
#include "registry.h"
#include "rename.h"
#include "repair.h"
#include "run.h"
#include "sources.h"
#include "young.h"

PG_FUNCTION_INFO_V1(tvb_follow_ddl);

/*
 * Whom an ALTER TABLE gave a parent or took one from, and the parents: the altered tables are children where it says INHERIT,
 * parents where it names a partition.
 */
static void
read_moves(TvbCommand *command)
{
	ListCell   *lc;

	if (command->tree == NULL || !IsA(command->tree, AlterTableStmt))
		return;
	foreach(lc, ((AlterTableStmt *) command->tree)->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_AddInherit || cmd->subtype == AT_DropInherit)
		{
			command->parents = lappend_oid(command->parents, RangeVarGetRelid(castNode(RangeVar, cmd->def), NoLock, true));
			command->children = list_concat_unique_oid(command->children, command->relations);
		}
		else if (cmd->subtype == AT_AttachPartition || cmd->subtype == AT_DetachPartition)
		{
			command->parents = list_concat_unique_oid(command->parents, command->relations);
			command->children = lappend_oid(command->children,
											RangeVarGetRelid(castNode(PartitionCmd, cmd->def)->name, NoLock, true));
		}
	}
}

/* What was made or altered. */
static void
read_command(TvbCommand *command)
{
	static SPIPlanPtr plan = NULL;
	ListCell   *class;
	ListCell   *object;

	if (tvb_run_own_change(&plan,
						   "SELECT DISTINCT classid, objid,"
						   " (SELECT t.tview::oid FROM tviews_batch.tview t WHERE t.tview = objid OR t.view = objid LIMIT 1)"
						   /* a rule is its relation's: that of a view is its query */
						   " FROM (SELECT CASE WHEN w.oid IS NULL THEN c.classid ELSE 'pg_catalog.pg_class'::pg_catalog.regclass END,"
						   "   coalesce(w.ev_class, c.objid)"
						   "  FROM pg_catalog.pg_event_trigger_ddl_commands() c LEFT JOIN pg_catalog.pg_rewrite w"
						   "   ON c.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND w.oid = c.objid) AS c (classid, objid)"
						   " WHERE objid IS NOT NULL", NULL) == 0)
		return;
	command->classes = tvb_run_oid_column(1);
	command->objects = tvb_run_oid_column(2);
	command->is_ours = tvb_run_oid_column(3) != NIL;
	SPI_freetuptable(SPI_tuptable);
	forboth(class, command->classes, object, command->objects)
	{
		if (lfirst_oid(class) == RelationRelationId)
			command->relations = lappend_oid(command->relations, lfirst_oid(object));
	}
}

/* Follow the rename of a column, in a table or in a view. */
static void
follow_column_rename(TvbCommand *command)
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
		tvb_rename_source(find_all_inheritors(relid, NoLock, NULL), rename->subname, rename->newname);
		tviews = tvb_ddl_find_of_view(relid);
		foreach(cell, tviews)
		{
			/* one after the other, where some have to wait */
			if (tvb_repair_renames(lfirst_oid(cell)))
				tvb_repair_remember_rename(list_make1_oid(lfirst_oid(cell)), rename->subname, rename->newname,
										   "another column is to be renamed before");
			else
				tvb_rename_tview(lfirst_oid(cell), rename->subname, rename->newname);
			command->classes = lappend_oid(command->classes, RelationRelationId);
			command->objects = lappend_oid(command->objects, lfirst_oid(cell));
		}
	}
}

/* A source that has a foreign table below it now is not captured any more: its TVIEWs are concerned. */
static void
add_foreign_families(TvbCommand *command)
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

/* Whether any of these is in a list. */
static bool
is_any_member(List *oids, List *list)
{
	ListCell   *lc;

	foreach(lc, oids)
	{
		if (list_member_oid(list, lfirst_oid(lc)))
			return true;
	}
	return false;
}

/*
 * Partitions and children may have come or gone.  Whose rows came or went need not show in the family: what is an ancestor of one
 * member can become another's child.
 */
static void
follow_families(TvbCommand *command)
{
	ListCell   *lc;

	foreach(lc, command->sources)
	{
		TvbFamilyChange change = TVB_FAMILY_SAME;

		(void) tvb_sources_sync(lfirst_oid(lc), false, &change);
		if ((change == TVB_FAMILY_GREW && command->tree && IsA(command->tree, AlterTableStmt)) ||
			(change == TVB_FAMILY_SAME && get_rel_name(lfirst_oid(lc)) != NULL &&
			 is_any_member(command->parents, find_all_inheritors(lfirst_oid(lc), NoLock, NULL))))
			tvb_sources_everything(lfirst_oid(lc));
	}
}

/* Whether a command switched triggers of ours on or off. */
static bool
toggles_ours(TvbCommand *command)
{
	bool		all;
	List	   *names = tvb_ddl_command_toggled_triggers(command->tree, &all);
	ListCell   *lc;
	ListCell   *cell;

	foreach(lc, names)
	{
		foreach(cell, command->relations)
			all |= tvb_sources_has_trigger(lfirst_oid(cell), lfirst(lc));
	}
	return all;
}

/* Capture, or the guard, was off for a time, or is now. */
static void
follow_toggle(TvbCommand *command, List *tviews)
{
	List	   *family = tvb_ddl_find_families(command->relations);
	ListCell   *lc;

	if (tviews == NIL)
		return;
	foreach(lc, family)
		tvb_sources_enable(lfirst_oid(lc));
	tvb_derive_stale(tviews, psprintf("a trigger of the extension was switched on or off on table %s",
									  tvb_registry_relation_name(linitial_oid(command->relations))));
}

/* What a crash emptied, and is logged now, is not found by the drain that looks for unlogged tables. */
static void
follow_logged(List *tviews)
{
	if (tviews != NIL && tvb_epoch_unlogged_lost())
		tvb_derive_stale(tviews, TVB_REASON_EMPTIED);
}

/* A TVIEW with a parent is written through it, past its guard: while it is one, and until now. */
static void
work_moved(TvbCommand *command)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDARRAYOID, tvb_run_oid_array(command->children));
	List	   *tviews;

	tviews = tvb_run_own_oids(&plan, "SELECT tview::oid FROM tviews_batch.tview WHERE tview = ANY ($1)", &args);
	if (tviews != NIL)
		tvb_derive_stale(tviews, "it was given a parent table, or lost one");
}

/* Columns of a TVIEW that are the view's were given other values, or made anew. */
static void
follow_altered(TvbCommand *command, List *columns)
{
	ListCell   *lc;

	foreach(lc, command->relations)
	{
		if (tvb_derive_stale_altered(lfirst_oid(lc), columns))
			tvb_derive_stale_whole_readers(lfirst_oid(lc));
	}
}

/* Whether a relation or one below it has been given a new file in this transaction. */
static bool
was_rewritten(Oid relid)
{
	bool		rewritten = false;
	ListCell   *lc;

	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		Relation	relation = try_relation_open(lfirst_oid(lc), AccessShareLock);

		if (relation == NULL)
			continue;
		rewritten |= tvb_compat_has_new_file(relation);
		relation_close(relation, NoLock);
	}
	return rewritten;
}

/*
 * Tables were rewritten: to snapshots that are older than that they are empty.  So is that of a drain which waits for
 * them; if there is none, none begins before this transaction has ended.
 */
static void
follow_new_files(TvbCommand *command, List *tviews)
{
	bool		rewritten = false;
	ListCell   *lc;

	foreach(lc, command->relations)
		rewritten |= was_rewritten(lfirst_oid(lc));
	if (rewritten && tviews != NIL && !tvb_drain_lock(false))
		tvb_derive_stale(tviews, TVB_REASON_REWRITTEN);
}

/* No dependency leads to those who use a text search configuration of the server's, or the one that is set. */
static void
work_text_search(TvbCommand *command)
{
	List	   *tviews = NIL;
	ListCell   *lc;

	foreach(lc, tvb_ddl_find_all())
	{
		if (tvb_derive_uses_text_search(lfirst_oid(lc)))
			tviews = lappend_oid(tviews, lfirst_oid(lc));
	}
	tvb_derive_stale(tviews, "a text search configuration or dictionary was altered");
}

/* The setting that a TVIEW keeps names the configuration. */
static void
work_text_search_names(TvbCommand *command)
{
	static SPIPlanPtr plan = NULL;
	List	   *tviews = NIL;
	ListCell   *lc;

	foreach(lc, tvb_run_own_oids(&plan, "SELECT tview::oid FROM tviews_batch.tview t WHERE EXISTS (SELECT FROM unnest(t.settings) AS s (setting)"
								 "  WHERE starts_with(setting, 'default_text_search_config=')"
								 "   AND NOT starts_with(setting, 'default_text_search_config=pg_catalog.'))", NULL))
	{
		if (tvb_derive_uses_text_search(lfirst_oid(lc)))
			tviews = lappend_oid(tviews, lfirst_oid(lc));
	}
	tvb_derive_stale(tviews, "a text search configuration was made, or given another name");
}

/* The row types that it altered, or gave other names: what has values of them, or makes such, is concerned as well. */
static void
add_row_types(TvbCommand *command)
{
	bool		alters = tvb_ddl_command_alters_rows(command->tree);
	List	   *relids = NIL;
	List	   *types;
	ListCell   *lc;

	if (!alters && !tvb_ddl_command_renames(command->tree))
		return;
	foreach(lc, command->relations)
	{
		if (get_rel_name(lfirst_oid(lc)) != NULL)
			relids = list_concat_unique_oid(relids, find_all_inheritors(lfirst_oid(lc), NoLock, NULL));
	}
	types = tvb_ddl_find_used_row_types(relids);
	if (alters)
		command->row_types = types;
	foreach(lc, types)
	{
		command->classes = lappend_oid(command->classes, TypeRelationId);
		command->objects = lappend_oid(command->objects, lfirst_oid(lc));
	}
}

/* A column of a table that a view names cannot be rewritten; one of rows that it reads as a whole can. */
static void
follow_rewrite(TvbCommand *command)
{
	ListCell   *lc;

	/* a TVIEW is one, too, though it is not captured */
	foreach(lc, list_concat_unique_oid(list_copy(command->sources), command->relations))
		tvb_derive_stale_whole_readers(lfirst_oid(lc));
}

/* What changed results may have new parts of its own, of which DDL that is under way does not know whom they concern. */
static void
follow_results(List *tviews, const char *reason)
{
	ListCell   *lc;

	tvb_derive_stale(tviews, reason);
	foreach(lc, tviews)
		tvb_young_begin(lfirst_oid(lc), NULL);
}

/* What follows from a command for TVIEWs. */
static void
work_follow(TvbCommand *command)
{
	const char *reason = tvb_ddl_command_changes_results(command->tree);
	List	   *columns = tvb_ddl_command_changed_columns(command->tree);
	bool		changed = false;
	List	   *tviews;
	ListCell   *lc;

	if (tvb_ddl_command_renames_column(command->tree))
		follow_column_rename(command);
	follow_families(command);
	if (tvb_ddl_command_renames_everywhere(command->tree))
		tviews = tvb_ddl_find_all();
	else
	{
		add_foreign_families(command);
		tviews = tvb_ddl_find_dependent(command->classes, command->objects);
	}
	foreach(lc, list_concat_unique_oid(list_copy(tviews), command->resolving))
		changed |= tvb_derive_again(lfirst_oid(lc));
	if (reason)
		follow_results(tviews, reason);
	tvb_derive_stale(command->reading, "a type was altered that the view reads JSON as");
	tvb_derive_stale(command->converting, command->tree && IsA(command->tree, AlterDomainStmt) ?
					 "a domain that the view converts values to was given a constraint" :
					 "a function was replaced or altered that a domain calls which the view converts values to");
	if (command->tree && IsA(command->tree, AlterDomainStmt))
	{
		foreach(lc, tviews)
			tvb_derive_retry(lfirst_oid(lc));
	}
	if (command->row_types != NIL)
		tvb_ddl_work_stale_users(command->row_types, "a table or view was altered whose row type the view uses");
	if (tvb_ddl_command_rewrites_columns(command->tree))
		follow_rewrite(command);
	if (columns != NIL)
		follow_altered(command, columns);
	if (tvb_ddl_command_may_rewrite(command->tree))
		follow_new_files(command, tviews);
	if (toggles_ours(command))
		follow_toggle(command, tviews);
	if (tvb_ddl_command_sets_logged(command->tree))
		follow_logged(tviews);
	if (changed)
		tvb_levels_sync();
}

/* Tables came into a subscription. */
static void
work_subscribed(TvbCommand *command)
{
	tvb_sources_sync_subscribed();
}

/* Before a subscription changes: what it kept stale stays so until it has been compared. */
static void
work_unwatched(TvbCommand *command)
{
	tvb_run_own_change(NULL,
					   "UPDATE tviews_batch.tview t SET stale_reason = coalesce(t.stale_reason, u.reason),"
					   " awaits_prepared = false, " TVB_PROGRESS_RESET
					   " FROM (SELECT tview, min(reason) FROM tviews_batch.unwatched GROUP BY tview) AS u (tview, reason)"
					   " WHERE t.tview = u.tview", NULL);
}

/* Whether the schema of the extension, or a table there, was given its name: whatever happened before was not followed. */
static bool
names_ours(TvbCommand *command)
{
	Oid			schema = get_namespace_oid("tviews_batch", true);
	ListCell   *class;
	ListCell   *object;

	if (command->tree == NULL || (!IsA(command->tree, RenameStmt) && !IsA(command->tree, AlterObjectSchemaStmt)))
		return false;
	forboth(class, command->classes, object, command->objects)
	{
		if ((lfirst_oid(class) == NamespaceRelationId && lfirst_oid(object) == schema) ||
			(lfirst_oid(class) == RelationRelationId && get_rel_namespace(lfirst_oid(object)) == schema))
			return true;
	}
	return false;
}

/* Nothing was captured meanwhile either. */
static void
work_named_ours(TvbCommand *command)
{
	tvb_repair_remember(tvb_ddl_find_all(), "a table of the extension, or its schema, had another name for a time");
}

/* What a command altered may concern TVIEWs that it does not see. */
static void
work_unseen(TvbCommand *command)
{
	tvb_repair_remember_objects(command->classes, command->objects);
}

/*
 * Whether it may: its snapshot may be older than they are, and what is not a relation is not locked by who makes one
 * just now.
 */
static bool
may_concern_unseen(TvbCommand *command)
{
	return IsolationUsesXactSnapshot() ||
		tvb_ddl_command_alters_text_search(command->tree) || command->row_types != NIL ||
		(tvb_ddl_command_changes_results(command->tree) && tvb_ddl_find_any(command->classes, command->objects));
}

/* Find out what a command concerns, and follow it if anything. */
static void
follow_command(TvbCommand *command)
{
	read_command(command);
	if (command->objects == NIL)
		return;
	if (names_ours(command))
		tvb_ddl_work_protect(work_named_ours, command);
	read_moves(command);
	add_row_types(command);
	if (may_concern_unseen(command))
		tvb_ddl_work_protect(work_unseen, command);
	if (tvb_ddl_command_alters_text_search(command->tree))
	{
		tvb_ddl_work_protect(work_text_search, command);
		return;
	}
	if (tvb_ddl_command_names_text_search(command->tree))
		tvb_ddl_work_protect(work_text_search_names, command);
	if (command->children != NIL)
		tvb_ddl_work_protect(work_moved, command);
	command->sources = tvb_sources_concerned(tvb_ddl_find_families(command->relations));
	command->resolving = tvb_ddl_find_resolving(command->classes, command->objects);
	if (tvb_ddl_command_alters_input(command->tree))
		command->reading = tvb_ddl_find_json_readers(command->classes, command->objects);
	if (tvb_ddl_command_restricts_domain(command->tree))
		command->converting = tvb_ddl_find_converting(command->classes, command->objects);
	if (command->sources == NIL && !command->is_ours && command->resolving == NIL && command->reading == NIL &&
		command->converting == NIL &&
		!tvb_ddl_command_renames_everywhere(command->tree) &&
		((!tvb_ddl_find_looked_up(command->classes) && !tvb_ddl_find_any(command->classes, command->objects)) ||
		 tvb_ddl_find_dependent(command->classes, command->objects) == NIL))
		return;
	/* A restore makes what it knows; the first drain after it looks at the rest. */
	if (!(command->tree && IsA(command->tree, RenameStmt)) && tvb_epoch_restored(InvalidOid))
		return;
	tvb_ddl_work_protect(work_follow, command);
}

/* Columns have the new name from now on; the rest is left. */
static void
work_left(TvbCommand *command)
{
	if (tvb_ddl_command_renames_column(command->tree))
		follow_column_rename(command);
	tvb_repair_remember_objects(command->classes, command->objects);
}

/*
 * An event trigger of the user ran a command inside of one of ours, in the middle of what we do for TVIEWs and their sources: the
 * next drain follows it.
 */
static void
leave_command(TvbCommand *command)
{
	read_command(command);
	if (command->objects == NIL)
		return;
	add_row_types(command);
	tvb_ddl_work_protect(work_left, command);
}

/*
 * ddl_command_end: something was created or altered.  ddl_command_start: a
 * subscription will be altered or dropped.
 */
Datum
tvb_follow_ddl(PG_FUNCTION_ARGS)
{
	EventTriggerData *data = tvb_ddl_work_trigger(fcinfo, "tviews_batch.follow_ddl");
	TvbCommand	command = {0};

	if (tvb_ddl_command_makes_something_new(data->parsetree) || tvb_sources_is_own_ddl(data->parsetree) || !tvb_ddl_work_wanted())
		PG_RETURN_NULL();
	command.tree = data->parsetree;
	SPI_connect();
	if (strcmp(data->event, "ddl_command_start") == 0)
		tvb_ddl_work_protect(work_unwatched, &command);
	else if (tvb_ddl_command_changes_subscriptions(command.tree))
		tvb_ddl_work_protect(work_subscribed, &command);
	else if (tvb_sources_in_ddl())
		leave_command(&command);
	else
		follow_command(&command);
	SPI_finish();
	PG_RETURN_NULL();
}
