/*-------------------------------------------------------------------------
 *
 * pushdown_cte.c
 *		Stage 5, before it runs: CTEs that are evaluated once.
 *
 * Nearly all CTEs are written out as subqueries, so that each reference is restricted to what it needs.  Two kinds are not:
 *
 * - One that is read more than once and whose rows or values depend on an order that is not total (ties under DISTINCT
 *	 ON): each copy, restricted in its own way, might choose other rows, and a row that the view has whatever is chosen
 *	 (latest JOIN latest) would be missing.
 * - One that is MATERIALIZED: conditions around it must not be evaluated for rows that it leaves out.
 *
 * Such a CTE is restricted itself, by the facts that hold for the rows all its references need.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "nodes/nodeFuncs.h"

#include "lineage_check.h"
#include "lineage_expand.h"
#include "pushdown_cte.h"
#include "pushdown_facts.h"

/* References to a CTE, while they are counted. */
typedef struct CountContext
{
	const char *name;
	int			depth;			/* how many queries are between the CTE's own and this */
	int			count;
} CountContext;

/* Whether a query has an aggregate or window function of the user's: what depends on the order of its rows is not known. */
static bool
own_aggregate_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, own_aggregate_walker, context, 0);
	if ((IsA(node, Aggref) && ((Aggref *) node)->aggfnoid >= FirstNormalObjectId) ||
		(IsA(node, WindowFunc) && ((WindowFunc *) node)->winfnoid >= FirstNormalObjectId))
		return true;
	return expression_tree_walker(node, own_aggregate_walker, context);
}

bool
tvb_cte_stays(CommonTableExpr *cte)
{
	Query	   *query;

	if (cte->ctematerialized != CTEMaterializeDefault)
		return cte->ctematerialized == CTEMaterializeAlways;
	if (cte->cterefcount < 2)
		return false;
	query = copyObject(castNode(Query, cte->ctequery));
	tvb_expand_normalize(query);
	return tvb_check_unsettled(query) || own_aggregate_walker((Node *) query, NULL);
}

static bool
count_walker(Node *node, CountContext *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_CTE && rte->ctelevelsup == context->depth && strcmp(rte->ctename, context->name) == 0)
			context->count++;
		return false;
	}
	if (IsA(node, Query))
	{
		context->depth++;
		(void) query_tree_walker((Query *) node, count_walker, context, QTW_EXAMINE_RTES_BEFORE);
		context->depth--;
		return false;
	}
	return expression_tree_walker(node, count_walker, context);
}

List *
tvb_cte_shared(Query *query)
{
	List	   *shared = NIL;
	ListCell   *lc;

	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);
		CountContext context = {cte->ctename, 0, 0};
		TvbShared  *one;

		if (cte->cterecursive)
			continue;
		(void) query_tree_walker(query, count_walker, &context, QTW_EXAMINE_RTES_BEFORE);
		one = palloc0(sizeof(TvbShared));
		one->cte = cte;
		one->readers = context.count;
		shared = lappend(shared, one);
	}
	return shared;
}

/* The same facts over columns of range table entry 1. */
static List *
move_facts(List *facts, int rtindex)
{
	List	   *moved = NIL;
	ListCell   *lc;

	foreach(lc, facts)
	{
		TvbFact    *fact = lfirst(lc);

		moved = lappend(moved, tvb_fact_make(tvb_fact_translate(fact->qual, rtindex, NIL), true, false));
	}
	return moved;
}

/* The facts that are in both lists. */
static List *
common_facts(List *facts, List *others)
{
	List	   *common = NIL;
	ListCell   *lc;

	foreach(lc, facts)
	{
		if (tvb_fact_is_among(others, ((TvbFact *) lfirst(lc))->qual))
			common = lappend(common, lfirst(lc));
	}
	return common;
}

void
tvb_cte_meet(List *levels, RangeTblEntry *rte, int rtindex, List *facts)
{
	ListCell   *lc;

	foreach(lc, (List *) list_nth(levels, rte->ctelevelsup))
	{
		TvbShared  *one = lfirst(lc);

		if (strcmp(one->cte->ctename, rte->ctename) != 0)
			continue;
		facts = move_facts(facts, rtindex);
		one->facts = one->met ? common_facts(one->facts, facts) : facts;
		one->met = true;
		one->readers--;
	}
}
