/* statement.h - which statement triggers are fired for */
#ifndef TVB_STATEMENT_H
#define TVB_STATEMENT_H

#include "postgres.h"
#include "utils/relcache.h"

/* Have statements watched; called once, when the library is loaded. */
extern void tvb_statement_watch(void);

/*
 * Whether the transition tables of the AFTER STATEMENT trigger for UPDATE that runs now, on a partitioned table, may
 * lack images.  Certain that they do not, when false.
 */
extern bool tvb_statement_may_lack_images(Relation rel);

#endif
