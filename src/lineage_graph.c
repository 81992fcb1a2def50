/*-------------------------------------------------------------------------
 *
 * lineage_graph.c
 *		Stage 3, second step: flatten an expanded query into a graph.
 *
 * Nodes are the members of every FROM at every level; edges are conjuncts
 * whose columns could be traced to members.  What decides later whether a
 * conjunct may be used on a way is its *place*: the queries around it
 * (scopes), those of them that group or make distinct (boxes), those whose
 * outer rows exist without their inner ones (shells: sublinks, aggregates without
 * GROUP BY, the right arms of EXCEPT and INTERSECT), and the outer joins it
 * stands inside of.
 *
 * Columns are traced through "plain" outputs only.  An output is not plain
 * when it comes out of an aggregate, window function, sublink or a limited
 * query; whatever is not understood is not plain either, so that a mistake
 * here loses a route and never a key.
 *
 * A set operation or FULL JOIN makes several variants of the view: a row comes from
 * one arm, a row of a FULL JOIN is one of a LEFT or of a RIGHT JOIN.  Each
 * variant is a graph of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/nbtree.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "lineage_expand.h"
#include "lineage_graph.h"

#define MAX_VARIANTS 64

/* What a range table entry of a scope is in the graph. */
typedef struct Rel
{
	TvbMember  *member;
	struct Scope *scope;		/* a subquery */
	List	   *alias_vars;		/* a join */
} Rel;

/* A query level while it is taken apart. */
typedef struct Scope
{
	int			id;
	struct Scope *parent;
	Query	   *query;
	Rel		   *rels;			/* by range table index - 1 */
	Bitmapset  *scopes;
	Bitmapset  *boxes;
	Bitmapset  *shells;
	Bitmapset  *nullable;
	const char *opaque;
	List	   *outputs;
} Scope;

/* Two columns merged by a FULL JOIN, and the one that this variant takes. */
typedef struct Merge
{
	Expr	   *left;
	Expr	   *right;
	bool		take_left;
} Merge;

/* State of building one variant. */
typedef struct Builder
{
	TvbGraph   *graph;
	int			next_scope;
	int			next_join;
	List	   *merges;			/* Merge * */
	List	   *choices;		/* int: arm taken at each decision so far */
	List	   *widths;			/* int: how many arms it had */
	int			decisions;		/* made in this variant */
} Builder;

/* Where new conjuncts and members go. */
typedef struct Place
{
	Scope	   *scope;
	Bitmapset  *nullable;
} Place;

typedef struct ResolveContext
{
	Builder    *builder;
	Scope	   *scope;
	int			depth;			/* query levels below scope */
	bool		failed;
} ResolveContext;

typedef struct SublinkContext
{
	Builder    *builder;
	Place	   *place;
} SublinkContext;

static Scope *build_query(Builder *builder, Query *query, Scope *parent,
						  Bitmapset *boxes, Bitmapset *shells,
						  Bitmapset *nullable, const char *opaque);
static Node *resolve_mutator(Node *node, ResolveContext *context);
static void build_sublinks(Builder *builder, Place *place, Node *expr);

/* ---------- small questions about types and expressions ---------- */

bool
tvb_graph_equal_is_identical(Oid type, Oid collation)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY);
	Oid			proc;

	if (type == BPCHAROID || !OidIsValid(entry->btree_opf))
		return false;
	proc = get_opfamily_proc(entry->btree_opf, entry->btree_opintype,
							 entry->btree_opintype, BTEQUALIMAGE_PROC);
	if (!OidIsValid(proc))
		return false;
	if (OidIsValid(collation) && !get_collation_isdeterministic(collation))
		return false;
	return DatumGetBool(OidFunctionCall1Coll(proc, collation,
											 ObjectIdGetDatum(entry->btree_opintype)));
}

bool
tvb_graph_is_equality(Oid opno, Oid type)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY);

	return OidIsValid(entry->btree_opf) &&
		get_op_opfamily_strategy(opno, entry->btree_opf) == BTEqualStrategyNumber;
}

static bool
members_walker(Node *node, Bitmapset **members)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		*members = bms_add_member(*members, ((Var *) node)->varno);
	return expression_tree_walker(node, members_walker, members);
}

Bitmapset *
tvb_graph_members(Node *expr)
{
	Bitmapset  *members = NULL;

	(void) members_walker(expr, &members);
	return members;
}

static bool
mark_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, PlaceHolderVar))
		return true;
	return expression_tree_walker(node, mark_walker, context);
}

Expr *
tvb_graph_unmark(Expr *expr)
{
	while (expr && IsA(expr, PlaceHolderVar))
		expr = ((PlaceHolderVar *) expr)->phexpr;
	return mark_walker((Node *) expr, NULL) ? NULL : expr;
}

/* Mark a column as equal but perhaps not identical, if its type has such values. */
static Expr *
mark_unless_identical(Expr *expr)
{
	PlaceHolderVar *mark;

	if (expr == NULL || IsA(expr, PlaceHolderVar) ||
		tvb_graph_equal_is_identical(exprType((Node *) expr), exprCollation((Node *) expr)))
		return expr;
	mark = makeNode(PlaceHolderVar);
	mark->phexpr = expr;
	return (Expr *) mark;
}

/* ---------- tracing columns to members ---------- */

/* The expression over members that a query-level expression stands for, or NULL. */
static Expr *
resolve(Builder *builder, Scope *scope, Node *expr)
{
	ResolveContext context = {builder, scope, 0, false};
	Node	   *result = resolve_mutator(expr, &context);

	return context.failed ? NULL : (Expr *) result;
}

/* A column of the given scope. */
static Node *
resolve_var(Var *var, ResolveContext *context)
{
	Scope	   *scope = context->scope;
	Index		up;
	Rel		   *rel;
	Expr	   *found = NULL;

	for (up = var->varlevelsup; up > 0 && scope; up--)
		scope = scope->parent;
	if (scope == NULL || scope->rels == NULL || var->varattno < 1)
	{
		context->failed = true;
		return NULL;
	}
	rel = &scope->rels[var->varno - 1];
	if (rel->member)
	{
		Var		   *copy = copyObject(var);

		copy->varno = rel->member->id;
		copy->varlevelsup = 0;
		tvb_compat_clear_var_identity(copy);
		found = (Expr *) copy;
	}
	else if (rel->scope && var->varattno <= list_length(rel->scope->outputs))
		found = copyObject(list_nth(rel->scope->outputs, var->varattno - 1));
	else if (rel->alias_vars && var->varattno <= list_length(rel->alias_vars))
		found = resolve(context->builder, scope, list_nth(rel->alias_vars, var->varattno - 1));
	if (found == NULL)
		context->failed = true;
	return (Node *) found;
}

/* COALESCE over the two sides of a FULL JOIN is the side this variant takes. */
static Node *
resolve_coalesce(CoalesceExpr *coalesce, ResolveContext *context)
{
	Expr	   *left = linitial(coalesce->args);
	Expr	   *right = lsecond(coalesce->args);
	ListCell   *lc;

	foreach(lc, context->builder->merges)
	{
		Merge	   *merge = lfirst(lc);
		bool		swapped = equal(left, merge->right) && equal(right, merge->left);

		if (!swapped && !(equal(left, merge->left) && equal(right, merge->right)))
			continue;

		/*
		 * The first argument's image is the one shown; the other is only
		 * equal.
		 */
		if (merge->take_left)
			return (Node *) (swapped ? mark_unless_identical(merge->left) : merge->left);
		return (Node *) (swapped ? merge->right : mark_unless_identical(merge->right));
	}
	return (Node *) coalesce;
}

static Node *
resolve_mutator(Node *node, ResolveContext *context)
{
	if (node == NULL || context->failed)
		return NULL;
	switch (nodeTag(node))
	{
		case T_Var:
			return resolve_var((Var *) node, context);
		case T_SubLink:
		case T_Aggref:
		case T_GroupingFunc:
		case T_WindowFunc:
		case T_Param:
		case T_CurrentOfExpr:
		case T_SetToDefault:
		case T_NextValueExpr:
		case T_Query:
			context->failed = true;
			return NULL;
		default:
			break;
	}
	node = expression_tree_mutator(node, resolve_mutator, context);
	if (!context->failed && IsA(node, CoalesceExpr) &&
		list_length(((CoalesceExpr *) node)->args) == 2)
		return resolve_coalesce((CoalesceExpr *) node, context);
	return node;
}

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
 * own btree operator is all that is asked of the column.  NULL if a mark is
 * elsewhere.
 */
static Expr *
unmark_conjunct(Expr *expr)
{
	OpExpr	   *op;
	Expr	   *left;
	Expr	   *right;

	if (!mark_walker((Node *) expr, NULL))
		return expr;
	op = (OpExpr *) expr;
	if (!IsA(expr, OpExpr) || list_length(op->args) != 2)
		return NULL;
	left = tvb_graph_unmark(linitial(op->args));
	right = tvb_graph_unmark(lsecond(op->args));
	if (left == NULL || right == NULL ||
		!tvb_graph_is_equality(op->opno, exprType((Node *) left)) ||
		!tvb_graph_is_equality(op->opno, exprType((Node *) right)))
		return NULL;
	op->args = list_make2(left, right);
	return expr;
}

/* Add a resolved condition that holds at a place; what cannot be used is dropped. */
static void
add_conjunct(Builder *builder, Place *place, Bitmapset *boxes, Expr *expr)
{
	TvbConjunct *conjunct;

	if (expr == NULL || (expr = unmark_conjunct(expr)) == NULL)
		return;
	conjunct = palloc0(sizeof(TvbConjunct));
	conjunct->expr = expr;
	conjunct->members = tvb_graph_members((Node *) expr);
	if (bms_is_empty(conjunct->members))
		return;
	conjunct->scopes = place->scope->scopes;
	conjunct->boxes = boxes;
	conjunct->shells = place->scope->shells;
	conjunct->nullable = place->nullable;
	conjunct->strict = !contain_nonstrict_functions((Node *) expr);
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
test_side(Builder *builder, Scope *outer, Scope *inner, Node *side)
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
	return resolve(builder, outer, side);
}

/* The test of an IN that is a conjunct of its own: outer expression = inner column. */
static void
add_test(Builder *builder, Place *place, Scope *inner, Bitmapset *boxes, Node *test)
{
	Place		inner_place = {inner, place->nullable};
	OpExpr	   *op;
	Expr	   *left;
	Expr	   *right;

	if (test && IsA(test, BoolExpr) && ((BoolExpr *) test)->boolop == AND_EXPR)
	{
		ListCell   *lc;

		foreach(lc, ((BoolExpr *) test)->args)
			add_test(builder, place, inner, boxes, lfirst(lc));
		return;
	}
	if (test == NULL || !IsA(test, OpExpr) || list_length(((OpExpr *) test)->args) != 2)
		return;
	op = copyObject((OpExpr *) test);
	left = test_side(builder, place->scope, inner, linitial(op->args));
	right = test_side(builder, place->scope, inner, lsecond(op->args));
	if (left == NULL || right == NULL)
		return;
	op->args = list_make2(left, right);
	add_conjunct(builder, &inner_place, boxes, (Expr *) op);
}

/* Take a sublink apart; as_conjunct: it is itself a condition that must hold. */
static void
build_sublink(Builder *builder, Place *place, SubLink *sublink, bool as_conjunct)
{
	Scope	   *scope = place->scope;
	Bitmapset  *shells = bms_add_member(bms_copy(scope->shells), builder->next_scope);
	Scope	   *inner;

	inner = build_query(builder, castNode(Query, sublink->subselect), scope,
						scope->boxes, shells, place->nullable, scope->opaque);
	if (as_conjunct && sublink->subLinkType == ANY_SUBLINK)
		add_test(builder, place, inner, scope->boxes, sublink->testexpr);
	build_sublinks(builder, place, sublink->testexpr);
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
static void
build_sublinks(Builder *builder, Place *place, Node *expr)
{
	SublinkContext context = {builder, place};

	(void) sublinks_walker(expr, &context);
}

/* Conditions joined by AND that hold at a place; usable: as conditions of ways. */
static void
build_quals(Builder *builder, Place *place, Node *quals, bool usable)
{
	if (quals == NULL)
		return;
	if (IsA(quals, List) ||
		(IsA(quals, BoolExpr) && ((BoolExpr *) quals)->boolop == AND_EXPR))
	{
		List	   *args = IsA(quals, List) ? (List *) quals : ((BoolExpr *) quals)->args;
		ListCell   *lc;

		foreach(lc, args)
			build_quals(builder, place, lfirst(lc), usable);
	}
	else if (IsA(quals, SubLink))
		build_sublink(builder, place, (SubLink *) quals, usable);
	else
	{
		build_sublinks(builder, place, quals);
		if (usable)
			add_conjunct(builder, place, place->scope->boxes,
						 resolve(builder, place->scope, quals));
	}
}

/* ---------- FROM ---------- */

/* Take decision number n of this variant; n arms. */
static int
choose(Builder *builder, int arms)
{
	if (builder->decisions >= list_length(builder->choices))
	{
		builder->choices = lappend_int(builder->choices, 0);
		builder->widths = lappend_int(builder->widths, arms);
	}
	return list_nth_int(builder->choices, builder->decisions++);
}

/* A new member at a place. */
static TvbMember *
add_member(Builder *builder, Scope *scope, RangeTblEntry *rte, Bitmapset *nullable)
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
add_derived(Builder *builder, Scope *scope, RangeTblEntry *rte, Bitmapset *nullable)
{
	Place		place = {scope, nullable};
	RangeTblEntry *copy = copyObject(rte);
	List	   *arguments = list_make3(rte->functions, rte->values_lists, rte->tablefunc);
	List	   *resolved;
	TvbMember  *member;

	build_sublinks(builder, &place, (Node *) arguments);
	resolved = (List *) resolve(builder, scope, (Node *) arguments);
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
is_null_extended(Builder *builder, Expr *expr, Bitmapset *nullable)
{
	Bitmapset  *members;
	int			id = -1;

	if (contain_nonstrict_functions((Node *) expr))
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
static Scope *
build_subquery(Builder *builder, Scope *scope, Query *subquery, Bitmapset *nullable)
{
	Scope	   *child = build_query(builder, subquery, scope, scope->boxes, scope->shells,
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
build_rel(Builder *builder, Scope *scope, int rtindex, Bitmapset *nullable)
{
	RangeTblEntry *rte = rt_fetch(rtindex, scope->query->rtable);
	Rel		   *rel = &scope->rels[rtindex - 1];

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

/* The columns that a FULL JOIN sets equal, so that COALESCE over them is understood. */
static void
add_merges(Builder *builder, Scope *scope, Node *quals, bool take_left)
{
	OpExpr	   *op = (OpExpr *) quals;
	Merge	   *merge;

	if (quals == NULL)
		return;
	if (IsA(quals, List) ||
		(IsA(quals, BoolExpr) && ((BoolExpr *) quals)->boolop == AND_EXPR))
	{
		List	   *args = IsA(quals, List) ? (List *) quals : ((BoolExpr *) quals)->args;
		ListCell   *lc;

		foreach(lc, args)
			add_merges(builder, scope, lfirst(lc), take_left);
		return;
	}
	if (!IsA(quals, OpExpr) || list_length(op->args) != 2 ||
		exprType(linitial(op->args)) != exprType(lsecond(op->args)) ||
		!tvb_graph_is_equality(op->opno, exprType(linitial(op->args))))
		return;
	merge = palloc(sizeof(Merge));
	merge->left = resolve(builder, scope, linitial(op->args));
	merge->right = resolve(builder, scope, lsecond(op->args));
	merge->take_left = take_left;

	/*
	 * Columns only: an expression may be there although its side is
	 * NULL-extended.
	 */
	if (merge->left && merge->right && IsA(merge->left, Var) && IsA(merge->right, Var))
		builder->merges = lappend(builder->merges, merge);
}

static void build_from(Builder *builder, Scope *scope, Node *node, Bitmapset *nullable);

/* The rels a piece of FROM introduced are all on the left of a FULL JOIN's equality. */
static bool
merge_sides_are(Merge *merge, Bitmapset *left, Bitmapset *right)
{
	return bms_is_subset(tvb_graph_members((Node *) merge->left), left) &&
		bms_is_subset(tvb_graph_members((Node *) merge->right), right);
}

/* Members with ids from first on. */
static Bitmapset *
members_since(Builder *builder, int first)
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
orient_merges(Builder *builder, int from, Bitmapset *left, Bitmapset *right)
{
	List	   *kept = list_copy_head(builder->merges, from);
	ListCell   *lc;

	for_each_from(lc, builder->merges, from)
	{
		Merge	   *merge = lfirst(lc);

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

/* A join: its sides, then its condition. */
static void
build_join(Builder *builder, Scope *scope, JoinExpr *join, Bitmapset *nullable)
{
	int			id = builder->next_join++;
	Bitmapset  *inside = bms_add_member(bms_copy(nullable), id);
	bool		null_left = join->jointype == JOIN_RIGHT;
	bool		null_right = join->jointype == JOIN_LEFT;
	bool		full = join->jointype == JOIN_FULL;
	int			first = list_length(builder->graph->members) + 1;
	int			middle;
	Place		place;

	if (full)
	{
		null_right = choose(builder, 2) == 0;
		null_left = !null_right;
		builder->graph->full_joins = bms_add_member(builder->graph->full_joins, id);
	}
	build_from(builder, scope, join->larg, null_left ? inside : nullable);
	middle = list_length(builder->graph->members) + 1;
	build_from(builder, scope, join->rarg, null_right ? inside : nullable);
	if (full)
	{
		int			from = list_length(builder->merges);
		Bitmapset  *right = members_since(builder, middle);
		Bitmapset  *left = bms_difference(members_since(builder, first), right);

		add_merges(builder, scope, join->quals, null_right);
		orient_merges(builder, from, left, right);
	}
	if (join->rtindex > 0)
		scope->rels[join->rtindex - 1].alias_vars =
			rt_fetch(join->rtindex, scope->query->rtable)->joinaliasvars;
	place.scope = scope;
	place.nullable = (null_left || null_right) ? inside : nullable;
	build_quals(builder, &place, join->quals, true);
}

/* A piece of FROM, left to right, so that LATERAL finds what it refers to. */
static void
build_from(Builder *builder, Scope *scope, Node *node, Bitmapset *nullable)
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
		Place		place = {scope, nullable};
		ListCell   *lc;

		foreach(lc, from->fromlist)
			build_from(builder, scope, lfirst(lc), nullable);
		build_quals(builder, &place, from->quals, true);
	}
	else
		elog(ERROR, "unrecognized node type in FROM: %d", (int) nodeTag(node));
}

/* ---------- set operations ---------- */

/* One leaf of a tree of set operations. */
typedef struct Arm
{
	int			rtindex;
	bool		distinct;		/* below anything but UNION ALL */
	bool		passive;		/* right of EXCEPT or INTERSECT */
} Arm;

static List *
collect_arms(Node *node, bool distinct, bool passive, List *arms)
{
	SetOperationStmt *op = (SetOperationStmt *) node;

	if (IsA(node, RangeTblRef))
	{
		Arm		   *arm = palloc(sizeof(Arm));

		arm->rtindex = ((RangeTblRef *) node)->rtindex;
		arm->distinct = distinct;
		arm->passive = passive;
		return lappend(arms, arm);
	}
	distinct = distinct || op->op != SETOP_UNION || !op->all;
	arms = collect_arms(op->larg, distinct, passive, arms);
	return collect_arms(op->rarg, distinct, passive || op->op != SETOP_UNION, arms);
}

/* An arm's output as the set operation's column: coerced, and marked if rows are made distinct. */
static Expr *
arm_output(Expr *expr, Oid type, int32 typmod, bool distinct)
{
	Expr	   *plain;

	if (expr == NULL)
		return NULL;
	if (exprType((Node *) expr) != type)
	{
		plain = tvb_graph_unmark(expr);
		if (plain == NULL || plain != expr)
			return NULL;
		expr = (Expr *) coerce_to_target_type(NULL, (Node *) plain, exprType((Node *) plain),
											  type, typmod, COERCION_IMPLICIT,
											  COERCE_IMPLICIT_CAST, -1);
		if (expr == NULL)
			return NULL;
	}
	return distinct ? mark_unless_identical(expr) : expr;
}

/* Build the arm that this variant takes; its outputs are the query's. */
static void
build_setop(Builder *builder, Scope *scope)
{
	Query	   *query = scope->query;
	SetOperationStmt *top = castNode(SetOperationStmt, query->setOperations);
	List	   *arms = collect_arms(query->setOperations, false, false, NIL);
	Arm		   *arm = list_nth(arms, choose(builder, list_length(arms)));
	RangeTblEntry *rte = rt_fetch(arm->rtindex, query->rtable);
	Bitmapset  *shells = scope->shells;
	Scope	   *child;
	ListCell   *lc;
	ListCell   *type;
	ListCell   *typmod;

	if (arm->distinct)
		scope->boxes = bms_add_member(bms_copy(scope->boxes), scope->id);
	if (arm->passive)
	{
		shells = bms_add_member(bms_copy(shells), scope->id);
		builder->graph->passive = bms_add_member(builder->graph->passive, scope->id);
	}
	child = build_query(builder, rte->subquery, scope, scope->boxes, shells,
						scope->nullable, scope->opaque);
	forthree(lc, child->outputs, type, top->colTypes, typmod, top->colTypmods)
		scope->outputs = lappend(scope->outputs,
								 arm_output(lfirst(lc), lfirst_oid(type),
											lfirst_int(typmod), arm->distinct));
	if (query->limitCount || query->limitOffset)
		foreach(lc, scope->outputs)
			lfirst(lc) = NULL;
}

/* ---------- queries ---------- */

/* Why nothing inside a query can be traced, or NULL. */
static const char *
query_opaque(Query *query)
{
	if (query->groupingSets)
		return "GROUPING SETS, ROLLUP or CUBE";
	if (query->hasTargetSRFs)
		return "a set-returning function in the target list";
	if (query->hasModifyingCTE || query->commandType != CMD_SELECT)
		return "a data-modifying query";
	return NULL;
}

/* Whether any group expression has values that are equal but not identical. */
static List *
fuzzy_groups(Query *query)
{
	List	   *fuzzy = NIL;
	ListCell   *lc;

	foreach(lc, query->groupClause)
	{
		Node	   *expr = (Node *) get_sortgroupclause_tle(lfirst_node(SortGroupClause, lc),
															query->targetList)->expr;

		if (!tvb_graph_equal_is_identical(exprType(expr), exprCollation(expr)))
			fuzzy = lappend(fuzzy, expr);
	}
	return fuzzy;
}

static bool
contains_walker(Node *node, List *exprs)
{
	if (node == NULL)
		return false;
	if (list_member(exprs, node))
		return true;
	return expression_tree_walker(node, contains_walker, exprs);
}

/* Whether a target is one of the columns of a DISTINCT or GROUP BY clause. */
static bool
in_clause(List *clause, TargetEntry *tle)
{
	ListCell   *lc;

	foreach(lc, clause)
	{
		if (lfirst_node(SortGroupClause, lc)->tleSortGroupRef == tle->ressortgroupref &&
			tle->ressortgroupref != 0)
			return true;
	}
	return false;
}

/* One output of a query that is no set operation; NULL if not plain. */
static Expr *
query_output(Builder *builder, Scope *scope, TargetEntry *tle, List *fuzzy)
{
	Query	   *query = scope->query;
	bool		grouped = query->groupClause != NIL;
	Expr	   *expr;

	if (query->limitCount || query->limitOffset)
		return NULL;
	if (!grouped && (query->hasAggs || query->havingQual))
		return NULL;
	if (query->hasDistinctOn && !in_clause(query->distinctClause, tle))
		return NULL;
	expr = resolve(builder, scope, (Node *) tle->expr);
	if (expr == NULL)
		return NULL;
	if (grouped && contains_walker((Node *) tle->expr, fuzzy))
	{
		if (!list_member(fuzzy, tle->expr))
			return NULL;
		expr = mark_unless_identical(expr);
	}
	if (query->distinctClause)
		expr = mark_unless_identical(expr);
	return expr;
}

/* Note the windows of a query. */
static void
add_windows(Builder *builder, Scope *scope)
{
	ListCell   *lc;

	if (!scope->query->hasWindowFuncs)
		return;
	foreach(lc, scope->query->windowClause)
	{
		WindowClause *clause = lfirst_node(WindowClause, lc);
		TvbWindow  *window = palloc0(sizeof(TvbWindow));
		ListCell   *sgc;

		window->scope = scope->id;
		window->nullable = scope->nullable;
		foreach(sgc, clause->partitionClause)
		{
			TargetEntry *tle = get_sortgroupclause_tle(lfirst_node(SortGroupClause, sgc),
													   scope->query->targetList);
			Expr	   *expr = resolve(builder, scope, (Node *) tle->expr);

			if (expr && (expr = tvb_graph_unmark(expr)) != NULL)
				window->partition = lappend(window->partition, expr);
		}
		builder->graph->windows = lappend(builder->graph->windows, window);
	}
}

/* FROM, WHERE, sublinks, windows and outputs of a query that is no set operation. */
static void
build_plain_query(Builder *builder, Scope *scope)
{
	Query	   *query = scope->query;
	Place		place = {scope, scope->nullable};
	List	   *fuzzy = fuzzy_groups(query);
	ListCell   *lc;

	if (query->groupClause || query->hasAggs || query->havingQual || query->distinctClause)
		scope->boxes = bms_add_member(bms_copy(scope->boxes), scope->id);
	if ((query->hasAggs || query->havingQual) && query->groupClause == NIL)
		scope->shells = bms_add_member(bms_copy(scope->shells), scope->id);
	build_from(builder, scope, (Node *) query->jointree, scope->nullable);
	build_quals(builder, &place, query->havingQual,
				query->groupClause != NIL && fuzzy == NIL);
	build_sublinks(builder, &place, (Node *) query->targetList);
	foreach(lc, query->windowClause)
	{
		build_sublinks(builder, &place, lfirst_node(WindowClause, lc)->startOffset);
		build_sublinks(builder, &place, lfirst_node(WindowClause, lc)->endOffset);
	}
	add_windows(builder, scope);
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk)
			scope->outputs = lappend(scope->outputs,
									 query_output(builder, scope, tle, fuzzy));
	}
}

/* Recursive CTEs: their tables have no way out. */
static void
build_recursive_ctes(Builder *builder, Scope *scope)
{
	ListCell   *lc;

	foreach(lc, scope->query->cteList)
		(void) build_query(builder,
						   castNode(Query, lfirst_node(CommonTableExpr, lc)->ctequery),
						   scope, scope->boxes,
						   bms_add_member(bms_copy(scope->shells), builder->next_scope),
						   scope->nullable, "a recursive query");
}

/* Sublinks in LIMIT and OFFSET decide about rows everywhere. */
static void
build_limit(Builder *builder, Scope *scope)
{
	Place		place = {scope, scope->nullable};
	const char *saved = scope->opaque;

	scope->opaque = "a subquery in LIMIT or OFFSET";
	build_sublinks(builder, &place, scope->query->limitCount);
	build_sublinks(builder, &place, scope->query->limitOffset);
	scope->opaque = saved;
}

static Scope *
build_query(Builder *builder, Query *query, Scope *parent, Bitmapset *boxes,
			Bitmapset *shells, Bitmapset *nullable, const char *opaque)
{
	Scope	   *scope = palloc0(sizeof(Scope));

	check_stack_depth();
	scope->id = builder->next_scope++;
	scope->parent = parent;
	scope->query = query;
	scope->rels = palloc0(sizeof(Rel) * (list_length(query->rtable) + 1));
	scope->scopes = bms_add_member(bms_copy(parent ? parent->scopes : NULL), scope->id);
	scope->boxes = boxes;
	scope->shells = shells;
	scope->nullable = nullable;
	scope->opaque = opaque ? opaque : query_opaque(query);
	build_recursive_ctes(builder, scope);
	if (query->setOperations)
		build_setop(builder, scope);
	else
		build_plain_query(builder, scope);
	build_limit(builder, scope);
	return scope;
}

/* Go on to the next combination of choices; false after the last. */
static bool
next_variant(List **choices, List **widths)
{
	while (*choices != NIL)
	{
		int			choice = llast_int(*choices);

		if (choice + 1 < llast_int(*widths))
		{
			llast_int(*choices) = choice + 1;
			return true;
		}
		*choices = list_delete_last(*choices);
		*widths = list_delete_last(*widths);
	}
	return false;
}

List *
tvb_graph_variants(Query *expanded)
{
	List	   *graphs = NIL;
	List	   *choices = NIL;
	List	   *widths = NIL;

	do
	{
		Builder		builder = {0};
		Scope	   *top;

		if (list_length(graphs) >= MAX_VARIANTS)
			return NIL;
		builder.graph = palloc0(sizeof(TvbGraph));
		builder.next_scope = 1;
		builder.next_join = 1;
		builder.choices = choices;
		builder.widths = widths;
		top = build_query(&builder, expanded, NULL, NULL, NULL, NULL, NULL);
		builder.graph->outputs = top->outputs;
		graphs = lappend(graphs, builder.graph);
		choices = builder.choices;
		widths = builder.widths;
	} while (next_variant(&choices, &widths));
	return graphs;
}
