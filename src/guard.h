/* guard.h - who may write a TVIEW */
#ifndef TVB_GUARD_H
#define TVB_GUARD_H

#include "postgres.h"

/*
 * Between enter and leave this backend's writes to TVIEWs pass the guard
 * triggers.  Nests; an error ends it at (sub)transaction abort.
 */
extern void tvb_guard_enter(void);
extern void tvb_guard_leave(void);

#endif
