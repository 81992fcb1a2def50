/*-------------------------------------------------------------------------
 *
 * postponed.c
 *		Changes that one TVIEW could not take yet.
 *
 * A change has gone from the queue when a drain commits, and all TVIEWs but one may have taken it:
 * that one is locked by another session, or a lookup fails.  What concerns it is kept in
 * tviews_batch.postponed, which is logged, and taken as soon as it can be.  As changes
 * may be claimed in any order, it does not matter when that is.
 *
 * They are about tviews_batch.batch_keys per TVIEW at most: above that, one change for all rows of the
 * source stands for them, and has the TVIEW compared.  So it is after
 * tviews_batch.retry_limit lookups that failed.
 *
 * The row of the TVIEW itself is not touched here: DDL that has the TVIEW locked may have
 * that row locked as well.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "postponed.h"
#include "quarantine.h"
#include "run.h"
#include "settings.h"

/* So many changes are inserted by a statement. */
#define CHUNK 1000

/* Changes of one source to be inserted. */
typedef struct Chunk
{
	const TvbTview *tview;
	const TvbChangeSet *set;
	const char *message;
	TvbPostponed so_far;
	bool		collapse;		/* one change for all rows stands for them */
	int			n;
	Datum		links[CHUNK];
	bool		nulls[CHUNK];
} Chunk;

static int64 count_changes(List *sets);
static int64 count_stored(const TvbTview *tview);
static void add_set(Chunk *chunk);
static void add_link(Chunk *chunk, const char *data, int len);
static void insert_chunk(Chunk *chunk);

void
tvb_postponed_add(TvbTview *tview, TvbChanges *changes, const char *message, TvbPostponed so_far)
{
	Chunk	   *chunk = palloc(sizeof(Chunk));
	List	   *sets = NIL;
	ListCell   *lc;

	foreach(lc, tview->sources)
		sets = list_concat(sets, tvb_changes_of(changes, lfirst_oid(lc)));
	chunk->collapse = count_changes(sets) + count_stored(tview) > tvb_batch_keys;
	foreach(lc, sets)
	{
		chunk->tview = tview;
		chunk->set = lfirst(lc);
		chunk->message = message;
		chunk->so_far = so_far;
		chunk->n = 0;
		add_set(chunk);
	}
	pfree(chunk);
	tview->postponed.any |= sets != NIL;
	tview->postponed.due = false;
}

void
tvb_postponed_load(const TvbTview *tview, TvbChanges *changes)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(tview->relid));
	uint64		n = tvb_run_own_query(&plan,
									  "SELECT source::oid, version, link FROM tviews_batch.postponed"
									  " WHERE tview = $1", &args);
	SPITupleTable *table = SPI_tuptable;

	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		Datum		source = SPI_getbinval(table->vals[i], table->tupdesc, 1, &isnull);
		Datum		version = SPI_getbinval(table->vals[i], table->tupdesc, 2, &isnull);
		Datum		link = SPI_getbinval(table->vals[i], table->tupdesc, 3, &isnull);
		TvbChangeSet *set = tvb_changes_set(changes, DatumGetObjectId(source), DatumGetInt32(version));

		if (isnull)
			tvb_changes_add(changes, set, NULL, 0);
		else
		{
			bytea	   *packed = DatumGetByteaPP(link);

			tvb_changes_add(changes, set, VARDATA_ANY(packed), VARSIZE_ANY_EXHDR(packed));
		}
	}
	SPI_freetuptable(table);
}

TvbPostponed
tvb_postponed_clear(TvbTview *tview)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(tview->relid));
	TvbPostponed so_far = {0};
	bool		isnull;

	if (tview->postponed.any)
	{
		tvb_run_own_change(&plan,
						   "WITH d AS (DELETE FROM tviews_batch.postponed WHERE tview = $1 RETURNING attempts, since)"
						   " SELECT coalesce(max(attempts), 0), coalesce(min(since), now()) FROM d", &args);
		so_far.attempts = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		so_far.since = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
		SPI_freetuptable(SPI_tuptable);
	}
	tview->postponed.any = tview->postponed.due = false;
	return so_far;
}

/* How many changes these sets have. */
static int64
count_changes(List *sets)
{
	int64		n = 0;
	ListCell   *lc;

	foreach(lc, sets)
	{
		const TvbChangeSet *set = lfirst(lc);

		n += set->everything || set->links == NULL ? 1 : tvb_bag_count(set->links);
	}
	return n;
}

/* How many changes wait for the TVIEW already. */
static int64
count_stored(const TvbTview *tview)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(tview->relid));
	int64		n;
	bool		isnull;

	if (!tview->postponed.any)
		return 0;
	tvb_run_own_query(&plan, "SELECT count(*) FROM tviews_batch.postponed WHERE tview = $1", &args);
	n = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return n;
}

/* Insert the changes of a set. */
static void
add_set(Chunk *chunk)
{
	const char *data;
	int			len;

	if (chunk->set->everything || chunk->collapse)
		add_link(chunk, NULL, 0);
	else if (chunk->set->links != NULL)
	{
		tvb_bag_read(chunk->set->links);
		while (tvb_bag_next(chunk->set->links, &data, &len))
			add_link(chunk, data, len);
	}
	insert_chunk(chunk);
}

/* Add one change; data NULL: any row may have changed. */
static void
add_link(Chunk *chunk, const char *data, int len)
{
	CHECK_FOR_INTERRUPTS();
	if (chunk->n == CHUNK)
		insert_chunk(chunk);
	chunk->nulls[chunk->n] = data == NULL;
	chunk->links[chunk->n] = (Datum) 0;
	if (data != NULL)
	{
		bytea	   *link = palloc(VARHDRSZ + len);

		SET_VARSIZE(link, VARHDRSZ + len);
		memcpy(VARDATA(link), data, len);
		chunk->links[chunk->n] = PointerGetDatum(link);
	}
	chunk->n++;
}

/* Insert what has been added. */
static void
insert_chunk(Chunk *chunk)
{
	static SPIPlanPtr plan = NULL;
	int			lower = 1;
	TimestampTz since = chunk->so_far.since != 0 ? chunk->so_far.since : GetCurrentTransactionStartTimestamp();
	Datum		values[7] = {
		ObjectIdGetDatum(chunk->tview->relid), ObjectIdGetDatum(chunk->set->source),
		Int32GetDatum(chunk->set->version), (Datum) 0, CStringGetTextDatum(chunk->message),
		Int32GetDatum(chunk->so_far.attempts), TimestampTzGetDatum(since)
	};
	Oid			types[7] = {OIDOID, OIDOID, INT4OID, BYTEAARRAYOID, TEXTOID, INT4OID, TIMESTAMPTZOID};
	TvbRunArgs	args = {7, types, values, NULL};

	if (chunk->n == 0)
		return;
	values[3] = PointerGetDatum(construct_md_array(chunk->links, chunk->nulls, 1, &chunk->n, &lower,
												   BYTEAOID, -1, false, TYPALIGN_INT));
	tvb_run_own_change(&plan,
					   "INSERT INTO tviews_batch.postponed (tview, source, version, link, message, attempts, since, next_try)"
					   " SELECT $1, $2, $3, n.link, $5, $6, $7, " TVB_NEXT_TRY("greatest($6 - 1, 0)")
					   " FROM unnest($4) AS n (link)", &args);
	chunk->n = 0;
}
