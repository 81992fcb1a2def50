/*-------------------------------------------------------------------------
 *
 * define.c
 *		Definition: the parts of a new TVIEW, one function each.
 *
 * The table is created, filled and indexed as the view's owner in a restricted
 * context; guard triggers and metadata are the extension's own business.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "rewrite/rewriteHandler.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "compat.h"
#include "define.h"
#include "fingerprint.h"
#include "guard.h"
#include "owner.h"
#include "sources.h"

/* "schema"."name" of the table. */
static char *
qualified_name(TvbDefinition *definition)
{
	return quote_qualified_identifier(get_namespace_name(definition->schema), definition->name);
}

/* Names joined by commas, quoted. */
static char *
quoted_list(List *names)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, names)
		appendStringInfo(&buf, "%s%s", buf.len ? ", " : "", quote_identifier(lfirst(lc)));
	return buf.data;
}

Oid
tvb_define_table(TvbDefinition *definition)
{
	TvbOwnerState state;
	Oid			relid;

	tvb_owner_enter(&state, definition->owner, definition->settings, definition->row_security);
	tvb_sources_ddl(psprintf("CREATE TABLE %s WITH (fillfactor = 85) AS SELECT * FROM %s WITH NO DATA", qualified_name(definition),
							 tvb_registry_relation_name(definition->view)));
	relid = get_relname_relid(definition->name, definition->schema);
	tvb_owner_leave(&state);
	if (!OidIsValid(relid))
		elog(ERROR, "table \"%s\" was not created", definition->name);
	return relid;
}

void
tvb_define_fill(TvbDefinition *definition, Oid relid)
{
	TvbOwnerState state;

	tvb_owner_enter(&state, definition->owner, definition->settings, definition->row_security);
	tvb_sources_ddl(psprintf("INSERT INTO %s SELECT * FROM %s", qualified_name(definition),
							 tvb_registry_relation_name(definition->view)));
	tvb_owner_leave(&state);
}

/* The command that makes the key unique. */
static char *
index_command(TvbDefinition *definition)
{
	if (!definition->lineage->key_nullable)
		return psprintf("ALTER TABLE %s ADD PRIMARY KEY (%s)", qualified_name(definition),
						quoted_list(definition->key));
	return psprintf("CREATE UNIQUE INDEX ON %s (%s) NULLS NOT DISTINCT", qualified_name(definition),
					quoted_list(definition->key));
}

/* Replace the server's message about the index by one about the view. */
static void
rethrow_not_unique(TvbDefinition *definition, MemoryContext context)
{
	ErrorData  *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION)
		PG_RE_THROW();
	FlushErrorState();
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("key (%s) is not unique in view %s", quoted_list(definition->key),
					tvb_registry_relation_name(definition->view)),
			 error->detail ? errdetail_internal("%s", error->detail) : 0,
			 errhint("Name the columns that identify a row with the parameter \"key\".")));
}

/*
 * Indexes on the columns of the refresh key that parts of it are matched by:
 * all but the key's first, which its own index serves.
 */
static void
create_part_indexes(TvbDefinition *definition)
{
	List	   *done = NIL;
	ListCell   *lc;
	ListCell   *cell;

	foreach(lc, definition->lineage->occurrences)
	{
		TvbOccurrence *occurrence = lfirst(lc);

		foreach(cell, occurrence->queries)
		{
			TvbWayQuery *query = lfirst(cell);
			int			first = linitial_int(query->key_positions);
			int			position = list_nth_int(definition->lineage->refresh_positions, first);

			if (position == 0 || list_member_int(done, position) ||
				list_length(query->key_positions) == list_length(definition->lineage->refresh_positions))
				continue;
			done = lappend_int(done, position);
			tvb_sources_ddl(psprintf("CREATE INDEX ON %s (%s)", qualified_name(definition),
									 quote_identifier(list_nth(definition->key, position))));
		}
	}
}

void
tvb_define_index(TvbDefinition *definition, Oid relid)
{
	MemoryContext context = CurrentMemoryContext;
	TvbOwnerState state;

	tvb_owner_enter(&state, definition->owner, definition->settings, definition->row_security);
	PG_TRY();
	{
		tvb_sources_ddl(index_command(definition));
	}
	PG_CATCH();
	{
		rethrow_not_unique(definition, context);
	}
	PG_END_TRY();
	if (definition->lineage->key_nullable)
		tvb_sources_ddl(psprintf("ALTER TABLE %s REPLICA IDENTITY FULL", qualified_name(definition)));
	create_part_indexes(definition);
	if (definition->populate)
		tvb_sources_ddl(psprintf("ANALYZE %s", qualified_name(definition)));
	tvb_owner_leave(&state);
}

void
tvb_define_guard(Oid relid)
{
	TvbOwnerState state;
	char	   *relation = tvb_registry_relation_name(relid);

	tvb_owner_enter_extension(&state);
	tvb_sources_ddl(psprintf("CREATE TRIGGER tviews_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s"
							 " FOR EACH STATEMENT EXECUTE FUNCTION tviews_batch.guard()", relation));
	tvb_sources_ddl(psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER tviews_guard", relation));
	tvb_owner_leave(&state);
	tvb_sources_guard_subscribed(relid);
}

/* ---------- the view ---------- */

Query *
tvb_define_view_query(Oid view)
{
	Relation	relation = relation_open(view, AccessShareLock);
	Query	   *query = copyObject(get_view_query(relation));

	relation_close(relation, NoLock);
	return query;
}

List *
tvb_define_view_columns(Oid view)
{
	Relation	relation = relation_open(view, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(relation);
	List	   *names = NIL;

	/* The stored query may have names from before a rename. */
	for (int i = 0; i < desc->natts; i++)
		names = lappend(names, pstrdup(NameStr(TupleDescAttr(desc, i)->attname)));
	relation_close(relation, NoLock);
	return names;
}

void
tvb_define_check_select(Oid relid, Oid owner)
{
	if (pg_class_aclcheck(relid, owner, ACL_SELECT) == ACLCHECK_OK ||
		pg_attribute_aclcheck_all(relid, owner, ACL_SELECT, ACLMASK_ALL) == ACLCHECK_OK)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for table %s", get_rel_name(relid)),
			 errdetail("The owner of the view needs SELECT on every table that the view reads, also through other views."),
			 errhint("GRANT SELECT ON %s TO %s.", tvb_registry_relation_name(relid),
					 quote_identifier(GetUserNameFromId(owner, false)))));
}

/* ---------- metadata ---------- */

Datum
tvb_define_name_array(List *names)
{
	Datum	   *values = palloc(sizeof(Datum) * (list_length(names) + 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, names)
		values[n++] = DirectFunctionCall1(namein, CStringGetDatum(lfirst(lc)));
	return PointerGetDatum(construct_array(values, n, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR));
}

Datum
tvb_define_text_array(List *texts)
{
	Datum	   *values = palloc(sizeof(Datum) * (list_length(texts) + 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, texts)
		values[n++] = CStringGetTextDatum(lfirst(lc));
	return PointerGetDatum(construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Positions from 0 as an array of positions from 1. */
static Datum
position_array(List *positions)
{
	Datum	   *values = palloc(sizeof(Datum) * (list_length(positions) + 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, positions)
		values[n++] = Int32GetDatum(lfirst_int(lc) + 1);
	return PointerGetDatum(construct_array(values, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

/* Names of columns of a table. */
static List *
column_names(Oid relid, List *attnos)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, attnos)
		names = lappend(names, get_attname(relid, lfirst_int(lc), false));
	return names;
}

List *
tvb_define_refresh_key(TvbDefinition *definition)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, definition->lineage->refresh_positions)
		names = lappend(names, list_nth(definition->key, lfirst_int(lc)));
	return names;
}

static void
insert_tview(TvbDefinition *definition, Oid relid)
{
	Oid			types[] = {OIDOID, OIDOID, NAMEARRAYOID, NAMEARRAYOID, INT4OID, BOOLOID,
	TEXTARRAYOID, BOOLOID, INTERVALOID, TEXTARRAYOID, BOOLOID, TEXTOID, TEXTOID, TEXTARRAYOID};
	Datum		values[] = {
		ObjectIdGetDatum(relid), ObjectIdGetDatum(definition->view),
		tvb_define_name_array(definition->key), tvb_define_name_array(tvb_define_refresh_key(definition)),
		Int32GetDatum(definition->level), BoolGetDatum(definition->lineage->key_nullable),
		tvb_define_text_array(definition->settings), BoolGetDatum(definition->row_security),
		IntervalPGetDatum(definition->refresh_every), tvb_define_text_array(definition->lineage->notes),
		BoolGetDatum(definition->populate), CStringGetTextDatum(definition->fingerprint),
		CStringGetTextDatum(tvb_fingerprint_routes(definition->lineage)),
		tvb_define_text_array(definition->lineage->keyed)
	};
	char		nulls[] = "              ";

	if (definition->refresh_every == NULL)
		nulls[8] = 'n';
	SPI_execute_with_args("INSERT INTO tviews_batch.tview (tview, view, key, refresh_key, level,"
						  " key_nullable, settings, row_security, refresh_every, notes,"
						  " stale_reason, last_refresh, last_full, definition, routes, keyed)"
						  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
						  " CASE WHEN NOT $11 THEN 'not filled yet' END,"
						  " CASE WHEN $11 THEN now() END, CASE WHEN $11 THEN now() END, $12, $13, $14)",
						  lengthof(types), types, values, nulls, false, 0);
}

/* Insert a route; since is the version of the source's shape that entries for it have at least. */
static void
insert_route(TvbOccurrence *occurrence, Oid relid, int number)
{
	Oid			types[] = {OIDOID, INT4OID, OIDOID, TEXTOID, TEXTOID, NAMEARRAYOID, NAMEARRAYOID, TEXTOID, OIDOID};
	static const char *const kinds[] = {"direct", "lookup", "full"};
	char		nulls[] = "         ";
	List	   *links = NIL;
	List	   *reads = NIL;
	int			attno = -1;
	ListCell   *lc;
	Datum		values[9];

	foreach(lc, occurrence->queries)
		links = list_concat_unique_int(links, ((TvbWayQuery *) lfirst(lc))->link_attnos);
	while ((attno = bms_next_member(occurrence->reads, attno)) >= 0)
		reads = lappend_int(reads, attno);
	values[0] = ObjectIdGetDatum(relid);
	values[1] = Int32GetDatum(number);
	values[2] = ObjectIdGetDatum(occurrence->relid);
	values[3] = CStringGetTextDatum(occurrence->alias);
	values[4] = CStringGetTextDatum(kinds[occurrence->kind]);
	values[5] = tvb_define_name_array(column_names(occurrence->relid, links));
	values[6] = tvb_define_name_array(column_names(occurrence->relid, reads));
	values[7] = occurrence->reason ? CStringGetTextDatum(occurrence->reason) : (Datum) 0;
	values[8] = ObjectIdGetDatum(occurrence->nested);
	if (occurrence->reads_all)
		nulls[6] = 'n';
	if (occurrence->reason == NULL || occurrence->kind != TVB_ROUTE_FULL)
		nulls[7] = 'n';
	if (!OidIsValid(occurrence->nested))
		nulls[8] = 'n';
	SPI_execute_with_args("INSERT INTO tviews_batch.route (tview, occurrence, source, alias, route,"
						  " link_columns, read_columns, since_version, reason, nested)"
						  " VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9)",
						  lengthof(types), types, values, nulls, false, 0);
}

static void
insert_lookups(TvbOccurrence *occurrence, Oid relid, int number)
{
	Oid			types[] = {OIDOID, INT4OID, INT4OID, NAMEARRAYOID, INT4ARRAYOID, INT4ARRAYOID, TEXTOID};
	int			ord = 1;
	ListCell   *lc;

	foreach(lc, occurrence->queries)
	{
		TvbWayQuery *query = lfirst(lc);
		char		nulls[] = "       ";
		Datum		values[] = {
			ObjectIdGetDatum(relid), Int32GetDatum(number), Int32GetDatum(ord++),
			tvb_define_name_array(column_names(occurrence->relid, query->link_attnos)),
			position_array(query->key_positions), position_array(query->direct),
			CStringGetTextDatum(query->sql)
		};

		if (query->direct == NIL)
			nulls[5] = 'n';
		SPI_execute_with_args("INSERT INTO tviews_batch.lookup (tview, occurrence, ord, link_columns,"
							  " key_columns, direct_columns, sql) VALUES ($1, $2, $3, $4, $5, $6, $7)",
							  lengthof(types), types, values, nulls, false, 0);
	}
}

/* Begin to capture the sources of a TVIEW whose routes are written. */
static void
capture_sources(TvbDefinition *definition, Oid relid, bool since_now)
{
	List	   *done = NIL;
	ListCell   *lc;

	foreach(lc, definition->lineage->occurrences)
	{
		TvbOccurrence *occurrence = lfirst(lc);
		Oid			types[] = {OIDOID, OIDOID, INT4OID};
		Datum		values[3];

		if (!occurrence->captured || list_member_oid(done, occurrence->relid))
			continue;
		done = lappend_oid(done, occurrence->relid);
		values[0] = ObjectIdGetDatum(relid);
		values[1] = ObjectIdGetDatum(occurrence->relid);
		values[2] = Int32GetDatum(tvb_sources_sync(occurrence->relid, since_now, NULL));
		if (!since_now)
			values[2] = Int32GetDatum(1);
		SPI_execute_with_args("UPDATE tviews_batch.route SET since_version = $3"
							  " WHERE tview = $1 AND source = $2", 3, types, values, NULL, false, 0);
	}
}

void
tvb_define_routes(TvbDefinition *definition, Oid relid, bool since_now)
{
	int			number = 1;
	ListCell   *lc;

	foreach(lc, definition->lineage->occurrences)
	{
		insert_route(lfirst(lc), relid, number);
		insert_lookups(lfirst(lc), relid, number);
		number++;
	}
	capture_sources(definition, relid, since_now);
}

void
tvb_define_metadata(TvbDefinition *definition, Oid relid)
{
	TvbOwnerState state;

	tvb_owner_enter_extension(&state);
	insert_tview(definition, relid);
	tvb_define_routes(definition, relid, true);
	tvb_owner_leave(&state);
}
