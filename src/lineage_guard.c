/*-------------------------------------------------------------------------
 *
 * lineage_guard.c
 *		Stage 3, third step: conditions of a changed row that come before what may fail.
 *
 * A view may divide by a column of rows that it keeps (a.x = 10 / b.x WHERE b.x <> 0).  A changed row that it leaves out
 * is no member of anything, but a lookup that does the same with it would fail, and the TVIEW be compared as a whole.
 * So the row's own conditions are part of such a lookup.  Elsewhere they are not, as each makes the link wider; nor are
 * those that would make it much wider.
 *
 * Whether an expression may fail is guessed.  A wrong guess costs a comparison, or a column of the link.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"

#include "lineage_check.h"
#include "lineage_guard.h"

/* The server's functions that are known for what they refuse. */
static const char *const failing_functions[] = {
	"chr", "decode", "div", "json_array_elements", "json_array_elements_text", "json_array_length", "json_each",
	"json_each_text", "json_object_keys", "jsonb_array_elements", "jsonb_array_elements_text", "jsonb_array_length",
	"jsonb_each", "jsonb_each_text", "jsonb_object_keys", "ln", "log", "mod", "power", "sqrt", "to_date", "to_number",
	"to_timestamp",
};

/* Whether a type is one of numbers, or of strings. */
static bool
is_of_category(Oid type, char category)
{
	char		found;
	bool		preferred;

	get_type_category_preferred(getBaseType(type), &found, &preferred);
	return found == category;
}

/* Whether an operator is one of the users' that does not compare, or divides. */
static bool
operator_may_fail(OpExpr *op)
{
	char	   *name;

	if (tvb_graph_is_equality(op->opno, exprType(linitial(op->args))))
		return false;
	if (op->opno >= FirstNormalObjectId)
		return true;
	name = get_opname(op->opno);
	return name != NULL && (strcmp(name, "/") == 0 || strcmp(name, "%") == 0);
}

/* Whether a function is one of the users', makes numbers smaller, or is on the list. */
static bool
function_may_fail(FuncExpr *func)
{
	char	   *name;

	if (func->funcid >= FirstNormalObjectId)
		return true;
	if (func->funcformat == COERCE_EXPLICIT_CAST)
		return is_of_category(func->funcresulttype, TYPCATEGORY_NUMERIC);
	name = get_func_name(func->funcid);
	return name != NULL && tvb_check_listed(name, failing_functions, lengthof(failing_functions));
}

static bool
may_fail(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if ((IsA(node, OpExpr) && operator_may_fail((OpExpr *) node)) ||
		(IsA(node, FuncExpr) && function_may_fail((FuncExpr *) node)) ||
		(IsA(node, CoerceViaIO) && !is_of_category(exprType(node), TYPCATEGORY_STRING)) || IsA(node, CoerceToDomain))
		return true;
	return expression_tree_walker(node, may_fail, context);
}

/* Whether an expression names a column that may have long values, and is none of those that the others name. */
static bool
wide_walker(Node *node, List *others)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return get_typlen(((Var *) node)->vartype) < 0 && !list_member(others, node);
	return expression_tree_walker(node, wide_walker, others);
}

/* Whether a condition sets a column equal to a constant, which is seldom long. */
static bool
names_kind(Expr *expr)
{
	OpExpr	   *op = (OpExpr *) expr;

	return IsA(expr, OpExpr) && list_length(op->args) == 2 && IsA(lsecond(op->args), Const) &&
		tvb_graph_is_equality(op->opno, exprType(linitial(op->args)));
}

/* What a lookup does with columns of its changed rows: conditions, calls in FROM, and the target. */
static List *
first_exprs(TvbForest *forest, int id)
{
	List	   *exprs = NIL;
	int			on = -1;
	ListCell   *lc;

	foreach(lc, tvb_way_conjuncts(forest, id, false))
		exprs = lappend(exprs, ((TvbConjunct *) lfirst(lc))->expr);
	while ((on = bms_next_member(forest->way[id], on)) >= 0)
	{
		TvbMember  *member = tvb_graph_member(forest->graph, on);

		if (bms_is_member(id, member->depends))
			exprs = lappend(exprs, member->rte->functions);
	}
	return forest->next[id] == 0 ? list_concat(exprs, forest->root_exprs[id]) : exprs;
}

List *
tvb_guard_conjuncts(TvbForest *forest, int id)
{
	List	   *exprs = first_exprs(forest, id);
	List	   *guards = NIL;
	List	   *linked;
	ListCell   *lc;

	if (!may_fail((Node *) exprs, NULL))
		return NIL;
	linked = pull_var_clause((Node *) exprs, 0);
	foreach(lc, tvb_way_conjuncts(forest, id, true))
	{
		TvbConjunct *conjunct = lfirst(lc);

		if (bms_num_members(conjunct->members) == 1 &&
			(names_kind(conjunct->expr) || !wide_walker((Node *) conjunct->expr, linked)))
			guards = lappend(guards, conjunct);
	}
	return guards;
}
