/*-------------------------------------------------------------------------
 *
 * tids.c
 *		A set of places of rows in bounded memory.
 *
 * Places are sorted as numbers in the order of the type tid.  The sort spills past its share of
 * tviews_batch.work_mem.  What is asked later comes in the same order, so that
 * one walk answers it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/tuplesort.h"

#include "compat.h"
#include "settings.h"
#include "tids.h"

struct TvbTids
{
	Tuplesortstate *sort;
	int64		count;			/* -1: not counted yet */
	bool		at_end;			/* of the walk */
	int64		place;			/* where the walk is */
};

static int64 place_of(ItemPointer tid);
static bool next_place(TvbTids *tids);

TvbTids *
tvb_tids_create(void)
{
	TvbTids    *tids = palloc0(sizeof(TvbTids));

	tids->sort = tuplesort_begin_datum(INT8OID, Int8LessOperator, InvalidOid, false,
									   Max(tvb_work_mem / 8, 64), NULL, TUPLESORT_RANDOMACCESS);
	tids->count = -1;
	return tids;
}

void
tvb_tids_add(TvbTids *tids, ItemPointer tid)
{
	Assert(tids->count < 0);
	tuplesort_putdatum(tids->sort, Int64GetDatum(place_of(tid)), false);
}

int64
tvb_tids_count(TvbTids *tids)
{
	int64		last = -1;

	if (tids->count >= 0)
		return tids->count;
	tuplesort_performsort(tids->sort);
	tids->count = 0;
	while (next_place(tids))
	{
		CHECK_FOR_INTERRUPTS();
		if (tids->place != last)
			tids->count++;
		last = tids->place;
	}
	tuplesort_rescan(tids->sort);
	tids->at_end = !next_place(tids);
	return tids->count;
}

bool
tvb_tids_has(TvbTids *tids, ItemPointer tid)
{
	int64		place = place_of(tid);

	Assert(tids->count >= 0);
	while (!tids->at_end && tids->place < place)
		tids->at_end = !next_place(tids);
	return !tids->at_end && tids->place == place;
}

void
tvb_tids_destroy(TvbTids *tids)
{
	tuplesort_end(tids->sort);
	pfree(tids);
}

/* A place as a number. */
static int64
place_of(ItemPointer tid)
{
	return ((int64) ItemPointerGetBlockNumber(tid) << 16) | ItemPointerGetOffsetNumber(tid);
}

/* Go on; false: at the end. */
static bool
next_place(TvbTids *tids)
{
	Datum		value;
	bool		isnull;

	if (!tvb_compat_sort_getdatum(tids->sort, &value, &isnull))
		return false;
	tids->place = DatumGetInt64(value);
	return true;
}
