/* quarantine.h - keys and TVIEWs that could not be refreshed */
#ifndef TVB_QUARANTINE_H
#define TVB_QUARANTINE_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "bag.h"
#include "batch.h"
#include "registry.h"

/* When to try again what has been tried so often before, as SQL. */
#define TVB_NEXT_TRY(attempts) \
	"clock_timestamp() + least(interval '1 hour'," \
	" interval '1 second' * power(2, least(" attempts ", 12)))"

/* A key that failed. */
typedef struct TvbFailure
{
	TvbPacked	key;
	int			sqlstate;
	const char *message;
	char	   *text;			/* the key as a JSON object */
} TvbFailure;

/* Remember failed keys (TvbFailure *) and when to try them again. */
extern void tvb_quarantine_record(TvbTview *tview, List *failures);

/* Forget failures of keys that have succeeded. */
extern void tvb_quarantine_clear(TvbTview *tview, const TvbPacked *keys, int n);

/* Forget failures of a TVIEW that were not recorded since: all its keys have been evaluated. */
extern void tvb_quarantine_clear_before(TvbTview *tview, TimestampTz since);

/*
 * Add keys whose time has come, as many as one batch takes, to a bag; where equal keys
 * need not be identical also some whose time has not.
 */
extern void tvb_quarantine_due(TvbTview *tview, TvbBag *keys);

/*
 * Mark a TVIEW stale that could not be refreshed, and say when to compare it.
 * applied: it is not for its changes, so a comparison in ranges can go on where it is.
 * False: another session has its row locked, and nothing was done.
 */
extern bool tvb_quarantine_tview(TvbTview *tview, const char *what, const ErrorData *error,
								 bool applied);

#endif
