/* lineage_names.h - where a view shows names that are looked up in catalogs */
#ifndef TVB_LINEAGE_NAMES_H
#define TVB_LINEAGE_NAMES_H

#include "postgres.h"
#include "nodes/parsenodes.h"

/* Whether input or output of a base type looks into catalogs. */
extern bool tvb_names_catalog_type(Oid type);

/*
 * Where an expanded query makes text of values of such types, or values of text, without naming their own
 * functions: to_jsonb(), concat(), a cast of an array, ... NULL: nowhere.
 */
extern const char *tvb_names_shown(Query *expanded);

/*
 * Whether a query, once it is written as text, has a name in it that the view does not depend on, so that nobody is told
 * when something else gets that name: one in a constant that is an array or a row, or that of a role.
 */
extern bool tvb_names_written(Query *query);

#endif
