/* lineage_check.h - what of a view triggers cannot see, and what is refused */
#ifndef TVB_LINEAGE_CHECK_H
#define TVB_LINEAGE_CHECK_H

#include "postgres.h"
#include "nodes/parsenodes.h"

#include "lineage_expand.h"

/*
 * Refuse what no TVIEW can be made of: volatile functions, system columns,
 * TABLESAMPLE, FOR UPDATE.
 */
extern void tvb_check_refused(Query *expanded);

/* The first thing in the query whose result may change without a captured change; NULL if none. */
extern const char *tvb_check_unseen(Query *expanded, List *tables, Oid role);

/* Whether a table's policies apply to role, as whom lookups read it, or to the owner of the nested view that reads it. */
extern bool tvb_check_row_security(const TvbTable *table, Oid role);

/* Why changes of a table cannot be captured, or NULL. */
extern const char *tvb_check_uncaptured(const TvbTable *table, Oid role);

/* Whether a query uses text search, whose configurations and dictionaries can be altered. */
extern bool tvb_check_text_search(Query *expanded);

/*
 * The types of users that a query reads values of JSON as: oid list.  What such a type does not allow is no error there, but
 * NULL or a default.
 */
extern List *tvb_check_json_types(Query *expanded);

/* The domains that a query converts values to: whether it fails depends on their constraints.  Oid list. */
extern List *tvb_check_domains(Query *expanded);

/* What depends on an order that is not total: list of char *. */
extern List *tvb_check_notes(Query *expanded);

/* Whether rows or values of a query depend on such an order; values that are equal count as the same. */
extern bool tvb_check_unsettled(Query *expanded);

/* Whether which of several equal values a query shows has no fixed order. */
extern bool tvb_check_images(Query *expanded);

/*
 * Whether a query may have other rows, or other values in some of its columns, when it runs once more: they are
 * chosen, or numbered, by an order that is not total.
 */
extern bool tvb_check_chooses(Query *expanded, const Bitmapset *columns);

/* Whether name is one of the n names of a list. */
extern bool tvb_check_listed(const char *name, const char *const *list, int n);

#endif
