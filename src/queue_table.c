/*-------------------------------------------------------------------------
 *
 * queue_table.c
 *		Stage 2: the tables that make up the queue.
 *
 * The queue is a ring of tables.  tviews_batch.queue is the first of them and
 * the parent of the others, so that its name stands for all: reading,
 * truncating or locking it does so to each.  Writers use one of them, the
 * current one; a drain takes entries from all.  queue_ring.c says why.
 *
 * The tables are written and read below the executor: no privilege is checked,
 * no trigger fires, no rule applies, and there must be no index on them.
 *
 * Only the queue*.c files name them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "compat.h"
#include "queue.h"
#include "queue_table.h"
#include "run.h"

#define QUEUE_SCHEMA	"tviews_batch"
#define CURRENT_TABLE	"queue_current"

static const char *const member_names[TVB_QUEUE_MEMBERS] =
{"queue", "queue_2", "queue_3", "queue_4"};

/* What is remembered of the tables; reset by table_invalidated. */
static Oid	member_oids[TVB_QUEUE_MEMBERS];
static Oid	current_oid = InvalidOid;
static int	current_member = -1;
static uint64 invalidations = 0;

static Oid	find_member(int member);
static Oid	find_current(void);
static void watch_tables(void);
static void table_invalidated(Datum arg, Oid relid);
static int	read_current(void);

bool
tvb_queue_exists(void)
{
	for (int i = 0; i < TVB_QUEUE_MEMBERS; i++)
	{
		if (!OidIsValid(find_member(i)))
			return false;
	}
	return true;
}

Relation
tvb_queue_open(int member, LOCKMODE lockmode)
{
	Oid			relid = find_member(member);
	Relation	rel;

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s.%s\" does not exist", QUEUE_SCHEMA, member_names[member]),
				 errhint("Install the extension pg_tviews_batch in this database.")));

	rel = table_open(relid, lockmode);
	if (rel->rd_rel->relam != HEAP_TABLE_AM_OID ||
		RelationGetNumberOfAttributes(rel) != QUEUE_NATTS)
		elog(ERROR, "relation \"%s.%s\" is not as the extension made it",
			 QUEUE_SCHEMA, member_names[member]);
	return rel;
}

void
tvb_queue_open_all(Relation members[TVB_QUEUE_MEMBERS], LOCKMODE lockmode)
{
	int			current = tvb_queue_current();

	/* locked in one order whichever is current, that of TRUNCATE */
	for (int i = 0; i < TVB_QUEUE_MEMBERS; i++)
		members[(i + TVB_QUEUE_MEMBERS - 1 - current) % TVB_QUEUE_MEMBERS] = tvb_queue_open(i, lockmode);
}

bool
tvb_queue_try_open_all(Relation members[TVB_QUEUE_MEMBERS], LOCKMODE lockmode)
{
	Oid			locked[TVB_QUEUE_MEMBERS];

	for (int i = 0; i < TVB_QUEUE_MEMBERS; i++)
	{
		locked[i] = find_member(i);
		if (OidIsValid(locked[i]) && ConditionalLockRelationOid(locked[i], lockmode))
			continue;
		while (--i >= 0)
			UnlockRelationOid(locked[i], lockmode);
		return false;
	}
	tvb_queue_open_all(members, NoLock);
	return true;
}

void
tvb_queue_close_all(Relation members[TVB_QUEUE_MEMBERS], LOCKMODE lockmode)
{
	for (int i = 0; i < TVB_QUEUE_MEMBERS; i++)
		table_close(members[i], lockmode);
}

int
tvb_queue_current(void)
{
	uint64		before;
	int			member;

	if (current_member >= 0)
		return current_member;

	watch_tables();
	before = invalidations;
	member = read_current();
	if (before == invalidations)
		current_member = member;
	return member;
}

void
tvb_queue_turn(int member)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(INT4OID, Int32GetDatum(member));

	tvb_run_own_change(&plan,
					   "INSERT INTO tviews_batch.queue_current AS c VALUES (true, $1)"
					   " ON CONFLICT (one) DO UPDATE SET member = excluded.member", &args);
	CacheInvalidateRelcacheByRelid(find_current());
}

void
tvb_queue_hold(void)
{
	Relation	members[TVB_QUEUE_MEMBERS];

	/* what a drain will take, so that it never has to ask for more */
	tvb_queue_open_all(members, RowExclusiveLock);
	tvb_queue_close_all(members, NoLock);
}

bool
tvb_queue_try_hold(void)
{
	for (int i = 0; i < TVB_QUEUE_MEMBERS; i++)
	{
		Oid			relid = find_member(i);

		if (OidIsValid(relid) && !ConditionalLockRelationOid(relid, RowExclusiveLock))
			return false;
	}
	return true;
}

void
tvb_queue_set_logged(bool logged)
{
	for (int i = 0; i < TVB_QUEUE_MEMBERS; i++)
	{
		char	   *sql = psprintf("ALTER TABLE %s.%s SET %s", QUEUE_SCHEMA, member_names[i],
								   logged ? "LOGGED" : "UNLOGGED");
		int			result = SPI_execute(sql, false, 0);

		if (result != SPI_OK_UTILITY)
			elog(ERROR, "unexpected result %s of \"%s\"", SPI_result_code_string(result), sql);
	}
}

bool
tvb_queue_owned(Oid user)
{
	return tvb_compat_owns_relation(find_member(0), user);
}

bool
tvb_queue_readable(Relation rel)
{
	return rel->rd_rel->relpersistence == RELPERSISTENCE_PERMANENT || !RecoveryInProgress();
}

TableScanDesc
tvb_queue_scan(Relation rel, Snapshot snapshot)
{
	return table_beginscan_strat(rel, snapshot, 0, NULL, true, false);
}

bool
tvb_queue_is_sentinel(TupleTableSlot *slot)
{
	bool		isnull;

	return DatumGetObjectId(slot_getattr(slot, QUEUE_SOURCE, &isnull)) == TVB_QUEUE_SENTINEL;
}

bool
tvb_queue_tuple_is_sentinel(Relation rel, HeapTuple tuple)
{
	bool		isnull;

	return DatumGetObjectId(fastgetattr(tuple, QUEUE_SOURCE, RelationGetDescr(rel), &isnull)) == TVB_QUEUE_SENTINEL;
}

bool
tvb_queue_line(Relation rel, Buffer buffer, OffsetNumber line, HeapTuple tuple)
{
	Page		page = BufferGetPage(buffer);
	ItemId		item = PageGetItemId(page, line);

	if (!ItemIdIsNormal(item))
		return false;
	tuple->t_tableOid = RelationGetRelid(rel);
	tuple->t_data = (HeapTupleHeader) PageGetItem(page, item);
	tuple->t_len = ItemIdGetLength(item);
	ItemPointerSet(&tuple->t_self, BufferGetBlockNumber(buffer), line);
	return true;
}

/* A member's OID, or InvalidOid; remembered until it may have changed. */
static Oid
find_member(int member)
{
	Oid			schema;

	if (OidIsValid(member_oids[member]))
		return member_oids[member];

	watch_tables();
	schema = get_namespace_oid(QUEUE_SCHEMA, true);
	if (OidIsValid(schema))
		member_oids[member] = get_relname_relid(member_names[member], schema);
	return member_oids[member];
}

/* The same for the table that says which member is current. */
static Oid
find_current(void)
{
	Oid			schema;

	if (OidIsValid(current_oid))
		return current_oid;

	watch_tables();
	schema = get_namespace_oid(QUEUE_SCHEMA, true);
	if (OidIsValid(schema))
		current_oid = get_relname_relid(CURRENT_TABLE, schema);
	return current_oid;
}

/* Have table_invalidated called. */
static void
watch_tables(void)
{
	static bool registered = false;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(table_invalidated, (Datum) 0);
		registered = true;
	}
}

/* Relcache callback: forget a table when it changed, or when anything may have. */
static void
table_invalidated(Datum arg, Oid relid)
{
	for (int i = 0; i < TVB_QUEUE_MEMBERS; i++)
	{
		if (relid == InvalidOid || relid == member_oids[i])
			member_oids[i] = InvalidOid;
	}
	if (relid == InvalidOid || relid == current_oid)
	{
		invalidations++;
		current_oid = InvalidOid;
		current_member = -1;
	}
}

/* What the table says; the first member if it says nothing, or nothing sensible. */
static int
read_current(void)
{
	Oid			relid = find_current();
	int			member = 0;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (!OidIsValid(relid))
		return 0;
	rel = table_open(relid, AccessShareLock);
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	tuple = systable_getnext(scan);
	if (tuple != NULL)
	{
		bool		isnull;

		member = DatumGetInt32(heap_getattr(tuple, 2, RelationGetDescr(rel), &isnull));
		if (isnull || member < 0 || member >= TVB_QUEUE_MEMBERS)
			member = 0;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return member;
}
