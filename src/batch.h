/* batch.h - a bounded number of packed keys, as parameters and as a named relation */
#ifndef TVB_BATCH_H
#define TVB_BATCH_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "bag.h"
#include "evaluate.h"
#include "link.h"
#include "run.h"

typedef struct TvbBatch TvbBatch;

/* A packed key. */
typedef struct TvbPacked
{
	const char *data;
	int			len;
} TvbPacked;

/* Make an empty batch of keys that are values of the given columns of a table. */
extern TvbBatch *tvb_batch_create(MemoryContext parent, Oid relid, List *columns,
								  const TvbLayout *layout);

/*
 * Take the next keys from a bag that is being read: at most
 * tviews_batch.batch_keys and as many as memory allows.  Returns how many; 0: the bag is read.
 */
extern int	tvb_batch_fill(TvbBatch *batch, TvbBag *bag);

/* Take these keys instead. */
extern void tvb_batch_set(TvbBatch *batch, const TvbPacked *keys, int n);

/*
 * Go to the next group of keys with NULL in the same columns; false: there is none.
 * filter and args describe it until the next call of next or fill.
 */
extern bool tvb_batch_next(TvbBatch *batch, const TvbFilter **filter, const TvbRunArgs **args);

/* How many keys the group has. */
extern int	tvb_batch_group_size(const TvbBatch *batch);

/* Make the group's keys known to queries with its args as TVB_EVALUATE_KEYS, if its filter needs that. */
extern void tvb_batch_register(TvbBatch *batch);
extern void tvb_batch_unregister(TvbBatch *batch);

/* Forget what was registered in a subtransaction that has failed. */
extern void tvb_batch_forget(TvbBatch *batch);

extern void tvb_batch_destroy(TvbBatch *batch);

#endif
