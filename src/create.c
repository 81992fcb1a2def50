/*-------------------------------------------------------------------------
 *
 * create.c
 *		Definition: tviews_create and tviews_create_as.
 *
 * Order of locks: the drain lock, then the families of all sources; only then
 * the snapshot that the TVIEW is filled from.  So no writer is left that began
 * without capture, and no drain comes between.  An error anywhere leaves
 * nothing behind: everything is in the caller's transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parser.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
#include "utils/varlena.h"

#include "compat.h"
#include "define.h"
#include "drain.h"
#include "epoch.h"
#include "fingerprint.h"
#include "objects.h"
#include "owner.h"
#include "registry.h"
#include "settings.h"
#include "sources.h"
#include "young.h"

#define MAX_COLUMNS 800

PG_FUNCTION_INFO_V1(tvb_create);
PG_FUNCTION_INFO_V1(tvb_create_as);

/* ---------- the view ---------- */

/* Refuse what is not a view of the caller's. */
static void
check_view(Oid view)
{
	char		relkind = get_rel_relkind(view);

	if (relkind == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", view)));
	if (relkind != RELKIND_VIEW)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s is not a view", tvb_registry_relation_name(view)),
				 errhint("Put the query in a view: CREATE VIEW v_name AS SELECT ...")));
	if (!tvb_compat_owns_relation(view, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_VIEW, get_rel_name(view));
	if (isTempNamespace(get_rel_namespace(view)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s is a temporary view", get_rel_name(view)),
				 errhint("Create the view in a permanent schema; drains run in other sessions.")));
}

/* A refresh puts the view's columns and the stored ones into one row. */
static void
check_columns(TvbDefinition *definition)
{
	if (list_length(definition->columns) > MAX_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("view %s has more than %d columns", tvb_registry_relation_name(definition->view),
						MAX_COLUMNS),
				 errhint("Gather columns in a document, for example with jsonb_build_object().")));
	if (definition->columns == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("view %s has no columns", tvb_registry_relation_name(definition->view))));
}

/* ---------- the name ---------- */

/* "v_x" without "v_". */
static const char *
entity_name(const char *view)
{
	return strncmp(view, "v_", 2) == 0 && view[2] != '\0' ? view + 2 : view;
}

/* Refuse names that are too long or taken. */
static void
check_name(TvbDefinition *definition)
{
	if (definition->name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("name of the TVIEW is empty")));
	if (strlen(definition->name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("name \"%s\" is too long", definition->name),
				 errdetail("Names have at most %d bytes.", NAMEDATALEN - 1),
				 errhint("Give the TVIEW a shorter name.")));
	if (OidIsValid(get_relname_relid(definition->name, definition->schema)))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation \"%s\" already exists", definition->name),
				 errhint("Give the TVIEW another name with the parameter \"tview\".")));
}

/* The table goes where the view is: its owner and the caller must be able to create it there. */
static void
check_schema(TvbDefinition *definition)
{
	AclResult	result = tvb_compat_schema_aclcheck(definition->schema, GetUserId(), ACL_CREATE);

	if (result == ACLCHECK_OK)
		result = tvb_compat_schema_aclcheck(definition->schema, definition->owner, ACL_CREATE);
	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_SCHEMA, get_namespace_name(definition->schema));
}

/* ---------- the key ---------- */

/* The columns of the view that could be part of a key, for a hint. */
static char *
key_candidates(Query *query)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk &&
			OidIsValid(lookup_type_cache(exprType((Node *) tle->expr), TYPECACHE_BTREE_OPFAMILY)->btree_opf))
			appendStringInfo(&buf, "%s%s", buf.len ? ", " : "", quote_identifier(tle->resname));
	}
	return buf.len ? buf.data : pstrdup("none");
}

/* The attno of a column of the view, 0 if it has none of that name. */
static int
column_attno(List *columns, const char *name)
{
	int			attno = 1;
	ListCell   *lc;

	foreach(lc, columns)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return attno;
		attno++;
	}
	return 0;
}

/* Add a column to the key. */
static void
add_key_column(TvbDefinition *definition, Query *query, const char *name)
{
	int			attno = column_attno(definition->columns, name);
	Oid			type;

	if (attno == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("key column \"%s\" does not exist in view %s", name,
						tvb_registry_relation_name(definition->view)),
				 errhint("Columns that can be part of a key: %s.", key_candidates(query))));
	if (list_member_int(definition->key_attnos, attno))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_COLUMN),
				 errmsg("key column \"%s\" is named twice", name)));
	type = exprType((Node *) list_nth_node(TargetEntry, query->targetList, attno - 1)->expr);
	if (!OidIsValid(lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY)->btree_opf))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("key column \"%s\" has type %s, which has no default btree operator class",
						name, format_type_be(type)),
				 errhint("Columns that can be part of a key: %s.", key_candidates(query))));
	definition->key_attnos = lappend_int(definition->key_attnos, attno);
	definition->key = lappend(definition->key, pstrdup(name));
}

/* The key as the caller gave it. */
static void
take_key(TvbDefinition *definition, Query *query, ArrayType *array)
{
	Datum	   *names;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &names, &nulls, &n);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key has no columns"),
				 errhint("Leave the parameter out to have the key found, or name at least one column.")));
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("key must not contain nulls")));
		add_key_column(definition, query, NameStr(*DatumGetName(names[i])));
	}
}

/* The key that the name or the form of the view says: pk_<entity>, or what is unique. */
static void
find_key(TvbDefinition *definition, Query *query)
{
	char	   *pk = psprintf("pk_%s", entity_name(get_rel_name(definition->view)));
	List	   *proposed;
	ListCell   *lc;

	if (column_attno(definition->columns, pk) != 0)
	{
		add_key_column(definition, query, pk);
		return;
	}
	proposed = tvb_lineage_proposed_key(query);
	if (proposed == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("view %s says of no columns that they are unique",
						tvb_registry_relation_name(definition->view)),
				 errdetail("Columns that can be part of a key: %s.", key_candidates(query)),
				 errhint("Name the columns that identify a row with the parameter \"key\".")));
	foreach(lc, proposed)
		add_key_column(definition, query, list_nth(definition->columns, lfirst_int(lc) - 1));
}

/* ---------- sources ---------- */

/* The level of a TVIEW that reads these relations. */
static int
level_above(List *sources)
{
	TvbOwnerState state;
	int			level = 0;
	ListCell   *lc;

	tvb_owner_enter_extension(&state);
	foreach(lc, sources)
	{
		Oid			types[] = {OIDOID};
		Datum		values[] = {ObjectIdGetDatum(lfirst_oid(lc))};
		bool		isnull;

		SPI_execute_with_args("SELECT level FROM tviews_batch.tview WHERE tview = $1",
							  1, types, values, NULL, false, 1);
		if (SPI_processed > 0)
			level = Max(level, 1 + DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
															   SPI_tuptable->tupdesc, 1, &isnull)));
	}
	tvb_owner_leave(&state);
	return level;
}

/* Refuse a level beyond the depth allowed. */
static void
check_level(TvbDefinition *definition)
{
	if (definition->level >= tvb_max_depth)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("TVIEWs are built on each other in more than %d levels", tvb_max_depth),
				 errhint("Read tables instead of TVIEWs in the view, or raise tviews_batch.max_depth.")));
}

/* The caller needs TRIGGER on captured sources, the owner SELECT on all. */
static void
check_source_privileges(TvbDefinition *definition)
{
	ListCell   *lc;

	foreach(lc, definition->lineage->occurrences)
	{
		TvbOccurrence *occurrence = lfirst(lc);
		Oid			relid = occurrence->relid;

		tvb_define_check_select(relid, definition->owner);
		if (occurrence->captured && pg_class_aclcheck(relid, GetUserId(), ACL_TRIGGER) != ACLCHECK_OK)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied for table %s", get_rel_name(relid)),
					 errdetail("Creating a TVIEW needs TRIGGER on the tables that its view reads."),
					 errhint("GRANT TRIGGER ON %s TO %s.", tvb_registry_relation_name(relid),
							 quote_identifier(GetUserNameFromId(GetUserId(), false)))));
	}
}

/* The sources that carry triggers: all but TVIEWs and what cannot be captured. */
static List *
lockable_sources(List *sources)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, sources)
	{
		char		relkind = get_rel_relkind(lfirst_oid(lc));

		if (lfirst_oid(lc) >= FirstNormalObjectId &&
			(relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE))
			result = lappend_oid(result, lfirst_oid(lc));
	}
	return result;
}

/* Find the routes; an error when the view depends on what triggers cannot see. */
static void
analyse(TvbDefinition *definition, Query *query)
{
	TvbOwnerState state;

	tvb_owner_enter(&state, definition->owner, definition->settings, true);
	definition->fingerprint = tvb_fingerprint_query(query);
	definition->lineage = tvb_lineage_analyse(query, definition->key_attnos, definition->owner);
	tvb_owner_leave(&state);
	definition->row_security = tvb_lineage_row_security(query, definition->owner);
	if (definition->lineage->needs_interval && definition->refresh_every == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("view %s depends on %s, whose changes no trigger sees",
						tvb_registry_relation_name(definition->view), definition->lineage->needs_interval),
				 errhint("Pass refresh_every to have the whole TVIEW compared with its view at that interval.")));
}

/* ---------- notices ---------- */

static void
tell(TvbDefinition *definition)
{
	ListCell   *lc;

	foreach(lc, definition->lineage->occurrences)
	{
		TvbOccurrence *occurrence = lfirst(lc);

		if (occurrence->kind == TVB_ROUTE_FULL)
			ereport(NOTICE,
					(errmsg("a change of %s (%s) compares the whole TVIEW: %s",
							tvb_registry_relation_name(occurrence->relid), occurrence->alias,
							occurrence->reason)));
	}
	foreach(lc, definition->lineage->notes)
		ereport(NOTICE, (errmsg("result may change without a change of data: %s", (char *) lfirst(lc))));
}

/* ---------- the calls ---------- */

/* Make the TVIEW that is described so far; connected to SPI. */
static Oid
create_tview(TvbDefinition *definition, ArrayType *key)
{
	Query	   *query = tvb_define_view_query(definition->view);
	char	   *objects;
	Oid			relid;

	definition->owner = tvb_owner_of(definition->view, false);
	definition->schema = get_rel_namespace(definition->view);
	definition->columns = tvb_define_view_columns(definition->view);
	definition->settings = tvb_owner_settings();
	check_columns(definition);
	if (definition->name == NULL)
		definition->name = psprintf("tv_%s", entity_name(get_rel_name(definition->view)));
	check_name(definition);
	check_schema(definition);
	if (key)
		take_key(definition, query, key);
	else
		find_key(definition, query);
	analyse(definition, query);
	check_source_privileges(definition);

	tvb_drain_lock(true);
	/* the epoch that the TVIEW is to belong to may have to be begun */
	(void) tvb_epoch_check();
	tvb_sources_lock(lockable_sources(tvb_lineage_sources(query)));
	/* What was found above may have changed while we waited. */
	objects = tvb_objects_fingerprint(definition->view);
	query = tvb_define_view_query(definition->view);
	analyse(definition, query);
	check_source_privileges(definition);
	definition->level = level_above(tvb_lineage_sources(query));
	check_level(definition);

	relid = tvb_define_table(definition);
	tvb_define_metadata(definition, relid);
	tvb_young_begin(relid, objects);
	if (definition->populate)
		tvb_define_fill(definition, relid);
	tvb_define_index(definition, relid);
	tvb_define_guard(relid);
	tell(definition);
	return relid;
}

/* Arguments that both calls have, from position first on: key, populate, refresh_every. */
static ArrayType *
take_arguments(FunctionCallInfo fcinfo, int first, TvbDefinition *definition)
{
	tvb_settings_define();
	definition->populate = PG_ARGISNULL(first + 1) || PG_GETARG_BOOL(first + 1);
	definition->refresh_every = NULL;
	if (!PG_ARGISNULL(first + 2))
	{
		definition->refresh_every = PG_GETARG_INTERVAL_P(first + 2);
		if (definition->refresh_every->time < 0 || definition->refresh_every->day < 0 ||
			definition->refresh_every->month < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("refresh_every must not be negative")));
	}
	return PG_ARGISNULL(first) ? NULL : PG_GETARG_ARRAYTYPE_P(first);
}

/*
 * tviews_create(view, tview, key, populate, refresh_every)
 */
Datum
tvb_create(PG_FUNCTION_ARGS)
{
	TvbDefinition definition = {0};
	ArrayType  *key = take_arguments(fcinfo, 2, &definition);
	Oid			relid;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("view must not be null")));
	tvb_drain_check_transaction("tviews_create");
	definition.view = PG_GETARG_OID(0);
	check_view(definition.view);
	if (!PG_ARGISNULL(1))
		definition.name = pstrdup(NameStr(*PG_GETARG_NAME(1)));
	SPI_connect();
	relid = create_tview(&definition, key);
	SPI_finish();
	PG_RETURN_OID(relid);
}

/* Refuse a text that is not exactly one SELECT. */
static void
check_query_text(const char *query)
{
	List	   *raw = raw_parser(query, RAW_PARSE_DEFAULT);

	if (list_length(raw) != 1 || !IsA(linitial_node(RawStmt, raw)->stmt, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("query must be a single SELECT")));
}

/* Create the view of a query under the caller's own settings; the parser checks the rest. */
static Oid
create_view(Oid schema, const char *name, const char *query)
{
	char	   *command = psprintf("CREATE VIEW %s AS %s",
								   quote_qualified_identifier(get_namespace_name(schema), name), query);
	int			result = SPI_execute(command, false, 0);

	if (result < 0)
		elog(ERROR, "could not create view: %s", SPI_result_code_string(result));
	return get_relname_relid(name, schema);
}

/* "tv_x" without "tv_", with "v_" before it. */
static char *
view_name(const char *tview)
{
	const char *entity = strncmp(tview, "tv_", 3) == 0 && tview[3] != '\0' ? tview + 3 : tview;
	char	   *name = psprintf("v_%s", entity);

	if (strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("name \"%s\" is too long", name),
				 errdetail("The view is named after the TVIEW; names have at most %d bytes.", NAMEDATALEN - 1),
				 errhint("Give the TVIEW a shorter name.")));
	return name;
}

/* The server cuts long names short without an error; a TVIEW's must be what was asked for. */
static void
check_written_name(const char *name)
{
	int			length = 0;
	bool		quoted = false;

	for (const char *at = name; *at; at++)
	{
		if (*at == '"')
			quoted = !quoted;
		else if (*at == '.' && !quoted)
			length = 0;
		else if (++length >= NAMEDATALEN)
			ereport(ERROR,
					(errcode(ERRCODE_NAME_TOO_LONG),
					 errmsg("name %s is too long", name),
					 errdetail("Names have at most %d bytes.", NAMEDATALEN - 1),
					 errhint("Give the TVIEW a shorter name.")));
	}
}

/*
 * tviews_create_as(tview, query, key, populate, refresh_every)
 */
Datum
tvb_create_as(PG_FUNCTION_ARGS)
{
	TvbDefinition definition = {0};
	ArrayType  *key = take_arguments(fcinfo, 2, &definition);
	RangeVar   *name;
	char	   *query;
	Oid			relid;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("tview and query must not be null")));
	tvb_drain_check_transaction("tviews_create_as");
	check_written_name(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	name = makeRangeVarFromNameList(textToQualifiedNameList(PG_GETARG_TEXT_PP(0)));
	query = text_to_cstring(PG_GETARG_TEXT_PP(1));
	check_query_text(query);
	definition.name = name->relname;
	definition.schema = RangeVarGetCreationNamespace(name);
	check_name(&definition);
	SPI_connect();
	definition.view = create_view(definition.schema, view_name(name->relname), query);
	check_view(definition.view);
	relid = create_tview(&definition, key);
	SPI_finish();
	PG_RETURN_OID(relid);
}
