/*-------------------------------------------------------------------------
 *
 * lineage_resolve.c
 *		Stage 3, second step: trace an expression of a query to the graph's members.
 *
 * A column is followed through subqueries and joins to the member it comes
 * from.  An expression with anything in it that cannot be followed has no
 * origin, and the condition or output it stands in is not used.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"

#include "compat.h"
#include "lineage_build.h"

typedef struct ResolveContext
{
	TvbBuilder *builder;
	TvbScope   *scope;
	int			depth;			/* query levels below scope */
	bool		failed;
} ResolveContext;

static Node *resolve_mutator(Node *node, ResolveContext *context);

/* The expression over members that a query-level expression stands for, or NULL. */
Expr *
tvb_resolve_expr(TvbBuilder *builder, TvbScope *scope, Node *expr)
{
	ResolveContext context = {builder, scope, 0, false};
	Node	   *result = resolve_mutator(expr, &context);

	return context.failed ? NULL : (Expr *) result;
}

/* A column of the given scope. */
static Node *
resolve_var(Var *var, ResolveContext *context)
{
	TvbScope   *scope = context->scope;
	Index		up;
	TvbRel	   *rel;
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
		found = tvb_resolve_expr(context->builder, scope, list_nth(rel->alias_vars, var->varattno - 1));
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
		TvbMerge   *merge = lfirst(lc);
		bool		swapped = equal(left, merge->right) && equal(right, merge->left);

		if (!swapped && !(equal(left, merge->left) && equal(right, merge->right)))
			continue;

		/*
		 * The first argument's image is the one shown; the other is only
		 * equal.
		 */
		if (merge->take_left)
			return (Node *) (swapped ? tvb_graph_mark(merge->left) : merge->left);
		return (Node *) (swapped ? merge->right : tvb_graph_mark(merge->right));
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
