/*-------------------------------------------------------------------------
 *
 * lineage_from.c
 *		Stage 3, second step: FROM, WHERE, ON and HAVING become members and conjuncts.
 *
 * Every member and conjunct gets its place: the queries, boxes, shells and
 * outer joins around it.  A condition that cannot be traced, or that is no
 * conjunct, is left out: a lookup then finds more keys, never fewer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "lineage_build.h"
#include "lineage_expand.h"

typedef struct SublinkContext
{
	TvbBuilder *builder;
	TvbPlace   *place;
} SublinkContext;

/* ---------- conjuncts ---------- */

/* Whether an operator expression compares two disjoint sets of members by btree equality. */
static bool
is_equality(Expr *expr)
{
	OpExpr	   *op = (OpExpr *) expr;
	Bitmapset  *left;
	Bitmapset  *right;

	if (!IsA(expr, OpExpr) || list_length(op->args) != 2 ||
		!op_mergejoinable(op->opno, exprType(linitial(op->args))))
		return false;
	left = tvb_graph_members(linitial(op->args));
	right = tvb_graph_members(lsecond(op->args));
	return left && right && !bms_overlap(left, right);
}

/*
 * Take the marks off a conjunct.  They are allowed where equality by the type's
 * own btree operator and the column's own collation is all that is asked of the
 * column.  NULL if a mark is elsewhere.
 */
static Expr *
unmark_conjunct(Expr *expr)
{
	OpExpr	   *op;
	Expr	   *left;
	Expr	   *right;

	if (tvb_graph_unmark(expr) == expr)
		return expr;
	op = (OpExpr *) expr;
	if (!IsA(expr, OpExpr) || list_length(op->args) != 2)
		return NULL;
	left = tvb_graph_unmark(linitial(op->args));
	right = tvb_graph_unmark(lsecond(op->args));
	if (left == NULL || right == NULL ||
		!tvb_graph_equates(op, (Node *) left) || !tvb_graph_equates(op, (Node *) right))
		return NULL;
	op->args = list_make2(left, right);
	return expr;
}

/* Add a resolved condition that holds at a place of a query; what cannot be used is dropped. */
static void
add_conjunct(TvbBuilder *builder, TvbPlace *place, TvbScope *query, Expr *expr)
{
	TvbConjunct *conjunct;

	if (expr == NULL || (expr = unmark_conjunct(expr)) == NULL)
		return;
	conjunct = palloc0(sizeof(TvbConjunct));
	conjunct->expr = expr;
	conjunct->members = tvb_graph_members((Node *) expr);
	if (bms_is_empty(conjunct->members))
		return;
	conjunct->scopes = query->scopes;
	conjunct->boxes = query->boxes;
	conjunct->shells = place->scope->shells;
	conjunct->nullable = place->nullable;
	conjunct->strict = tvb_graph_is_strict(expr);
	conjunct->equality = is_equality(expr);
	builder->graph->conjuncts = lappend(builder->graph->conjuncts, conjunct);
}

/* ---------- sublinks ---------- */

typedef struct TestContext
{
	List	   *outputs;		/* of the subselect; NULL where not plain */
	bool		failed;
} TestContext;

/*
 * Put the subselect's outputs where the test names them.  The result mixes
 * resolved Vars with the query's own, so only whole Params are replaced, after
 * the rest was resolved.
 */
static Expr *
test_side(TvbBuilder *builder, TvbScope *outer, TvbScope *inner, Node *side)
{
	if (side && IsA(side, RelabelType) &&
		IsA(((RelabelType *) side)->arg, Param))
	{
		RelabelType *relabel = copyObject((RelabelType *) side);
		Expr	   *arg = test_side(builder, outer, inner, (Node *) relabel->arg);

		if (arg == NULL || IsA(arg, PlaceHolderVar))
			return NULL;
		relabel->arg = arg;
		return (Expr *) relabel;
	}
	if (side && IsA(side, Param))
	{
		Param	   *param = (Param *) side;

		if (param->paramkind != PARAM_SUBLINK ||
			param->paramid > list_length(inner->outputs))
			return NULL;
		return copyObject(list_nth(inner->outputs, param->paramid - 1));
	}
	return tvb_resolve_expr(builder, outer, side);
}

/*
 * The test of an IN that is a conjunct of its own: outer expression = inner column.  It is a condition of the outer
 * query, above the inner one's windows, but only rows of the inner one need it.
 */
static void
add_test(TvbBuilder *builder, TvbPlace *place, TvbScope *inner, Node *test)
{
	TvbPlace	inner_place = {inner, place->nullable};
	OpExpr	   *op;
	Expr	   *left;
	Expr	   *right;

	if (!IsA(test, OpExpr) || list_length(((OpExpr *) test)->args) != 2)
		return;
	op = copyObject((OpExpr *) test);
	left = test_side(builder, place->scope, inner, linitial(op->args));
	right = test_side(builder, place->scope, inner, lsecond(op->args));
	if (left == NULL || right == NULL)
		return;
	op->args = list_make2(left, right);
	add_conjunct(builder, &inner_place, place->scope, (Expr *) op);
}

/* Take a sublink apart; as_conjunct: it is itself a condition that must hold. */
static void
build_sublink(TvbBuilder *builder, TvbPlace *place, SubLink *sublink, bool as_conjunct)
{
	TvbScope   *scope = place->scope;
	Bitmapset  *shells = bms_add_member(bms_copy(scope->shells), builder->next_scope);
	TvbScope   *inner;

	inner = tvb_graph_query(builder, castNode(Query, sublink->subselect), scope,
							scope->boxes, shells, place->nullable, scope->opaque);
	if (as_conjunct && sublink->subLinkType == ANY_SUBLINK)
	{
		ListCell   *lc;

		foreach(lc, tvb_expand_conjuncts(sublink->testexpr))
			add_test(builder, place, inner, lfirst(lc));
	}
	tvb_from_sublinks(builder, place, sublink->testexpr);
}

static bool
sublinks_walker(Node *node, SublinkContext *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
	{
		build_sublink(context->builder, context->place, (SubLink *) node, false);
		return false;
	}
	return expression_tree_walker(node, sublinks_walker, context);
}

/* Take apart every sublink in an expression at a place. */
void
tvb_from_sublinks(TvbBuilder *builder, TvbPlace *place, Node *expr)
{
	SublinkContext context = {builder, place};

	(void) sublinks_walker(expr, &context);
}

/* Conditions joined by AND that hold at a place; usable: as conditions of ways. */
void
tvb_from_conditions(TvbBuilder *builder, TvbPlace *place, Node *quals, bool usable)
{
	ListCell   *lc;

	foreach(lc, tvb_expand_conjuncts(quals))
	{
		Node	   *qual = lfirst(lc);

		if (IsA(qual, SubLink))
			build_sublink(builder, place, (SubLink *) qual, usable);
		else
		{
			tvb_from_sublinks(builder, place, qual);
			if (usable)
				add_conjunct(builder, place, place->scope, tvb_resolve_expr(builder, place->scope, qual));
		}
	}
}

/* ---------- FROM ---------- */

/* A new member at a place. */
static TvbMember *
add_member(TvbBuilder *builder, TvbScope *scope, RangeTblEntry *rte, Bitmapset *nullable)
{
	TvbMember  *member = palloc0(sizeof(TvbMember));

	member->id = list_length(builder->graph->members) + 1;
	member->rte = rte;
	member->opaque = scope->opaque;
	member->scopes = scope->scopes;
	member->boxes = scope->boxes;
	member->shells = scope->shells;
	member->nullable = nullable;
	builder->graph->members = lappend(builder->graph->members, member);
	return member;
}

/* A function, VALUES list or the like in FROM: a member if its arguments are plain. */
static TvbMember *
add_derived(TvbBuilder *builder, TvbScope *scope, RangeTblEntry *rte, Bitmapset *nullable)
{
	TvbPlace	place = {scope, nullable};
	RangeTblEntry *copy = copyObject(rte);
	List	   *arguments = list_make3(rte->functions, rte->values_lists, rte->tablefunc);
	List	   *resolved;
	TvbMember  *member;

	tvb_from_sublinks(builder, &place, (Node *) arguments);
	resolved = (List *) tvb_resolve_expr(builder, scope, (Node *) arguments);
	if (resolved == NIL || tvb_graph_unmark((Expr *) resolved) == NULL)
		return NULL;
	copy->functions = linitial(resolved);
	copy->values_lists = lsecond(resolved);
	copy->tablefunc = lthird(resolved);
	copy->lateral = true;
	member = add_member(builder, scope, copy, nullable);
	member->derived = true;
	member->depends = tvb_graph_members((Node *) resolved);
	return member;
}

/*
 * Whether an output of a subquery is NULL in a NULL-extended row, as it must
 * be there: strict, in a column of a member that is NULL-extended with it.  A
 * constant, a coalesce, or a column of an outer row are not: above the join
 * they are not what the subquery's output is.
 */
static bool
is_null_extended(TvbBuilder *builder, Expr *expr, Bitmapset *nullable)
{
	Bitmapset  *members;
	int			id = -1;

	if (!tvb_graph_is_strict(expr))
		return false;
	members = tvb_graph_members((Node *) expr);
	while ((id = bms_next_member(members, id)) >= 0)
	{
		if (bms_is_subset(nullable, tvb_graph_member(builder->graph, id)->nullable))
			return true;
	}
	return false;
}

/* A subquery in FROM; what is not plain above an outer join is forgotten. */
static TvbScope *
build_subquery(TvbBuilder *builder, TvbScope *scope, Query *subquery, Bitmapset *nullable)
{
	TvbScope   *child = tvb_graph_query(builder, subquery, scope, scope->boxes, scope->shells,
										nullable, scope->opaque);
	ListCell   *lc;

	if (bms_is_subset(nullable, scope->nullable))
		return child;
	foreach(lc, child->outputs)
	{
		Expr	   *expr = lfirst(lc);

		while (expr && IsA(expr, PlaceHolderVar))
			expr = ((PlaceHolderVar *) expr)->phexpr;
		if (expr && !is_null_extended(builder, expr, nullable))
			lfirst(lc) = NULL;
	}
	return child;
}

/* Whatever stands at one index of the range table. */
static void
build_rel(TvbBuilder *builder, TvbScope *scope, int rtindex, Bitmapset *nullable)
{
	RangeTblEntry *rte = rt_fetch(rtindex, scope->query->rtable);
	TvbRel	   *rel = &scope->rels[rtindex - 1];

	switch (rte->rtekind)
	{
		case RTE_RELATION:
			rel->member = add_member(builder, scope, rte, nullable);
			break;
		case RTE_SUBQUERY:
			rel->scope = build_subquery(builder, scope, rte->subquery, nullable);
			break;
		case RTE_FUNCTION:
		case RTE_VALUES:
		case RTE_TABLEFUNC:
			rel->member = add_derived(builder, scope, rte, nullable);
			break;
		default:
			break;				/* its columns have no origin that we know */
	}
}

/* Two columns that a condition of a FULL JOIN sets equal, so that COALESCE over them is understood. */
static void
add_merge(TvbBuilder *builder, TvbScope *scope, Node *qual, bool take_left)
{
	OpExpr	   *op = (OpExpr *) qual;
	TvbMerge   *merge;

	if (!IsA(qual, OpExpr) || list_length(op->args) != 2 ||
		exprType(linitial(op->args)) != exprType(lsecond(op->args)) ||
		!tvb_graph_equates(op, linitial(op->args)) || !tvb_graph_equates(op, lsecond(op->args)))
		return;
	merge = palloc(sizeof(TvbMerge));
	merge->left = tvb_resolve_expr(builder, scope, linitial(op->args));
	merge->right = tvb_resolve_expr(builder, scope, lsecond(op->args));
	merge->take_left = take_left;

	/*
	 * Columns only: an expression may be there although its side is
	 * NULL-extended.
	 */
	if (merge->left && merge->right && IsA(merge->left, Var) && IsA(merge->right, Var))
		builder->merges = lappend(builder->merges, merge);
}

/* The rels a piece of FROM introduced are all on the left of a FULL JOIN's equality. */
static bool
merge_sides_are(TvbMerge *merge, Bitmapset *left, Bitmapset *right)
{
	return bms_is_subset(tvb_graph_members((Node *) merge->left), left) &&
		bms_is_subset(tvb_graph_members((Node *) merge->right), right);
}

/* Members with ids from first on. */
static Bitmapset *
members_since(TvbBuilder *builder, int first)
{
	Bitmapset  *members = NULL;
	int			last = list_length(builder->graph->members);

	if (last >= first)
		members = bms_add_range(NULL, first, last);
	return members;
}

/*
 * Orient the merges added since index from: left is what the join's left side
 * holds.  Those that are not left = right are dropped.
 */
static void
orient_merges(TvbBuilder *builder, int from, Bitmapset *left, Bitmapset *right)
{
	List	   *kept = list_copy_head(builder->merges, from);
	ListCell   *lc;

	for_each_from(lc, builder->merges, from)
	{
		TvbMerge   *merge = lfirst(lc);

		if (merge_sides_are(merge, right, left))
		{
			Expr	   *swap = merge->left;

			merge->left = merge->right;
			merge->right = swap;
		}
		if (merge_sides_are(merge, left, right))
			kept = lappend(kept, merge);
	}
	builder->merges = kept;
}

/* Give a join an id, and note where it stands. */
static int
add_join(TvbBuilder *builder, TvbScope *scope, Bitmapset *nullable)
{
	TvbJoin    *join = palloc(sizeof(TvbJoin));

	join->nullable = nullable;
	join->shells = scope->shells;
	builder->graph->joins = lappend(builder->graph->joins, join);
	return list_length(builder->graph->joins);
}

/* A join: its sides, then its condition. */
static void
build_join(TvbBuilder *builder, TvbScope *scope, JoinExpr *join, Bitmapset *nullable)
{
	int			id = add_join(builder, scope, nullable);
	Bitmapset  *inside = bms_add_member(bms_copy(nullable), id);
	bool		null_left = join->jointype == JOIN_RIGHT;
	bool		null_right = join->jointype == JOIN_LEFT;
	bool		full = join->jointype == JOIN_FULL;
	int			first = list_length(builder->graph->members) + 1;
	int			middle;
	TvbPlace	place;

	if (full)
	{
		null_right = tvb_graph_choose(builder, 2) == 0;
		null_left = !null_right;
		builder->graph->full_joins = bms_add_member(builder->graph->full_joins, id);
	}
	tvb_from_build(builder, scope, join->larg, null_left ? inside : nullable);
	middle = list_length(builder->graph->members) + 1;
	tvb_from_build(builder, scope, join->rarg, null_right ? inside : nullable);
	if (full)
	{
		int			from = list_length(builder->merges);
		Bitmapset  *right = members_since(builder, middle);
		Bitmapset  *left = bms_difference(members_since(builder, first), right);
		ListCell   *lc;

		foreach(lc, tvb_expand_conjuncts(join->quals))
			add_merge(builder, scope, lfirst(lc), null_right);
		orient_merges(builder, from, left, right);
	}
	if (join->rtindex > 0)
		scope->rels[join->rtindex - 1].alias_vars =
			rt_fetch(join->rtindex, scope->query->rtable)->joinaliasvars;
	place.scope = scope;
	place.nullable = (null_left || null_right) ? inside : nullable;
	tvb_from_conditions(builder, &place, join->quals, true);
}

/* A piece of FROM, left to right, so that LATERAL finds what it refers to. */
void
tvb_from_build(TvbBuilder *builder, TvbScope *scope, Node *node, Bitmapset *nullable)
{
	if (node == NULL)
		return;
	if (IsA(node, RangeTblRef))
		build_rel(builder, scope, ((RangeTblRef *) node)->rtindex, nullable);
	else if (IsA(node, JoinExpr))
		build_join(builder, scope, (JoinExpr *) node, nullable);
	else if (IsA(node, FromExpr))
	{
		FromExpr   *from = (FromExpr *) node;
		TvbPlace	place = {scope, nullable};
		ListCell   *lc;

		foreach(lc, from->fromlist)
			tvb_from_build(builder, scope, lfirst(lc), nullable);
		tvb_from_conditions(builder, &place, from->quals, true);
	}
	else
		elog(ERROR, "unrecognized node type in FROM: %d", (int) nodeTag(node));
}
