/*-------------------------------------------------------------------------
 *
 * owner.c
 *		Enter and leave another user's context.
 *
 * Whatever the text of a view can run, runs between tvb_owner_enter and
 * tvb_owner_leave: as the TVIEW's owner, in a security-restricted operation,
 * with a fixed search_path and the settings the TVIEW was created under.
 * No other file switches users.
 *
 * Enter opens a GUC nest level, leave closes it.  After an error nothing has
 * to be undone here: (sub)transaction abort restores user and settings.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "owner.h"

#define EXTENSION_NAME "pg_tviews_batch"
#define FIXED_SEARCH_PATH "pg_catalog, pg_temp"

/* Settings that show in the text or the value of what a view computes. */
static const char *const pinned_settings[] = {
	"TimeZone", "DateStyle", "IntervalStyle", "extra_float_digits",
	"bytea_output", "lc_monetary", "lc_numeric", "lc_time",
	"default_text_search_config", "xmlbinary", "xmloption",
	"timezone_abbreviations", "quote_all_identifiers"
};

/* How the texts of queries are read, and that they find all rows; as they were when the texts were made. */
static const char *const fixed_settings[][2] = {
	{"search_path", FIXED_SEARCH_PATH},
	{"jit", "off"},
	{"array_nulls", "on"},
	{"gin_fuzzy_search_limit", "0"},
	{"standard_conforming_strings", "on"},
	{"transform_null_equals", "off"}
};

static void set_local(const char *name, const char *value);
static void set_assignments(List *settings);
static Oid	extension_owner(void);

void
tvb_owner_enter(TvbOwnerState *state, Oid role, List *settings, bool row_security)
{
	GetUserIdAndSecContext(&state->userid, &state->sec_context);
	SetUserIdAndSecContext(role,
						   state->sec_context |
						   SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	state->guc_level = NewGUCNestLevel();
	for (int i = 0; i < lengthof(fixed_settings); i++)
		set_local(fixed_settings[i][0], fixed_settings[i][1]);
	set_local("row_security", row_security ? "on" : "off");
	set_assignments(settings);
}

void
tvb_owner_enter_extension(TvbOwnerState *state)
{
	Oid			role = extension_owner();

	GetUserIdAndSecContext(&state->userid, &state->sec_context);
	SetUserIdAndSecContext(role, state->sec_context | SECURITY_LOCAL_USERID_CHANGE);
	state->guc_level = NewGUCNestLevel();
	set_local("search_path", FIXED_SEARCH_PATH);
	set_local("jit", "off");
}

Oid
tvb_owner_of(Oid relid, bool missing_ok)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
	{
		if (!missing_ok)
			elog(ERROR, "cache lookup failed for relation %u", relid);
		return InvalidOid;
	}
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

void
tvb_owner_leave(TvbOwnerState *state)
{
	AtEOXact_GUC(false, state->guc_level);
	SetUserIdAndSecContext(state->userid, state->sec_context);
}

List *
tvb_owner_settings(void)
{
	List	   *settings = NIL;

	for (int i = 0; i < lengthof(pinned_settings); i++)
	{
		const char *name = pinned_settings[i];
		const char *value = GetConfigOption(name, false, false);

		settings = lappend(settings, psprintf("%s=%s", name, value));
	}
	return settings;
}

/* Set a setting until the current nest level ends, unless it has that value already. */
static void
set_local(const char *name, const char *value)
{
	const char *now = GetConfigOption(name, true, false);

	if (now != NULL && strcmp(now, value) == 0)
		return;
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/* The same for a list of "name=value". */
static void
set_assignments(List *settings)
{
	ListCell   *lc;

	foreach(lc, settings)
	{
		char	   *assignment = pstrdup((char *) lfirst(lc));
		char	   *equals = strchr(assignment, '=');

		if (equals == NULL)
			elog(ERROR, "pinned setting \"%s\" has no value", assignment);
		*equals = '\0';
		set_local(assignment, equals + 1);
		pfree(assignment);
	}
}

/* The role that owns the extension. */
static Oid
extension_owner(void)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			owner;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum(EXTENSION_NAME));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"%s\" is not installed in this database", EXTENSION_NAME)));
	owner = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return owner;
}
