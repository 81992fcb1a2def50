/* refresh.h - stage 5: one TVIEW, batches of keys: compute, compare, write */
#ifndef TVB_REFRESH_H
#define TVB_REFRESH_H

#include "postgres.h"

#include "bag.h"
#include "evaluate.h"
#include "registry.h"
#include "run.h"
#include "writes.h"

/*
 * Bring the rows with these refresh keys up to date.  Adds to counts; returns
 * the number of keys evaluated.
 */
extern int64 tvb_refresh_keys(TvbRun *run, MemoryContext context, TvbTview *tview,
							  TvbBag *keys, TvbWrites *writes, TvbCounts *counts);

/* Raise the error for a view that has several rows for one key of the filter's. */
extern void tvb_refresh_duplicate(TvbRun *run, const TvbTview *tview,
								  const TvbFilter *filter, const TvbRunArgs *args) pg_attribute_noreturn();

#endif
