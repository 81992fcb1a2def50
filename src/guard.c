/*-------------------------------------------------------------------------
 *
 * guard.c
 *		Who may write a TVIEW.
 *
 * Every TVIEW carries BEFORE statement triggers that call tvb_guard_trigger, and,
 * if it is in a subscription, an AFTER row trigger, since replication runs no statements.
 * One statement between tvb_guard_enter and tvb_guard_leave passes; others are
 * refused or, with tviews_batch.guard = off, turn the TVIEW and all that reads
 * it stale.  A table that a restore fills is no TVIEW yet: the first drain after
 * the restore compares it whole.
 *
 * Invariant: what a TVIEW holds was written by a drain or a comparison, or the
 * TVIEW is stale.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/rel.h"

#include "drain.h"
#include "epoch.h"
#include "guard.h"
#include "progress.h"
#include "repair.h"
#include "run.h"
#include "settings.h"
#include "sources.h"

#define MAX_NESTING 64

/* An enter not left yet. */
typedef struct Pass
{
	Oid			tview;
	bool		used;			/* a statement has passed */
	int			nest_level;		/* of the transaction that entered */
} Pass;

static Pass passes[MAX_NESTING];
static int	depth = 0;
static bool callbacks_registered = false;

static bool use_pass(Oid relid, bool is_row);
static bool is_restored(Oid relid);
static void register_callbacks(void);
static void end_of_transaction(XactEvent event, void *arg);
static void end_of_subtransaction(SubXactEvent event, SubTransactionId subid,
								  SubTransactionId parent, void *arg);
static void leave_note(Oid relid, bool seen);
static void mark_stale(Oid relid);

PG_FUNCTION_INFO_V1(tvb_guard_trigger);

void
tvb_guard_enter(Oid tview)
{
	register_callbacks();
	if (depth >= MAX_NESTING)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("refreshes of TVIEWs are nested too deeply")));
	passes[depth].tview = tview;
	passes[depth].used = false;
	passes[depth].nest_level = GetCurrentTransactionNestLevel();
	depth++;
}

void
tvb_guard_leave(void)
{
	if (depth == 0)
		elog(ERROR, "guard left without being entered");
	depth--;
}

/* The trigger function tviews_batch.guard(). */
Datum
tvb_guard_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager", "tviews_batch.guard")));
	if (use_pass(RelationGetRelid(trigdata->tg_relation), TRIGGER_FIRED_FOR_ROW(trigdata->tg_event)))
		PG_RETURN_POINTER(NULL);
	if (tvb_guard && !is_restored(RelationGetRelid(trigdata->tg_relation)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("TVIEW \"%s\" is maintained by drains and cannot be changed directly",
						RelationGetRelationName(trigdata->tg_relation)),
				 errhint("Change the tables that its view reads. For repairs, a superuser can turn tviews_batch.guard off.")));
	mark_stale(RelationGetRelid(trigdata->tg_relation));
	PG_RETURN_POINTER(NULL);
}

/* Whether a statement on a TVIEW may pass; if so, the next one may not, but its rows may. */
static bool
use_pass(Oid relid, bool is_row)
{
	Pass	   *pass = depth > 0 ? &passes[depth - 1] : NULL;

	if (pass == NULL || pass->used != is_row || pass->tview != relid)
		return false;
	pass->used = true;
	return true;
}

/* Whether a restore is filling a table, as far as is known. */
static bool
is_restored(Oid relid)
{
	bool		restored;

	SPI_connect();
	restored = tvb_epoch_restored(relid);
	SPI_finish();
	return restored;
}

/* Forget enters that an error cut short. */
static void
register_callbacks(void)
{
	if (callbacks_registered)
		return;
	RegisterXactCallback(end_of_transaction, NULL);
	RegisterSubXactCallback(end_of_subtransaction, NULL);
	callbacks_registered = true;
}

/* At the end of a transaction nothing is entered. */
static void
end_of_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		depth = 0;
}

/* When a subtransaction aborts, what was entered in it is left. */
static void
end_of_subtransaction(SubXactEvent event, SubTransactionId subid,
					  SubTransactionId parent, void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	while (depth > 0 && passes[depth - 1].nest_level >= GetCurrentTransactionNestLevel())
		depth--;
}

/*
 * A transaction's snapshot may be older than a TVIEW that it writes, or than TVIEWs that read it: the next drain marks
 * the one, and the others are told of a change of all rows.
 */
static void
leave_note(Oid relid, bool seen)
{
	if (!seen)
		tvb_repair_remember(list_make1_oid(relid), "it was written directly by a transaction that is older");
	tvb_sources_everything(relid);
}

/*
 * Turn a TVIEW and all that reads it stale.  The writer takes the drain lock
 * as everybody who writes a TVIEW does: else a comparison whose snapshot is
 * older than this write could clear the mark.
 */
static void
mark_stale(Oid relid)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(relid));
	uint64		marked;

	tvb_drain_lock(true);
	SPI_connect();
	marked = tvb_run_own_change(&plan,
								"WITH RECURSIVE d (tview) AS ("
								"  SELECT $1"
								"  UNION"
								"  SELECT r.tview::oid FROM tviews_batch.route r, d WHERE r.source = d.tview)"
								" UPDATE tviews_batch.tview t SET awaits_prepared = false, " TVB_PROGRESS_RESET ","
								" stale_reason = CASE WHEN t.stale_reason IS NULL OR t.awaits_prepared"
								"  THEN 'written directly' ELSE t.stale_reason END"
								" FROM d WHERE t.tview = d.tview", &args);
	if (IsolationUsesXactSnapshot())
		leave_note(relid, marked > 0);
	SPI_finish();
}
