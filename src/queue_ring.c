/*-------------------------------------------------------------------------
 *
 * queue_ring.c
 *		Stage 2: keeping the queue short.
 *
 * Vacuum gives the room of drained entries back only when no snapshot is left
 * that is older than the drain.  A single report that runs for an hour would
 * make every drain of that hour read the dead entries of all before it.  No
 * such report reads the queue, so it need not wait for it: when the current
 * member has grown, writers are sent to an empty one, and the retired
 * member is cut off behind its last entry that is still wanted, as vacuum does it,
 * whatever old snapshots there are.
 *
 * That takes an exclusive lock, so that nobody is writing there; writers keep
 * theirs to the end of their transaction.  The lock is never waited for, and
 * given back as soon as the member is cut: a writer that has not yet heard
 * that it is retired waits for that moment alone.  A member that cannot be locked is
 * tried again by the next drain.
 *
 * Invariants:
 *
 *	- Only rows that no transaction can still want are cut off: their insertion was
 *	  undone, or their removal has committed.  What this transaction removed stays.
 *	- Which member is current is a hint.  Entries are claimed from all of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/heap.h"
#include "catalog/storage.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/rel.h"

#include "queue.h"
#include "queue_table.h"

/* A member with more pages than this is retired; some 40,000 entries of single changes. */
#define RETIRE_PAGES 256

/* What a member keeps at least: the page with its sentinel. */
#define KEPT_PAGES 1

static bool is_long(Relation rel);
static bool is_empty(Relation rel);
static BlockNumber toast_pages(Relation rel);
static void cut_member(Relation rel);
static BlockNumber wanted_pages(Relation rel, BlockNumber npages);
static int	count_wanted(Relation rel, BlockNumber page, bool but_sentinel);
static void cut_toast(Oid toast);

void
tvb_queue_turn_ring(void)
{
	Relation	members[TVB_QUEUE_MEMBERS];
	int			current = tvb_queue_current();
	bool		long_enough;
	int			next = -1;

	/* in ring order, so the current one is the last */
	tvb_queue_open_all(members, RowExclusiveLock);
	long_enough = is_long(members[TVB_QUEUE_MEMBERS - 1]);
	for (int i = 0; i < TVB_QUEUE_MEMBERS - 1; i++)
	{
		if (!is_empty(members[i]))
			cut_member(members[i]);
		if (next < 0 && is_empty(members[i]))
			next = (current + 1 + i) % TVB_QUEUE_MEMBERS;
	}
	tvb_queue_close_all(members, NoLock);
	if (long_enough && next >= 0)
		tvb_queue_turn(next);
}

/* Whether a member, or the table of its long links, has grown. */
static bool
is_long(Relation rel)
{
	return RelationGetNumberOfBlocks(rel) > RETIRE_PAGES || toast_pages(rel) > RETIRE_PAGES;
}

/* Whether there is nothing, or not enough, to be cut off a member. */
static bool
is_empty(Relation rel)
{
	return RelationGetNumberOfBlocks(rel) <= KEPT_PAGES && toast_pages(rel) <= RETIRE_PAGES;
}

/* Pages of the table of long links. */
static BlockNumber
toast_pages(Relation rel)
{
	Relation	toast;
	BlockNumber npages;

	if (!OidIsValid(rel->rd_rel->reltoastrelid))
		return 0;
	toast = table_open(rel->rd_rel->reltoastrelid, AccessShareLock);
	npages = RelationGetNumberOfBlocks(toast);
	table_close(toast, AccessShareLock);
	return npages;
}

/* Cut off the end of a member, unless somebody may be using it. */
static void
cut_member(Relation rel)
{
	BlockNumber npages;
	BlockNumber wanted;

	if (!ConditionalLockRelation(rel, AccessExclusiveLock))
		return;
	npages = RelationGetNumberOfBlocks(rel);
	wanted = wanted_pages(rel, npages);
	if (wanted < npages)
		RelationTruncate(rel, wanted);
	if (OidIsValid(rel->rd_rel->reltoastrelid) &&
		wanted == KEPT_PAGES && count_wanted(rel, 0, true) == 0)
		cut_toast(rel->rd_rel->reltoastrelid);
	UnlockRelation(rel, AccessExclusiveLock);
}

/* How many pages reach to the last row that may be wanted. */
static BlockNumber
wanted_pages(Relation rel, BlockNumber npages)
{
	while (npages > KEPT_PAGES && count_wanted(rel, npages - 1, false) == 0)
		npages--;
	return npages;
}

/* Rows of a page that may be wanted.  The caller's lock keeps writers away. */
static int
count_wanted(Relation rel, BlockNumber page, bool but_sentinel)
{
	Buffer		buffer;
	OffsetNumber nlines;
	int			wanted = 0;

	CHECK_FOR_INTERRUPTS();
	buffer = ReadBuffer(rel, page);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	nlines = PageGetMaxOffsetNumber(BufferGetPage(buffer));

	for (OffsetNumber line = FirstOffsetNumber; line <= nlines; line++)
	{
		HeapTupleData tuple;
		TransactionId dead_after;
		HTSV_Result state;

		if (!tvb_queue_line(rel, buffer, line, &tuple))
			continue;
		state = HeapTupleSatisfiesVacuumHorizon(&tuple, buffer, &dead_after);
		if (state == HEAPTUPLE_DEAD || state == HEAPTUPLE_RECENTLY_DEAD)
			continue;
		if (but_sentinel && tvb_queue_tuple_is_sentinel(rel, &tuple))
			continue;
		wanted++;
	}
	UnlockReleaseBuffer(buffer);
	return wanted;
}

/* Empty the table of long links; only the sentinel is left in the member, and its link is short. */
static void
cut_toast(Oid toast)
{
	Relation	rel;

	if (!ConditionalLockRelationOid(toast, AccessExclusiveLock))
		return;
	rel = table_open(toast, NoLock);
	if (RelationGetNumberOfBlocks(rel) > RETIRE_PAGES)
		heap_truncate_one_rel(rel);
	table_close(rel, NoLock);
	UnlockRelationOid(toast, AccessExclusiveLock);
}
