/*-------------------------------------------------------------------------
 *
 * epoch.c
 *		Has the queue been lost?
 *
 * An unlogged queue is empty after a crash, on a promoted standby and after a
 * base backup has been restored; a logged one can still be truncated, or stay
 * behind when TVIEWs are restored from a dump.  The queue's sentinel (queue_sentinel.c)
 * names an epoch, and the metadata of each TVIEW, which is logged, names the
 * epoch whose queue has all its changes.  Where these differ, changes may have
 * been lost, and the TVIEW is marked stale, to be compared whole.
 *
 * Invariants:
 *
 *	- TVIEWs are marked, prepared transactions are remembered and the sentinel
 *	  is written in one transaction.  If it is undone, the next drain does it again.
 *	- Before the check the queue is held against truncation, and the
 *	  snapshot of a comparison is taken after the check: so the comparison sees
 *	  whatever was committed before the loss.
 *	- What a restore brought is not trusted: before its comparison a TVIEW is
 *	  derived again, and its sources get the triggers that they lack.
 *	- A transaction prepared before a crash commits after it without an entry
 *	  in the queue.  A TVIEW is clean only when it has been compared
 *	  under a snapshot taken after all such transactions were gone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

#include "drain.h"
#include "epoch.h"
#include "owner.h"
#include "progress.h"
#include "queue.h"
#include "repair.h"
#include "run.h"
#include "told.h"
#include "young.h"

#define REASON_LOST \
	"the queue was lost: crash, promotion, restore or TRUNCATE"
#define REASON_RESTORED "restored from a dump"

/* What the metadata says, beside the queue's epoch. */
typedef struct Findings
{
	bool		behind;			/* a TVIEW belongs to another epoch */
	bool		remembered;		/* some prepared transactions are remembered */
	bool		pending;		/* ... and not all of them are gone */
	bool		unlogged_lost;	/* unlogged tables have been emptied */
	bool		unfollowed;		/* DDL could not be followed */
	bool		young;			/* DDL may not have seen a TVIEW */
	bool		switched;		/* event triggers were off for a time */
	bool		moved;			/* pg_upgrade wrote them anew */
	bool		recollated;		/* text may sort otherwise */
} Findings;

static void new_epoch(pg_uuid_t *epoch);
static void remember_prepared(void);
static void forget_prepared(void);
static void mark_behind(pg_uuid_t *epoch, const char *reason, List *but);
static void mark_unlogged(void);
static Findings look(pg_uuid_t *epoch);
static void watched_changed(Datum arg, int cacheid, uint32 hash);
static bool begin_watched(void);
static void look_watched(Findings *findings);

/*
 * The rows of pg_event_trigger and pg_database, of which tviews_batch.watched says how they were: nobody has written one since they
 * were looked at, and then they were as they should be.
 */
static bool watched_unchanged = false;
static bool watched_settled = false;

PG_FUNCTION_INFO_V1(tvb_set_queue);

bool
tvb_epoch_check(void)
{
	pg_uuid_t	epoch;
	bool		found;
	Findings	findings;
	bool		settled;

	tvb_queue_hold();
	settled = begin_watched();
	/* this call's snapshot may be older than what the last drain wrote */
	PushActiveSnapshot(GetLatestSnapshot());
	SPI_connect();

	found = tvb_queue_epoch(GetActiveSnapshot(), &epoch);
	if (!found)
	{
		new_epoch(&epoch);
		remember_prepared();
	}
	findings = look(&epoch);
	if (!settled)
		look_watched(&findings);
	if (findings.behind || findings.unfollowed || findings.young)
		tvb_told_wait(GetActiveSnapshot());
	if (findings.behind)
		mark_behind(&epoch, found ? REASON_RESTORED : REASON_LOST, found ? tvb_repair_restored(&epoch) : NIL);
	if (findings.unlogged_lost)
		mark_unlogged();
	if (findings.switched || findings.moved)
		tvb_repair_switched(findings.switched);
	if (findings.recollated)
		tvb_repair_recollated();
	if (findings.unfollowed)
		tvb_repair_unfollowed();
	if (findings.young)
		tvb_young_look();
	if (findings.remembered && !findings.pending)
		forget_prepared();

	SPI_finish();
	PopActiveSnapshot();
	return findings.pending;
}

/*
 * tviews_set_queue(logged boolean)
 *
 * The drain lock keeps drains from meeting the lock on the queue half way.
 */
Datum
tvb_set_queue(PG_FUNCTION_ARGS)
{
	TvbOwnerState owner;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", "logged")));
	if (!tvb_queue_owned(GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to change the queue"),
				 errhint("Only a superuser or the owner of the extension may do this.")));
	PreventCommandDuringRecovery("tviews_set_queue()");
	(void) tvb_drain_lock(true);

	SPI_connect();
	tvb_owner_enter_extension(&owner);
	tvb_queue_set_logged(PG_GETARG_BOOL(0));
	tvb_owner_leave(&owner);
	SPI_finish();
	PG_RETURN_VOID();
}

/* Write a sentinel with a new epoch. */
static void
new_epoch(pg_uuid_t *epoch)
{
	if (!pg_strong_random(epoch->data, UUID_LEN))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	tvb_queue_begin_epoch(epoch);
	ereport(LOG,
			(errmsg("the queue of TVIEW changes was lost; all TVIEWs will be compared with their views")));
}

/* Remember the transactions that are prepared in this database. */
static void
remember_prepared(void)
{
	static SPIPlanPtr plan = NULL;

	tvb_run_own_change(&plan,
					   "INSERT INTO tviews_batch.prepared (gid, xid)"
					   " SELECT gid, transaction FROM pg_catalog.pg_prepared_xacts"
					   " WHERE database = pg_catalog.current_database()"
					   " ON CONFLICT (gid) DO UPDATE SET xid = excluded.xid", NULL);
}

/* They are gone: what was compared meanwhile is to be compared once more. */
static void
forget_prepared(void)
{
	static SPIPlanPtr forget = NULL;
	static SPIPlanPtr resume = NULL;

	tvb_run_own_change(&forget, "DELETE FROM tviews_batch.prepared", NULL);
	tvb_run_own_change(&resume,
					   "UPDATE tviews_batch.tview SET awaits_prepared = false, " TVB_PROGRESS_RESET
					   " WHERE awaits_prepared OR compare_pending", NULL);
}

bool
tvb_epoch_restored(Oid relid)
{
	static SPIPlanPtr plan = NULL;
	pg_uuid_t	epoch;
	Datum		values[] = {ObjectIdGetDatum(relid), UUIDPGetDatum(&epoch)};
	Oid			types[] = {OIDOID, UUIDOID};
	TvbRunArgs	args = {2, types, values, NULL};
	bool		restored;

	/* the snapshot in force may be older than a TVIEW, whose maker the command waited for */
	PushActiveSnapshot(GetLatestSnapshot());
	restored = tvb_queue_epoch(GetActiveSnapshot(), &epoch) &&
		tvb_run_own_query(&plan, "SELECT 1 WHERE NOT EXISTS (SELECT FROM tviews_batch.tview"
						  " WHERE ($1 = 0 OR tview = $1) AND epoch = $2)", &args) > 0;
	PopActiveSnapshot();
	return restored;
}

bool
tvb_epoch_unlogged_lost(void)
{
	static SPIPlanPtr plan = NULL;
	bool		lost;

	PushActiveSnapshot(GetLatestSnapshot());
	lost = tvb_run_own_query(&plan, "SELECT 1 WHERE NOT EXISTS (SELECT FROM tviews_batch.unlogged_sentinel)", NULL) > 0;
	PopActiveSnapshot();
	return lost;
}

/* Mark the TVIEWs of other epochs, but some. */
static void
mark_behind(pg_uuid_t *epoch, const char *reason, List *but)
{
	static SPIPlanPtr plan = NULL;
	Datum		values[3] = {UUIDPGetDatum(epoch), CStringGetTextDatum(reason), tvb_run_oid_array(but)};
	Oid			types[3] = {UUIDOID, TEXTOID, OIDARRAYOID};
	TvbRunArgs	args = {3, types, values, NULL};

	tvb_run_own_change(&plan,
					   "UPDATE tviews_batch.tview SET epoch = $1, awaits_prepared = false, " TVB_PROGRESS_RESET ","
					   " stale_reason = CASE WHEN stale_reason IS NULL OR awaits_prepared"
					   "  THEN $2 ELSE stale_reason END"
					   " WHERE epoch IS DISTINCT FROM $1 AND tview <> ALL ($3)", &args);
}

/* Mark the TVIEWs that a crash emptied, or whose sources it emptied. */
static void
mark_unlogged(void)
{
	static SPIPlanPtr mark = NULL;
	static SPIPlanPtr write = NULL;

	tvb_run_own_change(&mark,
					   "UPDATE tviews_batch.tview SET awaits_prepared = false, " TVB_PROGRESS_RESET ","
					   " stale_reason = COALESCE(stale_reason, '" TVB_REASON_EMPTIED "')"
					   " WHERE tview IN (SELECT u.tview FROM tviews_batch.unlogged u)", NULL);
	tvb_run_own_change(&write, "INSERT INTO tviews_batch.unlogged_sentinel VALUES (true)", NULL);
}

/* Compare the metadata with the queue's epoch.  One query, as every drain does it. */
static Findings
look(pg_uuid_t *epoch)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(UUIDOID, UUIDPGetDatum(epoch));
	bool		answers[6];

	tvb_run_own_query(&plan,
					  "SELECT EXISTS (SELECT FROM tviews_batch.tview WHERE epoch IS DISTINCT FROM $1),"
					  " EXISTS (SELECT FROM tviews_batch.prepared),"
					  " EXISTS (SELECT FROM tviews_batch.prepared) AND EXISTS (SELECT"
					  "  FROM tviews_batch.prepared p JOIN pg_catalog.pg_prepared_xacts x"
					  "  ON x.gid = p.gid AND x.transaction = p.xid"
					  "  WHERE x.database = pg_catalog.current_database()),"
					  " NOT EXISTS (SELECT FROM tviews_batch.unlogged_sentinel),"
					  " EXISTS (SELECT FROM tviews_batch.unfollowed WHERE " TVB_REPAIR_DUE "),"
					  " EXISTS (SELECT FROM tviews_batch.young)", &args);
	for (int i = 0; i < lengthof(answers); i++)
	{
		bool		isnull;

		answers[i] = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
												i + 1, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return (Findings)
	{
		answers[0], answers[1], answers[2], answers[3], answers[4], answers[5], false, false, false
	};
}

/* Somebody wrote a row of pg_event_trigger or pg_database, or may have. */
static void
watched_changed(Datum arg, int cacheid, uint32 hash)
{
	watched_unchanged = false;
}

/*
 * Before the snapshot that they are looked at with: need they be looked at?  Who commits a change of theirs that this snapshot does
 * not show tells us after it was taken.
 */
static bool
begin_watched(void)
{
	static bool registered = false;

	if (!registered)
	{
		CacheRegisterSyscacheCallback(EVENTTRIGGEROID, watched_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(DATABASEOID, watched_changed, (Datum) 0);
		registered = true;
	}
	if (watched_settled && watched_unchanged)
		return true;
	watched_settled = false;
	watched_unchanged = true;
	return false;
}

/*
 * Have event triggers been off, has the database's collation another version?  What this transaction has noted of them itself
 * may be undone.
 */
static void
look_watched(Findings *findings)
{
	static SPIPlanPtr plan = NULL;
	bool		answers[3];

	tvb_run_own_query(&plan, "SELECT e.switched, e.firing AND EXISTS (SELECT FROM tviews_batch.watched w WHERE w.server <> e.server),"
					  " EXISTS (SELECT FROM tviews_batch.watched w JOIN pg_database d ON d.datname = current_database()"
					  "  WHERE d.datcollversion IS DISTINCT FROM w.collation_version)"
					  " FROM tviews_batch.event_triggers e", NULL);
	for (int i = 0; i < lengthof(answers); i++)
	{
		bool		isnull;

		answers[i] = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	findings->switched = answers[0];
	findings->moved = answers[1];
	findings->recollated = answers[2];
	watched_settled = !findings->switched && !findings->moved && !findings->recollated &&
		!FullTransactionIdIsValid(GetTopFullTransactionIdIfAny());
}
