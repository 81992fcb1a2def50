/*-------------------------------------------------------------------------
 *
 * lineage_query.c
 *		Stage 3, fourth step: which queries the ways of a changed member become.
 *
 * One for its own rows, and with windows around it others in segments: to the partition columns, from there to all rows of
 * the partition, and on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "lineage_draft.h"
#include "lineage_query.h"

/* What is the same for all queries of one member. */
typedef struct Search
{
	TvbGraph   *graph;
	int			id;				/* the changed member */
	TvbKeyTargets *keys;
	List	   *queries;		/* TvbWayQuery * found */
	const char *reason;			/* set: no way */
} Search;

/* ---------- the last segment: to the key ---------- */

/*
 * Whether the planner might take columns for equal that are equal to the same value by the time zone, which two equalities
 * have to say: the view may have them in outer joins, where it does not.
 */
static bool
chains_by_zone(List *quals)
{
	int			found = 0;
	ListCell   *lc;

	foreach(lc, quals)
	{
		OpExpr	   *op = lfirst(lc);

		if (IsA(op, OpExpr) && list_length(op->args) == 2 && op_mergejoinable(op->opno, exprType(linitial(op->args))) &&
			!tvb_graph_is_transitive(op->opno))
			found++;
	}
	return found > 1;
}

/* A draft is complete: SELECT DISTINCT exprs, which are positions of the key. */
static void
finish(Search *search, TvbDraft *draft, List *exprs, List *positions)
{
	TvbMember  *source = tvb_graph_member(search->graph, search->id);

	if (chains_by_zone(draft->quals))
		search->reason = "several equalities that the time zone decides";
	search->queries = lappend(search->queries, tvb_draft_finish(draft, source->rte, exprs, positions));
}

/* The root's expressions of one target, placed. */
static List *
placed_exprs(TvbSegment *segment, TvbForest *forest, int root)
{
	return (List *) tvb_draft_place((Node *) forest->root_exprs[root], segment);
}

/*
 * From member id, standing in the draft at its place in segment, to the key; where that has several carriers, to the
 * part of it that the nearest one has.
 */
static void
finish_key(Search *search, TvbDraft *draft, TvbSegment *segment, int id, bool alone)
{
	TvbForest  *nearest = search->keys->nearest;
	TvbDraft	   *part;
	TvbSegment    *copy;
	int			root;

	if (search->keys->targets == NIL)
	{
		finish(search, draft, copyObject(search->keys->constants), search->keys->positions);
		return;
	}
	if (nearest->target[id] == NULL)
	{
		search->reason = "no condition leads to the key";
		return;
	}
	part = tvb_draft_copy(draft);
	copy = tvb_draft_copy_segment(segment);
	root = tvb_draft_place_way(part, copy, nearest, id, alone);
	finish(search, part,
		   list_concat(copyObject(search->keys->constants), placed_exprs(copy, nearest, root)),
		   list_concat(list_copy(search->keys->positions), nearest->target[id]->positions));
}

/* ---------- windows ---------- */

/* Whether an expression of the graph is a column that cannot be NULL within a query. */
static bool
never_null(TvbGraph *graph, Expr *expr, Bitmapset *nullable)
{
	Var		   *var = (Var *) expr;
	TvbMember  *member;

	if (!IsA(expr, Var))
		return false;
	member = tvb_graph_member(graph, var->varno);
	return member->rte->rtekind == RTE_RELATION && bms_is_subset(member->nullable, nullable) &&
		tvb_graph_not_null(member->rte, var->varattno, true);
}

/* One carrier's share of a window's partition columns, at most two of them; NULL if it has none. */
static TvbTarget *
partition_target(TvbGraph *graph, TvbWindow *window, int carrier)
{
	TvbMember  *member = tvb_graph_member(graph, carrier);
	TvbTarget  *target = palloc0(sizeof(TvbTarget));
	ListCell   *lc;

	if (member->derived || !bms_is_subset(member->nullable, window->nullable))
		return NULL;
	target->carrier = carrier;
	foreach(lc, window->partition)
	{
		Bitmapset  *members = tvb_graph_members(lfirst(lc));

		if (bms_membership(members) == BMS_SINGLETON && bms_is_member(carrier, members) &&
			list_length(target->exprs) < 2 && !list_member(target->exprs, lfirst(lc)))
			target->exprs = lappend(target->exprs, lfirst(lc));
	}
	return target->exprs ? target : NULL;
}

/* a = b by the type's default equality. */
static Expr *
make_equality(Expr *a, Expr *b)
{
	Oid			type = exprType((Node *) a);
	Oid			collation = exprCollation((Node *) a);
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR);

	if (!OidIsValid(entry->eq_opr))
		elog(ERROR, "type %u has no equality operator", type);
	return make_opclause(entry->eq_opr, BOOLOID, false, a, b, InvalidOid, collation);
}

static Expr *
make_is_null(Expr *a)
{
	NullTest   *test = makeNode(NullTest);

	test->arg = a;
	test->nulltesttype = IS_NULL;
	test->argisrow = false;
	test->location = -1;
	return (Expr *) test;
}

static void walk_windows(Search *search, TvbDraft *draft, TvbSegment *segment, int id,
						 bool alone, int below);

/*
 * All rows of the partition, and on from each of them.  One query for every
 * pattern of NULLs in the partition columns, so that each has plain
 * conditions an index can serve.
 */
static void
cross_partition(Search *search, TvbDraft *draft, TvbSegment *segment, TvbWindow *window,
				TvbForest *forest, TvbTarget *target, int root)
{
	List	   *from = (List *) tvb_draft_place((Node *) forest->root_exprs[root], segment);
	int			patterns = 1 << list_length(target->exprs);

	for (int pattern = 0; pattern < patterns; pattern++)
	{
		TvbDraft	   *next = tvb_draft_copy(draft);
		TvbSegment    *rows = tvb_draft_segment(search->graph);
		bool		possible = true;
		int			i = 0;
		ListCell   *a;
		ListCell   *b;

		tvb_draft_place_member(next, rows, target->carrier);
		forboth(a, from, b, target->exprs)
		{
			Expr	   *here = (Expr *) tvb_draft_place(lfirst(b), rows);

			if ((pattern & (1 << i++)) == 0)
				next->quals = lappend(next->quals, make_equality(copyObject(lfirst(a)), here));
			else if (list_member(window->correlated, lfirst(b)) ||
					 never_null(search->graph, lfirst(b), window->nullable))
				possible = false;
			else
				next->quals = lappend(lappend(next->quals, make_is_null(copyObject(lfirst(a)))),
									  make_is_null(here));
		}
		if (possible)
			walk_windows(search, next, rows, target->carrier, true, window->scope);
	}
}

/* Whether any of these members is one of a query's. */
static bool
any_within(TvbGraph *graph, Bitmapset *members, int scope)
{
	int			id = -1;

	while ((id = bms_next_member(members, id)) >= 0)
	{
		if (bms_is_member(scope, tvb_graph_member(graph, id)->scopes))
			return true;
	}
	return false;
}

/* Whether a function outside of a query is called with columns of its rows. */
static bool
feeds_function(TvbGraph *graph, int scope)
{
	ListCell   *lc;

	foreach(lc, graph->members)
	{
		TvbMember  *member = lfirst(lc);

		if (!bms_is_member(scope, member->scopes) && any_within(graph, member->depends, scope))
			return true;
	}
	return false;
}

/*
 * Whether each row outside has partitions of its own of a window over several variants, and the key is there: then
 * that row is all that is touched.
 */
static bool
is_evaluated_outside(TvbGraph *graph, TvbKeyTargets *keys, TvbWindow *window)
{
	ListCell   *lc;

	if ((!window->arms && !window->sides) || window->correlated == NIL || keys->constants != NIL)
		return false;
	foreach(lc, keys->targets)
	{
		TvbMember  *carrier = tvb_graph_member(graph, ((TvbTarget *) lfirst(lc))->carrier);

		if (bms_is_member(window->scope, carrier->scopes))
			return false;
	}
	return !feeds_function(graph, window->scope);
}

/* Whether member id is in a window that is evaluated for each row outside; below: not that or further out. */
static bool
is_evaluated(TvbGraph *graph, TvbKeyTargets *keys, int id, int below)
{
	ListCell   *lc;

	foreach(lc, graph->windows)
	{
		TvbWindow  *window = lfirst(lc);

		if (window->scope > below && bms_is_member(window->scope, tvb_graph_member(graph, id)->scopes) &&
			is_evaluated_outside(graph, keys, window))
			return true;
	}
	return false;
}

/* From member id to its partitions of one window, and on. */
static void
through_window(Search *search, TvbDraft *draft, TvbSegment *segment, int id, bool alone,
			   TvbWindow *window)
{
	int			n = list_length(search->graph->members);

	if (is_evaluated_outside(search->graph, search->keys, window))
		return;
	/* only the arm of this variant would be looked at */
	if (window->arms)
	{
		search->reason = "a window over a set operation";
		return;
	}
	for (int tried = 0; tried <= n; tried++)
	{
		int			carrier = tried == 0 ? id : tried;
		TvbTarget  *target = partition_target(search->graph, window, carrier);
		TvbForest  *forest;
		TvbDraft	   *copy;
		TvbSegment    *placed;
		int			root;

		if (target == NULL)
			continue;
		forest = tvb_way_forest(search->graph, list_make1(target), NULL, window->scope);
		if (forest->target[id] == NULL)
			continue;
		copy = tvb_draft_copy(draft);
		placed = tvb_draft_copy_segment(segment);
		root = tvb_draft_place_way(copy, placed, forest, id, alone);
		/* a partner in the FULL JOIN may be missing: then rows of the other variant would not be found */
		if (window->sides && root != id)
			search->reason = "a window over a FULL JOIN whose PARTITION BY columns are not those of the changed row";
		/* all rows of that evaluation change, in whatever partitions they are */
		else if (is_evaluated(search->graph, search->keys, carrier, window->scope))
			search->reason = "a window over a window of each outer row's own";
		else
			cross_partition(search, copy, placed, window, forest, target, root);
		return;
	}
	search->reason = window->partition == NIL
		? "a window without PARTITION BY columns that can be traced"
		: "no condition leads to the columns of PARTITION BY";
}

/*
 * From member id to the key: its own rows, and for each window around it, from
 * the inside out and below the scope number given, those of its partition.
 */
static void
walk_windows(Search *search, TvbDraft *draft, TvbSegment *segment, int id, bool alone, int below)
{
	TvbMember  *member = tvb_graph_member(search->graph, id);
	ListCell   *lc;

	finish_key(search, tvb_draft_copy(draft), tvb_draft_copy_segment(segment), id, alone);
	foreach(lc, search->graph->windows)
	{
		TvbWindow  *window = lfirst(lc);

		if (search->reason)
			return;
		if (window->scope < below && bms_is_member(window->scope, member->scopes))
			through_window(search, draft, segment, id, alone, window);
	}
}

/* ---------- one member ---------- */

static Node *
null_mutator(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
		return (Node *) makeNullConst(((Var *) node)->vartype, ((Var *) node)->vartypmod,
									  ((Var *) node)->varcollid);
	return expression_tree_mutator(node, null_mutator, context);
}

/* A target's expressions with NULLs for its columns; a domain may refuse them, though an outer join puts them there. */
static List *
null_exprs(List *exprs)
{
	List	   *nulls = NIL;
	ListCell   *lc;

	foreach(lc, exprs)
	{
		Var		   *var = lfirst(lc);
		int32		typmod;
		Oid			type;

		if (!IsA(var, Var) || get_typtype(var->vartype) != TYPTYPE_DOMAIN)
		{
			nulls = lappend(nulls, null_mutator((Node *) var, NULL));
			continue;
		}
		typmod = var->vartypmod;
		type = getBaseTypeAndTypmod(var->vartype, &typmod);
		nulls = lappend(nulls, makeNullConst(type, typmod, get_typcollation(type)));
	}
	return nulls;
}

/* The key of rows in which the carrier is NULL-extended. */
static void
add_null_extended(Search *search)
{
	TvbTarget  *target = linitial(search->keys->targets);
	TvbDraft		draft = {NIL, NIL};
	List	   *exprs = copyObject(search->keys->constants);

	exprs = list_concat(exprs, null_exprs(target->exprs));
	finish(search, &draft, exprs,
		   list_concat(list_copy(search->keys->positions), target->positions));
}

/* Leave out queries that are there already. */
static List *
without_duplicates(List *queries)
{
	List	   *kept = NIL;
	ListCell   *lc;

	foreach(lc, queries)
	{
		TvbWayQuery *query = lfirst(lc);
		ListCell   *other;

		foreach(other, kept)
		{
			TvbWayQuery *seen = lfirst(other);

			if (equal(seen->query, query->query) &&
				equal(seen->link_attnos, query->link_attnos) &&
				equal(seen->key_positions, query->key_positions))
				break;
		}
		if (other == NULL)
			kept = lappend(kept, query);
	}
	return kept;
}

/* Whether a condition looks from outside at rows of a window that is evaluated for each row outside. */
static bool
looks_inside(TvbGraph *graph, TvbKeyTargets *keys, int at)
{
	TvbConjunct *conjunct = list_nth(graph->conjuncts, at);
	ListCell   *lc;

	foreach(lc, graph->windows)
	{
		TvbWindow  *window = lfirst(lc);

		if (at >= window->conjuncts && any_within(graph, conjunct->members, window->scope) &&
			is_evaluated_outside(graph, keys, window))
			return true;
	}
	return false;
}

/* A graph without the conditions that lead each row of one evaluation of a window to other keys; NULL if it has none. */
static TvbGraph *
without_evaluations(TvbGraph *graph, TvbKeyTargets *keys)
{
	TvbGraph   *copy = palloc(sizeof(TvbGraph));

	*copy = *graph;
	copy->conjuncts = NIL;
	for (int at = 0; at < list_length(graph->conjuncts); at++)
	{
		if (!looks_inside(graph, keys, at))
			copy->conjuncts = lappend(copy->conjuncts, list_nth(graph->conjuncts, at));
	}
	return list_length(copy->conjuncts) < list_length(graph->conjuncts) ? copy : NULL;
}

void
tvb_query_find_ways(TvbGraph *graph, TvbKeyTargets *keys)
{
	TvbGraph   *around = without_evaluations(graph, keys);

	keys->nearest = tvb_way_forest(graph, keys->targets, tvb_way_solid(graph, keys->targets), 0);
	if (around != NULL)
		keys->around = tvb_way_forest(around, keys->targets, tvb_way_solid(around, keys->targets), 0);
}

/*
 * Choose the ways for the changed member.  A change of one row of an evaluation touches what all of its rows lead to, so
 * that ways from there go around the conditions that look at them.  Other members take the same ways where these reach
 * them: of several that changed, the one nearest to the key must have none of the others before it.
 */
static void
choose_ways(Search *search)
{
	TvbKeyTargets *keys;

	if (search->keys->around == NULL ||
		(search->keys->around->target[search->id] == NULL && !is_evaluated(search->graph, search->keys, search->id, 0)))
		return;
	keys = palloc(sizeof(TvbKeyTargets));
	*keys = *search->keys;
	keys->nearest = keys->around;
	search->keys = keys;
	search->graph = keys->around->graph;
}

List *
tvb_query_member(TvbGraph *graph, int id, TvbKeyTargets *keys, const char **reason)
{
	Search		search = {graph, id, keys};
	TvbDraft		draft = {NIL, NIL};
	TvbSegment    *segment = tvb_draft_segment(graph);

	if (tvb_graph_member(graph, id)->opaque)
	{
		*reason = tvb_graph_member(graph, id)->opaque;
		return NIL;
	}
	choose_ways(&search);
	segment->varno[id] = 1;
	walk_windows(&search, &draft, segment, id, false, INT_MAX);
	if (search.reason == NULL && keys->nullable)
		add_null_extended(&search);
	*reason = search.reason;
	return search.reason ? NIL : without_duplicates(search.queries);
}
