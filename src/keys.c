/*-------------------------------------------------------------------------
 *
 * keys.c
 *		Stage 4: from changes to the keys of a TVIEW they can touch.
 *
 * Each route of the TVIEW meets the change sets of its source.  A lookup whose
 * outputs are link columns is done in memory; any other runs as the TVIEW's
 * owner, batch by batch, with the changed link values as the named relation
 * tviews_changed.  A lookup that yields only a part of the key is finished by
 * the view's rows and the stored ones: all keys with that part.
 *
 * Invariant: whatever cannot be told exactly ends in a comparison of the whole
 * TVIEW, never in fewer keys.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "batch.h"
#include "evaluate.h"
#include "keys.h"
#include "memory.h"
#include "owner.h"
#include "plans.h"
#include "settings.h"

#define CHANGED_RELATION "tviews_changed"

/* One change set to be taken through one lookup. */
typedef struct Task
{
	TvbLookup  *lookup;
	TvbChangeSet *set;
	int		   *positions;		/* of the lookup's link columns in the shape */
} Task;

/* What all tasks of one TVIEW share. */
typedef struct Collector
{
	TvbRun	   *run;
	MemoryContext context;		/* of this TVIEW's work */
	TvbTview   *tview;
	TvbBag	   *keys;
	Size		bag_limit;
} Collector;

/* Packs the rows of a query into a bag. */
typedef struct PackReceiver
{
	DestReceiver pub;
	TvbBag	   *bag;
	const TvbLayout *layout;	/* of the packed rows */
	const int  *order;			/* per packed column the query's column; NULL:
								 * as they come */
	MemoryContext row_context;
	Datum	   *values;
	bool	   *nulls;
} PackReceiver;

static bool plan_tasks(Collector *c, TvbChanges *changes, List **tasks);
static bool plan_route(TvbRoute *route, TvbChangeSet *set, List **tasks);
static int *link_positions(List *columns, List *shape_columns);
static void run_task(Collector *c, Task *task);
static void run_direct(Collector *c, Task *task, TvbBag *target, const int *order, int n);
static void run_lookup(Collector *c, Task *task, TvbBag *target, const TvbLayout *layout,
					   const int *order);
static TvbBag *project_links(Collector *c, Task *task);
static bool is_identity(const int *positions, int n, int natts);
static Tuplestorestate *next_links(TvbBag *links, TupleDesc desc, const TvbLayout *layout);
static TupleDesc changed_desc(Task *task, const TvbLayout *layout);
static Oid	source_collation(Oid source, const char *column, Oid type);
static TvbLayout *sub_layout(const TvbLayout *layout, const int *positions, int n);
static int *whole_order(const TvbLookup *lookup);
static void match_parts(Collector *c, TvbBag *parts, const TvbLookup *lookup,
						const TvbLayout *layout);
static PackReceiver *pack_receiver(MemoryContext context, TvbBag *bag,
								   const TvbLayout *layout, const int *order);
static void pack_startup(DestReceiver *self, int operation, TupleDesc typeinfo);
static bool pack_receive(TupleTableSlot *slot, DestReceiver *self);
static void pack_shutdown(DestReceiver *self);

bool
tvb_keys_collect(TvbRun *run, MemoryContext context, TvbTview *tview,
				 TvbChanges *changes, TvbBag *keys)
{
	Collector	c = {run, context, tview, keys, (Size) tvb_work_mem * 1024 / 8};
	MemoryContext old = MemoryContextSwitchTo(context);
	List	   *tasks = NIL;
	bool		known = plan_tasks(&c, changes, &tasks);
	ListCell   *lc;

	if (known)
	{
		foreach(lc, tasks)
			run_task(&c, lfirst(lc));
	}
	MemoryContextSwitchTo(old);
	return known;
}

void
tvb_keys_all(TvbRun *run, MemoryContext context, TvbTview *tview, const TvbRange *range,
			 TvbBag *keys)
{
	PackReceiver *receiver = pack_receiver(context, keys, tview->refresh_layout, NULL);
	TvbFilter	filter = {.relid = tview->relid, .range = range};
	TvbOwnerState owner;

	tvb_owner_enter(&owner, tview->owner, tview->settings, tview->row_security);
	tvb_run_query(run, tvb_evaluate_all_keys_sql(tview, range ? &filter : NULL),
				  range ? tvb_range_args(range) : NULL, &receiver->pub);
	tvb_owner_leave(&owner);
}

/* List the tasks; false: some change cannot be traced to keys. */
static bool
plan_tasks(Collector *c, TvbChanges *changes, List **tasks)
{
	ListCell   *lc;

	foreach(lc, c->tview->routes)
	{
		TvbRoute   *route = lfirst(lc);
		List	   *sets = tvb_changes_of(changes, route->source);
		ListCell   *lc2;

		foreach(lc2, sets)
		{
			TvbChangeSet *set = lfirst(lc2);

			/*
			 * an entry of an older shape committed before the TVIEW was
			 * filled
			 */
			if (set->version > 0 && set->version < route->since_version)
				continue;
			if (c->tview->refresh_key == NIL || !plan_route(route, set, tasks))
				return false;
		}
	}
	return true;
}

/* The tasks of one route and one change set; false: it cannot be traced to keys. */
static bool
plan_route(TvbRoute *route, TvbChangeSet *set, List **tasks)
{
	ListCell   *lc;

	if (route->kind == TVB_ROUTE_FULL || route->lookups == NIL ||
		set->everything || set->shape == NULL)
		return false;
	foreach(lc, route->lookups)
	{
		TvbLookup  *lookup = lfirst(lc);
		int		   *positions = link_positions(lookup->link_columns, set->shape->link_columns);
		Task	   *task;

		if (positions == NULL)
			return false;
		task = palloc(sizeof(Task));
		task->lookup = lookup;
		task->set = set;
		task->positions = positions;
		*tasks = lappend(*tasks, task);
	}
	return true;
}

/* Positions of columns in a shape; NULL: one is not there. */
static int *
link_positions(List *columns, List *shape_columns)
{
	int		   *positions = palloc(sizeof(int) * Max(list_length(columns), 1));
	ListCell   *lc;

	foreach(lc, columns)
	{
		int			position = -1;
		ListCell   *lc2;

		foreach(lc2, shape_columns)
		{
			if (strcmp(lfirst(lc), lfirst(lc2)) == 0)
				position = foreach_current_index(lc2);
		}
		if (position < 0)
			return NULL;
		positions[foreach_current_index(lc)] = position;
	}
	return positions;
}

/* Take one change set through one lookup. */
static void
run_task(Collector *c, Task *task)
{
	TvbLookup  *lookup = task->lookup;
	bool		whole = lookup->nkeys == list_length(c->tview->refresh_key);
	const int  *order = whole ? whole_order(lookup) : NULL;
	TvbLayout  *layout = c->tview->refresh_layout;
	TvbBag	   *target = c->keys;

	if (!whole)
	{
		layout = sub_layout(c->tview->refresh_layout, lookup->key_columns, lookup->nkeys);
		target = tvb_bag_create(c->context, CurrentResourceOwner, "TVIEW key parts", c->bag_limit / 2);
	}
	if (lookup->direct_columns != NULL)
		run_direct(c, task, target, order, lookup->nkeys);
	else
		run_lookup(c, task, target, layout, order);
	if (!whole)
	{
		match_parts(c, target, lookup, layout);
		tvb_bag_destroy(target);
	}
}

/* Read keys off the changes. */
static void
run_direct(Collector *c, Task *task, TvbBag *target, const int *order, int n)
{
	const TvbLookup *lookup = task->lookup;
	int		   *positions = palloc(sizeof(int) * n);
	StringInfoData buf;
	const char *data;
	int			len;

	for (int i = 0; i < n; i++)
	{
		int			output = order ? order[i] : i;

		positions[i] = task->positions[lookup->direct_columns[output]];
	}
	initStringInfo(&buf);
	tvb_bag_read(task->set->links);
	while (tvb_bag_next(task->set->links, &data, &len))
	{
		resetStringInfo(&buf);
		tvb_link_project(&buf, task->set->shape->layout, data, len, positions, n);
		tvb_bag_add(target, buf.data, buf.len);
	}
	pfree(buf.data);
}

/* Ask the database for keys. */
static void
run_lookup(Collector *c, Task *task, TvbBag *target, const TvbLayout *layout, const int *order)
{
	TvbBag	   *links = project_links(c, task);
	TvbLayout  *link_layout = sub_layout(task->set->shape->layout, task->positions,
										 list_length(task->lookup->link_columns));
	TupleDesc	desc = changed_desc(task, link_layout);
	PackReceiver *receiver = pack_receiver(c->context, target, layout, order);
	Tuplestorestate *store;

	tvb_bag_read(links);
	while ((store = next_links(links, desc, link_layout)) != NULL)
	{
		EphemeralNamedRelationData changed;
		TvbRunArgs	args = {.relation = &changed, .keyed = true};
		TvbOwnerState owner;

		tvb_owner_enter(&owner, c->tview->owner, c->tview->settings, c->tview->row_security);
		tvb_run_describe(&changed, CHANGED_RELATION, desc, store);
		tvb_plans_query(c->run, c->tview, task->lookup->sql, &args, tuplestore_tuple_count(store),
						&receiver->pub);
		tvb_owner_leave(&owner);
		tuplestore_end(store);
	}
	if (links != task->set->links)
		tvb_bag_destroy(links);
}

/* The distinct values of the columns that a lookup uses; often the set as it is. */
static TvbBag *
project_links(Collector *c, Task *task)
{
	int			n = list_length(task->lookup->link_columns);
	const TvbLayout *layout = task->set->shape->layout;
	StringInfoData buf;
	TvbBag	   *links;
	const char *data;
	int			len;

	if (is_identity(task->positions, n, layout->natts))
		return task->set->links;

	links = tvb_bag_create(c->context, CurrentResourceOwner, "TVIEW links", c->bag_limit / 2);
	initStringInfo(&buf);
	tvb_bag_read(task->set->links);
	while (tvb_bag_next(task->set->links, &data, &len))
	{
		resetStringInfo(&buf);
		tvb_link_project(&buf, layout, data, len, task->positions, n);
		tvb_bag_add(links, buf.data, buf.len);
	}
	pfree(buf.data);
	return links;
}

/* Whether a projection changes nothing. */
static bool
is_identity(const int *positions, int n, int natts)
{
	if (n != natts)
		return false;
	for (int i = 0; i < n; i++)
	{
		if (positions[i] != i)
			return false;
	}
	return true;
}

/* The next batch_keys rows of a bag being read, as a tuplestore; NULL: there are none. */
static Tuplestorestate *
next_links(TvbBag *links, TupleDesc desc, const TvbLayout *layout)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(layout->natts, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(layout->natts, 1));
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "TVIEW link",
													  ALLOCSET_SMALL_SIZES);
	Tuplestorestate *store = NULL;
	const char *data;
	int			len;

	for (int i = 0; i < tvb_batch_keys && tvb_bag_next(links, &data, &len); i++)
	{
		MemoryContext old;

		if (store == NULL)
			store = tuplestore_begin_heap(false, false, Max(tvb_work_mem / 8, 64));
		old = MemoryContextSwitchTo(row_context);
		tvb_link_unpack(layout, data, len, values, nulls);
		MemoryContextSwitchTo(old);
		tuplestore_putvalues(store, desc, values, nulls);
		MemoryContextReset(row_context);
	}
	MemoryContextDelete(row_context);
	pfree(values);
	pfree(nulls);
	return store;
}

/* The columns of tviews_changed for one task. */
static TupleDesc
changed_desc(Task *task, const TvbLayout *layout)
{
	TupleDesc	desc = CreateTemplateTupleDesc(layout->natts);
	ListCell   *lc;

	foreach(lc, task->lookup->link_columns)
	{
		int			i = foreach_current_index(lc);
		Oid			type = layout->columns[i].type;

		TupleDescInitEntry(desc, i + 1, lfirst(lc), type, -1, 0);
		TupleDescInitEntryCollation(desc, i + 1,
									source_collation(task->set->source, lfirst(lc), type));
	}
	return desc;
}

/* The collation that the view compares a source's column with. */
static Oid
source_collation(Oid source, const char *column, Oid type)
{
	HeapTuple	tuple = SearchSysCacheAttName(source, column);
	Oid			collation = get_typcollation(type);

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_attribute att = (Form_pg_attribute) GETSTRUCT(tuple);

		if (att->atttypid == type)
			collation = att->attcollation;
		ReleaseSysCache(tuple);
	}
	return collation;
}

/* The layout of some columns of another one. */
static TvbLayout *
sub_layout(const TvbLayout *layout, const int *positions, int n)
{
	Oid		   *types = palloc(sizeof(Oid) * Max(n, 1));
	TvbLayout  *result;

	for (int i = 0; i < n; i++)
		types[i] = layout->columns[positions[i]].type;
	result = tvb_link_layout(n, types);
	pfree(types);
	return result;
}

/* Per refresh key column the output of a lookup that yields it. */
static int *
whole_order(const TvbLookup *lookup)
{
	int		   *order = palloc(sizeof(int) * lookup->nkeys);

	for (int i = 0; i < lookup->nkeys; i++)
		order[i] = -1;
	for (int i = 0; i < lookup->nkeys; i++)
	{
		if (lookup->key_columns[i] < 0 || lookup->key_columns[i] >= lookup->nkeys)
			elog(ERROR, "lookup yields key column %d of %d", lookup->key_columns[i] + 1,
				 lookup->nkeys);
		order[lookup->key_columns[i]] = i;
	}
	for (int i = 0; i < lookup->nkeys; i++)
	{
		if (order[i] < 0)
			elog(ERROR, "lookup does not yield key column %d", i + 1);
	}
	return order;
}

/*
 * Add the keys of all rows, of the view's and of the stored ones, that have one of the parts.  The stored rows are those that
 * may have lost something.  The view's are those that may have appeared because something is gone (NOT EXISTS, EXCEPT, HAVING
 * count(*) < 3), of which there is no stored row, and to whose other parts nothing may lead any more.
 */
static void
match_parts(Collector *c, TvbBag *parts, const TvbLookup *lookup, const TvbLayout *layout)
{
	PackReceiver *receiver = pack_receiver(c->context, c->keys, c->tview->refresh_layout, NULL);
	List	   *columns = NIL;
	TvbBatch   *batch;
	const TvbFilter *filter;
	const TvbRunArgs *args;

	for (int i = 0; i < lookup->nkeys; i++)
		columns = lappend(columns, list_nth(c->tview->refresh_key, lookup->key_columns[i]));
	batch = tvb_batch_create(c->context, c->tview->relid, columns, layout);
	tvb_bag_read(parts);
	while (tvb_batch_fill(batch, parts) > 0)
	{
		while (tvb_batch_next(batch, &filter, &args))
		{
			TvbOwnerState owner;

			tvb_owner_enter(&owner, c->tview->owner, c->tview->settings, c->tview->row_security);
			tvb_batch_register(batch);
			tvb_run_query(c->run, tvb_evaluate_all_keys_sql(c->tview, filter), args,
						  &receiver->pub);
			tvb_batch_unregister(batch);
			tvb_owner_leave(&owner);
		}
	}
	tvb_batch_destroy(batch);
}

/* A receiver that adds rows to a bag. */
static PackReceiver *
pack_receiver(MemoryContext context, TvbBag *bag, const TvbLayout *layout, const int *order)
{
	PackReceiver *receiver = MemoryContextAllocZero(context, sizeof(PackReceiver));

	receiver->pub.receiveSlot = pack_receive;
	receiver->pub.rStartup = pack_startup;
	receiver->pub.rShutdown = pack_shutdown;
	receiver->pub.rDestroy = pack_shutdown;
	receiver->pub.mydest = DestTuplestore;
	receiver->bag = bag;
	receiver->layout = layout;
	receiver->order = order;
	receiver->values = MemoryContextAlloc(context, sizeof(Datum) * layout->natts);
	receiver->nulls = MemoryContextAlloc(context, sizeof(bool) * layout->natts);
	receiver->row_context = AllocSetContextCreate(context, "TVIEW key", ALLOCSET_SMALL_SIZES);
	return receiver;
}

/* Check that the query yields what the keys consist of. */
static void
pack_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	PackReceiver *receiver = (PackReceiver *) self;

	if (typeinfo->natts != receiver->layout->natts)
		elog(ERROR, "lookup yields %d columns instead of %d",
			 typeinfo->natts, receiver->layout->natts);
	for (int i = 0; i < typeinfo->natts; i++)
	{
		Oid			type = TupleDescAttr(typeinfo, receiver->order ? receiver->order[i] : i)->atttypid;

		if (getBaseType(type) != getBaseType(receiver->layout->columns[i].type))
			elog(ERROR, "lookup yields type %u instead of %u for key column %d",
				 type, receiver->layout->columns[i].type, i + 1);
	}
}

/* Pack one row. */
static bool
pack_receive(TupleTableSlot *slot, DestReceiver *self)
{
	PackReceiver *receiver = (PackReceiver *) self;
	MemoryContext old = MemoryContextSwitchTo(receiver->row_context);
	StringInfoData buf;

	slot_getallattrs(slot);
	for (int i = 0; i < receiver->layout->natts; i++)
	{
		int			column = receiver->order ? receiver->order[i] : i;

		receiver->values[i] = slot->tts_values[column];
		receiver->nulls[i] = slot->tts_isnull[column];
	}
	initStringInfo(&buf);
	tvb_link_pack(&buf, receiver->layout, receiver->values, receiver->nulls);
	MemoryContextSwitchTo(old);
	tvb_bag_add(receiver->bag, buf.data, buf.len);
	MemoryContextReset(receiver->row_context);
	return true;
}

/* The query is at its end. */
static void
pack_shutdown(DestReceiver *self)
{
	tvb_memory_sample();
}
