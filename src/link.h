/* link.h - rows of values packed into byte strings: link values and keys */
#ifndef TVB_LINK_H
#define TVB_LINK_H

#include "postgres.h"
#include "access/tupdesc.h"
#include "lib/stringinfo.h"

/* What packing needs to know of one column. */
typedef struct TvbLinkColumn
{
	Oid			type;
	int16		typlen;
	bool		typbyval;
	char		typalign;
} TvbLinkColumn;

/* The columns of a packed row, in order.  One palloc chunk; pfree it. */
typedef struct TvbLayout
{
	int			natts;
	int			fixed;			/* bytes of a row without NULLs; 0 where some column varies in length */
	TvbLinkColumn columns[FLEXIBLE_ARRAY_MEMBER];
} TvbLayout;

/* Layout for natts types, in the current memory context; NULL: one of the types has been dropped. */
extern TvbLayout *tvb_link_layout(int natts, const Oid *types);

/* A queue entry has no longer link values than this together: what would, is logged as a change of any row. */
#define TVB_LINK_MAX	((Size) 64 * 1024)

/* Whether variable-length values are within TVB_LINK_MAX bytes.  Detoasts nothing. */
extern bool tvb_link_fits(const TvbLayout *layout, const Datum *values, const bool *nulls);

/*
 * Append one packed row to buf.  Variable-length values are detoasted, so
 * equal bytes mean equal images.  The packing: per column one byte (0: NULL),
 * then the value's bytes, no alignment.
 */
extern void tvb_link_pack(StringInfo buf, const TvbLayout *layout,
						  const Datum *values, const bool *nulls);

/*
 * Unpack data into values and nulls.  By-reference values are copied into the
 * current memory context.  Errors with ERRCODE_DATA_CORRUPTED when the bytes
 * do not fit the layout.
 */
extern void tvb_link_unpack(const TvbLayout *layout, const char *data, int len,
							Datum *values, bool *nulls);

/* Whether data has the form of a packed row of the layout.  No error where it has not. */
extern bool tvb_link_matches(const TvbLayout *layout, const char *data, int len);

/*
 * Rewrite a packed row into buf keeping only the columns at positions[0..n-1]
 * (from 0), in that order, without detoasting or copying values.
 */
extern void tvb_link_project(StringInfo buf, const TvbLayout *layout,
							 const char *data, int len,
							 const int *positions, int n);

#endif
