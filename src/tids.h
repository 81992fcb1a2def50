/* tids.h - a set of places of rows in bounded memory */
#ifndef TVB_TIDS_H
#define TVB_TIDS_H

#include "postgres.h"
#include "storage/itemptr.h"

typedef struct TvbTids TvbTids;

/* Make an empty set in the current context and, if it spills, of the current (sub)transaction. */
extern TvbTids *tvb_tids_create(void);

/* Add a place, perhaps not for the first time.  Not after the set was counted. */
extern void tvb_tids_add(TvbTids *tids, ItemPointer tid);

/* How many different places there are. */
extern int64 tvb_tids_count(TvbTids *tids);

/* Whether a place is in the set that has been counted.  To be asked in ascending order of places. */
extern bool tvb_tids_has(TvbTids *tids, ItemPointer tid);

extern void tvb_tids_destroy(TvbTids *tids);

#endif
