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
 * GROUP BY or with grouping sets, the right arms of EXCEPT and INTERSECT), and the outer joins it
 * stands inside of.
 *
 * Columns are traced through "plain" outputs only.  An output is not plain
 * when it comes out of an aggregate, window function, sublink, set-returning
 * function, grouping sets (which put NULL in its place) or a limited query; whatever
 * is not understood is not plain either, so that a mistake here loses a route and never
 * a key.
 *
 * lineage_resolve.c traces columns, lineage_from.c takes FROM and conditions apart;
 * this file does whole queries, set operations and variants.
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
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "lineage_build.h"
#include "lineage_expand.h"
#include "lineage_graph.h"

#define MAX_VARIANTS 64

/* ---------- small questions about types and expressions ---------- */

bool
tvb_graph_equal_is_identical(Oid type, Oid collation)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY);
	Oid			proc;

	if (getBaseType(type) == BPCHAROID || !OidIsValid(entry->btree_opf))
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

/* Whether rows of tables that inherit from it, with constraints of their own, are read with a table's. */
static bool
has_inheritance_children(const RangeTblEntry *rte)
{
	return rte->inh && get_rel_relkind(rte->relid) == RELKIND_RELATION && has_subclass(rte->relid);
}

bool
tvb_graph_not_null(const RangeTblEntry *rte, AttrNumber attno, bool children)
{
	HeapTuple	tuple;
	bool		result;

	if (children && has_inheritance_children(rte))
		return false;
	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(rte->relid), Int16GetDatum(attno));
	if (!HeapTupleIsValid(tuple))
		return false;
	result = tvb_compat_not_null(rte->relid, (Form_pg_attribute) GETSTRUCT(tuple));
	ReleaseSysCache(tuple);
	return result;
}

bool
tvb_graph_is_equality(Oid opno, Oid type)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY);

	return OidIsValid(entry->btree_opf) &&
		get_op_opfamily_strategy(opno, entry->btree_opf) == BTEqualStrategyNumber;
}

bool
tvb_graph_collations_agree(Oid used, Oid own)
{
	if (used == own)
		return true;
	return (!OidIsValid(used) || get_collation_isdeterministic(used)) &&
		(!OidIsValid(own) || get_collation_isdeterministic(own));
}

/* Two timestamps in an hour that is skipped are equal to the same value with time zone, and not to each other. */
bool
tvb_graph_is_transitive(Oid opno)
{
	return op_volatile(opno) == PROVOLATILE_IMMUTABLE;
}

bool
tvb_graph_equates(OpExpr *op, Node *expr)
{
	return tvb_graph_is_equality(op->opno, exprType(expr)) && tvb_graph_is_transitive(op->opno) &&
		tvb_graph_collations_agree(op->inputcollid, exprCollation(expr));
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
reads_json_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (tvb_compat_reads_json(node))
		return true;
	return expression_tree_walker(node, reads_json_walker, context);
}

bool
tvb_graph_is_strict(Expr *expr)
{
	/* the server takes JSON_VALUE() and its like for strict, but what is passed to the path may be NULL */
	return !contain_nonstrict_functions((Node *) expr) && !reads_json_walker((Node *) expr, NULL);
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
Expr *
tvb_graph_mark(Expr *expr)
{
	PlaceHolderVar *mark;

	if (expr == NULL || IsA(expr, PlaceHolderVar) ||
		tvb_graph_equal_is_identical(exprType((Node *) expr), exprCollation((Node *) expr)))
		return expr;
	mark = makeNode(PlaceHolderVar);
	mark->phexpr = expr;
	return (Expr *) mark;
}

/* ---------- set operations ---------- */

/* Take decision number n of this variant; n arms. */
int
tvb_graph_choose(TvbBuilder *builder, int arms)
{
	if (builder->decisions >= list_length(builder->choices))
	{
		builder->choices = lappend_int(builder->choices, 0);
		builder->widths = lappend_int(builder->widths, arms);
	}
	return list_nth_int(builder->choices, builder->decisions++);
}

/* One leaf of a tree of set operations. */
typedef struct Arm
{
	int			rtindex;
	List	   *around;			/* SetOperationStmt *, innermost first */
	bool		distinct;		/* below anything but UNION ALL */
	bool		passive;		/* right of EXCEPT or INTERSECT */
} Arm;

/* Whether a set operation takes equal rows for one. */
static bool
makes_distinct(SetOperationStmt *op)
{
	return op->op != SETOP_UNION || !op->all;
}

static List *
collect_arms(Node *node, List *around, bool passive, List *arms)
{
	SetOperationStmt *op = (SetOperationStmt *) node;

	if (IsA(node, RangeTblRef))
	{
		Arm		   *arm = palloc0(sizeof(Arm));
		ListCell   *lc;

		arm->rtindex = ((RangeTblRef *) node)->rtindex;
		arm->around = around;
		foreach(lc, around)
			arm->distinct |= makes_distinct(lfirst_node(SetOperationStmt, lc));
		arm->passive = passive;
		return lappend(arms, arm);
	}
	around = lcons(op, list_copy(around));
	arms = collect_arms(op->larg, around, passive, arms);
	return collect_arms(op->rarg, around, passive || op->op != SETOP_UNION, arms);
}

/*
 * An expression as a column of a set operation around it: coerced, and marked if rows are made distinct.  NULL if other
 * values are equal in the column than in the expression.
 */
static Expr *
set_column(Expr *expr, SetOperationStmt *op, int column)
{
	Oid			type = list_nth_oid(op->colTypes, column);
	int32		typmod = list_nth_int(op->colTypmods, column);
	Oid			collation = list_nth_oid(op->colCollations, column);
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
		assign_expr_collations(NULL, (Node *) expr);
	}
	if (!tvb_graph_collations_agree(exprCollation((Node *) expr), collation))
		return NULL;
	return makes_distinct(op) ? tvb_graph_mark(expr) : expr;
}

/* An arm's output as the column of all set operations around it: each compares by its own type and collation. */
static Expr *
arm_output(Expr *expr, Arm *arm, int column)
{
	ListCell   *lc;

	foreach(lc, arm->around)
		expr = set_column(expr, lfirst_node(SetOperationStmt, lc), column);
	return expr;
}

/* Build the arm that this variant takes; its outputs are the query's. */
static void
build_setop(TvbBuilder *builder, TvbScope *scope)
{
	Query	   *query = scope->query;
	List	   *arms = collect_arms(query->setOperations, NIL, false, NIL);
	Arm		   *arm = list_nth(arms, tvb_graph_choose(builder, list_length(arms)));
	RangeTblEntry *rte = rt_fetch(arm->rtindex, query->rtable);
	Bitmapset  *shells = scope->shells;
	TvbScope   *child;
	ListCell   *lc;

	if (arm->distinct)
		scope->boxes = bms_add_member(bms_copy(scope->boxes), scope->id);
	if (arm->passive)
	{
		shells = bms_add_member(bms_copy(shells), scope->id);
		builder->graph->passive = bms_add_member(builder->graph->passive, scope->id);
	}
	child = tvb_graph_query(builder, rte->subquery, scope, scope->boxes, shells,
							scope->nullable, scope->opaque);
	foreach(lc, child->outputs)
		scope->outputs = lappend(scope->outputs, arm_output(lfirst(lc), arm, foreach_current_index(lc)));
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

bool
tvb_graph_any_row_of_group(Query *query)
{
	ListCell   *lc;

	if (query->constraintDeps == NIL)
		return false;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION && has_inheritance_children(rte))
			return true;
	}
	return false;
}

/* Whether an expression has one value in all rows of a group: it looks no closer than the grouping does, and at no row alone. */
static bool
is_same_in_group(Query *query, TargetEntry *tle, List *fuzzy)
{
	if (contains_walker((Node *) tle->expr, fuzzy) && !list_member(fuzzy, tle->expr))
		return false;
	return in_clause(query->groupClause, tle) || !tvb_graph_any_row_of_group(query);
}

/* The expression of a target list over members; NULL if it cannot be traced, or is no value of the row but a set of them. */
static Expr *
resolve_target(TvbBuilder *builder, TvbScope *scope, TargetEntry *tle)
{
	if (expression_returns_set((Node *) tle->expr))
		return NULL;
	return tvb_resolve_expr(builder, scope, (Node *) tle->expr);
}

/* Whether a target is in a PARTITION BY. */
static bool
is_partitioned_by(Query *query, TargetEntry *tle)
{
	ListCell   *lc;

	foreach(lc, query->windowClause)
	{
		if (in_clause(lfirst_node(WindowClause, lc)->partitionClause, tle))
			return true;
	}
	return false;
}

/* One output of a query that is no set operation; NULL if not plain. */
static Expr *
query_output(TvbBuilder *builder, TvbScope *scope, TargetEntry *tle, List *fuzzy)
{
	Query	   *query = scope->query;
	bool		grouped = query->groupClause != NIL;
	Expr	   *expr;

	if (query->limitCount || query->limitOffset || query->groupingSets)
		return NULL;
	if (!grouped && (query->hasAggs || query->havingQual))
		return NULL;
	if (grouped && !in_clause(query->groupClause, tle) && tvb_graph_any_row_of_group(query))
		return NULL;
	if (query->hasDistinctOn && !in_clause(query->distinctClause, tle))
		return NULL;
	expr = resolve_target(builder, scope, tle);
	if (expr == NULL)
		return NULL;
	if (grouped && contains_walker((Node *) tle->expr, fuzzy))
	{
		if (!list_member(fuzzy, tle->expr))
			return NULL;
		expr = tvb_graph_mark(expr);
	}
	/* what distinguishes equal values of a column that tells partitions apart is moved below the window by the planner */
	if (query->distinctClause || is_partitioned_by(query, tle))
		expr = tvb_graph_mark(expr);
	return expr;
}

/* Whether all members of an expression, and at least one, are inside of a query, or all outside. */
static bool
all_members(TvbBuilder *builder, TvbScope *scope, Expr *expr, bool inside)
{
	Bitmapset  *members = tvb_graph_members((Node *) expr);
	int			id = -1;

	if (bms_is_empty(members))
		return false;
	while ((id = bms_next_member(members, id)) >= 0)
	{
		if (bms_is_member(scope->id, tvb_graph_member(builder->graph, id)->scopes) != inside)
			return false;
	}
	return true;
}

/*
 * What WHERE, an inner ON or HAVING of a query sets equal to something of an outer query: it is the same in all rows of one
 * evaluation, so that the query's windows might as well name it in PARTITION BY.  Tests of an IN, in which the query stands
 * or which stands in it, are none: they hold above its windows, or for some row of the subselect.
 */
static List *
correlated_exprs(TvbBuilder *builder, TvbScope *scope)
{
	List	   *exprs = NIL;
	ListCell   *lc;

	foreach(lc, builder->graph->conjuncts)
	{
		TvbConjunct *conjunct = lfirst(lc);
		OpExpr	   *op = (OpExpr *) conjunct->expr;

		if (!conjunct->equality || !conjunct->strict || !bms_equal(conjunct->scopes, scope->scopes) ||
			!bms_equal(conjunct->shells, scope->shells) || !bms_is_subset(conjunct->nullable, scope->nullable))
			continue;
		for (int side = 0; side < 2; side++)
		{
			Expr	   *inner = list_nth(op->args, side);

			if (all_members(builder, scope, inner, true) &&
				all_members(builder, scope, list_nth(op->args, 1 - side), false) &&
				tvb_graph_equates(op, (Node *) inner))
				exprs = lappend(exprs, inner);
		}
	}
	return exprs;
}

/* Note a FULL JOIN in the FROM of a window's query. */
static void
note_sides(TvbWindow *window, Node *node)
{
	JoinExpr   *join = (JoinExpr *) node;
	ListCell   *lc;

	check_stack_depth();
	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			note_sides(window, lfirst(lc));
	}
	else if (IsA(node, JoinExpr))
	{
		window->sides = window->sides || join->jointype == JOIN_FULL;
		note_sides(window, join->larg);
		note_sides(window, join->rarg);
	}
}

/* Note of which variants the rows of a window's query are. */
static void
note_variants(TvbWindow *window, Query *query)
{
	Bitmapset  *used = tvb_expand_used(query);
	int			rtindex = -1;

	check_stack_depth();
	window->arms = window->arms || query->setOperations != NULL;
	note_sides(window, (Node *) query->jointree);
	while ((rtindex = bms_next_member(used, rtindex)) >= 0)
	{
		RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);

		if (rte->rtekind == RTE_SUBQUERY)
			note_variants(window, rte->subquery);
	}
}

/* Note the windows of a query. */
static void
add_windows(TvbBuilder *builder, TvbScope *scope, List *fuzzy)
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
		note_variants(window, scope->query);
		foreach(sgc, clause->partitionClause)
		{
			TargetEntry *tle = get_sortgroupclause_tle(lfirst_node(SortGroupClause, sgc),
													   scope->query->targetList);
			Expr	   *expr = NULL;

			if (is_same_in_group(scope->query, tle, fuzzy))
				expr = resolve_target(builder, scope, tle);
			if (expr && (expr = tvb_graph_unmark(expr)) != NULL)
				window->partition = lappend(window->partition, expr);
		}
		window->conjuncts = list_length(builder->graph->conjuncts);
		window->correlated = correlated_exprs(builder, scope);
		window->partition = list_concat(window->partition, window->correlated);
		builder->graph->windows = lappend(builder->graph->windows, window);
	}
}

/* FROM, WHERE, sublinks, windows and outputs of a query that is no set operation. */
static void
build_plain_query(TvbBuilder *builder, TvbScope *scope)
{
	Query	   *query = scope->query;
	TvbPlace	place = {scope, scope->nullable};
	List	   *fuzzy = fuzzy_groups(query);
	ListCell   *lc;

	if (query->groupClause || query->groupingSets || query->hasAggs || query->havingQual || query->distinctClause)
		scope->boxes = bms_add_member(bms_copy(scope->boxes), scope->id);
	if (query->groupingSets || ((query->hasAggs || query->havingQual) && query->groupClause == NIL))
		scope->shells = bms_add_member(bms_copy(scope->shells), scope->id);
	tvb_from_build(builder, scope, (Node *) query->jointree, scope->nullable);
	tvb_from_conditions(builder, &place, query->havingQual,
						query->groupClause != NIL && query->groupingSets == NIL && fuzzy == NIL &&
						!tvb_graph_any_row_of_group(query));
	tvb_from_sublinks(builder, &place, (Node *) query->targetList);
	foreach(lc, query->windowClause)
	{
		tvb_from_sublinks(builder, &place, lfirst_node(WindowClause, lc)->startOffset);
		tvb_from_sublinks(builder, &place, lfirst_node(WindowClause, lc)->endOffset);
	}
	add_windows(builder, scope, fuzzy);
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
build_recursive_ctes(TvbBuilder *builder, TvbScope *scope)
{
	ListCell   *lc;

	foreach(lc, scope->query->cteList)
		(void) tvb_graph_query(builder,
							   castNode(Query, lfirst_node(CommonTableExpr, lc)->ctequery),
							   scope, scope->boxes,
							   bms_add_member(bms_copy(scope->shells), builder->next_scope),
							   scope->nullable, "a recursive query");
}

/* Sublinks in LIMIT and OFFSET decide about rows everywhere. */
static void
build_limit(TvbBuilder *builder, TvbScope *scope)
{
	TvbPlace	place = {scope, scope->nullable};
	const char *saved = scope->opaque;

	scope->opaque = "a subquery in LIMIT or OFFSET";
	tvb_from_sublinks(builder, &place, scope->query->limitCount);
	tvb_from_sublinks(builder, &place, scope->query->limitOffset);
	scope->opaque = saved;
}

TvbScope *
tvb_graph_query(TvbBuilder *builder, Query *query, TvbScope *parent, Bitmapset *boxes,
				Bitmapset *shells, Bitmapset *nullable, const char *opaque)
{
	TvbScope   *scope = palloc0(sizeof(TvbScope));

	check_stack_depth();
	scope->id = builder->next_scope++;
	scope->parent = parent;
	scope->query = query;
	scope->rels = palloc0(sizeof(TvbRel) * (list_length(query->rtable) + 1));
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
		TvbBuilder	builder = {0};
		TvbScope   *top;

		if (list_length(graphs) >= MAX_VARIANTS)
			return NIL;
		builder.graph = palloc0(sizeof(TvbGraph));
		builder.next_scope = 1;
		builder.choices = choices;
		builder.widths = widths;
		top = tvb_graph_query(&builder, expanded, NULL, NULL, NULL, NULL, NULL);
		builder.graph->outputs = top->outputs;
		graphs = lappend(graphs, builder.graph);
		choices = builder.choices;
		widths = builder.widths;
	} while (next_variant(&choices, &widths));
	return graphs;
}
