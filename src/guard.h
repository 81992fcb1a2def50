/* guard.h - who may write a TVIEW */
#ifndef TVB_GUARD_H
#define TVB_GUARD_H

#include "postgres.h"

/*
 * Between enter and leave one statement of this backend that writes the TVIEW
 * passes its guard trigger: not a second one, such as that of a user's trigger.
 * Nests; an error ends it at (sub)transaction abort.
 */
extern void tvb_guard_enter(Oid tview);
extern void tvb_guard_leave(void);

#endif
