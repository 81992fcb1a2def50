/*-------------------------------------------------------------------------
 *
 * rewritten.c
 *		Tables that were given another file while a drain was at work.
 *
 * To a snapshot that is older than the file a table that was rewritten is empty, or lacks rows.  What the server's own commands
 * do to a source is followed by event triggers (ddl.c), but tools exchange files below: pg_repack calls no DDL for it.
 * A drain that reads such a table under its snapshot takes its rows for deleted.
 *
 * Whoever exchanges a file tells of it by an invalidation before he lets go of the table.  Who locks the table afterwards has heard
 * of it.  So at the end of a drain, which keeps its locks, the relations that it has heard of are compared with what its
 * snapshot shows of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "rewritten.h"
#include "run.h"

/* When more than this are heard of, all that TVIEWs consist of are looked at. */
#define MAX_HEARD 64

static Oid	heard[MAX_HEARD];
static int	nheard = 0;			/* MAX_HEARD + 1: too many */

static void note(Datum arg, Oid relid);
static List *candidates(void);
static bool has_other_file(Relation classes, Oid relid, Snapshot snapshot);

void
tvb_rewritten_begin(void)
{
	static bool registered = false;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(note, (Datum) 0);
		registered = true;
	}
	nheard = 0;
}

List *
tvb_rewritten_since(Snapshot snapshot)
{
	Relation	classes;
	List	   *rewritten = NIL;
	ListCell   *lc;

	if (nheard == 0)
		return NIL;
	classes = table_open(RelationRelationId, AccessShareLock);
	foreach(lc, candidates())
	{
		if (has_other_file(classes, lfirst_oid(lc), snapshot))
			rewritten = lappend_oid(rewritten, lfirst_oid(lc));
	}
	table_close(classes, AccessShareLock);
	return rewritten;
}

/* Relcache callback: something happened to a relation, or may have to any. */
static void
note(Datum arg, Oid relid)
{
	if (relid == InvalidOid)
		nheard = MAX_HEARD + 1;
	for (int i = 0; i < nheard && nheard <= MAX_HEARD; i++)
	{
		if (heard[i] == relid)
			return;
	}
	if (nheard < MAX_HEARD)
		heard[nheard] = relid;
	if (nheard <= MAX_HEARD)
		nheard++;
}

/* The relations to be looked at. */
static List *
candidates(void)
{
	static SPIPlanPtr plan = NULL;
	List	   *relids = NIL;

	if (nheard > MAX_HEARD)
		return tvb_run_own_oids(&plan, "SELECT relation::oid FROM tviews_batch.captured"
								" UNION SELECT source::oid FROM tviews_batch.route UNION SELECT tview::oid FROM tviews_batch.tview", NULL);
	for (int i = 0; i < nheard; i++)
		relids = lappend_oid(relids, heard[i]);
	return relids;
}

/* Whether a relation's file is another one than snapshot shows.  What it does not show was not read either. */
static bool
has_other_file(Relation classes, Oid relid, Snapshot snapshot)
{
	HeapTuple	now = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool		differs = false;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	then;

	if (!HeapTupleIsValid(now))
		return false;
	ScanKeyInit(&key, Anum_pg_class_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(classes, ClassOidIndexId, true, snapshot, 1, &key);
	if (HeapTupleIsValid(then = systable_getnext(scan)))
		differs = ((Form_pg_class) GETSTRUCT(then))->relfilenode != ((Form_pg_class) GETSTRUCT(now))->relfilenode;
	systable_endscan(scan);
	ReleaseSysCache(now);
	return differs;
}
