/*-------------------------------------------------------------------------
 *
 * arena.c
 *		The bump allocator.
 *
 * An arena is a list of blocks in a memory context of its own.  Allocation
 * moves a pointer within the current block; when it does not fit, the next
 * block of the list is taken if it is large enough, else a new block is put in
 * before it.  Nothing is freed one by one: a reset goes back to the first
 * block, so the same blocks serve the next batch, and the context goes as a
 * whole.
 *
 * Invariant: held_together is the sum of the blocks of all live arenas of this
 * backend.  It is kept true by a reset callback of each arena's context, so an
 * error that deletes a parent context needs no help from us.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "arena.h"
#include "compat.h"

#define MIN_BLOCK	((Size) 8 * 1024)
#define MAX_BLOCK	((Size) 1024 * 1024)

/* Header of a block; its bytes follow. */
typedef struct ArenaBlock
{
	struct ArenaBlock *next;
	Size		size;			/* with the header */
} ArenaBlock;

#define BLOCK_HEADER	MAXALIGN(sizeof(ArenaBlock))

struct TvbArena
{
	MemoryContext context;
	ArenaBlock *first;			/* NULL until something is allocated */
	ArenaBlock *current;		/* the one being filled */
	char	   *free;			/* next free byte of current */
	char	   *end;			/* end of current */
	Size		used;
	Size		held;
	MemoryContextCallback callback;
};

static Size held_together = 0;
static Size high_mark = 0;

static void forget_arena(void *arg);
static void next_block(TvbArena *arena, Size size);
static void enter_block(TvbArena *arena, ArenaBlock *block);
static ArenaBlock *make_block(TvbArena *arena, Size size);

TvbArena *
tvb_arena_create(MemoryContext parent, const char *name)
{
	MemoryContext context = tvb_compat_block_context(parent, name);
	TvbArena   *arena = MemoryContextAllocZero(context, sizeof(TvbArena));

	arena->context = context;
	arena->callback.func = forget_arena;
	arena->callback.arg = arena;
	MemoryContextRegisterResetCallback(context, &arena->callback);
	return arena;
}

void *
tvb_arena_alloc(TvbArena *arena, Size size)
{
	char	   *result;

	size = MAXALIGN(size);
	if (size > (Size) (arena->end - arena->free))
		next_block(arena, size);
	result = arena->free;
	arena->free += size;
	arena->used += size;
	return result;
}

void
tvb_arena_reset(TvbArena *arena)
{
	arena->used = 0;
	if (arena->first != NULL)
		enter_block(arena, arena->first);
}

Size
tvb_arena_used(const TvbArena *arena)
{
	return arena->used;
}

Size
tvb_arena_held(const TvbArena *arena)
{
	return arena->held;
}

void
tvb_arena_destroy(TvbArena *arena)
{
	MemoryContextDelete(arena->context);
}

Size
tvb_arena_mark(void)
{
	return high_mark;
}

void
tvb_arena_mark_reset(void)
{
	high_mark = held_together;
}

/* Reset callback: the arena's context is about to give its blocks back. */
static void
forget_arena(void *arg)
{
	TvbArena   *arena = arg;

	held_together -= arena->held;
}

/* Make the current block one with size bytes free. */
static void
next_block(TvbArena *arena, Size size)
{
	ArenaBlock *current = arena->current;
	ArenaBlock *block = current ? current->next : arena->first;

	if (block == NULL || block->size - BLOCK_HEADER < size)
	{
		ArenaBlock *made = make_block(arena, size);

		made->next = block;
		if (current)
			current->next = made;
		else
			arena->first = made;
		block = made;
	}
	enter_block(arena, block);
}

/* Start filling block. */
static void
enter_block(TvbArena *arena, ArenaBlock *block)
{
	arena->current = block;
	arena->free = (char *) block + BLOCK_HEADER;
	arena->end = (char *) block + block->size;
}

/*
 * A new block with room for size bytes.  Blocks grow with what is held, by a
 * quarter of it, so that the unused end of the last one is never large against
 * the rest.
 */
static ArenaBlock *
make_block(TvbArena *arena, Size size)
{
	Size		wanted = Min(Max(arena->held / 4, MIN_BLOCK), MAX_BLOCK);
	ArenaBlock *block;

	wanted = Max(TYPEALIGN(MIN_BLOCK, wanted), size + BLOCK_HEADER);
	block = MemoryContextAllocHuge(arena->context, wanted);
	block->next = NULL;
	block->size = wanted;

	arena->held += wanted;
	held_together += wanted;
	high_mark = Max(high_mark, held_together);
	return block;
}
