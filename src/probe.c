/*-------------------------------------------------------------------------
 *
 * probe.c
 *		Stage 5: the stored row with a key, by the TVIEW's own index.
 *
 * A query for keys yields rows of the view; the stored row beside each is
 * looked up here, below SQL.  Joining them in the query would cost a plan twice as large, and
 * a copy of every stored row into a hash table.
 *
 * Only an index for which "found" means the same as the join would is used:
 * unique and checked at once, on exactly the key's columns, with the equality of their types'
 * default btree operator class and their own collation, and one NULL equal to another
 * if the key can be NULL.  That is the index that tviews_create makes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am.h"
#include "executor/tuptable.h"
#include "nodes/bitmapset.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "compat.h"
#include "probe.h"

struct TvbProbe
{
	MemoryContext context;		/* of what the scan keeps */
	Relation	rel;
	Relation	index;
	IndexScanDesc scan;
	ScanKey		keys;
	TupleTableSlot *slot;
	int		   *key_columns;	/* per column of the index, its position in
								 * the view */
	int			ncolumns;
	AttrNumber *attnos;			/* per column of the view, the table's */
	TvbStoredRow row;
};

static bool is_key_index(Relation rel, Relation index, const TvbTview *tview);
static bool is_default_equality(Relation rel, Relation index, int i);
static void init_key(TvbProbe *probe, int i);
static int	position_of(const TvbTview *tview, Relation rel, AttrNumber attno);

Oid
tvb_probe_index(const TvbTview *tview)
{
	Relation	rel = table_open(tview->relid, AccessShareLock);
	Oid			found = InvalidOid;
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		if (!OidIsValid(found) && is_key_index(rel, index, tview))
			found = lfirst_oid(lc);
		index_close(index, NoLock);
	}
	list_free(indexes);
	table_close(rel, NoLock);
	return found;
}

TvbProbe *
tvb_probe_begin(const TvbTview *tview, Oid index, Snapshot snapshot)
{
	TvbProbe   *probe = palloc0(sizeof(TvbProbe));
	int			nkeys;
	ListCell   *lc;

	probe->context = CurrentMemoryContext;
	probe->rel = table_open(tview->relid, AccessShareLock);
	probe->index = index_open(index, AccessShareLock);
	probe->slot = table_slot_create(probe->rel, NULL);
	nkeys = IndexRelationGetNumberOfKeyAttributes(probe->index);
	probe->keys = palloc0(sizeof(ScanKeyData) * nkeys);
	probe->key_columns = palloc(sizeof(int) * nkeys);
	for (int i = 0; i < nkeys; i++)
	{
		init_key(probe, i);
		probe->key_columns[i] = position_of(tview, probe->rel, probe->index->rd_index->indkey.values[i]);
	}
	probe->ncolumns = list_length(tview->columns);
	probe->attnos = palloc(sizeof(AttrNumber) * probe->ncolumns);
	probe->row.values = palloc(sizeof(Datum) * probe->ncolumns);
	probe->row.nulls = palloc(sizeof(bool) * probe->ncolumns);
	foreach(lc, tview->columns)
		probe->attnos[foreach_current_index(lc)] = get_attnum(tview->relid, lfirst(lc));
	probe->scan = tvb_compat_index_beginscan(probe->rel, probe->index, snapshot, nkeys);
	return probe;
}

TvbStoredRow *
tvb_probe_find(TvbProbe *probe, const Datum *values, const bool *nulls)
{
	int			nkeys = IndexRelationGetNumberOfKeyAttributes(probe->index);
	MemoryContext old;
	bool		found;

	for (int i = 0; i < nkeys; i++)
	{
		int			column = probe->key_columns[i];

		probe->keys[i].sk_argument = values[column];
		probe->keys[i].sk_flags = nulls[column] ? SK_ISNULL | SK_SEARCHNULL : 0;
	}
	old = MemoryContextSwitchTo(probe->context);
	index_rescan(probe->scan, probe->keys, nkeys, NULL, 0);
	found = index_getnext_slot(probe->scan, ForwardScanDirection, probe->slot);
	MemoryContextSwitchTo(old);
	if (!found)
		return NULL;
	slot_getallattrs(probe->slot);
	probe->row.tid = probe->slot->tts_tid;
	for (int i = 0; i < probe->ncolumns; i++)
	{
		probe->row.values[i] = probe->slot->tts_values[probe->attnos[i] - 1];
		probe->row.nulls[i] = probe->slot->tts_isnull[probe->attnos[i] - 1];
	}
	return &probe->row;
}

void
tvb_probe_end(TvbProbe *probe)
{
	index_endscan(probe->scan);
	ExecDropSingleTupleTableSlot(probe->slot);
	index_close(probe->index, NoLock);
	table_close(probe->rel, NoLock);
	pfree(probe);
}

/* Whether an index finds the row that a join on the key would. */
static bool
is_key_index(Relation rel, Relation index, const TvbTview *tview)
{
	Form_pg_index form = index->rd_index;
	Bitmapset  *columns = NULL;

	if (index->rd_rel->relam != BTREE_AM_OID || !form->indisunique || !form->indimmediate ||
		!form->indisvalid || !form->indisready || form->indnkeyatts != list_length(tview->key) ||
		!heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
		return false;
	for (int i = 0; i < form->indnkeyatts; i++)
	{
		AttrNumber	attno = form->indkey.values[i];
		int			position = attno > 0 ? position_of(tview, rel, attno) : -1;

		if (position < 0 || !is_default_equality(rel, index, i) ||
			(!form->indnullsnotdistinct && !TupleDescAttr(RelationGetDescr(rel), attno - 1)->attnotnull))
			return false;
		columns = bms_add_member(columns, position);
	}
	for (int i = 0; i < list_length(tview->key); i++)
	{
		AttrNumber	attno = get_attnum(tview->relid, list_nth(tview->key, i));
		int			position = position_of(tview, rel, attno);

		if (position < 0 || !bms_is_member(position, columns))
			return false;
	}
	return true;
}

/* Whether an index's column has its type's default equality and the column's collation. */
static bool
is_default_equality(Relation rel, Relation index, int i)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), index->rd_index->indkey.values[i] - 1);
	TypeCacheEntry *type = lookup_type_cache(getBaseType(att->atttypid), TYPECACHE_BTREE_OPFAMILY);

	return index->rd_opfamily[i] == type->btree_opf && index->rd_opcintype[i] == type->btree_opintype &&
		index->rd_indcollation[i] == att->attcollation;
}

/* The condition on one column of the index, without its value. */
static void
init_key(TvbProbe *probe, int i)
{
	Oid			type = probe->index->rd_opcintype[i];
	Oid			operator = get_opfamily_member(probe->index->rd_opfamily[i], type, type,
											   BTEqualStrategyNumber);

	if (!OidIsValid(operator))
		elog(ERROR, "no equality operator for column %d of index %u", i + 1,
			 RelationGetRelid(probe->index));
	ScanKeyInit(&probe->keys[i], i + 1, BTEqualStrategyNumber, get_opcode(operator), (Datum) 0);
	probe->keys[i].sk_collation = probe->index->rd_indcollation[i];
}

/* Position of a table's column in the view, from 0; -1: it is none of the view's. */
static int
position_of(const TvbTview *tview, Relation rel, AttrNumber attno)
{
	const char *name;
	ListCell   *lc;

	if (attno <= 0)
		return -1;
	name = NameStr(TupleDescAttr(RelationGetDescr(rel), attno - 1)->attname);
	foreach(lc, tview->columns)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return foreach_current_index(lc);
	}
	return -1;
}
