/*-------------------------------------------------------------------------
 *
 * lineage_check.c
 *		Stage 3: what a view contains besides tables and conditions.
 *
 * Triggers see rows of tables.  Everything else that a result may depend on
 * is refused (volatile functions) or needs refresh_every (time, session,
 * catalogs, foreign tables, ...).  The server's own STABLE functions are let
 * through by name, when their result depends on arguments and on settings that
 * drains pin; a function on no list needs refresh_every.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "lineage.h"
#include "lineage_check.h"
#include "lineage_expand.h"
#include "lineage_names.h"

/* STABLE functions of the server that depend on arguments and pinned settings only; sorted. */
static const char *const stable_functions[] = {
	"anytextcat", "array_to_json", "array_to_string", "concat", "concat_ws",
	"convert", "convert_from", "convert_to", "date", "date_cmp_timestamptz",
	"date_eq_timestamptz", "date_ge_timestamptz", "date_gt_timestamptz",
	"date_le_timestamptz", "date_lt_timestamptz", "date_ne_timestamptz",
	"date_part", "date_trunc", "extract", "format", "generate_series",
	"in_range", "interval_pl_timestamptz", "json_agg", "json_agg_strict",
	"json_build_array", "json_build_object", "json_object_agg",
	"json_object_agg_strict", "json_object_agg_unique",
	"json_object_agg_unique_strict", "json_populate_record",
	"json_populate_recordset", "json_to_record", "json_to_recordset",
	"json_to_tsvector", "jsonb_agg", "jsonb_agg_strict", "jsonb_build_array",
	"jsonb_build_object", "jsonb_object_agg", "jsonb_object_agg_strict",
	"jsonb_object_agg_unique", "jsonb_object_agg_unique_strict",
	"jsonb_path_exists_tz", "jsonb_path_match_tz", "jsonb_path_query_array_tz",
	"jsonb_path_query_first_tz", "jsonb_path_query_tz", "jsonb_populate_record",
	"jsonb_populate_recordset", "jsonb_to_record", "jsonb_to_recordset",
	"jsonb_to_tsvector", "length", "make_timestamptz", "money", "numeric",
	"overlaps", "phraseto_tsquery", "plainto_tsquery", "quote_literal",
	"quote_nullable", "row_to_json", "textanycat", "time", "timestamp",
	"timestamp_cmp_timestamptz", "timestamp_eq_timestamptz",
	"timestamp_ge_timestamptz", "timestamp_gt_timestamptz",
	"timestamp_le_timestamptz", "timestamp_lt_timestamptz",
	"timestamp_ne_timestamptz", "timestamptz", "timestamptz_cmp_date",
	"timestamptz_cmp_timestamp", "timestamptz_eq_date",
	"timestamptz_eq_timestamp", "timestamptz_ge_date",
	"timestamptz_ge_timestamp", "timestamptz_gt_date",
	"timestamptz_gt_timestamp", "timestamptz_le_date",
	"timestamptz_le_timestamp", "timestamptz_lt_date",
	"timestamptz_lt_timestamp", "timestamptz_mi_interval",
	"timestamptz_ne_date", "timestamptz_ne_timestamp",
	"timestamptz_pl_interval", "timezone", "to_char", "to_date", "to_json",
	"to_jsonb", "to_number", "to_timestamp", "to_tsquery", "to_tsvector",
	"ts_headline", "ts_match_tq", "ts_match_tt", "websearch_to_tsquery", "xml",
	"xml_is_well_formed",
};

bool
tvb_check_listed(const char *name, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(list[i], name) == 0)
			return true;
	}
	return false;
}

/*
 * As check_functions_in_node, for the functions that an aggregate of the user's is made
 * of: its own volatility says nothing of theirs.
 */
static bool
check_aggregate(Node *node, check_function_callback checker, void *context)
{
	Oid			aggregate = InvalidOid;
	HeapTuple	tuple;
	bool		found = false;

	if (IsA(node, Aggref))
		aggregate = ((Aggref *) node)->aggfnoid;
	else if (IsA(node, WindowFunc) && ((WindowFunc *) node)->winagg)
		aggregate = ((WindowFunc *) node)->winfnoid;
	if (aggregate < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggregate));
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_aggregate form = (Form_pg_aggregate) GETSTRUCT(tuple);
		Oid			functions[] = {
			form->aggtransfn, form->aggfinalfn, form->aggcombinefn, form->aggserialfn, form->aggdeserialfn,
			form->aggmtransfn, form->aggminvtransfn, form->aggmfinalfn
		};

		for (int i = 0; !found && i < lengthof(functions); i++)
			found = OidIsValid(functions[i]) && checker(functions[i], context);
		ReleaseSysCache(tuple);
	}
	return found;
}

/* ---------- refused ---------- */

static bool
volatile_checker(Oid funcid, void *context)
{
	if (func_volatile(funcid) != PROVOLATILE_VOLATILE)
		return false;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("volatile function %s cannot be used in a TVIEW", format_procedure(funcid)),
			 errdetail("Its result changes without a change of any table."),
			 errhint("Store the value in a column of a table, or remove the function from the view.")));
	return true;
}

/* Refuse clauses that take rows for equal by another operator than the type's own, as keys and conditions do not. */
static void
check_grouping(Query *query, List *clauses)
{
	ListCell   *lc;

	foreach(lc, clauses)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);
		Oid			type = exprType(get_sortgroupclause_expr(clause, query->targetList));

		if (clause->eqop != lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("GROUP BY, DISTINCT and PARTITION BY by operator %s cannot be used in a TVIEW",
							format_operator(clause->eqop)),
					 errdetail("ORDER BY ... USING makes them compare by another operator than the equality of type %s.",
							   format_type_be(type)),
					 errhint("Order the rows outside of the view, or in a query of their own.")));
	}
}

/* Refuse a query level's own sins. */
static void
check_query_refused(Query *query)
{
	ListCell   *lc;

	if (query->rowMarks != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("FOR UPDATE and FOR SHARE cannot be used in a TVIEW"),
				 errhint("Remove the locking clause from the view.")));
	check_grouping(query, query->groupClause);
	check_grouping(query, query->distinctClause);
	foreach(lc, query->windowClause)
		check_grouping(query, lfirst_node(WindowClause, lc)->partitionClause);
	foreach(lc, query->rtable)
	{
		if (lfirst_node(RangeTblEntry, lc)->tablesample)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("TABLESAMPLE cannot be used in a TVIEW"),
					 errhint("Remove the sampling clause from the view.")));
	}
}

static bool
refused_walker(Node *node, List *queries)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		check_query_refused((Query *) node);
		(void) query_tree_walker((Query *) node, refused_walker,
								 lcons(node, list_copy(queries)), 0);
		return false;
	}
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;
		Query	   *query = list_nth_node(Query, queries, var->varlevelsup);

		if (var->varattno < 0 &&
			rt_fetch(var->varno, query->rtable)->rtekind == RTE_RELATION)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("system columns cannot be used in a TVIEW"),
					 errdetail("Their values change without a change of the row."),
					 errhint("Use columns of the tables only.")));
	}
	(void) check_functions_in_node(node, volatile_checker, NULL);
	(void) check_aggregate(node, volatile_checker, NULL);
	return expression_tree_walker(node, refused_walker, queries);
}

void
tvb_check_refused(Query *expanded)
{
	(void) refused_walker((Node *) expanded, NIL);
}

/* ---------- needs refresh_every ---------- */

/* Whether a function reads or writes the text form of a type: its settings are pinned. */
static bool
is_type_io(Form_pg_proc proc)
{
	if (proc->prorettype == CSTRINGOID)
		return true;
	for (int i = 0; i < proc->pronargs; i++)
	{
		if (proc->proargtypes.values[i] == CSTRINGOID)
			return true;
	}
	return false;
}

/* Time with time zone is shifted by today's rules. */
static bool
has_timetz(Form_pg_proc proc)
{
	for (int i = 0; i < proc->pronargs; i++)
	{
		if (proc->proargtypes.values[i] == TIMETZOID)
			return true;
	}
	return proc->prorettype == TIMETZOID;
}

/* Whether a STABLE function's result is determined by arguments and pinned settings. */
static bool
is_determined(Form_pg_proc proc)
{
	if (proc->pronamespace != PG_CATALOG_NAMESPACE || has_timetz(proc))
		return false;
	if (tvb_names_catalog_type(proc->prorettype) ||
		(proc->pronargs > 0 && tvb_names_catalog_type(proc->proargtypes.values[0])))
		return false;
	if (is_type_io(proc))
		return true;
	return tvb_check_listed(NameStr(proc->proname), stable_functions, lengthof(stable_functions));
}

static bool
unseen_checker(Oid funcid, void *context)
{
	const char **found = context;
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	Form_pg_proc proc;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", funcid);
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	if (proc->provolatile == PROVOLATILE_STABLE && !is_determined(proc))
		*found = psprintf("function %s", format_procedure(funcid));
	ReleaseSysCache(tuple);
	return *found != NULL;
}

/* Find what is neither a table's row nor determined by such. */
static bool
unseen_walker(Node *node, const char **found)
{
	if (node == NULL || *found)
		return *found != NULL;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, unseen_walker, found, 0);
	if (IsA(node, SQLValueFunction))
	{
		*found = "the current time, user or schema";
		return true;
	}
	if (IsA(node, NextValueExpr))
	{
		*found = "a sequence";
		return true;
	}
	if (check_functions_in_node(node, unseen_checker, found) || check_aggregate(node, unseen_checker, found))
		return true;
	return expression_tree_walker(node, unseen_walker, found);
}

/* Whether a function has to do with text search, by the types it takes and gives. */
static bool
text_search_checker(Oid funcid, void *context)
{
	Oid		   *types;
	int			n;
	Oid			result = get_func_signature(funcid, &types, &n);

	if (funcid == F_TS_MATCH_TT || result == TSVECTOROID || result == TSQUERYOID)
		return true;
	for (int i = 0; i < n; i++)
	{
		if (types[i] == TSVECTOROID || types[i] == TSQUERYOID || types[i] == REGCONFIGOID || types[i] == REGDICTIONARYOID)
			return true;
	}
	return false;
}

static bool
text_search_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, text_search_walker, context, 0);
	return check_functions_in_node(node, text_search_checker, context) ||
		expression_tree_walker(node, text_search_walker, context);
}

bool
tvb_check_text_search(Query *expanded)
{
	return text_search_walker((Node *) expanded, NULL);
}

static bool
json_types_walker(Node *node, List **types)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, json_types_walker, types, 0);
	if (tvb_compat_reads_json(node) && exprType(node) >= FirstNormalObjectId)
		*types = list_append_unique_oid(*types, exprType(node));
	return expression_tree_walker(node, json_types_walker, types);
}

List *
tvb_check_json_types(Query *expanded)
{
	List	   *types = NIL;

	(void) json_types_walker((Node *) expanded, &types);
	return types;
}

static bool
domains_walker(Node *node, List **types)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, domains_walker, types, 0);
	if (IsA(node, CoerceToDomain))
		*types = list_append_unique_oid(*types, ((CoerceToDomain *) node)->resulttype);
	return expression_tree_walker(node, domains_walker, types);
}

List *
tvb_check_domains(Query *expanded)
{
	List	   *types = NIL;

	(void) domains_walker((Node *) expanded, &types);
	return types;
}

/* Whether one of a relation's own kind cannot carry our triggers. */
static const char *
kind_uncaptured(Form_pg_class class, const char *name)
{
	switch (class->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			return NULL;
		case RELKIND_FOREIGN_TABLE:
			return psprintf("foreign table %s", name);
		case RELKIND_MATVIEW:
			return psprintf("materialized view %s", name);
		case RELKIND_SEQUENCE:
			return psprintf("sequence %s", name);
		default:
			return psprintf("relation %s", name);
	}
}

/* A foreign table among the descendants of a table, or NULL: it gives triggers no rows. */
static const char *
foreign_descendant(Oid relid)
{
	ListCell   *lc;

	if (!has_subclass(relid))
		return NULL;
	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_FOREIGN_TABLE)
			return psprintf("foreign table %s",
							quote_qualified_identifier(get_namespace_name(get_rel_namespace(lfirst_oid(lc))),
													   get_rel_name(lfirst_oid(lc))));
	}
	return NULL;
}

/* Whether a table is one of the extension's own. */
static bool
is_ours(Oid relid)
{
	Oid			extension = getExtensionOfObject(RelationRelationId, relid);

	return OidIsValid(extension) && extension == get_extension_oid("pg_tviews_batch", true);
}

bool
tvb_check_row_security(const TvbTable *table, Oid role)
{
	return check_enable_rls(table->rte->relid, role, true) == RLS_ENABLED ||
		(OidIsValid(table->reader) && check_enable_rls(table->rte->relid, table->reader, true) == RLS_ENABLED);
}

const char *
tvb_check_uncaptured(const TvbTable *table, Oid role)
{
	Oid			relid = table->rte->relid;
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class class;
	const char *name;
	const char *reason;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	class = (Form_pg_class) GETSTRUCT(tuple);
	name = quote_qualified_identifier(get_namespace_name(class->relnamespace),
									  NameStr(class->relname));
	if (relid < FirstNormalObjectId)
		reason = psprintf("system catalog %s", name);
	/* drains write these below the executor */
	else if (is_ours(relid))
		reason = psprintf("table %s of the extension", name);
	else if (class->relpersistence == RELPERSISTENCE_TEMP)
		reason = psprintf("temporary table %s", name);
	else
		reason = kind_uncaptured(class, name);
	ReleaseSysCache(tuple);
	if (reason == NULL)
		reason = foreign_descendant(relid);
	if (reason == NULL && tvb_check_row_security(table, role))
		reason = psprintf("row security of table %s", name);
	return reason;
}

const char *
tvb_check_unseen(Query *expanded, List *tables, Oid role)
{
	const char *found = NULL;
	ListCell   *lc;

	foreach(lc, tables)
	{
		found = tvb_check_uncaptured(lfirst(lc), role);
		if (found)
			return found;
	}
	(void) unseen_walker((Node *) expanded, &found);
	return found != NULL ? found : tvb_names_shown(expanded);
}
