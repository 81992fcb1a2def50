/*-------------------------------------------------------------------------
 *
 * registry.c
 *		What the extension's tables say of TVIEWs and sources.
 *
 * Nothing is cached here but plans: every call reads the tables as the
 * extension's owner under the active snapshot, so a drain sees one state of
 * the metadata together with one state of the data.
 *
 * Names and owners come from the catalogs as they are now.  A TVIEW whose
 * table is gone is not returned; one whose view is gone has no view_name.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "registry.h"
#include "run.h"

/* A metadata row to be read column by column, from 1. */
typedef struct Row
{
	HeapTuple	tuple;
	TupleDesc	desc;
} Row;

static void read_definition(TvbTview *tview);
static void read_routes(TvbTview *tview);
static void read_lookups(TvbTview *tview);
static TvbLookup *read_lookup(Row *row);
static TvbRoute *find_route(TvbTview *tview, int occurrence);
static TvbRouteKind route_kind(const char *word);
static List *view_columns(Oid view);
static TvbLayout *column_layout(Oid relid, List *columns);
static Row	result_row(uint64 i);
static Datum get_datum(Row *row, int column);
static bool is_null(Row *row, int column);
static List *get_names(Row *row, int column);
static List *get_texts(Row *row, int column);
static int *get_positions(Row *row, int column, int *n);

TvbTview *
tvb_registry_tview(Oid relid)
{
	List	   *tviews = NIL;

	/* to tvb_registry_read_list no relation means all */
	if (OidIsValid(relid))
		tviews = tvb_registry_read_list(relid);
	if (tviews == NIL)
		return NULL;
	/* what is stored out of line needs a snapshot; a procedure that has committed has none */
	tvb_run_push_own_snapshot();
	tvb_registry_complete(linitial(tviews));
	PopActiveSnapshot();
	return linitial(tviews);
}

TvbTview *
tvb_registry_require(Oid relid)
{
	TvbTview   *tview = tvb_registry_tview(relid);
	char	   *name;

	if (tview != NULL)
		return tview;
	name = get_rel_name(relid);
	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is not a TVIEW", name),
			 errhint("The view tviews_status lists the TVIEWs; tviews_create() makes one of a view.")));
}

void
tvb_registry_complete(TvbTview *tview)
{
	MemoryContext old;

	if (tview->complete)
		return;
	old = MemoryContextSwitchTo(GetMemoryChunkContext(tview));
	if (!tvb_registry_name(tview))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("TVIEW with OID %u, or its view, was dropped", tview->relid)));
	read_definition(tview);
	read_routes(tview);
	read_lookups(tview);
	tview->columns = view_columns(tview->view);

	/*
	 * One that cannot be refreshed may lack the columns; it can still be
	 * dropped.
	 */
	if (tview->broken == NULL)
		tview->refresh_layout = column_layout(tview->relid, tview->refresh_key);
	tview->complete = true;
	MemoryContextSwitchTo(old);
}

TvbSource *
tvb_registry_source(Oid relid)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(relid));
	TvbSource  *source = NULL;

	if (tvb_run_own_query(&plan,
						  "SELECT version, link_columns, read_columns"
						  " FROM tviews_batch.source WHERE source = $1", &args) > 0)
	{
		Row			row = result_row(0);

		source = palloc0(sizeof(TvbSource));
		source->relid = relid;
		source->version = DatumGetInt32(get_datum(&row, 1));
		source->link_columns = get_names(&row, 2);
		source->reads_all = is_null(&row, 3);
		if (!source->reads_all)
			source->read_columns = get_names(&row, 3);
	}
	SPI_freetuptable(SPI_tuptable);
	return source;
}

TvbShape *
tvb_registry_shape(Oid source, int32 version)
{
	static SPIPlanPtr plan = NULL;
	Datum		values[2] = {ObjectIdGetDatum(source), Int32GetDatum(version)};
	Oid			types[2] = {OIDOID, INT4OID};
	TvbRunArgs	args = {2, types, values, NULL};
	TvbShape   *shape = NULL;

	if (tvb_run_own_query(&plan,
						  "SELECT link_columns, types::oid[]"
						  " FROM tviews_batch.shape WHERE source = $1 AND version = $2", &args) > 0)
	{
		Row			row = result_row(0);
		ArrayType  *array = DatumGetArrayTypeP(get_datum(&row, 2));
		Datum	   *oids;
		Oid		   *link_types;
		int			n;

		deconstruct_array(array, OIDOID, sizeof(Oid), true, TYPALIGN_INT, &oids, NULL, &n);
		link_types = palloc(sizeof(Oid) * Max(n, 1));
		for (int i = 0; i < n; i++)
			link_types[i] = DatumGetObjectId(oids[i]);
		shape = palloc0(sizeof(TvbShape));
		shape->source = source;
		shape->version = version;
		shape->link_columns = get_names(&row, 1);
		shape->layout = tvb_link_layout(n, link_types);
		if (list_length(shape->link_columns) != n)
			elog(ERROR, "shape %d of source %u has %d columns and %d types",
				 version, source, list_length(shape->link_columns), n);
		if (shape->layout == NULL)
			shape = NULL;
	}
	SPI_freetuptable(SPI_tuptable);
	return shape;
}

bool
tvb_registry_try_lock(Oid tview, LOCKMODE mode, Oid view, List *sources)
{
	ListCell   *lc;

	if (!ConditionalLockRelationOid(tview, mode) || !ConditionalLockRelationOid(view, AccessShareLock))
		return false;
	foreach(lc, sources)
	{
		if (!ConditionalLockRelationOid(lfirst_oid(lc), AccessShareLock))
			return false;
	}
	return true;
}

char *
tvb_registry_relation_name(Oid relid)
{
	char	   *name = get_rel_name(relid);

	if (name == NULL)
		elog(ERROR, "cache lookup failed for relation %u", relid);
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), name);
}

/* Fill in key, settings and the like. */
static void
read_definition(TvbTview *tview)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(tview->relid));
	Row			row;

	if (tvb_run_own_query(&plan,
						  "SELECT key, refresh_key, settings, row_security, keyed"
						  " FROM tviews_batch.tview WHERE tview = $1", &args) != 1)
		elog(ERROR, "metadata of TVIEW %u is missing", tview->relid);
	row = result_row(0);
	tview->key = get_names(&row, 1);
	tview->refresh_key = get_names(&row, 2);
	tview->settings = get_texts(&row, 3);
	tview->row_security = DatumGetBool(get_datum(&row, 4));
	tview->keyed = get_texts(&row, 5);
	SPI_freetuptable(SPI_tuptable);
}

/* Fill in the routes, without their lookups. */
static void
read_routes(TvbTview *tview)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(tview->relid));
	uint64		n;

	n = tvb_run_own_query(&plan,
						  "SELECT occurrence, source, route, since_version"
						  " FROM tviews_batch.route WHERE tview = $1 ORDER BY occurrence", &args);
	tview->routes = NIL;
	for (uint64 i = 0; i < n; i++)
	{
		Row			row = result_row(i);
		TvbRoute   *route = palloc0(sizeof(TvbRoute));

		route->occurrence = DatumGetInt32(get_datum(&row, 1));
		route->source = DatumGetObjectId(get_datum(&row, 2));
		route->kind = route_kind(TextDatumGetCString(get_datum(&row, 3)));
		route->since_version = DatumGetInt32(get_datum(&row, 4));
		tview->routes = lappend(tview->routes, route);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Fill in the lookups of the routes. */
static void
read_lookups(TvbTview *tview)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(tview->relid));
	uint64		n;

	n = tvb_run_own_query(&plan,
						  "SELECT occurrence, link_columns, key_columns, direct_columns, sql"
						  " FROM tviews_batch.lookup WHERE tview = $1 ORDER BY occurrence, ord", &args);
	for (uint64 i = 0; i < n; i++)
	{
		Row			row = result_row(i);
		TvbRoute   *route = find_route(tview, DatumGetInt32(get_datum(&row, 1)));

		if (route != NULL)
			route->lookups = lappend(route->lookups, read_lookup(&row));
	}
	SPI_freetuptable(SPI_tuptable);
}

/* One lookup. */
static TvbLookup *
read_lookup(Row *row)
{
	TvbLookup  *lookup = palloc0(sizeof(TvbLookup));
	int			ndirect;

	lookup->link_columns = get_names(row, 2);
	lookup->key_columns = get_positions(row, 3, &lookup->nkeys);
	if (!is_null(row, 4))
	{
		lookup->direct_columns = get_positions(row, 4, &ndirect);
		if (ndirect != lookup->nkeys)
			elog(ERROR, "lookup has %d key columns and %d direct columns",
				 lookup->nkeys, ndirect);
	}
	lookup->sql = TextDatumGetCString(get_datum(row, 5));
	return lookup;
}

/* The route of an occurrence, or NULL. */
static TvbRoute *
find_route(TvbTview *tview, int occurrence)
{
	ListCell   *lc;

	foreach(lc, tview->routes)
	{
		TvbRoute   *route = lfirst(lc);

		if (route->occurrence == occurrence)
			return route;
	}
	return NULL;
}

/* The kind that a word in tviews_batch.route stands for; what is not known is full. */
static TvbRouteKind
route_kind(const char *word)
{
	if (strcmp(word, "direct") == 0)
		return TVB_ROUTE_DIRECT;
	if (strcmp(word, "lookup") == 0)
		return TVB_ROUTE_LOOKUP;
	return TVB_ROUTE_FULL;
}

/* The column names of a view, in order; NIL if it is gone. */
static List *
view_columns(Oid view)
{
	Relation	rel = try_relation_open(view, AccessShareLock);
	List	   *columns = NIL;

	if (rel == NULL)
		return NIL;
	for (int i = 0; i < RelationGetDescr(rel)->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), i);

		if (!att->attisdropped)
			columns = lappend(columns, pstrdup(NameStr(att->attname)));
	}
	relation_close(rel, AccessShareLock);
	return columns;
}

/* Layout of some columns of a table. */
static TvbLayout *
column_layout(Oid relid, List *columns)
{
	Oid		   *types = palloc(sizeof(Oid) * Max(list_length(columns), 1));
	ListCell   *lc;

	foreach(lc, columns)
	{
		AttrNumber	attnum = get_attnum(relid, lfirst(lc));

		if (attnum == InvalidAttrNumber)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of TVIEW \"%s\" does not exist",
							(char *) lfirst(lc), get_rel_name(relid))));
		types[foreach_current_index(lc)] = get_atttype(relid, attnum);
	}
	return tvb_link_layout(list_length(columns), types);
}

/* Row i of the last query. */
static Row
result_row(uint64 i)
{
	Row			row = {SPI_tuptable->vals[i], SPI_tuptable->tupdesc};

	return row;
}

/* A column that is not NULL; by-reference values are good until SPI_freetuptable. */
static Datum
get_datum(Row *row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row->tuple, row->desc, column, &isnull);

	if (isnull)
		elog(ERROR, "unexpected null in column %d of metadata", column);
	return value;
}

/* Whether a column is NULL. */
static bool
is_null(Row *row, int column)
{
	bool		isnull;

	(void) SPI_getbinval(row->tuple, row->desc, column, &isnull);
	return isnull;
}

/* A name[] as a list of strings in the current context. */
static List *
get_names(Row *row, int column)
{
	Datum	   *elements;
	List	   *names = NIL;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(get_datum(row, column)), NAMEOID,
					  NAMEDATALEN, false, TYPALIGN_CHAR, &elements, NULL, &n);
	for (int i = 0; i < n; i++)
		names = lappend(names, pstrdup(NameStr(*DatumGetName(elements[i]))));
	return names;
}

/* A text[] as a list of strings in the current context. */
static List *
get_texts(Row *row, int column)
{
	Datum	   *elements;
	List	   *texts = NIL;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(get_datum(row, column)), TEXTOID,
					  -1, false, TYPALIGN_INT, &elements, NULL, &n);
	for (int i = 0; i < n; i++)
		texts = lappend(texts, TextDatumGetCString(elements[i]));
	return texts;
}

/* An integer[] of positions from 1 as an array of positions from 0. */
static int *
get_positions(Row *row, int column, int *n)
{
	Datum	   *elements;
	int		   *positions;

	deconstruct_array(DatumGetArrayTypeP(get_datum(row, column)), INT4OID,
					  sizeof(int32), true, TYPALIGN_INT, &elements, NULL, n);
	positions = palloc(sizeof(int) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		positions[i] = DatumGetInt32(elements[i]) - 1;
	return positions;
}
