/* bag.h - a set of byte strings in bounded memory; past its limit it spills to a tuplesort */
#ifndef TVB_BAG_H
#define TVB_BAG_H

#include "postgres.h"
#include "utils/resowner.h"

typedef struct TvbBag TvbBag;

/*
 * Make an empty set.  Up to limit bytes are held in an arena under parent; past
 * that the set spills.  Freed with tvb_bag_destroy or with parent (spill
 * files then go at the end of the transaction).  The spill files belong to owner:
 * the bag may be filled and read in subtransactions of the one that owner is of, and outlives
 * them; it must not be used when that one has ended.
 */
extern TvbBag *tvb_bag_create(MemoryContext parent, ResourceOwner owner, const char *name, Size limit);

/* Add a copy of len bytes unless they are there already.  Not after tvb_bag_read. */
extern void tvb_bag_add(TvbBag *bag, const char *data, int len);

/* Members, exact until it spilled, then an upper bound. */
extern int64 tvb_bag_count(const TvbBag *bag);

/* Start reading, each member once, in no particular order; may be called again to start over. */
extern void tvb_bag_read(TvbBag *bag);

/* Next member, valid until the next call; false at the end. */
extern bool tvb_bag_next(TvbBag *bag, const char **data, int *len);

/* Empty the set for new members; memory is kept. */
extern void tvb_bag_reset(TvbBag *bag);

extern void tvb_bag_destroy(TvbBag *bag);

#endif
