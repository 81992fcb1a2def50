/* direct.h - rows of a plain TVIEW written without SQL */
#ifndef TVB_DIRECT_H
#define TVB_DIRECT_H

#include "postgres.h"
#include "storage/itemptr.h"

#include "registry.h"

typedef struct TvbDirect TvbDirect;

/*
 * Whether a TVIEW's rows can be written so, one by one in any order: no trigger but ours, no
 * column but the view's, and nothing unique but the key, whose index is given.
 */
extern bool tvb_direct_possible(const TvbTview *tview, Oid key_index);

/*
 * Begin to write, in the current context and resource owner, as the current user, who must
 * have the privileges.  After an error nothing has to be ended.
 */
extern TvbDirect *tvb_direct_begin(const TvbTview *tview);

/* values and nulls are those of the view's columns.  Memory: nothing is left in the current context. */
extern void tvb_direct_insert(TvbDirect *direct, const Datum *values, const bool *nulls);

/* False: this command has written that row before. */
extern bool tvb_direct_update(TvbDirect *direct, ItemPointer tid, const Datum *values, const bool *nulls);
extern bool tvb_direct_delete(TvbDirect *direct, ItemPointer tid);

extern void tvb_direct_end(TvbDirect *direct);

#endif
