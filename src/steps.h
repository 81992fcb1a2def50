/* steps.h - procedures that work in several transactions */
#ifndef TVB_STEPS_H
#define TVB_STEPS_H

#include "postgres.h"
#include "fmgr.h"

/* Connect to SPI so that transactions can end; an error where the CALL stands in one of the user's. */
extern void tvb_steps_begin(FunctionCallInfo fcinfo, const char *call);

/* Commit, and begin a READ COMMITTED transaction.  No snapshot is held afterwards. */
extern void tvb_steps_next(void);

extern void tvb_steps_end(void);

#endif
