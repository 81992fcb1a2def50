/*-------------------------------------------------------------------------
 *
 * drain.c
 *		Stage 6: the order of the stages.
 *
 * One drain: take the drain lock, then a snapshot, then claim the changes that
 * it sees; take them level by level through the TVIEWs (cascade.c) under that
 * same snapshot; record what was done.
 *
 * Invariants:
 *
 *	- The lock is held to the end of the transaction, and the snapshot is taken
 *	  after it: no two drains work at once, and each sees all of what the
 *	  earlier ones wrote.
 *	- An entry is removed in the transaction that uses it.  After an error
 *	  everything is as before.
 *	- A change that commits after the snapshot is neither claimed nor seen.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "tcop/utility.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "attempt.h"
#include "cascade.h"
#include "ddl_find.h"
#include "derive.h"
#include "drain.h"
#include "epoch.h"
#include "history.h"
#include "memory.h"
#include "overflow.h"
#include "progress.h"
#include "queue.h"
#include "rewritten.h"
#include "settings.h"
#include "steps.h"

/*
 * With a time limit changes are taken in rounds.  A round is as large as the time that is left allows, if a change
 * takes as long as in the last round; in the first one, a millisecond.
 */
#define SMALLEST_ROUND 100
#define LARGEST_ROUND 10000

/* A drain at work. */
typedef struct Drain
{
	MemoryContext context;
	MemoryContext caller_context;
	TimestampTz started;
	int64		begun;			/* the same by tvb_steps_clock */
	TvbRun		run;
	TvbCascade	cascade;
	int64		claimed;
	double		ms_per_change;	/* of the last round */
	int			settings_level; /* of limit_lock_waits */
	bool		exhausted;		/* the snapshot sees no further entry */
	bool		prepared_pending;	/* see tvb_epoch_check */
	List	   *overflows;		/* TvbOverflow * */
} Drain;

/* Whether this backend drains: what a drain runs must not start another one. */
static bool draining = false;

static int64 checked_limit(const char *name, int64 value);
static void compare(Drain *drain, TvbDrainResult *result);
static void note_progress(Drain *drain, TvbDrainComparison *comparison);
static void limit_lock_waits(Drain *drain);
static void drain_begin(Drain *drain);
static void enter_drain(Drain *drain);
static void leave_drain(void *arg);
static void mark_rewritten(Drain *drain);
static void drain_end(Drain *drain);
static void drain_work(Drain *drain, const TvbDrainLimits *limits);
static void take_round(Drain *drain, TvbQueueClaim *claim, int64 max);
static void claim_round(Drain *drain, TvbQueueClaim *claim, int64 max);
static int64 round_size(const Drain *drain, const TvbDrainLimits *limits);
static bool time_is_over(const Drain *drain, const TvbDrainLimits *limits);
static int64 count_remaining(Drain *drain);
static void fill_result(Drain *drain, TvbDrainResult *result);
static Datum result_tuple(FunctionCallInfo fcinfo, const TvbDrainResult *result);
static double elapsed_ms(int64 since);

PG_FUNCTION_INFO_V1(tvb_drain);

/* tviews_drain(max_changes bigint, max_ms integer) */
Datum
tvb_drain(PG_FUNCTION_ARGS)
{
	TvbDrainLimits limits = {0, 0};
	TvbDrainResult result;

	if (!PG_ARGISNULL(0))
		limits.max_changes = checked_limit("max_changes", PG_GETARG_INT64(0));
	if (!PG_ARGISNULL(1))
		limits.max_ms = (int) checked_limit("max_ms", PG_GETARG_INT32(1));
	tvb_drain_check_transaction("tviews_drain()");
	tvb_drain_run(&limits, &result);
	return result_tuple(fcinfo, &result);
}

void
tvb_drain_check_transaction(const char *call)
{
	tvb_settings_define();
	PreventCommandDuringRecovery(call);
	PreventCommandIfReadOnly(call);
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s must run in a READ COMMITTED transaction", call),
				 errdetail("It has to see what committed while it waited for the drain lock."),
				 errhint("Begin the transaction with ISOLATION LEVEL READ COMMITTED, or set default_transaction_isolation.")));
}

bool
tvb_drain_lock(bool wait)
{
	Oid			namespace = get_namespace_oid("tviews_batch", false);
	Oid			relid = get_relname_relid("drain_lock", namespace);

	tvb_settings_define();
	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s\" does not exist", "tviews_batch.drain_lock")));
	if (!wait)
		return ConditionalLockRelationOid(relid, ShareUpdateExclusiveLock);
	LockRelationOid(relid, ShareUpdateExclusiveLock);
	return true;
}

void
tvb_drain_run(const TvbDrainLimits *limits, TvbDrainResult *result)
{
	Drain		drain = {0};

	memset(result, 0, sizeof(TvbDrainResult));
	drain.started = GetCurrentTimestamp();
	drain.begun = tvb_steps_clock();
	if (!tvb_drain_lock(false) || !tvb_queue_try_hold())
	{
		result->busy = true;
		result->elapsed_ms = elapsed_ms(drain.begun);
		return;
	}
	limit_lock_waits(&drain);
	drain_begin(&drain);
	drain.cascade.stale_left = 1;
	if (tvb_queue_pending(drain.run.snapshot) || tvb_cascade_wanted(&drain.cascade))
	{
		drain_work(&drain, limits);
		fill_result(&drain, result);
		tvb_history_stamp(drain.cascade.touched, drain.prepared_pending);
		mark_rewritten(&drain);
		tvb_history_record(drain.started, result);
		tvb_queue_settle(drain.run.snapshot);
		tvb_queue_turn_ring();
	}
	else
		drain.exhausted = true;
	if (drain.exhausted)
		tvb_overflow_end(drain.overflows);
	drain_end(&drain);
	AtEOXact_GUC(true, drain.settings_level);
	result->elapsed_ms = elapsed_ms(drain.begun);
}

void
tvb_drain_compare(Oid tview, TvbDrainResult *result)
{
	Drain		drain = {0};

	drain.started = GetCurrentTimestamp();
	drain.begun = tvb_steps_clock();
	/* without the drain lock, for which whoever has the row may wait */
	tvb_progress_wait(tview);
	tvb_drain_lock(true);
	tvb_derive_repair(tview);
	drain_begin(&drain);
	drain.cascade.only = tview;
	compare(&drain, result);
	drain_end(&drain);
}

void
tvb_drain_compare_range(Oid tview, TvbDrainComparison *comparison, TvbDrainResult *result)
{
	Drain		drain = {0};

	memset(result, 0, sizeof(TvbDrainResult));
	drain.started = GetCurrentTimestamp();
	drain.begun = tvb_steps_clock();
	tvb_progress_wait(tview);
	tvb_drain_lock(true);
	if (comparison->started == 0)
		tvb_derive_repair(tview);
	drain_begin(&drain);
	/* others may compare it meanwhile */
	comparison->ended = comparison->started != 0 &&
		tvb_progress_ended(tview, comparison->started);
	if (!comparison->ended)
	{
		drain.cascade.only = tview;
		drain.cascade.only_range = true;
		compare(&drain, result);
		note_progress(&drain, comparison);
	}
	drain_end(&drain);
}

/* Compare what the cascade is limited to, and record it. */
static void
compare(Drain *drain, TvbDrainResult *result)
{
	memset(result, 0, sizeof(TvbDrainResult));
	drain->exhausted = true;
	tvb_cascade_run(&drain->cascade);
	fill_result(drain, result);
	tvb_history_stamp(drain->cascade.touched, drain->prepared_pending);
	mark_rewritten(drain);
	tvb_history_record(drain->started, result);
}

/* Say how far a comparison has come. */
static void
note_progress(Drain *drain, TvbDrainComparison *comparison)
{
	ListCell   *lc;

	comparison->gone = comparison->ended = true;
	comparison->stride = drain->cascade.stride;
	foreach(lc, drain->cascade.touched)
	{
		TvbTouched *touched = lfirst(lc);

		if (touched->tview != drain->cascade.only)
			continue;
		comparison->gone = false;
		if (touched->progress != NULL)
		{
			comparison->ended = false;
			comparison->started = touched->progress->started;
			comparison->rows = touched->progress->rows;
			comparison->total = touched->progress->total;
		}
	}
}

/* A limit that a user gave, or an error. */
static int64
checked_limit(const char *name, int64 value)
{
	if (value <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be greater than zero", name),
				 errhint("NULL means no limit.")));
	return value;
}

/*
 * A drain is nobody's call in particular: what one session has locked and forgotten must not hold up all TVIEWs.  Where the
 * user sets no limit, ours is the lock_timeout until the drain ends.
 */
static void
limit_lock_waits(Drain *drain)
{
	drain->settings_level = NewGUCNestLevel();
	if (LockTimeout == 0 && tvb_lock_timeout > 0)
		tvb_attempt_limit_waits(tvb_lock_timeout);
}

/* The lock is held: look for losses, take the snapshot, and read what TVIEWs there are. */
static void
drain_begin(Drain *drain)
{
	drain->caller_context = CurrentMemoryContext;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	drain->context = AllocSetContextCreate(CurrentMemoryContext, "TVIEW drain",
										   ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(drain->context);
	enter_drain(drain);
	tvb_memory_begin(MemoryContextGetParent(drain->context));

	tvb_rewritten_begin();
	drain->prepared_pending = tvb_epoch_check();
	drain->overflows = tvb_overflow_advance();
	drain->run.context = drain->context;
	drain->run.snapshot = RegisterSnapshot(GetLatestSnapshot());
	PushActiveSnapshot(drain->run.snapshot);

	drain->cascade.run = &drain->run;
	drain->cascade.context = drain->context;
	drain->cascade.prepared_pending = drain->prepared_pending;
	drain->cascade.tviews = tvb_registry_list();
	drain->cascade.changes = tvb_changes_create(drain->context, (Size) tvb_work_mem * 1024 / 4);
}

/* Refuse a drain inside a drain.  Ends with the drain's context, also after an error. */
static void
enter_drain(Drain *drain)
{
	MemoryContextCallback *callback;

	if (draining)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("TVIEWs cannot be drained or refreshed by what a drain runs"),
				 errhint("A trigger on a TVIEW or a function in a view starts this.")));
	callback = MemoryContextAlloc(drain->context, sizeof(MemoryContextCallback));
	callback->func = leave_drain;
	callback->arg = NULL;
	draining = true;
	MemoryContextRegisterResetCallback(drain->context, callback);
}

/* The drain's context goes. */
static void
leave_drain(void *arg)
{
	draining = false;
	tvb_memory_end();
}

/* Rows of tables that were rewritten since the snapshot was taken may have been missing: the TVIEWs that were worked on are stale. */
static void
mark_rewritten(Drain *drain)
{
	List	   *relids = tvb_rewritten_since(drain->run.snapshot);
	List	   *tviews = NIL;
	ListCell   *lc;
	ListCell   *cell;

	if (relids == NIL || drain->cascade.touched == NIL)
		return;
	foreach(lc, tvb_ddl_find_dependent(tvb_ddl_find_same_class(RelationRelationId, relids), relids))
	{
		foreach(cell, drain->cascade.touched)
		{
			if (((TvbTouched *) lfirst(cell))->tview == lfirst_oid(lc))
				tviews = lappend_oid(tviews, lfirst_oid(lc));
		}
	}
	tvb_derive_stale(tviews, TVB_REASON_REWRITTEN);
}

/* Let go of what begin took, except the lock. */
static void
drain_end(Drain *drain)
{
	tvb_changes_reset(drain->cascade.changes);
	PopActiveSnapshot();
	UnregisterSnapshot(drain->run.snapshot);
	MemoryContextSwitchTo(drain->caller_context);
	MemoryContextDelete(drain->context);
	SPI_finish();
	MemoryContextSwitchTo(drain->caller_context);
}

/* Claim and cascade, in rounds if there is a time limit. */
static void
drain_work(Drain *drain, const TvbDrainLimits *limits)
{
	TvbQueueClaim *claim = tvb_queue_claim(drain->run.snapshot);

	do
	{
		take_round(drain, claim, round_size(drain, limits));
	} while (!drain->exhausted && round_size(drain, limits) > 0 &&
			 !time_is_over(drain, limits));
	tvb_queue_release(claim);
}

/* Claim up to max entries, and take them through the TVIEWs. */
static void
take_round(Drain *drain, TvbQueueClaim *claim, int64 max)
{
	int64		started = tvb_steps_clock();
	int64		before = drain->claimed;

	claim_round(drain, claim, max);
	tvb_cascade_run(&drain->cascade);
	tvb_changes_reset(drain->cascade.changes);
	drain->ms_per_change = elapsed_ms(started) / Max(drain->claimed - before, 1);
}

/* Claim up to max entries. */
static void
claim_round(Drain *drain, TvbQueueClaim *claim, int64 max)
{
	TvbChanges *changes = drain->cascade.changes;
	TvbChange	change;

	for (int64 i = 0; i < max; i++)
	{
		TvbChangeSet *set;

		CHECK_FOR_INTERRUPTS();
		if (!tvb_queue_next(claim, &change))
		{
			drain->exhausted = true;
			break;
		}
		drain->claimed++;
		if (drain->overflows != NIL &&
			tvb_overflow_covers(drain->overflows, change.source, tvb_queue_writer_of(claim)))
			continue;
		set = tvb_changes_set(changes, change.source, change.version);
		tvb_changes_add(changes, set, change.link, change.len);
	}
	tvb_memory_sample();
}

/* How many entries the next round may claim. */
static int64
round_size(const Drain *drain, const TvbDrainLimits *limits)
{
	int64		size = PG_INT64_MAX;

	if (limits->max_ms > 0)
	{
		double		left = limits->max_ms - elapsed_ms(drain->begun);
		double		ms = drain->ms_per_change > 0 ? drain->ms_per_change : 1.0;

		size = (int64) Max(SMALLEST_ROUND, Min(left / ms, LARGEST_ROUND));
	}
	if (limits->max_changes > 0)
		size = Min(size, limits->max_changes - drain->claimed);
	return size;
}

/* Whether no further round may begin. */
static bool
time_is_over(const Drain *drain, const TvbDrainLimits *limits)
{
	return limits->max_ms > 0 && elapsed_ms(drain->begun) >= limits->max_ms;
}

/*
 * Entries that the snapshot sees and the drain left.  An estimate where there
 * are many, but never 0 unless there is none: callers drain until it is.
 */
static int64
count_remaining(Drain *drain)
{
	int64		remaining;
	bool		exact;

	if (drain->exhausted)
		return 0;
	PushCopiedSnapshot(drain->run.snapshot);
	CommandCounterIncrement();
	UpdateActiveSnapshotCommandId();
	if (tvb_queue_pending(GetActiveSnapshot()))
	{
		/* apart from Max(), which would count twice */
		remaining = tvb_queue_count(GetActiveSnapshot(), &exact);
		remaining = Max(remaining, 1);
	}
	else
		remaining = 0;
	PopActiveSnapshot();
	return remaining;
}

/* Sum up. */
static void
fill_result(Drain *drain, TvbDrainResult *result)
{
	TvbCascade *cascade = &drain->cascade;

	result->changes = drain->claimed;
	result->keys = cascade->keys;
	result->counts = cascade->counts;
	result->failed = cascade->failed;
	result->levels = bms_num_members(cascade->levels);
	result->remaining = count_remaining(drain);
	result->keyed = cascade->keyed;
	result->compared = cascade->compared;
	result->stale = tvb_cascade_wanted(cascade);
	result->elapsed_ms = elapsed_ms(drain->begun);
}

/* The row that tviews_drain returns. */
static Datum
result_tuple(FunctionCallInfo fcinfo, const TvbDrainResult *result)
{
	TupleDesc	desc;
	Datum		values[10];
	bool		nulls[10] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int64GetDatum(result->changes);
	values[1] = Int64GetDatum(result->keys);
	values[2] = Int64GetDatum(result->counts.inserted);
	values[3] = Int64GetDatum(result->counts.updated);
	values[4] = Int64GetDatum(result->counts.deleted);
	values[5] = Int64GetDatum(result->failed);
	values[6] = Int32GetDatum(result->levels);
	values[7] = Int64GetDatum(result->remaining);
	values[8] = BoolGetDatum(result->busy);
	values[9] = Float8GetDatum(result->elapsed_ms);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* Milliseconds since then by tvb_steps_clock. */
static double
elapsed_ms(int64 since)
{
	return (tvb_steps_clock() - since) / 1000.0;
}
