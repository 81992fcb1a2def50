/*-------------------------------------------------------------------------
 *
 * statement.c
 *		Which statement triggers are fired for.
 *
 * A trigger is not told whether an UPDATE event comes from UPDATE or from MERGE.  It matters for
 * partitioned tables: an UPDATE action of MERGE that moves a row to another partition
 * leaves both images out of the transition tables of UPDATE (in all minor releases of
 * 15 up to 15.20 at least), and after an INSERT action the NEW image may be that of
 * the inserted row (up to 15.18 at least).
 *
 * AFTER triggers run in ExecutorFinish, so the statement is noted there.  The
 * library may have been loaded by one of its own triggers, for a statement that was not
 * seen to begin; then the command tag of the portal has to do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/plannodes.h"
#include "tcop/cmdtag.h"
#include "tcop/pquery.h"
#include "utils/fmgrprotos.h"
#include "utils/portal.h"

#include "statement.h"

typedef enum Kind
{
	UNSEEN,						/* it began before the library was loaded */
	MERGES,
	OTHER
} Kind;

static Kind current = UNSEEN;
static ExecutorFinish_hook_type next_finish = NULL;

static void finish(QueryDesc *query);
static bool merges(const PlannedStmt *statement);

void
tvb_statement_watch(void)
{
	next_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = finish;
}

bool
tvb_statement_may_be_merge(void)
{
	if (current != UNSEEN)
		return current == MERGES;

	/* in a trigger or a function the portal's statement is another one */
	return ActivePortal == NULL ||
		ActivePortal->commandTag != CMDTAG_UPDATE ||
		DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, (Datum) 0)) > 1;
}

/* Executor hook: note the statement while its triggers run. */
static void
finish(QueryDesc *query)
{
	Kind		outer = current;

	current = merges(query->plannedstmt) ? MERGES : OTHER;
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
