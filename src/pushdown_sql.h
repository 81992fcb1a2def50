/* pushdown_sql.h - the text of an edited query tree, proved to mean the same */
#ifndef TVB_PUSHDOWN_SQL_H
#define TVB_PUSHDOWN_SQL_H

#include "postgres.h"
#include "nodes/parsenodes.h"

/*
 * The text of a query with parameters of the given types (oid list), or NULL: it would
 * mean something else when parsed again, or cannot be parsed.
 */
extern char *tvb_pushdown_sql(Query *query, List *param_types);

#endif
