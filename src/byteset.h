/* byteset.h - a hash set of byte strings, copied into an arena */
#ifndef TVB_BYTESET_H
#define TVB_BYTESET_H

#include "postgres.h"

typedef struct TvbByteset TvbByteset;

/* Where a walk over a set is; initialize with {0}. */
typedef uint32 TvbBytesetPosition;

/* Make an empty set in a child of parent; it goes when parent goes. */
extern TvbByteset *tvb_byteset_create(MemoryContext parent, const char *name);

/* Add a copy of len bytes; false if they were there already. */
extern bool tvb_byteset_add(TvbByteset *set, const char *data, int len);

/* Members. */
extern int64 tvb_byteset_count(const TvbByteset *set);

/* The most bytes in use at once if len bytes are added next. */
extern Size tvb_byteset_need(const TvbByteset *set, int len);

/* Next member of a walk, valid until reset; false at the end. */
extern bool tvb_byteset_next(const TvbByteset *set, TvbBytesetPosition * position,
							 const char **data, int *len);

/*
 * Empty the set.  Memory is kept, but for a hash table of more than keep
 * bytes: a caller with a limit would find the next member too much already.
 */
extern void tvb_byteset_reset(TvbByteset *set, Size keep);

extern void tvb_byteset_destroy(TvbByteset *set);

#endif
