/*-------------------------------------------------------------------------
 *
 * queue_claim.c
 *		Stage 2: taking entries from the queue.
 *
 * A drain removes entries in the transaction that uses them: an abort gives
 * them back.  They are taken from the members in ring order, the current one
 * last, and in each in physical order.
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

#include "queue.h"
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
};

static bool next_entry(TvbQueueClaim *claim);
static bool take_entry(TvbQueueClaim *claim);
static void read_entry(TvbQueueClaim *claim, TvbChange *change);
static bool member_pending(Relation rel, Snapshot snapshot, TransactionId before);
static bool is_before(TupleTableSlot *slot, TransactionId before);

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
	return claim;
}

bool
tvb_queue_next(TvbQueueClaim *claim, TvbChange *change)
{
	while (next_entry(claim))
	{
		if (tvb_queue_is_sentinel(claim->slot))
			continue;
		read_entry(claim, change);
		if (take_entry(claim))
			return true;
	}
	return false;
}

TransactionId
tvb_queue_writer_of(TvbQueueClaim *claim)
{
	bool		isnull;

	return DatumGetTransactionId(slot_getsysattr(claim->slot, MinTransactionIdAttributeNumber,
												 &isnull));
}

void
tvb_queue_release(TvbQueueClaim *claim)
{
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
	return tvb_queue_pending_before(snapshot, InvalidTransactionId);
}

bool
tvb_queue_pending_before(Snapshot snapshot, TransactionId before)
{
	Relation	members[TVB_QUEUE_MEMBERS];
	bool		found = false;

	tvb_queue_open_all(members, AccessShareLock);
	for (int i = 0; !found && i < TVB_QUEUE_MEMBERS; i++)
		found = member_pending(members[i], snapshot, before);
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
read_entry(TvbQueueClaim *claim, TvbChange *change)
{
	TupleTableSlot *slot = claim->slot;
	struct varlena *link;

	slot_getallattrs(slot);
	change->source = DatumGetObjectId(slot->tts_values[QUEUE_SOURCE - 1]);
	change->version = DatumGetInt32(slot->tts_values[QUEUE_VERSION - 1]);
	change->link = NULL;
	change->len = 0;

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
	change->link = VARDATA_ANY(link);
	change->len = VARSIZE_ANY_EXHDR(link);
}

/* The same as tvb_queue_pending_before, for one member. */
static bool
member_pending(Relation rel, Snapshot snapshot, TransactionId before)
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
		found = !tvb_queue_is_sentinel(slot) && is_before(slot, before);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	return found;
}

/* Whether somebody else wrote the entry in the slot under an older id than before, if that is one. */
static bool
is_before(TupleTableSlot *slot, TransactionId before)
{
	bool		isnull;
	TransactionId writer;

	if (!TransactionIdIsValid(before))
		return true;
	writer = DatumGetTransactionId(slot_getsysattr(slot, MinTransactionIdAttributeNumber, &isnull));
	return TransactionIdPrecedes(writer, before) && !TransactionIdIsCurrentTransactionId(writer);
}
