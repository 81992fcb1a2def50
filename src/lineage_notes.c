/*-------------------------------------------------------------------------
 *
 * lineage_notes.c
 *		Stage 3: what in a view depends on an order that is not total.
 *
 * Such results (jsonb_agg without ORDER BY, ties under a LIMIT, which of 1.0 and
 * 1.00 a group shows) may change without a change of data.  So may a date that is made of text, which the
 * clock decides if the text is 'today'.  They are accepted, and said: in a NOTICE at creation and in tviews_explain.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/tupdesc.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "lineage.h"
#include "lineage_check.h"
#include "lineage_expand.h"
#include "lineage_graph.h"

/* Aggregates whose result depends on the order of their input. */
static const char *const ordered_aggregates[] = {
	"array_agg", "json_agg", "json_agg_strict", "json_object_agg",
	"json_object_agg_strict", "json_object_agg_unique",
	"json_object_agg_unique_strict", "jsonb_agg", "jsonb_agg_strict",
	"jsonb_object_agg", "jsonb_object_agg_strict", "jsonb_object_agg_unique",
	"jsonb_object_agg_unique_strict", "string_agg", "xmlagg",
};

/* Aggregates whose result is one of several values that are equal. */
static const char *const choosing_aggregates[] = {
	"max", "min", "mode", "percentile_disc",
};

#define NOTE_CLOCK	"text is read as a date or time: the words now, today, tomorrow and yesterday in it depend on the clock"

#define NOTE_IMAGES	"which of several equal values (1.0, 1.00) is shown has no fixed order"

/* Window functions whose result depends on the order of rows. */
static const char *const ordered_windows[] = {
	"first_value", "lag", "last_value", "lead", "nth_value", "ntile", "row_number",
};

/* Whether a column is among some expressions. */
static bool
has_column(List *exprs, int varno, AttrNumber attno)
{
	ListCell   *lc;

	foreach(lc, exprs)
	{
		Var		   *var = lfirst(lc);

		if (IsA(var, Var) && var->varno == varno && var->varlevelsup == 0 && var->varattno == attno)
			return true;
	}
	return false;
}

/* Whether a table has rows of others that inherit from it, which are in none of its indexes. */
static bool
has_children(RangeTblEntry *rte)
{
	return rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_RELATION && rte->inh && has_subclass(rte->relid);
}

/* Whether what makes a query's rows unique may be such a table's key, taken on trust (lineage_key.c). */
static bool
trusts_children(Query *query)
{
	ListCell   *lc;

	check_stack_depth();
	if (query->groupClause != NIL)
		return false;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (has_children(rte) || (rte->rtekind == RTE_SUBQUERY && trusts_children(rte->subquery)))
			return true;
	}
	return false;
}

/* Whether exprs name all the columns that make a subquery's rows unique. */
static bool
covers_subquery_key(Query *subquery, int varno, List *exprs)
{
	List	   *key = trusts_children(subquery) ? NIL : tvb_lineage_unique_columns(subquery);
	ListCell   *lc;

	foreach(lc, key)
	{
		if (!has_column(exprs, varno, lfirst_int(lc)))
			return false;
	}
	return key != NIL;
}

/* Whether a list of sort expressions names all columns of a unique, immediate index of a table, none NULL. */
static bool
covers_unique_index(Query *query, int varno, List *exprs)
{
	RangeTblEntry *rte = rt_fetch(varno, query->rtable);
	Relation	relation;
	List	   *indexes;
	ListCell   *lc;
	bool		covered = false;

	if (rte->rtekind == RTE_SUBQUERY)
		return covers_subquery_key(rte->subquery, varno, exprs);
	if (rte->rtekind != RTE_RELATION || has_children(rte))
		return false;
	relation = relation_open(rte->relid, AccessShareLock);
	indexes = RelationGetIndexList(relation);
	foreach(lc, indexes)
	{
		List	   *columns = tvb_lineage_index_columns(relation, lfirst_oid(lc));
		bool		all = columns != NIL;
		ListCell   *column;

		foreach(column, columns)
		{
			AttrNumber	attno = lfirst_int(column);

			all = all && attno > 0 && has_column(exprs, varno, attno) &&
				tvb_compat_not_null(rte->relid, TupleDescAttr(RelationGetDescr(relation), attno - 1));
		}
		covered = covered || all;
	}
	list_free(indexes);
	relation_close(relation, AccessShareLock);
	return covered;
}

/* An equality of FROM's: columns of rels have no other value, or are NULL for want of a row. */
typedef struct Equal
{
	OpExpr	   *op;
	Bitmapset  *rels;
} Equal;

/* Append the equalities among some conditions. */
static List *
add_equalities(Node *quals, Bitmapset *rels, List *equalities)
{
	ListCell   *lc;

	foreach(lc, tvb_expand_conjuncts(quals))
	{
		OpExpr	   *op = lfirst(lc);
		Equal	   *equality;

		if (!IsA(op, OpExpr) || list_length(op->args) != 2 ||
			!op_mergejoinable(op->opno, exprType(linitial(op->args))))
			continue;
		equality = palloc(sizeof(Equal));
		equality->op = op;
		equality->rels = rels;
		equalities = lappend(equalities, equality);
	}
	return equalities;
}

/* Append the equalities of a FROM tree.  Those of an outer join tell the rows of its nullable side. */
static List *
from_equalities(Node *node, List *equalities)
{
	JoinExpr   *join = (JoinExpr *) node;
	ListCell   *lc;

	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			equalities = from_equalities(lfirst(lc), equalities);
		return add_equalities(((FromExpr *) node)->quals, tvb_compat_relids_in_jointree(node), equalities);
	}
	if (!IsA(node, JoinExpr))
		return equalities;
	equalities = from_equalities(join->rarg, from_equalities(join->larg, equalities));
	switch (join->jointype)
	{
		case JOIN_INNER:
			return add_equalities(join->quals, tvb_compat_relids_in_jointree(node), equalities);
		case JOIN_LEFT:
			return add_equalities(join->quals, tvb_compat_relids_in_jointree(join->rarg), equalities);
		case JOIN_RIGHT:
			return add_equalities(join->quals, tvb_compat_relids_in_jointree(join->larg), equalities);
		default:
			return equalities;
	}
}

/* Columns that are set equal to something over members whose row is told already. */
static List *
told_columns(List *equalities, Bitmapset *told)
{
	List	   *exprs = NIL;
	ListCell   *lc;

	foreach(lc, equalities)
	{
		Equal	   *equality = lfirst(lc);

		for (int side = 0; side < 2; side++)
		{
			Var		   *var = list_nth(equality->op->args, side);

			if (IsA(var, Var) && var->varlevelsup == 0 && bms_is_member(var->varno, equality->rels) &&
				tvb_graph_equates(equality->op, (Node *) var) &&
				bms_is_subset(tvb_compat_pull_varnos(list_nth(equality->op->args, 1 - side)), told))
				exprs = lappend(exprs, var);
		}
	}
	return exprs;
}

/*
 * Whether sorting by exprs leaves no ties among the rows of a query's FROM: of
 * every member a unique key is in it, or is set equal to columns of members
 * whose row is told already.
 */
static bool
order_is_total(Query *query, List *exprs)
{
	Bitmapset  *used;
	Bitmapset  *told = NULL;
	List	   *equalities;
	bool		grown = true;

	if (query->setOperations)
		return false;
	used = tvb_expand_used(query);
	equalities = from_equalities((Node *) query->jointree, NIL);
	while (grown)
	{
		List	   *columns = list_concat(list_copy(exprs), told_columns(equalities, told));
		int			varno = -1;

		grown = false;
		while ((varno = bms_next_member(used, varno)) >= 0)
		{
			if (bms_is_member(varno, told) || !covers_unique_index(query, varno, columns))
				continue;
			told = bms_add_member(told, varno);
			grown = true;
		}
	}
	return bms_is_subset(used, told);
}

/* The expressions of a sort list. */
static List *
sort_exprs(List *clauses, List *targets)
{
	List	   *exprs = NIL;
	ListCell   *lc;

	foreach(lc, clauses)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);

		exprs = lappend(exprs, get_sortgroupclause_tle(clause, targets)->expr);
	}
	return exprs;
}

/* Whether every group of a grouped query is told apart by exprs; groups of different grouping sets are not. */
static bool
groups_are_total(Query *query, List *exprs)
{
	ListCell   *lc;

	if (query->groupingSets)
		return false;
	foreach(lc, query->groupClause)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);

		if (!list_member(exprs, get_sortgroupclause_tle(clause, query->targetList)->expr))
			return false;
	}
	return true;
}

/* As order_is_total, for the rows that come out of a query's grouping. */
static bool
result_order_is_total(Query *query, List *exprs)
{
	if (query->groupClause)
		return groups_are_total(query, exprs);
	if (query->hasAggs)
		return true;			/* one row */
	return order_is_total(query, exprs);
}

typedef struct NotesContext
{
	List	   *notes;
	List	   *queries;
} NotesContext;

static void
add_note(NotesContext *context, const char *note)
{
	ListCell   *lc;

	foreach(lc, context->notes)
	{
		if (strcmp(lfirst(lc), note) == 0)
			return;
	}
	context->notes = lappend(context->notes, pstrdup(note));
}

/* Whether values of an expression may be equal without being identical. */
static bool
has_images(Oid type, int32 typmod, Oid collation)
{
	Oid			element;

	type = getBaseTypeAndTypmod(type, &typmod);
	element = get_element_type(type);
	if (OidIsValid(element))
		type = getBaseType(element);
	if ((type == NUMERICOID || type == BPCHAROID) && typmod >= 0)
		return false;			/* one scale, one length */
	return !tvb_graph_equal_is_identical(type, collation);
}

/* Whether an argument of an aggregate or window function, in an entry or not, has values that are equal without being identical. */
static bool
any_has_images(List *args)
{
	ListCell   *lc;

	foreach(lc, args)
	{
		Node	   *expr = lfirst(lc);

		if (IsA(expr, TargetEntry))
			expr = (Node *) ((TargetEntry *) expr)->expr;
		if (has_images(exprType(expr), exprTypmod(expr), exprCollation(expr)))
			return true;
	}
	return false;
}

static void
note_aggregate(Aggref *agg, NotesContext *context)
{
	char	   *name = get_func_name(agg->aggfnoid);
	Query	   *query;

	/* of a query around the one that is looked at */
	if (agg->agglevelsup >= list_length(context->queries))
		return;
	query = list_nth_node(Query, context->queries, agg->agglevelsup);
	if (get_func_namespace(agg->aggfnoid) != PG_CATALOG_NAMESPACE || name == NULL)
		return;
	if (any_has_images(agg->args) &&
		(agg->aggdistinct != NIL ? strcmp(name, "count") != 0
		 : tvb_check_listed(name, choosing_aggregates, lengthof(choosing_aggregates))))
		add_note(context, NOTE_IMAGES);
	if (strcmp(name, "any_value") == 0)
		add_note(context, "any_value(): which of the values it is has no fixed order");
	if (agg->aggdistinct == NIL && tvb_check_listed(name, ordered_aggregates, lengthof(ordered_aggregates)))
	{
		List	   *exprs = sort_exprs(agg->aggorder, agg->args);

		if (agg->aggorder == NIL)
			add_note(context, psprintf("%s() without ORDER BY: the order of its elements is not fixed", name));
		else if (!order_is_total(query, exprs) &&
				 (!list_member(exprs, linitial_node(TargetEntry, agg->args)->expr) ||
				  any_has_images(list_make1(linitial(agg->args)))))
			add_note(context, psprintf("%s(): rows that tie under its ORDER BY have no fixed order", name));
	}
	else if (agg->aggtype == FLOAT4OID || agg->aggtype == FLOAT8OID)
	{
		if (strcmp(name, "min") != 0 && strcmp(name, "max") != 0 &&
			agg->aggargtypes != NIL &&
			(linitial_oid(agg->aggargtypes) == FLOAT4OID || linitial_oid(agg->aggargtypes) == FLOAT8OID))
			add_note(context, psprintf("%s() of floating-point values: the last digits depend on their order", name));
	}
}

/* Whether a window's frame is less than the partition, and made of single rows: which ones, ties decide. */
static bool
has_frame_of_rows(WindowClause *clause)
{
	const int	whole = FRAMEOPTION_START_UNBOUNDED_PRECEDING | FRAMEOPTION_END_UNBOUNDED_FOLLOWING;

	return (clause->frameOptions & FRAMEOPTION_ROWS) != 0 &&
		((clause->frameOptions & whole) != whole || (clause->frameOptions & FRAMEOPTION_EXCLUSION) != 0);
}

/* Whether an aggregate adds floating-point values up. */
static bool
sums_floats(Oid result, List *args, const char *name)
{
	Oid			type;

	if ((result != FLOAT4OID && result != FLOAT8OID) || args == NIL || strcmp(name, "min") == 0 || strcmp(name, "max") == 0)
		return false;
	type = exprType(linitial(args));
	return type == FLOAT4OID || type == FLOAT8OID;
}

/* Whether the result of a window function depends on the order of rows that tie under exprs, by which its window is sorted. */
static bool
window_depends_on_order(WindowFunc *func, WindowClause *clause, const char *name, List *exprs)
{
	if (!func->winagg)
		return tvb_check_listed(name, ordered_windows, lengthof(ordered_windows));
	if (has_frame_of_rows(clause) || sums_floats(func->wintype, func->args, name))
		return true;
	return tvb_check_listed(name, ordered_aggregates, lengthof(ordered_aggregates)) &&
		(!list_member(exprs, linitial(func->args)) || any_has_images(list_make1(linitial(func->args))));
}

/* Whether rows that tie under a window's ORDER BY make a difference to a window function of the server's. */
static bool
window_has_ties(Query *query, WindowFunc *func)
{
	WindowClause *clause = list_nth_node(WindowClause, query->windowClause, func->winref - 1);
	char	   *name = get_func_name(func->winfnoid);
	List	   *exprs = list_concat(sort_exprs(clause->orderClause, query->targetList),
									sort_exprs(clause->partitionClause, query->targetList));

	return name != NULL && get_func_namespace(func->winfnoid) == PG_CATALOG_NAMESPACE &&
		window_depends_on_order(func, clause, name, exprs) && !result_order_is_total(query, exprs);
}

static void
note_window(WindowFunc *func, NotesContext *context)
{
	char	   *name = get_func_name(func->winfnoid);

	if (get_func_namespace(func->winfnoid) != PG_CATALOG_NAMESPACE || name == NULL)
		return;
	if (tvb_check_listed(name, choosing_aggregates, lengthof(choosing_aggregates)) && any_has_images(func->args))
		add_note(context, NOTE_IMAGES);
	if (window_has_ties(linitial_node(Query, context->queries), func))
		add_note(context, psprintf("%s(): rows that tie under its ORDER BY have no fixed order", name));
}

/* Whether all there is in a query's FROM is a function, which returns its rows in an order of its own. */
static bool
is_only_function(Query *query)
{
	int			rtindex;

	return query->setOperations == NULL && query->distinctClause == NIL && query->groupClause == NIL &&
		bms_get_singleton_member(tvb_expand_used(query), &rtindex) &&
		rt_fetch(rtindex, query->rtable)->rtekind == RTE_FUNCTION;
}

/* The order of what ARRAY (SELECT ...) puts together. */
static void
note_array(Query *query, NotesContext *context)
{
	List	   *exprs = sort_exprs(query->sortClause, query->targetList);
	Expr	   *element = linitial_node(TargetEntry, query->targetList)->expr;

	if (result_order_is_total(query, exprs) || is_only_function(query))
		return;
	if (query->sortClause == NIL)
		add_note(context, "ARRAY (SELECT ...) without ORDER BY: the order of its elements is not fixed");
	else if (!list_member(exprs, element) || any_has_images(list_make1(element)))
		add_note(context, "ARRAY (SELECT ... ORDER BY): rows that tie have no fixed order");
}

/* Whether a clause (GROUP BY, DISTINCT) shows one of several equal values of a column that its others do not tell. */
static bool
shows_any_image(Query *query, List *clause)
{
	List	   *exprs = sort_exprs(clause, query->targetList);
	ListCell   *lc;

	foreach(lc, clause)
	{
		TargetEntry *tle = get_sortgroupclause_tle(lfirst_node(SortGroupClause, lc), query->targetList);
		Var		   *var = (Var *) tle->expr;

		if (tle->resjunk || !has_images(exprType((Node *) var), exprTypmod((Node *) var), exprCollation((Node *) var)))
			continue;
		if (!IsA(var, Var) || var->varlevelsup > 0 || !covers_unique_index(query, var->varno, exprs))
			return true;
	}
	return false;
}

/* The same for a set operation that makes rows distinct. */
static bool
merges_images(Node *node)
{
	SetOperationStmt *op = (SetOperationStmt *) node;
	ListCell   *type;
	ListCell   *typmod;
	ListCell   *collation;

	if (node == NULL || !IsA(node, SetOperationStmt))
		return false;
	forthree(type, op->colTypes, typmod, op->colTypmods, collation, op->colCollations)
	{
		if (!op->all && has_images(lfirst_oid(type), lfirst_int(typmod), lfirst_oid(collation)))
			return true;
	}
	return merges_images(op->larg) || merges_images(op->rarg);
}

/* Whether reading values of a type from text may look at the clock: dates and times, and what has such in it. */
static bool
type_reads_clock(Oid type)
{
	TupleDesc	desc;
	bool		found = false;

	check_stack_depth();
	type = getBaseType(type);
	if (type == DATEOID || type == TIMEOID || type == TIMETZOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID)
		return true;
	if (OidIsValid(get_element_type(type)))
		return type_reads_clock(get_element_type(type));
	if (OidIsValid(get_multirange_range(type)))
		type = get_multirange_range(type);
	if (OidIsValid(get_range_subtype(type)))
		return type_reads_clock(get_range_subtype(type));
	if (!OidIsValid(get_typ_typrelid(type)))
		return false;
	desc = lookup_rowtype_tupdesc(type, -1);
	for (int i = 0; i < desc->natts && !found; i++)
		found = !TupleDescAttr(desc, i)->attisdropped && type_reads_clock(TupleDescAttr(desc, i)->atttypid);
	ReleaseTupleDesc(desc);
	return found;
}

/* The same for the columns of what stands in FROM. */
static bool
any_reads_clock(List *types)
{
	ListCell   *lc;

	foreach(lc, types)
	{
		if (type_reads_clock(lfirst_oid(lc)))
			return true;
	}
	return false;
}

/* Functions that read the columns of a row out of JSON, or a value out of its text form. */
static bool
reads_text(FuncExpr *func)
{
	static const char *const names[] = {
		"json_populate_record", "json_populate_recordset", "jsonb_populate_record", "jsonb_populate_recordset",
	};
	char	   *name = get_func_name(func->funcid);
	ListCell   *lc;

	foreach(lc, func->args)
	{
		if (exprType(lfirst(lc)) == CSTRINGOID)
			return true;
	}
	return name != NULL && get_func_namespace(func->funcid) == PG_CATALOG_NAMESPACE &&
		tvb_check_listed(name, names, lengthof(names));
}

/* Notes about columns that FROM reads out of JSON or XML. */
static void
note_entry(RangeTblEntry *rte, NotesContext *context)
{
	ListCell   *lc;

	if (rte->rtekind == RTE_TABLEFUNC && any_reads_clock(rte->tablefunc->coltypes))
		add_note(context, NOTE_CLOCK);
	if (rte->rtekind != RTE_FUNCTION)
		return;
	foreach(lc, rte->functions)
	{
		if (any_reads_clock(lfirst_node(RangeTblFunction, lc)->funccoltypes))
			add_note(context, NOTE_CLOCK);
	}
}

/* Notes about what reads values from text. */
static void
note_input(Node *node, NotesContext *context)
{
	if ((IsA(node, CoerceViaIO) || (IsA(node, FuncExpr) && reads_text((FuncExpr *) node)) || tvb_compat_reads_json(node)) &&
		type_reads_clock(exprType(node)))
		add_note(context, NOTE_CLOCK);
}

/* Whether which rows DISTINCT ON takes depends on how rows that tie are ordered. */
static bool
distinct_has_ties(Query *query)
{
	return query->hasDistinctOn && !result_order_is_total(query, sort_exprs(query->sortClause, query->targetList));
}

/* The same of LIMIT or OFFSET. */
static bool
limit_has_ties(Query *query)
{
	/* WITH TIES takes all that tie with the last row, but OFFSET may leave out some of those that tie with the first */
	return (query->limitCount || query->limitOffset) &&
		(query->limitOption != LIMIT_OPTION_WITH_TIES || query->limitOffset) &&
		!result_order_is_total(query, sort_exprs(query->sortClause, query->targetList));
}

/* Notes about a query level as a whole. */
static void
note_query(Query *query, NotesContext *context)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
		note_entry(lfirst_node(RangeTblEntry, lc), context);
	if ((query->groupingSets == NIL && shows_any_image(query, query->groupClause)) ||
		(!query->hasDistinctOn && shows_any_image(query, query->distinctClause)) ||
		merges_images(query->setOperations))
		add_note(context, NOTE_IMAGES);
	if (tvb_graph_any_row_of_group(query))
		add_note(context, "GROUP BY: the primary key does not tell rows of tables that inherit from its table; which of them is shown has no fixed order");
	if (distinct_has_ties(query))
		add_note(context, "DISTINCT ON: rows that tie under ORDER BY have no fixed order");
	if (limit_has_ties(query))
		add_note(context, "LIMIT or OFFSET: rows that tie under ORDER BY have no fixed order");
}

static bool
notes_walker(Node *node, NotesContext *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		List	   *saved = context->queries;

		note_query((Query *) node, context);
		context->queries = lcons(node, list_copy(saved));
		(void) query_tree_walker((Query *) node, notes_walker, context, 0);
		context->queries = saved;
		return false;
	}
	if (IsA(node, Aggref))
		note_aggregate((Aggref *) node, context);
	else if (IsA(node, WindowFunc))
		note_window((WindowFunc *) node, context);
	else if (IsA(node, SubLink) && ((SubLink *) node)->subLinkType == ARRAY_SUBLINK)
		note_array(castNode(Query, ((SubLink *) node)->subselect), context);
	else
		note_input(node, context);
	return expression_tree_walker(node, notes_walker, context);
}

List *
tvb_check_notes(Query *expanded)
{
	NotesContext context = {NIL, NIL};

	(void) notes_walker((Node *) expanded, &context);
	return context.notes;
}

bool
tvb_check_unsettled(Query *expanded)
{
	ListCell   *lc;

	foreach(lc, tvb_check_notes(expanded))
	{
		if (strcmp(lfirst(lc), NOTE_IMAGES) != 0 && strcmp(lfirst(lc), NOTE_CLOCK) != 0)
			return true;
	}
	return false;
}

bool
tvb_check_images(Query *expanded)
{
	ListCell   *lc;

	foreach(lc, tvb_check_notes(expanded))
	{
		if (strcmp(lfirst(lc), NOTE_IMAGES) == 0)
			return true;
	}
	return false;
}

/* query: the one that is gone through, NULL at first */
static bool
chooses_walker(Node *node, Query *query)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return ((RangeTblEntry *) node)->rtekind == RTE_CTE;
	if (IsA(node, Query))
		return distinct_has_ties((Query *) node) || limit_has_ties((Query *) node) ||
			tvb_graph_any_row_of_group((Query *) node) ||
			query_tree_walker((Query *) node, chooses_walker, node, QTW_EXAMINE_RTES_BEFORE);
	if (IsA(node, WindowFunc) && window_has_ties(query, (WindowFunc *) node))
		return true;
	return expression_tree_walker(node, chooses_walker, query);
}

bool
tvb_check_chooses(Query *expanded, const Bitmapset *columns)
{
	Query	   *query = makeNode(Query);
	ListCell   *lc;

	*query = *expanded;
	query->targetList = NIL;
	foreach(lc, expanded->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (tle->ressortgroupref != 0 || bms_is_member(tle->resno, columns))
			query->targetList = lappend(query->targetList, tle);
	}
	return chooses_walker((Node *) query, NULL);
}
