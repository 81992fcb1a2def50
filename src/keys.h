/* keys.h - stage 4: from changes to the keys of a TVIEW they can touch */
#ifndef TVB_KEYS_H
#define TVB_KEYS_H

#include "postgres.h"

#include "bag.h"
#include "changes.h"
#include "range.h"
#include "registry.h"
#include "run.h"

/*
 * Add to keys the refresh keys (packed with tview->refresh_layout) that the
 * changes can touch.  False: they cannot be told, the whole TVIEW is to be compared;
 * keys is then of no use.
 */
extern bool tvb_keys_collect(TvbRun *run, MemoryContext context, TvbTview *tview,
							 TvbChanges *changes, TvbBag *keys);

/* Add the refresh keys of all rows that the TVIEW has or ought to have; range: only those in it. */
extern void tvb_keys_all(TvbRun *run, MemoryContext context, TvbTview *tview,
						 const TvbRange *range, TvbBag *keys);

#endif
