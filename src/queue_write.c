/*-------------------------------------------------------------------------
 *
 * queue_write.c
 *		Stage 2: writing entries to the queue.
 *
 * The link values of a source are gathered in a pack (queue_pack.c).  Where that stays
 * small, each gets an entry of its own, which is as cheap to write and easier to look at.
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

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "queue.h"
#include "queue_pack.h"
#include "queue_table.h"
#include "settings.h"

/* What one multi-insert takes at most. */
#define BATCH_ENTRIES	500
#define BATCH_BYTES		(256 * 1024)

/* Slots that a writer has room for before it allocates some. */
#define FIRST_SLOTS		4

/* A link that is not longer needs no context of its own. */
#define SHORT_LINK		256

/* How often the queue is looked at while it grows by another limit's worth; see note_growth. */
#define GROWTH_LOOKS	8

/* More changes than this are on no page: in a pack each takes two bytes at least. */
#define CHANGES_PER_PAGE (BLCKSZ / 2)

/* Where the columns stand in a row; see make_row. */
#define ROW_VERSION		4
#define ROW_STARTED		8
#define ROW_LINK		16

/* A pack of fewer values is written as so many entries. */
#define FEW_VALUES 8

/* Link values of one source that have not been written yet. */
typedef struct OpenPack
{
	Oid			source;
	int32		version;
	struct OpenPack *next;
	TvbQueuePack values;
} OpenPack;

struct TvbQueueWriter
{
	Relation	rel;
	MemoryContext context;		/* the slots live here, and the writer */
	MemoryContext batch;		/* values of the entries not yet inserted; NULL while there are few */
	TimestampTz started;
	Size		bytes;			/* about what batch holds */
	int			nentries;		/* slots filled */
	int			nslots;			/* slots made */
	bool		packed;			/* a pack has been put */
	bool		grown;			/* see note_growth */
	int			room;			/* of slots */
	TupleTableSlot **slots;
	TupleTableSlot *first[FIRST_SLOTS]; /* most statements need no more */
	OpenPack   *packs;			/* the one used last comes first */
};

static int	member_of_transaction(void);
static bool is_single(const TvbQueueWriter *writer);
static void insert_single(TvbQueueWriter *writer);
static HeapTuple make_row(const TvbQueueWriter *writer, const TvbChange *change);
static bytea *make_link(MemoryContext context, const char *data, int len);
static OpenPack *find_pack(TvbQueueWriter *writer, const TvbChange *change);
static void close_pack(TvbQueueWriter *writer, OpenPack *pack);
static void put_entry(TvbQueueWriter *writer, const TvbChange *change);
static MemoryContext batch_context(TvbQueueWriter *writer, Size size);
static TupleTableSlot *next_slot(TvbQueueWriter *writer);
static void flush_writer(TvbQueueWriter *writer);
static void note_growth(TvbQueueWriter *writer, ItemPointer tid);

TvbQueueWriter *
tvb_queue_writer(void)
{
	TvbQueueWriter *writer = palloc(sizeof(TvbQueueWriter));

	writer->rel = tvb_queue_open(member_of_transaction(), RowExclusiveLock);
	writer->context = CurrentMemoryContext;
	writer->batch = NULL;
	writer->started = GetCurrentTransactionStartTimestamp();
	writer->bytes = 0;
	writer->nentries = 0;
	writer->nslots = 0;
	writer->room = FIRST_SLOTS;
	writer->slots = writer->first;
	writer->packed = false;
	writer->grown = false;
	writer->packs = NULL;
	return writer;
}

void
tvb_queue_put(TvbQueueWriter *writer, const TvbChange *change)
{
	OpenPack   *pack;

	if (change->link == NULL || change->len > TVB_QUEUE_PACK_VALUE_MAX)
	{
		put_entry(writer, change);
		return;
	}
	pack = find_pack(writer, change);
	if (!tvb_queue_pack_add(&pack->values, change->link, change->len))
	{
		close_pack(writer, pack);
		(void) tvb_queue_pack_add(&pack->values, change->link, change->len);
	}
}

/* A single short value, the usual case, is inserted as a row made by hand. */
bool
tvb_queue_finish(TvbQueueWriter *writer)
{
	bool		grown;

	if (is_single(writer))
		insert_single(writer);
	else
	{
		for (OpenPack *pack = writer->packs; pack != NULL; pack = pack->next)
			close_pack(writer, pack);
		flush_writer(writer);
	}
	grown = writer->grown;
	for (int i = 0; i < writer->nslots; i++)
		ExecDropSingleTupleTableSlot(writer->slots[i]);
	if (writer->batch != NULL)
		MemoryContextDelete(writer->batch);
	table_close(writer->rel, NoLock);
	pfree(writer);
	return grown;
}

/*
 * The member that this transaction writes to, to its end: it is the only one that it locks, so it does not wait for others while
 * somebody who empties the queue waits for it.
 */
static int
member_of_transaction(void)
{
	static FullTransactionId transaction;
	static int	member;
	FullTransactionId now = GetTopFullTransactionId();

	if (!FullTransactionIdEquals(transaction, now))
	{
		transaction = now;
		member = tvb_queue_current();
	}
	return member;
}

/* Whether there is one short value and nothing else, as for most statements that change one row. */
static bool
is_single(const TvbQueueWriter *writer)
{
	const OpenPack *pack = writer->packs;

	return writer->nslots == 0 && pack != NULL && pack->next == NULL && pack->values.count == 1 &&
		pack->values.len <= VARATT_SHORT_MAX;
}

/* Insert it, without the detour over a slot. */
static void
insert_single(TvbQueueWriter *writer)
{
	OpenPack   *pack = writer->packs;
	TvbQueueUnpack reader;
	TvbChange	change = {pack->source, pack->version, NULL, 0};
	HeapTuple	tuple;

	tvb_queue_pack_finish(&pack->values, InvalidTransactionId);
	tvb_queue_unpack(&reader, pack->values.data, pack->values.len);
	(void) tvb_queue_unpack_next(&reader, &change.link, &change.len);
	tuple = make_row(writer, &change);
	heap_insert(writer->rel, tuple, GetCurrentCommandId(true), 0, NULL);
	note_growth(writer, &tuple->t_self);
}

/*
 * A row of the queue, as heap_form_tuple would make it in five times as many steps: three columns of
 * fixed length, then a link that is short enough for a header of one byte.
 */
static HeapTuple
make_row(const TvbQueueWriter *writer, const TvbChange *change)
{
	Size		head = MAXALIGN(SizeofHeapTupleHeader);
	Size		len = head + ROW_LINK + VARHDRSZ_SHORT + change->len;
	HeapTuple	tuple = palloc0(HEAPTUPLESIZE + len);
	char	   *data;

	tuple->t_len = len;
	tuple->t_data = (HeapTupleHeader) ((char *) tuple + HEAPTUPLESIZE);
	tuple->t_data->t_hoff = head;
	tuple->t_data->t_infomask = HEAP_HASVARWIDTH;
	HeapTupleHeaderSetNatts(tuple->t_data, QUEUE_NATTS);

	data = (char *) tuple->t_data + head;
	*(Oid *) data = change->source;
	*(int32 *) (data + ROW_VERSION) = change->version;
	*(TimestampTz *) (data + ROW_STARTED) = writer->started;
	SET_VARSIZE_SHORT(data + ROW_LINK, VARHDRSZ_SHORT + change->len);
	memcpy(data + ROW_LINK + VARHDRSZ_SHORT, change->link, change->len);
	return tuple;
}

/* A link as the queue has it. */
static bytea *
make_link(MemoryContext context, const char *data, int len)
{
	bytea	   *link = MemoryContextAlloc(context, VARHDRSZ + len);

	SET_VARSIZE(link, VARHDRSZ + len);
	memcpy(VARDATA(link), data, len);
	return link;
}

/* The pack for values of a change's source; made if there is none. */
static OpenPack *
find_pack(TvbQueueWriter *writer, const TvbChange *change)
{
	OpenPack  **link = &writer->packs;
	OpenPack   *pack;

	while ((pack = *link) != NULL)
	{
		if (pack->source == change->source && pack->version == change->version)
			break;
		link = &pack->next;
	}
	if (pack == NULL)
	{
		pack = MemoryContextAlloc(writer->context, sizeof(OpenPack));
		pack->source = change->source;
		pack->version = change->version;
		tvb_queue_pack_reset(&pack->values);
	}
	else if (pack == writer->packs)
		return pack;
	else
		*link = pack->next;
	pack->next = writer->packs;
	writer->packs = pack;
	return pack;
}

/* Put the values of a pack among the entries, and empty it. */
static void
close_pack(TvbQueueWriter *writer, OpenPack *pack)
{
	TvbChange	change = {pack->source, pack->version, pack->values.data, pack->values.len};

	tvb_queue_pack_finish(&pack->values, InvalidTransactionId);
	if (pack->values.count >= FEW_VALUES)
	{
		writer->packed = true;
		put_entry(writer, &change);
	}
	else
	{
		TvbQueueUnpack reader;

		tvb_queue_unpack(&reader, pack->values.data, pack->values.len);
		while (tvb_queue_unpack_next(&reader, &change.link, &change.len))
			put_entry(writer, &change);
	}
	tvb_queue_pack_reset(&pack->values);
}

/* Fill a slot with an entry. */
static void
put_entry(TvbQueueWriter *writer, const TvbChange *change)
{
	TupleTableSlot *slot = next_slot(writer);

	slot->tts_values[QUEUE_SOURCE - 1] = ObjectIdGetDatum(change->source);
	slot->tts_values[QUEUE_VERSION - 1] = Int32GetDatum(change->version);
	slot->tts_values[QUEUE_STARTED - 1] = TimestampTzGetDatum(writer->started);
	memset(slot->tts_isnull, false, QUEUE_NATTS);

	if (change->link != NULL)
	{
		bytea	   *link = make_link(batch_context(writer, change->len), change->link, change->len);

		slot->tts_values[QUEUE_LINK - 1] = PointerGetDatum(link);
		writer->bytes += VARSIZE(link);
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

/*
 * Where a link of some size goes until it is inserted.  The few short links of most statements
 * are not worth a context: they go with the writer's.
 */
static MemoryContext
batch_context(TvbQueueWriter *writer, Size size)
{
	if (writer->batch == NULL && (writer->nslots > FIRST_SLOTS || size > SHORT_LINK))
		writer->batch = AllocSetContextCreate(writer->context,
											  "tviews_batch queue writer",
											  ALLOCSET_SMALL_SIZES);
	return writer->batch != NULL ? writer->batch : writer->context;
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
	MemoryContext oldcontext = CurrentMemoryContext;

	if (writer->batch != NULL)
		MemoryContextSwitchTo(writer->batch);
	if (writer->nentries == 1)
		table_tuple_insert(writer->rel, writer->slots[0],
						   GetCurrentCommandId(true), 0, NULL);
	else if (writer->nentries > 1)
		table_multi_insert(writer->rel, writer->slots, writer->nentries,
						   GetCurrentCommandId(true), 0, NULL);
	for (int i = 0; i < writer->nentries; i++)
	{
		note_growth(writer, &writer->slots[i]->tts_tid);
		ExecClearTuple(writer->slots[i]);
	}
	writer->nentries = 0;
	writer->bytes = 0;

	MemoryContextSwitchTo(oldcontext);
	if (writer->batch != NULL)
		MemoryContextReset(writer->batch);
}

/*
 * Notice when an entry began a page whose number is a multiple of some distance and so high that
 * the pages before it can hold more changes than the limit.  Nobody counts for that: each page is begun
 * once.  Should the transaction be undone, the next such page is noticed.  Where the limit is
 * not above what a few pages can hold, each pack is reason enough to look.
 */
static void
note_growth(TvbQueueWriter *writer, ItemPointer tid)
{
	BlockNumber enough = tvb_queue_limit / CHANGES_PER_PAGE;
	BlockNumber distance = Max(enough / GROWTH_LOOKS, 1);

	if (likely(ItemPointerGetBlockNumber(tid) < enough))
		return;
	if (distance == 1 && writer->packed)
		writer->grown = true;
	if (ItemPointerGetOffsetNumber(tid) == FirstOffsetNumber &&
		ItemPointerGetBlockNumber(tid) % distance == 0)
		writer->grown = true;
}
