/* stride.h - whether a comparison goes in ranges, and how long these are */
#ifndef TVB_STRIDE_H
#define TVB_STRIDE_H

#include "postgres.h"

#include "range.h"
#include "registry.h"
#include "run.h"

/* How a comparison is to go. */
typedef enum TvbStrideKind
{
	TVB_STRIDE_RANGES,
	TVB_STRIDE_FITS,			/* at once: it is no longer than a range */
	TVB_STRIDE_NO_KEY,			/* at once: there is no refresh key */
	TVB_STRIDE_COSTLY			/* at once: a range costs much of the whole */
} TvbStrideKind;

/*
 * Decide that for a TVIEW.  For ranges: how many rows they have, how many there are in all by
 * the planner's estimate, and the first one, in the current context.
 */
extern TvbStrideKind tvb_stride_choose(TvbRun *run, TvbTview *tview, int64 *step, int64 *total,
									   TvbRange **first);

#endif
