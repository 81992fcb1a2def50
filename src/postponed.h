/* postponed.h - changes that one TVIEW could not take yet */
#ifndef TVB_POSTPONED_H
#define TVB_POSTPONED_H

#include "postgres.h"

#include "changes.h"
#include "registry.h"

/*
 * Keep those of the changes that concern a TVIEW until it can take them.  attempts: how often their lookup has
 * failed so far; the more often, the later they are tried again.
 */
extern void tvb_postponed_add(TvbTview *tview, TvbChanges *changes, const char *message, int attempts);

/* Add those that wait for a TVIEW to an empty collection. */
extern void tvb_postponed_load(const TvbTview *tview, TvbChanges *changes);

/* They have been taken, or a comparison has made up for them; returns the most attempts of one. */
extern int	tvb_postponed_clear(TvbTview *tview);

#endif
