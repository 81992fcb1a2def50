/*-------------------------------------------------------------------------
 *
 * bag.c
 *		A set of byte strings in bounded memory.
 *
 * Members are collected in a hash set.  When the next one could take it past
 * its share of the limit, all members go to a sort, which spills to disk, and
 * the hash set starts anew; so one member may be in the sort several times.
 * Reading a set that has spilled reads the sort and drops equal neighbours.
 *
 * Three quarters of the limit belong to the hash set, one to the sort; one
 * member larger than that is held all the same, and a sort takes some 300 kB
 * however little it is given.  Once all members are in the sort, the hash set
 * is destroyed before the sort is read.
 *
 * Spill files belong to the resource owner that is current when the set is made:
 * it may be filled in subtransactions that fail, but must not outlive the one
 * that made it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

#include "bag.h"
#include "byteset.h"
#include "compat.h"

struct TvbBag
{
	MemoryContext context;
	ResourceOwner owner;		/* of the spill files */
	const char *name;
	Size		limit;
	TvbByteset *set;			/* NULL while a spilled set is being read */
	Tuplesortstate *sort;		/* NULL until spilled */
	int64		spilled;		/* strings in sort */
	bool		reading;		/* sorted, or a walk over set has begun */
	TvbBytesetPosition position;
	bytea	   *last;			/* last string read from sort */
};

static Size set_limit(const TvbBag *bag);
static void spill(TvbBag *bag);
static void begin_sort(TvbBag *bag);
static bool next_sorted(TvbBag *bag, const char **data, int *len);
static void forget_last(TvbBag *bag);

TvbBag *
tvb_bag_create(MemoryContext parent, ResourceOwner owner, const char *name, Size limit)
{
	MemoryContext context = AllocSetContextCreateInternal(parent, name,
														  ALLOCSET_SMALL_SIZES);
	TvbBag	   *bag = MemoryContextAllocZero(context, sizeof(TvbBag));

	bag->context = context;
	bag->owner = owner;
	bag->name = name;
	bag->limit = limit;
	bag->set = tvb_byteset_create(context, name);
	return bag;
}

void
tvb_bag_add(TvbBag *bag, const char *data, int len)
{
	Assert(!bag->reading);

	CHECK_FOR_INTERRUPTS();
	if (tvb_byteset_need(bag->set, len) > set_limit(bag) &&
		tvb_byteset_count(bag->set) > 0)
		spill(bag);
	tvb_byteset_add(bag->set, data, len);
}

int64
tvb_bag_count(const TvbBag *bag)
{
	return bag->spilled + (bag->set ? tvb_byteset_count(bag->set) : 0);
}

/* The first time after a spill, the rest of the members goes to the sort, too. */
void
tvb_bag_read(TvbBag *bag)
{
	if (bag->sort == NULL)
		bag->position = 0;
	else if (bag->reading)
	{
		forget_last(bag);
		tuplesort_rescan(bag->sort);
	}
	else
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(bag->context);
		ResourceOwner oldowner = CurrentResourceOwner;

		spill(bag);
		tvb_byteset_destroy(bag->set);
		bag->set = NULL;
		CurrentResourceOwner = bag->owner;
		tuplesort_performsort(bag->sort);
		CurrentResourceOwner = oldowner;
		MemoryContextSwitchTo(oldcontext);
	}
	bag->reading = true;
}

bool
tvb_bag_next(TvbBag *bag, const char **data, int *len)
{
	Assert(bag->reading);

	/* whoever walks over a set may be at it for long */
	CHECK_FOR_INTERRUPTS();
	if (bag->sort == NULL)
		return tvb_byteset_next(bag->set, &bag->position, data, len);
	return next_sorted(bag, data, len);
}

void
tvb_bag_reset(TvbBag *bag)
{
	forget_last(bag);
	if (bag->sort != NULL)
		tuplesort_end(bag->sort);
	bag->sort = NULL;
	bag->spilled = 0;
	bag->reading = false;

	if (bag->set != NULL)
		tvb_byteset_reset(bag->set, set_limit(bag) / 2);
	else
		bag->set = tvb_byteset_create(bag->context, bag->name);
}

void
tvb_bag_destroy(TvbBag *bag)
{
	if (bag->sort != NULL)
		tuplesort_end(bag->sort);
	MemoryContextDelete(bag->context);
}

/* The hash set's share of the limit. */
static Size
set_limit(const TvbBag *bag)
{
	return bag->limit / 4 * 3;
}

/* Move the members of the hash set to the sort. */
static void
spill(TvbBag *bag)
{
	ResourceOwner oldowner = CurrentResourceOwner;
	TvbBytesetPosition position = 0;
	StringInfoData datum;
	const char *data;
	int			len;

	CurrentResourceOwner = bag->owner;
	if (bag->sort == NULL)
		begin_sort(bag);

	initStringInfo(&datum);
	while (tvb_byteset_next(bag->set, &position, &data, &len))
	{
		CHECK_FOR_INTERRUPTS();
		resetStringInfo(&datum);
		enlargeStringInfo(&datum, VARHDRSZ + len);
		SET_VARSIZE(datum.data, VARHDRSZ + len);
		memcpy(VARDATA(datum.data), data, len);
		tuplesort_putdatum(bag->sort, PointerGetDatum(datum.data), false);
	}
	pfree(datum.data);
	CurrentResourceOwner = oldowner;

	bag->spilled += tvb_byteset_count(bag->set);
	tvb_byteset_reset(bag->set, set_limit(bag) / 2);
}

/* Make the sort, with a quarter of the limit. */
static void
begin_sort(TvbBag *bag)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(bag->context);
	TypeCacheEntry *type = lookup_type_cache(BYTEAOID, TYPECACHE_LT_OPR);
	int			kilobytes = (int) Min(bag->limit / 4 / 1024, MAX_KILOBYTES);

	bag->sort = tuplesort_begin_datum(BYTEAOID, type->lt_opr, InvalidOid, false,
									  Max(kilobytes, 64), NULL,
									  TUPLESORT_RANDOMACCESS);
	MemoryContextSwitchTo(oldcontext);
}

/* Next string of the sort that differs from the one before. */
static bool
next_sorted(TvbBag *bag, const char **data, int *len)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(bag->context);
	Datum		value;
	bool		isnull;
	bool		found = false;

	while (!found && tvb_compat_sort_getdatum(bag->sort, &value, &isnull))
	{
		bytea	   *string = DatumGetByteaPP(value);

		if (bag->last != NULL &&
			VARSIZE_ANY_EXHDR(string) == VARSIZE_ANY_EXHDR(bag->last) &&
			memcmp(VARDATA_ANY(string), VARDATA_ANY(bag->last),
				   VARSIZE_ANY_EXHDR(string)) == 0)
		{
			pfree(string);
			continue;
		}
		forget_last(bag);
		bag->last = string;
		*data = VARDATA_ANY(string);
		*len = VARSIZE_ANY_EXHDR(string);
		found = true;
	}
	MemoryContextSwitchTo(oldcontext);
	return found;
}

/* Free the last string read from the sort. */
static void
forget_last(TvbBag *bag)
{
	if (bag->last != NULL)
		pfree(bag->last);
	bag->last = NULL;
}
