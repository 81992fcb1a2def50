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
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"

#include "derive.h"
#include "repair.h"
#include "run.h"

/* The oids in the first column of the last query. */
static List *
result_oids(void)
{
	List	   *oids = NIL;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;

		oids = lappend_oid(oids, DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc,
																1, &isnull)));
	}
	SPI_freetuptable(SPI_tuptable);
	return oids;
}

void
tvb_repair_remember(List *tviews, const char *message)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {OIDARRAYOID, TEXTOID};
	Datum		values[] = {tvb_run_oid_array(tviews), CStringGetTextDatum(message)};
	TvbRunArgs	args = {2, types, values, NULL};

	tvb_run_own_change(&plan,
					   "INSERT INTO tviews_batch.unfollowed (tview, message)"
					   " SELECT t.tview, $2 FROM unnest($1) AS t (tview)", &args);
}

void
tvb_repair_unfollowed(void)
{
	static SPIPlanPtr find = NULL;
	static SPIPlanPtr forget = NULL;
	List	   *tviews;
	ListCell   *lc;

	tvb_run_own_query(&find,
					  "SELECT t.tview::oid FROM tviews_batch.tview t"
					  " WHERE t.tview IN (SELECT u.tview FROM tviews_batch.unfollowed u) ORDER BY t.level, 1", NULL);
	tviews = result_oids();
	foreach(lc, tviews)
		tvb_derive_repair(lfirst_oid(lc));
	tvb_derive_stale(tviews, "DDL could not be followed");
	/* what came later is not seen by this snapshot, and stays */
	tvb_run_own_change(&forget, "DELETE FROM tviews_batch.unfollowed", NULL);
}

/* Sources are locked: no writer may be left who looked before the restore what is to be captured. */
void
tvb_repair_restored(const pg_uuid_t *epoch)
{
	static SPIPlanPtr plan = NULL;
	Datum		value = UUIDPGetDatum(epoch);
	Oid			type = UUIDOID;
	TvbRunArgs	args = {1, &type, &value, NULL};
	List	   *tviews;
	ListCell   *lc;

	tvb_run_own_query(&plan,
					  "SELECT tview::oid FROM tviews_batch.tview WHERE epoch IS DISTINCT FROM $1 ORDER BY level, 1", &args);
	tviews = result_oids();
	foreach(lc, tviews)
		tvb_derive_restored(lfirst_oid(lc));
}
