/* compare.h - whole TVIEWs beside their views */
#ifndef TVB_COMPARE_H
#define TVB_COMPARE_H

#include "postgres.h"

#include "registry.h"
#include "run.h"
#include "writes.h"

/* Write whatever differs between a TVIEW and its view under the snapshot.  Adds to counts. */
extern void tvb_compare_write(TvbRun *run, TvbTview *tview, TvbWrites *writes, TvbCounts *counts);

#endif
