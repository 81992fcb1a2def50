/* generated.h - columns that partitions compute otherwise than the table above them */
#ifndef TVB_GENERATED_H
#define TVB_GENERATED_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

/*
 * The columns of a partitioned table (names, in the current context) of which triggers on it may be shown something else than a
 * partition stores.  Locks no partition.
 */
extern List *tvb_generated_otherwise(Relation rel);

#endif
