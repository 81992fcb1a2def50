/* refresh.h - stage 5: one TVIEW, batches of keys: compute, compare, write */
#ifndef TVB_REFRESH_H
#define TVB_REFRESH_H

#include "postgres.h"

#include "attempt.h"
#include "bag.h"
#include "compat.h"
#include "evaluate.h"
#include "registry.h"
#include "run.h"
#include "writes.h"

/*
 * Bring the rows with these refresh keys up to date.  Keys that fail are set
 * aside (quarantine.c), the others are written.  Adds to counts, evaluated and failed.
 * TVB_BROKEN or TVB_LOCKED, with the error in the current context: the TVIEW cannot be refreshed at all;
 * some of its rows may have been.
 */
extern TvbVerdict tvb_refresh_keys(TvbRun *run, MemoryContext context, TvbTview *tview,
								   TvbBag *keys, TvbWrites *writes, TvbCounts *counts,
								   int64 *evaluated, int64 *failed, ErrorData **error);

/* An error if the view, of which rows were received, has several for one key of the filter's. */
extern void tvb_refresh_check_unique(TvbRun *run, const TvbTview *tview, const TvbFilter *filter,
									 const TvbRunArgs *args, TvbWrites *writes);

/* Whether an error says that a row met a value of another one's. */
extern bool tvb_refresh_is_conflict(int sqlstate);

#endif
