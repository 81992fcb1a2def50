/* pushdown.h - a view's query with the condition on the keys carried into its subqueries */
#ifndef TVB_PUSHDOWN_H
#define TVB_PUSHDOWN_H

#include "postgres.h"
#include "nodes/bitmapset.h"
#include "nodes/parsenodes.h"

/* At most this many key columns that can be NULL have texts for every pattern. */
#define TVB_PUSHDOWN_NULLABLE 3

/*
 * The texts of the keyed query of a view whose refresh key consists of the given columns
 * (int list of attnos): one per pattern of NULLs, by the bit mask of the key columns that are
 * NULL.  nullable: the columns (positions from 0) that can be NULL.  An empty text stands for a
 * pattern for which the view itself is as good; NIL if it is for all.
 *
 * A text has the view's columns in order, the parameters of tvb_evaluate_filter, and at
 * least the view's rows with the keys; what else it has must be filtered out.
 *
 * The caller has the fixed search_path in force.  Reads catalogs, but no table.  role is who
 * will run it.
 */
extern List *tvb_pushdown_texts(Query *query, List *key_attnos, Bitmapset *nullable, Oid role);

/* The text for a pattern, or NULL. */
extern const char *tvb_pushdown_text(List *texts, const Bitmapset *nulls);

#endif
