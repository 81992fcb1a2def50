/*-------------------------------------------------------------------------
 *
 * pushdown_cte.c
 *		Stage 5, before it runs: CTEs that are evaluated once.
 *
 * Nearly all CTEs are written out as subqueries, so that each reference is restricted to what it needs.  Three kinds are not:
 *
 * - One that is read more than once and whose rows or values depend on an order that is not total (ties under DISTINCT
 *	 ON): each copy, restricted in its own way, might choose other rows, and a row that the view has whatever is chosen
 *	 (latest JOIN latest) would be missing.
 * - One that is read more than once and shows one of several equal values ('a', 'A' of citext), where something tells these
 *	 apart (one.c::text = other.c::text).
 * - One that is MATERIALIZED: conditions around it must not be evaluated for rows that it leaves out.
 *
 * Such a CTE is restricted itself, by the facts that hold for the rows all its references need.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "lineage_check.h"
#include "lineage_expand.h"
#include "lineage_graph.h"
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

/* Whether an expression is a value of a type whose equal values may not be identical, that a query around it gets from one inside. */
static bool
is_value(Node *node)
{
	return IsA(node, Var) || IsA(node, Param) || IsA(node, SubLink);
}

/* Whether an operator sorts or compares values as their type does by default, so that equal ones are the same to it. */
static bool
takes_equals_alike(Oid opno, Oid collation, Node *operand)
{
	TypeCacheEntry *entry;

	if (!is_value(operand) || !tvb_graph_collations_agree(collation, exprCollation(operand)))
		return false;
	entry = lookup_type_cache(exprType(operand), TYPECACHE_BTREE_OPFAMILY);
	return OidIsValid(entry->btree_opf) && op_in_opfamily(opno, entry->btree_opf);
}

/* Whether an expression looks at values in a way that may tell equal ones apart.  Subqueries are not looked into. */
static bool
fine_walker(Node *node, void *context)
{
	OpExpr	   *op = (OpExpr *) node;
	ListCell   *lc;

	if (node == NULL || IsA(node, Query) || (IsA(node, NullTest) && is_value((Node *) ((NullTest *) node)->arg)))
		return false;
	if (is_value(node) && !tvb_graph_equal_is_identical(exprType(node), exprCollation(node)))
		return true;
	if (!IsA(node, OpExpr))
		return expression_tree_walker(node, fine_walker, context);
	foreach(lc, op->args)
	{
		if (!takes_equals_alike(op->opno, op->inputcollid, lfirst(lc)) && fine_walker(lfirst(lc), context))
			return true;
	}
	return false;
}

/* Whether a comparison within an expression does. */
static bool
compares_walker(Node *node, void *context)
{
	if (node == NULL || IsA(node, Query))
		return false;
	if ((IsA(node, OpExpr) || IsA(node, FuncExpr) || IsA(node, ScalarArrayOpExpr) || IsA(node, DistinctExpr) ||
		 IsA(node, NullIfExpr) || IsA(node, RowCompareExpr)) &&
		(exprType(node) == BOOLOID || IsA(node, NullIfExpr)) && fine_walker(node, NULL))
		return true;
	return expression_tree_walker(node, compares_walker, context);
}

/* Whether what an entry of a range table computes does. */
static bool
entry_is_fine(RangeTblEntry *rte)
{
	return fine_walker((Node *) rte->functions, NULL) || fine_walker((Node *) rte->values_lists, NULL) ||
		fine_walker((Node *) rte->tablefunc, NULL);
}

/*
 * Whether a query or those in it tell equal values apart, or might do so unseen by what is around them, as they compute
 * something of values.  outermost: what it computes is shown only.
 */
static bool
tells_apart_walker(Node *node, Query *outermost)
{
	Query	   *query = (Query *) node;
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, tells_apart_walker, outermost);
	if (fine_walker((Node *) query->jointree, NULL) || fine_walker(query->havingQual, NULL))
		return true;
	foreach(lc, query->rtable)
	{
		if (entry_is_fine(lfirst(lc)))
			return true;
	}
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (is_value((Node *) tle->expr))
			continue;
		if (query == outermost && tle->ressortgroupref == 0 ? compares_walker((Node *) tle->expr, NULL)
			: fine_walker((Node *) tle->expr, NULL))
			return true;
	}
	return query_tree_walker(query, tells_apart_walker, outermost, 0);
}

bool
tvb_cte_stays(CommonTableExpr *cte, Query *outermost)
{
	Query	   *query;

	if (cte->ctematerialized != CTEMaterializeDefault)
		return cte->ctematerialized == CTEMaterializeAlways;
	if (cte->cterefcount < 2)
		return false;
	query = copyObject(castNode(Query, cte->ctequery));
	tvb_expand_normalize(query);
	if (tvb_check_unsettled(query) || own_aggregate_walker((Node *) query, NULL))
		return true;
	if (outermost == NULL || !tvb_check_images(query) || !tells_apart_walker((Node *) outermost, outermost))
		return false;
	/* as it is read more than once, that says nothing new, but to us */
	cte->ctematerialized = CTEMaterializeAlways;
	return true;
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
