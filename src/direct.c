/*-------------------------------------------------------------------------
 *
 * direct.c
 *		Rows of a plain TVIEW written without SQL.
 *
 * The rows that differ are written while the query that finds them runs, as
 * an UPDATE does with the rows of its own query: they get the command id of
 * the query's snapshot, which therefore does not see them.  So nothing has to be kept
 * in between, no second statement is planned, and no row is looked for twice.
 *
 * That is for tables where it makes no difference: what a statement does
 * beyond writing its rows, and the order in which rows are written, can only
 * be seen by triggers and by unique indexes that rows may swap values of.
 * Constraints and indexes are kept up by the executor's own functions.  The guard
 * does not fire: it would let it pass.  Capture would have something to log: a TVIEW that carries it is a child of
 * another TVIEW's source.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "direct.h"

struct TvbDirect
{
	Relation	rel;
	EState	   *estate;
	ResultRelInfo *relinfo;
	TupleTableSlot *slot;
	int			ncolumns;
	AttrNumber *attnos;			/* per column of the view, the table's */
	CommandId	cid;			/* that of the query's snapshot or a later one */
	bool		checked[CMD_DELETE + 1];	/* per command that it is allowed */
};

static bool only_guarded(Relation rel);
static bool only_view_columns(Relation rel, const TvbTview *tview);
static bool only_unique(Relation rel, Oid key_index);
static bool is_guard(Oid function);
static void check(TvbDirect *direct, CmdType command, AclMode mode);
static void put_row(TvbDirect *direct, const Datum *values, const bool *nulls);
static void end_row(TvbDirect *direct);
static bool was_written(TM_Result result, Relation rel);

bool
tvb_direct_possible(const TvbTview *tview, Oid key_index)
{
	Relation	rel = table_open(tview->relid, AccessShareLock);
	bool		possible = OidIsValid(key_index) &&
	rel->rd_rel->relkind == RELKIND_RELATION && !rel->rd_rel->relispartition && rel->rd_rules == NULL &&
	only_guarded(rel) && only_view_columns(rel, tview) && only_unique(rel, key_index);

	table_close(rel, NoLock);
	return possible;
}

TvbDirect *
tvb_direct_begin(const TvbTview *tview)
{
	TvbDirect  *direct = palloc0(sizeof(TvbDirect));
	ListCell   *lc;

	direct->rel = table_open(tview->relid, RowExclusiveLock);
	direct->cid = GetCurrentCommandId(true);
	direct->estate = tvb_compat_estate_for(direct->rel);
	direct->relinfo = makeNode(ResultRelInfo);
	InitResultRelInfo(direct->relinfo, direct->rel, 1, NULL, 0);
	direct->relinfo->ri_TrigDesc = NULL;
	ExecOpenIndices(direct->relinfo, false);
	direct->slot = table_slot_create(direct->rel, NULL);
	direct->ncolumns = list_length(tview->columns);
	direct->attnos = palloc(sizeof(AttrNumber) * direct->ncolumns);
	foreach(lc, tview->columns)
		direct->attnos[foreach_current_index(lc)] = get_attnum(tview->relid, lfirst(lc));
	return direct;
}

void
tvb_direct_insert(TvbDirect *direct, const Datum *values, const bool *nulls)
{
	check(direct, CMD_INSERT, ACL_INSERT);
	put_row(direct, values, nulls);
	table_tuple_insert(direct->rel, direct->slot, direct->cid, 0, NULL);
	if (direct->relinfo->ri_NumIndices > 0)
		list_free(tvb_compat_insert_index_tuples(direct->relinfo, direct->slot, direct->estate, false,
												 TVB_COMPAT_ALL_INDEXES));
	end_row(direct);
}

bool
tvb_direct_update(TvbDirect *direct, ItemPointer tid, const Datum *values, const bool *nulls)
{
	TM_FailureData failure;
	LockTupleMode lockmode;
	tvb_compat_update_indexes indexes;
	bool		written;

	check(direct, CMD_UPDATE, ACL_UPDATE | ACL_SELECT);
	put_row(direct, values, nulls);
	written = was_written(table_tuple_update(direct->rel, tid, direct->slot, direct->cid,
											 GetActiveSnapshot(), InvalidSnapshot, true, &failure,
											 &lockmode, &indexes), direct->rel);
	if (written && direct->relinfo->ri_NumIndices > 0 && indexes != TVB_COMPAT_NO_INDEX)
		list_free(tvb_compat_insert_index_tuples(direct->relinfo, direct->slot, direct->estate, true,
												 indexes));
	end_row(direct);
	return written;
}

bool
tvb_direct_delete(TvbDirect *direct, ItemPointer tid)
{
	TM_FailureData failure;

	check(direct, CMD_DELETE, ACL_DELETE | ACL_SELECT);
	return was_written(table_tuple_delete(direct->rel, tid, direct->cid, GetActiveSnapshot(),
										  InvalidSnapshot, true, &failure, false),
					   direct->rel);
}

void
tvb_direct_end(TvbDirect *direct)
{
	ExecDropSingleTupleTableSlot(direct->slot);
	ExecCloseIndices(direct->relinfo);
	FreeExecutorState(direct->estate);
	table_close(direct->rel, NoLock);
	pfree(direct);
}

/* Whether no trigger but the guard fires when a table is written. */
static bool
only_guarded(Relation rel)
{
	if (rel->trigdesc == NULL)
		return true;
	for (int i = 0; i < rel->trigdesc->numtriggers; i++)
	{
		if (!is_guard(rel->trigdesc->triggers[i].tgfoid))
			return false;
	}
	return true;
}

/* Whether a trigger function is the guard's. */
static bool
is_guard(Oid function)
{
	Oid			namespace = get_namespace_oid("tviews_batch", true);
	char	   *name = get_func_name(function);

	return OidIsValid(namespace) && get_func_namespace(function) == namespace && name != NULL &&
		strcmp(name, "guard") == 0;
}

/* Whether a table has the view's columns and no others, and none of them has a value of its own. */
static bool
only_view_columns(Relation rel, const TvbTview *tview)
{
	TupleDesc	desc = RelationGetDescr(rel);
	int			n = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped)
			continue;
		if (att->attgenerated != '\0' || att->attidentity != '\0')
			return false;
		n++;
	}
	return n == list_length(tview->columns);
}

/* Whether no index but the key's says that rows must differ. */
static bool
only_unique(Relation rel, Oid key_index)
{
	List	   *indexes = RelationGetIndexList(rel);
	bool		only = true;
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Relation	index;

		if (lfirst_oid(lc) == key_index)
			continue;
		index = index_open(lfirst_oid(lc), AccessShareLock);
		only = only && !index->rd_index->indisunique && !index->rd_index->indisexclusion;
		index_close(index, NoLock);
	}
	list_free(indexes);
	return only;
}

/* What the server looks for before a statement writes a table. */
static void
check(TvbDirect *direct, CmdType command, AclMode mode)
{
	/* what the view runs can make it so */
	PreventCommandIfReadOnly("tviews_drain()");
	if (direct->checked[command])
		return;
	if (pg_class_aclmask(RelationGetRelid(direct->rel), GetUserId(), mode, ACLMASK_ALL) != mode)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, RelationGetRelationName(direct->rel));
	CheckCmdReplicaIdentity(direct->rel, command);
	direct->checked[command] = true;
}

/* Put a row into the slot, and look whether the table's constraints allow it. */
static void
put_row(TvbDirect *direct, const Datum *values, const bool *nulls)
{
	TupleTableSlot *slot = direct->slot;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, sizeof(bool) * slot->tts_tupleDescriptor->natts);
	for (int i = 0; i < direct->ncolumns; i++)
	{
		slot->tts_values[direct->attnos[i] - 1] = values[i];
		slot->tts_isnull[direct->attnos[i] - 1] = nulls[i];
	}
	ExecStoreVirtualTuple(slot);
	slot->tts_tableOid = RelationGetRelid(direct->rel);
	if (direct->rel->rd_att->constr)
		ExecConstraints(direct->relinfo, slot, direct->estate);
}

/* The row has been written. */
static void
end_row(TvbDirect *direct)
{
	ExecClearTuple(direct->slot);
	ResetPerTupleExprContext(direct->estate);
}

/* Whether a row was written, or had been before by this command.  Others cannot: we hold the drain lock. */
static bool
was_written(TM_Result result, Relation rel)
{
	if (result != TM_Ok && result != TM_SelfModified)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("a row of TVIEW \"%s\" was written by another session during its refresh",
						RelationGetRelationName(rel))));
	return result == TM_Ok;
}
