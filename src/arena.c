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
 * whole.  From PostgreSQL 17 on the context is a bump context (compat.h).
 *
 * Invariant: held_together is the sum of the blocks of all live arenas of this
 * backend.  It is kept true by a reset callback of each arena's context, so an
 * error that deletes a parent context needs no help from us.
 *
 * With TVB_ARENA_CHECK, which assertions switch on, each allocation stands
 * between its length and a fence.  Fences are looked at when the arena is reset
 * or goes, and what it held is overwritten.  In a server that knows Valgrind,
 * Valgrind sees the allocations and the ground between them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memdebug.h"
#include "utils/memutils.h"

#include "arena.h"
#include "compat.h"

#if defined(USE_ASSERT_CHECKING) && !defined(TVB_ARENA_CHECK)
#define TVB_ARENA_CHECK
#endif

#define MIN_BLOCK	((Size) 8 * 1024)
#define MAX_BLOCK	((Size) 1024 * 1024)

/* Header of a block; its bytes follow. */
typedef struct ArenaBlock
{
	struct ArenaBlock *next;
	Size		size;			/* with the header */
	char	   *filled;			/* end of what was allocated when it was left */
} ArenaBlock;

#define BLOCK_HEADER	MAXALIGN(sizeof(ArenaBlock))

/* Around each allocation. */
#ifdef TVB_ARENA_CHECK
#define LENGTH_SIZE		MAXALIGN(sizeof(Size))
#define FENCE_SIZE		((Size) MAXIMUM_ALIGNOF)
#else
#define LENGTH_SIZE		((Size) 0)
#define FENCE_SIZE		((Size) 0)
#endif
#define FENCE_BYTE		0x7E
#define WIPE_BYTE		0x7F

struct TvbArena
{
	MemoryContext context;
	const char *name;
	ArenaBlock *first;			/* NULL until something is allocated */
	ArenaBlock *current;		/* the one being filled */
	char	   *free;			/* next free byte of current */
	char	   *end;			/* end of current */
	Size		used;
	Size		held;
	int64		blocks;
	MemoryContextCallback callback;
};

static Size held_together = 0;

static void forget_arena(void *arg);
static void next_block(TvbArena *arena, Size size);
static void enter_block(TvbArena *arena, ArenaBlock *block);
static ArenaBlock *make_block(TvbArena *arena, Size size);
static inline char *put_fence(char *chunk, Size size);
static void check_arena(TvbArena *arena);
#ifdef TVB_ARENA_CHECK
static void check_block(TvbArena *arena, ArenaBlock *block, char *filled);
#endif

TvbArena *
tvb_arena_create(MemoryContext parent, const char *name)
{
	MemoryContext context = tvb_compat_block_context(parent, name);
	TvbArena   *arena = MemoryContextAllocZero(context, sizeof(TvbArena));

	arena->context = context;
	arena->name = name;
	arena->callback.func = forget_arena;
	arena->callback.arg = arena;
	MemoryContextRegisterResetCallback(context, &arena->callback);
	return arena;
}

void *
tvb_arena_alloc(TvbArena *arena, Size size)
{
	Size		room = LENGTH_SIZE + MAXALIGN(size) + FENCE_SIZE;
	char	   *result;

	if (room > (Size) (arena->end - arena->free))
		next_block(arena, room);
	result = put_fence(arena->free, size);
	arena->free += room;
	arena->used += MAXALIGN(size);
	return result;
}

void
tvb_arena_reset(TvbArena *arena)
{
	check_arena(arena);
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

int64
tvb_arena_blocks(const TvbArena *arena)
{
	return arena->blocks;
}

void
tvb_arena_destroy(TvbArena *arena)
{
	MemoryContextDelete(arena->context);
}

Size
tvb_arena_held_together(void)
{
	return held_together;
}

/* Reset callback: the arena's context is about to give its blocks back. */
static void
forget_arena(void *arg)
{
	TvbArena   *arena = arg;

	check_arena(arena);
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
	if (current)
		current->filled = arena->free;
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
	block->filled = NULL;
	VALGRIND_MAKE_MEM_NOACCESS((char *) block + BLOCK_HEADER, wanted - BLOCK_HEADER);

	arena->held += wanted;
	arena->blocks++;
	held_together += wanted;
	return block;
}

/* ----------
 * Misuse
 * ----------
 */

/* Mark a chunk's length and its end, where checked; returns where its size bytes begin. */
static inline char *
put_fence(char *chunk, Size size)
{
	char	   *bytes = chunk + LENGTH_SIZE;

#ifdef TVB_ARENA_CHECK
	Size		fence = MAXALIGN(size) + FENCE_SIZE - size;

	VALGRIND_MAKE_MEM_UNDEFINED(chunk, LENGTH_SIZE + size + fence);
	*(Size *) chunk = size;
	memset(bytes + size, FENCE_BYTE, fence);
	VALGRIND_MAKE_MEM_NOACCESS(chunk, LENGTH_SIZE);
	VALGRIND_MAKE_MEM_NOACCESS(bytes + size, fence);
#endif
	VALGRIND_MAKE_MEM_UNDEFINED(bytes, size);
	return bytes;
}

/* Look at all fences, and make what is in the arena unusable. */
static void
check_arena(TvbArena *arena)
{
#ifdef TVB_ARENA_CHECK
	for (ArenaBlock *block = arena->first; block != NULL; block = block->next)
	{
		check_block(arena, block, block == arena->current ? arena->free : block->filled);
		if (block == arena->current)
			break;				/* those after it are empty */
	}
#endif
}

#ifdef TVB_ARENA_CHECK

/* The same for one block, which is in use up to filled. */
static void
check_block(TvbArena *arena, ArenaBlock *block, char *filled)
{
	char	   *start = (char *) block + BLOCK_HEADER;
	char	   *chunk = start;

	VALGRIND_MAKE_MEM_DEFINED(start, filled - start);
	while (chunk < filled)
	{
		Size		size = *(Size *) chunk;
		char	   *end = chunk + LENGTH_SIZE + MAXALIGN(size) + FENCE_SIZE;

		if (size > (Size) (filled - chunk) || end > filled)
		{
			elog(WARNING, "arena \"%s\": length of an allocation at %p was overwritten",
				 arena->name, chunk + LENGTH_SIZE);
			break;
		}
		for (char *fence = chunk + LENGTH_SIZE + size; fence < end; fence++)
		{
			if (*fence != FENCE_BYTE)
			{
				elog(WARNING, "arena \"%s\": write past the end of an allocation of %zu bytes",
					 arena->name, size);
				break;
			}
		}
		chunk = end;
	}
	memset(start, WIPE_BYTE, filled - start);
	VALGRIND_MAKE_MEM_NOACCESS(start, block->size - BLOCK_HEADER);
}

#endif
