/* range.h - a TVIEW's keys in ranges of their order */
#ifndef TVB_RANGE_H
#define TVB_RANGE_H

#include "postgres.h"
#include "lib/stringinfo.h"

#include "registry.h"
#include "run.h"

/*
 * Rows whose refresh key has the first depth values given and whose next
 * column is from lower up to but not including upper.  Without upper the
 * range is open; NULLs, which come last, are a range of their own.
 */
typedef struct TvbRange
{
	MemoryContext context;		/* of the values */
	Oid			relid;			/* the TVIEW */
	List	   *columns;		/* char *: its refresh key */
	const TvbLayout *layout;	/* their types */
	int			depth;			/* columns that are fixed */
	Datum	   *values;			/* of these, and lower */
	bool		has_lower;
	bool		above;			/* lower itself is not in it */
	bool		only_nulls;
	bool		has_upper;
	Datum		upper;
} TvbRange;

/* The range of all rows of a TVIEW that has a refresh key, in the current context. */
extern TvbRange *tvb_range_begin(const TvbTview *tview);

/* Whether it is that: it needs no condition. */
extern bool tvb_range_is_all(const TvbRange *range);

/*
 * Set the end of the range: so that from its beginning the view has at most step rows in it, and
 * the TVIEW too, or one value's rows.  The caller has entered the TVIEW's owner.
 */
extern void tvb_range_find_end(TvbRun *run, const TvbTview *tview, TvbRange *range, int64 step);

/* The query for such an end, to ask what it costs, and its parameters. */
extern char *tvb_range_end_sql(const TvbTview *tview, const TvbRange *range, int64 step);

/* Append the condition for rows of relation alias; its parameters, in the current context. */
extern void tvb_range_condition(StringInfo sql, const TvbRange *range, const char *alias);
extern TvbRunArgs *tvb_range_args(const TvbRange *range);

/* Go to what follows the range, open; false: there is nothing. */
extern bool tvb_range_advance(TvbRange *range);

/* Where an open range begins, as bytes, and such a range from bytes. */
extern void tvb_range_pack(StringInfo buf, const TvbRange *range);
extern TvbRange *tvb_range_unpack(const TvbTview *tview, const char *data, int len);

#endif
