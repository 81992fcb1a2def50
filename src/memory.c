/*-------------------------------------------------------------------------
 *
 * memory.c
 *		What the extension holds in this backend: tviews_memory().
 *
 * Three places hold memory: the capture plans (capture_plan.c), the kept plans
 * of queries on the extension's own tables (run.c) and of TVIEWs' queries (plans.c), and a drain.  The first two
 * stay with the backend.  What a drain holds is in the contexts of its SPI
 * connection and of those connected later, by an attempt or by functions that
 * its queries call.  They are children of the transaction's context, which has
 * its newest child first, so they are those up to the drain's own.
 *
 * A drain's high mark is the most that was seen when it was looked at: after
 * claiming, and at the end of each query, while the executor still has its
 * hash tables and sorts and we have the query's rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "capture_plan.h"
#include "memory.h"
#include "plans.h"
#include "run.h"

/* Contexts of one name within an area. */
typedef struct Holding
{
	const char *name;			/* NULL: all of the area */
	int64		contexts;
	MemoryContextCounters counters;
} Holding;

#define MEMORY_COLUMNS 6

/* The context of the SPI connection of the drain at work, or NULL. */
static MemoryContext drain_proc = NULL;
static Size drain_peak = 0;

static MemoryContext newest(void);
static MemoryContext next_older(MemoryContext context);
static List *add_tree(List *holdings, MemoryContext context);
static List *add_context(List *holdings, MemoryContext context);
static void put_area(ReturnSetInfo *result, const char *area, List *holdings, Size peak);
static void put_holding(ReturnSetInfo *result, const char *area, const Holding *holding, Size peak);

PG_FUNCTION_INFO_V1(tvb_memory);

/* tviews_memory() */
Datum
tvb_memory(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *capture = NIL;
	List	   *plans = NIL;
	List	   *drain = NIL;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	if (tvb_capture_plan_context() != NULL)
		capture = add_tree(capture, tvb_capture_plan_context());
	foreach(lc, list_concat(tvb_run_kept_contexts(), tvb_plans_contexts()))
		plans = add_tree(plans, lfirst(lc));
	for (MemoryContext context = newest(); context != NULL; context = next_older(context))
		drain = add_tree(drain, context);

	put_area(result, "capture", capture, 0);
	put_area(result, "plans", plans, 0);
	tvb_memory_sample();
	put_area(result, "drain", drain, drain_peak);
	return (Datum) 0;
}

void
tvb_memory_begin(MemoryContext proc)
{
	drain_proc = proc;
	drain_peak = 0;
}

void
tvb_memory_end(void)
{
	drain_proc = NULL;
}

void
tvb_memory_sample(void)
{
	Size		held = 0;

	for (MemoryContext context = newest(); context != NULL; context = next_older(context))
		held += MemoryContextMemAllocated(context, true);
	drain_peak = Max(drain_peak, held);
}

Size
tvb_memory_peak(void)
{
	return drain_peak;
}

/* The newest of the drain's contexts, or NULL. */
static MemoryContext
newest(void)
{
	return drain_proc ? drain_proc->parent->firstchild : NULL;
}

/* The one made before it, or NULL. */
static MemoryContext
next_older(MemoryContext context)
{
	return context == drain_proc ? NULL : context->nextchild;
}

/* Add a context and all below it. */
static List *
add_tree(List *holdings, MemoryContext context)
{
	holdings = add_context(holdings, context);
	for (MemoryContext child = context->firstchild; child != NULL; child = child->nextchild)
		holdings = add_tree(holdings, child);
	return holdings;
}

/* Add one context to the holding of its name. */
static List *
add_context(List *holdings, MemoryContext context)
{
	Holding    *holding = NULL;
	ListCell   *lc;

	foreach(lc, holdings)
	{
		if (strcmp(((Holding *) lfirst(lc))->name, context->name) == 0)
			holding = lfirst(lc);
	}
	if (holding == NULL)
	{
		holding = palloc0(sizeof(Holding));
		holding->name = context->name;
		holdings = lappend(holdings, holding);
	}
	holding->contexts++;
	context->methods->stats(context, NULL, NULL, &holding->counters, false);
	return holdings;
}

/* The rows of one area, its total first. */
static void
put_area(ReturnSetInfo *result, const char *area, List *holdings, Size peak)
{
	Holding		total = {0};
	ListCell   *lc;

	foreach(lc, holdings)
	{
		const Holding *holding = lfirst(lc);

		total.contexts += holding->contexts;
		total.counters.totalspace += holding->counters.totalspace;
		total.counters.freespace += holding->counters.freespace;
	}
	put_holding(result, area, &total, peak);
	foreach(lc, holdings)
		put_holding(result, area, lfirst(lc), 0);
}

/* One row; peak 0 is NULL. */
static void
put_holding(ReturnSetInfo *result, const char *area, const Holding *holding, Size peak)
{
	const MemoryContextCounters *counters = &holding->counters;
	Datum		values[MEMORY_COLUMNS] = {0};
	bool		nulls[MEMORY_COLUMNS] = {false};

	values[0] = CStringGetTextDatum(area);
	if (holding->name != NULL)
		values[1] = CStringGetTextDatum(holding->name);
	else
		nulls[1] = true;
	values[2] = Int64GetDatum(holding->contexts);
	values[3] = Int64GetDatum((int64) counters->totalspace);
	values[4] = Int64GetDatum((int64) (counters->totalspace - counters->freespace));
	if (peak > 0)
		values[5] = Int64GetDatum((int64) peak);
	else
		nulls[5] = true;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
