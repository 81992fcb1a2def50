/*-------------------------------------------------------------------------
 *
 * queue_sentinel.c
 *		Stage 2: the entries that tell whether the queue was emptied.
 *
 * One entry of each member is its sentinel (source 0, its link the epoch, the
 * same in all).  Claims and counts pass over it; where it is missing, the
 * table was emptied by something that is no drain, and entries may have been lost.
 * It is looked for where this backend saw it last, then from the first page on, which is
 * where it stands in the long run.
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
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "queue.h"
#include "queue_table.h"

/* Room that the sentinel needs on a page, line pointer and alignment included; ample. */
#define SENTINEL_ROOM 128

/* Where a member's sentinel was last seen: a hint, true in any table or none. */
typedef struct SentinelHint
{
	Oid			relid;
	ItemPointerData tid;
} SentinelHint;

static SentinelHint hints[TVB_QUEUE_MEMBERS];

static SentinelHint *hint_of(Relation rel);
static bool read_sentinel(Relation rel, Snapshot snapshot, pg_uuid_t *epoch);
static bool find_sentinel(Relation rel, Snapshot snapshot, TupleTableSlot *slot);
static bool find_on_page(Relation rel, Snapshot snapshot, BlockNumber page, ItemPointer tid);
static void insert_sentinel(Relation rel, const pg_uuid_t *epoch);
static bool remove_sentinel(Relation rel, Snapshot snapshot);
static bool has_room(Relation rel, BlockNumber page);

PG_FUNCTION_INFO_V1(tvb_epoch);

bool
tvb_queue_epoch(Snapshot snapshot, pg_uuid_t *epoch)
{
	Relation	members[TVB_QUEUE_MEMBERS];
	bool		found = true;

	tvb_queue_open_all(members, AccessShareLock);
	for (int i = 0; found && i < TVB_QUEUE_MEMBERS; i++)
	{
		pg_uuid_t	other;

		found = tvb_queue_readable(members[i]) &&
			read_sentinel(members[i], snapshot, i == 0 ? epoch : &other) &&
			(i == 0 || memcmp(epoch, &other, sizeof(pg_uuid_t)) == 0);
	}
	tvb_queue_close_all(members, AccessShareLock);
	return found;
}

void
tvb_queue_begin_epoch(const pg_uuid_t *epoch)
{
	Relation	members[TVB_QUEUE_MEMBERS];
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());

	tvb_queue_open_all(members, RowExclusiveLock);
	for (int i = 0; i < TVB_QUEUE_MEMBERS; i++)
	{
		(void) remove_sentinel(members[i], snapshot);
		insert_sentinel(members[i], epoch);
	}
	tvb_queue_close_all(members, NoLock);
	UnregisterSnapshot(snapshot);
	CommandCounterIncrement();
}

void
tvb_queue_settle(Snapshot snapshot)
{
	Relation	members[TVB_QUEUE_MEMBERS];

	tvb_queue_open_all(members, RowExclusiveLock);
	for (int i = 0; i < TVB_QUEUE_MEMBERS; i++)
	{
		Relation	rel = members[i];
		ItemPointer tid = &hint_of(rel)->tid;
		pg_uuid_t	epoch;

		if (ItemPointerIsValid(tid) && ItemPointerGetBlockNumber(tid) > 0 &&
			has_room(rel, 0) && read_sentinel(rel, snapshot, &epoch) &&
			ItemPointerGetBlockNumber(tid) > 0)
		{
			if (remove_sentinel(rel, snapshot))
				insert_sentinel(rel, &epoch);
		}
	}
	tvb_queue_close_all(members, NoLock);
}

/* tviews_batch.epoch(): what the sentinels say, as the caller's snapshot sees them. */
Datum
tvb_epoch(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *epoch = palloc(sizeof(pg_uuid_t));

	if (!tvb_queue_epoch(GetActiveSnapshot(), epoch))
		PG_RETURN_NULL();
	PG_RETURN_UUID_P(epoch);
}

/* What is remembered of a member. */
static SentinelHint *
hint_of(Relation rel)
{
	int			i;

	for (i = 0; i < TVB_QUEUE_MEMBERS && OidIsValid(hints[i].relid); i++)
	{
		if (hints[i].relid == RelationGetRelid(rel))
			return &hints[i];
	}
	if (i == TVB_QUEUE_MEMBERS)
	{
		/* those of an extension that was dropped */
		memset(hints, 0, sizeof(hints));
		i = 0;
	}
	hints[i].relid = RelationGetRelid(rel);
	ItemPointerSetInvalid(&hints[i].tid);
	return &hints[i];
}

/* The epoch that a member's sentinel names; false if snapshot sees none. */
static bool
read_sentinel(Relation rel, Snapshot snapshot, pg_uuid_t *epoch)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	bool		found = find_sentinel(rel, snapshot, slot);

	if (found)
	{
		bool		isnull;
		struct varlena *link = (struct varlena *)
		DatumGetPointer(slot_getattr(slot, QUEUE_LINK, &isnull));

		found = !isnull && VARSIZE_ANY_EXHDR(link) == UUID_LEN;
		if (found)
			memcpy(epoch->data, VARDATA_ANY(link), UUID_LEN);
	}
	ExecDropSingleTupleTableSlot(slot);
	return found;
}

/* Put the sentinel that snapshot sees into the slot; false if there is none. */
static bool
find_sentinel(Relation rel, Snapshot snapshot, TupleTableSlot *slot)
{
	ItemPointer hint = &hint_of(rel)->tid;
	BlockNumber npages = RelationGetNumberOfBlocks(rel);

	if (ItemPointerIsValid(hint) && ItemPointerGetBlockNumber(hint) < npages &&
		table_tuple_fetch_row_version(rel, hint, snapshot, slot) &&
		tvb_queue_is_sentinel(slot))
		return true;

	for (BlockNumber page = 0; page < npages; page++)
	{
		CHECK_FOR_INTERRUPTS();
		if (find_on_page(rel, snapshot, page, hint))
			return table_tuple_fetch_row_version(rel, hint, snapshot, slot);
	}
	ItemPointerSetInvalid(hint);
	return false;
}

/*
 * Find the sentinel on a page, below the scans of the server: in a SERIALIZABLE
 * transaction that looks at tviews_status they would take a lock on the whole table that
 * conflicts with every writer.
 */
static bool
find_on_page(Relation rel, Snapshot snapshot, BlockNumber page, ItemPointer tid)
{
	Buffer		buffer = ReadBuffer(rel, page);
	bool		found = false;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	for (OffsetNumber line = FirstOffsetNumber; !found && line <= PageGetMaxOffsetNumber(BufferGetPage(buffer)); line++)
	{
		HeapTupleData tuple;

		found = tvb_queue_line(rel, buffer, line, &tuple) && tvb_queue_tuple_is_sentinel(rel, &tuple) &&
			HeapTupleSatisfiesVisibility(&tuple, snapshot, buffer);
		if (found)
			*tid = tuple.t_self;
	}
	UnlockReleaseBuffer(buffer);
	return found;
}

/* Write the sentinel, on the first page if there is room. */
static void
insert_sentinel(Relation rel, const pg_uuid_t *epoch)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	bytea	   *link = palloc(VARHDRSZ + UUID_LEN);

	SET_VARSIZE(link, VARHDRSZ + UUID_LEN);
	memcpy(VARDATA(link), epoch->data, UUID_LEN);
	slot->tts_values[QUEUE_SOURCE - 1] = ObjectIdGetDatum(TVB_QUEUE_SENTINEL);
	slot->tts_values[QUEUE_VERSION - 1] = Int32GetDatum(0);
	slot->tts_values[QUEUE_STARTED - 1] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	slot->tts_values[QUEUE_LINK - 1] = PointerGetDatum(link);
	memset(slot->tts_isnull, false, QUEUE_NATTS);
	ExecStoreVirtualTuple(slot);

	if (RelationGetNumberOfBlocks(rel) > 0)
		RelationSetTargetBlock(rel, 0);
	table_tuple_insert(rel, slot, GetCurrentCommandId(true), 0, NULL);
	hint_of(rel)->tid = slot->tts_tid;
	ExecDropSingleTupleTableSlot(slot);
}

/* Remove the sentinel that snapshot sees; whether there was one to remove. */
static bool
remove_sentinel(Relation rel, Snapshot snapshot)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TM_FailureData failure;
	bool		removed;

	removed = find_sentinel(rel, snapshot, slot) &&
		table_tuple_delete(rel, &slot->tts_tid, GetCurrentCommandId(true), snapshot,
						   InvalidSnapshot, true, &failure, false) == TM_Ok;
	ExecDropSingleTupleTableSlot(slot);
	return removed;
}

/* Whether the sentinel fits on a page that exists. */
static bool
has_room(Relation rel, BlockNumber page)
{
	Buffer		buffer = ReadBuffer(rel, page);
	bool		room;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	room = PageGetHeapFreeSpace(BufferGetPage(buffer)) >= SENTINEL_ROOM;
	UnlockReleaseBuffer(buffer);
	return room;
}
