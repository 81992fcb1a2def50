/*-------------------------------------------------------------------------
 *
 * repair.c
 *		Definition: what DDL left undone is done by the next drain.
 *
 * An event trigger may not fail the user's command, and cannot always do what
 * follows from it: a lock timeout, a serialization failure, a metadata table
 * that somebody changed.  Then it leaves a row in tviews_batch.unfollowed, a
 * plain insert that waits for nobody.  As long as one is there its TVIEW is
 * stale.  So are TVIEWs that came from a dump; nobody followed DDL for them
 * since then.
 *
 * A TVIEW that is being made is not seen by others, nor is a new one by a transaction whose snapshot is older.  Tables and
 * views are locked against that, functions and types are not.  So what was altered is remembered as well: a drain
 * sees all TVIEWs that were made before it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/xid8.h"

#include "ddl_drop.h"
#include "ddl_find.h"
#include "derive.h"
#include "levels.h"
#include "progress.h"
#include "rename.h"
#include "repair.h"
#include "run.h"
#include "sources.h"
#include "young.h"

/* The oids in the first column of the last query. */
static List *
result_oids(void)
{
	List	   *oids = tvb_run_oid_column(1);

	SPI_freetuptable(SPI_tuptable);
	return oids;
}

/* A row for each TVIEW, or for each object with its class. */
static void
remember(List *tviews, List *classes, List *objects, const char *message)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {OIDARRAYOID, OIDARRAYOID, OIDARRAYOID, TEXTOID};
	Datum		values[] = {tvb_run_oid_array(tviews), tvb_run_oid_array(classes), tvb_run_oid_array(objects),
	CStringGetTextDatum(message)};
	TvbRunArgs	args = {4, types, values, NULL};

	/* unnest fills up with NULL */
	tvb_run_own_change(&plan,
					   "INSERT INTO tviews_batch.unfollowed (tview, class, object, message)"
					   " SELECT n.tview, n.class, n.object, $4 FROM unnest($1, $2, $3) AS n (tview, class, object)", &args);
}

void
tvb_repair_remember(List *tviews, const char *message)
{
	remember(tviews, NIL, NIL, message);
}

void
tvb_repair_remember_rename(List *tviews, const char *before, const char *after, const char *message)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {OIDARRAYOID, NAMEOID, NAMEOID, TEXTOID};
	Datum		values[] = {tvb_run_oid_array(tviews), DirectFunctionCall1(namein, CStringGetDatum(before)),
	DirectFunctionCall1(namein, CStringGetDatum(after)), CStringGetTextDatum(message)};
	TvbRunArgs	args = {4, types, values, NULL};

	tvb_run_own_change(&plan,
					   "INSERT INTO tviews_batch.unfollowed (tview, before, after, message)"
					   " SELECT n.tview, $2, $3, $4 FROM unnest($1) AS n (tview)", &args);
}

bool
tvb_repair_renames(Oid tview)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(tview));

	return tvb_run_own_change(&plan, "SELECT FROM tviews_batch.unfollowed WHERE tview = $1 AND before IS NOT NULL LIMIT 1",
							  &args) > 0;
}

void
tvb_repair_remember_objects(List *classes, List *objects)
{
	remember(NIL, classes, objects, "TVIEWs made at the same time are not seen");
}

/* The TVIEWs that depend on objects that were altered, lower levels first. */
static List *
concerned_by_objects(List *classes, List *objects)
{
	List	   *dependent;
	List	   *tviews = NIL;
	List	   *reading;
	bool		text_search;
	ListCell   *lc;

	text_search = list_member_oid(classes, TSConfigRelationId) || list_member_oid(classes, TSDictionaryRelationId);
	dependent = tvb_ddl_find_dependent(classes, objects);
	reading = tvb_ddl_find_json_readers(classes, objects);
	foreach(lc, tvb_ddl_find_all())
	{
		if (list_member_oid(dependent, lfirst_oid(lc)) || list_member_oid(reading, lfirst_oid(lc)) ||
			(text_search && tvb_derive_uses_text_search(lfirst_oid(lc))))
			tviews = lappend_oid(tviews, lfirst_oid(lc));
	}
	return tviews;
}

/* Forget those of the objects that were dropped. */
static void
repair_dropped(List *classes, List *objects)
{
	List	   *gone = NIL;
	ListCell   *class;
	ListCell   *object;

	forboth(class, classes, object, objects)
	{
		if (lfirst_oid(class) == RelationRelationId && get_rel_name(lfirst_oid(object)) == NULL)
			gone = list_append_unique_oid(gone, lfirst_oid(object));
	}
	if (gone != NIL)
		tvb_ddl_drop_forget(gone, tvb_sources_concerned(gone));
}

/* A table that was made or altered may be a partition or child of a source now, which is not captured yet. */
static void
add_families(List **classes, List **objects)
{
	List	   *relations = NIL;
	ListCell   *class;
	ListCell   *object;

	forboth(class, *classes, object, *objects)
	{
		if (lfirst_oid(class) == RelationRelationId)
			relations = list_append_unique_oid(relations, lfirst_oid(object));
	}
	foreach(object, tvb_ddl_find_families(relations))
	{
		*classes = lappend_oid(*classes, RelationRelationId);
		*objects = lappend_oid(*objects, lfirst_oid(object));
	}
}

/*
 * Let triggers of ours fire in all sessions again that ENABLE TRIGGER ALL lets fire in some.  Where a table is locked its TVIEWs
 * stay stale for that.
 */
static void
enable_triggers(List *objects)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDARRAYOID, tvb_run_oid_array(objects));
	ListCell   *lc;

	foreach(lc, tvb_run_own_oids(&plan, "SELECT DISTINCT tgrelid FROM pg_trigger"
								 " WHERE tgrelid = ANY ($1) AND tgenabled = 'O' AND NOT tgisinternal"
								 "  AND tgfoid IN ('tviews_batch.capture()'::regprocedure, 'tviews_batch.guard()'::regprocedure)",
								 &args))
	{
		if (ConditionalLockRelationOid(lfirst_oid(lc), ShareRowExclusiveLock))
			tvb_sources_enable(lfirst_oid(lc));
	}
}

/* The words of stored texts may mean one of the objects now, or mean one no more. */
static void
repair_resolving(List *tviews)
{
	ListCell   *lc;

	foreach(lc, tviews)
	{
		if (!tvb_derive_again(lfirst_oid(lc)))
			continue;
		tvb_levels_sync();
		tvb_derive_stale(list_make1_oid(lfirst_oid(lc)), "what the view uses was altered");
	}
}

/* Look again at what TVIEWs depend on that commands altered, or dropped, which did not see them. */
static void
repair_concerned(void)
{
	static SPIPlanPtr find = NULL;
	static SPIPlanPtr plan = NULL;
	List	   *classes;
	List	   *objects;
	List	   *tviews;
	TvbRunArgs	args = TVB_RUN_ARG(OIDARRAYOID, 0);
	ListCell   *lc;

	tvb_run_own_query(&find, "SELECT class, object FROM tviews_batch.unfollowed"
					  " WHERE object IS NOT NULL AND " TVB_REPAIR_DUE, NULL);
	classes = tvb_run_oid_column(1);
	objects = tvb_run_oid_column(2);
	SPI_freetuptable(SPI_tuptable);
	if (objects == NIL)
		return;
	repair_dropped(classes, objects);
	add_families(&classes, &objects);
	enable_triggers(objects);
	tviews = concerned_by_objects(classes, objects);
	repair_resolving(list_difference_oid(tvb_ddl_find_resolving(classes, objects), tviews));
	if (tviews == NIL)
		return;
	args.values[0] = tvb_run_oid_array(tviews);
	foreach(lc, tviews)
		tvb_derive_repair(lfirst_oid(lc));
	/* those that were seen are stale already */
	tvb_run_own_change(&plan, "UPDATE tviews_batch.tview"
					   " SET stale_reason = coalesce(stale_reason, 'what the view uses was altered'), " TVB_PROGRESS_RESET
					   " WHERE tview = ANY ($1)", &args);
}

/* Rename the columns of TVIEWs that could not be renamed when their views' were, one after the other. */
static void
repair_renames(void)
{
	static SPIPlanPtr plan = NULL;
	uint64		n;
	SPITupleTable *notes;

	n = tvb_run_own_query(&plan, "SELECT u.tview::oid, u.before::text, u.after::text FROM tviews_batch.unfollowed u"
						  "  JOIN tviews_batch.tview t USING (tview) JOIN pg_class c ON c.oid = u.tview"
						  " WHERE u.before IS NOT NULL ORDER BY u.id", NULL);
	notes = SPI_tuptable;
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;

		tvb_rename_tview(DatumGetObjectId(SPI_getbinval(notes->vals[i], notes->tupdesc, 1, &isnull)),
						 SPI_getvalue(notes->vals[i], notes->tupdesc, 2), SPI_getvalue(notes->vals[i], notes->tupdesc, 3));
	}
	SPI_freetuptable(notes);
}

/* Do what the notes say, and forget them. */
static void
repair_noted(void *arg)
{
	static SPIPlanPtr all = NULL;
	static SPIPlanPtr find = NULL;
	static SPIPlanPtr forget = NULL;
	TvbRunArgs	notes = TVB_RUN_ARG(INT8ARRAYOID, 0);
	List	   *tviews;
	ListCell   *lc;
	bool		isnull;

	tvb_run_own_query(&all, "SELECT array_agg(id) FROM tviews_batch.unfollowed WHERE " TVB_REPAIR_DUE, NULL);
	notes.values[0] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (isnull)
		return;
	tvb_run_own_query(&find,
					  "SELECT t.tview::oid FROM tviews_batch.tview t"
					  " WHERE t.tview IN (SELECT u.tview FROM tviews_batch.unfollowed u) ORDER BY t.level, 1", NULL);
	tviews = result_oids();
	repair_renames();
	foreach(lc, tviews)
		tvb_derive_repair(lfirst_oid(lc));
	tvb_derive_stale(tviews, "DDL could not be followed");
	repair_concerned();
	/* what has come meanwhile stays */
	tvb_run_own_change(&forget, "DELETE FROM tviews_batch.unfollowed WHERE id = ANY ($1)", &notes);
}

void
tvb_repair_unfollowed(void)
{
	ErrorData  *error = tvb_derive_attempt(repair_noted, NULL, true);

	/* mostly somebody has something locked: that must not hold up other TVIEWs */
	if (error != NULL)
		ereport(WARNING,
				(errmsg("DDL that could not be followed is left to the next drain: %s", error->message)));
}

/* Forget relations that were dropped while nobody followed it. */
static void
forget_gone(void)
{
	List	   *gone = tvb_run_own_oids(NULL, "SELECT DISTINCT k.relation::oid FROM ("
										"  SELECT relation FROM tviews_batch.captured UNION ALL SELECT source FROM tviews_batch.source"
										"  UNION ALL SELECT tview FROM tviews_batch.tview UNION ALL SELECT view FROM tviews_batch.tview) AS k"
										" WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = k.relation)", NULL);

	if (gone != NIL)
		tvb_ddl_drop_forget(gone, tvb_sources_concerned(gone));
}

/* Whether all have ended who may have begun DDL while event triggers were off.  The first time it is asked, it is noted who. */
static bool
all_have_ended(void)
{
	static SPIPlanPtr plan = NULL;
	static SPIPlanPtr note = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(XID8OID, FullTransactionIdGetDatum(ReadNextFullTransactionId()));
	bool		noted;
	bool		ended;
	bool		isnull;

	if (tvb_run_own_query(&plan, "SELECT coalesce(w.seen = e.rows, false),"
						  " CASE WHEN w.seen = e.rows THEN w.fence ELSE $1 END <= pg_snapshot_xmin(pg_current_snapshot())"
						  " FROM tviews_batch.watched w, tviews_batch.event_triggers e", &args) == 0)
		return true;
	noted = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	ended = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	SPI_freetuptable(SPI_tuptable);
	if (!noted && !ended)
		tvb_run_own_change(&note, "UPDATE tviews_batch.watched SET seen = e.rows, fence = $1"
						   " FROM tviews_batch.event_triggers e", &args);
	return ended;
}

/* Follow what may have been done to any TVIEW. */
static void
repair_all(void *arg)
{
	List	   *tviews;
	ListCell   *lc;

	forget_gone();
	tviews = tvb_ddl_find_all();
	foreach(lc, tviews)
		tvb_derive_repair(lfirst_oid(lc));
	tvb_derive_stale(tviews, "event triggers were switched off for a time: DDL was not followed");
}

void
tvb_repair_switched(bool switched)
{
	static SPIPlanPtr plan = NULL;

	/* an error: somebody has something locked, and the next drain tries again */
	if (switched && (!all_have_ended() || tvb_derive_attempt(repair_all, NULL, true) != NULL))
		return;
	tvb_run_own_change(&plan, "INSERT INTO tviews_batch.watched (event_triggers, server, collation_version)"
					   " SELECT e.rows, e.server, d.datcollversion FROM tviews_batch.event_triggers e"
					   "  JOIN pg_database d ON d.datname = current_database()"
					   " ON CONFLICT (one) DO UPDATE SET event_triggers = excluded.event_triggers, server = excluded.server,"
					   "  seen = NULL, fence = NULL", NULL);
}

void
tvb_repair_recollated(void)
{
	static SPIPlanPtr plan = NULL;

	tvb_derive_stale(tvb_ddl_find_all(), "the collation of the database was given another version");
	tvb_run_own_change(&plan, "UPDATE tviews_batch.watched SET collation_version = d.datcollversion"
					   " FROM pg_database d WHERE d.datname = current_database()", NULL);
}

/* The same for a TVIEW that was restored. */
static void
repair_restored(void *arg)
{
	Oid		   *tview = arg;

	tvb_derive_restored(*tview);
	tvb_young_begin(*tview, NULL);
}

/* Sources are locked: no writer may be left who looked before the restore what is to be captured. */
List *
tvb_repair_restored(const pg_uuid_t *epoch)
{
	static SPIPlanPtr plan = NULL;
	static SPIPlanPtr later = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(UUIDOID, UUIDPGetDatum(epoch));
	TvbRunArgs	those = TVB_RUN_ARG(OIDARRAYOID, 0);
	List	   *tviews;
	List	   *left = NIL;
	ListCell   *lc;

	tvb_run_own_query(&plan,
					  "SELECT tview::oid FROM tviews_batch.tview WHERE epoch IS DISTINCT FROM $1 ORDER BY level, 1", &args);
	tviews = result_oids();
	foreach(lc, tviews)
	{
		ErrorData  *error = tvb_derive_attempt(repair_restored, &lfirst_oid(lc), true);

		if (error == NULL)
			continue;
		left = lappend_oid(left, lfirst_oid(lc));
		ereport(WARNING,
				(errmsg("TVIEW \"%s\" was restored from a dump and is left to the next drain: %s", get_rel_name(lfirst_oid(lc)), error->message)));
	}
	if (left == NIL)
		return NIL;
	/* a comparison would be made again */
	those.values[0] = tvb_run_oid_array(left);
	tvb_derive_stale(left, "restored from a dump");
	tvb_run_own_change(&later, "UPDATE tviews_batch.tview SET next_try = clock_timestamp() + interval '1 second' WHERE tview = ANY ($1)", &those);
	return left;
}
