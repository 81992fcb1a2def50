/* young.h - DDL that was under way, unseen, while a TVIEW was made or derived again */
#ifndef TVB_YOUNG_H
#define TVB_YOUNG_H

#include "postgres.h"

/*
 * A TVIEW is made just now, or is as if; objects: tvb_objects_fingerprint from before, NULL: from now, "": its view depends on what
 * it depended on before, only its texts name something else.  Waits for nobody.  Connected to SPI.
 */
extern void tvb_young_begin(Oid relid, const char *objects);

/*
 * In a drain, before the snapshot that it works with: look at young TVIEWs again.  Those that something became of
 * are stale; those that DDL cannot have missed any more are not young any more.  The active snapshot is new.  Connected to SPI.
 */
extern void tvb_young_look(void);

#endif
