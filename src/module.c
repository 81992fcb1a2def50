/*-------------------------------------------------------------------------
 *
 * module.c
 *		Library load: settings.
 *
 * Every setting has an entry in docs/reference.md.
 *
 * In PostgreSQL 15 each setting that a library defines has the server sort all settings it knows,
 * which is most of what loading this library costs.  So a session that loads it to write a row of
 * a captured table gets the settings that writers need, and the others with its first call of
 * what they are for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "fmgr.h"
#include "tcop/pquery.h"
#include "utils/guc.h"

#include "compat.h"
#include "settings.h"
#include "statement.h"

PG_MODULE_MAGIC;

int			tvb_batch_keys = 10000;
int			tvb_work_mem = 65536;
int			tvb_max_depth = 10;
double		tvb_full_threshold = 0.3;
int			tvb_queue_limit = 20000000;
bool		tvb_capture = true;
bool		tvb_guard = true;
int			tvb_retry_limit = 5;
int			tvb_lock_timeout = 1000;
int			tvb_history = 10000;
int			tvb_log_min_duration = -1;

void		_PG_init(void);

/* Settings that shape a drain: anyone may set them for the session. */
static void
define_drain_settings(void)
{
	DefineCustomIntVariable("tviews_batch.batch_keys",
							"Sets how many keys of a TVIEW are evaluated by one query.",
							NULL, &tvb_batch_keys, 10000, 1, 10000000,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("tviews_batch.work_mem",
							"Sets the most memory a drain uses for changes and keys.",
							"What does not fit is spilled to disk.",
							&tvb_work_mem, 65536, 64, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("tviews_batch.max_depth",
							"Sets how many levels of TVIEWs may be built on each other.",
							NULL, &tvb_max_depth, 10, 1, 1000,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("tviews_batch.full_threshold",
							 "Sets the share of a TVIEW's rows above which it is compared whole.",
							 "1 turns whole comparisons for many keys off.",
							 &tvb_full_threshold, 0.3, 0.0, 1.0,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("tviews_batch.retry_limit",
							"Sets how often the lookup of a change is tried before the TVIEW is compared whole.",
							"0: a lookup that fails makes the TVIEW stale at once.", &tvb_retry_limit, 5, 0, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("tviews_batch.lock_timeout",
							"Sets how long a drain waits for a lock where lock_timeout is 0.",
							"0: as long as it takes.", &tvb_lock_timeout, 1000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("tviews_batch.history",
							"Sets how many rows tviews_drains keeps.",
							NULL, &tvb_history, 10000, 0, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("tviews_batch.log_min_duration",
							"Sets the minimum duration above which drains are logged.",
							"-1 turns it off.",
							&tvb_log_min_duration, -1, -1, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
}

/* Settings that could make TVIEWs differ from their views: superusers only. */
static void
define_capture_settings(void)
{
	DefineCustomIntVariable("tviews_batch.queue_limit",
							"Sets how many changes of one source may wait before one for all its rows replaces further ones.",
							NULL, &tvb_queue_limit, 20000000, 1000, INT_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("tviews_batch.capture",
							 "Logs the keys of changed rows.",
							 "When off, one change for all rows of the table is logged instead.",
							 &tvb_capture, true,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("tviews_batch.guard",
							 "Refuses writes to TVIEWs by anything but drains.",
							 "When off, a write marks the TVIEW and its dependents stale.",
							 &tvb_guard, true,
							 PGC_SUSET, 0, NULL, NULL, NULL);
}

/* Whether it is a writer's trigger that the library is loaded for. */
static bool
loaded_by_writer(void)
{
	if (ActivePortal == NULL)
		return false;
	switch (ActivePortal->commandTag)
	{
		case CMDTAG_INSERT:
		case CMDTAG_UPDATE:
		case CMDTAG_DELETE:
		case CMDTAG_MERGE:
		case CMDTAG_COPY:
			return true;
		default:
			return false;
	}
}

void
tvb_settings_define(void)
{
	static bool defined = false;

	if (defined)
		return;
	defined = true;
	define_drain_settings();
	MarkGUCPrefixReserved("tviews_batch");
}

/* Called by the server when it loads the library. */
void
_PG_init(void)
{
	define_capture_settings();
	if (tvb_compat_settings_are_cheap || !loaded_by_writer())
		tvb_settings_define();
	tvb_statement_watch();
}
