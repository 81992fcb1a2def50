/* postponed.h - changes that one TVIEW could not take yet */
#ifndef TVB_POSTPONED_H
#define TVB_POSTPONED_H

#include "postgres.h"
#include "datatype/timestamp.h"

#include "changes.h"
#include "registry.h"

/* How long changes have been put off. */
typedef struct TvbPostponed
{
	int			attempts;		/* lookups that failed; the more, the later
								 * they are tried again */
	TimestampTz since;			/* when that began; 0: with this transaction */
} TvbPostponed;

/* Keep those of the changes that concern a TVIEW until it can take them. */
extern void tvb_postponed_add(TvbTview *tview, TvbChanges *changes, const char *message,
							  TvbPostponed so_far);

/* Add those that wait for a TVIEW to an empty collection. */
extern void tvb_postponed_load(const TvbTview *tview, TvbChanges *changes);

/* They have been taken, or a comparison has made up for them; returns the most attempts of one, and the earliest time. */
extern TvbPostponed tvb_postponed_clear(TvbTview *tview);

#endif
