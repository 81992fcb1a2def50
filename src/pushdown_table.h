/* pushdown_table.h - a table in FROM, restricted where the planner would not do it */
#ifndef TVB_PUSHDOWN_TABLE_H
#define TVB_PUSHDOWN_TABLE_H

#include "postgres.h"
#include "nodes/parsenodes.h"

/*
 * Put a subquery with the rows for which conditions hold in the place of a table of a query, in place.  quals: over
 * columns of the table alone, without subqueries.  False: nothing was done, as the table is read as whole rows.
 */
extern bool tvb_table_restrict(Query *query, int rtindex, List *quals);

#endif
