/* collect.h - the keys that changes touch, and the changes whose lookup fails */
#ifndef TVB_COLLECT_H
#define TVB_COLLECT_H

#include "postgres.h"

#include "attempt.h"
#include "bag.h"
#include "changes.h"
#include "registry.h"
#include "run.h"

/* What came of it. */
typedef struct TvbCollected
{
	bool		traced;			/* false: the TVIEW has to be compared whole, keys
								 * is of no use */
	TvbChanges *failed;			/* changes whose lookup failed; NULL: none */
	ErrorData  *error;			/* of the last that did, or of the lock */
} TvbCollected;

/*
 * Add to keys what the changes of a TVIEW's sources touch.  TVB_DONE, or TVB_LOCKED: a
 * source is locked, and keys is of no use.  Everything is allocated in context.
 */
extern TvbVerdict tvb_collect_keys(TvbRun *run, MemoryContext context, TvbTview *tview,
								   TvbChanges *changes, TvbBag *keys, TvbCollected *collected);

#endif
