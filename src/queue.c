/*-------------------------------------------------------------------------
 *
 * queue.c
 *		Stage 2: the queue of changes.
 *
 * The only file that names the queue's table.  Entries are written by capture
 * and removed by the drain; both are ordinary writes of the current
 * (sub)transaction, so an entry is visible exactly when the change it stands
 * for is, and an aborted drain gives its entries back.
 *
 * The table is written and read below the executor: no privilege is checked,
 * no trigger fires, no rule applies, and there must be no index on it.
 *
 * Invariant: an entry is removed only by the transaction that was handed it.
 *
 * One entry is the sentinel (source 0, its link the epoch).  It is passed over
 * by claims and counts; its absence tells that the table was emptied by
 * something that is no drain.  It is looked for where this backend saw it last,
 * then from the first page on, which is where it stands in the long run.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "common/pg_prng.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/bufmgr.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "queue.h"

#define QUEUE_SCHEMA	"tviews_batch"
#define QUEUE_TABLE		"queue"

/* The table's columns. */
enum
{
	QUEUE_SOURCE = 1,
	QUEUE_VERSION,
	QUEUE_STARTED,
	QUEUE_LINK,
	QUEUE_NATTS = QUEUE_LINK
};

/* What one multi-insert takes at most. */
#define BATCH_ENTRIES	500
#define BATCH_BYTES		(256 * 1024)

struct TvbQueueWriter
{
	Relation	rel;
	MemoryContext context;		/* the slots live here, and the writer */
	MemoryContext batch;		/* values of the entries not yet inserted */
	TimestampTz started;
	Size		bytes;			/* about what batch holds */
	int			nentries;		/* slots filled */
	int			nslots;			/* slots made */
	TupleTableSlot *slots[BATCH_ENTRIES];
};

struct TvbQueueClaim
{
	Relation	rel;
	Snapshot	snapshot;
	TableScanDesc scan;
	TupleTableSlot *slot;
	MemoryContext context;		/* the claim lives here */
	struct varlena *copy;		/* the last link, if it had to be detoasted */
};

/*
 * Bounds of a census.  Reading goes on in physical order until one of the
 * EXACT bounds is met, and then jumps about until one of the others is.  The
 * clock is for pages that must come from disk and for hint bits that have not
 * been set; it is not looked at before CENSUS_SURE_PAGES have been read.
 */
#define CENSUS_EXACT_ENTRIES	100000
#define CENSUS_EXACT_PAGES		4096
#define CENSUS_SAMPLE_PAGES		256
#define CENSUS_SURE_PAGES		64
#define CENSUS_EXACT_MS			6.0
#define CENSUS_MS				8.0

/* What a census found of one source. */
typedef struct SourceCount
{
	Oid			source;			/* hash key */
	int64		counted;		/* on pages read in physical order */
	int64		sampled;		/* on pages picked at random */
	TimestampTz oldest;
} SourceCount;

/* A count of the entries that snapshot sees. */
typedef struct Census
{
	Relation	rel;
	Snapshot	snapshot;
	HTAB	   *sources;		/* SourceCount by source */
	SourceCount *last;			/* where the last entry was counted */
	instr_time	start;
	bool		sampling;
	int64		counted;		/* sums over sources */
	int64		sampled;
	BlockNumber left;			/* pages not read in physical order */
	BlockNumber sample_pages;	/* pages picked at random, out of left */
} Census;

/* The source of the sentinel. */
#define SENTINEL InvalidOid

/* Room that the sentinel needs on a page, line pointer and alignment included; ample. */
#define SENTINEL_ROOM 128

/* The table, or InvalidOid when not known; reset by queue_invalidated. */
static Oid	queue_oid = InvalidOid;

/* Where the sentinel was last seen: a hint, true in any table or none. */
static ItemPointerData sentinel_hint;

static Relation open_queue(LOCKMODE lockmode);
static Oid	find_queue(void);
static void queue_invalidated(Datum arg, Oid relid);
static TupleTableSlot *next_slot(TvbQueueWriter *writer);
static void flush_writer(TvbQueueWriter *writer);
static bool is_sentinel(TupleTableSlot *slot);
static bool find_sentinel(Relation rel, Snapshot snapshot, TupleTableSlot *slot);
static void insert_sentinel(Relation rel, const pg_uuid_t *epoch);
static bool has_room(Relation rel, BlockNumber page);
static bool is_readable(Relation rel);
static TableScanDesc begin_scan(Relation rel, Snapshot snapshot);
static bool next_entry(TableScanDesc scan, TupleTableSlot *slot);
static bool take_entry(TvbQueueClaim *claim);
static void read_entry(TvbQueueClaim *claim, TvbChange *change);
static void take_census(Census *census, Relation rel, Snapshot snapshot);
static BlockNumber count_in_order(Census *census, BlockNumber npages);
static void count_sample(Census *census, BlockNumber first, BlockNumber npages);
static void count_first(Census *census);
static void count_page(Census *census, BlockNumber page);
static void count_entry(Census *census, HeapTuple tuple);
static SourceCount *find_source(Census *census, Oid source);
static double census_ms(const Census *census);
static int64 census_total(const Census *census, int64 counted, int64 sampled);
static bool census_exact(const Census *census);
static void put_depth(ReturnSetInfo *result, const Census *census, const SourceCount *count);

PG_FUNCTION_INFO_V1(tvb_epoch);
PG_FUNCTION_INFO_V1(tvb_queue_depth);

/*
 * Whether there is a queue.  There is none while the extension is half dropped.
 */
bool
tvb_queue_exists(void)
{
	return OidIsValid(find_queue());
}

TvbQueueWriter *
tvb_queue_writer(void)
{
	TvbQueueWriter *writer = palloc(sizeof(TvbQueueWriter));

	writer->rel = open_queue(RowExclusiveLock);
	writer->context = CurrentMemoryContext;
	writer->batch = AllocSetContextCreate(CurrentMemoryContext,
										  "tviews_batch queue writer",
										  ALLOCSET_SMALL_SIZES);
	writer->started = GetCurrentTransactionStartTimestamp();
	writer->bytes = 0;
	writer->nentries = 0;
	writer->nslots = 0;
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

void
tvb_queue_finish(TvbQueueWriter *writer)
{
	flush_writer(writer);
	for (int i = 0; i < writer->nslots; i++)
		ExecDropSingleTupleTableSlot(writer->slots[i]);
	MemoryContextDelete(writer->batch);
	table_close(writer->rel, NoLock);
	pfree(writer);
}

TvbQueueClaim *
tvb_queue_claim(Snapshot snapshot)
{
	TvbQueueClaim *claim = palloc(sizeof(TvbQueueClaim));

	claim->rel = open_queue(RowExclusiveLock);
	claim->snapshot = snapshot;
	claim->scan = begin_scan(claim->rel, snapshot);
	claim->slot = table_slot_create(claim->rel, NULL);
	claim->context = CurrentMemoryContext;
	claim->copy = NULL;
	return claim;
}

bool
tvb_queue_next(TvbQueueClaim *claim, TvbChange *change)
{
	while (table_scan_getnextslot(claim->scan, ForwardScanDirection, claim->slot))
	{
		if (is_sentinel(claim->slot))
			continue;
		read_entry(claim, change);
		if (take_entry(claim))
			return true;
	}
	return false;
}

void
tvb_queue_release(TvbQueueClaim *claim)
{
	if (claim->copy != NULL)
		pfree(claim->copy);
	ExecDropSingleTupleTableSlot(claim->slot);
	table_endscan(claim->scan);
	table_close(claim->rel, NoLock);
	pfree(claim);
}

bool
tvb_queue_pending(Snapshot snapshot)
{
	Relation	rel = open_queue(AccessShareLock);
	TableScanDesc scan = begin_scan(rel, snapshot);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	bool		found = next_entry(scan, slot);

	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

int64
tvb_queue_count(Snapshot snapshot, bool *exact)
{
	Relation	rel = open_queue(AccessShareLock);
	Census		census;
	int64		total;

	take_census(&census, rel, snapshot);
	total = census_total(&census, census.counted, census.sampled);
	*exact = census_exact(&census);

	hash_destroy(census.sources);
	table_close(rel, AccessShareLock);
	return total;
}

void
tvb_queue_hold(void)
{
	/* what a drain will take, so that it never has to ask for more */
	table_close(open_queue(RowExclusiveLock), NoLock);
}

bool
tvb_queue_epoch(Snapshot snapshot, pg_uuid_t *epoch)
{
	Relation	rel = open_queue(AccessShareLock);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	bool		found = is_readable(rel) && find_sentinel(rel, snapshot, slot);

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
	table_close(rel, AccessShareLock);
	return found;
}

void
tvb_queue_begin_epoch(const pg_uuid_t *epoch)
{
	Relation	rel = open_queue(RowExclusiveLock);

	insert_sentinel(rel, epoch);
	table_close(rel, NoLock);
	CommandCounterIncrement();
}

void
tvb_queue_settle(Snapshot snapshot)
{
	Relation	rel = open_queue(RowExclusiveLock);
	pg_uuid_t	epoch;
	TM_FailureData failure;

	if (ItemPointerIsValid(&sentinel_hint) &&
		ItemPointerGetBlockNumber(&sentinel_hint) > 0 &&
		has_room(rel, 0) &&
		tvb_queue_epoch(snapshot, &epoch) &&
		ItemPointerGetBlockNumber(&sentinel_hint) > 0 &&
		table_tuple_delete(rel, &sentinel_hint, GetCurrentCommandId(true), snapshot,
						   InvalidSnapshot, true, &failure, false) == TM_Ok)
		insert_sentinel(rel, &epoch);
	table_close(rel, NoLock);
}

void
tvb_queue_set_logged(bool logged)
{
	char	   *sql = psprintf("ALTER TABLE %s.%s SET %s", QUEUE_SCHEMA, QUEUE_TABLE,
							   logged ? "LOGGED" : "UNLOGGED");
	int			result = SPI_execute(sql, false, 0);

	if (result != SPI_OK_UTILITY)
		elog(ERROR, "unexpected result %s of \"%s\"", SPI_result_code_string(result), sql);
}

bool
tvb_queue_owned(Oid user)
{
	return tvb_compat_owns_relation(find_queue(), user);
}

/* tviews_batch.epoch(): what the sentinel says, as the caller's snapshot sees it. */
Datum
tvb_epoch(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *epoch = palloc(sizeof(pg_uuid_t));

	if (!tvb_queue_epoch(GetActiveSnapshot(), epoch))
		PG_RETURN_NULL();
	PG_RETURN_UUID_P(epoch);
}

/*
 * tviews_batch.queue_depth(): entries that the caller's snapshot sees, a row
 * for each source that has some.  No rows on a standby while the queue is unlogged:
 * then it cannot be read.
 */
Datum
tvb_queue_depth(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Relation	rel;
	Census		census;
	HASH_SEQ_STATUS walk;
	SourceCount *count;

	InitMaterializedSRF(fcinfo, 0);
	rel = open_queue(AccessShareLock);
	if (!is_readable(rel))
	{
		table_close(rel, AccessShareLock);
		return (Datum) 0;
	}
	take_census(&census, rel, GetActiveSnapshot());

	hash_seq_init(&walk, census.sources);
	while ((count = hash_seq_search(&walk)) != NULL)
		put_depth(result, &census, count);

	hash_destroy(census.sources);
	table_close(rel, AccessShareLock);
	return (Datum) 0;
}

/* ----------
 * The table
 * ----------
 */

/* Open the queue.  The caller closes it. */
static Relation
open_queue(LOCKMODE lockmode)
{
	Oid			relid = find_queue();
	Relation	rel;

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s.%s\" does not exist", QUEUE_SCHEMA, QUEUE_TABLE),
				 errhint("Install the extension pg_tviews_batch in this database.")));

	rel = table_open(relid, lockmode);
	if (rel->rd_rel->relam != HEAP_TABLE_AM_OID ||
		RelationGetNumberOfAttributes(rel) != QUEUE_NATTS)
		elog(ERROR, "relation \"%s.%s\" is not as the extension made it",
			 QUEUE_SCHEMA, QUEUE_TABLE);
	return rel;
}

/* The queue's OID, or InvalidOid; remembered until it may have changed. */
static Oid
find_queue(void)
{
	static bool registered = false;
	Oid			schema;

	if (OidIsValid(queue_oid))
		return queue_oid;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(queue_invalidated, (Datum) 0);
		registered = true;
	}

	schema = get_namespace_oid(QUEUE_SCHEMA, true);
	if (OidIsValid(schema))
		queue_oid = get_relname_relid(QUEUE_TABLE, schema);
	return queue_oid;
}

/* Relcache callback: forget the queue when it changed, or when anything may have. */
static void
queue_invalidated(Datum arg, Oid relid)
{
	if (relid == InvalidOid || relid == queue_oid)
		queue_oid = InvalidOid;
}

/* ----------
 * Writing
 * ----------
 */

/* An empty slot for the next entry. */
static TupleTableSlot *
next_slot(TvbQueueWriter *writer)
{
	if (writer->nentries == writer->nslots)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(writer->context);

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

	for (int i = 0; i < writer->nentries; i++)
		ExecClearTuple(writer->slots[i]);
	writer->nentries = 0;
	writer->bytes = 0;

	MemoryContextSwitchTo(oldcontext);
	MemoryContextReset(writer->batch);
}

/* ----------
 * The sentinel
 * ----------
 */

/* Whether the entry in the slot is the sentinel. */
static bool
is_sentinel(TupleTableSlot *slot)
{
	bool		isnull;

	return DatumGetObjectId(slot_getattr(slot, QUEUE_SOURCE, &isnull)) == SENTINEL;
}

/* Put the sentinel that snapshot sees into the slot; false if there is none. */
static bool
find_sentinel(Relation rel, Snapshot snapshot, TupleTableSlot *slot)
{
	TableScanDesc scan;
	bool		found = false;

	if (ItemPointerIsValid(&sentinel_hint) &&
		ItemPointerGetBlockNumber(&sentinel_hint) < RelationGetNumberOfBlocks(rel) &&
		table_tuple_fetch_row_version(rel, &sentinel_hint, snapshot, slot) &&
		is_sentinel(slot))
		return true;

	scan = begin_scan(rel, snapshot);
	while (!found && table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		found = is_sentinel(slot);
	}
	if (found)
	{
		sentinel_hint = slot->tts_tid;
		ExecMaterializeSlot(slot);
	}
	else
		ItemPointerSetInvalid(&sentinel_hint);
	table_endscan(scan);
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
	slot->tts_values[QUEUE_SOURCE - 1] = ObjectIdGetDatum(SENTINEL);
	slot->tts_values[QUEUE_VERSION - 1] = Int32GetDatum(0);
	slot->tts_values[QUEUE_STARTED - 1] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	slot->tts_values[QUEUE_LINK - 1] = PointerGetDatum(link);
	memset(slot->tts_isnull, false, QUEUE_NATTS);
	ExecStoreVirtualTuple(slot);

	if (RelationGetNumberOfBlocks(rel) > 0)
		RelationSetTargetBlock(rel, 0);
	table_tuple_insert(rel, slot, GetCurrentCommandId(true), 0, NULL);
	sentinel_hint = slot->tts_tid;
	ExecDropSingleTupleTableSlot(slot);
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

/* Whether the queue's rows can be read here: on a standby unlogged ones cannot. */
static bool
is_readable(Relation rel)
{
	return rel->rd_rel->relpersistence == RELPERSISTENCE_PERMANENT || !RecoveryInProgress();
}

/* ----------
 * Claiming
 * ----------
 */

/* A scan in physical order from the first page: never joined to another backend's scan. */
static TableScanDesc
begin_scan(Relation rel, Snapshot snapshot)
{
	return table_beginscan_strat(rel, snapshot, 0, NULL, true, false);
}

/* The next entry of a scan, in the slot; false at the end. */
static bool
next_entry(TableScanDesc scan, TupleTableSlot *slot)
{
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		if (!is_sentinel(slot))
			return true;
	}
	return false;
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

	result = table_tuple_delete(claim->rel, &claim->slot->tts_tid,
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

/* ----------
 * Counting
 * ----------
 */

/* Count the entries that snapshot sees, within the bounds above. */
static void
take_census(Census *census, Relation rel, Snapshot snapshot)
{
	BlockNumber npages = RelationGetNumberOfBlocks(rel);
	BlockNumber next;
	HASHCTL		ctl = {0};

	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(SourceCount);
	ctl.hcxt = CurrentMemoryContext;

	memset(census, 0, sizeof(*census));
	census->rel = rel;
	census->snapshot = snapshot;
	census->sources = hash_create("tviews_batch queue census", 64, &ctl,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	INSTR_TIME_SET_CURRENT(census->start);

	next = count_in_order(census, npages);
	census->left = npages - next;
	if (census->left > 0)
		count_sample(census, next, npages);
	if (census->left > 0 && census->counted + census->sampled == 0)
		count_first(census);
}

/* Where a sample met nothing: count the first entry there is; without one the census is exact. */
static void
count_first(Census *census)
{
	TableScanDesc scan = begin_scan(census->rel, census->snapshot);
	TupleTableSlot *slot = table_slot_create(census->rel, NULL);

	census->sampling = false;
	if (next_entry(scan, slot))
	{
		HeapTuple	tuple = ExecFetchSlotHeapTuple(slot, false, NULL);

		count_entry(census, tuple);
	}
	else
		census->left = 0;
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
}

/* Count pages from the first until a bound is met; the first page not counted. */
static BlockNumber
count_in_order(Census *census, BlockNumber npages)
{
	BlockNumber page;

	for (page = 0; page < npages; page++)
	{
		if (page >= CENSUS_EXACT_PAGES ||
			census->counted > CENSUS_EXACT_ENTRIES ||
			(page >= CENSUS_SURE_PAGES && census_ms(census) > CENSUS_EXACT_MS))
			break;
		count_page(census, page);
	}
	return page;
}

/*
 * Count pages picked at random from first .. npages - 1, each pick independent
 * of the others, so that the sample is fair wherever the clock ends it.
 */
static void
count_sample(Census *census, BlockNumber first, BlockNumber npages)
{
	BlockNumber wanted = Min(CENSUS_SAMPLE_PAGES, npages - first);

	census->sampling = true;
	do
	{
		count_page(census, (BlockNumber) pg_prng_uint64_range(&pg_global_prng_state,
															  first, npages - 1));
		census->sample_pages++;
	} while (census->sample_pages < wanted && census_ms(census) < CENSUS_MS);
}

/* Count the entries on one page. */
static void
count_page(Census *census, BlockNumber page)
{
	Buffer		buffer;
	Page		data;
	OffsetNumber nlines;

	CHECK_FOR_INTERRUPTS();
	buffer = ReadBuffer(census->rel, page);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	data = BufferGetPage(buffer);
	nlines = PageGetMaxOffsetNumber(data);

	for (OffsetNumber line = FirstOffsetNumber; line <= nlines; line++)
	{
		ItemId		item = PageGetItemId(data, line);
		HeapTupleData tuple;

		if (!ItemIdIsNormal(item))
			continue;
		tuple.t_tableOid = RelationGetRelid(census->rel);
		tuple.t_data = (HeapTupleHeader) PageGetItem(data, item);
		tuple.t_len = ItemIdGetLength(item);
		ItemPointerSet(&tuple.t_self, page, line);
		if (HeapTupleSatisfiesVisibility(&tuple, census->snapshot, buffer))
			count_entry(census, &tuple);
	}
	UnlockReleaseBuffer(buffer);
}

/* Count one entry. */
static void
count_entry(Census *census, HeapTuple tuple)
{
	TupleDesc	desc = RelationGetDescr(census->rel);
	bool		isnull;
	Oid			source = DatumGetObjectId(fastgetattr(tuple, QUEUE_SOURCE, desc, &isnull));
	TimestampTz started = DatumGetTimestampTz(fastgetattr(tuple, QUEUE_STARTED, desc, &isnull));
	SourceCount *count = census->last;

	if (source == SENTINEL)
		return;
	if (count == NULL || count->source != source)
		census->last = count = find_source(census, source);

	if (census->sampling)
	{
		count->sampled++;
		census->sampled++;
	}
	else
	{
		count->counted++;
		census->counted++;
	}
	count->oldest = Min(count->oldest, started);
}

/* What has been counted of source, made if there is nothing yet. */
static SourceCount *
find_source(Census *census, Oid source)
{
	bool		found;
	SourceCount *count = hash_search(census->sources, &source, HASH_ENTER, &found);

	if (!found)
	{
		count->counted = 0;
		count->sampled = 0;
		count->oldest = DT_NOEND;
	}
	return count;
}

/* Milliseconds since the census began. */
static double
census_ms(const Census *census)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, census->start);
	return INSTR_TIME_GET_MILLISEC(now);
}

/* Entries, given those counted and those found in the sample. */
static int64
census_total(const Census *census, int64 counted, int64 sampled)
{
	if (census->sample_pages == 0)
		return counted;
	return counted + (int64) rint((double) sampled * census->left / census->sample_pages);
}

/* Whether every page has been read. */
static bool
census_exact(const Census *census)
{
	return census->left == 0;
}

/* Add a source's row to the result of queue_depth(). */
static void
put_depth(ReturnSetInfo *result, const Census *census, const SourceCount *count)
{
	Datum		values[4];
	bool		nulls[4] = {false};

	values[0] = ObjectIdGetDatum(count->source);
	values[1] = Int64GetDatum(census_total(census, count->counted, count->sampled));
	values[2] = TimestampTzGetDatum(count->oldest);
	values[3] = BoolGetDatum(census_exact(census));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
