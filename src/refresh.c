/*-------------------------------------------------------------------------
 *
 * refresh.c
 *		Stage 5: one TVIEW, batches of keys: compute, compare, write.
 *
 * One query per batch and NULL pattern puts the view's rows beside the stored
 * rows (evaluate.c); what differs is written at once (writes.c).  Query and
 * writes run as the TVIEW's owner.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "batch.h"
#include "evaluate.h"
#include "owner.h"
#include "refresh.h"

/* Keeps the first column of the first row as text. */
typedef struct TextReceiver
{
	DestReceiver pub;
	MemoryContext context;
	char	   *text;
} TextReceiver;

static void refresh_group(TvbRun *run, TvbTview *tview, TvbBatch *batch,
						  const TvbFilter *filter, const TvbRunArgs *args,
						  TvbWrites *writes, TvbCounts *counts);
static char *key_names(const TvbTview *tview);
static char *query_text(TvbRun *run, const char *sql, const TvbRunArgs *args);
static void text_startup(DestReceiver *self, int operation, TupleDesc typeinfo);
static bool text_receive(TupleTableSlot *slot, DestReceiver *self);
static void text_shutdown(DestReceiver *self);

int64
tvb_refresh_keys(TvbRun *run, MemoryContext context, TvbTview *tview,
				 TvbBag *keys, TvbWrites *writes, TvbCounts *counts)
{
	TvbBatch   *batch = tvb_batch_create(context, tview->relid, tview->refresh_key,
										 tview->refresh_layout);
	MemoryContext group_context = AllocSetContextCreate(context, "TVIEW refresh",
														ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(group_context);
	const TvbFilter *filter;
	const TvbRunArgs *args;
	int64		total = 0;
	int			n;

	tvb_bag_read(keys);
	while ((n = tvb_batch_fill(batch, keys)) > 0)
	{
		total += n;
		while (tvb_batch_next(batch, &filter, &args))
		{
			refresh_group(run, tview, batch, filter, args, writes, counts);
			MemoryContextReset(group_context);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(group_context);
	tvb_batch_destroy(batch);
	return total;
}

void
tvb_refresh_duplicate(TvbRun *run, const TvbTview *tview,
					  const TvbFilter *filter, const TvbRunArgs *args)
{
	char	   *key = query_text(run, tvb_evaluate_duplicate_sql(tview, filter), args);

	ereport(ERROR,
			(errcode(ERRCODE_CARDINALITY_VIOLATION),
			 errmsg("view %s returned more than one row for key (%s)=(%s)",
					tview->view_name, key_names(tview), key ? key : "?"),
			 errhint("Choose a key that is unique in the view, or change the view.")));
}

/* Refresh the keys of one NULL pattern of a batch. */
static void
refresh_group(TvbRun *run, TvbTview *tview, TvbBatch *batch, const TvbFilter *filter,
			  const TvbRunArgs *args, TvbWrites *writes, TvbCounts *counts)
{
	TvbOwnerState owner;

	tvb_owner_enter(&owner, tview->owner, tview->settings, tview->row_security);
	tvb_batch_register(batch, run);
	tvb_run_query(run, tvb_evaluate_sql(tview, filter), args, tvb_writes_receiver(writes));
	if (tvb_writes_duplicates(writes) > 0)
		tvb_refresh_duplicate(run, tview, filter, args);
	tvb_batch_unregister(batch, run);
	tvb_writes_apply(writes, counts);
	tvb_owner_leave(&owner);
}

/* The key's columns as they appear in messages. */
static char *
key_names(const TvbTview *tview)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, tview->key)
		appendStringInfo(&buf, "%s%s", foreach_current_index(lc) > 0 ? ", " : "",
						 (char *) lfirst(lc));
	return buf.data;
}

/* The one text a query yields; NULL: no row. */
static char *
query_text(TvbRun *run, const char *sql, const TvbRunArgs *args)
{
	TextReceiver receiver = {{text_receive, text_startup, text_shutdown, text_shutdown, DestTuplestore}};

	receiver.context = CurrentMemoryContext;
	tvb_run_query(run, sql, args, &receiver.pub);
	return receiver.text;
}

/* Nothing to be done. */
static void
text_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

/* Copy the value. */
static bool
text_receive(TupleTableSlot *slot, DestReceiver *self)
{
	TextReceiver *receiver = (TextReceiver *) self;
	bool		isnull;
	Datum		value = slot_getattr(slot, 1, &isnull);

	if (!isnull && receiver->text == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(receiver->context);

		receiver->text = TextDatumGetCString(value);
		MemoryContextSwitchTo(old);
	}
	return true;
}

/* Nothing to be done. */
static void
text_shutdown(DestReceiver *self)
{
}
