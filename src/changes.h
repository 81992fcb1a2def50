/* changes.h - the changes of one round of a drain, per source and shape */
#ifndef TVB_CHANGES_H
#define TVB_CHANGES_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "bag.h"
#include "registry.h"

/* The changes of one source packed with one version of its shape. */
typedef struct TvbChangeSet
{
	Oid			source;
	int32		version;
	TvbShape   *shape;			/* NULL: unknown, so the values cannot be read */
	bool		everything;		/* any row may have changed */
	TvbBag	   *links;			/* packed link values; NULL while there are
								 * none */
	Size		share;			/* of the collection's memory, taken by links */
} TvbChangeSet;

typedef struct TvbChanges TvbChanges;

/*
 * Make an empty collection under parent that holds about limit bytes; the rest spills to files of
 * the current resource owner.  It is not to be made in an attempt that it outlives.
 */
extern TvbChanges *tvb_changes_create(MemoryContext parent, Size limit);

/* Whom its files belong to, wherever it is filled. */
extern ResourceOwner tvb_changes_owner(const TvbChanges *changes);

/*
 * The set of a source and version, made if need be.  Reads metadata when it is
 * made, so not to be called while a query of ours runs.
 */
extern TvbChangeSet *tvb_changes_set(TvbChanges *changes, Oid source, int32 version);

/* Add packed link values to a set; link NULL: any row of the source may have changed.  Runs no SQL. */
extern void tvb_changes_add(TvbChanges *changes, TvbChangeSet *set, const char *link, int len);

/* The sets of a source that are not empty: TvbChangeSet *, in the current context. */
extern List *tvb_changes_of(TvbChanges *changes, Oid source);

/* Whether a source has any change. */
extern bool tvb_changes_any(TvbChanges *changes, Oid source);

/* Forget the changes of a source that nobody will ask for again, and give back their memory. */
extern void tvb_changes_release(TvbChanges *changes, Oid source);

/* Forget all changes. */
extern void tvb_changes_reset(TvbChanges *changes);

#endif
