/*-------------------------------------------------------------------------
 *
 * link.c
 *		Rows of values packed into byte strings.
 *
 * Per column one byte, 0 for NULL, else 1 and the value:
 *
 *		by value				typlen bytes in the machine's order
 *		by reference, fixed		typlen bytes
 *		varlena					4-byte length, then the detoasted payload
 *		cstring					4-byte length, then the bytes without the 0
 *
 * Invariant: nothing in a packed row is aligned, so all reads and writes go
 * through memcpy; and nothing is read past the length given.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/tupmacs.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "compat.h"
#include "link.h"

/* A packed row being read. */
typedef struct Reader
{
	const char *data;
	const char *end;
} Reader;

static void pack_fixed(StringInfo buf, const TvbLayout *layout, const Datum *values, const bool *nulls);
static void pack_value(StringInfo buf, const TvbLinkColumn *column, Datum value);
static void pack_by_value(StringInfo buf, int typlen, Datum value);
static void pack_varlena(StringInfo buf, struct varlena *value);
static void pack_sized(StringInfo buf, const char *data, int32 len);
static Datum unpack_value(Reader *reader, const TvbLinkColumn *column);
static const char *read_value(Reader *reader, const TvbLinkColumn *column, int32 *len);
static bool read_not_null(Reader *reader);
static const char *read_bytes(Reader *reader, int32 len);
static void check_end(const Reader *reader);
tvb_compat_noreturn static void report_misfit(void);

TvbLayout *
tvb_link_layout(int natts, const Oid *types)
{
	TvbLayout  *layout = palloc(offsetof(TvbLayout, columns) +
								natts * sizeof(TvbLinkColumn));

	layout->natts = natts;
	layout->fixed = natts;
	for (int i = 0; i < natts; i++)
	{
		TvbLinkColumn *column = &layout->columns[i];

		if (!SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(types[i])))
		{
			pfree(layout);
			return NULL;
		}
		column->type = types[i];
		get_typlenbyvalalign(types[i], &column->typlen, &column->typbyval,
							 &column->typalign);
		if (column->typlen <= 0)
			layout->fixed = 0;
		else if (layout->fixed > 0)
			layout->fixed += column->typlen;
	}
	return layout;
}

bool
tvb_link_fits(const TvbLayout *layout, const Datum *values, const bool *nulls)
{
	Size		size = 0;

	if (layout->fixed > 0)
		return true;
	for (int i = 0; i < layout->natts; i++)
	{
		if (nulls[i] || layout->columns[i].typlen > 0)
			continue;
		if (layout->columns[i].typlen == -1)
			size += toast_raw_datum_size(values[i]);
		else
			size += strlen(DatumGetCString(values[i]));
	}
	return size <= TVB_LINK_MAX;
}

void
tvb_link_pack(StringInfo buf, const TvbLayout *layout,
			  const Datum *values, const bool *nulls)
{
	if (layout->fixed > 0)
	{
		pack_fixed(buf, layout, values, nulls);
		return;
	}
	for (int i = 0; i < layout->natts; i++)
	{
		appendStringInfoCharMacro(buf, nulls[i] ? 0 : 1);
		if (!nulls[i])
			pack_value(buf, &layout->columns[i], values[i]);
	}
}

void
tvb_link_unpack(const TvbLayout *layout, const char *data, int len,
				Datum *values, bool *nulls)
{
	Reader		reader = {data, data + len};

	for (int i = 0; i < layout->natts; i++)
	{
		nulls[i] = !read_not_null(&reader);
		values[i] = nulls[i] ? (Datum) 0 : unpack_value(&reader, &layout->columns[i]);
	}
	check_end(&reader);
}

/* The same walk as in tvb_link_unpack. */
bool
tvb_link_matches(const TvbLayout *layout, const char *data, int len)
{
	const char *end = data + len;

	for (int i = 0; i < layout->natts; i++)
	{
		int32		size = layout->columns[i].typlen;

		if (data == end || (*data != 0 && *data != 1))
			return false;
		if (*data++ == 0)
			continue;
		if (size <= 0)
		{
			if (end - data < (ptrdiff_t) sizeof(size))
				return false;
			memcpy(&size, data, sizeof(size));
			data += sizeof(size);
		}
		if (size < 0 || size > end - data)
			return false;
		data += size;
	}
	return data == end;
}

/* One walk finds where each column starts; the bytes between are copied. */
void
tvb_link_project(StringInfo buf, const TvbLayout *layout,
				 const char *data, int len,
				 const int *positions, int n)
{
	const char *starts_fast[16];
	const char **starts = starts_fast;
	Reader		reader = {data, data + len};

	/* starts[i] .. starts[i + 1] is column i */
	if (layout->natts >= lengthof(starts_fast))
		starts = palloc((layout->natts + 1) * sizeof(char *));

	for (int i = 0; i < layout->natts; i++)
	{
		int32		ignored;

		starts[i] = reader.data;
		if (read_not_null(&reader))
			read_value(&reader, &layout->columns[i], &ignored);
	}
	starts[layout->natts] = reader.data;
	check_end(&reader);

	for (int i = 0; i < n; i++)
	{
		int			position = positions[i];

		Assert(position >= 0 && position < layout->natts);
		appendBinaryStringInfo(buf, starts[position],
							   starts[position + 1] - starts[position]);
	}

	if (starts != starts_fast)
		pfree(starts);
}

/* The same for columns of fixed length, the usual case, which writers wait for. */
static void
pack_fixed(StringInfo buf, const TvbLayout *layout, const Datum *values, const bool *nulls)
{
	char	   *to;

	enlargeStringInfo(buf, layout->fixed);
	to = buf->data + buf->len;
	for (int i = 0; i < layout->natts; i++)
	{
		const TvbLinkColumn *column = &layout->columns[i];

		*to++ = nulls[i] ? 0 : 1;
		if (nulls[i])
			continue;
		if (column->typbyval)
		{
			Datum		image = 0;

			store_att_byval(&image, values[i], column->typlen);
			if (column->typlen == sizeof(int32))
				memcpy(to, &image, sizeof(int32));
			else
				memcpy(to, &image, column->typlen);
		}
		else
			memcpy(to, DatumGetPointer(values[i]), column->typlen);
		to += column->typlen;
	}
	*to = '\0';
	buf->len = to - buf->data;
}

/* Append the value of one column that is not NULL. */
static void
pack_value(StringInfo buf, const TvbLinkColumn *column, Datum value)
{
	if (column->typbyval)
		pack_by_value(buf, column->typlen, value);
	else if (column->typlen > 0)
		appendBinaryStringInfo(buf, DatumGetPointer(value), column->typlen);
	else if (column->typlen == -1)
		pack_varlena(buf, (struct varlena *) DatumGetPointer(value));
	else
		pack_sized(buf, DatumGetCString(value), strlen(DatumGetCString(value)));
}

/* Append a by-value datum: exactly its typlen bytes, whatever the rest of the word is. */
static void
pack_by_value(StringInfo buf, int typlen, Datum value)
{
	Datum		image = 0;

	store_att_byval(&image, value, typlen);
	appendBinaryStringInfo(buf, (char *) &image, typlen);
}

/* Append a varlena.  Short headers are read in place; toasted and expanded values are copied. */
static void
pack_varlena(StringInfo buf, struct varlena *value)
{
	struct varlena *plain = value;

	if (VARATT_IS_EXTERNAL(value) || VARATT_IS_COMPRESSED(value))
		plain = detoast_attr(value);
	pack_sized(buf, VARDATA_ANY(plain), VARSIZE_ANY_EXHDR(plain));
	if (plain != value)
		pfree(plain);
}

/* Append a length and that many bytes. */
static void
pack_sized(StringInfo buf, const char *data, int32 len)
{
	appendBinaryStringInfo(buf, (char *) &len, sizeof(len));
	appendBinaryStringInfo(buf, data, len);
}

/* The value at the reader as a datum of the current context. */
static Datum
unpack_value(Reader *reader, const TvbLinkColumn *column)
{
	int32		len;
	const char *data = read_value(reader, column, &len);
	char	   *copy;

	if (column->typbyval)
	{
		Datum		image = 0;

		memcpy(&image, data, len);
		image = fetch_att(&image, true, len);
		return image;
	}
	if (column->typlen > 0)
	{
		copy = palloc(len);
		memcpy(copy, data, len);
	}
	else if (column->typlen == -1)
	{
		copy = palloc(VARHDRSZ + len);
		SET_VARSIZE(copy, VARHDRSZ + len);
		memcpy(VARDATA(copy), data, len);
	}
	else
		copy = pnstrdup(data, len);
	return PointerGetDatum(copy);
}

/* Step over a value that is not NULL; its bytes without their length. */
static const char *
read_value(Reader *reader, const TvbLinkColumn *column, int32 *len)
{
	if (column->typlen > 0)
		*len = column->typlen;
	else
		memcpy(len, read_bytes(reader, sizeof(*len)), sizeof(*len));
	return read_bytes(reader, *len);
}

/* Step over a NULL flag; true if a value follows. */
static bool
read_not_null(Reader *reader)
{
	char		flag = *read_bytes(reader, 1);

	if (flag != 0 && flag != 1)
		report_misfit();
	return flag == 1;
}

/* Step over len bytes. */
static const char *
read_bytes(Reader *reader, int32 len)
{
	const char *data = reader->data;

	if (len < 0 || len > reader->end - data)
		report_misfit();
	reader->data += len;
	return data;
}

/* Nothing may be left. */
static void
check_end(const Reader *reader)
{
	if (reader->data != reader->end)
		report_misfit();
}

/* The bytes are not a row of this layout. */
static void
report_misfit(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("packed values do not fit their columns")));
}
