/*-------------------------------------------------------------------------
 *
 * derive.c
 *		Definition: make what is stored of a TVIEW fit its view again.
 *
 * Runs at the end of other people's DDL.  So nothing here waits for a drain: if
 * one is at work that may have read the routes that are replaced, the TVIEW
 * becomes stale instead; if none is, none begins before the DDL is committed.
 * And whatever goes wrong with one TVIEW is undone and stays with it as the
 * reason why it cannot be refreshed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/snapmgr.h"

#include "attempt.h"
#include "define.h"
#include "derive.h"
#include "drain.h"
#include "fingerprint.h"
#include "levels.h"
#include "lineage_check.h"
#include "lineage_expand.h"
#include "owner.h"
#include "progress.h"
#include "registry.h"
#include "rights.h"
#include "run.h"
#include "sources.h"
#include "young.h"

/* What is stored of the TVIEW. */
typedef struct Stored
{
	Oid			relid;
	Oid			view;
	List	   *key;
	List	   *settings;
	bool		has_interval;
	bool		row_security;
	char	   *definition;		/* fingerprints; NULL: it was not made by
								 * tviews_create, and is left alone */
	char	   *routes;
} Stored;

static bool derive(Oid relid);

ErrorData *
tvb_derive_attempt(void (*work) (void *arg), void *arg, bool keep)
{
	ErrorData  *error = tvb_attempt_catch(work, arg, keep);

	if (error != NULL &&
		(error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		 ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION ||
		 ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INSUFFICIENT_RESOURCES))
		ReThrowError(error);
	return error;
}

/* ---------- what is stored ---------- */

/* An array's elements as strings. */
static List *
strings(Datum array, Oid type)
{
	List	   *list = NIL;
	Datum	   *elements;
	int			n;

	if (type == NAMEOID)
		deconstruct_array(DatumGetArrayTypeP(array), NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &elements, NULL, &n);
	else
		deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &n);
	for (int i = 0; i < n; i++)
		list = lappend(list, type == NAMEOID ? pstrdup(NameStr(*DatumGetName(elements[i]))) :
					   TextDatumGetCString(elements[i]));
	return list;
}

/* Read it; NULL if it is no TVIEW any more. */
static Stored *
read_stored(Oid relid)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(relid));
	Stored	   *stored;
	HeapTuple	tuple;
	TupleDesc	desc;
	bool		isnull;

	if (tvb_run_own_change(&plan,
						   "SELECT view::oid, key, settings, refresh_every IS NOT NULL, row_security, definition, routes"
						   " FROM tviews_batch.tview WHERE tview = $1", &args) == 0)
		return NULL;
	tuple = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	stored = palloc0(sizeof(Stored));
	stored->relid = relid;
	stored->view = DatumGetObjectId(SPI_getbinval(tuple, desc, 1, &isnull));
	stored->key = strings(SPI_getbinval(tuple, desc, 2, &isnull), NAMEOID);
	stored->settings = strings(SPI_getbinval(tuple, desc, 3, &isnull), TEXTOID);
	stored->has_interval = DatumGetBool(SPI_getbinval(tuple, desc, 4, &isnull));
	stored->row_security = DatumGetBool(SPI_getbinval(tuple, desc, 5, &isnull));
	stored->definition = SPI_getvalue(tuple, desc, 6);
	stored->routes = SPI_getvalue(tuple, desc, 7);
	return stored;
}

/* ---------- columns ---------- */

/* The type of a column as SQL, with its collation where that is not the type's. */
static char *
column_type(Form_pg_attribute att)
{
	char	   *type = format_type_extended(att->atttypid, att->atttypmod,
											FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);

	if (!OidIsValid(att->attcollation) || att->attcollation == get_typcollation(att->atttypid))
		return type;
	return psprintf("%s COLLATE %s", type, generate_collation_name(att->attcollation));
}

/* Add a column of the view to the TVIEW, as the TVIEW's owner. */
static void
add_column(TvbDefinition *definition, const Stored *stored, Form_pg_attribute att)
{
	TvbOwnerState state;

	tvb_owner_enter(&state, definition->owner, definition->settings, definition->row_security);
	tvb_sources_ddl(psprintf("ALTER TABLE %s ADD COLUMN %s %s",
							 tvb_registry_relation_name(stored->relid),
							 quote_identifier(NameStr(att->attname)), column_type(att)));
	tvb_owner_leave(&state);
}

/* A column of the view that the TVIEW lacks: added if the view is new, else an error. */
static void
missing_column(TvbDefinition *definition, const Stored *stored, Form_pg_attribute att)
{
	if (strcmp(stored->definition, definition->fingerprint) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" (%s) of the view is missing in the TVIEW", NameStr(att->attname),
						column_type(att))));
	add_column(definition, stored, att);
}

void
tvb_derive_stale_whole_readers(Oid relid)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(relid));

	tvb_run_own_change(&plan,
					   "UPDATE tviews_batch.tview t"
					   " SET stale_reason = 'columns of a row that is read as a whole were changed', " TVB_PROGRESS_RESET
					   " WHERE EXISTS (SELECT FROM tviews_batch.route r"
					   "  WHERE r.tview = t.tview AND r.source = $1 AND r.read_columns IS NULL)", &args);
}

bool
tvb_derive_stale_altered(Oid relid, List *columns)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {OIDOID, NAMEARRAYOID};
	Datum		values[] = {ObjectIdGetDatum(relid), tvb_define_name_array(columns)};
	TvbRunArgs	args = {2, types, values, NULL};

	return tvb_run_own_change(&plan,
							  "UPDATE tviews_batch.tview SET stale_reason = 'its table was altered', " TVB_PROGRESS_RESET
							  " WHERE tview = $1 AND definition IS NOT NULL AND EXISTS (SELECT FROM pg_catalog.pg_attribute a"
							  "  WHERE a.attrelid = view AND a.attname = ANY ($2))", &args) > 0;
}

/* Whether a column is one of the key's. */
static bool
is_key_column(const Stored *stored, const char *name)
{
	ListCell   *lc;

	foreach(lc, stored->key)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	}
	return false;
}

/*
 * Refuse a column of the TVIEW that is of another type than the view's, or of a length or precision that may cut its values; and
 * one of the key's that sorts otherwise, or where other values are equal.
 */
static void
check_column_type(const Stored *stored, AttrNumber attnum, Form_pg_attribute att)
{
	Oid			type;
	int32		typmod;
	Oid			collation;

	get_atttypetypmodcoll(stored->relid, attnum, &type, &typmod, &collation);
	if (collation != att->attcollation && is_key_column(stored, NameStr(att->attname)))
		ereport(ERROR,
				(errcode(ERRCODE_COLLATION_MISMATCH),
				 errmsg("key column \"%s\" has another collation in the view than in the TVIEW", NameStr(att->attname))));
	/* what is too long for a varchar is an error, and fails its key */
	if (type == att->atttypid && (typmod == att->atttypmod || typmod == -1 || type == VARCHAROID))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" has type %s in the view and %s in the TVIEW", NameStr(att->attname),
					format_type_with_typemod(att->atttypid, att->atttypmod), format_type_with_typemod(type, typmod))));
}

/* Make sure that the TVIEW has the view's columns; says whether any was added. */
static bool
follow_columns(TvbDefinition *definition, const Stored *stored)
{
	Relation	view = relation_open(stored->view, AccessShareLock);
	TupleDesc	desc = CreateTupleDescCopy(RelationGetDescr(view));
	bool		added = false;

	relation_close(view, NoLock);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		AttrNumber	attnum = get_attnum(stored->relid, NameStr(att->attname));

		if (attnum == InvalidAttrNumber)
		{
			missing_column(definition, stored, att);
			added = true;
		}
		else
			check_column_type(stored, attnum, att);
	}
	return added;
}

/* The positions of the key's columns in the view. */
static List *
key_positions(const TvbDefinition *definition)
{
	List	   *attnos = NIL;
	ListCell   *key;

	foreach(key, definition->key)
	{
		int			attno = 0;
		ListCell   *lc;

		foreach(lc, definition->columns)
		{
			if (strcmp(lfirst(lc), lfirst(key)) == 0)
				attno = foreach_current_index(lc) + 1;
		}
		if (attno == 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("the view has no key column \"%s\"", (char *) lfirst(key))));
		attnos = lappend_int(attnos, attno);
	}
	return attnos;
}

/* ---------- sources ---------- */

/* What an occurrence needs captured: link columns and read columns, as arrays. */
static void
needed_columns(const TvbOccurrence *occurrence, Datum *links, Datum *reads)
{
	List	   *names = NIL;
	int			attno = -1;
	ListCell   *lc;
	ListCell   *cell;

	foreach(lc, occurrence->queries)
	{
		foreach(cell, ((TvbWayQuery *) lfirst(lc))->link_attnos)
			names = lappend(names, get_attname(occurrence->relid, lfirst_int(cell), false));
	}
	*links = tvb_define_name_array(names);
	names = NIL;
	while ((attno = bms_next_member(occurrence->reads, attno)) >= 0)
		names = lappend(names, get_attname(occurrence->relid, attno, false));
	*reads = tvb_define_name_array(names);
}

/* Whether what is captured of a source already is enough, and stays so until this transaction has ended. */
static bool
is_captured_enough(const TvbOccurrence *occurrence)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {OIDOID, NAMEARRAYOID, NAMEARRAYOID, BOOLOID};
	Datum		values[] = {ObjectIdGetDatum(occurrence->relid), 0, 0, BoolGetDatum(occurrence->reads_all)};
	TvbRunArgs	args = {4, types, values, NULL};

	needed_columns(occurrence, &values[1], &values[2]);
	return tvb_run_own_change(&plan,
							  "SELECT 1 FROM tviews_batch.source WHERE source = $1 AND link_columns @> $2"
							  " AND (read_columns IS NULL OR read_columns @> $3 AND NOT $4) FOR UPDATE", &args) > 0;
}

/*
 * The owner must be able to read all sources.  Where more is to be captured of
 * one than now, no writer may be left that began before.
 */
static void
prepare_sources(const TvbDefinition *definition)
{
	List	   *locked = NIL;
	ListCell   *lc;

	foreach(lc, definition->lineage->occurrences)
	{
		TvbOccurrence *occurrence = lfirst(lc);
		Oid			relid = occurrence->relid;

		tvb_define_check_select(relid, definition->owner);
		if (!occurrence->captured || is_captured_enough(occurrence))
			continue;
		if (pg_class_aclcheck(relid, definition->owner, ACL_TRIGGER) != ACLCHECK_OK)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("its owner has no TRIGGER privilege on table %s, which the view reads now",
							tvb_registry_relation_name(relid))));
		locked = list_append_unique_oid(locked, relid);
	}
	tvb_sources_lock(locked);
}

/* ---------- replacing ---------- */

/* Read the first two columns, an oid and an integer, of a TVIEW's routes. */
static List *
stored_sources(Oid relid, List **versions)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(relid));
	List	   *sources;
	uint64		n;

	n = tvb_run_own_change(&plan,
						   "SELECT source::oid, min(since_version) FROM tviews_batch.route"
						   " WHERE tview = $1 AND since_version > 0 GROUP BY source", &args);
	sources = tvb_run_oid_column(1);
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;

		*versions = lappend_int(*versions, DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull)));
	}
	SPI_freetuptable(SPI_tuptable);
	return sources;
}

/* Give the new routes of a source the version that its old ones had. */
static void
keep_version(Oid relid, Oid source, int version)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {OIDOID, OIDOID, INT4OID};
	Datum		values[] = {ObjectIdGetDatum(relid), ObjectIdGetDatum(source), Int32GetDatum(version)};
	TvbRunArgs	args = {3, types, values, NULL};

	tvb_run_own_change(&plan, "UPDATE tviews_batch.route SET since_version = $3"
					   " WHERE tview = $1 AND source = $2 AND since_version > 0", &args);
}

/* Replace the routes and capture what they need; sources that are read no longer are let go. */
static void
replace_routes(TvbDefinition *definition, Oid relid)
{
	List	   *versions = NIL;
	List	   *sources = stored_sources(relid, &versions);
	TvbOwnerState state;
	ListCell   *source;
	ListCell   *version;

	tvb_owner_enter_extension(&state);
	SPI_execute(psprintf("DELETE FROM tviews_batch.lookup WHERE tview = %u", relid), false, 0);
	SPI_execute(psprintf("DELETE FROM tviews_batch.route WHERE tview = %u", relid), false, 0);
	tvb_define_routes(definition, relid, false);
	tvb_owner_leave(&state);
	forboth(source, sources, version, versions)
	{
		keep_version(relid, lfirst_oid(source), lfirst_int(version));
		(void) tvb_sources_sync(lfirst_oid(source), false, NULL);
	}
}

/* Store what was derived; reason: why the TVIEW is stale, or NULL. */
static void
store(TvbDefinition *definition, Oid relid, const char *reason)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {OIDOID, NAMEARRAYOID, TEXTARRAYOID, BOOLOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID};
	Datum		values[] = {
		ObjectIdGetDatum(relid), tvb_define_name_array(tvb_define_refresh_key(definition)),
		tvb_define_text_array(definition->lineage->notes), BoolGetDatum(definition->row_security),
		CStringGetTextDatum(definition->fingerprint),
		CStringGetTextDatum(tvb_fingerprint_routes(definition->lineage)),
		reason ? CStringGetTextDatum(reason) : (Datum) 0,
		tvb_define_text_array(definition->lineage->keyed)
	};
	TvbRunArgs	args = {8, types, values, reason ? "        " : "      n "};
	TvbRunArgs	of_key = {2, types, values, NULL};

	/* keys that have failed are of the refresh key that was: their bytes are no values of other columns */
	tvb_run_own_change(NULL,
					   "DELETE FROM tviews_batch.failure f USING tviews_batch.tview t"
					   " WHERE t.tview = $1 AND f.tview = $1 AND t.refresh_key <> $2", &of_key);
	tvb_run_own_change(&plan,
					   "UPDATE tviews_batch.tview SET refresh_key = $2, notes = $3, row_security = $4,"
					   " definition = $5, routes = $6, keyed = $8,"
					   " stale_reason = coalesce($7, CASE WHEN refresh_key <> $2 THEN 'the view was changed' END, stale_reason),"
					   " attempts = 0, next_try = NULL, " TVB_PROGRESS_RESET
					   " WHERE tview = $1", &args);
}

/* Why the TVIEW has to be compared, or NULL. */
static const char *
stale_reason(const TvbDefinition *definition, const Stored *stored, bool added, bool rerouted)
{
	if (added || strcmp(stored->definition, definition->fingerprint) != 0)
		return "the view was changed";
	if (definition->row_security != stored->row_security)
		return "row security of a source was changed";
	if (rerouted && !tvb_drain_lock(false))
		return "names or routes changed while a drain was at work";
	return NULL;
}

/* Analyse the view as the TVIEW's owner. */
static void
analyse(TvbDefinition *definition)
{
	Query	   *query = tvb_define_view_query(definition->view);
	TvbOwnerState state;

	definition->fingerprint = tvb_fingerprint_query(query);
	tvb_owner_enter(&state, definition->owner, definition->settings, true);
	definition->lineage = tvb_lineage_analyse(query, definition->key_attnos, definition->owner);
	tvb_owner_leave(&state);
	definition->row_security = tvb_lineage_row_security(query, definition->owner);
}

/* The owner of a relation. */
static Oid
relation_owner(Oid relid)
{
	Relation	relation = relation_open(relid, AccessShareLock);
	Oid			owner = relation->rd_rel->relowner;

	relation_close(relation, NoLock);
	return owner;
}

/* Derive one TVIEW again, or an error that says why it cannot be refreshed. */
static bool
derive(Oid relid)
{
	Stored	   *stored = read_stored(relid);
	TvbDefinition definition = {0};
	const char *reason;
	bool		added;
	bool		rerouted;

	if (stored == NULL || stored->definition == NULL || get_rel_name(relid) == NULL || get_rel_relkind(stored->view) != RELKIND_VIEW)
		return false;
	definition.view = stored->view;
	tvb_rights_check_owners(stored->view, relid);
	definition.owner = relation_owner(relid);
	definition.settings = stored->settings;
	definition.columns = tvb_define_view_columns(stored->view);
	definition.key = stored->key;
	definition.key_attnos = key_positions(&definition);
	analyse(&definition);
	if (definition.lineage->needs_interval && !stored->has_interval)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("the view depends on %s, whose changes no trigger sees, and it was created without refresh_every",
						definition.lineage->needs_interval)));
	added = follow_columns(&definition, stored);
	if (added)
		tvb_derive_stale_whole_readers(relid);
	rerouted = stored->routes == NULL ||
		strcmp(stored->routes, tvb_fingerprint_routes(definition.lineage)) != 0;
	reason = stale_reason(&definition, stored, added, rerouted);
	if (rerouted)
	{
		prepare_sources(&definition);
		replace_routes(&definition, relid);
	}
	if (rerouted || reason)
	{
		store(&definition, relid, reason);
		/* DDL that is under way has not seen what it depends on now, or what its texts name */
		tvb_young_begin(relid, strcmp(stored->definition, definition.fingerprint) != 0 ? NULL : "");
	}
	return rerouted || reason != NULL;
}

/* ---------- the calls ---------- */

/* Remember why a TVIEW cannot be refreshed (NULL: it can); says whether that is new. */
static bool
set_broken(Oid relid, const char *problem)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {OIDOID, TEXTOID};
	Datum		values[] = {ObjectIdGetDatum(relid), problem ? CStringGetTextDatum(problem) : (Datum) 0};
	TvbRunArgs	args = {2, types, values, problem ? "  " : " n"};

	return tvb_run_own_change(&plan,
							  "UPDATE tviews_batch.tview SET broken = $2, stale_reason = 'the view was changed',"
							  " attempts = 0, next_try = NULL, " TVB_PROGRESS_RESET
							  " WHERE tview = $1 AND broken IS DISTINCT FROM $2"
							  " AND ($2 IS NOT NULL OR NOT starts_with(broken, 'it reads itself through '))",
							  &args) > 0;
}

/*
 * Errors that come of others being at work at the same time, or of the user's transaction: what it still reads, or has deferred
 * constraints to be checked for, cannot be given triggers.
 */
static bool
is_passing(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE || sqlerrcode == ERRCODE_OBJECT_IN_USE ||
		ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK;
}

void
tvb_derive_retry(Oid relid)
{
	static SPIPlanPtr failures = NULL;
	static SPIPlanPtr postponed = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(relid));

	tvb_run_own_change(&failures, "UPDATE tviews_batch.failure SET next_try = clock_timestamp() WHERE tview = $1", &args);
	tvb_run_own_change(&postponed, "UPDATE tviews_batch.postponed SET next_try = clock_timestamp() WHERE tview = $1", &args);
}

/* What an attempt derives, and whether that changed anything. */
typedef struct Again
{
	Oid			relid;
	bool		changed;
} Again;

static void
attempt_derive(void *arg)
{
	Again	   *again = arg;

	again->changed = derive(again->relid);
}

bool
tvb_derive_again(Oid relid)
{
	Again		again = {relid, false};
	ErrorData  *error = tvb_derive_attempt(attempt_derive, &again, true);

	/* no reason that stays: whoever called does it again later */
	if (error != NULL && is_passing(error->sqlerrcode))
		ReThrowError(error);
	if (!set_broken(relid, error ? error->message : NULL) && !again.changed)
		return false;
	tvb_derive_retry(relid);
	return true;
}

/* Give the sources of a TVIEW the triggers that they lack. */
static void
repair_triggers(Oid relid)
{
	List	   *versions = NIL;
	ListCell   *lc;

	foreach(lc, stored_sources(relid, &versions))
	{
		TvbFamilyChange change = TVB_FAMILY_SAME;

		if (get_rel_name(lfirst_oid(lc)) == NULL)
			continue;
		(void) tvb_sources_sync(lfirst_oid(lc), true, &change);
		if (change == TVB_FAMILY_GREW)
			tvb_sources_everything(lfirst_oid(lc));
	}
}

/* Give a TVIEW its guard back; who reads it may have missed writes. */
static void
repair_guard(Oid relid)
{
	if (get_rel_name(relid) == NULL || tvb_sources_has_guard(relid))
		return;
	tvb_define_guard(relid);
	tvb_sources_everything(relid);
}

void
tvb_derive_repair(Oid relid)
{
	bool		pushed = !ActiveSnapshotSet();
	Stored	   *stored;

	if (pushed)
		PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	stored = read_stored(relid);
	if (stored != NULL && stored->definition != NULL)
	{
		if (tvb_derive_again(relid))
			tvb_levels_sync();
		repair_triggers(relid);
		repair_guard(relid);
	}
	SPI_finish();
	if (pushed)
		PopActiveSnapshot();
}

void
tvb_derive_restored(Oid relid)
{
	List	   *versions = NIL;
	List	   *family = NIL;
	ListCell   *lc;

	foreach(lc, lappend_oid(stored_sources(relid, &versions), relid))
	{
		if (get_rel_name(lfirst_oid(lc)) != NULL)
			family = list_concat_unique_oid(family, tvb_sources_family(lfirst_oid(lc)));
	}
	tvb_sources_lock(family);
	/* pg_restore --disable-triggers leaves them enabled, but not always */
	foreach(lc, family)
		tvb_sources_enable(lfirst_oid(lc));
	tvb_derive_repair(relid);
}

/* The expanded query of the view of a TVIEW, NULL if it is none any more. */
static Query *
view_query(Oid relid)
{
	Stored	   *stored = read_stored(relid);

	if (stored == NULL || get_rel_relkind(stored->view) != RELKIND_VIEW)
		return NULL;
	return tvb_expand_query(tvb_define_view_query(stored->view));
}

bool
tvb_derive_uses_text_search(Oid relid)
{
	Query	   *query = view_query(relid);

	return query != NULL && tvb_check_text_search(query);
}

/* Whether two oid lists have a member in common. */
static bool
overlap(List *a, List *b)
{
	ListCell   *lc;

	foreach(lc, a)
	{
		if (list_member_oid(b, lfirst_oid(lc)))
			return true;
	}
	return false;
}

bool
tvb_derive_reads_json_as(Oid relid, List *types)
{
	Query	   *query = view_query(relid);

	return query != NULL && overlap(tvb_check_json_types(query), types);
}

bool
tvb_derive_converts_to(Oid relid, List *domains)
{
	Query	   *query = view_query(relid);

	return query != NULL && overlap(tvb_check_domains(query), domains);
}

void
tvb_derive_stale(List *relids, const char *reason)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {OIDARRAYOID, TEXTOID};
	Datum		values[] = {tvb_run_oid_array(relids), CStringGetTextDatum(reason)};
	TvbRunArgs	args = {2, types, values, NULL};

	if (relids != NIL)
		tvb_run_own_change(&plan, "UPDATE tviews_batch.tview SET stale_reason = $2, " TVB_PROGRESS_RESET
						   " WHERE tview = ANY ($1)", &args);
}
