/* repair.h - TVIEWs that the next drain must derive again */
#ifndef TVB_REPAIR_H
#define TVB_REPAIR_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/uuid.h"

/*
 * Which rows of tviews_batch.unfollowed a drain is to make up for: a note about a temporary table waits until it has gone, as
 * nobody is told of that.
 */
#define TVB_REPAIR_DUE \
	"NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = object AND c.relpersistence = 't')"

/* Remember that DDL which concerns TVIEWs could not be followed.  Waits for nobody.  Connected to SPI. */
extern void tvb_repair_remember(List *tviews, const char *message);

/* The same of a column of the TVIEWs that is to be renamed as one of their view was. */
extern void tvb_repair_remember_rename(List *tviews, const char *before, const char *after, const char *message);

/* Whether columns of a TVIEW are to be renamed by the next drain.  Connected to SPI. */
extern bool tvb_repair_renames(Oid tview);

/*
 * Of what a command altered, TVIEWs may be made that it cannot see: the next drain is to derive those that depend on it, and
 * have them compared.
 */
extern void tvb_repair_remember_objects(List *classes, List *objects);

/*
 * In a drain, before its snapshot: derive these again, see to their triggers, and mark them stale; what somebody has
 * locked is left to the next one.  Connected to SPI.
 */
extern void tvb_repair_unfollowed(void);

/*
 * In a drain, before its snapshot: event triggers fire again.  switched: they did not for a time, so all TVIEWs are derived
 * again and are stale, once nobody is left whose DDL they may have missed.  The active snapshot is new.  Connected to SPI.
 */
extern void tvb_repair_switched(bool switched);

/* In a drain, before its snapshot: the database's collation was given another version.  All are stale.  Connected to SPI. */
extern void tvb_repair_recollated(void);

/*
 * Derive again what belongs to another epoch than this: it came from a dump.  Returns the TVIEWs that could not be, as somebody
 * has something locked: they are not of this epoch yet.  Connected to SPI.
 */
extern List *tvb_repair_restored(const pg_uuid_t *epoch);

#endif
