/* evaluate.h - the texts of the queries that put a view's rows beside a TVIEW's */
#ifndef TVB_EVALUATE_H
#define TVB_EVALUATE_H

#include "postgres.h"
#include "lib/stringinfo.h"
#include "nodes/bitmapset.h"

#include "registry.h"

/* Named relation in which keys travel: columns k1, k2, ... */
#define TVB_EVALUATE_KEYS "tviews_keys"

/*
 * Which rows: those whose columns have one of the given combinations of
 * values.  A column is either NULL in all combinations (a NULL pattern) or in
 * none.  Columns without an array type are matched through the named relation
 * only, the others have a parameter as well: $1, $2, ... in order.
 */
typedef struct TvbFilter
{
	Oid			relid;			/* table whose columns these are */
	List	   *columns;		/* char * */
	Bitmapset  *nulls;			/* positions in columns, from 0, that are NULL */
	const struct TvbRange *range;	/* not NULL: the rows of a range (range.h)
									 * instead, and columns is NIL */
} TvbFilter;

/* Whether values of a base type can be elements of an array: there are no arrays of arrays. */
extern bool tvb_evaluate_travels_in_array(Oid type);

/*
 * The words that ask whether a column of a type is NULL: IS NULL is also true of a composite value
 * all of whose fields are NULL.  An index serves both.
 */
extern const char *tvb_evaluate_is_null(Oid type);

/* The name of a base type's default equality operator, with its schema: list of String. */
extern List *tvb_evaluate_equality_name(Oid type);

/* Whether the filter's column at position i has a parameter. */
extern bool tvb_evaluate_has_param(const TvbFilter *filter, int i);

/* Whether the filter needs the named relation of keys to be exact. */
extern bool tvb_evaluate_needs_keys(const TvbFilter *filter);

/* Append the condition that the rows of relation alias must fulfil. */
extern void tvb_evaluate_filter(StringInfo sql, const TvbFilter *filter, const char *alias);

/*
 * The query whose rows are: tid of the stored row (NULL: there is none), true
 * (NULL: the view has no such row), number of stored rows (NULL if the filter has keys),
 * the view's columns, the stored columns.  filter NULL: all rows.
 */
extern char *tvb_evaluate_pairs_sql(const TvbTview *tview, const TvbFilter *filter);

/* The query whose rows are those of the view. */
extern char *tvb_evaluate_view_sql(const TvbTview *tview, const TvbFilter *filter);

/* The query whose rows are tid and columns of the stored rows, in the order of tid. */
extern char *tvb_evaluate_stored_sql(const TvbTview *tview, const TvbFilter *filter);

/* Query that yields, as text, one key for which the view has several rows. */
extern char *tvb_evaluate_duplicate_sql(const TvbTview *tview, const TvbFilter *filter);

/* Query that yields the refresh keys of the view's rows and of the stored ones, some several times. */
extern char *tvb_evaluate_all_keys_sql(const TvbTview *tview, const TvbFilter *filter);

#endif
