/* lineage_check.h - what of a view triggers cannot see, and what is refused */
#ifndef TVB_LINEAGE_CHECK_H
#define TVB_LINEAGE_CHECK_H

#include "postgres.h"
#include "nodes/parsenodes.h"

/*
 * Refuse what no TVIEW can be made of: volatile functions, system columns,
 * TABLESAMPLE, FOR UPDATE.
 */
extern void tvb_check_refused(Query *expanded);

/* The first thing in the query whose result may change without a captured change; NULL if none. */
extern const char *tvb_check_unseen(Query *expanded, List *tables, Oid role);

/* Why changes of a table cannot be captured, or NULL. */
extern const char *tvb_check_uncaptured(Oid relid, Oid role);

/* Whether a query uses text search, whose configurations and dictionaries can be altered. */
extern bool tvb_check_text_search(Query *expanded);

/* What depends on an order that is not total: list of char *. */
extern List *tvb_check_notes(Query *expanded);

/* Whether name is one of the n names of a list. */
extern bool tvb_check_listed(const char *name, const char *const *list, int n);

#endif
