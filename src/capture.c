/*-------------------------------------------------------------------------
 *
 * capture.c
 *		Stage 1: statement triggers turn changed rows into changes.
 *
 * One function serves all capture triggers.  It walks the statement's OLD and
 * NEW rows side by side, skips pairs that are equal in every column a TVIEW
 * reads, and puts the distinct link values of both images of the others in the
 * queue.  It is the writer who waits for it, so a warm call reads no catalog
 * and runs no SQL, and a statement that changes one row builds no hash table.
 *
 * Which OLD row stands beside which NEW row does not matter: leaving out an
 * OLD and a NEW row that are equal takes the same element from both multisets.
 *
 * Called FOR EACH ROW, which is what logical replication needs, it logs the
 * row's own images.
 *
 * Invariant: whatever row is changed, the queue has an entry with each of its
 * images' link values, or one for all rows of the source, in the same
 * (sub)transaction.  De-duplication and comparison only save work.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "byteset.h"
#include "capture_plan.h"
#include "link.h"
#include "overflow.h"
#include "queue.h"
#include "settings.h"
#include "statement.h"

/* Distinct values kept in a list before a hash set is made. */
#define FEW_VALUES		8

/* The hash set is emptied when it would pass this: values may then be logged twice. */
#define SEEN_LIMIT		((Size) 4 * 1024 * 1024)

/* When the set has so many members and fewer than one value in SELDOM was in it, it is given up. */
#define SEEN_TRIAL		4096
#define SELDOM			8

/* What has been logged for one source by this call. */
typedef struct SourceState
{
	const TvbCaptureSource *source;
	bool		done;			/* "everything" has been logged */
	int64		nvalues;		/* distinct values logged, as far as we know */
	int64		asked;			/* values looked up in seen */
	int64		repeated;		/* of these, found */
	TvbByteset *seen;			/* NULL until there are more than a few */
	bool		gave_up;		/* values seldom repeat: look for none that do */
	int			nfew;
	StringInfoData few[FEW_VALUES]; /* copies of the first values */
} SourceState;

/* One call of the trigger. */
typedef struct Capture
{
	const TvbCapturePlan *plan;
	TvbQueueWriter *writer;		/* NULL until something is logged */
	int			open;			/* sources not done */
	StringInfoData old;			/* packed images of the current row; made when needed */
	StringInfoData new;
	Datum	   *values;			/* room for the link values of any source; made with them */
	bool	   *nulls;
	SourceState states[FLEXIBLE_ARRAY_MEMBER];
} Capture;

static void check_call(FunctionCallInfo fcinfo);
static Capture *begin_capture(const TvbCapturePlan *plan);
static void make_room(Capture *capture);
static void end_capture(Capture *capture);
static void capture_statement(Capture *capture, TriggerData *trigdata);
static bool has_images(const TriggerData *trigdata);
static bool may_lack_images(const TriggerData *trigdata);
static void walk_images(Capture *capture, TriggerData *trigdata);
static TupleTableSlot *begin_walk(Tuplestorestate *images, TupleTableSlot *slot);
static TupleTableSlot *next_image(Tuplestorestate *images, TupleTableSlot *slot);
static void capture_row(Capture *capture, TriggerData *trigdata);
static void log_change(Capture *capture, TupleTableSlot *old, TupleTableSlot *new);
static void log_for_source(Capture *capture, SourceState *state,
						   TupleTableSlot *old, TupleTableSlot *new);
static bool links_equal(const TvbCaptureSource *source, TupleTableSlot *old, TupleTableSlot *new);
static bool reads_equal(const TvbCaptureSource *source, TupleTableSlot *old, TupleTableSlot *new);
static bool values_equal(const TvbReadColumn *column, Datum a, Datum b);
static bool pack_image(Capture *capture, const TvbCaptureSource *source,
					   TupleTableSlot *slot, StringInfo buf);
static void log_value(Capture *capture, SourceState *state, const StringInfoData *value);
static bool seen_before(SourceState *state, const StringInfoData *value);
static bool add_seen(SourceState *state, const StringInfoData *value);
static bool same_bytes(const StringInfoData *a, const StringInfoData *b);
static void keep_value(SourceState *state, const StringInfoData *value);
static void log_everything(Capture *capture, SourceState *state);
static void log_all_sources(Capture *capture);
static void put_change(Capture *capture, const TvbChange *change);

PG_FUNCTION_INFO_V1(tvb_capture_trigger);

/*
 * tviews_batch.capture(): the trigger function.  The result is ignored, as for
 * any AFTER trigger.
 */
Datum
tvb_capture_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	const TvbCapturePlan *plan;
	Capture    *capture;

	check_call(fcinfo);

	plan = tvb_capture_plan(trigdata->tg_relation);
	if (plan == NULL || plan->nsources == 0)
		return PointerGetDatum(NULL);

	capture = begin_capture(plan);
	if (TRIGGER_FIRED_FOR_ROW(trigdata->tg_event))
		capture_row(capture, trigdata);
	else
		capture_statement(capture, trigdata);
	end_capture(capture);
	return PointerGetDatum(NULL);
}

/* Refuse calls that are not those of an AFTER trigger. */
static void
check_call(FunctionCallInfo fcinfo)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager",
						"tviews_batch.capture")));
	if (!TRIGGER_FIRED_AFTER(trigdata->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired AFTER the change",
						"tviews_batch.capture")));
}

/* Make the state of a call in the current context, which ends with the call. */
static Capture *
begin_capture(const TvbCapturePlan *plan)
{
	Capture    *capture = palloc(offsetof(Capture, states) +
								 plan->nsources * sizeof(SourceState));

	memset(capture, 0, offsetof(Capture, states));
	capture->plan = plan;
	capture->open = plan->nsources;
	for (int i = 0; i < plan->nsources; i++)
	{
		const TvbCaptureSource *source = &plan->sources[i];

		memset(&capture->states[i], 0, offsetof(SourceState, few));
		capture->states[i].source = source;
		if (source->skip)
		{
			capture->states[i].done = true;
			capture->open--;
		}
	}
	return capture;
}

/* Make room for packing.  A statement whose changes nobody reads needs none. */
static void
make_room(Capture *capture)
{
	int			nlink = 0;

	for (int i = 0; i < capture->plan->nsources; i++)
	{
		const TvbCaptureSource *source = &capture->plan->sources[i];

		if (!source->everything)
			nlink = Max(nlink, source->layout->natts);
	}
	capture->values = palloc(nlink * (sizeof(Datum) + sizeof(bool)));
	capture->nulls = (bool *) (capture->values + nlink);
}

/* Flush what was logged.  Memory goes with the trigger's context. */
static void
end_capture(Capture *capture)
{
	if (capture->writer == NULL || !tvb_queue_finish(capture->writer))
		return;
	for (int i = 0; i < capture->plan->nsources; i++)
	{
		if (!capture->states[i].source->skip)
			tvb_overflow_check(capture->states[i].source->source);
	}
}

/* ----------
 * Walking the changed rows
 * ----------
 */

/* Log what one statement changed. */
static void
capture_statement(Capture *capture, TriggerData *trigdata)
{
	if (has_images(trigdata) && !may_lack_images(trigdata))
		walk_images(capture, trigdata);
	else
		log_all_sources(capture);
}

/*
 * Whether the statement's images are at hand.  TRUNCATE has none, nor has a
 * trigger that was made without transition tables.
 */
static bool
has_images(const TriggerData *trigdata)
{
	TriggerEvent event = trigdata->tg_event;

	if (TRIGGER_FIRED_BY_INSERT(event))
		return trigdata->tg_newtable != NULL;
	if (TRIGGER_FIRED_BY_DELETE(event))
		return trigdata->tg_oldtable != NULL;
	if (TRIGGER_FIRED_BY_UPDATE(event))
		return trigdata->tg_oldtable != NULL && trigdata->tg_newtable != NULL;
	return false;
}

/*
 * Whether the transition tables may lack images: those of MERGE can for
 * UPDATE actions through a partitioned table (statement.c).
 */
static bool
may_lack_images(const TriggerData *trigdata)
{
	return TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event) &&
		trigdata->tg_relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE &&
		tvb_statement_may_lack_images(trigdata->tg_relation);
}

/* Walk OLD and NEW images side by side; whichever has more, alone at the end. */
static void
walk_images(Capture *capture, TriggerData *trigdata)
{
	Tuplestorestate *olds = trigdata->tg_oldtable;
	Tuplestorestate *news = trigdata->tg_newtable;
	TupleTableSlot *old_slot = olds ? begin_walk(olds, capture->plan->old) : NULL;
	TupleTableSlot *new_slot = news ? begin_walk(news, capture->plan->new) : NULL;

	while (capture->open > 0)
	{
		TupleTableSlot *old = old_slot ? next_image(olds, old_slot) : NULL;
		TupleTableSlot *new = new_slot ? next_image(news, new_slot) : NULL;

		if (old == NULL && new == NULL)
			break;
		CHECK_FOR_INTERRUPTS();
		log_change(capture, old, new);
	}

	if (old_slot != NULL)
		ExecClearTuple(old_slot);
	if (new_slot != NULL)
		ExecClearTuple(new_slot);
}

/* Go to the start of a transition table; the slot for its rows, empty. */
static TupleTableSlot *
begin_walk(Tuplestorestate *images, TupleTableSlot *slot)
{
	/*
	 * Queries of other triggers on the same statement have pointers of their
	 * own.
	 */
	tuplestore_select_read_pointer(images, 0);
	tuplestore_rescan(images);

	/* if an error ended the last walk, its row is gone: forget it, free nothing */
	slot->tts_flags = (slot->tts_flags & ~TTS_FLAG_SHOULDFREE) | TTS_FLAG_EMPTY;
	return ExecClearTuple(slot);
}

/* The next row of a transition table, in slot, or NULL at the end. */
static TupleTableSlot *
next_image(Tuplestorestate *images, TupleTableSlot *slot)
{
	return tuplestore_gettupleslot(images, true, false, slot) ? slot : NULL;
}

/* Log what a row trigger was fired for. */
static void
capture_row(Capture *capture, TriggerData *trigdata)
{
	TriggerEvent event = trigdata->tg_event;

	if (TRIGGER_FIRED_BY_INSERT(event))
		log_change(capture, NULL, trigdata->tg_trigslot);
	else if (TRIGGER_FIRED_BY_DELETE(event))
		log_change(capture, trigdata->tg_trigslot, NULL);
	else
		log_change(capture, trigdata->tg_trigslot, trigdata->tg_newslot);
}

/* ----------
 * From a changed row to link values
 * ----------
 */

/* Log a row that went (new is NULL), came (old is NULL) or changed. */
static void
log_change(Capture *capture, TupleTableSlot *old, TupleTableSlot *new)
{
	if (!tvb_capture)
	{
		log_all_sources(capture);
		return;
	}

	/* a row that came or went is compared with none */
	if (old != NULL)
		slot_getsomeattrs(old, new != NULL ? capture->plan->last : capture->plan->last_link);
	if (new != NULL)
		slot_getsomeattrs(new, old != NULL ? capture->plan->last : capture->plan->last_link);

	for (int i = 0; i < capture->plan->nsources; i++)
	{
		if (!capture->states[i].done)
			log_for_source(capture, &capture->states[i], old, new);
	}
}

/* Log a changed row as a change of one source. */
static void
log_for_source(Capture *capture, SourceState *state,
			   TupleTableSlot *old, TupleTableSlot *new)
{
	const TvbCaptureSource *source = state->source;

	if (old != NULL && new != NULL)
	{
		if (source->compare && reads_equal(source, old, new))
			return;
		if (!source->everything && links_equal(source, old, new))
			old = NULL;			/* what is logged for one is logged for both */
	}

	if (source->everything ||
		(old != NULL && !pack_image(capture, source, old, &capture->old)) ||
		(new != NULL && !pack_image(capture, source, new, &capture->new)))
	{
		log_everything(capture, state);
		return;
	}

	if (old != NULL)
		log_value(capture, state, &capture->old);
	if (new != NULL && (old == NULL || !same_bytes(&capture->old, &capture->new)))
		log_value(capture, state, &capture->new);
}

/*
 * Whether two images have the same link values, as far as that is seen without
 * following a pointer; others are compared when they have been packed.
 */
static bool
links_equal(const TvbCaptureSource *source, TupleTableSlot *old, TupleTableSlot *new)
{
	for (int i = 0; i < source->layout->natts; i++)
	{
		int			at = source->link[i].attno - 1;

		if (old->tts_isnull[at] != new->tts_isnull[at])
			return false;
		if (!old->tts_isnull[at] &&
			(!source->layout->columns[i].typbyval || old->tts_values[at] != new->tts_values[at]))
			return false;
	}
	return true;
}

/* Whether two images are equal in every column that is read. */
static bool
reads_equal(const TvbCaptureSource *source, TupleTableSlot *old, TupleTableSlot *new)
{
	for (int i = 0; i < source->nread; i++)
	{
		const TvbReadColumn *column = &source->read[i];
		int			at = column->attno - 1;

		if (old->tts_isnull[at] != new->tts_isnull[at])
			return false;
		if (!old->tts_isnull[at] &&
			!values_equal(column, old->tts_values[at], new->tts_values[at]))
			return false;
	}
	return true;
}

/*
 * Whether two values of a column have the same image.  Values that are stored
 * alike are equal without being read: an UPDATE leaves the pointer to a
 * toasted value as it is when it does not assign the column.
 */
static bool
values_equal(const TvbReadColumn *column, Datum a, Datum b)
{
	if (column->typlen == -1)
	{
		struct varlena *x = (struct varlena *) DatumGetPointer(a);
		struct varlena *y = (struct varlena *) DatumGetPointer(b);

		if (VARSIZE_ANY(x) == VARSIZE_ANY(y) && memcmp(x, y, VARSIZE_ANY(x)) == 0)
			return true;
	}
	return datum_image_eq(a, b, column->typbyval, column->typlen);
}

/* Pack the link values of an image into buf; false if one is not to be had. */
static bool
pack_image(Capture *capture, const TvbCaptureSource *source,
		   TupleTableSlot *slot, StringInfo buf)
{
	if (capture->values == NULL)
		make_room(capture);
	for (int i = 0; i < source->layout->natts; i++)
	{
		const TvbLinkSource *link = &source->link[i];

		capture->values[i] = slot->tts_values[link->attno - 1];
		capture->nulls[i] = slot->tts_isnull[link->attno - 1];
		if (capture->nulls[i] && link->null_is_unknown)
			return false;
	}
	if (!tvb_link_fits(source->layout, capture->values, capture->nulls))
		return false;
	if (buf->data == NULL)
		initStringInfo(buf);
	resetStringInfo(buf);
	tvb_link_pack(buf, source->layout, capture->values, capture->nulls);
	return true;
}

/* ----------
 * Logging
 * ----------
 */

/* Log a packed link value, unless this call has done so before. */
static void
log_value(Capture *capture, SourceState *state, const StringInfoData *value)
{
	TvbChange	change;

	if (state->done || seen_before(state, value))
		return;

	if (state->nvalues >= tvb_queue_limit)
	{
		log_everything(capture, state);
		return;
	}
	state->nvalues++;

	change.source = state->source->source;
	change.version = state->source->version;
	change.link = value->data;
	change.len = value->len;
	put_change(capture, &change);
}

/* Whether value is known to have been logged; remembers it if not. */
static bool
seen_before(SourceState *state, const StringInfoData *value)
{
	if (state->gave_up)
		return false;
	if (state->seen == NULL)
	{
		for (int i = 0; i < state->nfew; i++)
		{
			if (same_bytes(&state->few[i], value))
				return true;
		}
		if (state->nfew < FEW_VALUES)
		{
			keep_value(state, value);
			return false;
		}

		state->seen = tvb_byteset_create(CurrentMemoryContext, "tviews_batch capture values");
		for (int i = 0; i < state->nfew; i++)
			tvb_byteset_add(state->seen, state->few[i].data, state->few[i].len);
	}

	return !add_seen(state, value);
}

/* Add a value to the hash set; false if it was there.  Gives the set up where that is seldom so. */
static bool
add_seen(SourceState *state, const StringInfoData *value)
{
	if (tvb_byteset_need(state->seen, value->len) > SEEN_LIMIT)
		tvb_byteset_reset(state->seen, SEEN_LIMIT / 2);
	state->asked++;
	if (!tvb_byteset_add(state->seen, value->data, value->len))
	{
		state->repeated++;
		return false;
	}
	if (tvb_byteset_count(state->seen) == SEEN_TRIAL && state->repeated < state->asked / SELDOM)
	{
		tvb_byteset_destroy(state->seen);
		state->seen = NULL;
		state->gave_up = true;
	}
	return true;
}

/* Whether two packed values are the same. */
static bool
same_bytes(const StringInfoData *a, const StringInfoData *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* Remember one of the first values. */
static void
keep_value(SourceState *state, const StringInfoData *value)
{
	StringInfo	copy = &state->few[state->nfew++];

	copy->data = palloc(value->len);
	copy->len = value->len;
	memcpy(copy->data, value->data, value->len);
}

/* Log that any row of a source may have changed; nothing more is logged for it. */
static void
log_everything(Capture *capture, SourceState *state)
{
	TvbChange	change;

	state->done = true;
	capture->open--;

	change.source = state->source->source;
	change.version = state->source->version;
	change.link = NULL;
	change.len = 0;
	put_change(capture, &change);
}

/* The same for every source. */
static void
log_all_sources(Capture *capture)
{
	for (int i = 0; i < capture->plan->nsources; i++)
	{
		if (!capture->states[i].done)
			log_everything(capture, &capture->states[i]);
	}
}

/* Hand a change to the queue. */
static void
put_change(Capture *capture, const TvbChange *change)
{
	if (capture->writer == NULL)
		capture->writer = tvb_queue_writer();
	tvb_queue_put(capture->writer, change);
}
