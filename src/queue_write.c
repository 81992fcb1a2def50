/*-------------------------------------------------------------------------
 *
 * queue_write.c
 *		Stage 2: writing entries to the queue.
 *
 * Entries are ordinary rows of the current (sub)transaction: they are visible
 * exactly when the change they stand for is, and go with it.
 *
 * Invariant: the lock on the table written to is kept to the end of the
 * transaction.  Who gets an exclusive one knows that nothing is on its way
 * into that table, not from a prepared transaction either.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "queue.h"
#include "queue_table.h"
#include "settings.h"

/* What one multi-insert takes at most. */
#define BATCH_ENTRIES	500
#define BATCH_BYTES		(256 * 1024)

/* Slots that a writer has room for before it allocates some. */
#define FIRST_SLOTS		4

/* How often the queue is looked at while it grows by another limit's worth; see note_growth. */
#define GROWTH_LOOKS	8

struct TvbQueueWriter
{
	Relation	rel;
	MemoryContext context;		/* the slots live here, and the writer */
	MemoryContext batch;		/* values of the entries not yet inserted */
	TimestampTz started;
	Size		bytes;			/* about what batch holds */
	int			nentries;		/* slots filled */
	int			nslots;			/* slots made */
	bool		grown;			/* see note_growth */
	int			room;			/* of slots */
	TupleTableSlot **slots;
	TupleTableSlot *first[FIRST_SLOTS]; /* most statements need no more */
};

static TupleTableSlot *next_slot(TvbQueueWriter *writer);
static void flush_writer(TvbQueueWriter *writer);
static void note_growth(TvbQueueWriter *writer);

TvbQueueWriter *
tvb_queue_writer(void)
{
	TvbQueueWriter *writer = palloc(sizeof(TvbQueueWriter));

	writer->rel = tvb_queue_open(tvb_queue_current(), RowExclusiveLock);
	writer->context = CurrentMemoryContext;
	writer->batch = AllocSetContextCreate(CurrentMemoryContext,
										  "tviews_batch queue writer",
										  ALLOCSET_SMALL_SIZES);
	writer->started = GetCurrentTransactionStartTimestamp();
	writer->bytes = 0;
	writer->nentries = 0;
	writer->nslots = 0;
	writer->room = FIRST_SLOTS;
	writer->slots = writer->first;
	writer->grown = false;
	return writer;
}

void
tvb_queue_put(TvbQueueWriter *writer, const TvbChange *change)
{
	TupleTableSlot *slot = next_slot(writer);

	slot->tts_values[QUEUE_SOURCE - 1] = ObjectIdGetDatum(change->source);
	slot->tts_values[QUEUE_VERSION - 1] = Int32GetDatum(change->version);
	slot->tts_values[QUEUE_STARTED - 1] = TimestampTzGetDatum(writer->started);
	memset(slot->tts_isnull, false, QUEUE_NATTS);

	if (change->link != NULL)
	{
		Size		size = VARHDRSZ + change->len;
		bytea	   *link = MemoryContextAlloc(writer->batch, size);

		SET_VARSIZE(link, size);
		memcpy(VARDATA(link), change->link, change->len);
		slot->tts_values[QUEUE_LINK - 1] = PointerGetDatum(link);
		writer->bytes += size;
	}
	else
	{
		slot->tts_values[QUEUE_LINK - 1] = (Datum) 0;
		slot->tts_isnull[QUEUE_LINK - 1] = true;
	}
	ExecStoreVirtualTuple(slot);

	writer->nentries++;
	if (writer->nentries == BATCH_ENTRIES || writer->bytes >= BATCH_BYTES)
		flush_writer(writer);
}

bool
tvb_queue_finish(TvbQueueWriter *writer)
{
	bool		grown;

	flush_writer(writer);
	grown = writer->grown;
	for (int i = 0; i < writer->nslots; i++)
		ExecDropSingleTupleTableSlot(writer->slots[i]);
	MemoryContextDelete(writer->batch);
	table_close(writer->rel, NoLock);
	pfree(writer);
	return grown;
}

/* An empty slot for the next entry. */
static TupleTableSlot *
next_slot(TvbQueueWriter *writer)
{
	if (writer->nentries == writer->nslots)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(writer->context);

		if (writer->nslots == writer->room)
		{
			TupleTableSlot **slots = palloc(BATCH_ENTRIES * sizeof(TupleTableSlot *));

			memcpy(slots, writer->slots, writer->nslots * sizeof(TupleTableSlot *));
			writer->slots = slots;
			writer->room = BATCH_ENTRIES;
		}
		writer->slots[writer->nslots++] = table_slot_create(writer->rel, NULL);
		MemoryContextSwitchTo(oldcontext);
	}
	return ExecClearTuple(writer->slots[writer->nentries]);
}

/* Insert what has been put since the last flush. */
static void
flush_writer(TvbQueueWriter *writer)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(writer->batch);

	if (writer->nentries == 1)
		table_tuple_insert(writer->rel, writer->slots[0],
						   GetCurrentCommandId(true), 0, NULL);
	else if (writer->nentries > 1)
		table_multi_insert(writer->rel, writer->slots, writer->nentries,
						   GetCurrentCommandId(true), 0, NULL);
	if (writer->nentries > 0)
		note_growth(writer);

	for (int i = 0; i < writer->nentries; i++)
		ExecClearTuple(writer->slots[i]);
	writer->nentries = 0;
	writer->bytes = 0;

	MemoryContextSwitchTo(oldcontext);
	MemoryContextReset(writer->batch);
}

/*
 * Notice when entries began a page whose number is a multiple of some distance and so high that
 * the pages before it can hold more entries than the limit.  Nobody counts for that: each page is begun
 * once.  Should the transaction be undone, the next such page is noticed.
 */
static void
note_growth(TvbQueueWriter *writer)
{
	BlockNumber enough = tvb_queue_limit / MaxHeapTuplesPerPage;
	BlockNumber distance = Max(enough / GROWTH_LOOKS, 1);
	ItemPointer last = &writer->slots[writer->nentries - 1]->tts_tid;

	if (likely(ItemPointerGetBlockNumber(last) < enough))
		return;
	for (int i = 0; i < writer->nentries; i++)
	{
		ItemPointer tid = &writer->slots[i]->tts_tid;

		if (ItemPointerGetOffsetNumber(tid) == FirstOffsetNumber &&
			ItemPointerGetBlockNumber(tid) % distance == 0)
			writer->grown = true;
	}
}
