/*-------------------------------------------------------------------------
 *
 * pushdown_window.c
 *		Stage 5, before it runs: window functions for the partitions of some rows alone.
 *
 * The key of "SELECT id, rank() OVER (PARTITION BY cat ORDER BY price) FROM prod" says nothing of the
 * partition, so that a condition on it must not go below the window.  What may go there is
 *
 *	EXISTS (SELECT FROM (SELECT DISTINCT cat FROM prod WHERE id = ANY ($1)) v WHERE v.cat = prod.cat)
 *
 * Invariant: of each partition that has a needed row all rows are left.  So the columns are those that all
 * windows have in PARTITION BY, and they are compared by the operator that tells partitions apart.  Where they can be NULL,
 * which equality does not find and an index finds by IS NULL only, the query becomes a UNION ALL: one arm per
 * combination of NULLs.
 *
 * The partitions are looked for by a copy of the query's FROM and WHERE.  Where two evaluations may give different rows
 * (ties under LIMIT) this is not done: the needed row might be in another partition the second time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "parser/parse_collate.h"
#include "parser/parse_node.h"
#include "parser/parse_oper.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "evaluate.h"
#include "lineage_expand.h"
#include "lineage_graph.h"
#include "pushdown_facts.h"
#include "pushdown_window.h"

/* At most this many columns that can be NULL: the arms are as many as combinations. */
#define MAX_NULLABLE 2

bool
tvb_window_all_have(Query *query, Node *expr)
{
	ListCell   *lc;

	foreach(lc, query->windowClause)
	{
		if (!tvb_fact_clause_has(query, lfirst_node(WindowClause, lc)->partitionClause, expr))
			return false;
	}
	return true;
}

/* ---------- which columns ---------- */

/* The equality of two columns of one type by the type's default operator. */
static OpExpr *
make_equality(Var *left, Var *right)
{
	ParseState *pstate = make_parsestate(NULL);
	Node	   *op = (Node *) make_op(pstate, tvb_evaluate_equality_name(getBaseType(left->vartype)),
									  (Node *) left, (Node *) right, NULL, -1);

	assign_expr_collations(pstate, op);
	free_parsestate(pstate);
	return castNode(OpExpr, op);
}

/* Whether the equality of a column's values is that of its partitions. */
static bool
is_compared_alike(SortGroupClause *clause, Var *column)
{
	OpExpr	   *op;

	/* IS NULL of a row looks at its fields */
	if (type_is_rowtype(column->vartype))
		return false;
	op = make_equality(column, column);
	return op->opno == clause->eqop && op->inputcollid == column->varcollid;
}

static bool is_stored(Query *query, Var *column);

/* Whether an output of a subquery shows stored values and nothing that is computed. */
static bool
is_stored_output(Query *query, AttrNumber attno)
{
	TargetEntry *tle = get_tle_by_resno(query->targetList, attno);
	Bitmapset  *arms;
	int			rtindex = -1;
	Node	   *expr;

	if (tle == NULL)
		return false;
	if (query->setOperations)
	{
		arms = tvb_expand_used(query);
		while ((rtindex = bms_next_member(arms, rtindex)) >= 0)
		{
			RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);

			if (rte->rtekind != RTE_SUBQUERY || !is_stored_output(rte->subquery, attno))
				return false;
		}
		return true;
	}
	expr = tvb_fact_flatten(query, (Node *) tle->expr);
	if (IsA(expr, Const))
		return true;
	return IsA(expr, Var) && ((Var *) expr)->varlevelsup == 0 && ((Var *) expr)->varattno > 0 &&
		is_stored(query, (Var *) expr);
}

/* The same of a column of something in FROM: what is computed may differ the second time (float sums). */
static bool
is_stored(Query *query, Var *column)
{
	RangeTblEntry *rte = rt_fetch(column->varno, query->rtable);

	check_stack_depth();
	switch (rte->rtekind)
	{
		case RTE_RELATION:
		case RTE_FUNCTION:
		case RTE_VALUES:
			return true;
		case RTE_SUBQUERY:
			return is_stored_output(rte->subquery, column->varattno);
		default:
			return false;
	}
}

/* The range table entries that outer joins put NULLs for. */
static Bitmapset *
nullable_rels(Node *node)
{
	Bitmapset  *rels = NULL;
	ListCell   *lc;

	check_stack_depth();
	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			rels = bms_join(rels, nullable_rels(lfirst(lc)));
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		rels = bms_join(nullable_rels(join->larg), nullable_rels(join->rarg));
		if (join->jointype == JOIN_LEFT || join->jointype == JOIN_FULL)
			rels = bms_join(rels, tvb_compat_relids_in_jointree(join->rarg));
		if (join->jointype == JOIN_RIGHT || join->jointype == JOIN_FULL)
			rels = bms_join(rels, tvb_compat_relids_in_jointree(join->larg));
	}
	return rels;
}

/* Whether a condition is not true where a column is NULL. */
static bool
excludes_null(Node *qual, Var *column)
{
	List	   *args;
	ListCell   *lc;

	if (IsA(qual, NullTest) && ((NullTest *) qual)->nulltesttype == IS_NOT_NULL)
		args = list_make1(((NullTest *) qual)->arg);
	else if (IsA(qual, OpExpr) && op_strict(((OpExpr *) qual)->opno))
		args = ((OpExpr *) qual)->args;
	else if (IsA(qual, ScalarArrayOpExpr) && op_strict(((ScalarArrayOpExpr *) qual)->opno) &&
			 ((ScalarArrayOpExpr *) qual)->useOr)
		args = list_make1(linitial(((ScalarArrayOpExpr *) qual)->args));
	else
		return false;
	foreach(lc, args)
	{
		Var		   *var = tvb_fact_column(lfirst(lc));

		if (var != NULL && var->varno == column->varno && var->varattno == column->varattno)
			return true;
	}
	return false;
}

/* Whether a column is not NULL in rows for which facts hold. */
static bool
is_never_null(Query *query, Var *column, List *holding, Bitmapset *forced)
{
	RangeTblEntry *rte = rt_fetch(column->varno, query->rtable);
	TargetEntry *tle;
	Node	   *expr;
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, holding)
	{
		if (excludes_null(((TvbFact *) lfirst(lc))->qual, column))
			return true;
	}
	if (!bms_is_member(column->varno, forced) &&
		bms_is_member(column->varno, nullable_rels((Node *) query->jointree)))
		return false;
	if (rte->rtekind == RTE_RELATION)
		return tvb_graph_not_null(rte, column->varattno, true);
	if (rte->rtekind != RTE_SUBQUERY || rte->subquery->setOperations || rte->subquery->groupingSets)
		return false;
	tle = get_tle_by_resno(rte->subquery->targetList, column->varattno);
	expr = tvb_fact_flatten(rte->subquery, (Node *) tle->expr);
	return IsA(expr, Var) && ((Var *) expr)->varlevelsup == 0 && ((Var *) expr)->varattno > 0 &&
		is_never_null(rte->subquery, (Var *) expr, NIL, NULL);
}

/*
 * Whether there is a query in which rows are chosen, or numbered, by an order that may have ties; or which shows columns of
 * any row of a group (a query without its GROUP BY still tells): rows of one group need not be in one partition then.
 */
static bool
chosen_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return ((RangeTblEntry *) node)->rtekind == RTE_CTE;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;

		if (query->limitCount || query->limitOffset || query->hasDistinctOn || query->hasWindowFuncs ||
			tvb_graph_any_row_of_group(query))
			return true;
		return query_tree_walker(query, chosen_walker, context, QTW_EXAMINE_RTES_BEFORE | QTW_IGNORE_JOINALIASES);
	}
	return expression_tree_walker(node, chosen_walker, context);
}

/* The columns that all windows have, those that can be NULL last, as far as there may be arms for them. */
static List *
shared_columns(Query *query, List *holding, Bitmapset *forced)
{
	/* the arms are not in the order of a query that sorts, nor is what is distinct in them distinct together */
	int			arms = query->sortClause || query->distinctClause ? 0 : MAX_NULLABLE;
	List	   *sure = NIL;
	List	   *nullable = NIL;
	ListCell   *lc;

	foreach(lc, linitial_node(WindowClause, query->windowClause)->partitionClause)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);
		Node	   *expr = get_sortgroupclause_expr(clause, query->targetList);
		Var		   *column = (Var *) tvb_fact_flatten(query, expr);
		TvbPartition *partition;

		if (!IsA(column, Var) || column->varlevelsup != 0 || column->varattno <= 0 ||
			!tvb_window_all_have(query, expr) || !is_compared_alike(clause, column) || !is_stored(query, column))
			continue;
		partition = palloc(sizeof(TvbPartition));
		partition->column = column;
		partition->nullable = !is_never_null(query, column, holding, forced);
		if (!partition->nullable)
			sure = lappend(sure, partition);
		else if (list_length(nullable) < arms)
			nullable = lappend(nullable, partition);
	}
	return list_concat(sure, nullable);
}

List *
tvb_window_partitions(Query *query, List *holding, Bitmapset *forced)
{
	List	   *partitions;

	if (query->windowClause == NIL || query->cteList)
		return NIL;
	partitions = shared_columns(query, holding, forced);
	if (partitions == NIL || chosen_walker((Node *) tvb_window_values(query, partitions), NULL))
		return NIL;
	return partitions;
}

/* ---------- the queries ---------- */

Query *
tvb_window_values(Query *query, List *partitions)
{
	Query	   *values = copyObject(query);
	ListCell   *lc;

	values->targetList = NIL;
	values->distinctClause = NIL;
	values->hasDistinctOn = false;
	values->groupClause = NIL;
	values->groupDistinct = false;
	values->havingQual = NULL;
	values->windowClause = NIL;
	values->sortClause = NIL;
	values->hasAggs = false;
	values->hasWindowFuncs = false;
	values->hasTargetSRFs = false;
	foreach(lc, partitions)
	{
		Var		   *column = ((TvbPartition *) lfirst(lc))->column;
		int			resno = foreach_current_index(lc) + 1;
		TargetEntry *tle = makeTargetEntry((Expr *) copyObject(column), resno, psprintf("c%d", resno), false);
		SortGroupClause *clause = makeNode(SortGroupClause);

		get_sort_group_operators(column->vartype, false, true, false, &clause->sortop, &clause->eqop, NULL, &clause->hashable);
		tle->ressortgroupref = clause->tleSortGroupRef = resno;
		values->targetList = lappend(values->targetList, tle);
		values->distinctClause = lappend(values->distinctClause, clause);
	}
	return values;
}

/* A subquery as a range table entry; its columns are c1, c2, ... */
static RangeTblEntry *
make_entry(Query *subquery, char *name, bool in_from)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, subquery->targetList)
	{
		if (!lfirst_node(TargetEntry, lc)->resjunk)
			names = lappend(names, makeString(psprintf("c%d", list_length(names) + 1)));
	}
	return tvb_fact_entry(subquery, name, names, in_from);
}

/* column IS NULL, or IS NOT NULL */
static Node *
make_null_test(Var *column, NullTestType type)
{
	NullTest   *test = makeNode(NullTest);

	test->arg = (Expr *) copyObject(column);
	test->nulltesttype = type;
	test->location = -1;
	return (Node *) test;
}

/* The facts of one arm; nulls: a bit for each column that can be NULL. */
static List *
arm_facts(List *partitions, Query *values, int nulls)
{
	List	   *quals = NIL;
	List	   *facts = NIL;
	int			bit = 0;
	ListCell   *lc;

	foreach(lc, partitions)
	{
		TvbPartition *partition = lfirst(lc);
		Var		   *column = partition->column;
		Var		   *value = makeVar(1, foreach_current_index(lc) + 1, column->vartype, column->vartypmod, column->varcollid, 0);

		if (partition->nullable && (nulls & (1 << bit++)) != 0)
		{
			quals = lappend(quals, make_null_test(value, IS_NULL));
			facts = lappend(facts, tvb_fact_make(make_null_test(column, IS_NULL), true, false));
			continue;
		}
		/* said for outer joins: their nullable side has a row here */
		if (partition->nullable)
			facts = lappend(facts, tvb_fact_make(make_null_test(column, IS_NOT_NULL), false, false));
		column = copyObject(column);
		column->varlevelsup = 1;
		quals = lappend(quals, make_equality(value, column));
	}
	return lappend(facts, tvb_fact_make(tvb_fact_exists(make_entry(copyObject(values), "tviews_partition", true), quals),
										true, false));
}

List *
tvb_window_arms(List *partitions, Query *values)
{
	List	   *arms = NIL;
	int			nullable = 0;
	ListCell   *lc;

	foreach(lc, partitions)
		nullable += ((TvbPartition *) lfirst(lc))->nullable;
	for (int nulls = 0; nulls < 1 << nullable; nulls++)
		arms = lappend(arms, arm_facts(partitions, values, nulls));
	return arms;
}

/* The outputs of a query as columns of range table entry 1, with their names. */
static List *
make_outputs(Query *query)
{
	List	   *outputs = NIL;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk)
			outputs = lappend(outputs, makeTargetEntry((Expr *) makeVarFromTargetEntry(1, tle), tle->resno,
													   tle->resname, false));
	}
	return outputs;
}

/* left UNION ALL the arm with an index; left NULL: the arm alone. */
static Node *
add_arm(Node *left, int rtindex, List *outputs)
{
	RangeTblRef *ref = makeNode(RangeTblRef);
	SetOperationStmt *op = makeNode(SetOperationStmt);
	ListCell   *lc;

	ref->rtindex = rtindex;
	if (left == NULL)
		return (Node *) ref;
	op->op = SETOP_UNION;
	op->all = true;
	op->larg = left;
	op->rarg = (Node *) ref;
	foreach(lc, outputs)
	{
		Node	   *output = (Node *) lfirst_node(TargetEntry, lc)->expr;

		op->colTypes = lappend_oid(op->colTypes, exprType(output));
		op->colTypmods = lappend_int(op->colTypmods, exprTypmod(output));
		op->colCollations = lappend_oid(op->colCollations, exprCollation(output));
	}
	return (Node *) op;
}

/*
 * SELECT c1, c2 FROM (arm UNION ALL arm) (c1, c2): query may be an arm itself, and the parser does not put a set operation
 * into a query of its own there.
 */
void
tvb_window_unite(Query *query, List *arms)
{
	Query	   *whole = makeNode(Query);
	Query	   *outer = makeNode(Query);
	RangeTblRef *ref = makeNode(RangeTblRef);
	ListCell   *lc;

	whole->commandType = CMD_SELECT;
	whole->canSetTag = true;
	whole->targetList = make_outputs(query);
	whole->jointree = makeFromExpr(NIL, NULL);
	foreach(lc, arms)
	{
		int			rtindex = foreach_current_index(lc) + 1;

		/* CTEs around the query, which sublinks may read, are two levels further away */
		IncrementVarSublevelsUp(lfirst(lc), 2, 1);
		whole->rtable = lappend(whole->rtable, make_entry(lfirst_node(Query, lc), psprintf("*SELECT* %d", rtindex), false));
		whole->setOperations = add_arm(whole->setOperations, rtindex, whole->targetList);
	}
	ref->rtindex = 1;
	outer->commandType = CMD_SELECT;
	outer->canSetTag = query->canSetTag;
	outer->targetList = make_outputs(query);
	outer->rtable = list_make1(make_entry(whole, "tviews_arms", true));
	outer->jointree = makeFromExpr(list_make1(ref), NULL);
	*query = *outer;
}
