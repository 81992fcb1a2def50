/*-------------------------------------------------------------------------
 *
 * byteset.c
 *		A hash set of byte strings.
 *
 * The hash table holds the hash and a pointer for each member; the bytes stand
 * in an arena.  The set itself knows no limit: its users ask what the next
 * member may cost (tvb_byteset_need) and decide.
 *
 * Each set salts its hashes.  Otherwise filling one set from a walk over
 * another, which goes in hash order, would crowd the one being filled.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "arena.h"
#include "byteset.h"

#define INITIAL_MEMBERS 64

/* A member's bytes. */
typedef struct Bytes
{
	int			len;
	char		data[FLEXIBLE_ARRAY_MEMBER];
} Bytes;

/* What a look-up asks for. */
typedef struct Wanted
{
	const char *data;
	int			len;
} Wanted;

typedef struct Slot
{
	Bytes	   *bytes;
	uint32		hash;
	char		status;
} Slot;

static inline bool slot_equal(const Bytes *bytes, const Wanted *wanted);

/*
 * The table is only ever asked by insert_hash: the hash is at hand, and what is
 * looked for stands in private_data, not in the key argument.
 */
#define SH_PREFIX			byteset
#define SH_ELEMENT_TYPE		Slot
#define SH_KEY_TYPE			Bytes *
#define SH_KEY				bytes
#define SH_HASH_KEY(tb, key)	(pg_unreachable(), 0)
#define SH_EQUAL(tb, a, b)	slot_equal(a, (const Wanted *) (tb)->private_data)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a)	((a)->hash)
#define SH_FILLFACTOR		(0.75)	/* seldom grows before it is that full */
#define SH_SCOPE			static inline
#define SH_DECLARE
#define SH_DEFINE
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"	/* the server's header does it */
#include "lib/simplehash.h"
#pragma GCC diagnostic pop

struct TvbByteset
{
	MemoryContext context;
	TvbArena   *arena;
	byteset_hash *table;
	uint32		salt;
	Wanted		wanted;			/* the table's private data */
};

static uint32 sets_made = 0;

TvbByteset *
tvb_byteset_create(MemoryContext parent, const char *name)
{
	MemoryContext context = AllocSetContextCreateInternal(parent, name,
														  ALLOCSET_SMALL_SIZES);
	TvbByteset *set = MemoryContextAllocZero(context, sizeof(TvbByteset));

	set->context = context;
	set->arena = tvb_arena_create(context, name);
	set->salt = ++sets_made;
	set->table = byteset_create(context, INITIAL_MEMBERS, &set->wanted);
	return set;
}

bool
tvb_byteset_add(TvbByteset *set, const char *data, int len)
{
	uint32		hash = hash_bytes((const unsigned char *) data, len);
	Slot	   *slot;
	bool		found;

	hash = murmurhash32(hash ^ murmurhash32(set->salt));
	set->wanted.data = data;
	set->wanted.len = len;
	slot = byteset_insert_hash(set->table, NULL, hash, &found);
	if (found)
		return false;

	slot->bytes = tvb_arena_alloc(set->arena, offsetof(Bytes, data) + len);
	slot->bytes->len = len;
	memcpy(slot->bytes->data, data, len);
	return true;
}

int64
tvb_byteset_count(const TvbByteset *set)
{
	return set->table->members;
}

/* An upper bound: the bytes may have been added before. */
Size
tvb_byteset_need(const TvbByteset *set, int len)
{
	Size		table = set->table->size * sizeof(Slot);

	/* While it grows, the old table stands beside one of twice its size. */
	if (set->table->members >= set->table->grow_threshold)
		table *= 3;
	return table + tvb_arena_used(set->arena) + MAXALIGN(offsetof(Bytes, data) + len);
}

bool
tvb_byteset_next(const TvbByteset *set, TvbBytesetPosition * position,
				 const char **data, int *len)
{
	while (*position < set->table->size)
	{
		Slot	   *slot = &set->table->data[(*position)++];

		if (slot->status == byteset_SH_IN_USE)
		{
			*data = slot->bytes->data;
			*len = slot->bytes->len;
			return true;
		}
	}
	return false;
}

void
tvb_byteset_reset(TvbByteset *set, Size keep)
{
	if (set->table->size * sizeof(Slot) > keep)
	{
		byteset_destroy(set->table);
		set->table = byteset_create(set->context, INITIAL_MEMBERS, &set->wanted);
	}
	else
		byteset_reset(set->table);
	tvb_arena_reset(set->arena);
}

void
tvb_byteset_destroy(TvbByteset *set)
{
	MemoryContextDelete(set->context);
}

/* Whether a member of the same hash is the one that is looked for. */
static inline bool
slot_equal(const Bytes *bytes, const Wanted *wanted)
{
	return bytes->len == wanted->len &&
		memcmp(bytes->data, wanted->data, wanted->len) == 0;
}
