/*-------------------------------------------------------------------------
 *
 * pushdown.c
 *		Stage 5, before it runs: the texts of a TVIEW's keyed query.
 *
 * The view's query is expanded, restricted (pushdown_tree.c), written out and proved to mean
 * the same (pushdown_sql.c), once per pattern of NULLs in the key.  Tables are not
 * touched.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "evaluate.h"
#include "lineage_expand.h"
#include "owner.h"
#include "pushdown.h"
#include "pushdown_cte.h"
#include "pushdown_sql.h"
#include "pushdown_tree.h"

/* Give the outputs of a query names, those of its arms too. */
static void
name_outputs(Query *query, List *names)
{
	Bitmapset  *arms = query->setOperations ? tvb_expand_used(query) : NULL;
	int			rtindex = -1;
	int			n = 0;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk && n < list_length(names))
			tle->resname = pstrdup(strVal(list_nth(names, n++)));
	}
	while ((rtindex = bms_next_member(arms, rtindex)) >= 0)
	{
		RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);

		if (rte->rtekind == RTE_SUBQUERY)
			name_outputs(rte->subquery, names);
	}
}

/* The names that the outputs of a query have. */
static List *
own_names(Query *query)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		if (!lfirst_node(TargetEntry, lc)->resjunk)
			names = lappend(names, makeString(lfirst_node(TargetEntry, lc)->resname));
	}
	return names;
}

/* The names of the outputs of a sublink: any, but not "?column?", which is not kept. */
static List *
any_names(Query *query)
{
	List	   *names = NIL;

	for (int i = 1; i <= list_length(query->targetList); i++)
		names = lappend(names, makeString(psprintf("c%d", i)));
	return names;
}

/*
 * Where a view or CTE was written out, the subquery must have the column names that the query
 * around it uses, and a name.
 */
static bool
name_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind != RTE_SUBQUERY)
			return false;
		if (rte->inFromCl)
			name_outputs(rte->subquery, rte->eref->colnames);
		if (rte->alias == NULL)
			rte->alias = makeAlias(rte->eref->aliasname, NIL);
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, name_walker, context, QTW_EXAMINE_RTES_BEFORE);
	if (IsA(node, SubLink))
		name_outputs(castNode(Query, ((SubLink *) node)->subselect),
					 any_names(castNode(Query, ((SubLink *) node)->subselect)));
	return expression_tree_walker(node, name_walker, context);
}

/* Whether a query names a view of another owner, whose rows may be others for role. */
static bool
foreign_view_walker(Node *node, Oid *role)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		/* an expanded view still has its oid */
		return rte->rtekind == RTE_SUBQUERY && OidIsValid(rte->relid) &&
			tvb_owner_of(rte->relid, true) != *role;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, foreign_view_walker, role, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, foreign_view_walker, role);
}

/* The facts that a batch of keys begins with: columns of a range table entry 1. */
static List *
key_facts(Query *query, List *key_attnos, Bitmapset *nulls)
{
	List	   *facts = NIL;
	int			param = 0;
	ListCell   *lc;

	foreach(lc, key_attnos)
	{
		TargetEntry *tle = get_tle_by_resno(query->targetList, lfirst_int(lc));
		Var		   *column = makeVarFromTargetEntry(1, tle);
		bool		is_null = bms_is_member(foreach_current_index(lc), nulls);

		if (!is_null && !tvb_evaluate_travels_in_array(getBaseType(column->vartype)))
			continue;
		facts = lappend(facts, tvb_fact_make(tvb_fact_key(column, is_null ? 0 : ++param), true, true));
	}
	return facts;
}

/* The types of the parameters, in order. */
static List *
param_types(Query *query, List *key_attnos, Bitmapset *nulls)
{
	List	   *types = NIL;
	ListCell   *lc;

	foreach(lc, key_attnos)
	{
		TargetEntry *tle = get_tle_by_resno(query->targetList, lfirst_int(lc));
		Oid			type = getBaseType(exprType((Node *) tle->expr));

		if (!bms_is_member(foreach_current_index(lc), nulls) && tvb_evaluate_travels_in_array(type))
			types = lappend_oid(types, get_array_type(type));
	}
	return types;
}

/* The text for one pattern; empty if the view itself is as good. */
static char *
pattern_text(Query *query, List *key_attnos, Bitmapset *nulls, Oid role)
{
	Query	   *expanded = tvb_expand_but(query, tvb_cte_stays);
	char	   *sql;

	if (foreign_view_walker((Node *) expanded, &role))
		return "";
	(void) name_walker((Node *) expanded, NULL);
	name_outputs(expanded, own_names(expanded));	/* for the arms of a set operation */
	if (!tvb_pushdown_restrict(expanded, key_facts(query, key_attnos, nulls)))
		return "";
	sql = tvb_pushdown_sql(expanded, param_types(query, key_attnos, nulls));
	return sql ? sql : "";
}

List *
tvb_pushdown_texts(Query *query, List *key_attnos, Bitmapset *nullable, Oid role)
{
	int			n = list_length(key_attnos);
	int			patterns = 1;
	List	   *texts = NIL;
	bool		any = false;

	if (n == 0)
		return NIL;
	if (!bms_is_empty(nullable) && bms_num_members(nullable) <= TVB_PUSHDOWN_NULLABLE && n <= 8)
		patterns = 1 << n;
	for (int pattern = 0; pattern < patterns; pattern++)
	{
		Bitmapset  *nulls = NULL;
		char	   *sql = "";

		for (int i = 0; i < n; i++)
		{
			if (pattern & (1 << i))
				nulls = bms_add_member(nulls, i);
		}
		if (bms_is_subset(nulls, nullable))
			sql = pattern_text(query, key_attnos, nulls, role);
		any = any || sql[0] != '\0';
		texts = lappend(texts, sql);
	}
	return any ? texts : NIL;
}

const char *
tvb_pushdown_text(List *texts, const Bitmapset *nulls)
{
	int			pattern = 0;
	int			i = -1;
	const char *sql;

	while ((i = bms_next_member(nulls, i)) >= 0)
		pattern |= i < 16 ? 1 << i : 1 << 16;
	if (pattern >= list_length(texts))
		return NULL;
	sql = list_nth(texts, pattern);
	return sql[0] ? sql : NULL;
}
