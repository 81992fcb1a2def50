/*-------------------------------------------------------------------------
 *
 * evaluate.c
 *		The texts of the queries that put a view's rows beside a TVIEW's.
 *
 * Tables are not touched here, only catalogs.  For a TVIEW public.tv_product with the columns
 * pk and doc, key pk, and some keys, these are the view's rows (keyed: pushdown.c)
 *
 *	SELECT s.pk, s.doc FROM (<keyed view>) AS s (pk, doc) WHERE <filter on s>
 *
 * and, where stored rows may be left over (writes.c), these
 *
 *	SELECT s.ctid, s.pk, s.doc FROM ONLY public.tv_product AS s WHERE <filter on s> ORDER BY s.ctid
 *
 * For a range or the whole, and for keys where stored rows cannot be found by index, one query joins both:
 *
 *	SELECT o.tid, n.present, NULL::pg_catalog.int8, n.c1, n.c2, o.c1, o.c2
 *	FROM (SELECT true, s.pk, s.doc FROM public.v_product AS s WHERE <filter on s> OFFSET 0)
 *		   AS n (present, c1, c2)
 *		 FULL JOIN
 *		 (SELECT s.ctid, s.pk, s.doc FROM ONLY public.tv_product AS s WHERE <filter on s>)
 *		   AS o (tid, c1, c2)
 *		 ON (n.c1 OPERATOR(pg_catalog.=) o.c1)
 *
 * In a comparison of a range or of the whole the third column is the number of stored rows,
 * (SELECT pg_catalog.count(*) FROM ONLY public.tv_product AS s WHERE <filter on s>).
 *
 * Where no unique index of the key's says so, a key may have come to have two stored rows.  Then those of each key are numbered, and
 * the view's row is joined to the first:  AND n.nth = o.nth, with 1 AS nth in n, and in o
 * row_number() OVER (PARTITION BY s.pk ORDER BY s.ctid).  What is joined to nothing is deleted.
 *
 * OFFSET 0 keeps the view's expressions below the FULL JOIN: the planner takes casts to domains for
 * strict, and above the join they would meet NULLs that the view never has.
 *
 * Columns are renamed so that no name of the user's can clash.  The filter is
 *
 *	s.pk OPERATOR(pg_catalog.=) ANY ($1)
 *
 * or, for several columns, that for each of them (it is what an index can use)
 * and a semi-join with the exact combinations; columns that are NULL in all
 * combinations get IS NULL.
 *
 * Values are always compared with the equality of the type's default btree
 * operator class, the one that the TVIEW's unique index enforces, whatever
 * schema it lives in.  Columns that can be NULL are joined as one-element
 * arrays, for which NULL equals NULL, and which can be hashed and merged as a FULL JOIN
 * wants; as records where there are no such arrays.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_operator.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "evaluate.h"
#include "probe.h"
#include "pushdown.h"
#include "range.h"

/* What matters of a TVIEW's column. */
typedef struct Column
{
	Oid			type;			/* base type of a domain */
	bool		not_null;
} Column;

static Column get_column(Oid relid, const char *name);
static char *equality(Oid type);
static Oid	equality_operator(Oid type);
static void append_columns(StringInfo sql, List *columns, const char *alias);
static void append_aliases(StringInfo sql, int n, const char *prefix);
static void append_where(StringInfo sql, const TvbFilter *filter, const char *alias);
static void append_count(StringInfo sql, const TvbTview *tview, const TvbFilter *filter);
static void append_number(StringInfo sql, const TvbTview *tview);
static bool append_arrays(StringInfo sql, const TvbFilter *filter, const char *alias);
static void append_exact(StringInfo sql, const TvbFilter *filter, const char *alias);
static void append_keyed(StringInfo sql, const TvbTview *tview, const char *keyed);
static void append_names(StringInfo sql, List *columns);
static void append_view(StringInfo sql, const TvbTview *tview, const TvbFilter *filter);
static void append_join(StringInfo sql, const TvbTview *tview, const TvbFilter *filter);
static void append_join_term(StringInfo sql, const Column *column, int position);
static bool is_known_null(const TvbFilter *filter, const char *name);
static bool equal_names(List *a, List *b);
static int	position_of(List *columns, const char *name);

bool
tvb_evaluate_travels_in_array(Oid type)
{
	return !OidIsValid(get_base_element_type(type)) && OidIsValid(get_array_type(type));
}

const char *
tvb_evaluate_is_null(Oid type)
{
	return type_is_rowtype(type) ? "IS NOT DISTINCT FROM NULL" : "IS NULL";
}

List *
tvb_evaluate_equality_name(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(equality_operator(type)));
	Form_pg_operator form;
	List	   *name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for the equality operator of type %u", type);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	name = list_make2(makeString(get_namespace_name(form->oprnamespace)),
					  makeString(pstrdup(NameStr(form->oprname))));
	ReleaseSysCache(tuple);
	return name;
}

bool
tvb_evaluate_has_param(const TvbFilter *filter, int i)
{
	if (bms_is_member(i, filter->nulls))
		return false;
	return tvb_evaluate_travels_in_array(get_column(filter->relid, list_nth(filter->columns, i)).type);
}

bool
tvb_evaluate_needs_keys(const TvbFilter *filter)
{
	int			nvalues = list_length(filter->columns) - bms_num_members(filter->nulls);

	if (nvalues > 1)
		return true;
	for (int i = 0; i < list_length(filter->columns); i++)
	{
		if (!bms_is_member(i, filter->nulls) && !tvb_evaluate_has_param(filter, i))
			return true;
	}
	return false;
}

void
tvb_evaluate_filter(StringInfo sql, const TvbFilter *filter, const char *alias)
{
	bool		any;

	if (filter->range != NULL)
	{
		tvb_range_condition(sql, filter->range, alias);
		return;
	}
	any = append_arrays(sql, filter, alias);
	if (!tvb_evaluate_needs_keys(filter))
		return;
	if (any)
		appendStringInfoString(sql, " AND ");
	append_exact(sql, filter, alias);
}

char *
tvb_evaluate_pairs_sql(const TvbTview *tview, const TvbFilter *filter)
{
	int			n = list_length(tview->columns);
	bool		numbered = !OidIsValid(tvb_probe_index(tview));
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT o.tid, n.present, ");
	append_count(&sql, tview, filter);
	appendStringInfoString(&sql, ", ");
	append_aliases(&sql, n, "n.");
	appendStringInfoString(&sql, ", ");
	append_aliases(&sql, n, "o.");

	appendStringInfoString(&sql, " FROM (SELECT true, ");
	append_columns(&sql, tview->columns, "s");
	appendStringInfoString(&sql, numbered ? ", 1::pg_catalog.int8" : "");
	append_view(&sql, tview, filter);
	appendStringInfoString(&sql, " OFFSET 0) AS n (present, ");
	append_aliases(&sql, n, "");

	appendStringInfo(&sql, "%s) FULL JOIN (SELECT s.ctid, ", numbered ? ", nth" : "");
	append_columns(&sql, tview->columns, "s");
	if (numbered)
		append_number(&sql, tview);
	appendStringInfo(&sql, " FROM ONLY %s AS s", tview->name);
	append_where(&sql, filter, "s");
	appendStringInfoString(&sql, ") AS o (tid, ");
	append_aliases(&sql, n, "");
	appendStringInfo(&sql, "%s) ON (", numbered ? ", nth" : "");
	append_join(&sql, tview, filter);
	appendStringInfo(&sql, "%s)", numbered ? " AND n.nth OPERATOR(pg_catalog.=) o.nth" : "");
	return sql.data;
}

char *
tvb_evaluate_view_sql(const TvbTview *tview, const TvbFilter *filter)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	append_columns(&sql, tview->columns, "s");
	append_view(&sql, tview, filter);
	return sql.data;
}

char *
tvb_evaluate_stored_sql(const TvbTview *tview, const TvbFilter *filter)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT s.ctid, ");
	append_columns(&sql, tview->columns, "s");
	appendStringInfo(&sql, " FROM ONLY %s AS s", tview->name);
	append_where(&sql, filter, "s");
	appendStringInfoString(&sql, " ORDER BY s.ctid");
	return sql.data;
}

char *
tvb_evaluate_duplicate_sql(const TvbTview *tview, const TvbFilter *filter)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT pg_catalog.concat_ws(', '");
	foreach(lc, tview->key)
		appendStringInfo(&sql, ", COALESCE(s.%s::pg_catalog.text, 'null')",
						 quote_identifier(lfirst(lc)));
	appendStringInfo(&sql, ") FROM %s AS s", tview->view_name);
	append_where(&sql, filter, "s");
	appendStringInfoString(&sql, " GROUP BY ");
	append_columns(&sql, tview->key, "s");
	appendStringInfoString(&sql, " HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1 LIMIT 1");
	return sql.data;
}

char *
tvb_evaluate_all_keys_sql(const TvbTview *tview, const TvbFilter *filter)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	append_columns(&sql, tview->refresh_key, "s");
	appendStringInfo(&sql, " FROM %s AS s", tview->view_name);
	append_where(&sql, filter, "s");
	appendStringInfoString(&sql, " UNION ALL SELECT ");
	append_columns(&sql, tview->refresh_key, "s");
	appendStringInfo(&sql, " FROM ONLY %s AS s", tview->name);
	append_where(&sql, filter, "s");
	return sql.data;
}

/* Look up a column that exists. */
static Column
get_column(Oid relid, const char *name)
{
	HeapTuple	tuple = SearchSysCacheAttName(relid, name);
	Form_pg_attribute att;
	Column		column;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of TVIEW \"%s\" does not exist",
						name, get_rel_name(relid))));
	att = (Form_pg_attribute) GETSTRUCT(tuple);
	column.type = getBaseType(att->atttypid);
	column.not_null = tvb_compat_not_null(relid, att);
	ReleaseSysCache(tuple);
	return column;
}

/* OPERATOR(schema.=) of a type's default btree equality. */
static char *
equality(Oid type)
{
	List	   *name = tvb_evaluate_equality_name(type);

	return psprintf("OPERATOR(%s.%s)", quote_identifier(strVal(linitial(name))),
					strVal(lsecond(name)));
}

/* The operator itself, or an error. */
static Oid
equality_operator(Oid type)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR);

	if (!OidIsValid(entry->eq_opr))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify an equality operator for type %s",
						format_type_be(type))));
	return entry->eq_opr;
}

/* a.x, a.y, ... */
static void
append_columns(StringInfo sql, List *columns, const char *alias)
{
	ListCell   *lc;

	foreach(lc, columns)
		appendStringInfo(sql, "%s%s.%s", foreach_current_index(lc) > 0 ? ", " : "",
						 alias, quote_identifier(lfirst(lc)));
}

/* n.c1, n.c2, ... */
static void
append_aliases(StringInfo sql, int n, const char *prefix)
{
	for (int i = 1; i <= n; i++)
		appendStringInfo(sql, "%s%sc%d", i > 1 ? ", " : "", prefix, i);
}

/* The condition on each column by itself; false if no column can have one. */
static bool
append_arrays(StringInfo sql, const TvbFilter *filter, const char *alias)
{
	const char *separator = "";
	int			nparams = 0;

	for (int i = 0; i < list_length(filter->columns); i++)
	{
		const char *name = list_nth(filter->columns, i);
		const char *quoted = quote_identifier(name);

		if (bms_is_member(i, filter->nulls))
			appendStringInfo(sql, "%s%s.%s %s", separator, alias, quoted,
							 tvb_evaluate_is_null(get_column(filter->relid, name).type));
		else if (tvb_evaluate_has_param(filter, i))
			appendStringInfo(sql, "%s%s.%s %s ANY ($%d)", separator, alias, quoted,
							 equality(get_column(filter->relid, name).type), ++nparams);
		else
			continue;
		separator = " AND ";
	}
	return separator[0] != '\0';
}

/* The condition on the columns together. */
static void
append_exact(StringInfo sql, const TvbFilter *filter, const char *alias)
{
	const char *separator = "";

	appendStringInfoString(sql, "EXISTS (SELECT 1 FROM " TVB_EVALUATE_KEYS " AS k WHERE ");
	for (int i = 0; i < list_length(filter->columns); i++)
	{
		const char *name = list_nth(filter->columns, i);

		if (bms_is_member(i, filter->nulls))
			continue;
		appendStringInfo(sql, "%s%s.%s %s k.k%d", separator, alias, quote_identifier(name),
						 equality(get_column(filter->relid, name).type), i + 1);
		separator = " AND ";
	}
	appendStringInfoChar(sql, ')');
}

/* WHERE filter, if there is one. */
static void
append_where(StringInfo sql, const TvbFilter *filter, const char *alias)
{
	if (filter == NULL)
		return;
	appendStringInfoString(sql, " WHERE ");
	tvb_evaluate_filter(sql, filter, alias);
}

/* The number of stored rows; NULL for keys: reading these rows twice would cost more than to remember them. */
static void
append_count(StringInfo sql, const TvbTview *tview, const TvbFilter *filter)
{
	if (filter != NULL && filter->range == NULL)
		appendStringInfoString(sql, "NULL::pg_catalog.int8");
	else
	{
		appendStringInfo(sql, "(SELECT pg_catalog.count(*) FROM ONLY %s AS s", tview->name);
		append_where(sql, filter, "s");
		appendStringInfoChar(sql, ')');
	}
}

/* The number of a stored row among those of its key. */
static void
append_number(StringInfo sql, const TvbTview *tview)
{
	appendStringInfoString(sql, ", pg_catalog.row_number() OVER (PARTITION BY ");
	append_columns(sql, tview->key, "s");
	appendStringInfoString(sql, " ORDER BY s.ctid)");
}

/*
 * FROM the view, or what stands for it when there are keys, and WHERE.  Of a key of several columns the planner
 * expects far fewer rows than there are, and would go through grouped subqueries once per key:
 * so the columns together are looked at last, behind OFFSET 0.
 */
static void
append_view(StringInfo sql, const TvbTview *tview, const TvbFilter *filter)
{
	const char *keyed = NULL;
	StringInfoData arrays;

	if (filter != NULL && filter->range == NULL && equal_names(filter->columns, tview->refresh_key))
		keyed = tvb_pushdown_text(tview->keyed, filter->nulls);
	if (keyed == NULL)
	{
		appendStringInfo(sql, " FROM %s AS s", tview->view_name);
		append_where(sql, filter, "s");
		return;
	}
	initStringInfo(&arrays);
	if (tvb_evaluate_needs_keys(filter) && append_arrays(&arrays, filter, "s"))
	{
		appendStringInfoString(sql, " FROM (SELECT ");
		append_columns(sql, tview->columns, "s");
		append_keyed(sql, tview, keyed);
		appendStringInfo(sql, " WHERE %s OFFSET 0) AS s WHERE ", arrays.data);
		append_exact(sql, filter, "s");
		return;
	}
	append_keyed(sql, tview, keyed);
	append_where(sql, filter, "s");
}

/* FROM the keyed text, with the view's column names. */
static void
append_keyed(StringInfo sql, const TvbTview *tview, const char *keyed)
{
	appendStringInfo(sql, " FROM (%s) AS s (", keyed);
	append_names(sql, tview->columns);
	appendStringInfoChar(sql, ')');
}

/* x, y, ... */
static void
append_names(StringInfo sql, List *columns)
{
	ListCell   *lc;

	foreach(lc, columns)
		appendStringInfo(sql, "%s%s", foreach_current_index(lc) > 0 ? ", " : "",
						 quote_identifier(lfirst(lc)));
}

/* Whether two lists have the same names in the same order. */
static bool
equal_names(List *a, List *b)
{
	ListCell   *left;
	ListCell   *right;

	if (list_length(a) != list_length(b))
		return false;
	forboth(left, a, right, b)
	{
		if (strcmp(lfirst(left), lfirst(right)) != 0)
			return false;
	}
	return true;
}

/* The join on the whole key.  Columns the filter holds at NULL need no term, unless none is left. */
static void
append_join(StringInfo sql, const TvbTview *tview, const TvbFilter *filter)
{
	bool		any = false;
	ListCell   *lc;

	for (int pass = 0; pass < 2 && !any; pass++)
	{
		foreach(lc, tview->key)
		{
			const char *name = lfirst(lc);
			Column		column = get_column(tview->relid, name);

			if (pass == 0 && is_known_null(filter, name))
				continue;
			if (filter != NULL && position_of(filter->columns, name) >= 0 &&
				!is_known_null(filter, name))
				column.not_null = true; /* the filter's equality is strict */
			appendStringInfoString(sql, any ? " AND " : "");
			append_join_term(sql, &column, position_of(tview->columns, name) + 1);
			any = true;
		}
	}
}

/* NULL-safe equality of column c<position> that hash and merge joins can use. */
static void
append_join_term(StringInfo sql, const Column *column, int position)
{
	Oid			operator = equality_operator(column->type);

	if (position <= 0)
		elog(ERROR, "key column is not a column of the view");
	if (column->not_null &&
		(op_mergejoinable(operator, column->type) || op_hashjoinable(operator, column->type)))
		appendStringInfo(sql, "n.c%d %s o.c%d", position, equality(column->type), position);
	else if (tvb_evaluate_travels_in_array(column->type))
		appendStringInfo(sql, "ARRAY[n.c%d] OPERATOR(pg_catalog.=) ARRAY[o.c%d]",
						 position, position);
	else
		appendStringInfo(sql, "ROW(n.c%d)::pg_catalog.record OPERATOR(pg_catalog.=) ROW(o.c%d)::pg_catalog.record",
						 position, position);
}

/* Whether the filter lets only NULL through in a column. */
static bool
is_known_null(const TvbFilter *filter, const char *name)
{
	int			position = filter ? position_of(filter->columns, name) : -1;

	return position >= 0 && bms_is_member(position, filter->nulls);
}

/* Position of a name in a list, from 0; -1: it is not there. */
static int
position_of(List *columns, const char *name)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return foreach_current_index(lc);
	}
	return -1;
}
