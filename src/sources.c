/*-------------------------------------------------------------------------
 *
 * sources.c
 *		Definition: what is captured of each source, and where.
 *
 * Invariant: for every source that a route names, tviews_batch.source has the
 * union of what the routes need, and every relation through which its rows
 * can be changed - itself, its descendants, the ancestors of all these - carries
 * statement triggers and is listed in tviews_batch.captured.  A TVIEW that is a
 * source carries none for itself: only drains write it, and they pass changes on in
 * memory.  Children that somebody gave it do, and so does a TVIEW that was made a child of another source.
 *
 * Logical replication writes tables below the executor and fires row triggers only.
 * So a captured table in a subscription carries one more, per row and enabled for
 * replication alone.  It stays when the subscription goes: dropping it would wait for
 * readers, and it costs nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_subscription_rel.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "compat.h"
#include "owner.h"
#include "queue.h"
#include "registry.h"
#include "run.h"
#include "sources.h"

/*
 * A command of ours that runs, inside of others: such may have event triggers of the user run further commands, and these have us
 * run more.  It lives in a context of its own.
 */
typedef struct OwnCommand
{
	Node	   *tree;
	int			level;			/* of (sub)transactions, where it began */
	struct OwnCommand *outer;
} OwnCommand;

static OwnCommand *own_command = NULL;	/* the innermost */

static const char *const trigger_events[] = {"insert", "update", "delete", "truncate"};
static const int16 trigger_types[] = {TRIGGER_TYPE_INSERT, TRIGGER_TYPE_UPDATE, TRIGGER_TYPE_DELETE,
TRIGGER_TYPE_TRUNCATE};

/* ---------- our own DDL ---------- */

/* Transaction callback: an error may have ended our commands. */
static void
ddl_xact_callback(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT)
		own_command = NULL;
}

/* Subtransaction callback: the same of those that began in it or in one inside. */
static void
ddl_subxact_callback(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	while (own_command != NULL && own_command->level >= GetCurrentTransactionNestLevel())
		own_command = own_command->outer;
}

bool
tvb_sources_in_ddl(void)
{
	return own_command != NULL;
}

bool
tvb_sources_is_own_ddl(Node *tree)
{
	return own_command != NULL && equal(own_command->tree, tree);
}

void
tvb_sources_ddl(const char *command)
{
	static bool registered = false;
	MemoryContext context = AllocSetContextCreate(TopTransactionContext, "tviews_batch command", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	OwnCommand *own = palloc(sizeof(OwnCommand));
	int			result;

	if (!registered)
	{
		RegisterXactCallback(ddl_xact_callback, NULL);
		RegisterSubXactCallback(ddl_subxact_callback, NULL);
		registered = true;
	}
	own->tree = linitial_node(RawStmt, raw_parser(command, RAW_PARSE_DEFAULT))->stmt;
	own->level = GetCurrentTransactionNestLevel();
	own->outer = own_command;
	MemoryContextSwitchTo(caller);
	own_command = own;
	result = SPI_execute(command, false, 0);
	own_command = own->outer;
	MemoryContextDelete(context);
	if (result < 0)
		elog(ERROR, "could not run \"%s\": %s", command, SPI_result_code_string(result));
}

/* Run a query of ours whose first parameters are oids; rows are left in SPI_tuptable. */
static uint64
query(const char *command, int nargs, Oid a, Oid b)
{
	Oid			types[2] = {OIDOID, OIDOID};
	Datum		values[2] = {ObjectIdGetDatum(a), ObjectIdGetDatum(b)};
	int			result = SPI_execute_with_args(command, nargs, types, values, NULL, false, 0);

	if (result < 0)
		elog(ERROR, "could not run \"%s\": %s", command, SPI_result_code_string(result));
	return SPI_processed;
}

/* ---------- families ---------- */

/* A relation to be locked. */
typedef struct Member
{
	Oid			relid;
	int			nancestors;		/* a child has more than each of its parents */
} Member;

/* Append the ancestors of a relation. */
static List *
ancestors(Oid relid, List *found)
{
	Relation	inherits = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *parents = NIL;
	ListCell   *lc;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		parents = lappend_oid(parents, ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent);
	systable_endscan(scan);
	table_close(inherits, AccessShareLock);
	foreach(lc, parents)
	{
		if (!list_member_oid(found, lfirst_oid(lc)))
			found = ancestors(lfirst_oid(lc), lappend_oid(found, lfirst_oid(lc)));
	}
	return found;
}

/* A partition has no parent but the one that it was found through. */
List *
tvb_sources_family(Oid relid)
{
	List	   *members = find_all_inheritors(relid, NoLock, NULL);
	List	   *family = list_copy(members);
	ListCell   *lc;

	foreach(lc, members)
	{
		if (lfirst_oid(lc) == relid || !get_rel_relispartition(lfirst_oid(lc)))
			family = ancestors(lfirst_oid(lc), family);
	}
	return family;
}

/* Order of locks: parents come before their children, as who writes through one locks them; else by oid. */
static int
compare_members(const ListCell *a, const ListCell *b)
{
	const Member *left = lfirst(a);
	const Member *right = lfirst(b);

	if (left->nancestors != right->nancestors)
		return left->nancestors - right->nancestors;
	return left->relid < right->relid ? -1 : left->relid > right->relid ? 1 : 0;
}

/* Relations in the order in which they are to be locked. */
static List *
in_order(List *relids)
{
	List	   *members = NIL;
	List	   *ordered = NIL;
	ListCell   *lc;

	foreach(lc, relids)
	{
		Member	   *member = palloc(sizeof(Member));

		member->relid = lfirst_oid(lc);
		member->nancestors = list_length(ancestors(member->relid, NIL));
		members = lappend(members, member);
	}
	list_sort(members, compare_members);
	foreach(lc, members)
		ordered = lappend_oid(ordered, ((Member *) lfirst(lc))->relid);
	return ordered;
}

void
tvb_sources_lock(List *relids)
{
	List	   *all = NIL;
	ListCell   *lc;

	foreach(lc, relids)
		all = list_concat_unique_oid(all, tvb_sources_family(lfirst_oid(lc)));
	foreach(lc, in_order(all))
		LockRelationOid(lfirst_oid(lc), ShareRowExclusiveLock);
}

/* ---------- triggers ---------- */

/* The function of triggers of ours: "capture" or "guard". */
static Oid
trigger_function(const char *function)
{
	/* whoever asks needs no privilege on the schema */
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(function),
						   PointerGetDatum(buildoidvector(NULL, 0)),
						   ObjectIdGetDatum(get_namespace_oid("tviews_batch", true)));
}

static bool find_trigger_images(Oid relid, const char *function, int16 event, bool per_row, char **name, char *enabled,
								bool *images);

/*
 * Whether a relation carries a trigger of ours for an event, per row or per
 * statement, whatever it is called; if so, its name and how it is enabled.
 */
static bool
find_trigger(Oid relid, const char *function, int16 event, bool per_row, char **name, char *enabled)
{
	bool		images;

	return find_trigger_images(relid, function, event, per_row, name, enabled, &images);
}

/* The same, and whether it is given the rows in transition tables. */
static bool
find_trigger_images(Oid relid, const char *function, int16 event, bool per_row, char **name, char *enabled, bool *images)
{
	Oid			funcid = trigger_function(function);
	Relation	triggers = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(triggers, TriggerRelidNameIndexId, true, NULL, 1, &key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);

		found = form->tgfoid == funcid && (form->tgtype & event) == event &&
			TRIGGER_FOR_ROW(form->tgtype) == per_row;
		if (found)
		{
			*name = pstrdup(NameStr(form->tgname));
			*enabled = form->tgenabled;
			*images = !heap_attisnull(tuple, Anum_pg_trigger_tgoldtable, RelationGetDescr(triggers)) ||
				!heap_attisnull(tuple, Anum_pg_trigger_tgnewtable, RelationGetDescr(triggers));
		}
	}
	systable_endscan(scan);
	table_close(triggers, AccessShareLock);
	return found;
}

bool
tvb_sources_has_trigger(Oid relid, const char *name)
{
	Relation	triggers = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			funcid = InvalidOid;

	ScanKeyInit(&keys[0], Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[1], Anum_pg_trigger_tgname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum(name));
	scan = systable_beginscan(triggers, TriggerRelidNameIndexId, true, NULL, 2, keys);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		funcid = ((Form_pg_trigger) GETSTRUCT(tuple))->tgfoid;
	systable_endscan(scan);
	table_close(triggers, AccessShareLock);
	return OidIsValid(funcid) && (funcid == trigger_function("capture") || funcid == trigger_function("guard"));
}

bool
tvb_sources_has_guard(Oid relid)
{
	char	   *name;
	char		enabled;

	return find_trigger(relid, "guard", TRIGGER_TYPE_INSERT, false, &name, &enabled);
}

/* Whether a relation that is captured carries a trigger for an event: a foreign table for those that its local children can meet. */
static bool
is_carried(Oid relid, int16 event)
{
	return get_rel_relkind(relid) != RELKIND_FOREIGN_TABLE || event == TRIGGER_TYPE_UPDATE || event == TRIGGER_TYPE_DELETE;
}

bool
tvb_sources_lacks_trigger(Oid relid)
{
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(relid));
	bool		lacks = false;
	char	   *name;
	char		enabled;

	if (tvb_run_own_change(NULL, "SELECT FROM tviews_batch.captured WHERE relation = $1 LIMIT 1", &args) > 0)
	{
		for (int i = 0; i < lengthof(trigger_types); i++)
			lacks |= is_carried(relid, trigger_types[i]) &&
				!find_trigger(relid, "capture", trigger_types[i], false, &name, &enabled);
	}
	if (tvb_run_own_change(NULL, "SELECT FROM tviews_batch.tview WHERE tview = $1", &args) > 0)
		lacks |= !tvb_sources_has_guard(relid);
	return lacks;
}

void
tvb_sources_drop_guard(Oid relid)
{
	char	   *name;
	char		enabled;

	while (find_trigger(relid, "guard", TRIGGER_TYPE_INSERT, false, &name, &enabled))
		tvb_sources_ddl(psprintf("DROP TRIGGER %s ON %s", quote_identifier(name), tvb_registry_relation_name(relid)));
}

/* Let a trigger of ours fire in all sessions. */
static void
enable_trigger(const char *relation, const char *name)
{
	tvb_sources_ddl(psprintf("ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %s", relation, quote_identifier(name)));
}

/* The same of the row trigger for replication, which is for replication alone. */
static void
enable_row_trigger(Oid relid, const char *function)
{
	char	   *name;
	char		enabled;

	if (find_trigger(relid, function, TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE, true,
					 &name, &enabled) &&
		enabled == TRIGGER_FIRES_ON_ORIGIN && strcmp(name, psprintf("tviews_%s_row", function)) == 0)
		tvb_sources_ddl(psprintf("ALTER TABLE ONLY %s ENABLE REPLICA TRIGGER %s",
								 tvb_registry_relation_name(relid), name));
}

/* One that is disabled is left so: tviews_status tells. */
void
tvb_sources_enable(Oid relid)
{
	TvbOwnerState state;
	char	   *name;
	char		enabled;

	tvb_owner_enter_extension(&state);
	for (int i = 0; i <= lengthof(trigger_types); i++)
	{
		bool		guard = i == lengthof(trigger_types);

		if (find_trigger(relid, guard ? "guard" : "capture", guard ? TRIGGER_TYPE_INSERT : trigger_types[i], false,
						 &name, &enabled) &&
			enabled != TRIGGER_FIRES_ALWAYS && enabled != TRIGGER_DISABLED)
			enable_trigger(tvb_registry_relation_name(relid), name);
	}
	enable_row_trigger(relid, "capture");
	enable_row_trigger(relid, "guard");
	tvb_owner_leave(&state);
}

/* Whether there is a foreign table below a relation. */
static bool
has_foreign_below(Oid relid)
{
	ListCell   *lc;

	if (!has_subclass(relid))
		return false;
	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		if (lfirst_oid(lc) != relid && get_rel_relkind(lfirst_oid(lc)) == RELKIND_FOREIGN_TABLE)
			return true;
	}
	return false;
}

/*
 * Whether a statement can give its rows to a trigger on a relation.  It fails where one of a foreign table below would be among
 * them; an INSERT writes no children but partitions.
 */
static bool
gives_images(Oid relid, int16 event, bool foreign_below)
{
	char		kind = get_rel_relkind(relid);

	return event != TRIGGER_TYPE_TRUNCATE && kind != RELKIND_FOREIGN_TABLE &&
		(!foreign_below || (event == TRIGGER_TYPE_INSERT && kind != RELKIND_PARTITIONED_TABLE));
}

/* Make a capture trigger, or make it anew in its place. */
static void
create_trigger(Oid relid, const char *create, int i, const char *name, bool images)
{
	static const char *const tables[] = {
		" REFERENCING NEW TABLE AS tviews_new",
		" REFERENCING OLD TABLE AS tviews_old NEW TABLE AS tviews_new",
		" REFERENCING OLD TABLE AS tviews_old",
		""
	};

	tvb_sources_ddl(psprintf("%s TRIGGER %s AFTER %s ON %s%s FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.capture()",
							 create, quote_identifier(name), trigger_events[i], tvb_registry_relation_name(relid),
							 images ? tables[i] : ""));
}

/*
 * Put the capture triggers on a relation; says whether it lacked any.  A foreign table is one through which local children are
 * updated or deleted from; it gives triggers no rows, nor does what has foreign tables below it, so each statement is one change
 * for all rows.
 */
static bool
create_triggers(Oid relid)
{
	char	   *relation = tvb_registry_relation_name(relid);
	bool		foreign_below = has_foreign_below(relid);
	bool		lacked = false;
	char	   *found;
	char		enabled;

	for (int i = 0; i < lengthof(trigger_events); i++)
	{
		char	   *name = psprintf("tviews_capture_%s", trigger_events[i]);

		if (!is_carried(relid, trigger_types[i]))
			continue;
		if (find_trigger(relid, "capture", trigger_types[i], false, &found, &enabled))
			continue;
		lacked = true;
		create_trigger(relid, "CREATE", i, name, gives_images(relid, trigger_types[i], foreign_below));
		enable_trigger(relation, name);
	}
	CacheInvalidateRelcacheByRelid(relid);
	return lacked;
}

/* The triggers that a relation has: foreign tables below it may have come or gone.  Those that are disabled stay so. */
static void
fit_triggers(Oid relid)
{
	bool		foreign_below;
	char	   *name;
	char		enabled;
	bool		images;

	if (!has_subclass(relid))
		return;
	foreign_below = has_foreign_below(relid);
	for (int i = 0; i < lengthof(trigger_events); i++)
	{
		if (!find_trigger_images(relid, "capture", trigger_types[i], false, &name, &enabled, &images) ||
			images == gives_images(relid, trigger_types[i], foreign_below))
			continue;
		create_trigger(relid, "CREATE OR REPLACE", i, name, !images);
		if (enabled == TRIGGER_FIRES_ALWAYS)
			enable_trigger(tvb_registry_relation_name(relid), name);
		else if (enabled == TRIGGER_DISABLED)
			tvb_sources_ddl(psprintf("ALTER TABLE ONLY %s DISABLE TRIGGER %s", tvb_registry_relation_name(relid), quote_identifier(name)));
	}
}

/* Whether a table is named by a subscription. */
static bool
is_in_subscription(Oid relid)
{
	Relation	members = table_open(SubscriptionRelRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	bool		found;

	ScanKeyInit(&key, Anum_pg_subscription_rel_srrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(members, SubscriptionRelSrrelidSrsubidIndexId, true, NULL, 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(members, AccessShareLock);
	return found;
}

/* Whether logical replication may write rows of a table: it, or what it is a partition of, is in a subscription. */
static bool
is_replicated(Oid relid)
{
	ListCell   *lc;

	if (get_rel_relkind(relid) != RELKIND_RELATION)
		return false;
	foreach(lc, ancestors(relid, list_make1_oid(relid)))
	{
		if (is_in_subscription(lfirst_oid(lc)))
			return true;
	}
	return false;
}

/* If replication writes a table, give it the row trigger that sees it; says whether it lacked it. */
static bool
create_row_trigger(Oid relid, const char *function)
{
	char	   *relation;
	char	   *name;
	char		enabled;

	if (!is_replicated(relid) ||
		(find_trigger(relid, function, TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE, true,
					  &name, &enabled) && enabled != TRIGGER_FIRES_ON_ORIGIN))
		return false;
	relation = tvb_registry_relation_name(relid);
	name = psprintf("tviews_%s_row", function);
	if (!OidIsValid(get_trigger_oid(relid, name, true)))
		tvb_sources_ddl(psprintf("CREATE TRIGGER %s AFTER INSERT OR UPDATE OR DELETE ON %s"
								 " FOR EACH ROW EXECUTE FUNCTION tviews_batch.%s()", name, relation, function));
	tvb_sources_ddl(psprintf("ALTER TABLE ONLY %s ENABLE REPLICA TRIGGER %s", relation, name));
	return true;
}

/* Take the capture triggers off a relation, if it is still there. */
static void
drop_triggers(Oid relid)
{
	char	   *name;
	char		enabled;

	if (get_rel_name(relid) == NULL)
		return;
	for (int i = 0; i < lengthof(trigger_types); i++)
	{
		while (find_trigger(relid, "capture", trigger_types[i], false, &name, &enabled) ||
			   find_trigger(relid, "capture", trigger_types[i], true, &name, &enabled))
			tvb_sources_ddl(psprintf("DROP TRIGGER %s ON %s", quote_identifier(name), tvb_registry_relation_name(relid)));
	}
	CacheInvalidateRelcacheByRelid(relid);
}

/* Stop capturing on behalf of a source on a relation. */
static void
release_relation(Oid source, Oid relid)
{
	query("DELETE FROM tviews_batch.captured WHERE source = $1 AND relation = $2", 2, source, relid);
	if (query("SELECT 1 FROM tviews_batch.captured WHERE relation = $1 LIMIT 1", 1, relid, InvalidOid) == 0)
		drop_triggers(relid);
	else if (get_rel_name(relid) != NULL)
		CacheInvalidateRelcacheByRelid(relid);
}

/* A temporary table goes without DDL, with its transaction or session: a note has drains look for that. */
static void
note_temporary(Oid relid)
{
	if (get_rel_persistence(relid) == RELPERSISTENCE_TEMP)
		query("INSERT INTO tviews_batch.unfollowed (class, object, message)"
			  " VALUES ('pg_class'::regclass, $1, 'a temporary child')", 1, relid, InvalidOid);
}

/*
 * Make the relations that carry triggers on behalf of a source these; says whether
 * any came or was given a trigger, and in *went whether any is one no more.  mend as in tvb_sources_sync.
 */
static bool
sync_family(Oid source, List *family, bool mend, bool *went)
{
	List	   *known;
	bool		changed = false;
	ListCell   *lc;

	query("SELECT relation::oid FROM tviews_batch.captured WHERE source = $1", 1, source, InvalidOid);
	known = tvb_run_oid_column(1);
	foreach(lc, in_order(list_difference_oid(known, family)))
	{
		release_relation(source, lfirst_oid(lc));
		*went = true;
	}
	foreach(lc, family)
	{
		bool		is_new = !list_member_oid(known, lfirst_oid(lc));

		if (is_new)
		{
			query("INSERT INTO tviews_batch.captured (source, relation) VALUES ($1, $2)", 2,
				  source, lfirst_oid(lc));
			note_temporary(lfirst_oid(lc));
			changed = true;
		}
		else
			fit_triggers(lfirst_oid(lc));
		if ((mend || is_new) && create_triggers(lfirst_oid(lc)))
			changed = true;
		if ((mend || is_new) && create_row_trigger(lfirst_oid(lc), "capture"))
			changed = true;
	}
	return changed;
}

/* ---------- shapes ---------- */

/* Whether a table is a TVIEW. */
static bool
is_tview(Oid relid)
{
	return query("SELECT 1 FROM tviews_batch.tview WHERE tview = $1", 1, relid, InvalidOid) > 0;
}

/*
 * Bring tviews_batch.source and tviews_batch.shape in line with the routes.
 * Columns keep their order; new ones are appended in the order of the table.
 * A new version begins when the columns or their types change; versions of a
 * source are never used again.
 */
static int32
sync_shape(Oid source)
{
	bool		isnull;

	query("WITH needed AS ("
		  "  SELECT DISTINCT a.attname, a.attnum, a.atttypid"
		  "  FROM tviews_batch.route r, unnest(r.link_columns) AS c(name)"
		  "  JOIN pg_attribute a ON a.attrelid = $1 AND a.attname = c.name AND NOT a.attisdropped"
		  "  WHERE r.source = $1),"
		  " ordered AS ("
		  "  SELECT coalesce(array_agg(n.attname ORDER BY array_position(s.link_columns, n.attname), n.attnum), '{}') AS names,"
		  "   coalesce(array_agg(n.atttypid::regtype ORDER BY array_position(s.link_columns, n.attname), n.attnum), '{}') AS types"
		  "  FROM needed n LEFT JOIN tviews_batch.source s ON s.source = $1),"
		  " read AS ("
		  "  SELECT CASE WHEN bool_or(r.read_columns IS NULL) THEN NULL ELSE coalesce("
		  "    (SELECT array_agg(DISTINCT c.name) FROM tviews_batch.route q, unnest(q.read_columns) AS c(name)"
		  "     WHERE q.source = $1), '{}') END AS names"
		  "  FROM tviews_batch.route r WHERE r.source = $1),"
		  " latest AS ("
		  "  SELECT version, link_columns, types FROM tviews_batch.shape"
		  "  WHERE source = $1 ORDER BY version DESC LIMIT 1),"
		  " grown AS ("
		  "  INSERT INTO tviews_batch.shape (source, version, link_columns, types)"
		  "  SELECT $1, coalesce((SELECT max(version) FROM tviews_batch.shape WHERE source = $1), 0) + 1, o.names, o.types"
		  "  FROM ordered o WHERE NOT EXISTS ("
		  "   SELECT 1 FROM latest l WHERE l.link_columns = o.names AND l.types = o.types)"
		  "  RETURNING version)"
		  " INSERT INTO tviews_batch.source AS s (source, version, link_columns, read_columns)"
		  " SELECT $1, coalesce((SELECT version FROM grown), (SELECT version FROM latest)), o.names, r.names"
		  " FROM ordered o, read r"
		  " ON CONFLICT (source) DO UPDATE SET version = excluded.version,"
		  "  link_columns = excluded.link_columns, read_columns = excluded.read_columns"
		  " RETURNING s.version", 1, source, InvalidOid);
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* The family of a source, without foreign tables among its descendants: a view that reads one needs refresh_every. */
static List *
capturable_family(Oid relid)
{
	List	   *descendants = find_all_inheritors(relid, NoLock, NULL);
	List	   *tables = NIL;
	ListCell   *lc;

	foreach(lc, tvb_sources_family(relid))
	{
		if (get_rel_relkind(lfirst_oid(lc)) != RELKIND_FOREIGN_TABLE || !list_member_oid(descendants, lfirst_oid(lc)))
			tables = lappend_oid(tables, lfirst_oid(lc));
	}
	return tables;
}

int32
tvb_sources_sync(Oid relid, bool mend, TvbFamilyChange *change)
{
	TvbOwnerState state;
	int32		version = 0;
	bool		went = false;
	bool		changed;
	List	   *family;

	tvb_owner_enter_extension(&state);

	/*
	 * One session at a time, to its end: who was waited for has left routes or taken some, so what follows looks with a
	 * snapshot of its own.
	 */
	query("SELECT FROM tviews_batch.source WHERE source = $1 FOR UPDATE", 1, relid, InvalidOid);
	if (get_rel_name(relid) == NULL ||
		query("SELECT 1 FROM tviews_batch.route WHERE source = $1 LIMIT 1", 1, relid, InvalidOid) == 0)
	{
		changed = sync_family(relid, NIL, mend, &went);
		query("DELETE FROM tviews_batch.source WHERE source = $1", 1, relid, InvalidOid);
	}
	else
	{
		version = sync_shape(relid);
		/* plans that log changes of it as a source follow, those of its family among them */
		CacheInvalidateRelcacheByRelid(relid);
		family = capturable_family(relid);
		if (is_tview(relid))
			family = list_delete_oid(family, relid);
		changed = sync_family(relid, family, mend, &went);
		/* whoever notices: of a partition that DETACH CONCURRENTLY took, the next command does */
		if (went)
			tvb_sources_everything(relid);
	}
	tvb_owner_leave(&state);
	if (change)
		*change = went ? TVB_FAMILY_TOLD : changed ? TVB_FAMILY_GREW : TVB_FAMILY_SAME;
	return version;
}

void
tvb_sources_guard_subscribed(Oid tview)
{
	TvbOwnerState state;

	tvb_owner_enter_extension(&state);
	(void) create_row_trigger(tview, "guard");
	tvb_owner_leave(&state);
}

void
tvb_sources_sync_subscribed(void)
{
	TvbOwnerState state;
	List	   *relids;
	ListCell   *lc;

	tvb_owner_enter_extension(&state);
	query("SELECT DISTINCT relation::oid FROM tviews_batch.captured", 0, InvalidOid, InvalidOid);
	relids = tvb_run_oid_column(1);
	foreach(lc, relids)
	{
		if (create_row_trigger(lfirst_oid(lc), "capture"))
			CacheInvalidateRelcacheByRelid(lfirst_oid(lc));
	}
	query("SELECT tview::oid FROM tviews_batch.tview", 0, InvalidOid, InvalidOid);
	relids = tvb_run_oid_column(1);
	foreach(lc, relids)
		(void) create_row_trigger(lfirst_oid(lc), "guard");
	tvb_owner_leave(&state);
}

List *
tvb_sources_concerned(List *relids)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDARRAYOID, tvb_run_oid_array(relids));
	List	   *concerned;

	if (relids == NIL)
		return NIL;
	concerned = tvb_run_own_oids(&plan, "SELECT DISTINCT source::oid FROM tviews_batch.captured"
								 " WHERE relation = ANY ($1)", &args);
	/* a TVIEW that is read has nothing captured before it has a parent or a child */
	if (list_length(relids) > 1)
		concerned = list_concat_unique_oid(concerned, tvb_run_own_oids(NULL,
																	   "SELECT s.source::oid FROM tviews_batch.source s"
																	   " JOIN tviews_batch.tview t ON t.tview = s.source"
																	   " WHERE s.source = ANY ($1)", &args));
	return concerned;
}

/* Version 0 is that of no shape: nobody takes the change for one from before his time. */
void
tvb_sources_everything(Oid relid)
{
	TvbQueueWriter *writer = tvb_queue_writer();
	TvbChange	change = {relid, 0, NULL, 0};

	tvb_queue_put(writer, &change);
	(void) tvb_queue_finish(writer);
}
