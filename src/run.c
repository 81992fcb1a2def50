/*-------------------------------------------------------------------------
 *
 * run.c
 *		SQL under one snapshot, and SQL on the extension's own tables.
 *
 * A drain works under one snapshot: every query of it sees the tables as they
 * were when the snapshot was taken, plus what the drain itself has written
 * since.  Its queries are planned and run here rather than by SPI, which would keep what the planner
 * leaves behind until they have run, and plan them as it plans for everybody.  Statements that
 * write take the snapshot and advance its command id.
 *
 * SPI leaves CurrentMemoryContext somewhere else after most calls; these
 * functions put it back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/spi_priv.h"
#include "optimizer/optimizer.h"
#include "nodes/params.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/plancache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "owner.h"
#include "run.h"

/* Planning that leaves more than this is cleaned up before the query runs. */
#define PLANNING_BYTES ((Size) 256 * 1024)

/* What finding a page of rows that changed a moment ago costs, in pages read in order. */
#define KEYED_PAGE_COST 1.1

/* The plans run_own has kept, SPIPlanPtr: one for each place in the code that calls it, never more. */
static List *kept_plans = NIL;

static SPIPlanPtr prepare(const char *sql, const TvbRunArgs *args, int cursor_options);
static void plan_by_tid(SPIPlanPtr plan);
static void push_run_snapshot(TvbRun *run);
static void query(const char *sql, const TvbRunArgs *args, DestReceiver *dest);
static PlannedStmt *plan_query(const char *sql, const TvbRunArgs *args);
static PlannedStmt *plan_query_tidily(const char *sql, const TvbRunArgs *args);
static void execute(PlannedStmt *stmt, const char *sql, const TvbRunArgs *args, DestReceiver *dest);
static void query_error_context(void *arg);
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
tvb_run_planned(TvbRun *run, PlannedStmt *stmt, const char *sql, const TvbRunArgs *args,
				DestReceiver *dest)
{
	push_run_snapshot(run);
	execute(stmt, sql, args, dest);
	PopActiveSnapshot();
}

List	   *
tvb_run_analyze(RawStmt *raw, const char *sql, const TvbRunArgs *args)
{
	return pg_analyze_and_rewrite_fixedparams(raw, sql, args ? args->types : NULL, args ? args->nargs : 0,
											  tvb_run_environment(args));
}

int
tvb_run_begin_planning(const TvbRunArgs *args)
{
	int			level = NewGUCNestLevel();
	char		cost[32];

	if (args != NULL && args->keyed && random_page_cost > seq_page_cost * KEYED_PAGE_COST)
	{
		snprintf(cost, sizeof(cost), "%g", seq_page_cost * KEYED_PAGE_COST);
		(void) set_config_option("random_page_cost", cost, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	}
	return level;
}

void
tvb_run_end_planning(int level)
{
	AtEOXact_GUC(true, level);
}

QueryEnvironment *
tvb_run_environment(const TvbRunArgs *args)
{
	QueryEnvironment *environment;

	if (args == NULL || args->relation == NULL)
		return NULL;
	environment = create_queryEnv();
	register_ENR(environment, args->relation);
	return environment;
}

double
tvb_run_cost(TvbRun *run, const char *sql, const TvbRunArgs *args, double *rows)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "TVIEW plan",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	PlannedStmt *stmt;
	double		cost;

	push_run_snapshot(run);
	stmt = plan_query(sql, args);
	cost = stmt->planTree->total_cost;
	if (rows != NULL)
		*rows = stmt->planTree->plan_rows;
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return cost;
}

uint64
tvb_run_write(TvbRun *run, const char *sql, EphemeralNamedRelation relation)
{
	/* SPI makes its list of relations in the current context */
	MemoryContext old = MemoryContextSwitchTo(run->context);
	SPIPlanPtr	plan;
	int			result;

	if (SPI_register_relation(relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register relation \"%s\"", relation->md.name);
	plan = prepare(sql, NULL, 0);
	plan_by_tid(plan);
	result = SPI_execute_snapshot(plan, NULL, NULL, run->snapshot,
								  InvalidSnapshot, false, true, 0);
	if (result != SPI_OK_INSERT && result != SPI_OK_UPDATE && result != SPI_OK_DELETE)
		elog(ERROR, "unexpected result %s of a write", SPI_result_code_string(result));
	SPI_freeplan(plan);
	if (SPI_unregister_relation(relation->md.name) != SPI_OK_REL_UNREGISTER)
		elog(ERROR, "could not unregister relation \"%s\"", relation->md.name);
	MemoryContextSwitchTo(old);
	return SPI_processed;
}

void
tvb_run_describe(EphemeralNamedRelation relation, const char *name, TupleDesc desc,
				 Tuplestorestate *store)
{
	relation->md.name = unconstify(char *, name);
	relation->md.reliddesc = InvalidOid;
	relation->md.tupdesc = desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = tuplestore_tuple_count(store);
	relation->reldata = store;
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

List	   *
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
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "TVIEW plan",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	execute(plan_query_tidily(sql, args), sql, args, dest);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Plan a query for these parameters, in the current context. */
static PlannedStmt *
plan_query(const char *sql, const TvbRunArgs *args)
{
	ErrorContextCallback callback = {error_context_stack, query_error_context, unconstify(char *, sql)};
	PlannedStmt *stmt;
	int			level;

	error_context_stack = &callback;
	level = tvb_run_begin_planning(args);
	stmt = pg_plan_query(linitial_node(Query, tvb_run_analyze(linitial_node(RawStmt, pg_parse_query(sql)),
															  sql, args)),
						 sql, CURSOR_OPT_PARALLEL_OK, make_params(args));
	tvb_run_end_planning(level);
	error_context_stack = callback.previous;
	return stmt;
}

/*
 * The same, but leave only the plan, if there is much more: for an array of keys the planner makes some 350 bytes for
 * each key in each condition, which would stay until the query has run.
 */
static PlannedStmt *
plan_query_tidily(const char *sql, const TvbRunArgs *args)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "TVIEW planning",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	PlannedStmt *stmt = plan_query(sql, args);

	MemoryContextSwitchTo(old);
	if (MemoryContextMemAllocated(context, true) > PLANNING_BYTES)
	{
		stmt = copyObject(stmt);
		MemoryContextDelete(context);
	}
	return stmt;
}

/* Run a plan under the active snapshot. */
static void
execute(PlannedStmt *stmt, const char *sql, const TvbRunArgs *args, DestReceiver *dest)
{
	ErrorContextCallback callback = {error_context_stack, query_error_context, unconstify(char *, sql)};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "TVIEW query",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	QueryDesc  *desc;

	if (stmt->commandType != CMD_SELECT)
		elog(ERROR, "\"%s\" is not a query", sql);
	error_context_stack = &callback;
	desc = CreateQueryDesc(stmt, sql, GetActiveSnapshot(), InvalidSnapshot, dest,
						   make_params(args), tvb_run_environment(args), 0);
	ExecutorStart(desc, 0);
	tvb_compat_executor_run(desc);
	ExecutorFinish(desc);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* As SPI has it: a place in the text is one in this text, not in the user's. */
static void
query_error_context(void *arg)
{
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(arg);
	}
	else
		errcontext("SQL statement \"%s\"", (char *) arg);
}

/* Run a plan, kept or to be kept unless plan is NULL, as the extension's owner. */
static uint64
run_own(SPIPlanPtr *plan, const char *sql, const TvbRunArgs *args, bool read_only)
{
	MemoryContext old = CurrentMemoryContext;
	SPIPlanPtr	used = plan != NULL ? *plan : NULL;
	TvbOwnerState owner;
	int			result;

	tvb_owner_enter_extension(&owner);
	if (read_only)
		tvb_run_push_own_snapshot();
	if (used == NULL)
		used = prepare(sql, args, CURSOR_OPT_GENERIC_PLAN);
	if (plan != NULL && *plan == NULL)
	{
		SPI_keepplan(used);
		*plan = used;
		MemoryContextSwitchTo(TopMemoryContext);
		kept_plans = lappend(kept_plans, used);
		MemoryContextSwitchTo(old);
	}
	result = SPI_execute_plan(used,
							  args ? args->values : NULL,
							  args ? args->nulls : NULL,
							  read_only, 0);
	if (result < 0)
		elog(ERROR, "unexpected result %s of \"%s\"", SPI_result_code_string(result), sql);
	if (plan == NULL)
		SPI_freeplan(used);
	if (read_only)
		PopActiveSnapshot();
	tvb_owner_leave(&owner);
	MemoryContextSwitchTo(old);
	return SPI_processed;
}

Datum
tvb_run_oid_array(List *oids)
{
	Datum	   *values = palloc(sizeof(Datum) * (list_length(oids) + 1));
	ListCell   *lc;

	foreach(lc, oids)
		values[foreach_current_index(lc)] = ObjectIdGetDatum(lfirst_oid(lc));
	return PointerGetDatum(construct_array(values, list_length(oids), OIDOID, sizeof(Oid), true,
										   TYPALIGN_INT));
}

List *
tvb_run_oid_column(int column)
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

List *
tvb_run_own_oids(SPIPlanPtr *plan, const char *sql, const TvbRunArgs *args)
{
	List	   *oids;

	tvb_run_own_change(plan, sql, args);
	oids = tvb_run_oid_column(1);
	SPI_freetuptable(SPI_tuptable);
	return oids;
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
