/*-------------------------------------------------------------------------
 *
 * lineage.c
 *		Stage 3: a view's query tree -> routes.
 *
 * Pure: query tree in, routes and query texts out; catalogs are read, tables
 * are not.  The steps: write nested views and CTEs out (lineage_expand.c),
 * flatten each variant into a graph (lineage_graph.c), find ways in it
 * (lineage_way.c), write them out as queries (lineage_query.c, lineage_sql.c).
 *
 * The default is "full": a route exists only where every variant of the view
 * has a way from the occurrence to the key.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_attribute.h"
#include "catalog/pg_inherits.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "lineage.h"
#include "lineage_check.h"
#include "lineage_expand.h"
#include "lineage_graph.h"
#include "lineage_query.h"
#include "pushdown.h"

/* What is the same for all occurrences of a view. */
typedef struct Analysis
{
	List	   *variants;		/* TvbGraph * */
	List	   *key_attnos;		/* int */
	List	   *positions;		/* int: the refresh key's positions in
								 * key_attnos */
	List	   *targets;		/* TvbKeyTargets *, per variant; NIL without
								 * positions */
} Analysis;

/* ---------- the refresh key ---------- */

/*
 * The plain expression of a key column in a variant; NULL if it has none over
 * one member.  Columns of one side of a FULL JOIN are none: only what ON makes
 * equal on both sides, its merged columns, is known for rows of either side.
 */
static Expr *
key_expr(Analysis *analysis, TvbGraph *graph, int position)
{
	int			attno = list_nth_int(analysis->key_attnos, position);
	Expr	   *expr;

	if (attno > list_length(graph->outputs))
		return NULL;
	expr = list_nth(graph->outputs, attno - 1);
	if (expr)
		expr = tvb_graph_unmark(expr);
	if (expr)
	{
		Bitmapset  *members = tvb_graph_members((Node *) expr);
		int			id;

		if (bms_num_members(members) > 1)
			return NULL;
		if (bms_get_singleton_member(members, &id) &&
			bms_overlap(tvb_graph_member(graph, id)->nullable, graph->full_joins))
			return NULL;
	}
	return expr;
}

/* The member a key column comes from in a variant; 0: a constant. */
static int
key_carrier(Analysis *analysis, TvbGraph *graph, int position)
{
	Bitmapset  *members = tvb_graph_members((Node *) key_expr(analysis, graph, position));

	return bms_is_empty(members) ? 0 : bms_singleton_member(members);
}

/* A question about a key column in one variant. */
typedef bool (*PositionTest) (Analysis *analysis, TvbGraph *graph, int position);

static bool
is_plain(Analysis *analysis, TvbGraph *graph, int position)
{
	return key_expr(analysis, graph, position) != NULL;
}

static bool
is_stored(Analysis *analysis, TvbGraph *graph, int position)
{
	int			carrier = key_carrier(analysis, graph, position);

	return carrier == 0 || !tvb_graph_member(graph, carrier)->derived;
}

static bool
is_preserved(Analysis *analysis, TvbGraph *graph, int position)
{
	int			carrier = key_carrier(analysis, graph, position);

	return carrier == 0 || bms_is_empty(tvb_graph_member(graph, carrier)->nullable);
}

static bool
is_no_constant(Analysis *analysis, TvbGraph *graph, int position)
{
	return key_carrier(analysis, graph, position) != 0;
}

/* Whether a key column comes from the same member as the first of the refresh key. */
static bool
is_with_first(Analysis *analysis, TvbGraph *graph, int position)
{
	int			carrier = key_carrier(analysis, graph, position);

	return carrier == 0 ||
		carrier == key_carrier(analysis, graph, linitial_int(analysis->positions));
}

/* The positions that pass a test in all variants. */
static List *
passing(Analysis *analysis, List *positions, PositionTest test)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, positions)
	{
		ListCell   *variant;

		foreach(variant, analysis->variants)
		{
			if (!test(analysis, lfirst(variant), lfirst_int(lc)))
				break;
		}
		if (variant == NULL)
			result = lappend_int(result, lfirst_int(lc));
	}
	return result;
}

/* Keep only the positions that pass a test, if a column that is no constant does. */
static void
prefer(Analysis *analysis, PositionTest test)
{
	List	   *kept = passing(analysis, analysis->positions, test);

	if (passing(analysis, kept, is_no_constant) != NIL)
		analysis->positions = kept;
}

/*
 * Choose the refresh key: the part of the key that is traced.  Columns of
 * functions and of nullable sides are left to the comparison of whole rows
 * where other columns do; if nullable ones are all there is, those of one
 * member.
 */
static void
choose_positions(Analysis *analysis)
{
	List	   *all = NIL;
	List	   *columns;

	for (int i = 0; i < list_length(analysis->key_attnos); i++)
		all = lappend_int(all, i);
	analysis->positions = passing(analysis, all, is_plain);
	columns = passing(analysis, analysis->positions, is_no_constant);
	if (columns == NIL)
	{
		analysis->positions = NIL;
		return;
	}
	prefer(analysis, is_stored);
	prefer(analysis, is_preserved);
	if (list_length(passing(analysis, analysis->positions, is_preserved)) <
		list_length(analysis->positions))
	{
		int			first;

		columns = passing(analysis, analysis->positions, is_no_constant);
		first = linitial_int(columns);
		analysis->positions = lcons_int(first, list_delete_int(analysis->positions, first));
		analysis->positions = passing(analysis, analysis->positions, is_with_first);
		list_sort(analysis->positions, list_int_cmp);
	}
}

/* The targets that the refresh key's columns are in one variant. */
static TvbKeyTargets *
key_targets(Analysis *analysis, TvbGraph *graph)
{
	TvbKeyTargets *keys = palloc0(sizeof(TvbKeyTargets));
	int			at = 0;
	ListCell   *lc;

	foreach(lc, analysis->positions)
	{
		Expr	   *expr = key_expr(analysis, graph, lfirst_int(lc));
		int			carrier = key_carrier(analysis, graph, lfirst_int(lc));
		TvbTarget  *target = NULL;
		ListCell   *cell;

		if (carrier == 0)
		{
			keys->positions = lappend_int(keys->positions, at++);
			keys->constants = lappend(keys->constants, expr);
			continue;
		}
		foreach(cell, keys->targets)
		{
			if (((TvbTarget *) lfirst(cell))->carrier == carrier)
				target = lfirst(cell);
		}
		if (target == NULL)
		{
			target = palloc0(sizeof(TvbTarget));
			target->carrier = carrier;
			keys->targets = lappend(keys->targets, target);
			keys->nullable |= !bms_is_empty(tvb_graph_member(graph, carrier)->nullable);
		}
		target->positions = lappend_int(target->positions, at++);
		target->exprs = lappend(target->exprs, expr);
	}
	return keys;
}

/* The targets, and the ways to them, of all variants. */
static void
find_targets(Analysis *analysis)
{
	ListCell   *lc;

	if (analysis->positions == NIL)
		return;
	foreach(lc, analysis->variants)
	{
		TvbKeyTargets *targets = key_targets(analysis, lfirst(lc));

		tvb_query_find_ways(lfirst(lc), targets);
		analysis->targets = lappend(analysis->targets, targets);
	}
}

/* ---------- NULLs in keys ---------- */

/* Whether a conjunct of the top level says that a column is not NULL. */
static bool
conjunct_excludes_null(TvbConjunct *conjunct, Var *var)
{
	Expr	   *expr = conjunct->expr;
	ListCell   *lc;

	if (!bms_is_empty(conjunct->nullable) || !bms_is_empty(conjunct->shells))
		return false;
	if (IsA(expr, NullTest))
		return ((NullTest *) expr)->nulltesttype == IS_NOT_NULL &&
			equal(((NullTest *) expr)->arg, var);
	if (!IsA(expr, OpExpr) || !conjunct->strict)
		return false;
	foreach(lc, ((OpExpr *) expr)->args)
	{
		if (equal(lfirst(lc), var))
			return true;
	}
	return false;
}

/* Whether a column is NOT NULL in a table, and in all whose rows are read with it. */
static bool
is_not_null(RangeTblEntry *rte, AttrNumber attno)
{
	char	   *name = get_attname(rte->relid, attno, false);
	ListCell   *lc;

	if (tvb_graph_not_null(rte, attno, true))
		return true;
	if (!tvb_graph_not_null(rte, attno, false))
		return false;
	foreach(lc, find_all_inheritors(rte->relid, NoLock, NULL))
	{
		RangeTblEntry child = {.relid = lfirst_oid(lc)};

		if (!tvb_graph_not_null(&child, get_attnum(child.relid, name), false))
			return false;
	}
	return true;
}

/* Whether a column's NOT NULL constraint or a condition says it is never NULL. */
static bool
var_not_null(TvbGraph *graph, Var *var)
{
	TvbMember  *member = tvb_graph_member(graph, var->varno);
	ListCell   *lc;

	if (!bms_is_empty(member->nullable))
		return false;
	foreach(lc, graph->conjuncts)
	{
		if (conjunct_excludes_null(lfirst(lc), var))
			return true;
	}
	return member->rte->rtekind == RTE_RELATION && is_not_null(member->rte, var->varattno);
}

/* Whether a key column may be NULL in a variant, as far as the view's form says. */
static bool
output_nullable(TvbGraph *graph, int attno)
{
	Expr	   *expr = list_nth(graph->outputs, attno - 1);

	if (expr)
		expr = tvb_graph_unmark(expr);
	if (expr == NULL)
		return true;
	if (IsA(expr, Const))
		return ((Const *) expr)->constisnull;
	return !IsA(expr, Var) || !var_not_null(graph, (Var *) expr);
}

/* Whether any key column may be NULL. */
static bool
key_nullable(Analysis *analysis)
{
	ListCell   *variant;
	ListCell   *lc;

	foreach(variant, analysis->variants)
	{
		foreach(lc, analysis->key_attnos)
		{
			if (output_nullable(lfirst(variant), lfirst_int(lc)))
				return true;
		}
	}
	return analysis->variants == NIL;
}

/* The texts of the keyed query. */
static List *
keyed_texts(Analysis *analysis, Query *query, Oid role)
{
	List	   *attnos = NIL;
	Bitmapset  *nullable = NULL;
	ListCell   *lc;
	ListCell   *variant;

	foreach(lc, analysis->positions)
		attnos = lappend_int(attnos, list_nth_int(analysis->key_attnos, lfirst_int(lc)));
	foreach(lc, attnos)
	{
		foreach(variant, analysis->variants)
		{
			if (output_nullable(lfirst(variant), lfirst_int(lc)))
				nullable = bms_add_member(nullable, foreach_current_index(lc));
		}
	}
	return tvb_pushdown_texts(query, attnos, nullable, role);
}

/* ---------- occurrences ---------- */

/* Add what one variant says of a table; false when it has no way there. */
static bool
analyse_variant(TvbGraph *graph, TvbKeyTargets *targets, TvbTable *table,
				TvbOccurrence *occurrence, bool *found)
{
	ListCell   *lc;

	foreach(lc, graph->members)
	{
		TvbMember  *member = lfirst(lc);
		List	   *queries;

		if (member->rte != table->rte || !bms_is_subset(graph->passive, member->shells))
			continue;
		*found = true;
		queries = tvb_query_member(graph, member->id, targets, &occurrence->reason);
		if (queries == NIL)
			return false;
		occurrence->queries = list_concat(occurrence->queries, queries);
	}
	return true;
}

/* Leave out queries that say the same in the same words. */
static void
drop_duplicate_queries(TvbOccurrence *occurrence)
{
	List	   *kept = NIL;
	ListCell   *lc;

	foreach(lc, occurrence->queries)
	{
		TvbWayQuery *query = lfirst(lc);
		ListCell   *other;

		foreach(other, kept)
		{
			TvbWayQuery *seen = lfirst(other);

			if (strcmp(seen->sql, query->sql) == 0 &&
				equal(seen->link_attnos, query->link_attnos) &&
				equal(seen->key_positions, query->key_positions))
				break;
		}
		if (other == NULL)
			kept = lappend(kept, query);
	}
	occurrence->queries = kept;
}

/* Whether one of a table's columns is computed when it is read: a captured row does not have its value. */
static bool
any_virtual(Oid relid, List *attnos)
{
	ListCell   *lc;

	foreach(lc, attnos)
	{
		char		generated = get_attgenerated(relid, lfirst_int(lc));

		if (generated != '\0' && generated != ATTRIBUTE_GENERATED_STORED)
			return true;
	}
	return false;
}

/* Write the queries of an occurrence out; false when one cannot be trusted. */
static bool
write_queries(TvbOccurrence *occurrence)
{
	bool		linked = false;
	ListCell   *lc;

	foreach(lc, occurrence->queries)
	{
		TvbWayQuery *query = lfirst(lc);

		linked = linked || query->link_attnos != NIL;
		if (any_virtual(occurrence->relid, query->link_attnos))
		{
			occurrence->reason = "a virtual generated column decides, of a table that is read as whole rows";
			return false;
		}
		query->sql = tvb_query_sql(query);
		if (query->sql == NULL)
		{
			occurrence->reason = "an operator, function or cast of the lookup cannot be named in SQL";
			return false;
		}
	}
	if (!linked)
	{
		occurrence->reason = "no column of it decides which keys are touched";
		return false;
	}
	drop_duplicate_queries(occurrence);
	return true;
}

/* Why there is no way from a table in some variant, or NULL. */
static const char *
opaque_reason(Analysis *analysis, TvbTable *table)
{
	ListCell   *variant;
	ListCell   *lc;

	foreach(variant, analysis->variants)
	{
		foreach(lc, ((TvbGraph *) lfirst(variant))->members)
		{
			TvbMember  *member = lfirst(lc);

			if (member->rte == table->rte && member->opaque)
				return member->opaque;
		}
	}
	return NULL;
}

/* Find the queries of an occurrence; false, with a reason, when it is full. */
static bool
find_route(Analysis *analysis, TvbTable *table, TvbOccurrence *occurrence)
{
	bool		found = false;
	ListCell   *lc;
	ListCell   *targets;

	if (analysis->variants == NIL)
	{
		occurrence->reason = "too many combinations of set operations and FULL JOINs";
		return false;
	}
	if (analysis->positions == NIL)
	{
		occurrence->reason = opaque_reason(analysis, table);
		if (occurrence->reason == NULL)
			occurrence->reason = "no key column can be traced to a column of one table";
		return false;
	}
	forboth(lc, analysis->variants, targets, analysis->targets)
	{
		if (!analyse_variant(lfirst(lc), lfirst(targets), table, occurrence, &found))
			return false;
	}
	if (!found)
	{
		occurrence->reason = "the analysis did not reach it";
		return false;
	}
	return write_queries(occurrence);
}

/* The route of one table of the view. */
static TvbOccurrence *
analyse_table(Analysis *analysis, TvbTable *table, Oid role)
{
	TvbOccurrence *occurrence = palloc0(sizeof(TvbOccurrence));
	const char *uncaptured = tvb_check_uncaptured(table, role);
	ListCell   *lc;

	occurrence->relid = table->rte->relid;
	occurrence->alias = pstrdup(table->rte->eref->aliasname);
	occurrence->reads_all = table->reads_all;
	occurrence->reads = table->reads;
	occurrence->captured = uncaptured == NULL;
	occurrence->nested = table->nested;
	occurrence->kind = TVB_ROUTE_FULL;
	if (uncaptured)
	{
		occurrence->reason = psprintf("triggers do not see changes of %s", uncaptured);
		return occurrence;
	}
	if (!find_route(analysis, table, occurrence))
	{
		occurrence->queries = NIL;
		return occurrence;
	}
	occurrence->kind = TVB_ROUTE_DIRECT;
	foreach(lc, occurrence->queries)
	{
		if (!((TvbWayQuery *) lfirst(lc))->only_changed)
			occurrence->kind = TVB_ROUTE_LOOKUP;
	}
	return occurrence;
}

TvbLineage *
tvb_lineage_analyse(Query *query, List *key_attnos, Oid role)
{
	TvbLineage *lineage = palloc0(sizeof(TvbLineage));
	Query	   *expanded = tvb_expand_query(query);
	List	   *tables = tvb_expand_tables(expanded);
	Analysis	analysis = {NIL, key_attnos, NIL, NIL};
	ListCell   *lc;

	tvb_check_refused(expanded);
	lineage->needs_interval = tvb_check_unseen(expanded, tables, role);
	lineage->notes = tvb_check_notes(expanded);
	analysis.variants = tvb_graph_variants(expanded);
	if (analysis.variants)
		choose_positions(&analysis);
	find_targets(&analysis);
	foreach(lc, tables)
	{
		TvbOccurrence *occurrence = analyse_table(&analysis, lfirst(lc), role);

		lineage->occurrences = lappend(lineage->occurrences, occurrence);
	}
	lineage->refresh_positions = analysis.positions;
	lineage->key_nullable = key_nullable(&analysis);
	lineage->keyed = keyed_texts(&analysis, query, role);
	return lineage;
}

List *
tvb_lineage_sources(Query *query)
{
	List	   *oids = NIL;
	ListCell   *lc;

	foreach(lc, tvb_expand_tables(tvb_expand_query(query)))
		oids = list_append_unique_oid(oids, ((TvbTable *) lfirst(lc))->rte->relid);
	return oids;
}

bool
tvb_lineage_row_security(Query *query, Oid role)
{
	ListCell   *lc;

	foreach(lc, tvb_expand_tables(tvb_expand_query(query)))
	{
		if (tvb_check_row_security(lfirst(lc), role))
			return true;
	}
	return false;
}
