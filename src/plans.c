/*-------------------------------------------------------------------------
 *
 * plans.c
 *		Plans of the queries of TVIEWs, kept across drains.
 *
 * Planning the query for one key can cost more than running it.  So plans that do not depend
 * on the keys are kept, of the queries used last.  The server's plan cache makes them anew
 * when a relation, function or statistic that they depend on has changed.
 *
 * A plan made without knowing the keys expects ten of them.  That does for a few.  For many it may be quadratic: a nested
 * loop over all rows, or a condition that compares each row with each key.  Plans that have neither
 * (is_linear) are used for many keys, too, and save the planner looking at each; other queries are planned for
 * their keys.
 *
 * Nor does such a plan notice that a table that was empty has grown, unless it is analyzed.  So the tables' sizes are
 * remembered, and a plan is made anew when one is twice as large, or half.
 *
 * Invariant: at most MAX_PLANS plans are kept, and none of a TVIEW that is gone for longer than until the next query.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "nodes/nodeFuncs.h"
#include "storage/bufmgr.h"
#include "tcop/tcopprot.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/rel.h"

#include "plans.h"

#define MAX_PLANS 32

/* So many keys are few whatever the plan is. */
#define FEW_KEYS 64

/* Fewer pages than this make no difference. */
#define FEW_PAGES 16

/* A plan kept. */
typedef struct Kept
{
	Oid			tview;			/* InvalidOid: nothing */
	Oid			owner;
	uint32		settings;		/* hash of the TVIEW's settings, with which
								 * the text was parsed */
	CachedPlanSource *source;
	TupleDesc	desc;			/* of the named relation; NULL: none */
	bool		gone;			/* the TVIEW has changed, perhaps it was
								 * dropped */
	int64		last_used;
	int			generation;		/* of the plan that linear is about */
	bool		linear;
	int			nrelations;
	BlockNumber *pages;			/* of the relations that the plan names, when
								 * it was made */
} Kept;

static Kept plans[MAX_PLANS];
static int64 uses = 0;
static bool callback_registered = false;

static Kept *find(const TvbTview *tview, const char *sql, const TvbRunArgs *args);
static TupleDesc relation_desc(const TvbRunArgs *args);
static bool same_desc(TupleDesc a, TupleDesc b);
static Kept *make(const TvbTview *tview, const char *sql, const TvbRunArgs *args);
static Kept *oldest(void);
static void forget(Kept *kept);
static void forget_gone(void);
static void relation_changed(Datum arg, Oid relid);
static uint32 hash_settings(const TvbTview *tview);
static CachedPlan *get_plan(Kept *kept, const TvbRunArgs *args);
static List *planned_relations(Kept *kept);
static bool sizes_changed(Kept *kept);
static void note_sizes(Kept *kept);
static BlockNumber relation_pages(Oid relid);
static bool is_linear(PlannedStmt *stmt);
static bool linear_walker(Plan *plan);
static bool linear_list(List *plans_list);
static bool key_filter_walker(Node *node, void *context);

void
tvb_plans_query(TvbRun *run, const TvbTview *tview, const char *sql, const TvbRunArgs *args,
				int64 nkeys, DestReceiver *dest)
{
	Kept	   *kept;
	CachedPlan *plan;

	forget_gone();
	kept = find(tview, sql, args);
	if (kept == NULL)
		kept = make(tview, sql, args);
	kept->last_used = ++uses;
	plan = get_plan(kept, args);
	if (nkeys <= FEW_KEYS || kept->linear)
	{
		tvb_run_planned(run, linitial_node(PlannedStmt, plan->stmt_list), sql, args, dest);
		ReleaseCachedPlan(plan, CurrentResourceOwner);
	}
	else
	{
		ReleaseCachedPlan(plan, CurrentResourceOwner);
		tvb_run_query(run, sql, args, dest);
	}
}

List	   *
tvb_plans_contexts(void)
{
	List	   *contexts = NIL;

	for (int i = 0; i < MAX_PLANS; i++)
	{
		if (!OidIsValid(plans[i].tview))
			continue;
		contexts = lappend(contexts, plans[i].source->context);
		if (plans[i].source->gplan != NULL)
			contexts = lappend(contexts, plans[i].source->gplan->context);
	}
	return contexts;
}

/*
 * The plan of a query, if it is kept.  The same words mean something else where the named relation has columns of other
 * types: two tables may be looked up from alike.
 */
static Kept *
find(const TvbTview *tview, const char *sql, const TvbRunArgs *args)
{
	uint32		settings = hash_settings(tview);

	for (int i = 0; i < MAX_PLANS; i++)
	{
		Kept	   *kept = &plans[i];

		if (kept->tview == tview->relid && kept->owner == tview->owner && kept->settings == settings &&
			strcmp(kept->source->query_string, sql) == 0 && same_desc(kept->desc, relation_desc(args)))
			return kept;
	}
	return NULL;
}

/* The columns of the named relation, or NULL. */
static TupleDesc
relation_desc(const TvbRunArgs *args)
{
	return args != NULL && args->relation != NULL ? args->relation->md.tupdesc : NULL;
}

/* Whether columns have the same names, types and collations, in the same order. */
static bool
same_desc(TupleDesc a, TupleDesc b)
{
	if (a == NULL || b == NULL)
		return a == b;
	if (a->natts != b->natts)
		return false;
	for (int i = 0; i < a->natts; i++)
	{
		Form_pg_attribute x = TupleDescAttr(a, i);
		Form_pg_attribute y = TupleDescAttr(b, i);

		if (strcmp(NameStr(x->attname), NameStr(y->attname)) != 0 || x->atttypid != y->atttypid ||
			x->atttypmod != y->atttypmod || x->attcollation != y->attcollation)
			return false;
	}
	return true;
}

/* Prepare a query and keep it, in the place of the one that was not used for the longest time. */
static Kept *
make(const TvbTview *tview, const char *sql, const TvbRunArgs *args)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "TVIEW planning",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	RawStmt    *raw = linitial_node(RawStmt, pg_parse_query(sql));
	CachedPlanSource *source = CreateCachedPlan(raw, sql, CMDTAG_SELECT);
	List	   *queries = tvb_run_analyze(raw, sql, args);
	Kept	   *kept = oldest();

	CompleteCachedPlan(source, queries, NULL, args ? args->types : NULL, args ? args->nargs : 0, NULL, NULL,
					   CURSOR_OPT_GENERIC_PLAN, false);
	forget(kept);
	SaveCachedPlan(source);
	kept->source = source;
	MemoryContextSwitchTo(source->context);
	kept->desc = relation_desc(args) ? CreateTupleDescCopy(relation_desc(args)) : NULL;
	kept->tview = tview->relid;
	kept->owner = tview->owner;
	kept->settings = hash_settings(tview);
	kept->generation = -1;
	if (!callback_registered)
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	callback_registered = true;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return kept;
}

/* A free place, or the one to be used again. */
static Kept *
oldest(void)
{
	Kept	   *found = &plans[0];

	for (int i = 0; i < MAX_PLANS; i++)
	{
		if (!OidIsValid(plans[i].tview))
			return &plans[i];
		if (plans[i].last_used < found->last_used)
			found = &plans[i];
	}
	return found;
}

/* Free a place. */
static void
forget(Kept *kept)
{
	if (OidIsValid(kept->tview))
		DropCachedPlan(kept->source);
	if (kept->pages != NULL)
		pfree(kept->pages);
	memset(kept, 0, sizeof(Kept));
}

/* Forget the plans of TVIEWs that were changed or dropped. */
static void
forget_gone(void)
{
	for (int i = 0; i < MAX_PLANS; i++)
	{
		if (plans[i].gone)
			forget(&plans[i]);
	}
}

/* Relcache callback: only to be noted, as a plan may be in use. */
static void
relation_changed(Datum arg, Oid relid)
{
	for (int i = 0; i < MAX_PLANS; i++)
	{
		if (OidIsValid(plans[i].tview) && (relid == InvalidOid || plans[i].tview == relid))
			plans[i].gone = true;
	}
}

/* What tells whether a TVIEW's settings are still those that a text was parsed with. */
static uint32
hash_settings(const TvbTview *tview)
{
	uint32		hash = tview->row_security;
	ListCell   *lc;

	foreach(lc, tview->settings)
		hash = hash_combine(hash, hash_bytes(lfirst(lc), strlen(lfirst(lc))));
	return hash;
}

/* The current plan, to be released. */
static CachedPlan *
get_plan(Kept *kept, const TvbRunArgs *args)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "TVIEW planning",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CachedPlan *plan;
	int			level;

	if (kept->source->gplan != NULL && sizes_changed(kept))
		kept->source->gplan->is_valid = false;
	level = tvb_run_begin_planning(args);
	plan = GetCachedPlan(kept->source, NULL, CurrentResourceOwner, tvb_run_environment(args));
	tvb_run_end_planning(level);
	if (kept->generation != kept->source->generation)
	{
		kept->linear = is_linear(linitial_node(PlannedStmt, plan->stmt_list));
		kept->generation = kept->source->generation;
		note_sizes(kept);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return plan;
}

/* The relations that the current plan names, partitions among them, which the text does not name. */
static List *
planned_relations(Kept *kept)
{
	return linitial_node(PlannedStmt, kept->source->gplan->stmt_list)->relationOids;
}

/* Whether a table that is read has become much larger or smaller. */
static bool
sizes_changed(Kept *kept)
{
	List	   *relations = planned_relations(kept);
	ListCell   *lc;

	if (kept->nrelations != list_length(relations))
		return true;
	foreach(lc, relations)
	{
		BlockNumber then = Max(kept->pages[foreach_current_index(lc)], FEW_PAGES);
		BlockNumber now = Max(relation_pages(lfirst_oid(lc)), FEW_PAGES);

		if (now / 2 > then || then / 2 > now)
			return true;
	}
	return false;
}

/* Remember how large the tables are. */
static void
note_sizes(Kept *kept)
{
	List	   *relations = planned_relations(kept);
	ListCell   *lc;

	if (kept->pages != NULL)
		pfree(kept->pages);
	kept->pages = NULL;
	kept->nrelations = list_length(relations);
	kept->pages = MemoryContextAlloc(CacheMemoryContext, sizeof(BlockNumber) * Max(kept->nrelations, 1));
	foreach(lc, relations)
		kept->pages[foreach_current_index(lc)] = relation_pages(lfirst_oid(lc));
}

/* How many pages a relation has; 0: none, or it is gone. */
static BlockNumber
relation_pages(Oid relid)
{
	Relation	rel = try_relation_open(relid, AccessShareLock);
	BlockNumber pages = 0;

	if (rel == NULL)
		return 0;
	if (RELKIND_HAS_STORAGE(rel->rd_rel->relkind))
		pages = RelationGetNumberOfBlocks(rel);
	relation_close(rel, NoLock);
	return pages;
}

/* Whether what a plan costs grows with the number of keys, and not with its square. */
static bool
is_linear(PlannedStmt *stmt)
{
	return linear_walker(stmt->planTree) && linear_list(stmt->subplans);
}

/* The same of a part of it. */
static bool
linear_walker(Plan *plan)
{
	if (plan == NULL)
		return true;
	if (key_filter_walker((Node *) plan->qual, NULL))
		return false;
	switch (nodeTag(plan))
	{
		case T_NestLoop:

			/*
			 * an inner side that the outer row does not lead into is read
			 * whole for each
			 */
			if (((NestLoop *) plan)->nestParams == NIL ||
				key_filter_walker((Node *) ((Join *) plan)->joinqual, NULL))
				return false;
			break;
		case T_MergeJoin:
		case T_HashJoin:
			if (key_filter_walker((Node *) ((Join *) plan)->joinqual, NULL))
				return false;
			break;
		case T_SubqueryScan:
			return linear_walker(((SubqueryScan *) plan)->subplan);
		case T_Append:
			return linear_list(((Append *) plan)->appendplans);
		case T_MergeAppend:
			return linear_list(((MergeAppend *) plan)->mergeplans);
		case T_BitmapAnd:
			return linear_list(((BitmapAnd *) plan)->bitmapplans);
		case T_BitmapOr:
			return linear_list(((BitmapOr *) plan)->bitmapplans);
		default:
			break;
	}
	return linear_walker(plan->lefttree) && linear_walker(plan->righttree);
}

/* The same of all parts. */
static bool
linear_list(List *plans_list)
{
	ListCell   *lc;

	foreach(lc, plans_list)
	{
		if (!linear_walker(lfirst(lc)))
			return false;
	}
	return true;
}

/* Whether an expression compares a value with each key; only constant arrays are hashed for that. */
static bool
key_filter_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, ScalarArrayOpExpr))
		return IsA(lsecond(((ScalarArrayOpExpr *) node)->args), Param);
	return expression_tree_walker(node, key_filter_walker, context);
}
