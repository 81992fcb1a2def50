/*-------------------------------------------------------------------------
 *
 * pushdown_facts.c
 *		Stage 5, before it runs: what keys say of the tables behind a join.
 *
 * At a place in FROM some conditions hold for every row combination that
 * matters.  From "p.id = ANY ($1)" and "r.prod = p.id" follows
 * "r.prod = ANY ($1)".  Where equality does not reach, "g.cat = p.cat" gives
 * "EXISTS (SELECT FROM prod p WHERE g.cat = p.cat AND p.id = ANY ($1))": the row p of the
 * combination is the witness.
 *
 * Only equality of the types' default btree families is used: grouping, DISTINCT and
 * PARTITION BY take rows for equal by it, so that such a condition holds for all rows of a group or
 * for none.  Only bare columns are compared: an expression that is evaluated for
 * more rows than the view does could fail.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_collate.h"
#include "parser/parse_node.h"
#include "parser/parse_oper.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "evaluate.h"
#include "lineage_check.h"
#include "lineage_graph.h"
#include "pushdown_facts.h"

/* How many tables a condition may be carried over. */
#define MAX_STEPS 4

/* An equality between columns of two range table entries. */
typedef struct Equality
{
	OpExpr	   *op;
	Node	   *near;			/* the side that was asked for */
	Node	   *far;
	int			far_varno;
} Equality;

typedef struct LevelContext
{
	Query	   *query;
	int			varno;
	List	   *targetlist;
	int			depth;
} LevelContext;

/* ---------- small things ---------- */

TvbFact *
tvb_fact_make(Node *qual, bool key, bool known)
{
	TvbFact    *fact = palloc(sizeof(TvbFact));

	fact->qual = qual;
	fact->rels = tvb_compat_pull_varnos(qual);
	fact->key = key;
	fact->known = known && !tvb_fact_has_sublink(qual);
	return fact;
}

static bool
sublink_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
		return true;
	return expression_tree_walker(node, sublink_walker, context);
}

bool
tvb_fact_has_sublink(Node *qual)
{
	return sublink_walker(qual, NULL);
}

bool
tvb_fact_clause_has(Query *query, List *clauses, Node *expr)
{
	Oid			type = getBaseType(exprType(expr));
	ListCell   *lc;

	foreach(lc, clauses)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);

		if (equal(get_sortgroupclause_expr(clause, query->targetList), expr) &&
			tvb_graph_is_equality(clause->eqop, type))
			return true;
	}
	return false;
}

Var *
tvb_fact_column(Node *expr)
{
	while (expr && IsA(expr, RelabelType))
		expr = (Node *) ((RelabelType *) expr)->arg;
	if (expr == NULL || !IsA(expr, Var) || ((Var *) expr)->varlevelsup != 0 ||
		((Var *) expr)->varattno <= 0)
		return NULL;
	return (Var *) expr;
}

typedef struct ColumnsContext
{
	int			varno;
	int			depth;
	Bitmapset  *attnos;
	bool		others;			/* whole rows, system columns */
} ColumnsContext;

static bool
columns_walker(Node *node, ColumnsContext *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varno != context->varno || var->varlevelsup != context->depth)
			return false;
		if (var->varattno > 0)
			context->attnos = bms_add_member(context->attnos, var->varattno);
		else
			context->others = true;
		return false;
	}
	if (IsA(node, Query))
	{
		context->depth++;
		(void) query_tree_walker((Query *) node, columns_walker, context, 0);
		context->depth--;
		return false;
	}
	return expression_tree_walker(node, columns_walker, context);
}

Bitmapset *
tvb_fact_columns(TvbFact *fact, int varno)
{
	ColumnsContext context = {varno, 0, NULL, false};

	(void) columns_walker(fact->qual, &context);
	return context.others ? NULL : context.attnos;
}

typedef struct FineContext
{
	int			varno;
	int			depth;
} FineContext;

/* The column of a range table entry that an expression is, perhaps seen as another type of the same bytes; else NULL. */
static Var *
column_of(Node *expr, FineContext *context)
{
	while (expr && IsA(expr, RelabelType))
		expr = (Node *) ((RelabelType *) expr)->arg;
	if (expr == NULL || !IsA(expr, Var) || ((Var *) expr)->varno != context->varno ||
		((Var *) expr)->varlevelsup != context->depth || ((Var *) expr)->varattno <= 0)
		return NULL;
	return (Var *) expr;
}

static bool fine_walker(Node *node, FineContext *context);

/*
 * Whether an operator takes the values of an operand that is a column, or one of several, for equal as its type's default
 * equality does.
 */
static bool
compares_column(Oid opno, Oid collation, Node *operand, FineContext *context)
{
	Var		   *var = column_of(operand, context);
	ListCell   *lc;

	if (IsA(operand, CoalesceExpr))
	{
		foreach(lc, ((CoalesceExpr *) operand)->args)
		{
			if (!compares_column(opno, collation, lfirst(lc), context) && fine_walker(lfirst(lc), context))
				return false;
		}
		return true;
	}
	return var != NULL && tvb_graph_is_equality(opno, getBaseType(var->vartype)) &&
		tvb_graph_collations_agree(collation, var->varcollid) &&
		tvb_graph_collations_agree(collation, exprCollation(operand));
}

/* Whether an operand of an operator is told apart more finely than that. */
static bool
fine_operands(Oid opno, Oid collation, List *args, FineContext *context)
{
	ListCell   *lc;

	foreach(lc, args)
	{
		if (!compares_column(opno, collation, lfirst(lc), context) && fine_walker(lfirst(lc), context))
			return true;
	}
	return false;
}

static bool
fine_walker(Node *node, FineContext *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_OpExpr:
			return fine_operands(((OpExpr *) node)->opno, ((OpExpr *) node)->inputcollid, ((OpExpr *) node)->args, context);
		case T_ScalarArrayOpExpr:
			return fine_operands(((ScalarArrayOpExpr *) node)->opno, ((ScalarArrayOpExpr *) node)->inputcollid,
								 ((ScalarArrayOpExpr *) node)->args, context);
		case T_NullTest:
			return column_of((Node *) ((NullTest *) node)->arg, context) == NULL &&
				expression_tree_walker(node, fine_walker, context);
		case T_Var:
			return ((Var *) node)->varno == context->varno && ((Var *) node)->varlevelsup == context->depth &&
				!tvb_graph_equal_is_identical(((Var *) node)->vartype, ((Var *) node)->varcollid);
		case T_Query:
			{
				bool		fine;

				context->depth++;
				fine = query_tree_walker((Query *) node, fine_walker, context, 0);
				context->depth--;
				return fine;
			}
		default:
			return expression_tree_walker(node, fine_walker, context);
	}
}

bool
tvb_fact_is_fine(Node *qual, int varno)
{
	FineContext context = {varno, 0};

	return fine_walker(qual, &context);
}

Node *
tvb_fact_key(Var *column, int param)
{
	ParseState *pstate = make_parsestate(NULL);
	Oid			type = getBaseType(column->vartype);
	Param	   *array;
	Node	   *qual;

	if (param == 0)
	{
		NullTest   *test = makeNode(NullTest);

		test->arg = (Expr *) column;
		test->nulltesttype = IS_NULL;
		test->location = -1;
		return (Node *) test;
	}
	array = makeNode(Param);
	array->paramkind = PARAM_EXTERN;
	array->paramid = param;
	array->paramtype = get_array_type(type);
	array->paramtypmod = -1;
	array->paramcollid = get_typcollation(array->paramtype);
	array->location = -1;
	qual = (Node *) make_scalar_array_op(pstate, tvb_evaluate_equality_name(type), true,
										 (Node *) column, (Node *) array, -1);
	assign_expr_collations(pstate, qual);
	free_parsestate(pstate);
	return qual;
}

/* ---------- moving expressions between levels ---------- */

/*
 * Columns of varno become what the targetlist says, or, without one, columns of range table
 * entry 1; all other columns of the level or of levels around it are a level further away.
 */
static Node *
level_mutator(Node *node, LevelContext *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		Var		   *var = copyObject((Var *) node);

		tvb_compat_clear_var_identity(var);
		if (var->varlevelsup == context->depth && var->varno == context->varno)
		{
			TargetEntry *tle;
			Node	   *expr;

			if (context->targetlist == NIL)
			{
				var->varno = 1;
				return (Node *) var;
			}
			tle = get_tle_by_resno(context->targetlist, var->varattno);
			expr = copyObject((Node *) tle->expr);
			IncrementVarSublevelsUp(expr, context->depth, 0);
			return expr;
		}
		if (var->varlevelsup >= context->depth)
			var->varlevelsup++;
		return (Node *) var;
	}
	if (IsA(node, Query))
	{
		Query	   *query;

		context->depth++;
		query = query_tree_mutator((Query *) node, level_mutator, context, 0);
		context->depth--;
		return (Node *) query;
	}
	return expression_tree_mutator(node, level_mutator, context);
}

Node *
tvb_fact_translate(Node *qual, int varno, List *targetlist)
{
	LevelContext context = {NULL, varno, targetlist, 0};

	return level_mutator(qual, &context);
}

static Node *
flatten_mutator(Node *node, LevelContext *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;
		RangeTblEntry *rte;
		Node	   *expr;

		if (var->varlevelsup != context->depth || var->varattno <= 0)
			return copyObject(node);
		rte = rt_fetch(var->varno, context->query->rtable);
		if (rte->rtekind != RTE_JOIN)
			return copyObject(node);
		expr = tvb_fact_flatten(context->query,
								list_nth(rte->joinaliasvars, var->varattno - 1));
		IncrementVarSublevelsUp(expr, context->depth, 0);
		return expr;
	}
	if (IsA(node, Query))
	{
		Query	   *query;

		context->depth++;
		query = query_tree_mutator((Query *) node, flatten_mutator, context, QTW_IGNORE_JOINALIASES);
		context->depth--;
		return (Node *) query;
	}
	return expression_tree_mutator(node, flatten_mutator, context);
}

Node *
tvb_fact_flatten(Query *query, Node *expr)
{
	LevelContext context = {query, 0, NIL, 0};

	return flatten_mutator(expr, &context);
}

List *
tvb_fact_conjuncts(Query *query, Node *quals)
{
	List	   *list = NIL;
	ListCell   *lc;

	if (quals == NULL)
		return NIL;
	if (IsA(quals, List) || is_andclause(quals))
	{
		foreach(lc, IsA(quals, List) ? (List *) quals : ((BoolExpr *) quals)->args)
			list = list_concat(list, tvb_fact_conjuncts(query, lfirst(lc)));
		return list;
	}
	return list_make1(tvb_fact_flatten(query, quals));
}

/* ---------- equality ---------- */

/* Whether an operand of an equality is a column that groups by the same equality. */
static bool
is_operand(OpExpr *op, Node *side)
{
	Var		   *var = tvb_fact_column(side);

	return var != NULL &&
		tvb_graph_is_equality(op->opno, getBaseType(var->vartype)) &&
		tvb_graph_collations_agree(op->inputcollid, var->varcollid) &&
		tvb_graph_collations_agree(op->inputcollid, exprCollation(side));
}

/* If a condition equates columns of two range table entries: that. */
static bool
get_equality(TvbFact *fact, int varno, Equality *equality)
{
	OpExpr	   *op = (OpExpr *) fact->qual;
	Node	   *left;
	Node	   *right;

	if (!IsA(op, OpExpr) || list_length(op->args) != 2 || bms_num_members(fact->rels) != 2 ||
		!bms_is_member(varno, fact->rels))
		return false;
	left = linitial(op->args);
	right = lsecond(op->args);
	if (!is_operand(op, left) || !is_operand(op, right) ||
		!op_mergejoinable(op->opno, exprType(left)) || !tvb_graph_is_transitive(op->opno))
		return false;
	equality->op = op;
	equality->near = tvb_fact_column(left)->varno == varno ? left : right;
	equality->far = equality->near == left ? right : left;
	equality->far_varno = tvb_fact_column(equality->far)->varno;
	return tvb_fact_column(equality->near)->varno == varno;
}

/* known = ANY (keys) and known = column, so column = ANY (keys); NULL if no operator says so. */
static Node *
carry(ScalarArrayOpExpr *known, OpExpr *equality, Node *column)
{
	Oid			element;
	Oid			left;
	Oid			right;
	Oid			type;
	ListCell   *lc;

	op_input_types(known->opno, &type, &element);
	op_input_types(equality->opno, &left, &right);
	type = column == lsecond(equality->args) ? right : left;
	if (!tvb_graph_collations_agree(known->inputcollid, equality->inputcollid))
		return NULL;
	foreach(lc, get_mergejoin_opfamilies(equality->opno))
	{
		Oid			family = lfirst_oid(lc);
		ScalarArrayOpExpr *result;
		Oid			opno;

		if (get_op_opfamily_strategy(known->opno, family) != BTEqualStrategyNumber)
			continue;
		opno = get_opfamily_member(family, type, element, BTEqualStrategyNumber);
		if (!OidIsValid(opno))
			continue;
		result = copyObject(known);
		result->opno = opno;
		result->opfuncid = get_opcode(opno);
		result->args = list_make2(copyObject(column), lsecond(result->args));
		return (Node *) result;
	}
	return NULL;
}

/* The same condition between text and varchar, whose bytes are the same; NULL if it is about others. */
static Node *
retype_string(ScalarArrayOpExpr *known, Var *column)
{
	Var		   *var = tvb_fact_column(linitial(known->args));
	ScalarArrayOpExpr *result;
	Expr	   *string = (Expr *) copyObject(column);

	if (var == NULL || (var->vartype != TEXTOID && var->vartype != VARCHAROID) ||
		(column->vartype != TEXTOID && column->vartype != VARCHAROID) || column->varcollid != known->inputcollid)
		return NULL;
	if (column->vartype == VARCHAROID)
		string = (Expr *) makeRelabelType(string, TEXTOID, -1, column->varcollid, COERCE_IMPLICIT_CAST);
	result = copyObject(known);
	linitial(result->args) = string;
	return (Node *) result;
}

/*
 * A cast between two types of one operator family, as set operations add it, does not change
 * what is equal.
 */
Node *
tvb_fact_retype(Node *qual, Var *column)
{
	ScalarArrayOpExpr *known = (ScalarArrayOpExpr *) qual;
	Oid			left;
	Oid			element;
	ListCell   *lc;

	if (!IsA(known, ScalarArrayOpExpr))
		return NULL;
	if (OidIsValid(known->inputcollid))
		return retype_string(known, column);
	if (OidIsValid(column->varcollid) || !IsA(linitial(known->args), Var))
		return NULL;
	op_input_types(known->opno, &left, &element);
	foreach(lc, get_mergejoin_opfamilies(known->opno))
	{
		Oid			opno = get_opfamily_member(lfirst_oid(lc), column->vartype, element, BTEqualStrategyNumber);
		ScalarArrayOpExpr *result;

		if (!OidIsValid(opno) || !tvb_graph_is_equality(opno, column->vartype))
			continue;
		result = copyObject(known);
		result->opno = opno;
		result->opfuncid = get_opcode(opno);
		result->args = list_make2(copyObject(column), lsecond(result->args));
		return (Node *) result;
	}
	return NULL;
}

bool
tvb_fact_is_among(List *facts, Node *qual)
{
	ListCell   *lc;

	foreach(lc, facts)
	{
		if (equal(((TvbFact *) lfirst(lc))->qual, qual))
			return true;
	}
	return false;
}

/* The facts of a place that say which rows keys need, with all that follow by equality. */
static List *
close_facts(List *facts)
{
	List	   *keys = NIL;
	ListCell   *lc;
	ListCell   *other;

	foreach(lc, facts)
	{
		if (((TvbFact *) lfirst(lc))->key)
			keys = lappend(keys, lfirst(lc));
	}
	/* keys grows while it is walked */
	foreach(lc, keys)
	{
		ScalarArrayOpExpr *known = (ScalarArrayOpExpr *) ((TvbFact *) lfirst(lc))->qual;
		Var		   *var;

		if (!IsA(known, ScalarArrayOpExpr) || (var = tvb_fact_column(linitial(known->args))) == NULL)
			continue;
		foreach(other, facts)
		{
			Equality	equality;
			Node	   *qual;

			if (!get_equality(lfirst(other), var->varno, &equality) ||
				tvb_fact_column(equality.near)->varattno != var->varattno)
				continue;
			qual = carry(known, equality.op, equality.far);
			if (qual != NULL && !tvb_fact_is_among(keys, qual))
				keys = lappend(keys, tvb_fact_make(qual, true, false));
		}
	}
	return keys;
}

/* ---------- witnesses ---------- */

/* A range table entry that can be read by itself. */
static bool
can_stand_alone(RangeTblEntry *rte)
{
	return (rte->rtekind == RTE_RELATION && rte->tablesample == NULL) ||
		(rte->rtekind == RTE_SUBQUERY && !rte->lateral);
}

/* Whether it has the same values in the columns that conditions and facts name when it is read once more. */
static bool
is_steady(RangeTblEntry *rte, int varno, List *conditions, List *facts)
{
	Bitmapset  *columns = NULL;
	ListCell   *lc;

	if (rte->rtekind != RTE_SUBQUERY)
		return true;
	foreach(lc, conditions)
		columns = bms_join(columns, tvb_fact_columns(tvb_fact_make(lfirst(lc), false, false), varno));
	foreach(lc, facts)
		columns = bms_join(columns, tvb_fact_columns(lfirst(lc), varno));
	return !tvb_check_chooses(rte->subquery, columns);
}

RangeTblEntry *
tvb_fact_entry(Query *subquery, char *name, List *names, bool in_from)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);

	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = subquery;
	rte->alias = makeAlias(name, names);
	rte->eref = makeAlias(name, names);
	rte->inFromCl = in_from;
	return rte;
}

Node *
tvb_fact_exists(RangeTblEntry *rte, List *quals)
{
	Query	   *query = makeNode(Query);
	SubLink    *sublink = makeNode(SubLink);
	RangeTblRef *ref = makeNode(RangeTblRef);
	Const	   *one = makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(1), false, true);
	ListCell   *lc;

	ref->rtindex = 1;
	rte->inFromCl = true;
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	foreach(lc, quals)
		query->hasSubLinks = query->hasSubLinks || tvb_fact_has_sublink(lfirst(lc));
	query->rtable = list_make1(rte);
	query->jointree = makeFromExpr(list_make1(ref), (Node *) make_ands_explicit(quals));
	query->targetList = list_make1(makeTargetEntry((Expr *) one, 1, "?column?", false));
	sublink->subLinkType = EXISTS_SUBLINK;
	sublink->subselect = (Node *) query;
	sublink->location = -1;
	return (Node *) sublink;
}

/* The same facts where they stand above a subquery: the planner takes those that it can move into it. */
static List *
known_facts(List *facts)
{
	List	   *known = NIL;
	ListCell   *lc;

	foreach(lc, facts)
		known = lappend(known, tvb_fact_make(((TvbFact *) lfirst(lc))->qual, true, true));
	return known;
}

/* EXISTS (SELECT 1 FROM far WHERE conditions), at the level of the conditions. */
static Node *
make_exists(TvbFactPlace *place, int far, List *conditions, List *facts)
{
	RangeTblEntry *rte = copyObject(rt_fetch(far, place->query->rtable));
	List	   *quals = NIL;
	ListCell   *lc;

	if (rte->rtekind == RTE_SUBQUERY)
		place->restrict_copy(place->arg, rte->subquery, far, known_facts(facts));
	foreach(lc, conditions)
		quals = lappend(quals, tvb_fact_translate(lfirst(lc), far, NIL));
	foreach(lc, facts)
		quals = lappend(quals, tvb_fact_translate(((TvbFact *) lfirst(lc))->qual, far, NIL));
	return tvb_fact_exists(rte, quals);
}

/* Facts about varno with at most so many witnesses in a row; visited: not to be used. */
static List *
search(TvbFactPlace *place, List *keys, int varno, Bitmapset *visited, int steps)
{
	List	   *found = NIL;
	Bitmapset  *tried = NULL;
	ListCell   *lc;

	foreach(lc, keys)
	{
		TvbFact    *fact = lfirst(lc);

		if (bms_membership(fact->rels) == BMS_SINGLETON && bms_is_member(varno, fact->rels))
			found = lappend(found, fact);
	}
	if (found != NIL || steps == 0)
		return found;
	visited = bms_add_member(bms_copy(visited), varno);
	foreach(lc, place->facts)
	{
		Equality	equality;
		List	   *conditions = NIL;
		List	   *facts;
		ListCell   *other;

		if (!get_equality(lfirst(lc), varno, &equality) ||
			bms_is_member(equality.far_varno, visited) ||
			bms_is_member(equality.far_varno, tried) ||
			!can_stand_alone(rt_fetch(equality.far_varno, place->query->rtable)))
			continue;
		tried = bms_add_member(tried, equality.far_varno);
		facts = search(place, keys, equality.far_varno, visited, steps - 1);
		if (facts == NIL)
			continue;
		foreach(other, place->facts)
		{
			Equality	also;

			if (get_equality(lfirst(other), varno, &also) && also.far_varno == equality.far_varno)
				conditions = lappend(conditions, also.op);
		}
		if (!is_steady(rt_fetch(equality.far_varno, place->query->rtable), equality.far_varno, conditions, facts))
			continue;
		return list_make1(tvb_fact_make(make_exists(place, equality.far_varno, conditions, facts),
										true, false));
	}
	return NIL;
}

List *
tvb_facts_about(TvbFactPlace *place, int varno)
{
	List	   *keys = close_facts(place->facts);

	if (keys == NIL)
		return NIL;
	for (int steps = 0; steps <= MAX_STEPS; steps++)
	{
		List	   *found = search(place, keys, varno, NULL, steps);

		if (found != NIL)
			return found;
	}
	return NIL;
}
