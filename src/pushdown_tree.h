/* pushdown_tree.h - put the conditions that keys imply into a query tree */
#ifndef TVB_PUSHDOWN_TREE_H
#define TVB_PUSHDOWN_TREE_H

#include "postgres.h"
#include "nodes/parsenodes.h"

#include "pushdown_facts.h"

/*
 * Restrict an expanded query, in place, to what the rows need that fulfil facts about its outputs
 * (TvbFact *, over columns of a range table entry 1).  Says whether anything was added
 * that the planner would not find.
 */
extern bool tvb_pushdown_restrict(Query *expanded, List *facts);

#endif
