/* statement.h - which statement triggers are fired for */
#ifndef TVB_STATEMENT_H
#define TVB_STATEMENT_H

#include "postgres.h"

/* Have statements watched; called once, when the library is loaded. */
extern void tvb_statement_watch(void);

/*
 * Whether the AFTER STATEMENT trigger that runs now may have been fired by a MERGE.  Certain,
 * but for the statement that made the session load the library.
 */
extern bool tvb_statement_may_be_merge(void);

#endif
