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

/* Bytes of blocks held now, and how many blocks were made so far. */
extern Size tvb_arena_held(const TvbArena *arena);
extern int64 tvb_arena_blocks(const TvbArena *arena);

/* Give everything back. */
extern void tvb_arena_destroy(TvbArena *arena);

/* Bytes of blocks that all arenas of this backend hold now. */
extern Size tvb_arena_held_together(void);

#endif
