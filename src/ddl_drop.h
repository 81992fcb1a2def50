/* ddl_drop.h - relations that are gone */
#ifndef TVB_DDL_DROP_H
#define TVB_DDL_DROP_H

#include "postgres.h"
#include "nodes/pg_list.h"

/*
 * Forget relations that were dropped; sources: those captured on behalf of them, of which those that are left lost
 * rows.  Oid lists.  Connected to SPI.
 */
extern void tvb_ddl_drop_forget(List *relations, List *sources);

#endif
