/*-------------------------------------------------------------------------
 *
 * capture_plan.c
 *		Stage 1, cold part: which columns capture reads and logs.
 *
 * A relation that carries capture triggers stands in tviews_batch.captured
 * with the sources it does so for: itself, an ancestor, or descendants.  The
 * columns of a source are found in the relation by name.  What cannot be found
 * makes the plan coarser, never wrong: without a link column every change is
 * logged as "everything", without a read column no change is skipped.
 *
 * Invariant: whoever changes the metadata of a source or of a relation's place
 * in captured holds a lock on the relation that excludes writers and sends a
 * relcache invalidation for it.  So a plan is right for as long as the
 * statement whose trigger asked for it holds its own lock.
 *
 * A plan is freed only by a call that looks for a plan, and the trigger runs
 * no foreign code between two such calls: an invalidation while a plan is in
 * use only marks it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "capture_plan.h"
#include "generated.h"
#include "overflow.h"
#include "queue.h"

/* More relations than this and the cache starts anew. */
#define MAX_PLANS	1000

/* The tables that say what is captured, with the indexes we use. */
typedef struct Metadata
{
	Oid			captured;
	Oid			captured_relation;
	Oid			source;
	Oid			source_pkey;
	Oid			shape;
	Oid			shape_pkey;
	Oid			overflow;
} Metadata;

enum
{
	CAPTURED_SOURCE = 1,
	CAPTURED_RELATION
};

enum
{
	SOURCE_SOURCE = 1,
	SOURCE_VERSION,
	SOURCE_LINK_COLUMNS,
	SOURCE_READ_COLUMNS
};

enum
{
	SHAPE_SOURCE = 1,
	SHAPE_VERSION,
	SHAPE_LINK_COLUMNS,
	SHAPE_TYPES
};

/* A row of tviews_batch.source and the types of its shape. */
typedef struct SourceRow
{
	Oid			source;
	int32		version;
	int			nlink;
	char	  **link_columns;
	bool		reads_all;
	int			nread;
	char	  **read_columns;
	int			ntypes;			/* 0 if the shape is not known */
	Oid		   *types;
} SourceRow;

/* A remembered plan. */
typedef struct CachedPlan
{
	Oid			relid;			/* hash key */
	bool		valid;
	MemoryContext context;		/* holds plan, or NULL */
	TvbCapturePlan *plan;		/* or NULL: nothing is logged */
} CachedPlan;

static HTAB *plans = NULL;
static CachedPlan *last = NULL; /* in plans; the one asked for last */
static MemoryContext plans_context = NULL;
static uint64 invalidations = 0;
static Oid	overflow_table = InvalidOid;	/* when it changes, so may all plans */

static void make_cache(void);
static void drop_plan(CachedPlan *cached);
static void plan_invalidated(Datum arg, Oid relid);
static bool concerns(const CachedPlan *cached, Oid relid);
static bool find_metadata(Metadata *metadata);
static TvbCapturePlan *build_plan(const Metadata *metadata, Relation rel, MemoryContext context);
static List *read_captured(const Metadata *metadata, Oid relation);
static SourceRow *read_source(const Metadata *metadata, Oid source);
static void read_shape(const Metadata *metadata, SourceRow *row);
static HeapTuple fetch_row(Relation table, Oid index, ScanKey keys, int nkeys);
static char **read_names(Datum array, int *n);
static void plan_source(TvbCaptureSource *result, const SourceRow *row, Relation rel, List *unsure);
static bool plan_links(TvbCaptureSource *result, const SourceRow *row, Relation rel, List *unsure);
static bool plan_reads(TvbCaptureSource *result, const SourceRow *row, Relation rel, List *unsure);
static bool is_any_named(List *names, char **columns, int n);
static bool is_part_of(Relation rel, Oid source);
static bool add_read(TvbCaptureSource *result, Form_pg_attribute att);
static Form_pg_attribute find_column(Relation rel, const char *name);
static bool is_virtual(Form_pg_attribute att);
static void find_last_columns(TvbCapturePlan *plan);
static void make_slots(TvbCapturePlan *plan, Relation rel, MemoryContext context);

const TvbCapturePlan *
tvb_capture_plan(Relation rel)
{
	Oid			relid = RelationGetRelid(rel);
	CachedPlan *cached;
	Metadata	metadata;
	uint64		before;
	bool		found;

	if (last != NULL && last->relid == relid && last->valid &&
		(last->plan == NULL || !last->plan->skips))
		return last->plan;

	if (plans == NULL || hash_get_num_entries(plans) > MAX_PLANS)
		make_cache();

	last = cached = hash_search(plans, &relid, HASH_ENTER, &found);
	if (!found)
		memset((char *) cached + sizeof(Oid), 0, sizeof(CachedPlan) - sizeof(Oid));
	/* whether to skip must be as others see it now, not when this backend last looked */
	if (cached->valid && cached->plan != NULL && cached->plan->skips)
		AcceptInvalidationMessages();
	if (cached->valid)
		return cached->plan;

	drop_plan(cached);
	before = invalidations;
	if (!find_metadata(&metadata))
		return NULL;

	cached->context = AllocSetContextCreate(plans_context,
											"tviews_batch capture plan",
											ALLOCSET_SMALL_SIZES);
	cached->plan = build_plan(&metadata, rel, cached->context);
	cached->valid = (before == invalidations);
	return cached->plan;
}

MemoryContext
tvb_capture_plan_context(void)
{
	return plans_context;
}

/* ----------
 * The cache
 * ----------
 */

/* Make the cache, or make it anew. */
static void
make_cache(void)
{
	static bool registered = false;
	HASHCTL		ctl = {0};

	if (!registered)
	{
		CacheRegisterRelcacheCallback(plan_invalidated, (Datum) 0);
		registered = true;
	}

	plans = NULL;
	last = NULL;
	if (plans_context == NULL)
		plans_context = AllocSetContextCreate(TopMemoryContext,
											  "tviews_batch capture plans",
											  ALLOCSET_DEFAULT_SIZES);
	else
		MemoryContextReset(plans_context);

	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(CachedPlan);
	ctl.hcxt = plans_context;
	plans = hash_create("tviews_batch capture plan cache", 64, &ctl,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Free a plan that is no longer valid, or that an error left half built. */
static void
drop_plan(CachedPlan *cached)
{
	MemoryContext context = cached->context;

	cached->plan = NULL;
	cached->context = NULL;
	if (context != NULL)
		MemoryContextDelete(context);
}

/* Relcache callback: the plans that concern relid, or all, must be built again. */
static void
plan_invalidated(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS walk;
	CachedPlan *cached;

	invalidations++;
	if (plans == NULL)
		return;

	hash_seq_init(&walk, plans);
	while ((cached = hash_seq_search(&walk)) != NULL)
	{
		if (relid == InvalidOid || relid == overflow_table || concerns(cached, relid))
			cached->valid = false;
	}
}

/* Whether a plan is of relid, or logs changes of relid as a source. */
static bool
concerns(const CachedPlan *cached, Oid relid)
{
	if (cached->relid == relid)
		return true;
	if (cached->plan == NULL)
		return false;
	for (int i = 0; i < cached->plan->nsources; i++)
	{
		if (cached->plan->sources[i].source == relid)
			return true;
	}
	return false;
}

/* ----------
 * Reading the metadata
 * ----------
 */

/* Find our tables; false if one is missing, as while the extension is dropped. */
static bool
find_metadata(Metadata *metadata)
{
	Oid			schema = get_namespace_oid("tviews_batch", true);

	if (!OidIsValid(schema) || !tvb_queue_exists())
		return false;

	metadata->captured = get_relname_relid("captured", schema);
	metadata->captured_relation = get_relname_relid("captured_relation", schema);
	metadata->source = get_relname_relid("source", schema);
	metadata->source_pkey = get_relname_relid("source_pkey", schema);
	metadata->shape = get_relname_relid("shape", schema);
	metadata->shape_pkey = get_relname_relid("shape_pkey", schema);
	metadata->overflow = overflow_table = get_relname_relid("overflow", schema);

	return OidIsValid(metadata->captured) && OidIsValid(metadata->captured_relation) &&
		OidIsValid(metadata->source) && OidIsValid(metadata->source_pkey) &&
		OidIsValid(metadata->shape) && OidIsValid(metadata->shape_pkey) &&
		OidIsValid(metadata->overflow);
}

/* The plan of rel in context, or NULL if it is captured for no source. */
static TvbCapturePlan *
build_plan(const Metadata *metadata, Relation rel, MemoryContext context)
{
	List	   *sources = read_captured(metadata, RelationGetRelid(rel));
	List	   *unsure;
	MemoryContext oldcontext;
	TvbCapturePlan *plan;
	ListCell   *cell;

	if (sources == NIL)
		return NULL;

	unsure = tvb_generated_otherwise(rel);
	plan = MemoryContextAllocZero(context, sizeof(TvbCapturePlan));
	plan->sources = MemoryContextAllocZero(context, list_length(sources) *
										   sizeof(TvbCaptureSource));
	foreach(cell, sources)
	{
		SourceRow  *row = read_source(metadata, lfirst_oid(cell));

		if (row == NULL)
			continue;			/* nothing reads it */
		oldcontext = MemoryContextSwitchTo(context);
		plan_source(&plan->sources[plan->nsources], row, rel, unsure);
		MemoryContextSwitchTo(oldcontext);
		plan->skips |= plan->sources[plan->nsources++].skip;
	}
	find_last_columns(plan);
	make_slots(plan, rel, context);
	return plan;
}

/* The sources that relation is captured for, ordered by oid. */
static List *
read_captured(const Metadata *metadata, Oid relation)
{
	Relation	table = table_open(metadata->captured, AccessShareLock);
	List	   *sources = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, CAPTURED_RELATION, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relation));
	scan = systable_beginscan(table, metadata->captured_relation, true, NULL, 1, &key);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		bool		isnull;

		sources = lappend_oid(sources,
							  DatumGetObjectId(heap_getattr(tuple, CAPTURED_SOURCE,
															RelationGetDescr(table),
															&isnull)));
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);

	list_sort(sources, list_oid_cmp);
	return sources;
}

/* The row of a source with the types of its shape, or NULL if there is none. */
static SourceRow *
read_source(const Metadata *metadata, Oid source)
{
	Relation	table = table_open(metadata->source, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(table);
	SourceRow  *row = NULL;
	ScanKeyData key;
	HeapTuple	tuple;

	ScanKeyInit(&key, SOURCE_SOURCE, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(source));
	tuple = fetch_row(table, metadata->source_pkey, &key, 1);
	if (tuple != NULL)
	{
		bool		isnull;
		Datum		read;

		row = palloc0(sizeof(SourceRow));
		row->source = source;
		row->version = DatumGetInt32(heap_getattr(tuple, SOURCE_VERSION, desc, &isnull));
		row->link_columns = read_names(heap_getattr(tuple, SOURCE_LINK_COLUMNS, desc, &isnull),
									   &row->nlink);
		read = heap_getattr(tuple, SOURCE_READ_COLUMNS, desc, &row->reads_all);
		if (!row->reads_all)
			row->read_columns = read_names(read, &row->nread);
		read_shape(metadata, row);
	}
	table_close(table, AccessShareLock);
	return row;
}

/* Fill in the types that entries of the row's version are packed with. */
static void
read_shape(const Metadata *metadata, SourceRow *row)
{
	Relation	table = table_open(metadata->shape, AccessShareLock);
	ScanKeyData keys[2];
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], SHAPE_SOURCE, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(row->source));
	ScanKeyInit(&keys[1], SHAPE_VERSION, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(row->version));
	tuple = fetch_row(table, metadata->shape_pkey, keys, 2);
	if (tuple != NULL)
	{
		bool		isnull;
		Datum		array = heap_getattr(tuple, SHAPE_TYPES, RelationGetDescr(table), &isnull);
		Datum	   *types;

		deconstruct_array(DatumGetArrayTypeP(array), REGTYPEOID, sizeof(Oid), true,
						  TYPALIGN_INT, &types, NULL, &row->ntypes);
		row->types = palloc(row->ntypes * sizeof(Oid));
		for (int i = 0; i < row->ntypes; i++)
			row->types[i] = DatumGetObjectId(types[i]);
	}
	table_close(table, AccessShareLock);
}

/* A copy of the row with these keys, or NULL. */
static HeapTuple
fetch_row(Relation table, Oid index, ScanKey keys, int nkeys)
{
	SysScanDesc scan = systable_beginscan(table, index, true, NULL, nkeys, keys);
	HeapTuple	tuple = systable_getnext(scan);

	if (tuple != NULL)
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	return tuple;
}

/* The elements of a name[]. */
static char **
read_names(Datum array, int *n)
{
	Datum	   *elements;
	char	  **names;

	deconstruct_array(DatumGetArrayTypeP(array), NAMEOID, NAMEDATALEN, false,
					  TYPALIGN_CHAR, &elements, NULL, n);
	names = palloc(*n * sizeof(char *));
	for (int i = 0; i < *n; i++)
		names[i] = NameStr(*DatumGetName(elements[i]));
	return names;
}

/* ----------
 * Making the plan
 * ----------
 */

/* Say what a change of rel means for the source of row.  What is shown of unsure columns may not be what is stored. */
static void
plan_source(TvbCaptureSource *result, const SourceRow *row, Relation rel, List *unsure)
{
	result->source = row->source;
	result->version = row->version;
	result->read = palloc((row->nread + row->nlink + RelationGetNumberOfAttributes(rel)) *
						  sizeof(TvbReadColumn));
	result->skip = tvb_overflow_marked(row->source);
	result->compare = plan_reads(result, row, rel, unsure);
	result->everything = row->nlink == 0 || !plan_links(result, row, rel, unsure);
}

/* Find the link columns; false if rel cannot supply them as the shape has them. */
static bool
plan_links(TvbCaptureSource *result, const SourceRow *row, Relation rel, List *unsure)
{
	bool		partitioned = rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;

	if (row->ntypes != row->nlink || is_any_named(unsure, row->link_columns, row->nlink))
		return false;

	result->layout = tvb_link_layout(row->nlink, row->types);
	if (result->layout == NULL)
		return false;
	result->link = palloc(row->nlink * sizeof(TvbLinkSource));
	for (int i = 0; i < row->nlink; i++)
	{
		Form_pg_attribute att = find_column(rel, row->link_columns[i]);

		if (att == NULL || att->atttypid != row->types[i] || is_virtual(att))
			return false;
		result->link[i].attno = att->attnum;

		/*
		 * Rows inserted through a partitioned table may be captured before
		 * they are converted to the partition's row type, which is where
		 * generated columns are computed.
		 */
		result->link[i].null_is_unknown = partitioned && att->attgenerated != '\0';
	}
	return true;
}

/*
 * Find the columns whose values matter, link columns among them; false if rows
 * of rel that look equal may still be a change of the source.  So it is when a
 * column is not in rel, and when rel is an ancestor of the source: a row can
 * come into the source or leave it by columns that nobody reads, and a trigger
 * of the source can change columns that its ancestor does not have.
 */
static bool
plan_reads(TvbCaptureSource *result, const SourceRow *row, Relation rel, List *unsure)
{
	if (!is_part_of(rel, row->source) ||
		(row->reads_all ? unsure != NIL : is_any_named(unsure, row->read_columns, row->nread)))
		return false;

	if (row->reads_all)
	{
		for (int i = 0; i < RelationGetNumberOfAttributes(rel); i++)
		{
			Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), i);

			/* A virtual column follows from the others. */
			if (!att->attisdropped && !is_virtual(att))
				add_read(result, att);
		}
		return true;
	}

	for (int i = 0; i < row->nread; i++)
	{
		if (!add_read(result, find_column(rel, row->read_columns[i])))
			return false;
	}
	for (int i = 0; i < row->nlink; i++)
	{
		if (!add_read(result, find_column(rel, row->link_columns[i])))
			return false;
	}
	return true;
}

/* Whether one of some columns is among the names. */
static bool
is_any_named(List *names, char **columns, int n)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		for (int i = 0; i < n; i++)
		{
			if (strcmp(lfirst(lc), columns[i]) == 0)
				return true;
		}
	}
	return false;
}

/*
 * Whether every row of rel is a row of the source.  It is not when rel is an
 * ancestor of the source.
 */
static bool
is_part_of(Relation rel, Oid source)
{
	Oid			rowtype = get_rel_type_id(source);

	if (RelationGetRelid(rel) == source)
		return true;
	return OidIsValid(rowtype) && typeInheritsFrom(rel->rd_rel->reltype, rowtype);
}

/* Compare this column; false if there is none such that can be. */
static bool
add_read(TvbCaptureSource *result, Form_pg_attribute att)
{
	TvbReadColumn *read;

	if (att == NULL || is_virtual(att))
		return false;
	for (int i = 0; i < result->nread; i++)
	{
		if (result->read[i].attno == att->attnum)
			return true;
	}
	read = &result->read[result->nread++];
	read->attno = att->attnum;
	read->typlen = att->attlen;
	read->typbyval = att->attbyval;
	return true;
}

/* A column of rel by name, or NULL. */
static Form_pg_attribute
find_column(Relation rel, const char *name)
{
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && strcmp(NameStr(att->attname), name) == 0)
			return att;
	}
	return NULL;
}

/* Whether a column is computed when read, and so is NULL in a captured row. */
static bool
is_virtual(Form_pg_attribute att)
{
	return att->attgenerated != '\0' && att->attgenerated != ATTRIBUTE_GENERATED_STORED;
}

/* Find the highest columns that a plan looks at. */
static void
find_last_columns(TvbCapturePlan *plan)
{
	for (int i = 0; i < plan->nsources; i++)
	{
		const TvbCaptureSource *source = &plan->sources[i];

		for (int j = 0; source->compare && j < source->nread; j++)
			plan->last = Max(plan->last, source->read[j].attno);
		for (int j = 0; !source->everything && j < source->layout->natts; j++)
			plan->last_link = Max(plan->last_link, source->link[j].attno);
	}
	plan->last = Max(plan->last, plan->last_link);
}

/*
 * Make the slots for images of rel.  Their descriptor is the plan's own: it is as old as the plan, and the
 * relation's need not be kept.  Missing values of columns that were added later come with it.
 */
static void
make_slots(TvbCapturePlan *plan, Relation rel, MemoryContext context)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	TupleDesc	desc = CreateTupleDescCopyConstr(RelationGetDescr(rel));

	plan->old = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	plan->new = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	MemoryContextSwitchTo(oldcontext);
}
