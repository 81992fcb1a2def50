/* sources.h - which tables are captured, with which columns, by triggers on which relations */
#ifndef TVB_SOURCES_H
#define TVB_SOURCES_H

#include "postgres.h"
#include "nodes/nodes.h"
#include "nodes/pg_list.h"

/* A relation with its descendants, and the ancestors of all these: oid list. */
extern List *tvb_sources_family(Oid relid);

/*
 * Lock sources and their families in SHARE ROW EXCLUSIVE mode, parents first, so that no
 * writer is left that started with an older capture plan.
 */
extern void tvb_sources_lock(List *relids);

/* What became of the relations that are captured on behalf of a source. */
typedef enum TvbFamilyChange
{
	TVB_FAMILY_SAME,
	TVB_FAMILY_GREW,			/* one came, or lacked a trigger */
	TVB_FAMILY_TOLD				/* one went, and a change for all rows of the
								 * source is queued */
} TvbFamilyChange;

/*
 * Make what is captured of a source fit the routes that name it: its row in
 * tviews_batch.source, its shape, its family, and their triggers.  Without
 * routes everything of it goes.  Returns the version entries are written with
 * from now on.  The caller is connected to SPI and has locked the family, or
 * is in DDL of it.  mend: relations that were captured before get the triggers that
 * they lack; without, only new ones get theirs, because somebody dropped the others, or
 * pg_restore will make them.  *change, if given, says what became of the family.
 */
extern int32 tvb_sources_sync(Oid relid, bool mend, TvbFamilyChange *change);

/* Sources that are captured on behalf of any relation in the list: oid list, each once. */
extern List *tvb_sources_concerned(List *relids);

/*
 * Give every captured relation and every TVIEW that logical replication writes the row trigger
 * that sees it.  The caller is connected to SPI.
 */
extern void tvb_sources_sync_subscribed(void);

/* The same for one TVIEW. */
extern void tvb_sources_guard_subscribed(Oid tview);

/* Queue one change for all rows of a source. */
extern void tvb_sources_everything(Oid relid);

/* Let triggers of ours on a relation that are enabled at all fire in all sessions. */
extern void tvb_sources_enable(Oid relid);

/* Whether a trigger of that name on a relation is one of ours, which the user may have given another name. */
extern bool tvb_sources_has_trigger(Oid relid, const char *name);

/* Whether a relation lacks one of the statement triggers of ours that it is to carry.  Connected to SPI. */
extern bool tvb_sources_lacks_trigger(Oid relid);

/* Whether a TVIEW has its guard trigger, enabled or not. */
extern bool tvb_sources_has_guard(Oid relid);

/* Take the guard, if it has one, off a table that is no TVIEW any more.  Connected to SPI, as the extension's owner. */
extern void tvb_sources_drop_guard(Oid relid);

/* Run DDL of ours that must succeed: our event triggers do not follow it.  Connected to SPI. */
extern void tvb_sources_ddl(const char *command);

/* True while our own DDL runs, also for commands that event triggers of the user run inside of it. */
extern bool tvb_sources_in_ddl(void);

/* Whether a command is that of ours which runs now: there is nothing to follow. */
extern bool tvb_sources_is_own_ddl(Node *tree);

#endif
