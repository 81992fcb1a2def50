/*-------------------------------------------------------------------------
 *
 * writes.c
 *		The differences between a view and its TVIEW, and their writing.
 *
 * A receiver takes the rows of the query made in evaluate.c, compares the two
 * halves of each by image, and keeps what differs in three tuplestores, which
 * spill to disk.  They are then written by three statements, in this order:
 *
 *	DELETE FROM ONLY tv AS t USING tviews_deletes AS d WHERE t.ctid = d.tid
 *	UPDATE ONLY tv AS t SET pk = u.c1, doc = u.c2 FROM tviews_updates AS u WHERE t.ctid = u.tid
 *	INSERT INTO tv (pk, doc) SELECT i.c1, i.c2 FROM tviews_inserts AS i
 *
 * so that a row may take over a unique value from one that goes.  A ctid stays
 * valid in between: everybody who writes a TVIEW holds the drain lock, and
 * moving rows needs a stronger lock than ours allows.
 *
 * What the TVIEWs that read this one are to be told is collected and handed over
 * only when the rows are sure to stay: writing happens in subtransactions.
 *
 * Invariant: a row whose image is equal is never written, and a row that is
 * written is told to the TVIEWs that read this one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/tuplesort.h"

#include "compat.h"
#include "guard.h"
#include "memory.h"
#include "rights.h"
#include "settings.h"
#include "writes.h"

/* Columns of the query, from 0; then the view's columns, then the stored ones. */
#define COLUMN_TID 0
#define COLUMN_PRESENT 1
#define COLUMN_STORED 2
#define COLUMN_FIRST 3

/* What another TVIEW wants to know of a written row. */
typedef struct Listener
{
	TvbChanges *changes;
	TvbChangeSet *set;			/* NULL: nobody reads this TVIEW */
	TvbBag	   *told;			/* link values not handed over yet */
	bool		told_all;		/* ... or any row */
	int			nlinks;
	int		   *links;			/* positions of the link columns */
	bool		unknown_link;	/* one of them is not a column of the view */
	bool		reads_all;		/* any difference matters */
	Bitmapset  *reads;			/* else: these positions */
	Datum	   *values;
	bool	   *nulls;
} Listener;

/* Rows of one kind of write. */
typedef struct Store
{
	TupleDesc	desc;
	Tuplestorestate *rows;		/* NULL while there are none */
	int64		count;
} Store;

typedef struct WritesReceiver
{
	DestReceiver pub;
	TvbWrites  *writes;
} WritesReceiver;

struct TvbWrites
{
	MemoryContext context;
	MemoryContext rows_context; /* of the stores */
	MemoryContext row_context;	/* of one row */
	TvbRun	   *run;
	TvbTview   *tview;
	bool		count_only;
	bool		replace;
	bool		may_replace;
	bool		applying;
	bool		rows_may_change;	/* by triggers of the user, while they are written */
	int64		replaced;		/* among both deletes and inserts */
	int			ncolumns;
	WritesReceiver receiver;
	TupleDesc	typeinfo;		/* of the query, while it runs */
	int64		matched;		/* rows received that have a stored row */
	int64		stored;			/* stored rows there are; -1: not known */
	Tuplesortstate *tids;		/* ... then: where these rows are */
	Store		deletes;
	Store		updates;
	Store		inserts;
	Datum	   *values;			/* scratch: tid and all columns */
	bool	   *nulls;
	Listener	listener;
};

static void listener_init(TvbWrites *writes, TvbChanges *changes);
static bool find_may_replace(TvbWrites *writes);
static int	column_position(TvbWrites *writes, const char *name);
static void constraints_immediate(Oid relid);
static void clear_stores(TvbWrites *writes);
static void clear_store(Store *store);
static void writes_startup(DestReceiver *self, int operation, TupleDesc typeinfo);
static bool writes_receive(TupleTableSlot *slot, DestReceiver *self);
static void writes_shutdown(DestReceiver *self);
static void keep_tid(TvbWrites *writes, ItemPointer tid);
static int64 count_tids(TvbWrites *writes);
static void make_descs(TvbWrites *writes);
static bool column_differs(TvbWrites *writes, TupleTableSlot *slot, int i);
static bool row_differs(TvbWrites *writes, TupleTableSlot *slot);
static void keep(TvbWrites *writes, Store *store, Datum *values, bool *nulls);
static void keep_update(TvbWrites *writes, TupleTableSlot *slot);
static void keep_replacement(TvbWrites *writes, TupleTableSlot *slot);
static void tell_update(TvbWrites *writes, TupleTableSlot *slot);
static void tell(TvbWrites *writes, TupleTableSlot *slot, int first);
static void untell(Listener *listener);
tvb_compat_noreturn static void rows_were_changed(TvbWrites *writes);
static int64 write_store(TvbWrites *writes, Store *store, const char *name, const char *sql);
static char *delete_sql(TvbWrites *writes);
static char *update_sql(TvbWrites *writes);
static char *insert_sql(TvbWrites *writes);

TvbWrites *
tvb_writes_create(MemoryContext parent, TvbRun *run, TvbTview *tview, TvbChanges *changes)
{
	MemoryContext context = AllocSetContextCreate(parent, "TVIEW writes", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TvbWrites  *writes = palloc0(sizeof(TvbWrites));

	writes->context = context;
	writes->rows_context = AllocSetContextCreate(context, "TVIEW rows", ALLOCSET_DEFAULT_SIZES);
	writes->row_context = AllocSetContextCreate(context, "TVIEW row", ALLOCSET_DEFAULT_SIZES);
	writes->run = run;
	writes->tview = tview;
	writes->count_only = changes == NULL;
	writes->ncolumns = list_length(tview->columns);
	writes->values = palloc(sizeof(Datum) * (writes->ncolumns + 1));
	writes->nulls = palloc(sizeof(bool) * (writes->ncolumns + 1));
	writes->receiver.pub.receiveSlot = writes_receive;
	writes->receiver.pub.rStartup = writes_startup;
	writes->receiver.pub.rShutdown = writes_shutdown;
	writes->receiver.pub.rDestroy = writes_shutdown;
	writes->receiver.pub.mydest = DestTuplestore;
	writes->receiver.writes = writes;
	tvb_rights_check_owners(tview->view, tview->relid);
	tvb_rights_check_table(tview->relid);
	if (changes != NULL)
	{
		writes->rows_may_change = tvb_rights_rows_may_change(tview->relid);
		listener_init(writes, changes);
		constraints_immediate(tview->relid);
		writes->may_replace = find_may_replace(writes);
	}
	MemoryContextSwitchTo(old);
	return writes;
}

void
tvb_writes_mode(TvbWrites *writes, bool look_only, bool replace)
{
	writes->count_only = look_only;
	writes->replace = replace;
}

bool
tvb_writes_may_replace(const TvbWrites *writes)
{
	return writes->may_replace;
}

DestReceiver *
tvb_writes_receiver(TvbWrites *writes)
{
	clear_stores(writes);
	return &writes->receiver.pub;
}

TvbCounts
tvb_writes_counts(const TvbWrites *writes)
{
	TvbCounts	counts = {writes->inserts.count, writes->updates.count, writes->deletes.count};

	return counts;
}

int64
tvb_writes_duplicates(TvbWrites *writes)
{
	if (writes->stored < 0)
		writes->stored = count_tids(writes);
	return writes->matched - writes->stored;
}

int64
tvb_writes_rows(const TvbWrites *writes)
{
	return writes->matched + writes->inserts.count - writes->replaced;
}

void
tvb_writes_apply(TvbWrites *writes, TvbCounts *total)
{
	writes->applying = true;
	if (writes->deletes.count + writes->updates.count + writes->inserts.count > 0)
	{
		int64		replaced = writes->replaced;

		total->deleted += write_store(writes, &writes->deletes, "tviews_deletes",
									  delete_sql(writes)) - replaced;
		total->updated += write_store(writes, &writes->updates, "tviews_updates",
									  update_sql(writes)) + replaced;
		total->inserted += write_store(writes, &writes->inserts, "tviews_inserts",
									   insert_sql(writes)) - replaced;
	}
	writes->applying = false;
	clear_stores(writes);
}

bool
tvb_writes_check_begin(TvbWrites *writes)
{
	if (!writes->rows_may_change)
		return false;
	writes->count_only = true;
	writes->applying = true;
	return true;
}

void
tvb_writes_check_end(TvbWrites *writes)
{
	TvbCounts	counts = tvb_writes_counts(writes);

	if (counts.inserted + counts.updated + counts.deleted > 0)
		rows_were_changed(writes);
	writes->count_only = false;
	writes->applying = false;
}

void
tvb_writes_tell(TvbWrites *writes)
{
	Listener   *listener = &writes->listener;
	const char *data;
	int			len;

	if (listener->set == NULL)
		return;
	if (listener->told_all)
		tvb_changes_add(listener->changes, listener->set, NULL, 0);
	else
	{
		tvb_bag_read(listener->told);
		while (tvb_bag_next(listener->told, &data, &len))
			tvb_changes_add(listener->changes, listener->set, data, len);
	}
	untell(listener);
}

void
tvb_writes_forget(TvbWrites *writes)
{
	/* their files went with the subtransaction */
	writes->deletes.rows = writes->updates.rows = writes->inserts.rows = NULL;
	writes->tids = NULL;
	writes->typeinfo = NULL;
	writes->applying = false;
	clear_stores(writes);
	MemoryContextReset(writes->row_context);
	untell(&writes->listener);
}

bool
tvb_writes_failed(const TvbWrites *writes)
{
	return writes->applying;
}

void
tvb_writes_destroy(TvbWrites *writes)
{
	clear_stores(writes);
	MemoryContextDelete(writes->context);
}

/* Find out what TVIEWs that read this one want to know, in the current context. */
static void
listener_init(TvbWrites *writes, TvbChanges *changes)
{
	Listener   *listener = &writes->listener;
	TvbSource  *source = tvb_registry_source(writes->tview->relid);
	ListCell   *lc;

	if (source == NULL)
		return;
	listener->changes = changes;
	listener->set = tvb_changes_set(changes, source->relid, source->version);
	listener->told = tvb_bag_create(writes->context, "TVIEW changes of a batch",
									(Size) tvb_work_mem * 1024 / 16);
	listener->nlinks = list_length(source->link_columns);
	listener->links = palloc(sizeof(int) * Max(listener->nlinks, 1));
	listener->values = palloc(sizeof(Datum) * Max(listener->nlinks, 1));
	listener->nulls = palloc(sizeof(bool) * Max(listener->nlinks, 1));
	foreach(lc, source->link_columns)
	{
		int			position = column_position(writes, lfirst(lc));

		listener->links[foreach_current_index(lc)] = position;
		if (position < 0)
			listener->unknown_link = true;
	}
	listener->reads_all = source->reads_all;
	foreach(lc, source->read_columns)
	{
		int			position = column_position(writes, lfirst(lc));

		/* a column of the user's own may be generated from any other */
		if (position < 0)
			listener->reads_all = true;
		else
			listener->reads = bms_add_member(listener->reads, position);
	}
}

/*
 * Whether a row may be deleted and inserted anew.  Not where a column of the
 * user's own would lose its value, or a foreign key would notice.
 */
static bool
find_may_replace(TvbWrites *writes)
{
	Relation	rel = table_open(writes->tview->relid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	int			ncolumns = 0;
	bool		may = true;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && att->attgenerated == '\0')
			ncolumns++;
	}
	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		if (RI_FKey_trigger_type(rel->trigdesc->triggers[i].tgfoid) == RI_TRIGGER_PK)
			may = false;
	}
	table_close(rel, NoLock);
	return may && ncolumns == writes->ncolumns;
}

/* Position of a column in the view, from 0; -1: it is none. */
static int
column_position(TvbWrites *writes, const char *name)
{
	ListCell   *lc;

	foreach(lc, writes->tview->columns)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return foreach_current_index(lc);
	}
	return -1;
}

/*
 * Deferred triggers cannot fire inside a restricted operation: let those of
 * constraints on the TVIEW or referencing it fire at once, in this transaction.
 */
static void
constraints_immediate(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	StringInfoData sql;
	bool		any = false;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SET CONSTRAINTS ");
	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		Trigger    *trigger = &rel->trigdesc->triggers[i];
		HeapTuple	tuple;
		Form_pg_constraint form;

		if (!trigger->tgdeferrable || !OidIsValid(trigger->tgconstraint))
			continue;
		tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(trigger->tgconstraint));
		if (!HeapTupleIsValid(tuple))
			continue;
		form = (Form_pg_constraint) GETSTRUCT(tuple);
		appendStringInfo(&sql, "%s%s", any ? ", " : "",
						 quote_qualified_identifier(get_namespace_name(form->connamespace),
													NameStr(form->conname)));
		any = true;
		ReleaseSysCache(tuple);
	}
	table_close(rel, NoLock);
	if (any)
	{
		MemoryContext old = CurrentMemoryContext;

		appendStringInfoString(&sql, " IMMEDIATE");
		if (SPI_execute(sql.data, false, 0) != SPI_OK_UTILITY)
			elog(ERROR, "could not execute \"%s\"", sql.data);
		MemoryContextSwitchTo(old);
	}
	pfree(sql.data);
}

/* Forget all rows received. */
static void
clear_stores(TvbWrites *writes)
{
	clear_store(&writes->deletes);
	clear_store(&writes->updates);
	clear_store(&writes->inserts);
	if (writes->tids != NULL)
		tuplesort_end(writes->tids);
	writes->tids = NULL;
	MemoryContextReset(writes->rows_context);
	writes->matched = 0;
	writes->stored = 0;
	writes->replaced = 0;
}

/* Forget the rows of one store; its description goes with the stores' context. */
static void
clear_store(Store *store)
{
	if (store->rows != NULL)
		tuplestore_end(store->rows);
	memset(store, 0, sizeof(Store));
}

/* The query starts. */
static void
writes_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	TvbWrites  *writes = ((WritesReceiver *) self)->writes;

	if (typeinfo->natts != COLUMN_FIRST + 2 * writes->ncolumns)
		elog(ERROR, "query for a TVIEW of %d columns yields %d", writes->ncolumns, typeinfo->natts);
	writes->typeinfo = typeinfo;
	for (int i = 0; i < writes->ncolumns; i++)
	{
		Oid			view_type = TupleDescAttr(typeinfo, COLUMN_FIRST + i)->atttypid;
		Oid			type = TupleDescAttr(typeinfo, COLUMN_FIRST + writes->ncolumns + i)->atttypid;

		if (view_type != type)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" has type %s in the TVIEW and type %s in its view",
							(char *) list_nth(writes->tview->columns, i),
							format_type_be(type), format_type_be(view_type))));
	}
	make_descs(writes);
}

/* One row: a row of the view, a stored row, or both. */
static bool
writes_receive(TupleTableSlot *slot, DestReceiver *self)
{
	TvbWrites  *writes = ((WritesReceiver *) self)->writes;
	MemoryContext old = MemoryContextSwitchTo(writes->row_context);
	int			n = writes->ncolumns;

	slot_getallattrs(slot);
	if (slot->tts_isnull[COLUMN_TID])
	{
		keep(writes, &writes->inserts, slot->tts_values + COLUMN_FIRST,
			 slot->tts_isnull + COLUMN_FIRST);
		tell(writes, slot, COLUMN_FIRST);
	}
	else
	{
		writes->matched++;
		if (slot->tts_isnull[COLUMN_STORED])
			keep_tid(writes, (ItemPointer) DatumGetPointer(slot->tts_values[COLUMN_TID]));
		else
			writes->stored = DatumGetInt64(slot->tts_values[COLUMN_STORED]);
		if (slot->tts_isnull[COLUMN_PRESENT])
		{
			keep(writes, &writes->deletes, slot->tts_values + COLUMN_TID,
				 slot->tts_isnull + COLUMN_TID);
			tell(writes, slot, COLUMN_FIRST + n);
		}
		else if (row_differs(writes, slot))
		{
			if (writes->replace)
				keep_replacement(writes, slot);
			else
				keep_update(writes, slot);
			tell_update(writes, slot);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(writes->row_context);
	return true;
}

/* The query ends. */
static void
writes_shutdown(DestReceiver *self)
{
	((WritesReceiver *) self)->writes->typeinfo = NULL;
	tvb_memory_sample();
}

/* Remember where a stored row is, to see whether it comes again. */
static void
keep_tid(TvbWrites *writes, ItemPointer tid)
{
	int64		place = ((int64) ItemPointerGetBlockNumber(tid) << 16) | ItemPointerGetOffsetNumber(tid);

	if (writes->tids == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(writes->rows_context);

		writes->tids = tuplesort_begin_datum(INT8OID, Int8LessOperator, InvalidOid, false,
											 Max(tvb_work_mem / 8, 64), NULL, TUPLESORT_NONE);
		writes->stored = -1;
		MemoryContextSwitchTo(old);
	}
	tuplesort_putdatum(writes->tids, Int64GetDatum(place), false);
}

/* How many stored rows have come. */
static int64
count_tids(TvbWrites *writes)
{
	int64		count = 0;
	int64		last = -1;
	Datum		place;
	bool		isnull;

	tuplesort_performsort(writes->tids);
	while (tvb_compat_sort_getdatum(writes->tids, &place, &isnull))
	{
		CHECK_FOR_INTERRUPTS();
		if (DatumGetInt64(place) != last)
			count++;
		last = DatumGetInt64(place);
	}
	tuplesort_end(writes->tids);
	writes->tids = NULL;
	return count;
}

/* Describe the rows of the stores: tid; tid, c1, c2, ...; c1, c2, ... */
static void
make_descs(TvbWrites *writes)
{
	MemoryContext old = MemoryContextSwitchTo(writes->rows_context);
	int			n = writes->ncolumns;

	writes->deletes.desc = CreateTemplateTupleDesc(1);
	writes->updates.desc = CreateTemplateTupleDesc(n + 1);
	writes->inserts.desc = CreateTemplateTupleDesc(n);
	TupleDescInitEntry(writes->deletes.desc, 1, "tid", TIDOID, -1, 0);
	TupleDescInitEntry(writes->updates.desc, 1, "tid", TIDOID, -1, 0);
	for (int i = 1; i <= n; i++)
	{
		Form_pg_attribute att = TupleDescAttr(writes->typeinfo, COLUMN_FIRST + i - 1);
		char		name[NAMEDATALEN];

		snprintf(name, sizeof(name), "c%d", i);
		TupleDescInitEntry(writes->updates.desc, i + 1, name, att->atttypid, att->atttypmod, 0);
		TupleDescInitEntryCollation(writes->updates.desc, i + 1, att->attcollation);
		TupleDescInitEntry(writes->inserts.desc, i, name, att->atttypid, att->atttypmod, 0);
		TupleDescInitEntryCollation(writes->inserts.desc, i, att->attcollation);
	}
	MemoryContextSwitchTo(old);
}

/* Whether the two images of a column differ. */
static bool
column_differs(TvbWrites *writes, TupleTableSlot *slot, int i)
{
	int			a = COLUMN_FIRST + i;
	int			b = a + writes->ncolumns;
	Form_pg_attribute att = TupleDescAttr(writes->typeinfo, a);

	if (slot->tts_isnull[a] || slot->tts_isnull[b])
		return slot->tts_isnull[a] != slot->tts_isnull[b];
	return !datum_image_eq(slot->tts_values[a], slot->tts_values[b],
						   att->attbyval, att->attlen);
}

/* Whether any column differs. */
static bool
row_differs(TvbWrites *writes, TupleTableSlot *slot)
{
	for (int i = 0; i < writes->ncolumns; i++)
	{
		if (column_differs(writes, slot, i))
			return true;
	}
	return false;
}

/* Add a row to a store. */
static void
keep(TvbWrites *writes, Store *store, Datum *values, bool *nulls)
{
	store->count++;
	if (writes->count_only)
		return;
	if (store->rows == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(writes->rows_context);

		store->rows = tuplestore_begin_heap(false, false, Max(tvb_work_mem / 8, 64));
		MemoryContextSwitchTo(old);
	}
	tuplestore_putvalues(store->rows, store->desc, values, nulls);
}

/* Add a tid and its new columns to the updates. */
static void
keep_update(TvbWrites *writes, TupleTableSlot *slot)
{
	int			n = writes->ncolumns;

	writes->values[0] = slot->tts_values[COLUMN_TID];
	writes->nulls[0] = false;
	memcpy(writes->values + 1, slot->tts_values + COLUMN_FIRST, sizeof(Datum) * n);
	memcpy(writes->nulls + 1, slot->tts_isnull + COLUMN_FIRST, sizeof(bool) * n);
	keep(writes, &writes->updates, writes->values, writes->nulls);
}

/* Add a tid to the deletes and the row's new columns to the inserts. */
static void
keep_replacement(TvbWrites *writes, TupleTableSlot *slot)
{
	keep(writes, &writes->deletes, slot->tts_values + COLUMN_TID, slot->tts_isnull + COLUMN_TID);
	keep(writes, &writes->inserts, slot->tts_values + COLUMN_FIRST,
		 slot->tts_isnull + COLUMN_FIRST);
	writes->replaced++;
}

/* Tell the readers of this TVIEW of an update, if a column they read differs. */
static void
tell_update(TvbWrites *writes, TupleTableSlot *slot)
{
	Listener   *listener = &writes->listener;
	bool		matters = listener->reads_all;
	int			i = -1;

	if (listener->set == NULL || writes->count_only)
		return;
	while (!matters && (i = bms_next_member(listener->reads, i)) >= 0)
		matters = column_differs(writes, slot, i);
	if (!matters)
		return;
	tell(writes, slot, COLUMN_FIRST);
	tell(writes, slot, COLUMN_FIRST + writes->ncolumns);
}

/* Tell them of a row whose columns start at first. */
static void
tell(TvbWrites *writes, TupleTableSlot *slot, int first)
{
	Listener   *listener = &writes->listener;
	StringInfoData buf;

	if (listener->set == NULL || writes->count_only)
		return;
	if (listener->unknown_link || listener->set->shape == NULL)
		listener->told_all = true;
	if (listener->told_all)
		return;
	for (int i = 0; i < listener->nlinks; i++)
	{
		listener->values[i] = slot->tts_values[first + listener->links[i]];
		listener->nulls[i] = slot->tts_isnull[first + listener->links[i]];
	}
	initStringInfo(&buf);
	tvb_link_pack(&buf, listener->set->shape->layout, listener->values, listener->nulls);
	tvb_bag_add(listener->told, buf.data, buf.len);
}

/* Forget what was told. */
static void
untell(Listener *listener)
{
	if (listener->told != NULL)
		tvb_bag_reset(listener->told);
	listener->told_all = false;
}

/* What was written is not what the view has: a trigger of the user's had a hand in it. */
static void
rows_were_changed(TvbWrites *writes)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("a trigger of TVIEW %s changes or leaves out rows that are written", writes->tview->name),
			 errhint("A trigger may refuse a row with an error, and set columns that the view does not have.")));
}

/* Write the rows of one store; returns how many rows were written. */
static int64
write_store(TvbWrites *writes, Store *store, const char *name, const char *sql)
{
	EphemeralNamedRelationData enr;
	int64		written;

	if (store->rows == NULL)
		return 0;
	tvb_run_register(writes->run, &enr, name, store->desc, store->rows);
	tvb_guard_enter(writes->tview->relid);
	written = tvb_run_write(writes->run, sql);
	tvb_guard_leave();
	if (written != store->count)
		rows_were_changed(writes);
	tvb_run_unregister(writes->run, &enr);
	tuplestore_end(store->rows);
	store->rows = NULL;
	return written;
}

/* The text of the statement that deletes, in the current context. */
static char *
delete_sql(TvbWrites *writes)
{
	return psprintf("DELETE FROM ONLY %s AS t USING tviews_deletes AS d"
					" WHERE t.ctid OPERATOR(pg_catalog.=) d.tid", writes->tview->name);
}

/* ... that updates: all columns, as a changed row is written whole anyway. */
static char *
update_sql(TvbWrites *writes)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE ONLY %s AS t SET ", writes->tview->name);
	foreach(lc, writes->tview->columns)
		appendStringInfo(&sql, "%s%s = u.c%d", foreach_current_index(lc) > 0 ? ", " : "",
						 quote_identifier(lfirst(lc)), foreach_current_index(lc) + 1);
	appendStringInfoString(&sql, " FROM tviews_updates AS u"
						   " WHERE t.ctid OPERATOR(pg_catalog.=) u.tid");
	return sql.data;
}

/* ... that inserts. */
static char *
insert_sql(TvbWrites *writes)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s (", writes->tview->name);
	foreach(lc, writes->tview->columns)
		appendStringInfo(&sql, "%s%s", foreach_current_index(lc) > 0 ? ", " : "",
						 quote_identifier(lfirst(lc)));
	appendStringInfoString(&sql, ") SELECT ");
	for (int i = 1; i <= writes->ncolumns; i++)
		appendStringInfo(&sql, "%si.c%d", i > 1 ? ", " : "", i);
	appendStringInfoString(&sql, " FROM tviews_inserts AS i");
	return sql.data;
}
