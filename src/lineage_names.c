/*-------------------------------------------------------------------------
 *
 * lineage_names.c
 *		Stage 3: where a view shows names that are looked up in catalogs.
 *
 * A regclass is a number; its text is a name, and ALTER TABLE ... RENAME changes that
 * without a row of any source.  Casts name the function that looks it up, and
 * lineage_check.c finds it there.  Functions that take values of any type (to_jsonb,
 * concat, format, ...), casts of arrays and rows, JSON and XML call it unseen.
 *
 * What fields a record has is not known from its type.  So a record counts as having
 * such a value if any column that the query names has one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "lineage_names.h"

typedef struct NamesContext
{
	bool		records;		/* whether a record may have such a value */
	const char *found;
} NamesContext;

bool
tvb_names_catalog_type(Oid type)
{
	switch (type)
	{
		case REGPROCOID:
		case REGPROCEDUREOID:
		case REGOPEROID:
		case REGOPERATOROID:
		case REGCLASSOID:
		case REGCOLLATIONOID:
		case REGTYPEOID:
		case REGROLEOID:
		case REGNAMESPACEOID:
		case REGCONFIGOID:
		case REGDICTIONARYOID:
		case ACLITEMOID:		/* names of roles */
			return true;
		default:
			return false;
	}
}

/* Whether values of a type are, or consist of, such that are looked up. */
static bool
type_has_names(Oid type, bool records)
{
	TupleDesc	desc;
	bool		found = false;

	check_stack_depth();
	type = getBaseType(type);
	if (OidIsValid(get_element_type(type)))
		return type_has_names(get_element_type(type), records);
	if (type == RECORDOID || type == RECORDARRAYOID)
		return records;
	if (!OidIsValid(get_typ_typrelid(type)))
		return tvb_names_catalog_type(type);
	desc = lookup_rowtype_tupdesc(type, -1);
	for (int i = 0; i < desc->natts && !found; i++)
		found = !TupleDescAttr(desc, i)->attisdropped && type_has_names(TupleDescAttr(desc, i)->atttypid, records);
	ReleaseTupleDesc(desc);
	return found;
}

/* The same of any of some expressions, which an aggregate has in entries. */
static bool
any_has_names(List *exprs, bool records)
{
	ListCell   *lc;

	foreach(lc, exprs)
	{
		Node	   *expr = lfirst(lc);

		if (IsA(expr, TargetEntry))
			expr = (Node *) ((TargetEntry *) expr)->expr;
		if (type_has_names(exprType(expr), records))
			return true;
	}
	return false;
}

/* Whether a column that a query names has such values. */
static bool
column_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, column_walker, context, 0);
	if (IsA(node, Var) && type_has_names(((Var *) node)->vartype, false))
		return true;
	return expression_tree_walker(node, column_walker, context);
}

/* Whether a function takes values of any type and depends on more than them: on how they are read or written. */
static bool
takes_any(Oid funcid)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(funcid));
	Form_pg_proc proc;
	bool		found = false;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", funcid);
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	for (int i = 0; i < proc->pronargs && !found && proc->provolatile == PROVOLATILE_STABLE; i++)
		found = get_typtype(proc->proargtypes.values[i]) == TYPTYPE_PSEUDO;
	ReleaseSysCache(tuple);
	return found;
}

static bool
takes_any_checker(Oid funcid, void *context)
{
	Oid		   *found = context;

	if (takes_any(funcid))
		*found = funcid;
	return OidIsValid(*found);
}

/* The expressions that go into a node's function. */
static List *
arguments(Node *node)
{
	switch (nodeTag(node))
	{
		case T_FuncExpr:
			return ((FuncExpr *) node)->args;
		case T_OpExpr:
			return ((OpExpr *) node)->args;
		case T_WindowFunc:
			return ((WindowFunc *) node)->args;
		case T_Aggref:
			return ((Aggref *) node)->args;
		default:
			return NIL;
	}
}

/* What a node does with such values that shows their names, or NULL. */
static const char *
shown_by(Node *node, bool records)
{
	Oid			function = InvalidOid;

	if (IsA(node, CoerceViaIO) &&
		(type_has_names(exprType((Node *) ((CoerceViaIO *) node)->arg), records) ||
		 type_has_names(((CoerceViaIO *) node)->resulttype, false)))
		return "a cast of names that are looked up in catalogs";
	if (IsA(node, XmlExpr) &&
		(any_has_names(((XmlExpr *) node)->args, records) || any_has_names(((XmlExpr *) node)->named_args, records)))
		return "XML of names that are looked up in catalogs";
	if (any_has_names(tvb_compat_json_arguments(node), records))
		return "JSON of names that are looked up in catalogs";
	if (tvb_compat_reads_json(node) && type_has_names(exprType(node), false))
		return "a value of JSON that is looked up in catalogs";
	if (any_has_names(arguments(node), records) && check_functions_in_node(node, takes_any_checker, &function))
		return psprintf("function %s of names that are looked up in catalogs", format_procedure(function));
	return NULL;
}

/* What stands in FROM and reads columns of such types out of JSON or XML, or NULL. */
static const char *
read_by(Query *query)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		List	   *types = rte->rtekind == RTE_TABLEFUNC ? rte->tablefunc->coltypes : NIL;
		ListCell   *cell;

		if (rte->rtekind == RTE_FUNCTION)
		{
			foreach(cell, rte->functions)
				types = list_concat_copy(types, lfirst_node(RangeTblFunction, cell)->funccoltypes);
		}
		foreach(cell, types)
		{
			if (type_has_names(lfirst_oid(cell), false))
				return "a column of JSON or XML that is looked up in catalogs";
		}
	}
	return NULL;
}

static bool
shown_walker(Node *node, NamesContext *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		context->found = read_by((Query *) node);
		return context->found != NULL || query_tree_walker((Query *) node, shown_walker, context, 0);
	}
	context->found = shown_by(node, context->records);
	return context->found != NULL || expression_tree_walker(node, shown_walker, context);
}

const char *
tvb_names_shown(Query *expanded)
{
	NamesContext context = {column_walker((Node *) expanded, NULL), NULL};

	(void) shown_walker((Node *) expanded, &context);
	return context.found;
}

static bool
written_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, written_walker, context, 0);
	if (IsA(node, Const) && !((Const *) node)->constisnull)
	{
		Oid			type = getBaseType(((Const *) node)->consttype);

		return type_has_names(type, false) && (type == ACLITEMOID || !tvb_names_catalog_type(type));
	}
	return expression_tree_walker(node, written_walker, context);
}

bool
tvb_names_written(Query *query)
{
	return written_walker((Node *) query, NULL);
}
