/*-------------------------------------------------------------------------
 *
 * batch.c
 *		A bounded number of packed keys, as parameters and as a named relation.
 *
 * Keys arrive packed and in no order.  A batch unpacks some of them and hands
 * them on in groups: keys of one group are NULL in the same columns, so that a
 * query can say IS NULL for these and use plain equality for the others.
 * Nearly always there is one group.
 *
 * Memory: a batch holds at most batch_keys keys and about an eighth of
 * tviews_batch.work_mem; the arrays and the named relation of a group are as
 * large again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "batch.h"
#include "settings.h"

#define KEYS_BETWEEN_CHECKS 256

/* Keys that are NULL in the same columns. */
typedef struct KeyGroup
{
	bool	   *nulls;			/* per column */
	List	   *keys;			/* indexes of keys */
} KeyGroup;

struct TvbBatch
{
	MemoryContext context;		/* of the batch itself */
	MemoryContext keys_context; /* of the keys held now */
	MemoryContext group_context;	/* of what is made of the group */
	Oid			relid;
	List	   *columns;
	const TvbLayout *layout;
	TupleDesc	desc;			/* of the named relation */

	int			nkeys;
	int			capacity;
	Datum	   *values;			/* nkeys times natts */
	bool	   *nulls;
	List	   *groups;			/* KeyGroup * */
	int			next_group;

	TvbFilter	filter;			/* of the current group */
	TvbRunArgs	args;
	KeyGroup   *group;
	Tuplestorestate *store;		/* NULL: not registered */
	EphemeralNamedRelationData enr;
};

static MemoryContext begin_keys(TvbBatch *batch);
static void add_key(TvbBatch *batch, const char *data, int len);
static TupleDesc key_desc(Oid relid, List *columns);
static void grow(TvbBatch *batch);
static void add_to_group(TvbBatch *batch, int key);
static void make_args(TvbBatch *batch);
static Datum make_array(TvbBatch *batch, int column, Oid type);

TvbBatch *
tvb_batch_create(MemoryContext parent, Oid relid, List *columns, const TvbLayout *layout)
{
	MemoryContext context = AllocSetContextCreate(parent, "TVIEW key batch",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TvbBatch   *batch = palloc0(sizeof(TvbBatch));

	batch->context = context;
	batch->keys_context = AllocSetContextCreate(context, "TVIEW keys", ALLOCSET_DEFAULT_SIZES);
	batch->group_context = AllocSetContextCreate(context, "TVIEW key group", ALLOCSET_DEFAULT_SIZES);
	batch->relid = relid;
	batch->columns = columns;
	batch->layout = layout;
	batch->desc = key_desc(relid, columns);
	MemoryContextSwitchTo(old);
	return batch;
}

int
tvb_batch_fill(TvbBatch *batch, TvbBag *bag)
{
	Size		limit = (Size) tvb_work_mem * 1024 / 8;
	MemoryContext old = begin_keys(batch);
	const char *data;
	int			len;

	while (batch->nkeys < tvb_batch_keys && tvb_bag_next(bag, &data, &len))
	{
		add_key(batch, data, len);
		if (batch->nkeys % KEYS_BETWEEN_CHECKS == 0 &&
			MemoryContextMemAllocated(batch->keys_context, false) > limit)
			break;
	}
	MemoryContextSwitchTo(old);
	return batch->nkeys;
}

void
tvb_batch_set(TvbBatch *batch, const TvbPacked *keys, int n)
{
	MemoryContext old = begin_keys(batch);

	for (int i = 0; i < n; i++)
		add_key(batch, keys[i].data, keys[i].len);
	MemoryContextSwitchTo(old);
}

bool
tvb_batch_next(TvbBatch *batch, const TvbFilter **filter, const TvbRunArgs **args)
{
	MemoryContext old;

	MemoryContextReset(batch->group_context);
	if (batch->next_group >= list_length(batch->groups))
		return false;
	old = MemoryContextSwitchTo(batch->group_context);
	batch->group = list_nth(batch->groups, batch->next_group++);
	batch->filter.relid = batch->relid;
	batch->filter.columns = batch->columns;
	batch->filter.nulls = NULL;
	for (int i = 0; i < batch->layout->natts; i++)
	{
		if (batch->group->nulls[i])
			batch->filter.nulls = bms_add_member(batch->filter.nulls, i);
	}
	make_args(batch);
	MemoryContextSwitchTo(old);
	*filter = &batch->filter;
	*args = &batch->args;
	return true;
}

int
tvb_batch_group_size(const TvbBatch *batch)
{
	return list_length(batch->group->keys);
}

void
tvb_batch_register(TvbBatch *batch)
{
	MemoryContext old;
	ListCell   *lc;

	if (!tvb_evaluate_needs_keys(&batch->filter))
		return;
	old = MemoryContextSwitchTo(batch->group_context);
	batch->store = tuplestore_begin_heap(false, false, Max(tvb_work_mem / 8, 64));
	foreach(lc, batch->group->keys)
	{
		int			offset = lfirst_int(lc) * batch->layout->natts;

		tuplestore_putvalues(batch->store, batch->desc, batch->values + offset,
							 batch->nulls + offset);
	}
	MemoryContextSwitchTo(old);
	tvb_run_describe(&batch->enr, TVB_EVALUATE_KEYS, batch->desc, batch->store);
	batch->args.relation = &batch->enr;
}

void
tvb_batch_unregister(TvbBatch *batch)
{
	if (batch->store == NULL)
		return;
	batch->args.relation = NULL;
	tuplestore_end(batch->store);
	batch->store = NULL;
}

void
tvb_batch_forget(TvbBatch *batch)
{
	batch->store = NULL;
}

void
tvb_batch_destroy(TvbBatch *batch)
{
	MemoryContextDelete(batch->context);
}

/* Forget the keys held, and switch to the context of the next ones. */
static MemoryContext
begin_keys(TvbBatch *batch)
{
	Assert(batch->store == NULL);
	MemoryContextReset(batch->group_context);
	MemoryContextReset(batch->keys_context);
	batch->nkeys = batch->capacity = 0;
	batch->values = NULL;
	batch->nulls = NULL;
	batch->groups = NIL;
	batch->next_group = 0;
	return MemoryContextSwitchTo(batch->keys_context);
}

/* Unpack a key, in the current context. */
static void
add_key(TvbBatch *batch, const char *data, int len)
{
	int			offset = batch->nkeys * batch->layout->natts;

	if (batch->nkeys == batch->capacity)
		grow(batch);
	tvb_link_unpack(batch->layout, data, len, batch->values + offset, batch->nulls + offset);
	add_to_group(batch, batch->nkeys++);
}

/* k1, k2, ... with the types and collations of a table's columns. */
static TupleDesc
key_desc(Oid relid, List *columns)
{
	TupleDesc	desc = CreateTemplateTupleDesc(list_length(columns));
	ListCell   *lc;

	foreach(lc, columns)
	{
		AttrNumber	attnum = foreach_current_index(lc) + 1;
		HeapTuple	tuple = SearchSysCacheAttName(relid, lfirst(lc));
		Form_pg_attribute att;
		char		name[NAMEDATALEN];

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for column \"%s\" of relation %u",
				 (char *) lfirst(lc), relid);
		att = (Form_pg_attribute) GETSTRUCT(tuple);
		snprintf(name, sizeof(name), "k%d", attnum);
		TupleDescInitEntry(desc, attnum, name, att->atttypid, -1, 0);
		TupleDescInitEntryCollation(desc, attnum, att->attcollation);
		ReleaseSysCache(tuple);
	}
	return desc;
}

/* Make room for more keys, in the current context. */
static void
grow(TvbBatch *batch)
{
	int			natts = batch->layout->natts;

	if (batch->capacity == 0)
	{
		batch->capacity = KEYS_BETWEEN_CHECKS;
		batch->values = palloc(sizeof(Datum) * batch->capacity * natts);
		batch->nulls = palloc(sizeof(bool) * batch->capacity * natts);
		return;
	}
	batch->capacity *= 2;
	batch->values = repalloc_huge(batch->values, sizeof(Datum) * batch->capacity * natts);
	batch->nulls = repalloc_huge(batch->nulls, sizeof(bool) * batch->capacity * natts);
}

/* Put a key into the group of its NULL columns, in the current context. */
static void
add_to_group(TvbBatch *batch, int key)
{
	int			natts = batch->layout->natts;
	const bool *nulls = batch->nulls + key * natts;
	KeyGroup   *group;
	ListCell   *lc;

	foreach(lc, batch->groups)
	{
		group = lfirst(lc);
		if (memcmp(group->nulls, nulls, sizeof(bool) * natts) == 0)
		{
			group->keys = lappend_int(group->keys, key);
			return;
		}
	}
	group = palloc(sizeof(KeyGroup));
	group->nulls = palloc(sizeof(bool) * natts);
	memcpy(group->nulls, nulls, sizeof(bool) * natts);
	group->keys = list_make1_int(key);
	batch->groups = lappend(batch->groups, group);
}

/* The parameters of the current group, in the current context. */
static void
make_args(TvbBatch *batch)
{
	int			natts = batch->layout->natts;

	batch->args.nargs = 0;
	batch->args.types = palloc(sizeof(Oid) * natts);
	batch->args.values = palloc(sizeof(Datum) * natts);
	batch->args.nulls = NULL;
	batch->args.relation = NULL;
	batch->args.keyed = true;
	for (int i = 0; i < natts; i++)
	{
		Oid			type = getBaseType(batch->layout->columns[i].type);
		int			param = batch->args.nargs;

		if (!tvb_evaluate_has_param(&batch->filter, i))
			continue;
		batch->args.types[param] = get_array_type(type);
		batch->args.values[param] = make_array(batch, i, type);
		batch->args.nargs++;
	}
}

/* The values of one column of the current group as an array. */
static Datum
make_array(TvbBatch *batch, int column, Oid type)
{
	const TvbLinkColumn *info = &batch->layout->columns[column];
	int			n = list_length(batch->group->keys);
	Datum	   *elements = palloc(sizeof(Datum) * n);
	ArrayType  *array;
	ListCell   *lc;

	foreach(lc, batch->group->keys)
		elements[foreach_current_index(lc)] =
		batch->values[lfirst_int(lc) * batch->layout->natts + column];
	array = construct_array(elements, n, type, info->typlen, info->typbyval, info->typalign);
	pfree(elements);
	return PointerGetDatum(array);
}
