/*-------------------------------------------------------------------------
 *
 * ddl_work.c
 *		Definition: what follows from the user's DDL, done so that it never fails the command.
 *
 * Work runs in a subtransaction.  An error undoes it and becomes a warning; the sources
 * concerned get one change for all their rows, and the next drain makes up for
 * the rest (repair.c).
 *
 * The command may hold locks that others want, who hold what the work waits for.  It waits for each lock no longer
 * than half of deadlock_timeout: whoever closes such a circle afterwards is not told of a deadlock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "storage/bufmgr.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "attempt.h"
#include "ddl_command.h"
#include "ddl_find.h"
#include "ddl_work.h"
#include "derive.h"
#include "queue.h"
#include "repair.h"
#include "sources.h"

static bool has_rows(Oid relid);
static void remember_renames(TvbCommand *command);
static void limit_waits(void);
static void do_work(void *arg);
static char *attempt(TvbWork work, TvbCommand *command);

EventTriggerData *
tvb_ddl_work_trigger(FunctionCallInfo fcinfo, const char *name)
{
	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("%s can only be called as an event trigger", name)));
	return (EventTriggerData *) fcinfo->context;
}

bool
tvb_ddl_work_wanted(void)
{
	Oid			schema = get_namespace_oid("tviews_batch", true);
	Oid			tview = OidIsValid(schema) ? get_relname_relid("tview", schema) : InvalidOid;

	return OidIsValid(tview) && OidIsValid(get_relname_relid("captured", schema)) &&
		OidIsValid(get_relname_relid("lookup", schema)) &&
		OidIsValid(get_relname_relid("unfollowed", schema)) && tvb_queue_exists() && has_rows(tview);
}

/* Whether one of the extension's tables has a row, or may: also one of a transaction that is not seen. */
static bool
has_rows(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	bool		any = RelationGetNumberOfBlocks(rel) > 0;

	table_close(rel, AccessShareLock);
	return any;
}

/* What an attempt does, and for which command. */
typedef struct Attempt
{
	TvbWork		work;
	TvbCommand *command;
} Attempt;

/* Wait for no lock longer than half of deadlock_timeout, or than the user's lock_timeout, until the level of settings ends. */
static void
limit_waits(void)
{
	int			limit = Max(DeadlockTimeout / 2, 1);

	if (LockTimeout == 0 || LockTimeout > limit)
		tvb_attempt_limit_waits(limit);
}

static void
do_work(void *arg)
{
	Attempt    *attempt = arg;
	int			level = NewGUCNestLevel();

	limit_waits();
	attempt->work(attempt->command);
	AtEOXact_GUC(true, level);
}

/* Do the work in a subtransaction; returns the message of the error that undid it, or NULL. */
static char *
attempt(TvbWork work, TvbCommand *command)
{
	Attempt		arg = {work, command};
	ErrorData  *error = tvb_derive_attempt(do_work, &arg, true);

	return error ? error->message : NULL;
}

void
tvb_ddl_work_everything(TvbCommand *command)
{
	ListCell   *lc;

	foreach(lc, command->sources)
	{
		if (get_rel_name(lfirst_oid(lc)) != NULL)
			tvb_sources_everything(lfirst_oid(lc));
	}
}

void
tvb_ddl_work_stale_users(List *types, const char *reason)
{
	List	   *tviews = tvb_ddl_find_dependent(tvb_ddl_find_same_class(TypeRelationId, types), types);

	if (tviews != NIL)
		tvb_derive_stale(tviews, reason);
}

/* A column of views was renamed: the next drain is to rename that of their TVIEWs. */
static void
remember_renames(TvbCommand *command)
{
	RenameStmt *rename = castNode(RenameStmt, command->tree);
	ListCell   *lc;

	foreach(lc, command->relations)
		tvb_repair_remember_rename(tvb_ddl_find_of_view(lfirst_oid(lc)), rename->subname, rename->newname, command->problem);
}

/* The next drain is to make up for it: for the TVIEWs that depend on what was altered, else for all. */
static void
work_remember(TvbCommand *command)
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
	if (tvb_ddl_command_renames_column(command->tree))
		remember_renames(command);
	if (objects != NIL && !tvb_ddl_command_renames_everywhere(command->tree))
		tviews = list_concat_unique_oid(tvb_ddl_find_dependent(classes, objects), list_concat_unique_oid(list_copy(command->reading), command->converting));
	tvb_repair_remember(tviews != NIL ? tviews : tvb_ddl_find_all(), command->problem);
}

void
tvb_ddl_work_protect(TvbWork work, TvbCommand *command)
{
	command->problem = attempt(work, command);
	if (command->problem == NULL)
		return;
	ereport(WARNING,
			(errmsg("TVIEWs could not follow this command: %s", command->problem),
			 errhint("They are stale until the next drain has looked at them.")));
	(void) attempt(tvb_ddl_work_everything, command);
	(void) attempt(work_remember, command);
}
