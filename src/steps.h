/* steps.h - calls that go on for a while: several transactions, pauses */
#ifndef TVB_STEPS_H
#define TVB_STEPS_H

#include "postgres.h"
#include "fmgr.h"

/* Connect to SPI so that transactions can end; an error where the CALL stands in one of the user's. */
extern void tvb_steps_begin(FunctionCallInfo fcinfo, const char *call);

/* Commit, and begin a READ COMMITTED transaction.  No snapshot is held afterwards. */
extern void tvb_steps_next(void);

extern void tvb_steps_end(void);

/* An interval argument in microseconds; an error unless it is positive, or zero where that is allowed. */
extern int64 tvb_steps_usecs(FunctionCallInfo fcinfo, int argno, const char *name, bool zero_too);

/* Microseconds by a clock that nobody sets. */
extern int64 tvb_steps_clock(void);

/* Sleep, unless interrupted by what ends the statement. */
extern void tvb_steps_sleep(int64 usecs);

#endif
