/*-------------------------------------------------------------------------
 *
 * young.c
 *		Definition: DDL that was under way, unseen, while a TVIEW was made or derived again.
 *
 * A TVIEW that is being made is seen by nobody else, so DDL of other transactions does not follow it; nor does
 * tviews_create see what they have not committed.  What a view reads is locked meanwhile.  Functions, operators, casts and types
 * cannot be, nor can new ones be kept away that a stored text would mean when it is parsed again.
 *
 * So a TVIEW is young at first: a row of tviews_batch.young has a fingerprint of what its view depends on, made before the TVIEW
 * was filled.  It is a table of its own, and every time there is another row, as DDL must not wait for a drain that writes it.
 * Drains derive the TVIEW again, and compare the fingerprint.
 *
 * It is young once more when DDL was followed that lets its view depend on something else, or its texts name something else: of
 * who is under way with an object or a name, nobody has found it.  In the latter case there is nothing to compare.
 *
 * Invariants:
 *
 *	- Whoever does not see a row has a transaction id that was given out before the row's commit.  The fence is the next id to
 *	  be given out when a drain sees the row for the first time: all these are below it.
 *	- It is young until all ids below the fence have ended, and a drain has looked after that.
 *	- In between it is looked at again when one of them has ended.  One that stays open for hours does not make every drain
 *	  derive all that is young.
 *	- What is found makes it stale, as a drain that looked too early may have used what was there before.
 *
 * A transaction whose snapshot is older than the TVIEW may get its id, and run DDL, when the TVIEW is not young any more.
 * Such DDL leaves a note (ddl.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/lockdefs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/xid8.h"

#include "derive.h"
#include "levels.h"
#include "objects.h"
#include "registry.h"
#include "run.h"
#include "young.h"

/* A row that says so of a TVIEW. */
typedef struct Row
{
	int64		id;
	char	   *objects;		/* "": nothing to compare */
	bool		passed;			/* all below its fence have ended */
} Row;

/* A TVIEW that is young. */
typedef struct Young
{
	Oid			relid;
	Oid			view;
	bool		gone;			/* it is no TVIEW any more */
	List	   *rows;
	char	   *snapshot;		/* what is looked at now */
	/* found now: */
	bool		locked;			/* by somebody else */
	bool		changed;
	char	   *found;			/* objects, if there are any to compare */
} Young;

void
tvb_young_begin(Oid relid, const char *objects)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {OIDOID, TEXTOID};
	Datum		values[] = {ObjectIdGetDatum(relid), (Datum) 0};
	TvbRunArgs	args = {2, types, values, NULL};

	if (objects == NULL)
	{
		TvbRunArgs	one = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(relid));
		List	   *views = tvb_run_own_oids(NULL, "SELECT view::oid FROM tviews_batch.tview WHERE tview = $1", &one);

		if (views == NIL || get_rel_relkind(linitial_oid(views)) != RELKIND_VIEW)
			return;
		objects = tvb_objects_fingerprint(linitial_oid(views));
	}
	values[1] = CStringGetTextDatum(objects);
	tvb_run_own_change(&plan, "INSERT INTO tviews_batch.young (tview, objects) VALUES ($1, $2)", &args);
}

/* Lock what deriving a TVIEW would wait for; false: somebody has it locked, and no drain refreshes it now. */
static bool
lock_relations(const Young *young)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(young->relid));

	return tvb_registry_try_lock(young->relid, AccessShareLock, young->view,
								 tvb_run_own_oids(&plan, "SELECT DISTINCT source::oid FROM tviews_batch.route WHERE tview = $1", &args));
}

/* Look at one of them. */
static void
look(void *arg)
{
	Young	   *young = arg;
	ListCell   *lc;

	young->locked = !lock_relations(young);
	if (young->locked)
		return;
	young->changed = tvb_derive_again(young->relid);
	if (young->changed)
		tvb_levels_sync();
	young->found = NULL;
	foreach(lc, young->rows)
	{
		Row		   *row = lfirst(lc);

		if (*row->objects == '\0')
			continue;
		if (young->found == NULL)
			young->found = tvb_objects_fingerprint(young->view);
		young->changed |= strcmp(young->found, row->objects) != 0;
	}
}

/* Something has become of it: look once more, to keep what follows, and mark it. */
static void
follow(void *arg)
{
	Young	   *young = arg;

	look(young);
	if (!young->locked)
		tvb_derive_stale(list_make1_oid(young->relid), "what the view uses was altered at the same time");
}

/*
 * Those that are young, lower levels first, but not those of this transaction: nobody has missed them yet.  Nor those that nobody
 * can have missed since they were looked at: of the transactions below the fence none has ended.
 */
static List *
find_young(FullTransactionId next)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(XID8OID, FullTransactionIdGetDatum(next));
	List	   *found = NIL;
	Young	   *young = NULL;

	tvb_run_own_query(&plan, "SELECT y.tview::oid, t.view::oid, y.id, y.objects,"
					  " coalesce(y.fence, $1) <= pg_snapshot_xmin(s.now), y.xmin, s.now::text"
					  " FROM tviews_batch.young y LEFT JOIN tviews_batch.tview t USING (tview), pg_current_snapshot() AS s (now)"
					  " WHERE y.fence IS NULL OR y.looked IS NULL OR y.fence <= pg_snapshot_xmin(s.now)"
					  "  OR pg_snapshot_xmax(y.looked) < y.fence"
					  "  OR EXISTS (SELECT FROM pg_snapshot_xip(y.looked) AS x (id) WHERE id < y.fence AND pg_visible_in_snapshot(id, s.now))"
					  " ORDER BY t.level, 1", &args);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		Oid			relid;
		Row		   *row;
		bool		isnull;

		if (TransactionIdIsCurrentTransactionId(DatumGetTransactionId(SPI_getbinval(tuple, desc, 6, &isnull))))
			continue;
		relid = DatumGetObjectId(SPI_getbinval(tuple, desc, 1, &isnull));
		if (young == NULL || young->relid != relid)
		{
			young = palloc0(sizeof(Young));
			young->relid = relid;
			young->view = DatumGetObjectId(SPI_getbinval(tuple, desc, 2, &isnull));
			young->gone = isnull;
			young->snapshot = SPI_getvalue(tuple, desc, 7);
			found = lappend(found, young);
		}
		row = palloc(sizeof(Row));
		row->id = DatumGetInt64(SPI_getbinval(tuple, desc, 3, &isnull));
		row->objects = SPI_getvalue(tuple, desc, 4);
		row->passed = DatumGetBool(SPI_getbinval(tuple, desc, 5, &isnull));
		young->rows = lappend(young->rows, row);
	}
	SPI_freetuptable(SPI_tuptable);
	return found;
}

/* It is young no longer on account of a row, or is no TVIEW any more. */
static void
end(const Row *row)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(INT8OID, Int64GetDatum(row->id));

	tvb_run_own_change(&plan, "DELETE FROM tviews_batch.young WHERE id = $1", &args);
}

/* It stays young. */
static void
store(const Row *row, const Young *young, FullTransactionId fence)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT8OID, TEXTOID, XID8OID, TEXTOID};
	Datum		values[] = {
		Int64GetDatum(row->id), CStringGetTextDatum(*row->objects ? young->found : ""), FullTransactionIdGetDatum(fence),
		CStringGetTextDatum(young->snapshot)
	};
	TvbRunArgs	args = {4, types, values, NULL};

	tvb_run_own_change(&plan, "UPDATE tviews_batch.young SET objects = $2, fence = coalesce(fence, $3), looked = $4::pg_snapshot"
					   " WHERE id = $1", &args);
}

/*
 * Do it in a subtransaction.  keep false: it is undone, so that a drain that finds nothing has nothing locked.  Returns whether it
 * was done; what somebody has locked waits for the next drain.
 */
static bool
attempt(void (*work) (void *arg), Young *young, bool keep)
{
	return tvb_derive_attempt(work, young, keep) == NULL && !young->locked;
}

void
tvb_young_look(void)
{
	FullTransactionId next = ReadNextFullTransactionId();
	ListCell   *lc;
	ListCell   *cell;

	foreach(lc, find_young(next))
	{
		Young	   *young = lfirst(lc);
		bool		gone = young->gone || get_rel_name(young->relid) == NULL || get_rel_relkind(young->view) != RELKIND_VIEW;

		if (!gone && (!attempt(look, young, false) || (young->changed && !attempt(follow, young, true))))
			continue;
		foreach(cell, young->rows)
		{
			Row		   *row = lfirst(cell);

			if (gone || row->passed)
				end(row);
			else
				store(row, young, next);
		}
	}
}
