/* rewritten.h - tables that were given another file while a drain was at work */
#ifndef TVB_REWRITTEN_H
#define TVB_REWRITTEN_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/snapshot.h"

/* From now on what happens to relations is noted.  To be called before the snapshot is taken. */
extern void tvb_rewritten_begin(void);

/*
 * The relations (oid list, in the current context) whose file is another now than snapshot shows.  Those that this transaction has
 * locked since are all found.  Connected to SPI.
 */
extern List *tvb_rewritten_since(Snapshot snapshot);

#endif
