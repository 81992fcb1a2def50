/*-------------------------------------------------------------------------
 *
 * changes.c
 *		The changes of one round of a drain, per source and shape.
 *
 * Claimed queue entries and the rows that a drain itself has changed in a
 * TVIEW arrive here alike, and leave as sets without duplicates.
 *
 * The sets share one limit on memory: each new set may hold a quarter of what
 * the earlier ones have left, so that the sum never exceeds the limit however
 * many sources changed, and the first (usually the only) ones get the most.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "changes.h"

#define SMALLEST_SET ((Size) 64 * 1024)

struct TvbChanges
{
	MemoryContext context;		/* everything here lives in it */
	ResourceOwner owner;		/* of the spill files */
	Size		limit;			/* bytes, for all sets */
	Size		left;			/* bytes not promised to a set yet */
	List	   *sets;			/* TvbChangeSet * */
	TvbChangeSet *last;			/* the one asked for last */
};

static bool is_empty(const TvbChangeSet *set);
static void make_bag(TvbChanges *changes, TvbChangeSet *set);

TvbChanges *
tvb_changes_create(MemoryContext parent, Size limit)
{
	MemoryContext context = AllocSetContextCreate(parent, "TVIEW changes",
												  ALLOCSET_DEFAULT_SIZES);
	TvbChanges *changes = MemoryContextAllocZero(parent, sizeof(TvbChanges));

	changes->context = context;
	changes->owner = CurrentResourceOwner;
	changes->limit = limit;
	changes->left = limit;
	return changes;
}

ResourceOwner
tvb_changes_owner(const TvbChanges *changes)
{
	return changes->owner;
}

TvbChangeSet *
tvb_changes_set(TvbChanges *changes, Oid source, int32 version)
{
	TvbChangeSet *set = changes->last;
	MemoryContext old;
	ListCell   *lc;

	if (set != NULL && set->source == source && set->version == version)
		return set;
	foreach(lc, changes->sets)
	{
		set = lfirst(lc);
		if (set->source == source && set->version == version)
			return changes->last = set;
	}

	old = MemoryContextSwitchTo(changes->context);
	set = palloc0(sizeof(TvbChangeSet));
	set->source = source;
	set->version = version;
	set->shape = tvb_registry_shape(source, version);
	changes->sets = lappend(changes->sets, set);
	MemoryContextSwitchTo(old);
	return changes->last = set;
}

/* What stands for any row makes further values pointless. */
void
tvb_changes_add(TvbChanges *changes, TvbChangeSet *set, const char *link, int len)
{
	if (link == NULL || set->shape == NULL)
		set->everything = true;
	if (set->everything)
		return;
	if (set->links == NULL)
		make_bag(changes, set);
	tvb_bag_add(set->links, link, len);
}

List *
tvb_changes_of(TvbChanges *changes, Oid source)
{
	List	   *sets = NIL;
	ListCell   *lc;

	foreach(lc, changes->sets)
	{
		TvbChangeSet *set = lfirst(lc);

		if (set->source == source && !is_empty(set))
			sets = lappend(sets, set);
	}
	return sets;
}

bool
tvb_changes_any(TvbChanges *changes, Oid source)
{
	ListCell   *lc;

	foreach(lc, changes->sets)
	{
		TvbChangeSet *set = lfirst(lc);

		if (set->source == source && !is_empty(set))
			return true;
	}
	return false;
}

void
tvb_changes_release(TvbChanges *changes, Oid source)
{
	ListCell   *lc;

	foreach(lc, changes->sets)
	{
		TvbChangeSet *set = lfirst(lc);

		if (set->source != source)
			continue;
		if (set->links != NULL)
		{
			tvb_bag_destroy(set->links);
			changes->left += set->share;
		}
		changes->sets = foreach_delete_current(changes->sets, lc);
		pfree(set);
	}
	changes->last = NULL;
}

void
tvb_changes_reset(TvbChanges *changes)
{
	ListCell   *lc;

	foreach(lc, changes->sets)
	{
		TvbChangeSet *set = lfirst(lc);

		if (set->links != NULL)
			tvb_bag_destroy(set->links);
	}
	MemoryContextReset(changes->context);
	changes->sets = NIL;
	changes->last = NULL;
	changes->left = changes->limit;
}

/* Whether nothing was added to a set. */
static bool
is_empty(const TvbChangeSet *set)
{
	return !set->everything && set->links == NULL;
}

/* Give a set a bag, with its share of the memory. */
static void
make_bag(TvbChanges *changes, TvbChangeSet *set)
{
	Size		share = Max(changes->left / 4, SMALLEST_SET);

	set->share = Min(share, changes->left);
	changes->left -= set->share;
	set->links = tvb_bag_create(changes->context, changes->owner, "TVIEW changes of a source", share);
}
