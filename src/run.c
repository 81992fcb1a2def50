/*-------------------------------------------------------------------------
 *
 * run.c
 *		SQL under one snapshot, and SQL on the extension's own tables.
 *
 * A drain works under one snapshot: every query of it sees the tables as they
 * were when the snapshot was taken, plus what the drain itself has written
 * since.  SPI offers that only piecemeal: a statement that writes takes the
 * snapshot and advances its command id, a query with its own receiver wants
 * the advanced snapshot to be the active one.  That is hidden here.
 *
 * SPI leaves CurrentMemoryContext somewhere else after most calls; these
 * functions put it back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "executor/spi_priv.h"
#include "nodes/params.h"
#include "tcop/tcopprot.h"
#include "utils/plancache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "owner.h"
#include "run.h"

/* The plans run_own has kept, SPIPlanPtr: one for each place in the code that calls it, never more. */
static List *kept_plans = NIL;

static SPIPlanPtr prepare(const char *sql, const TvbRunArgs *args, int cursor_options);
static void plan_by_tid(SPIPlanPtr plan);
static void push_run_snapshot(TvbRun *run);
static void query(const char *sql, const TvbRunArgs *args, DestReceiver *dest);
static void execute(SPIPlanPtr plan, const TvbRunArgs *args, DestReceiver *dest);
static ParamListInfo make_params(const TvbRunArgs *args);
static uint64 run_own(SPIPlanPtr *plan, const char *sql, const TvbRunArgs *args,
					  bool read_only);

void
tvb_run_query(TvbRun *run, const char *sql, const TvbRunArgs *args, DestReceiver *dest)
{
	push_run_snapshot(run);
	query(sql, args, dest);
	PopActiveSnapshot();
}

void
tvb_run_query_again(TvbRun *run, const char *sql, const TvbRunArgs *args, DestReceiver *dest)
{
	PushCopiedSnapshot(run->snapshot);
	GetActiveSnapshot()->curcid = run->seen;
	query(sql, args, dest);
	PopActiveSnapshot();
}

void
tvb_run_query_kept(TvbRun *run, SPIPlanPtr *plan, const char *sql, const TvbRunArgs *args,
				   DestReceiver *dest)
{
	MemoryContext old = CurrentMemoryContext;

	push_run_snapshot(run);
	if (*plan == NULL)
	{
		SPIPlanPtr	fresh = prepare(sql, args, CURSOR_OPT_GENERIC_PLAN);

		SPI_keepplan(fresh);
		*plan = fresh;
	}
	execute(*plan, args, dest);
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
}

double
tvb_run_cost(TvbRun *run, const char *sql, const TvbRunArgs *args, double *rows)
{
	MemoryContext old = CurrentMemoryContext;
	SPIPlanPtr	plan;
	CachedPlanSource *source;
	PlannedStmt *stmt;
	double		cost;

	push_run_snapshot(run);
	plan = prepare(sql, args, CURSOR_OPT_PARALLEL_OK);
	source = linitial(SPI_plan_get_plan_sources(plan));
	stmt = pg_plan_query(copyObject(linitial_node(Query, source->query_list)), sql,
						 CURSOR_OPT_PARALLEL_OK, make_params(args));
	cost = stmt->planTree->total_cost;
	if (rows != NULL)
		*rows = stmt->planTree->plan_rows;
	SPI_freeplan(plan);
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
	return cost;
}

uint64
tvb_run_write(TvbRun *run, const char *sql)
{
	MemoryContext old = CurrentMemoryContext;
	SPIPlanPtr	plan = prepare(sql, NULL, 0);
	int			result;

	plan_by_tid(plan);
	result = SPI_execute_snapshot(plan, NULL, NULL, run->snapshot,
								  InvalidSnapshot, false, true, 0);
	if (result != SPI_OK_INSERT && result != SPI_OK_UPDATE && result != SPI_OK_DELETE)
		elog(ERROR, "unexpected result %s of a write", SPI_result_code_string(result));
	SPI_freeplan(plan);
	MemoryContextSwitchTo(old);
	return SPI_processed;
}

void
tvb_run_register(TvbRun *run, EphemeralNamedRelation enr, const char *name,
				 TupleDesc desc, Tuplestorestate *store)
{
	/* SPI makes its list of relations in the current context */
	MemoryContext old = MemoryContextSwitchTo(run->context);
	int			result;

	enr->md.name = unconstify(char *, name);
	enr->md.reliddesc = InvalidOid;
	enr->md.tupdesc = desc;
	enr->md.enrtype = ENR_NAMED_TUPLESTORE;
	enr->md.enrtuples = tuplestore_tuple_count(store);
	enr->reldata = store;
	result = SPI_register_relation(enr);
	if (result != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register relation \"%s\": %s", name,
			 SPI_result_code_string(result));
	MemoryContextSwitchTo(old);
}

void
tvb_run_unregister(TvbRun *run, EphemeralNamedRelation enr)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);
	int			result = SPI_unregister_relation(enr->md.name);

	if (result != SPI_OK_REL_UNREGISTER)
		elog(ERROR, "could not unregister relation \"%s\": %s", enr->md.name,
			 SPI_result_code_string(result));
	MemoryContextSwitchTo(old);
}

uint64
tvb_run_own_query(SPIPlanPtr *plan, const char *sql, const TvbRunArgs *args)
{
	return run_own(plan, sql, args, true);
}

uint64
tvb_run_own_change(SPIPlanPtr *plan, const char *sql, const TvbRunArgs *args)
{
	return run_own(plan, sql, args, false);
}

List *
tvb_run_kept_contexts(void)
{
	List	   *contexts = NIL;
	ListCell   *lc;
	ListCell   *source;

	foreach(lc, kept_plans)
	{
		SPIPlanPtr	plan = lfirst(lc);

		contexts = lappend(contexts, plan->plancxt);
		foreach(source, SPI_plan_get_plan_sources(plan))
		{
			CachedPlanSource *cached = lfirst(source);

			contexts = lappend(contexts, cached->context);
			if (cached->gplan != NULL)
				contexts = lappend(contexts, cached->gplan->context);
		}
	}
	return contexts;
}

/*
 * Plan a write whose rows are found by ctid.  The planner thinks that for many of them it is
 * cheaper to read the whole table, which is not so for tables that are in memory, and never follows the
 * changes.  Only the planning is told so: what the statement fires has the user's settings.
 */
static void
plan_by_tid(SPIPlanPtr plan)
{
	int			level = NewGUCNestLevel();

	(void) set_config_option("enable_hashjoin", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("enable_mergejoin", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	ReleaseCachedPlan(SPI_plan_get_cached_plan(plan), NULL);
	AtEOXact_GUC(true, level);
}

/* Make what the run's snapshot shows, and all this transaction has written, visible. */
static void
push_run_snapshot(TvbRun *run)
{
	PushCopiedSnapshot(run->snapshot);
	CommandCounterIncrement();
	UpdateActiveSnapshotCommandId();
	run->seen = GetActiveSnapshot()->curcid;
}

/* Run a query under the active snapshot, planned for these parameters. */
static void
query(const char *sql, const TvbRunArgs *args, DestReceiver *dest)
{
	MemoryContext old = CurrentMemoryContext;
	SPIPlanPtr	plan = prepare(sql, args, CURSOR_OPT_PARALLEL_OK);

	execute(plan, args, dest);
	SPI_freeplan(plan);
	MemoryContextSwitchTo(old);
}

/* Run a query under the active snapshot. */
static void
execute(SPIPlanPtr plan, const TvbRunArgs *args, DestReceiver *dest)
{
	SPIExecuteOptions options;
	int			result;

	memset(&options, 0, sizeof(options));
	options.params = make_params(args);
	options.read_only = true;
	options.dest = dest;
	result = SPI_execute_plan_extended(plan, &options);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "unexpected result %s of a query", SPI_result_code_string(result));
}

/* Run a kept plan as the extension's owner. */
static uint64
run_own(SPIPlanPtr *plan, const char *sql, const TvbRunArgs *args, bool read_only)
{
	MemoryContext old = CurrentMemoryContext;
	TvbOwnerState owner;
	int			result;

	tvb_owner_enter_extension(&owner);
	if (read_only)
		tvb_run_push_own_snapshot();
	if (*plan == NULL)
	{
		SPIPlanPtr	fresh = prepare(sql, args, CURSOR_OPT_GENERIC_PLAN);

		SPI_keepplan(fresh);
		*plan = fresh;
		MemoryContextSwitchTo(TopMemoryContext);
		kept_plans = lappend(kept_plans, fresh);
		MemoryContextSwitchTo(old);
	}
	result = SPI_execute_plan(*plan,
							  args ? args->values : NULL,
							  args ? args->nulls : NULL,
							  read_only, 0);
	if (result < 0)
		elog(ERROR, "unexpected result %s of \"%s\"", SPI_result_code_string(result), sql);
	if (read_only)
		PopActiveSnapshot();
	tvb_owner_leave(&owner);
	MemoryContextSwitchTo(old);
	return SPI_processed;
}

void
tvb_run_push_own_snapshot(void)
{
	if (ActiveSnapshotSet())
		PushCopiedSnapshot(GetActiveSnapshot());
	else
		PushCopiedSnapshot(GetTransactionSnapshot());
	CommandCounterIncrement();
	UpdateActiveSnapshotCommandId();
}

/* SPI_prepare_cursor or an error. */
static SPIPlanPtr
prepare(const char *sql, const TvbRunArgs *args, int cursor_options)
{
	SPIPlanPtr	plan = SPI_prepare_cursor(sql, args ? args->nargs : 0,
										  args ? args->types : NULL,
										  cursor_options);

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", sql,
			 SPI_result_code_string(SPI_result));
	return plan;
}

/* Parameters as the executor wants them, known to the planner as constants. */
static ParamListInfo
make_params(const TvbRunArgs *args)
{
	ParamListInfo params;

	if (args == NULL || args->nargs == 0)
		return NULL;
	params = makeParamList(args->nargs);
	for (int i = 0; i < args->nargs; i++)
	{
		params->params[i].value = args->values[i];
		params->params[i].isnull = args->nulls != NULL && args->nulls[i] == 'n';
		params->params[i].pflags = PARAM_FLAG_CONST;
		params->params[i].ptype = args->types[i];
	}
	return params;
}
