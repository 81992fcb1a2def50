/* young.h - DDL that was under way, unseen, while a TVIEW was made */
#ifndef TVB_YOUNG_H
#define TVB_YOUNG_H

#include "postgres.h"

/*
 * Fingerprint of what a view depends on and no lock holds: functions, operators, types, what is looked up by types (casts to json,
 * operator classes) and, if it uses them, text search configurations.  The same as long as no row of theirs is written.
 * In the current context; connected to SPI.
 */
extern char *tvb_young_objects(Oid view);

/* A TVIEW is made just now, or is as if; objects: tvb_young_objects from before, NULL: from now.  Connected to SPI. */
extern void tvb_young_begin(Oid relid, const char *objects);

/*
 * In a drain, before the snapshot that it works with: look at young TVIEWs again.  Those that something became of
 * are stale; those that DDL cannot have missed any more are not young any more.  The active snapshot is new.  Connected to SPI.
 */
extern void tvb_young_look(void);

#endif
