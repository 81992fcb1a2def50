/* levels.h - which TVIEW comes after which */
#ifndef TVB_LEVELS_H
#define TVB_LEVELS_H

#include "postgres.h"

/*
 * Make the levels of all TVIEWs fit their routes.  TVIEWs that read themselves,
 * through whatever others, cannot be refreshed; those that did and do no
 * longer can again.  The caller is connected to SPI.
 */
extern void tvb_levels_sync(void);

#endif
