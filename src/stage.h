/* stage.h - differences kept until the query that found them has ended, then written by SQL */
#ifndef TVB_STAGE_H
#define TVB_STAGE_H

#include "postgres.h"
#include "access/tupdesc.h"
#include "storage/itemptr.h"

#include "registry.h"
#include "run.h"

typedef struct TvbStage TvbStage;

/* Make an empty one in the current context. */
extern TvbStage *tvb_stage_create(TvbRun *run, const TvbTview *tview);

/* What the view's columns are in the rows that follow. */
extern void tvb_stage_describe(TvbStage *stage, TupleDesc desc);

/* Keep a difference; values and nulls are those of the view's columns. */
extern void tvb_stage_insert(TvbStage *stage, const Datum *values, const bool *nulls);
extern void tvb_stage_update(TvbStage *stage, ItemPointer tid, const Datum *values, const bool *nulls);
extern void tvb_stage_delete(TvbStage *stage, ItemPointer tid);

/*
 * Write what was kept, deletes first, then updates, then inserts.  The caller has
 * entered the TVIEW's owner.  False: not each of them wrote its row.
 */
extern bool tvb_stage_write(TvbStage *stage);

/* Forget what was kept; after forget_files in the case that its subtransaction has failed. */
extern void tvb_stage_clear(TvbStage *stage);
extern void tvb_stage_forget_files(TvbStage *stage);

#endif
