/*-------------------------------------------------------------------------
 *
 * registry_list.c
 *		What a drain needs to know of every TVIEW, read in passing.
 *
 * Each drain looks at all TVIEWs, also the many that nothing concerns.  So the
 * light entries come from plain scans of two small tables, without names, and
 * of the failures and the changes put off only if there are any.  Only the extension's own tables are read, under the
 * snapshot that its queries would have.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "owner.h"
#include "registry.h"
#include "run.h"

/* Intervals of more years than that have no end. */
#define LONGEST_YEARS INT64CONST(1000)

/* A table while it is scanned. */
typedef struct MetaScan
{
	Relation	rel;
	TableScanDesc scan;
	TupleTableSlot *slot;
} MetaScan;

/* Begin to read one of the extension's tables. */
static void
scan_begin(MetaScan *scan, const char *name)
{
	Oid			relid = get_relname_relid(name, get_namespace_oid("tviews_batch", false));

	scan->rel = table_open(relid, AccessShareLock);
	scan->slot = table_slot_create(scan->rel, NULL);
	scan->scan = table_beginscan(scan->rel, GetActiveSnapshot(), 0, NULL);
}

/* Go to the next row; false after the last. */
static bool
scan_next(MetaScan *scan)
{
	return table_scan_getnextslot(scan->scan, ForwardScanDirection, scan->slot);
}

/* The lock stays, as a query's would. */
static void
scan_end(MetaScan *scan)
{
	table_endscan(scan->scan);
	ExecDropSingleTupleTableSlot(scan->slot);
	table_close(scan->rel, NoLock);
}

/* The number of a column that exists. */
static AttrNumber
column(MetaScan *scan, const char *name)
{
	AttrNumber	attno = get_attnum(RelationGetRelid(scan->rel), name);

	if (attno == InvalidAttrNumber)
		elog(ERROR, "column \"%s\" of metadata is missing", name);
	return attno;
}

/* A text column, or NULL. */
static char *
get_text(MetaScan *scan, AttrNumber attno)
{
	bool		isnull;
	Datum		value = slot_getattr(scan->slot, attno, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* An oid column that is not NULL. */
static Oid
get_oid(MetaScan *scan, AttrNumber attno)
{
	bool		isnull;

	return DatumGetObjectId(slot_getattr(scan->slot, attno, &isnull));
}

/* A boolean column that is not NULL. */
static bool
get_bool(MetaScan *scan, AttrNumber attno)
{
	bool		isnull;

	return DatumGetBool(slot_getattr(scan->slot, attno, &isnull));
}

/* Whether an interval is too long to be over ever: the calendar may have no time that is so far away. */
static bool
is_endless(const Interval *interval)
{
	return interval->month > LONGEST_YEARS * MONTHS_PER_YEAR || interval->day > LONGEST_YEARS * 366 ||
		interval->time > LONGEST_YEARS * 366 * USECS_PER_DAY;
}

/* Whether the time of a comparison has come: an interval after the last, or there was none; or the clock has been set back since. */
static bool
is_due(MetaScan *scan, AttrNumber every, AttrNumber last_full)
{
	bool		isnull;
	bool		never;
	Datum		interval = slot_getattr(scan->slot, every, &isnull);
	Datum		last = slot_getattr(scan->slot, last_full, &never);
	TimestampTz now = GetCurrentTimestamp();

	if (isnull || never)
		return !isnull;
	if (is_endless(DatumGetIntervalP(interval)))
		return false;
	return now >= DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, last, interval)) ||
		now < DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval, last, interval));
}

/* Whether a time is in the future. */
static bool
is_later(MetaScan *scan, AttrNumber attno)
{
	bool		isnull;
	Datum		value = slot_getattr(scan->slot, attno, &isnull);

	return !isnull && GetCurrentTimestamp() < DatumGetTimestampTz(value);
}

/* Read the TVIEWs whose tables exist. */
static List *
read_tviews(Oid only)
{
	List	   *tviews = NIL;
	MetaScan		scan;

	scan_begin(&scan, "tview");
	{
		AttrNumber	tview_attno = column(&scan, "tview");
		AttrNumber	view_attno = column(&scan, "view");
		AttrNumber	level_attno = column(&scan, "level");
		AttrNumber	paused_attno = column(&scan, "paused");
		AttrNumber	stale_attno = column(&scan, "stale_reason");
		AttrNumber	every_attno = column(&scan, "refresh_every");
		AttrNumber	full_attno = column(&scan, "last_full");
		AttrNumber	try_attno = column(&scan, "next_try");
		AttrNumber	prepared_attno = column(&scan, "awaits_prepared");
		AttrNumber	broken_attno = column(&scan, "broken");

		while (scan_next(&scan))
		{
			Oid			relid = get_oid(&scan, tview_attno);
			bool		isnull;
			TvbTview   *tview;

			if ((OidIsValid(only) && relid != only) ||
				!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
				continue;
			slot_getallattrs(scan.slot);	/* at once is cheaper than one by one */
			tview = palloc0(sizeof(TvbTview));
			tview->relid = relid;
			tview->view = get_oid(&scan, view_attno);
			tview->view_gone = !SearchSysCacheExists1(RELOID, ObjectIdGetDatum(tview->view));
			tview->row_xmin = DatumGetTransactionId(slot_getsysattr(scan.slot, MinTransactionIdAttributeNumber, &isnull));
			tview->level = DatumGetInt32(slot_getattr(scan.slot, level_attno, &isnull));
			tview->paused = get_bool(&scan, paused_attno);
			tview->stale_reason = get_text(&scan, stale_attno);
			tview->due = is_due(&scan, every_attno, full_attno);
			tview->failed_lately = is_later(&scan, try_attno);
			tview->awaits_prepared = get_bool(&scan, prepared_attno);
			tview->broken = get_text(&scan, broken_attno);
			tviews = lappend(tviews, tview);
		}
	}
	scan_end(&scan);
	return tviews;
}

/* Order by oid, to find entries. */
static int
compare_relids(const ListCell *a, const ListCell *b)
{
	Oid			left = ((TvbTview *) lfirst(a))->relid;
	Oid			right = ((TvbTview *) lfirst(b))->relid;

	return left < right ? -1 : left > right ? 1 : 0;
}

/* Order by level, then oid. */
static int
compare_levels(const ListCell *a, const ListCell *b)
{
	int			left = ((TvbTview *) lfirst(a))->level;
	int			right = ((TvbTview *) lfirst(b))->level;

	return left < right ? -1 : left > right ? 1 : compare_relids(a, b);
}

/* The entry of a TVIEW in a list ordered by oid, or NULL. */
static TvbTview *
find_tview(List *tviews, Oid relid)
{
	int			low = 0;
	int			high = list_length(tviews) - 1;

	while (low <= high)
	{
		int			middle = (low + high) / 2;
		TvbTview   *tview = list_nth(tviews, middle);

		if (tview->relid == relid)
			return tview;
		if (tview->relid < relid)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return NULL;
}

/* Fill in the sources of entries ordered by oid. */
static void
read_sources(List *tviews)
{
	MetaScan		scan;
	AttrNumber	tview_attno;
	AttrNumber	source_attno;

	scan_begin(&scan, "route");
	tview_attno = column(&scan, "tview");
	source_attno = column(&scan, "source");
	while (scan_next(&scan))
	{
		TvbTview   *tview = find_tview(tviews, get_oid(&scan, tview_attno));

		if (tview != NULL)
			tview->sources = list_append_unique_oid(tview->sources, get_oid(&scan, source_attno));
	}
	scan_end(&scan);
}

/* Whether one of the extension's tables has no page at all. */
static bool
is_empty(const char *name)
{
	Relation	rel = table_open(get_relname_relid(name, get_namespace_oid("tviews_batch", false)),
								 AccessShareLock);
	bool		empty = RelationGetNumberOfBlocks(rel) == 0;

	table_close(rel, NoLock);
	return empty;
}

/* Of which TVIEWs a table has rows, and whether the time of some has come. */
#define WAITING(table) \
	"SELECT t.tview::oid, EXISTS (SELECT FROM tviews_batch." table " w" \
	"  WHERE w.tview = t.tview AND w.next_try <= clock_timestamp())" \
	" FROM tviews_batch.tview t" \
	" WHERE EXISTS (SELECT FROM tviews_batch." table " w WHERE w.tview = t.tview)"

/* Fill in what waits, at the same place of each entry; they are ordered by oid. */
static void
read_waiting(List *tviews, const char *table, SPIPlanPtr *plan, const char *sql, size_t place)
{
	if (is_empty(table))
		return;
	tvb_run_own_query(plan, sql, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		TvbTview   *tview = find_tview(tviews, DatumGetObjectId(SPI_getbinval(tuple, desc, 1, &isnull)));

		if (tview != NULL)
			*(TvbWaiting *) ((char *) tview + place) =
				(TvbWaiting) {true, DatumGetBool(SPI_getbinval(tuple, desc, 2, &isnull))};
	}
	SPI_freetuptable(SPI_tuptable);
}

List *
tvb_registry_read_list(Oid only)
{
	static SPIPlanPtr failures = NULL;
	static SPIPlanPtr postponed = NULL;
	List	   *tviews;

	tvb_run_push_own_snapshot();
	tviews = read_tviews(only);
	list_sort(tviews, compare_relids);
	if (tviews != NIL)
		read_sources(tviews);
	PopActiveSnapshot();
	if (tviews != NIL)
	{
		/* there may be many */
		read_waiting(tviews, "failure", &failures, WAITING("failure"), offsetof(TvbTview, failures));
		read_waiting(tviews, "postponed", &postponed, WAITING("postponed"), offsetof(TvbTview, postponed));
	}
	list_sort(tviews, compare_levels);
	return tviews;
}

List *
tvb_registry_list(void)
{
	return tvb_registry_read_list(InvalidOid);
}

bool
tvb_registry_name(TvbTview *tview)
{
	MemoryContext old;

	if (tview->name != NULL)
		return true;
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(tview->relid)) ||
		(!tview->view_gone && !SearchSysCacheExists1(RELOID, ObjectIdGetDatum(tview->view))))
		return false;
	old = MemoryContextSwitchTo(GetMemoryChunkContext(tview));
	tview->owner = tvb_owner_of(tview->relid, false);
	if (!tview->view_gone)
		tview->view_name = tvb_registry_relation_name(tview->view);
	tview->name = tvb_registry_relation_name(tview->relid);
	MemoryContextSwitchTo(old);
	return true;
}
