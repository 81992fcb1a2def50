/*-------------------------------------------------------------------------
 *
 * refresh.c
 *		Stage 5: one TVIEW, batches of keys: compute, compare, write.
 *
 * One query per batch and NULL pattern puts the view's rows beside the stored
 * rows (evaluate.c); what differs is written at once (writes.c).  Query and
 * writes run as the TVIEW's owner.
 *
 * A batch is one attempt (attempt.c).  When it fails, the failing keys are
 * looked for in chunks whose size follows what is found: a chunk that succeeds
 * is followed by one twice as large, one that fails is taken again in quarters, down to
 * single keys.  Where failures are rare that is a bisection, where they are frequent
 * about one query a key.  The chunks are only evaluated, or written and undone
 * if evaluating alone does not fail; the good keys are then written together.
 * So a failing batch keeps few subtransactions: a transaction that keeps many
 * with writes slows down everybody's snapshots.
 *
 * Small chunks use one plan, which is kept (plans.c): planning the view for each
 * would cost far more than evaluating a key.
 *
 * What is known of failures is written in attempts as well: DDL of another session may have locked it.
 *
 * Keys that violate a unique constraint of the user's are tried again after the others,
 * and their rows deleted and inserted: another key may have had their value.
 *
 * Invariant: of a batch's keys each is written, or set aside with its error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "arena.h"
#include "attempt.h"
#include "batch.h"
#include "evaluate.h"
#include "owner.h"
#include "plans.h"
#include "quarantine.h"
#include "refresh.h"
#include "settings.h"

/* Longer messages are cut. */
#define MESSAGE_BYTES 500

/* How far an attempt goes. */
typedef enum Reach
{
	EVALUATE,					/* write nothing */
	REHEARSE,					/* write, and undo it */
	WRITE
} Reach;

/* The refresh of one TVIEW's keys. */
typedef struct Refresh
{
	TvbRun	   *run;
	TvbTview   *tview;
	TvbBatch   *batch;
	TvbWrites  *writes;
	TvbCounts  *counts;
	MemoryContext context;		/* of all that */
	MemoryContext group_context;	/* of one NULL pattern */
	MemoryContext attempt_context;	/* of one attempt */
	MemoryContext error_context;	/* of the last error */
	MemoryContext failure_context;	/* of the batch's failures */

	/* the batch: those not known to fail, in no particular order */
	TvbArena   *arena;
	TvbPacked  *keys;
	int			nkeys;
	int			capacity;
	List	   *failures;		/* TvbFailure * */
	int64		failed;

	/* the current attempt */
	const TvbPacked *chunk;
	int			nchunk;
	Reach		reach;
	TvbCounts	written;
	ErrorData  *error;			/* of the last one that failed */
	bool		write_failed;	/* it failed while writing */
} Refresh;

/* Keeps the first column of the first row as text. */
typedef struct TextReceiver
{
	DestReceiver pub;
	MemoryContext context;
	char	   *text;
} TextReceiver;

/* What the text of a failed key is made from. */
typedef struct KeyText
{
	Refresh    *r;
	const TvbPacked *key;
	char	   *text;
} KeyText;

static Refresh *refresh_begin(MemoryContext parent);
static ErrorData *copy_error(MemoryContext context, const ErrorData *error);
static int	take_batch(Refresh *r, TvbBag *bag);
static TvbVerdict refresh_batch(Refresh *r);
static TvbVerdict write_good(Refresh *r);
static TvbVerdict retry_conflicts(Refresh *r);
static TvbVerdict isolate(Refresh *r, Reach reach, bool replace);
static TvbVerdict attempt(Refresh *r, const TvbPacked *keys, int n, Reach reach, bool replace);
static void attempt_chunk(void *arg);
static void refresh_group(Refresh *r, const TvbFilter *filter, const TvbRunArgs *args);
static void query_group(Refresh *r, const TvbFilter *filter, const TvbRunArgs *args);
static TvbVerdict record_failures(Refresh *r, TvbVerdict verdict);
static void attempt_record(void *arg);
static void note_failure(Refresh *r, const TvbPacked *key);
static char *key_text(Refresh *r, const TvbPacked *key);
static void make_key_text(void *arg);
static bool is_integer(Oid type);
static char *key_names(const TvbTview *tview);
static char *query_text(TvbRun *run, const char *sql, const TvbRunArgs *args);
static void text_startup(DestReceiver *self, int operation, TupleDesc typeinfo);
static bool text_receive(TupleTableSlot *slot, DestReceiver *self);
static void text_shutdown(DestReceiver *self);

TvbVerdict
tvb_refresh_keys(TvbRun *run, MemoryContext context, TvbTview *tview, TvbBag *keys,
				 TvbWrites *writes, TvbCounts *counts, int64 *evaluated, int64 *failed,
				 ErrorData **error)
{
	Refresh    *r = refresh_begin(context);
	TvbVerdict	verdict = TVB_DONE;
	int			n;

	r->run = run;
	r->tview = tview;
	r->writes = writes;
	r->counts = counts;
	r->batch = tvb_batch_create(r->context, tview->relid, tview->refresh_key,
								tview->refresh_layout);
	tvb_bag_read(keys);
	while (verdict < TVB_BROKEN && (n = take_batch(r, keys)) > 0)
	{
		*evaluated += n;
		verdict = refresh_batch(r);
	}
	*failed += r->failed;
	if (verdict >= TVB_BROKEN)
	{
		*error = copy_error(context, r->error);
	}
	MemoryContextDelete(r->context);
	return verdict;
}

void
tvb_refresh_check_unique(TvbRun *run, const TvbTview *tview, const TvbFilter *filter,
						 const TvbRunArgs *args, TvbWrites *writes)
{
	bool		duplicates = tvb_writes_duplicates(writes) > 0;
	char	   *key;

	if (!duplicates && !tvb_writes_inserts_unchecked(writes))
		return;
	key = query_text(run, tvb_evaluate_duplicate_sql(tview, filter), args);
	if (!duplicates && key == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_CARDINALITY_VIOLATION),
			 errmsg("view %s returned more than one row for key (%s)=(%s)",
					tview->view_name, key_names(tview), key ? key : "?"),
			 errhint("Choose a key that is unique in the view, or change the view.")));
}

/* Make what every refresh needs; it goes with its context. */
static Refresh *
refresh_begin(MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "TVIEW refresh of keys",
												  ALLOCSET_DEFAULT_SIZES);
	Refresh    *r = MemoryContextAllocZero(context, sizeof(Refresh));

	r->context = context;
	r->group_context = AllocSetContextCreate(context, "TVIEW refresh", ALLOCSET_DEFAULT_SIZES);
	r->attempt_context = AllocSetContextCreate(context, "TVIEW attempt", ALLOCSET_DEFAULT_SIZES);
	r->error_context = AllocSetContextCreate(context, "TVIEW error", ALLOCSET_DEFAULT_SIZES);
	r->failure_context = AllocSetContextCreate(context, "TVIEW failures", ALLOCSET_DEFAULT_SIZES);
	r->arena = tvb_arena_create(context, "TVIEW batch");
	r->capacity = 256;
	r->keys = MemoryContextAlloc(context, sizeof(TvbPacked) * r->capacity);
	return r;
}

/* A copy of an error, without what is of use to programs only. */
static ErrorData *
copy_error(MemoryContext context, const ErrorData *error)
{
	ErrorData  *copy = MemoryContextAlloc(context, sizeof(ErrorData));

	*copy = *error;
	copy->assoc_context = context;
	copy->message = error->message ? MemoryContextStrdup(context, error->message) : NULL;
	copy->detail = error->detail ? MemoryContextStrdup(context, error->detail) : NULL;
	copy->hint = error->hint ? MemoryContextStrdup(context, error->hint) : NULL;
	copy->context = error->context ? MemoryContextStrdup(context, error->context) : NULL;
	copy->detail_log = copy->backtrace = copy->internalquery = NULL;
	copy->schema_name = copy->table_name = copy->column_name = NULL;
	copy->datatype_name = copy->constraint_name = NULL;
	return copy;
}

/* Take the next keys from a bag; returns how many. */
static int
take_batch(Refresh *r, TvbBag *bag)
{
	Size		limit = (Size) tvb_work_mem * 1024 / 16;
	const char *data;
	int			len;

	tvb_arena_reset(r->arena);
	MemoryContextReset(r->failure_context);
	r->failures = NIL;
	r->nkeys = 0;
	while (r->nkeys < tvb_batch_keys && tvb_arena_used(r->arena) <= limit &&
		   tvb_bag_next(bag, &data, &len))
	{
		char	   *copy = tvb_arena_alloc(r->arena, len);

		memcpy(copy, data, len);
		if (r->nkeys == r->capacity)
		{
			r->capacity *= 2;
			r->keys = repalloc_huge(r->keys, sizeof(TvbPacked) * r->capacity);
		}
		r->keys[r->nkeys].data = copy;
		r->keys[r->nkeys].len = len;
		r->nkeys++;
	}
	return r->nkeys;
}

/* Refresh the keys of a batch. */
static TvbVerdict
refresh_batch(Refresh *r)
{
	TvbVerdict	verdict = attempt(r, r->keys, r->nkeys, WRITE, false);

	if (verdict == TVB_FAILED && tvb_refresh_is_conflict(r->error->sqlerrcode) &&
		tvb_writes_may_replace(r->writes))
		verdict = attempt(r, r->keys, r->nkeys, WRITE, true);
	if (verdict == TVB_FAILED)
		verdict = write_good(r);
	if (verdict == TVB_DONE)
		verdict = retry_conflicts(r);
	r->failed += list_length(r->failures);
	return record_failures(r, verdict);
}

/*
 * Part the keys of a batch that failed into those that fail, and those that are
 * then written.  Each reach finds what the one before could not.
 */
static TvbVerdict
write_good(Refresh *r)
{
	for (Reach reach = r->write_failed ? REHEARSE : EVALUATE;; reach++)
	{
		TvbVerdict	verdict = isolate(r, reach, false);

		if (verdict != TVB_DONE || reach == WRITE || r->nkeys == 0)
			return verdict;
		verdict = attempt(r, r->keys, r->nkeys, WRITE, false);
		if (verdict != TVB_FAILED)
			return verdict;
	}
}

/* Try the keys again that met a value of another row: it may be gone. */
static TvbVerdict
retry_conflicts(Refresh *r)
{
	List	   *failures = NIL;
	TvbVerdict	verdict;
	ListCell   *lc;

	r->nkeys = 0;
	foreach(lc, r->failures)
	{
		TvbFailure *failure = lfirst(lc);

		if (tvb_refresh_is_conflict(failure->sqlstate))
			r->keys[r->nkeys++] = failure->key;
		else
		{
			MemoryContext old = MemoryContextSwitchTo(r->failure_context);

			failures = lappend(failures, failure);
			MemoryContextSwitchTo(old);
		}
	}
	if (r->nkeys == 0)
		return TVB_DONE;
	r->failures = failures;
	verdict = attempt(r, r->keys, r->nkeys, WRITE, tvb_writes_may_replace(r->writes));
	if (verdict == TVB_FAILED)
		verdict = isolate(r, WRITE, tvb_writes_may_replace(r->writes));
	return verdict;
}

/* Move the keys that fail from the batch to its failures. */
static TvbVerdict
isolate(Refresh *r, Reach reach, bool replace)
{
	int			size = Max(r->nkeys / 4, 1);
	int			ngood = 0;
	int			next = 0;

	while (next < r->nkeys)
	{
		int			n = Min(size, r->nkeys - next);
		TvbVerdict	verdict = attempt(r, r->keys + next, n, reach, replace);

		if (verdict >= TVB_BROKEN)
			return verdict;
		if (verdict == TVB_DONE)
		{
			memmove(r->keys + ngood, r->keys + next, sizeof(TvbPacked) * n);
			ngood += n;
			next += n;
			size = n * 2;
		}
		else if (n == 1)
			note_failure(r, &r->keys[next++]);
		else
			size = (n + 3) / 4;
	}
	r->nkeys = ngood;
	return TVB_DONE;
}

/* Evaluate some keys in a subtransaction, and write what differs if so told. */
static TvbVerdict
attempt(Refresh *r, const TvbPacked *keys, int n, Reach reach, bool replace)
{
	MemoryContext run_context = r->run->context;
	MemoryContext old;
	TvbVerdict	verdict;

	CHECK_FOR_INTERRUPTS();
	MemoryContextReset(r->error_context);
	old = MemoryContextSwitchTo(r->error_context);
	r->chunk = keys;
	r->nchunk = n;
	r->reach = reach;
	memset(&r->written, 0, sizeof(TvbCounts));
	tvb_writes_mode(r->writes, reach == EVALUATE, replace);
	/* what SPI keeps of named relations goes with the attempt */
	r->run->context = r->attempt_context;
	verdict = tvb_attempt(attempt_chunk, r, reach != REHEARSE, &r->error);
	r->run->context = run_context;

	if (verdict == TVB_DONE && reach == WRITE)
	{
		tvb_writes_tell(r->writes);
		r->counts->inserted += r->written.inserted;
		r->counts->updated += r->written.updated;
		r->counts->deleted += r->written.deleted;
	}
	else
	{
		r->write_failed = tvb_writes_failed(r->writes);
		tvb_writes_forget(r->writes);
	}
	if (verdict != TVB_DONE)
		tvb_batch_forget(r->batch);
	MemoryContextSwitchTo(old);
	MemoryContextReset(r->group_context);
	MemoryContextReset(r->attempt_context);
	return verdict;
}

/* What happens in the subtransaction. */
static void
attempt_chunk(void *arg)
{
	Refresh    *r = arg;
	MemoryContext old = MemoryContextSwitchTo(r->group_context);
	const TvbFilter *filter;
	const TvbRunArgs *args;

	tvb_batch_set(r->batch, r->chunk, r->nchunk);
	while (tvb_batch_next(r->batch, &filter, &args))
	{
		refresh_group(r, filter, args);
		MemoryContextReset(r->group_context);
	}
	/* they have succeeded: forget that they ever failed */
	if (r->reach == WRITE)
		tvb_quarantine_clear(r->tview, r->chunk, r->nchunk);
	tvb_writes_clear(r->writes);
	MemoryContextSwitchTo(old);
}

/* Refresh the keys of one NULL pattern. */
static void
refresh_group(Refresh *r, const TvbFilter *filter, const TvbRunArgs *args)
{
	TvbOwnerState owner;

	tvb_owner_enter(&owner, r->tview->owner, r->tview->settings, r->tview->row_security);
	tvb_batch_register(r->batch);
	query_group(r, filter, args);
	tvb_refresh_check_unique(r->run, r->tview, filter, args, r->writes);
	if (r->reach != EVALUATE)
	{
		tvb_writes_apply(r->writes, &r->written);
		if (tvb_writes_check_begin(r->writes))
		{
			query_group(r, filter, args);
			tvb_writes_check_end(r->writes);
		}
	}
	tvb_batch_unregister(r->batch);
	tvb_owner_leave(&owner);
}

/* Put the view's rows beside the stored ones. */
static void
query_group(Refresh *r, const TvbFilter *filter, const TvbRunArgs *args)
{
	if (!tvb_writes_probes(r->writes))
	{
		tvb_run_query(r->run, tvb_evaluate_pairs_sql(r->tview, filter), args,
					  tvb_writes_receive_pairs(r->writes));
		return;
	}
	tvb_plans_query(r->run, r->tview, tvb_evaluate_view_sql(r->tview, filter), args,
					tvb_batch_group_size(r->batch), tvb_writes_receive_view(r->writes));
	if (tvb_writes_duplicates(r->writes) == 0 &&
		tvb_writes_left_unseen(r->writes, tvb_batch_group_size(r->batch)))
		tvb_run_query_again(r->run, tvb_evaluate_stored_sql(r->tview, filter), args,
							tvb_writes_receive_stored(r->writes));
}

/* Store the failures of the batch; where that cannot be done, the TVIEW has not been refreshed. */
static TvbVerdict
record_failures(Refresh *r, TvbVerdict verdict)
{
	MemoryContext old = MemoryContextSwitchTo(r->failure_context);
	TvbVerdict	recorded = TVB_DONE;
	ErrorData  *error;

	if (r->failures != NIL)
		recorded = tvb_attempt(attempt_record, r, true, &error);
	MemoryContextSwitchTo(old);
	if (recorded == TVB_DONE || verdict >= TVB_BROKEN)
		return verdict;
	r->error = error;
	return Max(recorded, TVB_BROKEN);
}

/* The attempt at it. */
static void
attempt_record(void *arg)
{
	Refresh    *r = arg;

	tvb_quarantine_record(r->tview, r->failures);
}

/* Remember the last error as that of a key. */
static void
note_failure(Refresh *r, const TvbPacked *key)
{
	MemoryContext old = MemoryContextSwitchTo(r->failure_context);
	TvbFailure *last = r->failures == NIL ? NULL : llast(r->failures);
	TvbFailure *failure = palloc(sizeof(TvbFailure));
	const char *message = r->error->message ? r->error->message : "";
	int			len = pg_mbcliplen(message, strlen(message), MESSAGE_BYTES);

	failure->key = *key;
	failure->sqlstate = r->error->sqlerrcode;
	if (last != NULL && strlen(last->message) == len && strncmp(last->message, message, len) == 0)
		failure->message = last->message;
	else
		failure->message = pnstrdup(message, len);
	failure->text = key_text(r, key);
	r->failures = lappend(r->failures, failure);
	MemoryContextSwitchTo(old);
}

bool
tvb_refresh_is_conflict(int sqlstate)
{
	return sqlstate == ERRCODE_UNIQUE_VIOLATION || sqlstate == ERRCODE_EXCLUSION_VIOLATION;
}

/* A key as a JSON object, in the current context.  Output functions can be the user's and fail. */
static char *
key_text(Refresh *r, const TvbPacked *key)
{
	KeyText		work = {r, key, NULL};
	ErrorData  *error;

	if (tvb_attempt(make_key_text, &work, true, &error) != TVB_DONE)
		return pstrdup("{}");
	return work.text;
}

/* The attempt at it. */
static void
make_key_text(void *arg)
{
	KeyText    *work = arg;
	const TvbTview *tview = work->r->tview;
	const TvbLayout *layout = tview->refresh_layout;
	Datum	   *values = palloc(sizeof(Datum) * layout->natts);
	bool	   *nulls = palloc(sizeof(bool) * layout->natts);
	TvbOwnerState owner;
	StringInfoData buf;

	initStringInfo(&buf);
	tvb_link_unpack(layout, work->key->data, work->key->len, values, nulls);
	tvb_owner_enter(&owner, tview->owner, tview->settings, tview->row_security);
	for (int i = 0; i < layout->natts; i++)
	{
		Oid			type = layout->columns[i].type;
		Oid			output;
		bool		is_varlena;
		char	   *value;

		appendStringInfoString(&buf, i > 0 ? ", " : "{");
		escape_json(&buf, list_nth(tview->refresh_key, i));
		appendStringInfoString(&buf, ": ");
		if (nulls[i])
		{
			appendStringInfoString(&buf, "null");
			continue;
		}
		getTypeOutputInfo(type, &output, &is_varlena);
		value = OidOutputFunctionCall(output, values[i]);
		if (is_integer(type))
			appendStringInfoString(&buf, value);
		else
			escape_json(&buf, value);
	}
	tvb_owner_leave(&owner);
	appendStringInfoChar(&buf, '}');
	work->text = buf.data;
}

/* Whether a type's text is a JSON number. */
static bool
is_integer(Oid type)
{
	type = getBaseType(type);
	return type == INT2OID || type == INT4OID || type == INT8OID;
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
