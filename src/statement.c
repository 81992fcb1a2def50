/*-------------------------------------------------------------------------
 *
 * statement.c
 *		Which statement triggers are fired for.
 *
 * A trigger is not told whether an UPDATE event comes from UPDATE or from MERGE.  It matters for
 * partitioned tables: an UPDATE action of MERGE that moves a row to another partition
 * leaves both images out of the transition tables of UPDATE (in all minor releases of
 * 15 up to 15.20 at least), and after an INSERT action the NEW image may be that of
 * the inserted row (up to 15.18 at least).  So the images of such a MERGE count unless
 *
 *	- it updates a column of a partition key, of the table that it names or of one below, or a BEFORE
 *	  ROW trigger could; or
 *	- it has an INSERT action too, and the server is not known to be free of the second fault.
 *
 * AFTER triggers run in ExecutorFinish, so the statement is noted there.  The
 * library may have been loaded by one of its own triggers, for a statement that was not
 * seen to begin; then what the portal says has to do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/partition.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "nodes/plannodes.h"
#include "tcop/cmdtag.h"
#include "tcop/pquery.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/portal.h"
#include "utils/rel.h"

#include "compat.h"
#include "statement.h"

/* The statement whose AFTER triggers run; NULL: it began before the library was loaded. */
static const PlannedStmt *current = NULL;
static ExecutorFinish_hook_type next_finish = NULL;

static void finish(QueryDesc *query);
static bool unseen_may_merge(void);
static int	error_contexts(void);
static bool merges(const PlannedStmt *statement);
static bool may_move_rows(Relation rel, Bitmapset *columns);
static bool updates_key(Relation partitioned, Relation rel, Bitmapset *columns);

void
tvb_statement_watch(void)
{
	next_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = finish;
}

bool
tvb_statement_may_lack_images(Relation rel)
{
	Bitmapset  *columns;
	AclMode		needs;

	if (current == NULL)
		return unseen_may_merge();
	if (!merges(current))
		return false;
	columns = tvb_compat_updated_columns(current, RelationGetRelid(rel), &needs);
	/* no columns: a statement that it fired, a foreign key's, or a MERGE that is not understood */
	return columns == NULL ||
		((needs & ACL_INSERT) != 0 && !tvb_compat_merge_keeps_updates()) ||
		may_move_rows(rel, columns);
}

/* Executor hook: note the statement while its triggers run. */
static void
finish(QueryDesc *query)
{
	const PlannedStmt *outer = current;

	current = query->plannedstmt;
	PG_TRY();
	{
		if (next_finish != NULL)
			next_finish(query);
		else
			standard_ExecutorFinish(query);
	}
	PG_FINALLY();
	{
		current = outer;
	}
	PG_END_TRY();
}

/*
 * The same for a statement that was not seen to begin: whether it may be a MERGE.  Where a trigger or a function runs it, the
 * portal's statement is another one; each of them has an error context, and so have parameters that come with the protocol.
 */
static bool
unseen_may_merge(void)
{
	ListCell   *lc;

	if (ActivePortal == NULL || ActivePortal->commandTag != CMDTAG_UPDATE ||
		error_contexts() > (ActivePortal->visible ? 1 : 0))
		return true;
	foreach(lc, ActivePortal->stmts)
	{
		if (merges(lfirst_node(PlannedStmt, lc)))
			return true;
	}
	return false;
}

/* How many error contexts there are. */
static int
error_contexts(void)
{
	int			n = 0;

	for (ErrorContextCallback *context = error_context_stack; context != NULL; context = context->previous)
		n++;
	return n;
}

/* Whether a statement is a MERGE, or has one in WITH. */
static bool
merges(const PlannedStmt *statement)
{
	ListCell   *lc;

	if (statement->commandType == CMD_MERGE)
		return true;
	if (!statement->hasModifyingCTE)
		return false;
	foreach(lc, statement->subplans)
	{
		ModifyTable *plan = lfirst(lc);

		if (plan != NULL && IsA(plan, ModifyTable) && plan->operation == CMD_MERGE)
			return true;
	}
	return false;
}

/*
 * Whether an update of these columns (numbered as privileges are) may move a row of a partitioned table to another partition.
 * Partitions that the statement does not read are not looked at: the writer has no lock on them, and shall not wait for any.
 */
static bool
may_move_rows(Relation rel, Bitmapset *columns)
{
	ListCell   *lc;
	bool		may = false;

	foreach(lc, current->rtable)
	{
		const RangeTblEntry *entry = lfirst_node(RangeTblEntry, lc);
		Relation	member;

		/* the table that is written, and its partitions */
		if (entry->rtekind != RTE_RELATION || entry->rellockmode < RowExclusiveLock)
			continue;
		member = table_open(entry->relid, NoLock);
		if (member->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
			may = updates_key(member, rel, columns);
		/* it can set any column */
		if (member->trigdesc != NULL && member->trigdesc->trig_update_before_row)
			may = true;
		table_close(member, NoLock);
		if (may)
			break;
	}
	return may;
}

/* Whether columns of rel, by their names, are in the partition key of partitioned. */
static bool
updates_key(Relation partitioned, Relation rel, Bitmapset *columns)
{
	Bitmapset  *own = NULL;
	bool		in_expression;
	int			i = -1;

	while ((i = bms_next_member(columns, i)) >= 0)
	{
		AttrNumber	attnum = i + FirstLowInvalidHeapAttributeNumber;
		char	   *name = get_attname(RelationGetRelid(rel), attnum, false);

		attnum = get_attnum(RelationGetRelid(partitioned), name);
		own = bms_add_member(own, attnum - FirstLowInvalidHeapAttributeNumber);
	}
	return has_partition_attrs(partitioned, own, &in_expression);
}
