/* settings.h - the extension's settings; defined in module.c */
#ifndef TVB_SETTINGS_H
#define TVB_SETTINGS_H

#include "postgres.h"

extern int	tvb_batch_keys;		/* tviews_batch.batch_keys */
extern int	tvb_work_mem;		/* tviews_batch.work_mem, kB */
extern int	tvb_max_depth;		/* tviews_batch.max_depth */
extern double tvb_full_threshold;	/* tviews_batch.full_threshold, share of
									 * rows; 1 or more: never */
extern int	tvb_queue_limit;	/* tviews_batch.queue_limit, entries of one
								 * source */
extern bool tvb_capture;		/* tviews_batch.capture */
extern bool tvb_guard;			/* tviews_batch.guard */
extern int	tvb_retry_limit;	/* tviews_batch.retry_limit */
extern int	tvb_lock_timeout;	/* tviews_batch.lock_timeout, ms; 0: none */
extern int	tvb_history;		/* tviews_batch.history, rows */
extern int	tvb_log_min_duration;	/* tviews_batch.log_min_duration, ms; -1:
									 * never */

/*
 * Define those settings that only drains and comparisons have, unless that has been done.  Whoever reads them
 * calls this first: values that the session has given them count from then on.
 */
extern void tvb_settings_define(void);

#endif
