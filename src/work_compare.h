/* work_compare.h - one TVIEW in a drain: its comparison with its view */
#ifndef TVB_WORK_COMPARE_H
#define TVB_WORK_COMPARE_H

#include "postgres.h"

#include "work.h"

/* Find the next range of the comparison that goes on, or the first of a new one; or that it is to be whole. */
extern TvbExtent tvb_work_compare_find(TvbJob *w);

/* Compare that range; its changes and those of the keys refreshed so far are kept apart. */
extern void tvb_work_compare_range(TvbJob *w);

/*
 * Compare the whole TVIEW; true: there is nothing left to do.  False: it failed,
 * and the keys to be refreshed instead are in the bag.  whole: not only because it is quicker.
 */
extern bool tvb_work_compare_whole(TvbJob *w, bool whole);

/*
 * All rows have been looked at, since that time if it was in several drains: the
 * TVIEW is clean, but for keys that failed meanwhile.
 */
extern void tvb_work_compare_mark(TvbJob *w, TimestampTz since);

#endif
