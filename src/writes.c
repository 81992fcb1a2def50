/*-------------------------------------------------------------------------
 *
 * writes.c
 *		The differences between a view and its TVIEW, and their writing.
 *
 * Receivers take the rows of the queries made in evaluate.c and compare them by image with
 * the stored ones.  There are two ways to have a stored row beside the view's:
 *
 *	- for keys, the query yields rows of the view and the stored row is found by the key's
 *	  index (probe.c).  Stored rows whose key the view no longer has are found by a second query,
 *	  which is left out when the view had a row for each key;
 *	- for ranges and the whole, or where there is no such index, the query joins the two.
 *
 * What differs is written at once (direct.c), or kept and written when the query has
 * ended (stage.c) if the TVIEW has triggers of the user's or more unique indexes than its key, or the query
 * runs in parallel.
 *
 * Invariant: a row whose image is equal is never written, and a row that is
 * written is told to the TVIEWs that read this one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "compat.h"
#include "direct.h"
#include "image.h"
#include "memory.h"
#include "probe.h"
#include "rights.h"
#include "stage.h"
#include "tell.h"
#include "tids.h"
#include "writes.h"

/* Columns of a query that joins both, from 0; then the view's columns, then the stored ones. */
#define PAIR_TID 0
#define PAIR_PRESENT 1
#define PAIR_STORED 2
#define PAIR_FIRST 3

/* Columns of a query for stored rows; then their columns. */
#define STORED_TID 0
#define STORED_FIRST 1

/* What the rows of a query are. */
typedef enum RowKind
{
	PAIRS,
	VIEW_ROWS,
	STORED_ROWS
} RowKind;

typedef struct WritesReceiver
{
	DestReceiver pub;
	TvbWrites  *writes;
	RowKind		kind;
} WritesReceiver;

struct TvbWrites
{
	MemoryContext context;
	MemoryContext rows_context; /* of the work on one query's rows */
	MemoryContext row_context;	/* of one row */
	TvbTview   *tview;
	int			ncolumns;
	TvbTell    *tell;			/* NULL: nobody reads this TVIEW */
	Oid			key_index;		/* InvalidOid: stored rows are not to be
								 * probed for */
	bool		may_write_directly; /* as far as the table is concerned */
	bool		may_replace;
	bool		rows_may_change;	/* by triggers of the user, while they are
									 * written */

	bool		count_only;
	bool		replace;
	bool		applying;
	bool		coerced;		/* the table's columns are narrower than the
								 * query's */
	WritesReceiver receiver;
	TupleDesc	desc;			/* c1, c2, ...: the view's columns, in
								 * rows_context */
	TvbProbe   *probe;			/* while a query for rows of the view runs */
	TvbDirect  *direct;			/* NULL: nothing was written directly yet */
	TvbStage   *stage;
	TvbCounts	counts;			/* differences */
	int64		replaced;		/* among both deletes and inserts */
	int64		matched;		/* rows received that have a stored row */
	int64		stored;			/* stored rows there are; -1: not known */
	int64		rewritten;		/* writes of rows that had been written
								 * already */
	TvbTids    *tids;			/* where the matched rows are; NULL: stored is
								 * known */
};

static bool find_may_replace(TvbWrites *writes);
static void constraints_immediate(Oid relid);
static DestReceiver *receiver(TvbWrites *writes, RowKind kind);
static void receive_startup(DestReceiver *self, int operation, TupleDesc typeinfo);
static bool receive(TupleTableSlot *slot, DestReceiver *self);
static void receive_shutdown(DestReceiver *self);
static void receive_pair(TvbWrites *writes, TupleTableSlot *slot);
static void receive_view_row(TvbWrites *writes, TupleTableSlot *slot);
static void receive_stored_row(TvbWrites *writes, TupleTableSlot *slot);
static void check_types(TvbWrites *writes, TupleDesc typeinfo, int first);
static TupleDesc make_desc(TvbWrites *writes, TupleDesc typeinfo, int first);
static void keep_tid(TvbWrites *writes, ItemPointer tid);
static TvbDirect *direct_writer(TvbWrites *writes);
static void put_insert(TvbWrites *writes, const Datum *values, const bool *nulls);
static void put_update(TvbWrites *writes, ItemPointer tid, const Datum *values, const bool *nulls,
					   const Datum *old_values, const bool *old_nulls);
static void put_delete(TvbWrites *writes, ItemPointer tid, const Datum *old_values, const bool *old_nulls);
static bool row_differs(TvbWrites *writes, const Datum *values, const bool *nulls,
						const Datum *old_values, const bool *old_nulls);
tvb_compat_noreturn static void rows_were_changed(TvbWrites *writes);

TvbWrites *
tvb_writes_create(MemoryContext parent, TvbRun *run, TvbTview *tview, TvbChanges *changes)
{
	MemoryContext context = AllocSetContextCreate(parent, "TVIEW writes", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TvbWrites  *writes = palloc0(sizeof(TvbWrites));

	writes->context = context;
	writes->rows_context = AllocSetContextCreate(context, "TVIEW comparison", ALLOCSET_DEFAULT_SIZES);
	writes->row_context = AllocSetContextCreate(context, "TVIEW row", ALLOCSET_DEFAULT_SIZES);
	writes->tview = tview;
	writes->count_only = changes == NULL;
	writes->ncolumns = list_length(tview->columns);
	writes->receiver.pub.receiveSlot = receive;
	writes->receiver.pub.rStartup = receive_startup;
	writes->receiver.pub.rShutdown = receive_shutdown;
	writes->receiver.pub.rDestroy = receive_shutdown;
	writes->receiver.pub.mydest = DestTuplestore;
	writes->receiver.writes = writes;
	/* who gives it a trigger, an index or a foreign key waits from now on: how rows are written is decided here */
	if (changes != NULL)
		LockRelationOid(tview->relid, RowExclusiveLock);
	tvb_rights_check_owners(tview->view, tview->relid);
	tvb_rights_check_table(tview->relid);
	writes->key_index = tvb_probe_index(tview);
	if (changes != NULL)
	{
		writes->rows_may_change = tvb_rights_rows_may_change(tview->relid);
		writes->tell = tvb_tell_create(tview, changes);
		constraints_immediate(tview->relid);
		writes->may_replace = find_may_replace(writes);
		writes->may_write_directly = tvb_direct_possible(tview, writes->key_index);
		writes->stage = tvb_stage_create(run, tview);
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

bool
tvb_writes_probes(const TvbWrites *writes)
{
	return OidIsValid(writes->key_index);
}

DestReceiver *
tvb_writes_receive_pairs(TvbWrites *writes)
{
	tvb_writes_clear(writes);
	return receiver(writes, PAIRS);
}

DestReceiver *
tvb_writes_receive_view(TvbWrites *writes)
{
	tvb_writes_clear(writes);
	return receiver(writes, VIEW_ROWS);
}

DestReceiver *
tvb_writes_receive_stored(TvbWrites *writes)
{
	return receiver(writes, STORED_ROWS);
}

bool
tvb_writes_left_unseen(const TvbWrites *writes, int64 nkeys)
{
	if (list_length(writes->tview->refresh_key) != list_length(writes->tview->key))
		return true;
	return tvb_writes_rows(writes) != nkeys;
}

TvbCounts
tvb_writes_counts(const TvbWrites *writes)
{
	return writes->counts;
}

int64
tvb_writes_duplicates(TvbWrites *writes)
{
	if (writes->tids != NULL)
		writes->stored = tvb_tids_count(writes->tids);
	return Max(writes->matched - writes->stored, writes->rewritten);
}

bool
tvb_writes_inserts_unchecked(const TvbWrites *writes)
{
	return !OidIsValid(writes->key_index) && writes->counts.inserted > 1;
}

int64
tvb_writes_rows(const TvbWrites *writes)
{
	return writes->matched + writes->counts.inserted - writes->replaced;
}

void
tvb_writes_apply(TvbWrites *writes, TvbCounts *total)
{
	writes->applying = true;
	if (writes->direct != NULL)
		tvb_direct_end(writes->direct);
	writes->direct = NULL;
	if (!tvb_stage_write(writes->stage))
		rows_were_changed(writes);
	total->deleted += writes->counts.deleted - writes->replaced;
	total->updated += writes->counts.updated + writes->replaced;
	total->inserted += writes->counts.inserted - writes->replaced;
	writes->applying = false;
	tvb_writes_clear(writes);
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
	if (writes->counts.inserted + writes->counts.updated + writes->counts.deleted > 0)
		rows_were_changed(writes);
	writes->count_only = false;
	writes->applying = false;
}

void
tvb_writes_tell(TvbWrites *writes)
{
	if (writes->tell != NULL)
		tvb_tell_hand_over(writes->tell);
}

void
tvb_writes_forget(TvbWrites *writes)
{
	/* their files, relations and buffers went with the subtransaction */
	tvb_stage_forget_files(writes->stage);
	writes->tids = NULL;
	writes->probe = NULL;
	writes->direct = NULL;
	writes->applying = false;
	tvb_writes_clear(writes);
	MemoryContextReset(writes->row_context);
	if (writes->tell != NULL)
		tvb_tell_forget(writes->tell);
}

void
tvb_writes_clear(TvbWrites *writes)
{
	if (writes->stage != NULL)
		tvb_stage_clear(writes->stage);
	if (writes->tids != NULL)
		tvb_tids_destroy(writes->tids);
	if (writes->direct != NULL)
		tvb_direct_end(writes->direct);
	writes->tids = NULL;
	writes->direct = NULL;
	writes->desc = NULL;
	memset(&writes->counts, 0, sizeof(TvbCounts));
	writes->replaced = writes->matched = writes->stored = writes->rewritten = 0;
	MemoryContextReset(writes->rows_context);
}

bool
tvb_writes_failed(const TvbWrites *writes)
{
	return writes->applying;
}

void
tvb_writes_destroy(TvbWrites *writes)
{
	tvb_writes_clear(writes);
	MemoryContextDelete(writes->context);
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

/* The receiver for rows of some kind. */
static DestReceiver *
receiver(TvbWrites *writes, RowKind kind)
{
	writes->receiver.kind = kind;
	return &writes->receiver.pub;
}

/* The query starts. */
static void
receive_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	TvbWrites  *writes = ((WritesReceiver *) self)->writes;
	RowKind		kind = ((WritesReceiver *) self)->kind;
	MemoryContext old = MemoryContextSwitchTo(writes->rows_context);
	int			first = kind == PAIRS ? PAIR_FIRST : kind == STORED_ROWS ? STORED_FIRST : 0;
	int			n = writes->ncolumns;

	if (typeinfo->natts != first + (kind == PAIRS ? 2 * n : n))
		elog(ERROR, "query for a TVIEW of %d columns yields %d", n, typeinfo->natts);
	if (writes->desc == NULL)
	{
		check_types(writes, typeinfo, first);
		writes->desc = make_desc(writes, typeinfo, first);
		if (!writes->count_only)
			tvb_stage_describe(writes->stage, writes->desc);
	}
	if (kind == VIEW_ROWS)
		writes->probe = tvb_probe_begin(writes->tview, writes->key_index, GetActiveSnapshot());
	MemoryContextSwitchTo(old);
}

/* One row. */
static bool
receive(TupleTableSlot *slot, DestReceiver *self)
{
	TvbWrites  *writes = ((WritesReceiver *) self)->writes;
	MemoryContext old = MemoryContextSwitchTo(writes->row_context);

	slot_getallattrs(slot);
	switch (((WritesReceiver *) self)->kind)
	{
		case PAIRS:
			receive_pair(writes, slot);
			break;
		case VIEW_ROWS:
			receive_view_row(writes, slot);
			break;
		case STORED_ROWS:
			receive_stored_row(writes, slot);
			break;
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(writes->row_context);
	return true;
}

/* The query ends. */
static void
receive_shutdown(DestReceiver *self)
{
	TvbWrites  *writes = ((WritesReceiver *) self)->writes;

	if (writes->probe != NULL)
		tvb_probe_end(writes->probe);
	writes->probe = NULL;
	tvb_memory_sample();
}

/* A row of the view, a stored row, or both. */
static void
receive_pair(TvbWrites *writes, TupleTableSlot *slot)
{
	const Datum *values = slot->tts_values + PAIR_FIRST;
	const bool *nulls = slot->tts_isnull + PAIR_FIRST;
	const Datum *old_values = values + writes->ncolumns;
	const bool *old_nulls = nulls + writes->ncolumns;
	ItemPointer tid = (ItemPointer) DatumGetPointer(slot->tts_values[PAIR_TID]);

	if (slot->tts_isnull[PAIR_TID])
	{
		put_insert(writes, values, nulls);
		return;
	}
	writes->matched++;
	if (slot->tts_isnull[PAIR_STORED])
		keep_tid(writes, tid);
	else
		writes->stored = DatumGetInt64(slot->tts_values[PAIR_STORED]);
	if (slot->tts_isnull[PAIR_PRESENT])
		put_delete(writes, tid, old_values, old_nulls);
	else if (row_differs(writes, values, nulls, old_values, old_nulls))
		put_update(writes, tid, values, nulls, old_values, old_nulls);
}

/* A row of the view. */
static void
receive_view_row(TvbWrites *writes, TupleTableSlot *slot)
{
	const Datum *values = slot->tts_values;
	const bool *nulls = slot->tts_isnull;
	TvbStoredRow *stored = tvb_probe_find(writes->probe, values, nulls);

	if (stored == NULL)
	{
		put_insert(writes, values, nulls);
		return;
	}
	writes->matched++;
	keep_tid(writes, &stored->tid);
	if (row_differs(writes, values, nulls, stored->values, stored->nulls))
		put_update(writes, &stored->tid, values, nulls, stored->values, stored->nulls);
}

/* A stored row that has one of the keys, in the order of places. */
static void
receive_stored_row(TvbWrites *writes, TupleTableSlot *slot)
{
	ItemPointer tid = (ItemPointer) DatumGetPointer(slot->tts_values[STORED_TID]);

	if (writes->tids == NULL || !tvb_tids_has(writes->tids, tid))
		put_delete(writes, tid, slot->tts_values + STORED_FIRST, slot->tts_isnull + STORED_FIRST);
}

/* Check that columns of a query have the types of the table's, and see whether they fit without a cast. */
static void
check_types(TvbWrites *writes, TupleDesc typeinfo, int first)
{
	ListCell   *lc;

	writes->coerced = false;
	foreach(lc, writes->tview->columns)
	{
		Form_pg_attribute att = TupleDescAttr(typeinfo, first + foreach_current_index(lc));
		Oid			type;
		int32		typmod;
		Oid			collation;

		get_atttypetypmodcoll(writes->tview->relid, get_attnum(writes->tview->relid, lfirst(lc)),
							  &type, &typmod, &collation);
		if (att->atttypid != type)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" has type %s in the TVIEW and type %s in its view",
							(char *) lfirst(lc), format_type_be(type), format_type_be(att->atttypid))));
		if (typmod != -1 && typmod != att->atttypmod)
			writes->coerced = true;
	}
}

/* Describe the view's columns as c1, c2, ... */
static TupleDesc
make_desc(TvbWrites *writes, TupleDesc typeinfo, int first)
{
	TupleDesc	desc = CreateTemplateTupleDesc(writes->ncolumns);

	for (int i = 1; i <= writes->ncolumns; i++)
	{
		Form_pg_attribute att = TupleDescAttr(typeinfo, first + i - 1);
		char		name[NAMEDATALEN];

		snprintf(name, sizeof(name), "c%d", i);
		TupleDescInitEntry(desc, i, name, att->atttypid, att->atttypmod, 0);
		TupleDescInitEntryCollation(desc, i, att->attcollation);
	}
	return desc;
}

/* Remember where a stored row is, to see whether it comes again. */
static void
keep_tid(TvbWrites *writes, ItemPointer tid)
{
	if (writes->tids == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(writes->rows_context);

		writes->tids = tvb_tids_create();
		MemoryContextSwitchTo(old);
	}
	tvb_tids_add(writes->tids, tid);
}

/* What writes rows at once; NULL: they have to wait. */
static TvbDirect *
direct_writer(TvbWrites *writes)
{
	if (!writes->may_write_directly || writes->coerced || writes->replace || IsInParallelMode())
		return NULL;
	if (writes->direct == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(writes->rows_context);

		writes->direct = tvb_direct_begin(writes->tview);
		MemoryContextSwitchTo(old);
	}
	return writes->direct;
}

/* The view has a row more. */
static void
put_insert(TvbWrites *writes, const Datum *values, const bool *nulls)
{
	TvbDirect  *direct;

	writes->counts.inserted++;
	if (writes->count_only)
		return;
	writes->applying = true;
	direct = direct_writer(writes);
	if (direct != NULL)
		tvb_direct_insert(direct, values, nulls);
	else
		tvb_stage_insert(writes->stage, values, nulls);
	writes->applying = false;
	if (writes->tell != NULL)
		tvb_tell_row(writes->tell, values, nulls);
}

/* The view has another row for a key. */
static void
put_update(TvbWrites *writes, ItemPointer tid, const Datum *values, const bool *nulls,
		   const Datum *old_values, const bool *old_nulls)
{
	TvbDirect  *direct;

	if (writes->replace && !writes->count_only)
	{
		writes->replaced++;
		put_delete(writes, tid, old_values, old_nulls);
		put_insert(writes, values, nulls);
		return;
	}
	writes->counts.updated++;
	if (writes->count_only)
		return;

	/*
	 * before the row is written: the old values may be in a buffer that this
	 * changes
	 */
	if (writes->tell != NULL)
		tvb_tell_update(writes->tell, writes->desc, values, nulls, old_values, old_nulls);
	writes->applying = true;
	direct = direct_writer(writes);
	if (direct == NULL)
		tvb_stage_update(writes->stage, tid, values, nulls);
	else if (!tvb_direct_update(direct, tid, values, nulls))
		writes->rewritten++;
	writes->applying = false;
}

/* The view has no row for a key any more. */
static void
put_delete(TvbWrites *writes, ItemPointer tid, const Datum *old_values, const bool *old_nulls)
{
	TvbDirect  *direct;

	writes->counts.deleted++;
	if (writes->count_only)
		return;
	if (writes->tell != NULL)
		tvb_tell_row(writes->tell, old_values, old_nulls);
	writes->applying = true;
	direct = direct_writer(writes);
	if (direct == NULL)
		tvb_stage_delete(writes->stage, tid);
	else if (!tvb_direct_delete(direct, tid))
		writes->rewritten++;
	writes->applying = false;
}

/* Whether any column differs. */
static bool
row_differs(TvbWrites *writes, const Datum *values, const bool *nulls,
			const Datum *old_values, const bool *old_nulls)
{
	for (int i = 0; i < writes->ncolumns; i++)
	{
		if (tvb_image_differs(TupleDescAttr(writes->desc, i), values[i], nulls[i],
							  old_values[i], old_nulls[i]))
			return true;
	}
	return false;
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
