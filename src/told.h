/* told.h - have those who committed told us of their DDL? */
#ifndef TVB_TOLD_H
#define TVB_TOLD_H

#include "postgres.h"
#include "utils/snapshot.h"

/*
 * Wait until whoever snapshot shows as committed has told others of the DDL he did, and hear of it.  What
 * is looked up in the catalogs afterwards is at least as new as the snapshot.
 */
extern void tvb_told_wait(Snapshot snapshot);

#endif
