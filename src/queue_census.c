/*-------------------------------------------------------------------------
 *
 * queue_census.c
 *		Stage 2: counting the changes in the queue.
 *
 * A count is exact while the queue is short and an estimate when it is long:
 * it takes less than ten milliseconds whatever the queue holds.  The pages of
 * all members count as one row of pages, short members first: what has just been
 * written is found also beside a long member that is mostly drained.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/heapam.h"
#include "access/htup_details.h"
#include "common/pg_prng.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/bufmgr.h"
#include "utils/hsearch.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "queue.h"
#include "queue_pack.h"
#include "queue_table.h"

/*
 * Bounds of a census.  Reading goes on in physical order until one of the
 * EXACT bounds is met, and then jumps about until one of the others is.  The
 * clock is for pages that must come from disk and for hint bits that have not
 * been set; it is not looked at before CENSUS_SURE_PAGES have been read.
 */
#define CENSUS_EXACT_CHANGES	100000
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

/* A count of the changes that snapshot sees. */
typedef struct Census
{
	Relation	members[TVB_QUEUE_MEMBERS];
	BlockNumber ends[TVB_QUEUE_MEMBERS];	/* pages up to and with each member */
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

static BlockNumber length_of(Relation rel);
static int	compare_length(const void *a, const void *b);
static void begin_census(Census *census, Snapshot snapshot);
static void prepare_census(Census *census, Snapshot snapshot);
static void end_census(Census *census);
static void take_census(Census *census);
static BlockNumber count_in_order(Census *census, BlockNumber npages);
static void count_sample(Census *census, BlockNumber first, BlockNumber npages);
static void count_page(Census *census, BlockNumber page);
static void count_entry(Census *census, TupleDesc desc, HeapTuple tuple);
static int	changes_of(TupleDesc desc, HeapTuple tuple);
static SourceCount *find_source(Census *census, Oid source);
static double census_ms(const Census *census);
static int64 census_total(const Census *census, int64 counted, int64 sampled);
static bool census_exact(const Census *census);
static void put_depth(ReturnSetInfo *result, const Census *census, const SourceCount *count);
static void put_inexact(ReturnSetInfo *result);

PG_FUNCTION_INFO_V1(tvb_queue_depth);

int64
tvb_queue_count(Snapshot snapshot, bool *exact)
{
	Census		census = {0};
	int64		total;

	begin_census(&census, snapshot);
	take_census(&census);
	total = census_total(&census, census.counted, census.sampled);
	*exact = census_exact(&census);
	end_census(&census);
	return total;
}

int64
tvb_queue_count_source(Snapshot snapshot, Oid source)
{
	Census		census = {0};
	SourceCount *count;
	int64		total;

	/* a writer's lock is on one member: whoever waits for that may have another */
	if (!tvb_queue_try_open_all(census.members, AccessShareLock))
		return 0;
	prepare_census(&census, snapshot);
	take_census(&census);
	count = find_source(&census, source);
	total = census_total(&census, count->counted, count->sampled);
	end_census(&census);
	return total;
}

/*
 * tviews_batch.queue_depth(): changes that the caller's snapshot sees, a row
 * for each source that has some, and one without a source if they are estimates: then there
 * may be others.  No rows on a standby while the queue is unlogged:
 * then it cannot be read.
 */
Datum
tvb_queue_depth(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Census		census = {0};
	HASH_SEQ_STATUS walk;
	SourceCount *count;

	InitMaterializedSRF(fcinfo, 0);
	begin_census(&census, GetActiveSnapshot());
	take_census(&census);
	hash_seq_init(&walk, census.sources);
	while ((count = hash_seq_search(&walk)) != NULL)
		put_depth(result, &census, count);
	if (!census_exact(&census))
		put_inexact(result);
	end_census(&census);
	return (Datum) 0;
}

/* Pages of a member that can be read. */
static BlockNumber
length_of(Relation rel)
{
	return tvb_queue_readable(rel) ? RelationGetNumberOfBlocks(rel) : 0;
}

/* qsort comparator: shorter tables first. */
static int
compare_length(const void *a, const void *b)
{
	BlockNumber x = length_of(*(const Relation *) a);
	BlockNumber y = length_of(*(const Relation *) b);

	return (x > y) - (x < y);
}

/* Open the tables and look how long they are. */
static void
begin_census(Census *census, Snapshot snapshot)
{
	tvb_queue_open_all(census->members, AccessShareLock);
	prepare_census(census, snapshot);
}

/* The same with tables that are open. */
static void
prepare_census(Census *census, Snapshot snapshot)
{
	BlockNumber npages = 0;
	HASHCTL		ctl = {0};

	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(SourceCount);
	ctl.hcxt = CurrentMemoryContext;

	qsort(census->members, TVB_QUEUE_MEMBERS, sizeof(Relation), compare_length);
	for (int i = 0; i < TVB_QUEUE_MEMBERS; i++)
	{
		npages += length_of(census->members[i]);
		census->ends[i] = npages;
	}
	census->snapshot = snapshot;
	census->sources = hash_create("tviews_batch queue census", 64, &ctl,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	INSTR_TIME_SET_CURRENT(census->start);
}

/* Close the tables, and forget what was counted. */
static void
end_census(Census *census)
{
	hash_destroy(census->sources);
	tvb_queue_close_all(census->members, AccessShareLock);
}

/* Count the changes that the snapshot sees, within the bounds above. */
static void
take_census(Census *census)
{
	BlockNumber npages = census->ends[TVB_QUEUE_MEMBERS - 1];
	BlockNumber next = count_in_order(census, npages);

	census->left = npages - next;
	if (census->left > 0)
		count_sample(census, next, npages);
}

/* Count pages from the first until a bound is met; the first page not counted. */
static BlockNumber
count_in_order(Census *census, BlockNumber npages)
{
	BlockNumber page;

	for (page = 0; page < npages; page++)
	{
		if (page >= CENSUS_EXACT_PAGES ||
			census->counted > CENSUS_EXACT_CHANGES ||
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

/* Count the entries on one page, numbered over all members. */
static void
count_page(Census *census, BlockNumber page)
{
	int			member = 0;
	Relation	rel;
	Buffer		buffer;
	OffsetNumber nlines;

	CHECK_FOR_INTERRUPTS();
	while (page >= census->ends[member])
		member++;
	if (member > 0)
		page -= census->ends[member - 1];
	rel = census->members[member];

	buffer = ReadBuffer(rel, page);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	nlines = PageGetMaxOffsetNumber(BufferGetPage(buffer));

	for (OffsetNumber line = FirstOffsetNumber; line <= nlines; line++)
	{
		HeapTupleData tuple;

		if (tvb_queue_line(rel, buffer, line, &tuple) &&
			HeapTupleSatisfiesVisibility(&tuple, census->snapshot, buffer))
			count_entry(census, RelationGetDescr(rel), &tuple);
	}
	UnlockReleaseBuffer(buffer);
}

/* Count the changes of one entry. */
static void
count_entry(Census *census, TupleDesc desc, HeapTuple tuple)
{
	bool		isnull;
	Oid			source = DatumGetObjectId(fastgetattr(tuple, QUEUE_SOURCE, desc, &isnull));
	TimestampTz started = DatumGetTimestampTz(fastgetattr(tuple, QUEUE_STARTED, desc, &isnull));
	SourceCount *count = census->last;
	int			changes;

	if (source == TVB_QUEUE_SENTINEL)
		return;
	if (count == NULL || count->source != source)
		census->last = count = find_source(census, source);

	changes = changes_of(desc, tuple);
	if (census->sampling)
	{
		count->sampled += changes;
		census->sampled += changes;
	}
	else
	{
		count->counted += changes;
		census->counted += changes;
	}
	count->oldest = Min(count->oldest, started);
}

/* How many changes an entry stands for. */
static int
changes_of(TupleDesc desc, HeapTuple tuple)
{
	bool		isnull;
	struct varlena *link = (struct varlena *)
	DatumGetPointer(fastgetattr(tuple, QUEUE_LINK, desc, &isnull));

	if (isnull || VARATT_IS_EXTERNAL(link) || VARATT_IS_COMPRESSED(link))
		return 1;
	return Max(tvb_queue_pack_count(VARDATA_ANY(link), VARSIZE_ANY_EXHDR(link)), 1);
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

/* Changes, given those counted and those found in the sample. */
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

/* Add the row that says that sources may be missing. */
static void
put_inexact(ReturnSetInfo *result)
{
	Datum		values[4] = {(Datum) 0, Int64GetDatum(0), (Datum) 0, BoolGetDatum(false)};
	bool		nulls[4] = {true, false, true, false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}
