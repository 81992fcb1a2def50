/*-------------------------------------------------------------------------
 *
 * lineage_way.c
 *		Stage 3, third step: ways from members to columns.
 *
 * A way may use a conjunct at member N only if the conjunct must hold for N's
 * row to contribute anything, and only over members of N's own way.  Because
 * ways form a forest, of all changed members of a row combination the one
 * nearest to its root has nothing but unchanged members before it, so its
 * logged image joined to the current tables finds the target.
 * docs/architecture.md has the argument in full.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "lineage_way.h"

#define COST_EQUALITY	1
#define COST_OTHER		16

/* Whether all outer joins in a that are not in b are taken as inner joins. */
static bool
only_solid(const Bitmapset *a, const Bitmapset *b, const Bitmapset *solid)
{
	Bitmapset  *rest = bms_difference(bms_difference(a, b), solid);
	bool		empty = bms_is_empty(rest);

	bms_free(rest);
	return empty;
}

/*
 * Whether NULLs that an outer join puts in the place of a member never pass a strict
 * conjunct that names it, wherever that join stands: the conjunct is outside the join,
 * and must hold there.
 */
static bool
refuses_nulls(TvbGraph *graph, TvbConjunct *conjunct, int join, const Bitmapset *solid)
{
	TvbJoin    *place = list_nth(graph->joins, join - 1);

	return !bms_is_member(join, conjunct->nullable) &&
		only_solid(conjunct->nullable, place->nullable, solid) &&
		bms_is_subset(conjunct->shells, place->shells);
}

/* Add the outer joins whose NULLs a conjunct refuses; says whether there were new ones. */
static bool
add_solid(TvbGraph *graph, TvbConjunct *conjunct, Bitmapset **solid)
{
	bool		grown = false;
	int			id = -1;

	if (!conjunct->strict)
		return false;
	while ((id = bms_next_member(conjunct->members, id)) >= 0)
	{
		Bitmapset  *joins = tvb_graph_member(graph, id)->nullable;
		int			join = -1;

		while ((join = bms_next_member(joins, join)) >= 0)
		{
			if (bms_is_member(join, *solid) || bms_is_member(join, graph->full_joins) ||
				!refuses_nulls(graph, conjunct, join, *solid))
				continue;
			*solid = bms_add_member(*solid, join);
			grown = true;
		}
	}
	return grown;
}

Bitmapset *
tvb_way_solid(TvbGraph *graph, List *targets)
{
	Bitmapset  *solid = NULL;
	bool		grown = true;
	ListCell   *lc;

	foreach(lc, targets)
		solid = bms_add_members(solid, tvb_graph_member(graph, ((TvbTarget *) lfirst(lc))->carrier)->nullable);
	while (grown)
	{
		grown = false;
		foreach(lc, graph->conjuncts)
			grown |= add_solid(graph, lfirst(lc), &solid);
	}
	return solid;
}

/* Whether every box that a conjunct looks into from outside is looked at through one member. */
static bool
one_member_per_box(TvbGraph *graph, TvbConjunct *conjunct)
{
	Bitmapset  *seen = NULL;
	int			id = -1;

	while ((id = bms_next_member(conjunct->members, id)) >= 0)
	{
		Bitmapset  *crossed = bms_difference(tvb_graph_member(graph, id)->boxes, conjunct->boxes);

		if (bms_overlap(seen, crossed))
			return false;
		seen = bms_join(seen, crossed);
	}
	return true;
}

/*
 * Whether a conjunct must hold for rows of member id to contribute anything.
 *
 * It does not when it stands inside a container that id is outside of (the
 * outer row is there anyway); when it stands inside the nullable side of an
 * outer join that id is preserved by; or when it stands above an outer join
 * that could put NULLs for id - unless NULLs would not pass it.
 */
static bool
must_hold(TvbForest *forest, TvbConjunct *conjunct, int id)
{
	TvbGraph   *graph = forest->graph;
	TvbMember  *member = tvb_graph_member(graph, id);
	int			other = -1;

	if (!bms_is_member(id, conjunct->members) ||
		!bms_is_subset(conjunct->shells, member->shells) ||
		!only_solid(conjunct->nullable, member->nullable, forest->solid) ||
		!one_member_per_box(graph, conjunct))
		return false;
	if (forest->scope && !bms_is_member(forest->scope, conjunct->scopes))
		return false;
	if (!conjunct->strict && !only_solid(member->nullable, conjunct->nullable, forest->solid))
		return false;
	while ((other = bms_next_member(conjunct->members, other)) >= 0)
	{
		TvbMember  *partner = tvb_graph_member(graph, other);
		Bitmapset  *allowed = bms_union(conjunct->nullable, member->nullable);

		if (!bms_is_subset(partner->shells, member->shells))
			return false;
		if (forest->scope && !bms_is_member(forest->scope, partner->scopes))
			return false;
		if (!conjunct->strict && !only_solid(partner->nullable, allowed, forest->solid))
			return false;
	}
	return true;
}

/* ---------- reading the target off equal columns ---------- */

/* One column of a root and the column of another member that equals it. */
typedef struct Same
{
	AttrNumber	attno;
	Var		   *var;
	Oid			opno;
	bool		identical;
} Same;

typedef struct SubstituteContext
{
	List	   *same;			/* Same * */
	bool		bare;			/* the whole expression is one column */
	bool		failed;
} SubstituteContext;

static Node *
substitute_mutator(Node *node, SubstituteContext *context)
{
	ListCell   *lc;

	if (node == NULL || context->failed)
		return NULL;
	if (!IsA(node, Var))
		return expression_tree_mutator(node, substitute_mutator, context);
	foreach(lc, context->same)
	{
		Same	   *same = lfirst(lc);

		if (same->attno == ((Var *) node)->varattno &&
			(same->identical || context->bare))
			return (Node *) copyObject(same->var);
	}
	context->failed = true;
	return NULL;
}

/* If a conjunct says root's column = id's column, of one type: that, else NULL. */
static Same *
same_column(TvbConjunct *conjunct, int id, int root)
{
	OpExpr	   *op = (OpExpr *) conjunct->expr;
	Var		   *a;
	Var		   *b;
	Same	   *same;

	if (!conjunct->equality || bms_num_members(conjunct->members) != 2)
		return NULL;
	a = linitial(op->args);
	b = lsecond(op->args);
	if (!IsA(a, Var) || !IsA(b, Var))
		return NULL;
	if (a->varno == id)
	{
		Var		   *swap = a;

		a = b;
		b = swap;
	}
	if (a->varno != root || b->varno != id || a->vartype != b->vartype ||
		a->varcollid != b->varcollid || !tvb_graph_is_equality(op->opno, a->vartype))
		return NULL;
	if (OidIsValid(op->inputcollid) && op->inputcollid != a->varcollid &&
		!get_collation_isdeterministic(op->inputcollid))
		return NULL;
	same = palloc(sizeof(Same));
	same->attno = a->varattno;
	same->var = b;
	same->opno = op->opno;
	same->identical = tvb_graph_equal_is_identical(a->vartype, a->varcollid);
	return same;
}

/* A root's expressions rewritten over member id's own columns, or NIL. */
static List *
substitute(TvbForest *forest, int id, int root)
{
	SubstituteContext context = {NIL, false, false};
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, forest->graph->conjuncts)
	{
		TvbConjunct *conjunct = lfirst(lc);
		Same	   *same;

		if (!bms_is_member(id, conjunct->members) ||
			!bms_is_member(root, conjunct->members) ||
			(same = same_column(conjunct, id, root)) == NULL ||
			!must_hold(forest, conjunct, id))
			continue;
		context.same = lappend(context.same, same);
	}
	if (context.same == NIL)
		return NIL;
	foreach(lc, forest->root_exprs[root])
	{
		context.bare = IsA(lfirst(lc), Var);
		result = lappend(result, substitute_mutator(lfirst(lc), &context));
	}
	return context.failed ? NIL : result;
}

/* Make every member a root that can yield a root's expressions by itself. */
static void
grow_roots(TvbForest *forest)
{
	int			n = list_length(forest->graph->members);
	bool		grown = true;

	while (grown)
	{
		grown = false;
		for (int id = 1; id <= n; id++)
		{
			for (int root = 1; root <= n && forest->target[id] == NULL; root++)
			{
				List	   *exprs;

				if (root == id || forest->root_exprs[root] == NIL)
					continue;
				exprs = substitute(forest, id, root);
				if (exprs == NIL)
					continue;
				forest->target[id] = forest->target[root];
				forest->root_exprs[id] = exprs;
				forest->way[id] = bms_make_singleton(id);
				grown = true;
			}
		}
	}
}

/* ---------- steps between members ---------- */

/*
 * What a step from id to next costs by a conjunct, -1 if it cannot be made by
 * it: it must hold for id and name id, next, and only members on next's way.
 */
static int
step_cost(TvbForest *forest, TvbConjunct *conjunct, int id, int next)
{
	Bitmapset  *rest;
	bool		inside;

	if (!bms_is_member(next, conjunct->members) || !must_hold(forest, conjunct, id))
		return -1;
	rest = bms_del_member(bms_copy(conjunct->members), id);
	inside = bms_is_subset(rest, forest->way[next]);
	bms_free(rest);
	if (!inside)
		return -1;
	return conjunct->equality ? COST_EQUALITY : COST_OTHER;
}

/* Whether a function in FROM has no row when an argument is NULL. */
static bool
calls_strict_set(RangeTblEntry *rte)
{
	return rte->rtekind == RTE_FUNCTION && list_length(rte->functions) == 1 &&
		expression_returns_set((Node *) rte->functions) && tvb_graph_is_strict((Expr *) rte->functions);
}

/*
 * What it costs to step to or from a derived member by calling its function, -1 if impossible.  The call is like a
 * condition over the member and its arguments.  From it: the arguments come from next and next's way.  To it: they
 * come from id and from its own way.
 */
static int
derivation_cost(TvbForest *forest, int id, int next)
{
	TvbMember  *from = tvb_graph_member(forest->graph, id);
	TvbMember  *to = tvb_graph_member(forest->graph, next);
	TvbMember  *derived = from->derived && bms_is_member(next, from->depends) ? from : to;
	TvbConjunct call = {NULL};

	if (!derived->derived || (derived == to && !bms_is_member(id, to->depends)))
		return -1;
	call.members = bms_add_member(bms_copy(derived->depends), derived->id);
	call.scopes = derived->scopes;
	call.boxes = derived->boxes;
	call.shells = derived->shells;
	call.nullable = derived->nullable;
	call.strict = calls_strict_set(derived->rte);
	call.equality = true;
	return step_cost(forest, &call, id, next);
}

/* The cheapest step from id to next, -1 if there is none. */
static int
best_step(TvbForest *forest, int id, int next)
{
	int			best = derivation_cost(forest, id, next);
	ListCell   *lc;

	if (forest->scope &&
		!bms_is_member(forest->scope, tvb_graph_member(forest->graph, next)->scopes))
		return -1;
	foreach(lc, forest->graph->conjuncts)
	{
		int			cost;

		if (best == COST_EQUALITY)
			break;
		cost = step_cost(forest, lfirst(lc), id, next);
		if (cost >= 0 && (best < 0 || cost < best))
			best = cost;
	}
	return best;
}

/* Whether every derived member of the way that a step would make has its arguments on it. */
static bool
way_is_complete(TvbForest *forest, int id, int next)
{
	Bitmapset  *way = bms_add_member(bms_copy(forest->way[next]), id);
	int			on = -1;

	while ((on = bms_next_member(way, on)) >= 0)
	{
		if (!bms_is_subset(tvb_graph_member(forest->graph, on)->depends, way))
			return false;
	}
	return true;
}

/*
 * Attach the one member that is cheapest to attach; false when none can be.
 * incomplete: a derived one that lacks its arguments.  Only they can be attached to
 * it, which makes the way complete.
 */
static bool
attach_one(TvbForest *forest, bool incomplete)
{
	int			n = list_length(forest->graph->members);
	int			best = -1;
	int			best_id = 0;
	int			best_next = 0;

	for (int id = 1; id <= n; id++)
	{
		CHECK_FOR_INTERRUPTS();
		if (forest->target[id] || (incomplete && !tvb_graph_member(forest->graph, id)->derived))
			continue;
		for (int next = 1; next <= n; next++)
		{
			int			cost;

			if (next == id || forest->target[next] == NULL ||
				(!incomplete && !way_is_complete(forest, id, next)))
				continue;
			cost = best_step(forest, id, next);
			if (cost >= 0 && (best < 0 || cost + forest->cost[next] < best))
			{
				best = cost + forest->cost[next];
				best_id = id;
				best_next = next;
			}
		}
	}
	if (best < 0)
		return false;
	forest->target[best_id] = forest->target[best_next];
	forest->next[best_id] = best_next;
	forest->cost[best_id] = best;
	forest->way[best_id] = bms_add_member(bms_copy(forest->way[best_next]), best_id);
	return true;
}

/* Make the carriers of the targets the first roots. */
static void
plant_roots(TvbForest *forest, List *targets)
{
	ListCell   *lc;

	foreach(lc, targets)
	{
		TvbTarget  *target = lfirst(lc);

		if (target->carrier == 0 || forest->target[target->carrier])
			continue;
		forest->target[target->carrier] = target;
		forest->root_exprs[target->carrier] = target->exprs;
		forest->way[target->carrier] = bms_make_singleton(target->carrier);
	}
}

TvbForest *
tvb_way_forest(TvbGraph *graph, List *targets, Bitmapset *solid, int scope)
{
	TvbForest  *forest = palloc0(sizeof(TvbForest));
	int			n = list_length(graph->members) + 1;

	forest->graph = graph;
	forest->solid = solid;
	forest->scope = scope;
	forest->target = palloc0(sizeof(TvbTarget *) * n);
	forest->root_exprs = palloc0(sizeof(List *) * n);
	forest->next = palloc0(sizeof(int) * n);
	forest->cost = palloc0(sizeof(int) * n);
	forest->way = palloc0(sizeof(Bitmapset *) * n);
	plant_roots(forest, targets);
	grow_roots(forest);
	while (attach_one(forest, false) || attach_one(forest, true))
		;
	return forest;
}

/*
 * Whether a conjunct that looks into a box which id is in may be used at id:
 * only if the way leaves the box here.
 */
static bool
leaves_boxes(TvbForest *forest, TvbConjunct *conjunct, int id)
{
	Bitmapset  *crossed = bms_difference(tvb_graph_member(forest->graph, id)->boxes,
										 conjunct->boxes);
	int			next = forest->next[id];

	return next == 0 || !bms_overlap(crossed, tvb_graph_member(forest->graph, next)->boxes);
}

List *
tvb_way_conjuncts(TvbForest *forest, int id, bool alone)
{
	List	   *equalities = NIL;
	List	   *others = NIL;
	List	   *filters = NIL;
	ListCell   *lc;

	foreach(lc, forest->graph->conjuncts)
	{
		TvbConjunct *conjunct = lfirst(lc);

		if (!must_hold(forest, conjunct, id) ||
			!bms_is_subset(conjunct->members, forest->way[id]) ||
			!leaves_boxes(forest, conjunct, id))
			continue;
		if (bms_num_members(conjunct->members) == 1)
			filters = lappend(filters, conjunct);
		else if (conjunct->equality)
			equalities = lappend(equalities, conjunct);
		else
			others = lappend(others, conjunct);
	}

	/*
	 * A step by equality needs no other condition; each would only widen the
	 * link.
	 */
	if (equalities == NIL)
		equalities = others;
	return alone ? list_concat(filters, equalities) : equalities;
}
