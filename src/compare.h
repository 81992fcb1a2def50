/* compare.h - whole TVIEWs beside their views */
#ifndef TVB_COMPARE_H
#define TVB_COMPARE_H

#include "postgres.h"

#include "range.h"
#include "registry.h"
#include "run.h"
#include "writes.h"

/*
 * Write whatever differs between a TVIEW and its view under the snapshot; range: only
 * there.  Adds to counts; returns how many rows were looked at.
 */
extern int64 tvb_compare_write(TvbRun *run, TvbTview *tview, const TvbRange *range,
							   TvbWrites *writes, TvbCounts *counts);

#endif
