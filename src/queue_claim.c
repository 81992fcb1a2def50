/*-------------------------------------------------------------------------
 *
 * queue_claim.c
 *		Stage 2: taking entries from the queue.
 *
 * A drain removes entries in the transaction that uses them: an abort gives
 * them back.  They are taken from the members in ring order, the current one
 * last, and in each in physical order.  Of an entry with several changes some may be wanted
 * only: the others go back to the queue as a new entry.
 *
 * Invariant: an entry is removed only by the transaction that was handed it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "queue.h"
#include "queue_pack.h"
#include "queue_table.h"

struct TvbQueueClaim
{
	Relation	members[TVB_QUEUE_MEMBERS];
	int			member;			/* the one being scanned */
	Snapshot	snapshot;
	TableScanDesc scan;
	TupleTableSlot *slot;
	MemoryContext context;		/* the claim lives here */
	struct varlena *copy;		/* the last link, if it had to be detoasted */
	TvbChange	entry;			/* the one in slot */
	TvbQueueUnpack pack;		/* what is left of it, if it is a pack */
};

static bool next_entry(TvbQueueClaim *claim);
static bool take_entry(TvbQueueClaim *claim);
static void read_entry(TvbQueueClaim *claim);
static TransactionId writer_of(TupleTableSlot *slot, const TvbQueueUnpack *pack);
static void put_back(TvbQueueClaim *claim);
static bool member_pending(Relation rel, Snapshot snapshot, TransactionId before, TimestampTz began);
static bool is_before(TupleTableSlot *slot, TransactionId before, TimestampTz began);
static void read_pack(TupleTableSlot *slot, TvbQueueUnpack *pack);

TvbQueueClaim *
tvb_queue_claim(Snapshot snapshot)
{
	TvbQueueClaim *claim = palloc(sizeof(TvbQueueClaim));

	tvb_queue_open_all(claim->members, RowExclusiveLock);
	claim->member = 0;
	claim->snapshot = snapshot;
	claim->scan = tvb_queue_scan(claim->members[0], snapshot);
	claim->slot = table_slot_create(claim->members[0], NULL);
	claim->context = CurrentMemoryContext;
	claim->copy = NULL;
	claim->pack.left = 0;
	return claim;
}

/* A pack stays in the slot until all its changes have been handed out. */
bool
tvb_queue_next(TvbQueueClaim *claim, TvbChange *change)
{
	while (claim->pack.left == 0)
	{
		if (!next_entry(claim))
			return false;
		if (tvb_queue_is_sentinel(claim->slot))
			continue;
		read_entry(claim);
		if (!take_entry(claim))
			claim->pack.left = 0;
		else if (claim->pack.left == 0)
		{
			*change = claim->entry;
			return true;
		}
	}

	*change = claim->entry;
	return tvb_queue_unpack_next(&claim->pack, &change->link, &change->len);
}

TransactionId
tvb_queue_writer_of(TvbQueueClaim *claim)
{
	return writer_of(claim->slot, &claim->pack);
}

/* The entry was removed when it was read: what nobody asked for is written again. */
void
tvb_queue_release(TvbQueueClaim *claim)
{
	if (claim->pack.left > 0)
		put_back(claim);
	if (claim->copy != NULL)
		pfree(claim->copy);
	ExecDropSingleTupleTableSlot(claim->slot);
	table_endscan(claim->scan);
	tvb_queue_close_all(claim->members, NoLock);
	pfree(claim);
}

bool
tvb_queue_pending(Snapshot snapshot)
{
	return tvb_queue_pending_before(snapshot, InvalidTransactionId, 0);
}

bool
tvb_queue_pending_before(Snapshot snapshot, TransactionId before, TimestampTz began)
{
	Relation	members[TVB_QUEUE_MEMBERS];
	bool		found = false;

	tvb_queue_open_all(members, AccessShareLock);
	for (int i = 0; !found && i < TVB_QUEUE_MEMBERS; i++)
		found = member_pending(members[i], snapshot, before, began);
	tvb_queue_close_all(members, AccessShareLock);
	return found;
}

/* Go to the next row of any member; false at the end of the last. */
static bool
next_entry(TvbQueueClaim *claim)
{
	while (!table_scan_getnextslot(claim->scan, ForwardScanDirection, claim->slot))
	{
		if (claim->member == TVB_QUEUE_MEMBERS - 1)
			return false;
		table_endscan(claim->scan);
		claim->member++;
		claim->scan = tvb_queue_scan(claim->members[claim->member], claim->snapshot);
	}
	return true;
}

/*
 * Remove the entry in the slot.  False if this transaction has taken it
 * before.  An entry that somebody else removed since the snapshot is handed out
 * again: that costs a refresh, while a lost one would cost a stale row.
 */
static bool
take_entry(TvbQueueClaim *claim)
{
	TM_FailureData failure;
	TM_Result	result;

	result = table_tuple_delete(claim->members[claim->member], &claim->slot->tts_tid,
								GetCurrentCommandId(true), claim->snapshot,
								InvalidSnapshot, true, &failure, false);
	switch (result)
	{
		case TM_Ok:
		case TM_Deleted:
		case TM_Updated:
			return true;
		case TM_SelfModified:
			return false;
		default:
			elog(ERROR, "unexpected result %d of removing a queue entry", (int) result);
			return false;		/* keep the compiler quiet */
	}
}

/* Read the entry in the slot.  The link points into the slot's page or to claim->copy. */
static void
read_entry(TvbQueueClaim *claim)
{
	TupleTableSlot *slot = claim->slot;
	TvbChange  *entry = &claim->entry;
	struct varlena *link;

	slot_getallattrs(slot);
	entry->source = DatumGetObjectId(slot->tts_values[QUEUE_SOURCE - 1]);
	entry->version = DatumGetInt32(slot->tts_values[QUEUE_VERSION - 1]);
	entry->link = NULL;
	entry->len = 0;
	claim->pack.writer = InvalidTransactionId;

	if (claim->copy != NULL)
		pfree(claim->copy);
	claim->copy = NULL;

	if (slot->tts_isnull[QUEUE_LINK - 1])
		return;

	link = (struct varlena *) DatumGetPointer(slot->tts_values[QUEUE_LINK - 1]);
	if (VARATT_IS_EXTERNAL(link) || VARATT_IS_COMPRESSED(link))
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(claim->context);

		link = claim->copy = detoast_attr(link);
		MemoryContextSwitchTo(oldcontext);
	}
	entry->link = VARDATA_ANY(link);
	entry->len = VARSIZE_ANY_EXHDR(link);
	if (tvb_queue_pack_count(entry->link, entry->len) > 0)
		tvb_queue_unpack(&claim->pack, entry->link, entry->len);
}

/* Who logged the changes of the entry in a slot. */
static TransactionId
writer_of(TupleTableSlot *slot, const TvbQueueUnpack *pack)
{
	bool		isnull;

	if (TransactionIdIsValid(pack->writer))
		return pack->writer;
	return DatumGetTransactionId(slot_getsysattr(slot, MinTransactionIdAttributeNumber, &isnull));
}

/*
 * Write the values of the entry that nobody asked for to the current member.  They keep the
 * time when they were logged and who did it: it is by these that others judge them.
 */
static void
put_back(TvbQueueClaim *claim)
{
	Relation	rel = claim->members[TVB_QUEUE_MEMBERS - 1];
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TvbQueuePack *pack = palloc(sizeof(TvbQueuePack));
	bytea	   *link;
	const char *value;
	int			len;

	tvb_queue_pack_reset(pack);
	while (tvb_queue_unpack_next(&claim->pack, &value, &len))
		(void) tvb_queue_pack_add(pack, value, len);
	tvb_queue_pack_finish(pack, tvb_queue_writer_of(claim));

	link = palloc(VARHDRSZ + pack->len);
	SET_VARSIZE(link, VARHDRSZ + pack->len);
	memcpy(VARDATA(link), pack->data, pack->len);
	for (int i = 0; i < QUEUE_NATTS; i++)
		slot->tts_values[i] = claim->slot->tts_values[i];
	slot->tts_values[QUEUE_LINK - 1] = PointerGetDatum(link);
	memset(slot->tts_isnull, false, QUEUE_NATTS);
	ExecStoreVirtualTuple(slot);
	table_tuple_insert(rel, slot, GetCurrentCommandId(true), 0, NULL);

	ExecDropSingleTupleTableSlot(slot);
	pfree(link);
	pfree(pack);
}

/* The same as tvb_queue_pending_before, for one member. */
static bool
member_pending(Relation rel, Snapshot snapshot, TransactionId before, TimestampTz began)
{
	TableScanDesc scan;
	TupleTableSlot *slot;
	bool		found = false;

	if (!tvb_queue_readable(rel))
		return false;
	scan = tvb_queue_scan(rel, snapshot);
	slot = table_slot_create(rel, NULL);
	while (!found && table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		found = !tvb_queue_is_sentinel(slot) && is_before(slot, before, began);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	return found;
}

/*
 * Whether somebody else logged the entry in the slot under an older id than before, if that is one.  Where the queue was made
 * logged or unlogged meanwhile, entries have the id of who did that; the time is still the writer's.
 */
static bool
is_before(TupleTableSlot *slot, TransactionId before, TimestampTz began)
{
	TvbQueueUnpack pack;
	TransactionId writer;
	bool		isnull;

	if (!TransactionIdIsValid(before))
		return true;
	read_pack(slot, &pack);
	writer = writer_of(slot, &pack);
	return (TransactionIdPrecedes(writer, before) ||
			DatumGetTimestampTz(slot_getattr(slot, QUEUE_STARTED, &isnull)) < began) &&
		!TransactionIdIsCurrentTransactionId(writer);
}

/* Read the entry in the slot as a pack, if it is one; the writer alone matters to the caller. */
static void
read_pack(TupleTableSlot *slot, TvbQueueUnpack *pack)
{
	bool		isnull;
	struct varlena *link = (struct varlena *) DatumGetPointer(slot_getattr(slot, QUEUE_LINK, &isnull));

	pack->writer = InvalidTransactionId;
	if (!isnull && !VARATT_IS_EXTERNAL(link) && !VARATT_IS_COMPRESSED(link) &&
		tvb_queue_pack_count(VARDATA_ANY(link), VARSIZE_ANY_EXHDR(link)) > 0)
		tvb_queue_unpack(pack, VARDATA_ANY(link), VARSIZE_ANY_EXHDR(link));
}
