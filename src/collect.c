/*-------------------------------------------------------------------------
 *
 * collect.c
 *		The keys that changes touch, and the changes whose lookup fails.
 *
 * All changes of a TVIEW are traced together (keys.c), in an attempt.  When that
 * fails they are halved until the changes that fail stand alone, like the keys of a batch (refresh.c):
 * one bad value does not hold up the others.  The search is given up after a number of attempts,
 * as a lookup may fail for what it reads and not for the change; all that is left has failed
 * then.
 *
 * Invariant: each change's keys are in the bag, or it is among the failed ones.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "collect.h"
#include "keys.h"
#include "settings.h"

/* So many attempts are made to find the changes that fail. */
#define ATTEMPTS 200

/* One change. */
typedef struct Change
{
	TvbChangeSet *set;
	const char *link;
	int			len;
} Change;

/* The work on one TVIEW. */
typedef struct Collection
{
	TvbRun	   *run;
	MemoryContext context;
	TvbTview   *tview;
	TvbBag	   *keys;
	TvbCollected *collected;
	TvbChanges *changes;		/* of the current attempt */
	TvbChanges *part;			/* holds these */
	int			attempts_left;
	TvbVerdict	verdict;
} Collection;

static bool list_changes(const TvbTview *tview, TvbChanges *changes, Change **list, int *n);
static bool try_all(Collection *c, TvbChanges *changes);
static void try_some(Collection *c, const Change *list, int n);
static void attempt_collect(void *arg);
static void fail(Collection *c, const Change *list, int n);
static TvbChanges *make_changes(const Collection *c);

TvbVerdict
tvb_collect_keys(TvbRun *run, MemoryContext context, TvbTview *tview, TvbChanges *changes,
				 TvbBag *keys, TvbCollected *collected)
{
	Collection	c = {run, context, tview, keys, collected};
	MemoryContext old = MemoryContextSwitchTo(context);
	Change	   *list;
	int			n;

	memset(collected, 0, sizeof(TvbCollected));
	collected->traced = true;
	if (!try_all(&c, changes) && c.verdict != TVB_LOCKED)
	{
		bool		search = c.verdict == TVB_FAILED;

		c.verdict = TVB_DONE;
		if (search && list_changes(tview, changes, &list, &n))
		{
			c.attempts_left = ATTEMPTS;
			c.part = make_changes(&c);
			try_some(&c, list, n / 2);
			try_some(&c, list + n / 2, n - n / 2);
		}
		else
			collected->failed = changes;
	}
	MemoryContextSwitchTo(old);
	return c.verdict;
}

/* The changes of the TVIEW's sources one by one; false: they are too many for that. */
static bool
list_changes(const TvbTview *tview, TvbChanges *changes, Change **list, int *n)
{
	ListCell   *lc;
	ListCell   *lc2;

	*list = palloc_extended(sizeof(Change) * tvb_batch_keys, MCXT_ALLOC_HUGE);
	*n = 0;
	foreach(lc, tview->sources)
	{
		foreach(lc2, tvb_changes_of(changes, lfirst_oid(lc)))
		{
			TvbChangeSet *set = lfirst(lc2);
			const char *data;
			int			len;

			if (set->everything || set->links == NULL)
				return false;
			tvb_bag_read(set->links);
			while (tvb_bag_next(set->links, &data, &len))
			{
				if (*n == tvb_batch_keys)
					return false;
				(*list)[(*n)++] = (Change)
				{
					set, memcpy(palloc(Max(len, 1)), data, len), len
				};
			}
		}
	}
	return *n > 0;
}

/* Trace all; false: it failed. */
static bool
try_all(Collection *c, TvbChanges *changes)
{
	c->changes = changes;
	c->verdict = tvb_attempt(attempt_collect, c, true, &c->collected->error);
	return c->verdict == TVB_DONE;
}

/* Trace some changes, or those of them that do not fail. */
static void
try_some(Collection *c, const Change *list, int n)
{
	CHECK_FOR_INTERRUPTS();
	if (n == 0 || c->verdict == TVB_LOCKED || !c->collected->traced)
		return;
	if (c->attempts_left-- <= 0)
	{
		fail(c, list, n);
		return;
	}
	tvb_changes_reset(c->part);
	for (int i = 0; i < n; i++)
		tvb_changes_add(c->part, tvb_changes_set(c->part, list[i].set->source, list[i].set->version),
						list[i].link, list[i].len);
	if (try_all(c, c->part) || c->verdict == TVB_LOCKED)
		return;
	c->verdict = TVB_DONE;
	if (n == 1)
	{
		fail(c, list, n);
		return;
	}
	try_some(c, list, n / 2);
	try_some(c, list + n / 2, n - n / 2);
}

/* The attempt. */
static void
attempt_collect(void *arg)
{
	Collection *c = arg;

	if (!tvb_keys_collect(c->run, c->context, c->tview, c->changes, c->keys))
		c->collected->traced = false;
}

/* Some changes have failed. */
static void
fail(Collection *c, const Change *list, int n)
{
	if (c->collected->failed == NULL)
		c->collected->failed = make_changes(c);
	for (int i = 0; i < n; i++)
		tvb_changes_add(c->collected->failed,
						tvb_changes_set(c->collected->failed, list[i].set->source, list[i].set->version),
						list[i].link, list[i].len);
}

/* An empty collection. */
static TvbChanges *
make_changes(const Collection *c)
{
	return tvb_changes_create(c->context, (Size) tvb_work_mem * 1024 / 16);
}
