/* plans.h - plans of the queries of TVIEWs, kept across drains */
#ifndef TVB_PLANS_H
#define TVB_PLANS_H

#include "postgres.h"

#include "registry.h"
#include "run.h"

/*
 * tvb_run_query for a query of a TVIEW that has so many keys or changes as parameters, with
 * a plan that is kept, if such a plan is as good.
 */
extern void tvb_plans_query(TvbRun *run, const TvbTview *tview, const char *sql, const TvbRunArgs *args,
							int64 nkeys, DestReceiver *dest);

/* Contexts of the plans kept, in the current context: MemoryContext list.  For tviews_memory. */
extern List *tvb_plans_contexts(void);

#endif
