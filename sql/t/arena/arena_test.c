/*-------------------------------------------------------------------------
 *
 * arena_test.c
 *		Unit test of the arena: functions for sql/t/070_memory.pl.
 *
 * It is compiled with its own copy of arena.c, fences switched on.
 *
 *-------------------------------------------------------------------------
 */
#include "../../../src/arena.c"

#include "common/pg_prng.h"
#include "fmgr.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;

#define BATCH 20000

static void fill_batch(TvbArena *arena, uint64 seed, int largest);

PG_FUNCTION_INFO_V1(arena_test_blocks);
PG_FUNCTION_INFO_V1(arena_test_reset);
PG_FUNCTION_INFO_V1(arena_test_error);
PG_FUNCTION_INFO_V1(arena_test_held);
PG_FUNCTION_INFO_V1(arena_test_misuse);
PG_FUNCTION_INFO_V1(arena_test_wiped);

/*
 * arena_test_blocks(batches, seed, largest): blocks made by each of so many
 * batches, text.  The sizes are random; the first two batches have the same.
 * Each batch is read back: an error if allocations overlap or are not aligned.
 */
Datum
arena_test_blocks(PG_FUNCTION_ARGS)
{
	TvbArena   *arena = tvb_arena_create(CurrentMemoryContext, "arena test");
	int64		before = 0;
	StringInfoData result;

	initStringInfo(&result);
	for (int i = 0; i < PG_GETARG_INT32(0); i++)
	{
		fill_batch(arena, PG_GETARG_INT64(1) + i / 2, PG_GETARG_INT32(2));
		appendStringInfo(&result, "%s%s", i > 0 ? " " : "",
						 i == 0 ? (tvb_arena_blocks(arena) > 0 ? "some" : "none") :
						 psprintf(INT64_FORMAT, tvb_arena_blocks(arena) - before));
		before = tvb_arena_blocks(arena);
		tvb_arena_reset(arena);
	}
	tvb_arena_destroy(arena);
	PG_RETURN_TEXT_P(cstring_to_text(result.data));
}

/* What an arena says of itself before, between and after: used and held. */
Datum
arena_test_reset(PG_FUNCTION_ARGS)
{
	TvbArena   *arena = tvb_arena_create(CurrentMemoryContext, "arena test");
	Size		empty = tvb_arena_held(arena);
	Size		held;
	StringInfoData result;

	tvb_arena_alloc(arena, 1);
	tvb_arena_alloc(arena, 100 * 1024 * 1024);	/* larger than any block */
	held = tvb_arena_held(arena);
	initStringInfo(&result);
	appendStringInfo(&result, "empty %zu, used %zu, ", empty, tvb_arena_used(arena));
	tvb_arena_reset(arena);
	appendStringInfo(&result, "after reset %zu, kept %d, together %d, ", tvb_arena_used(arena),
					 tvb_arena_held(arena) == held, tvb_arena_held_together() == held);
	tvb_arena_destroy(arena);
	appendStringInfo(&result, "after destroy %zu", tvb_arena_held_together());
	PG_RETURN_TEXT_P(cstring_to_text(result.data));
}

/* Fill an arena and fail. */
Datum
arena_test_error(PG_FUNCTION_ARGS)
{
	TvbArena   *arena = tvb_arena_create(CurrentMemoryContext, "arena test");

	fill_batch(arena, 1, 200);
	ereport(ERROR, (errmsg("failing with %s bytes in arenas",
						   tvb_arena_held_together() > 1024 * 1024 ? "many" : "few")));
}

/* Bytes held by all arenas. */
Datum
arena_test_held(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(tvb_arena_held_together());
}

/* arena_test_misuse(kind): overwrite an arena's fence or an allocation's length; a warning follows. */
Datum
arena_test_misuse(PG_FUNCTION_ARGS)
{
	TvbArena   *arena = tvb_arena_create(CurrentMemoryContext, "arena test");
	char	   *kind = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *first = tvb_arena_alloc(arena, 13);
	char	   *second = tvb_arena_alloc(arena, 16);

	memset(first, 'x', 13);
	if (strcmp(kind, "by one") == 0)
		first[13] = 'x';
	else if (strcmp(kind, "at the last") == 0)
		second[16] = 'x';
	else if (strcmp(kind, "length") == 0)
		memset(second - LENGTH_SIZE, 'x', LENGTH_SIZE);
	tvb_arena_destroy(arena);
	PG_RETURN_VOID();
}

/* Whether what was allocated is overwritten by a reset. */
Datum
arena_test_wiped(PG_FUNCTION_ARGS)
{
	TvbArena   *arena = tvb_arena_create(CurrentMemoryContext, "arena test");
	volatile char *bytes = tvb_arena_alloc(arena, 100);
	bool		wiped;

	bytes[50] = 'x';
	tvb_arena_reset(arena);
	wiped = bytes[50] == WIPE_BYTE;
	tvb_arena_destroy(arena);
	PG_RETURN_BOOL(wiped);
}

/* Allocate pieces of random sizes, write into all of each, and read them back. */
static void
fill_batch(TvbArena *arena, uint64 seed, int largest)
{
	char	  **pieces = palloc(sizeof(char *) * BATCH);
	int		   *sizes = palloc(sizeof(int) * BATCH);
	pg_prng_state prng;

	pg_prng_seed(&prng, seed);
	for (int i = 0; i < BATCH; i++)
	{
		sizes[i] = (int) pg_prng_uint64_range(&prng, 0, largest);
		pieces[i] = tvb_arena_alloc(arena, sizes[i]);
		if (pieces[i] != (char *) MAXALIGN(pieces[i]))
			elog(ERROR, "allocation %d is not aligned", i);
		memset(pieces[i], i & 0xFF, sizes[i]);
	}
	for (int i = 0; i < BATCH; i++)
	{
		for (int j = 0; j < sizes[i]; j++)
		{
			if ((unsigned char) pieces[i][j] != (i & 0xFF))
				elog(ERROR, "allocation %d was overwritten", i);
		}
	}
	pfree(pieces);
	pfree(sizes);
}
