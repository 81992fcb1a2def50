/*-------------------------------------------------------------------------
 *
 * overflow.c
 *		What happens when too many changes of a source wait.
 *
 * With nobody draining, the queue must not fill the disk.  A writer that finds
 * more than tviews_batch.queue_limit changes of a source puts a mark, a row of
 * tviews_batch.overflow, into its transaction.  From its commit on the mark stands for
 * one change of all rows: writers log nothing for that source any more.
 *
 * A change that was skipped has no entry, so the mark must not be taken away like one: a
 * writer that is still open may have skipped on its account.  Drains, under the drain lock,
 * take it through these steps:
 *
 *	closing		Writers are told to log again.  They hear of it by the relcache
 *				invalidation that is sent when the drain commits; a writer that is about to skip
 *				looks for one first.
 *	fenced		By a later drain, which got the lock after the invalidation was sent.  Whoever
 *				skipped had written a row before, hence had a transaction id: one below the
 *				next to be given out now, the fence.
 *	done		No transaction below the fence is left.  The TVIEWs that read the source are marked
 *				stale, so that they are compared under a snapshot taken later.
 *
 * The row goes when a drain has come to the end of the queue.
 *
 * Invariants:
 *
 *	- A TVIEW that reads a source whose row is not done is called stale by tviews_status.
 *	- A change is skipped only where it has an entry, or its transaction an id below the
 *	  fence of a row that was not done when it ended.
 *	- Entries below the fence may be thrown away: the comparison follows, or has been.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/xid8.h"

#include "overflow.h"
#include "progress.h"
#include "queue.h"
#include "run.h"
#include "settings.h"

/* The table's columns. */
enum
{
	OVERFLOW_ID = 1,
	OVERFLOW_SOURCE,
	OVERFLOW_CLOSED_BY,
};

static bool any_mark(void);
static void close_marks(void);
static void fence_marks(void);
static void finish_marks(void);
static List *read_marks(void);

/* Under the newest snapshot: what others have committed since the statement began counts. */
void
tvb_overflow_check(Oid source)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(source));
	int64		waiting;

	PushActiveSnapshot(GetLatestSnapshot());
	waiting = tvb_queue_count_source(GetActiveSnapshot(), source);
	PopActiveSnapshot();
	if (waiting <= tvb_queue_limit)
		return;

	SPI_connect();
	tvb_run_own_change(&plan, "INSERT INTO tviews_batch.overflow (source) VALUES ($1)", &args);
	SPI_finish();
	CacheInvalidateRelcacheByRelid(tvb_overflow_table());
	ereport(LOG,
			(errmsg("more than %d changes of table \"%s\" wait to be drained: further ones are not queued, its TVIEWs will be compared with their views",
					tvb_queue_limit, get_rel_name(source))));
}

bool
tvb_overflow_marked(Oid source)
{
	Relation	rel = table_open(tvb_overflow_table(), AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;
	bool		marked = false;

	while (!marked && (tuple = systable_getnext(scan)) != NULL)
	{
		TupleDesc	desc = RelationGetDescr(rel);
		bool		isnull;

		marked = heap_attisnull(tuple, OVERFLOW_CLOSED_BY, desc) &&
			DatumGetObjectId(heap_getattr(tuple, OVERFLOW_SOURCE, desc, &isnull)) == source;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return marked;
}

Oid
tvb_overflow_table(void)
{
	Oid			schema = get_namespace_oid("tviews_batch", false);
	Oid			relid = get_relname_relid("overflow", schema);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s\" does not exist", "tviews_batch.overflow")));
	return relid;
}

/* Closing comes last: what is closed now is fenced by a later drain. */
List *
tvb_overflow_advance(void)
{
	List	   *marks;

	if (!any_mark())
		return NIL;
	PushActiveSnapshot(GetLatestSnapshot());
	fence_marks();
	finish_marks();
	close_marks();
	marks = read_marks();
	PopActiveSnapshot();
	return marks;
}

void
tvb_overflow_end(List *overflows)
{
	static SPIPlanPtr plan = NULL;

	if (overflows != NIL)
		tvb_run_own_change(&plan, "DELETE FROM tviews_batch.overflow WHERE done", NULL);
}

/* Without a fence the comparison has not even been decided on: it will see whatever waits now. */
bool
tvb_overflow_covers(List *overflows, Oid source, TransactionId writer)
{
	ListCell   *lc;

	foreach(lc, overflows)
	{
		const TvbOverflow *overflow = lfirst(lc);

		if (overflow->source == source &&
			(!TransactionIdIsValid(overflow->fence) ||
			 TransactionIdPrecedes(writer, overflow->fence)))
			return true;
	}
	return false;
}

/* Whether there is any row.  Takes no transaction id and runs no SQL, as every drain asks. */
static bool
any_mark(void)
{
	Relation	rel = table_open(tvb_overflow_table(), AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	bool		any = systable_getnext(scan) != NULL;

	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return any;
}

/* Tell writers to log again. */
static void
close_marks(void)
{
	static SPIPlanPtr plan = NULL;

	if (tvb_run_own_change(&plan,
						   "UPDATE tviews_batch.overflow SET closed_by = pg_current_xact_id()"
						   " WHERE closed_by IS NULL", NULL) > 0)
		CacheInvalidateRelcacheByRelid(tvb_overflow_table());
}

/* Set the fence of those that an earlier transaction closed. */
static void
fence_marks(void)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(XID8OID, FullTransactionIdGetDatum(ReadNextFullTransactionId()));

	tvb_run_own_change(&plan,
					   "UPDATE tviews_batch.overflow SET fence = $1"
					   " WHERE fence IS NULL AND closed_by <> pg_current_xact_id()", &args);
}

/* Those whose fence has been passed by all: from here on the TVIEWs' own state says it. */
static void
finish_marks(void)
{
	static SPIPlanPtr plan = NULL;

	tvb_run_own_change(&plan,
					   "WITH passed AS ("
					   "  UPDATE tviews_batch.overflow SET done = true"
					   "   WHERE NOT done AND fence <= pg_snapshot_xmin(pg_current_snapshot())"
					   "  RETURNING source),"
					   " concerned AS ("
					   "  SELECT r.tview, min(r.source::oid)::regclass AS source"
					   "    FROM passed p JOIN tviews_batch.route r USING (source) GROUP BY r.tview)"
					   " UPDATE tviews_batch.tview t SET awaits_prepared = false, " TVB_PROGRESS_RESET ","
					   "  stale_reason = CASE WHEN t.stale_reason IS NULL OR t.awaits_prepared"
					   "   THEN format('more changes of table %s waited than tviews_batch.queue_limit allows', c.source)"
					   "   ELSE t.stale_reason END"
					   " FROM concerned c WHERE c.tview = t.tview", NULL);
}

/* What the table says now. */
static List *
read_marks(void)
{
	static SPIPlanPtr plan = NULL;
	List	   *marks = NIL;
	uint64		rows;

	rows = tvb_run_own_change(&plan, "SELECT source::oid, fence::text::bigint FROM tviews_batch.overflow", NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		TvbOverflow *mark = palloc0(sizeof(TvbOverflow));
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		int64		fence;

		mark->source = DatumGetObjectId(SPI_getbinval(tuple, desc, 1, &isnull));
		fence = DatumGetInt64(SPI_getbinval(tuple, desc, 2, &isnull));
		mark->fence = isnull ? InvalidTransactionId : (TransactionId) fence;
		marks = lappend(marks, mark);
	}
	SPI_freetuptable(SPI_tuptable);
	return marks;
}
