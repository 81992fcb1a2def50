/*-------------------------------------------------------------------------
 *
 * range.c
 *		A TVIEW's keys in ranges of their order.
 *
 * A comparison in steps walks through the refresh key in the order of its types' default btree
 * operator classes.  Each range is a condition on one column that indexes can use
 * and that the planner takes down into the view:
 *
 *		s.a OPERATOR(pg_catalog.>=) $1 AND s.a OPERATOR(pg_catalog.<) $2
 *
 * NULLs come last and are a range of their own.  Where the TVIEW's column cannot have any, those that the view has
 * all the same (a NOT NULL was dropped, or the view replaced) belong to the last range: they fail there, and that is told.
 *
 * When one value of the first column has more rows than a range should, the walk goes down to the second
 * column for this value, and so on:
 *
 *		s.a OPERATOR(pg_catalog.=) ANY (ARRAY[$1]) AND s.b OPERATOR(pg_catalog.>=) $2 AND ...
 *
 * and then on with what is above the value.  Where a range ends is asked of
 * the view and of the stored rows, as each may have rows that the other lacks: the
 * nearer of the two.
 *
 * Invariant: the ranges of a walk are disjoint and cover every possible key, so a row of the view and
 * the stored row of the same key are met together, once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_operator.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "evaluate.h"
#include "range.h"

/* What stands before the values of a packed beginning. */
#define HAS_LOWER 1
#define ABOVE 2
#define ONLY_NULLS 4
#define HEADER_BYTES 3

/* Keeps the one row of a query for an end. */
typedef struct EndReceiver
{
	DestReceiver pub;
	const TvbRange *range;
	bool		found;
	Datum		value;			/* in the range's context */
	bool		is_lower;		/* it is equal to the range's lower end */
} EndReceiver;

static TvbRange *make_range(const TvbTview *tview);
static bool find_end(TvbRun *run, const TvbTview *tview, TvbRange *range, int64 step,
					 bool *is_lower);
static void descend(TvbRange *range);
static void append_side(StringInfo sql, const char *relation, const TvbRange *range, int64 step);
static void append_condition(StringInfo sql, const TvbRange *range, const char *alias, bool sorted, bool with_nulls);
static int	append_prefix(StringInfo sql, const TvbRange *range, const char *alias, bool sorted);
static void append_order(StringInfo sql, const TvbRange *range, const char *alias);
static void append_is_null(StringInfo sql, const TvbRange *range, const char *alias);
static void append_comparison(StringInfo sql, const TvbRange *range, const char *alias,
							  int strategy, int param);
static const char *column_name(const TvbRange *range);
static Oid	column_type(const TvbRange *range, int i);
static bool column_nullable(const TvbRange *range);
static char *operator_phrase(Oid type, int strategy);
static Datum copy_value(const TvbRange *range, Datum value);
static void end_startup(DestReceiver *self, int operation, TupleDesc typeinfo);
static bool end_receive(TupleTableSlot *slot, DestReceiver *self);
static void end_shutdown(DestReceiver *self);

TvbRange *
tvb_range_begin(const TvbTview *tview)
{
	return make_range(tview);
}

bool
tvb_range_is_all(const TvbRange *range)
{
	return range->depth == 0 && !range->has_lower && !range->has_upper && !range->only_nulls;
}

void
tvb_range_find_end(TvbRun *run, const TvbTview *tview, TvbRange *range, int64 step)
{
	bool		is_lower;

	range->has_upper = false;
	if (range->only_nulls)
		return;
	for (;;)
	{
		if (!find_end(run, tview, range, step, &is_lower))
			return;
		if (!is_lower)
			break;
		if (range->depth + 1 == list_length(range->columns))
		{
			/* one key with so many rows: they are a range */
			range->above = true;
			(void) find_end(run, tview, range, 0, &is_lower);
			range->above = false;
			break;
		}
		descend(range);
	}
}

char *
tvb_range_end_sql(const TvbTview *tview, const TvbRange *range, int64 step)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT b.k, ");
	if (range->has_lower)
		appendStringInfo(&sql, "b.k %s $%d",
						 operator_phrase(column_type(range, range->depth), BTEqualStrategyNumber),
						 range->depth + 1);
	else
		appendStringInfoString(&sql, "false");
	appendStringInfoString(&sql, " FROM (");
	append_side(&sql, tview->view_name, range, step);
	appendStringInfoString(&sql, " UNION ALL ");
	append_side(&sql, psprintf("ONLY %s", tview->name), range, step);
	appendStringInfoString(&sql, ") AS b (k) ORDER BY b.k LIMIT 1");
	return sql.data;
}

void
tvb_range_condition(StringInfo sql, const TvbRange *range, const char *alias)
{
	append_condition(sql, range, alias, false, range->has_lower && !range->has_upper && !column_nullable(range));
}

TvbRunArgs *
tvb_range_args(const TvbRange *range)
{
	int			n = range->depth + (range->has_lower ? 1 : 0);
	TvbRunArgs *args = palloc0(sizeof(TvbRunArgs));

	args->types = palloc(sizeof(Oid) * (n + 1));
	args->values = palloc(sizeof(Datum) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		args->types[i] = column_type(range, i);
		args->values[i] = range->values[i];
	}
	if (range->has_upper)
	{
		args->types[n] = column_type(range, range->depth);
		args->values[n++] = range->upper;
	}
	args->nargs = n;
	return args;
}

bool
tvb_range_advance(TvbRange *range)
{
	if (range->has_upper)
	{
		range->values[range->depth] = range->upper;
		range->has_lower = true;
		range->has_upper = range->above = false;
		return true;
	}
	/* a range without any end has met the NULLs as well */
	if (!range->only_nulls && range->has_lower && column_nullable(range))
	{
		range->has_lower = range->above = false;
		range->only_nulls = true;
		return true;
	}
	if (range->depth == 0)
		return false;
	/* what is above the value that was gone into */
	range->depth--;
	range->has_lower = range->above = true;
	range->only_nulls = false;
	return true;
}

void
tvb_range_pack(StringInfo buf, const TvbRange *range)
{
	int			natts = range->layout->natts;
	bool	   *nulls = palloc(sizeof(bool) * natts);

	Assert(!range->has_upper);
	for (int i = 0; i < natts; i++)
		nulls[i] = i > range->depth || (i == range->depth && !range->has_lower);
	appendStringInfoChar(buf, (range->has_lower ? HAS_LOWER : 0) | (range->above ? ABOVE : 0) |
						 (range->only_nulls ? ONLY_NULLS : 0));
	appendStringInfoChar(buf, range->depth & 0xff);
	appendStringInfoChar(buf, range->depth >> 8);
	tvb_link_pack(buf, range->layout, range->values, nulls);
	pfree(nulls);
}

TvbRange *
tvb_range_unpack(const TvbTview *tview, const char *data, int len)
{
	TvbRange   *range = make_range(tview);
	bool	   *nulls = palloc(sizeof(bool) * range->layout->natts);

	if (len < HEADER_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the place where a comparison goes on is damaged")));
	range->has_lower = (data[0] & HAS_LOWER) != 0;
	range->above = (data[0] & ABOVE) != 0;
	range->only_nulls = (data[0] & ONLY_NULLS) != 0;
	range->depth = (uint8) data[1] | (uint8) data[2] << 8;
	tvb_link_unpack(range->layout, data + HEADER_BYTES, len - HEADER_BYTES, range->values, nulls);
	for (int i = 0; i < range->depth + (range->has_lower ? 1 : 0); i++)
	{
		if (i >= range->layout->natts || nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("the place where a comparison goes on is damaged")));
	}
	pfree(nulls);
	return range;
}

/* An open range from the beginning. */
static TvbRange *
make_range(const TvbTview *tview)
{
	TvbRange   *range = palloc0(sizeof(TvbRange));

	Assert(tview->refresh_key != NIL);
	range->context = CurrentMemoryContext;
	range->relid = tview->relid;
	range->columns = tview->refresh_key;
	range->layout = tview->refresh_layout;
	range->values = palloc0(sizeof(Datum) * range->layout->natts);
	return range;
}

/*
 * Look for the value that step rows from the beginning stand before, and make it the end;
 * false: there are not so many.
 */
static bool
find_end(TvbRun *run, const TvbTview *tview, TvbRange *range, int64 step, bool *is_lower)
{
	EndReceiver receiver = {{end_receive, end_startup, end_shutdown, end_shutdown, DestTuplestore}};

	receiver.range = range;
	tvb_run_query(run, tvb_range_end_sql(tview, range, step), tvb_range_args(range), &receiver.pub);
	range->has_upper = receiver.found && !receiver.is_lower;
	range->upper = receiver.value;
	*is_lower = receiver.is_lower;
	return receiver.found;
}

/* Fix the value that the range begins with, and begin with the next column. */
static void
descend(TvbRange *range)
{
	range->depth++;
	range->has_lower = range->above = false;
}

/* (the value of the relation's row after the next step rows) */
static void
append_side(StringInfo sql, const char *relation, const TvbRange *range, int64 step)
{
	appendStringInfo(sql, "(SELECT s.%s FROM %s AS s WHERE ", column_name(range), relation);
	append_condition(sql, range, "s", true, false);
	if (!range->has_lower && column_nullable(range))
	{
		appendStringInfoString(sql, " AND NOT ");
		append_is_null(sql, range, "s");
	}
	appendStringInfoString(sql, " ORDER BY ");
	append_order(sql, range, "s");
	appendStringInfo(sql, " OFFSET " INT64_FORMAT " LIMIT 1)", step);
}

/* The condition of a range; with NULLs too, if so told, where it has a lower end alone.  sorted: its rows are wanted in order. */
static void
append_condition(StringInfo sql, const TvbRange *range, const char *alias, bool sorted, bool with_nulls)
{
	int			nparams = append_prefix(sql, range, alias, sorted);

	if (range->only_nulls)
		append_is_null(sql, range, alias);
	else if (range->has_lower)
	{
		appendStringInfoString(sql, with_nulls ? "(" : "");
		append_comparison(sql, range, alias,
						  range->above ? BTGreaterStrategyNumber : BTGreaterEqualStrategyNumber,
						  ++nparams);
		if (with_nulls)
		{
			appendStringInfoString(sql, " OR ");
			append_is_null(sql, range, alias);
			appendStringInfoChar(sql, ')');
		}
	}
	if (range->has_upper)
	{
		appendStringInfoString(sql, range->has_lower ? " AND " : "");
		append_comparison(sql, range, alias, BTLessStrategyNumber, ++nparams);
	}
	if (!range->only_nulls && !range->has_lower && !range->has_upper)
		appendStringInfoString(sql, "true");
}

/*
 * The fixed columns, each followed by AND; returns how many parameters that takes.  Not by "= $1": of what the view sets
 * equal to the column the planner would say the same, and move it below what groups other values with $1 (w.who::text =
 * s.k, where w has PARTITION BY who, citext).  Before PostgreSQL 17 an index is only read in its order where no column but the
 * first is compared with an array: of the others it would be read from the first column's first row on.
 */
static int
append_prefix(StringInfo sql, const TvbRange *range, const char *alias, bool sorted)
{
	for (int i = 0; i < range->depth; i++)
	{
		Oid			type = column_type(range, i);
		const char *name = quote_identifier(list_nth(range->columns, i));

		if (tvb_evaluate_travels_in_array(type) && !(sorted && i > 0))
			appendStringInfo(sql, "%s.%s %s ANY (ARRAY[$%d]) AND ", alias, name,
							 operator_phrase(type, BTEqualStrategyNumber), i + 1);
		else
			appendStringInfo(sql, "%s.%s %s $%d AND %s.%s %s $%d AND ",
							 alias, name, operator_phrase(type, BTGreaterEqualStrategyNumber), i + 1,
							 alias, name, operator_phrase(type, BTLessEqualStrategyNumber), i + 1);
	}
	return range->depth;
}

/* The columns up to the one that the range is a part of, as an index has them. */
static void
append_order(StringInfo sql, const TvbRange *range, const char *alias)
{
	for (int i = 0; i <= range->depth; i++)
		appendStringInfo(sql, "%s%s.%s", i > 0 ? ", " : "", alias, quote_identifier(list_nth(range->columns, i)));
}

/* s.b IS NULL */
static void
append_is_null(StringInfo sql, const TvbRange *range, const char *alias)
{
	appendStringInfo(sql, "%s.%s %s", alias, column_name(range),
					 tvb_evaluate_is_null(column_type(range, range->depth)));
}

/* s.b < $2 */
static void
append_comparison(StringInfo sql, const TvbRange *range, const char *alias, int strategy, int param)
{
	appendStringInfo(sql, "%s.%s %s $%d", alias, column_name(range),
					 operator_phrase(column_type(range, range->depth), strategy), param);
}

/* The column that the range is a part of, quoted. */
static const char *
column_name(const TvbRange *range)
{
	return quote_identifier(list_nth(range->columns, range->depth));
}

/* The type of a column's values as parameters. */
static Oid
column_type(const TvbRange *range, int i)
{
	return getBaseType(range->layout->columns[i].type);
}

/* Whether the range's column can be NULL. */
static bool
column_nullable(const TvbRange *range)
{
	AttrNumber	attnum = get_attnum(range->relid, list_nth(range->columns, range->depth));
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(range->relid), Int16GetDatum(attnum));
	bool		nullable = true;

	if (HeapTupleIsValid(tuple))
	{
		nullable = !tvb_compat_not_null(range->relid, (Form_pg_attribute) GETSTRUCT(tuple));
		ReleaseSysCache(tuple);
	}
	return nullable;
}

/* OPERATOR(schema.<) of a type's default btree operator class. */
static char *
operator_phrase(Oid type, int strategy)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY);
	Oid			operator = get_opfamily_member(entry->btree_opf, entry->btree_opintype,
											   entry->btree_opintype, strategy);
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	Form_pg_operator form;
	char	   *phrase;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify an ordering operator for type %s", format_type_be(type))));
	form = (Form_pg_operator) GETSTRUCT(tuple);
	phrase = psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)),
					  NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return phrase;
}

/* A value of the range's column in the range's context. */
static Datum
copy_value(const TvbRange *range, Datum value)
{
	const TvbLinkColumn *column = &range->layout->columns[range->depth];
	MemoryContext old = MemoryContextSwitchTo(range->context);
	Datum		copy;

	/* not a pointer into storage that may be gone when the comparison goes on */
	if (!column->typbyval && column->typlen == -1)
		copy = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	else
		copy = datumCopy(value, column->typbyval, column->typlen);
	MemoryContextSwitchTo(old);
	return copy;
}

/* Nothing to be done. */
static void
end_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

/* Keep the row. */
static bool
end_receive(TupleTableSlot *slot, DestReceiver *self)
{
	EndReceiver *receiver = (EndReceiver *) self;

	slot_getallattrs(slot);
	/* the view may have NULLs where the TVIEW's column cannot: they are no end */
	if (slot->tts_isnull[0])
		return true;
	receiver->found = true;
	receiver->value = copy_value(receiver->range, slot->tts_values[0]);
	receiver->is_lower = !slot->tts_isnull[1] && DatumGetBool(slot->tts_values[1]);
	return true;
}

/* Nothing to be done. */
static void
end_shutdown(DestReceiver *self)
{
}
