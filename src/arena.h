/* arena.h - the bump allocator that holds a batch's changes and keys */
#ifndef TVB_ARENA_H
#define TVB_ARENA_H

#include "postgres.h"

typedef struct TvbArena TvbArena;

/* Make an empty arena whose blocks live in a child of parent; it goes when parent goes. */
extern TvbArena *tvb_arena_create(MemoryContext parent, const char *name);

/* size bytes, MAXALIGNed, not zeroed, valid until reset or destroy.  Never returns NULL. */
extern void *tvb_arena_alloc(TvbArena *arena, Size size);

/* Forget everything allocated; blocks are kept and used again. */
extern void tvb_arena_reset(TvbArena *arena);

/* Bytes handed out since the last reset. */
extern Size tvb_arena_used(const TvbArena *arena);

/* Bytes of blocks held now. */
extern Size tvb_arena_held(const TvbArena *arena);

/* Give everything back. */
extern void tvb_arena_destroy(TvbArena *arena);

/* The most bytes all arenas of this backend held together since the last call of tvb_arena_mark_reset. */
extern Size tvb_arena_mark(void);
extern void tvb_arena_mark_reset(void);

#endif
