/* history.h - what drains leave in the extension's tables */
#ifndef TVB_HISTORY_H
#define TVB_HISTORY_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "drain.h"

/*
 * Stamp the TVIEWs that were looked at (TvbTouched *); those compared whole are
 * no longer stale.  prepared_pending (tvb_epoch_check): they stay so, until
 * they have been compared again.
 */
extern void tvb_history_stamp(List *touched, bool prepared_pending);

/* Add a row to tviews_batch.drain and drop those past tviews_batch.history; log it if it took long. */
extern void tvb_history_record(TimestampTz started, const TvbDrainResult *result);

#endif
