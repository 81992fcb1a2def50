/*-------------------------------------------------------------------------
 *
 * stage.c
 *		Differences kept until the query that found them has ended, then written by SQL.
 *
 * For TVIEWs whose triggers or unique indexes would notice in what order and by what rows are
 * written (direct.c is for the others).  Differences wait in three tuplestores, which spill to
 * disk, and are written by three statements, in this order:
 *
 *	DELETE FROM ONLY tv AS t USING tviews_deletes AS d WHERE t.ctid = d.tid
 *	UPDATE ONLY tv AS t SET pk = u.c1, doc = u.c2 FROM tviews_updates AS u WHERE t.ctid = u.tid
 *	INSERT INTO tv (pk, doc) SELECT i.c1, i.c2 FROM tviews_inserts AS i
 *
 * so that a row may take over a unique value from one that goes.  A ctid stays
 * valid in between: everybody who writes a TVIEW holds the drain lock, and
 * moving rows needs a stronger lock than ours allows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "guard.h"
#include "settings.h"
#include "stage.h"

/* Rows of one kind of write. */
typedef struct Store
{
	TupleDesc	desc;
	Tuplestorestate *rows;		/* NULL while there are none */
	int64		count;
} Store;

struct TvbStage
{
	MemoryContext context;		/* of the stores */
	TvbRun	   *run;
	const TvbTview *tview;
	int			ncolumns;
	Store		deletes;
	Store		updates;
	Store		inserts;
	Datum	   *values;			/* scratch: tid and all columns */
	bool	   *nulls;
};

static void keep(TvbStage *stage, Store *store, const Datum *values, const bool *nulls);
static void clear_store(Store *store);
static bool write_store(TvbStage *stage, Store *store, const char *name, const char *sql);
static char *delete_sql(const TvbTview *tview);
static char *update_sql(const TvbTview *tview);
static char *insert_sql(const TvbTview *tview);

TvbStage *
tvb_stage_create(TvbRun *run, const TvbTview *tview)
{
	TvbStage   *stage = palloc0(sizeof(TvbStage));

	stage->context = AllocSetContextCreate(CurrentMemoryContext, "TVIEW rows", ALLOCSET_DEFAULT_SIZES);
	stage->run = run;
	stage->tview = tview;
	stage->ncolumns = list_length(tview->columns);
	stage->values = palloc(sizeof(Datum) * (stage->ncolumns + 1));
	stage->nulls = palloc(sizeof(bool) * (stage->ncolumns + 1));
	return stage;
}

void
tvb_stage_describe(TvbStage *stage, TupleDesc desc)
{
	MemoryContext old = MemoryContextSwitchTo(stage->context);
	TupleDesc	updates = CreateTemplateTupleDesc(stage->ncolumns + 1);

	stage->deletes.desc = CreateTemplateTupleDesc(1);
	TupleDescInitEntry(stage->deletes.desc, 1, "tid", TIDOID, -1, 0);
	TupleDescInitEntry(updates, 1, "tid", TIDOID, -1, 0);
	for (int i = 1; i <= stage->ncolumns; i++)
		TupleDescCopyEntry(updates, i + 1, desc, i);
	stage->updates.desc = updates;
	stage->inserts.desc = CreateTupleDescCopy(desc);
	MemoryContextSwitchTo(old);
}

void
tvb_stage_insert(TvbStage *stage, const Datum *values, const bool *nulls)
{
	keep(stage, &stage->inserts, values, nulls);
}

void
tvb_stage_update(TvbStage *stage, ItemPointer tid, const Datum *values, const bool *nulls)
{
	stage->values[0] = PointerGetDatum(tid);
	stage->nulls[0] = false;
	memcpy(stage->values + 1, values, sizeof(Datum) * stage->ncolumns);
	memcpy(stage->nulls + 1, nulls, sizeof(bool) * stage->ncolumns);
	keep(stage, &stage->updates, stage->values, stage->nulls);
}

void
tvb_stage_delete(TvbStage *stage, ItemPointer tid)
{
	Datum		value = PointerGetDatum(tid);
	bool		isnull = false;

	keep(stage, &stage->deletes, &value, &isnull);
}

bool
tvb_stage_write(TvbStage *stage)
{
	return write_store(stage, &stage->deletes, "tviews_deletes", delete_sql(stage->tview)) &&
		write_store(stage, &stage->updates, "tviews_updates", update_sql(stage->tview)) &&
		write_store(stage, &stage->inserts, "tviews_inserts", insert_sql(stage->tview));
}

void
tvb_stage_clear(TvbStage *stage)
{
	clear_store(&stage->deletes);
	clear_store(&stage->updates);
	clear_store(&stage->inserts);
	MemoryContextReset(stage->context);
}

void
tvb_stage_forget_files(TvbStage *stage)
{
	stage->deletes.rows = stage->updates.rows = stage->inserts.rows = NULL;
}

/* Add a row to a store. */
static void
keep(TvbStage *stage, Store *store, const Datum *values, const bool *nulls)
{
	store->count++;
	if (store->rows == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(stage->context);

		store->rows = tuplestore_begin_heap(false, false, Max(tvb_work_mem / 8, 64));
		MemoryContextSwitchTo(old);
	}
	tuplestore_putvalues(store->rows, store->desc, unconstify(Datum *, values), unconstify(bool *, nulls));
}

/* Forget the rows of one store; its description goes with the stores' context. */
static void
clear_store(Store *store)
{
	if (store->rows != NULL)
		tuplestore_end(store->rows);
	memset(store, 0, sizeof(Store));
}

/* Write the rows of one store; false: some have not been written. */
static bool
write_store(TvbStage *stage, Store *store, const char *name, const char *sql)
{
	EphemeralNamedRelationData relation;
	uint64		written;

	if (store->rows == NULL)
		return true;
	tvb_run_describe(&relation, name, store->desc, store->rows);
	tvb_guard_enter(stage->tview->relid);
	written = tvb_run_write(stage->run, sql, &relation);
	tvb_guard_leave();
	if (written != store->count)
		return false;
	tuplestore_end(store->rows);
	store->rows = NULL;
	return true;
}

/* The text of the statement that deletes, in the current context. */
static char *
delete_sql(const TvbTview *tview)
{
	return psprintf("DELETE FROM ONLY %s AS t USING tviews_deletes AS d"
					" WHERE t.ctid OPERATOR(pg_catalog.=) d.tid", tview->name);
}

/* ... that updates: all columns, as a changed row is written whole anyway. */
static char *
update_sql(const TvbTview *tview)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE ONLY %s AS t SET ", tview->name);
	foreach(lc, tview->columns)
		appendStringInfo(&sql, "%s%s = u.c%d", foreach_current_index(lc) > 0 ? ", " : "",
						 quote_identifier(lfirst(lc)), foreach_current_index(lc) + 1);
	appendStringInfoString(&sql, " FROM tviews_updates AS u"
						   " WHERE t.ctid OPERATOR(pg_catalog.=) u.tid");
	return sql.data;
}

/* ... that inserts. */
static char *
insert_sql(const TvbTview *tview)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s (", tview->name);
	foreach(lc, tview->columns)
		appendStringInfo(&sql, "%s%s", foreach_current_index(lc) > 0 ? ", " : "",
						 quote_identifier(lfirst(lc)));
	appendStringInfoString(&sql, ") SELECT ");
	for (int i = 1; i <= list_length(tview->columns); i++)
		appendStringInfo(&sql, "%si.c%d", i > 1 ? ", " : "", i);
	appendStringInfoString(&sql, " FROM tviews_inserts AS i");
	return sql.data;
}
