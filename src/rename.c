/*-------------------------------------------------------------------------
 *
 * rename.c
 *		Definition: columns that have another name.
 *
 * A column keeps its number when it is renamed, and what is stored of views and routes names columns.  Those of a source are
 * renamed in what is stored; those of a view in its TVIEW as well, and in what is stored of that as a source.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "derive.h"
#include "owner.h"
#include "registry.h"
#include "rename.h"
#include "run.h"
#include "sources.h"

void
tvb_rename_source(List *relids, const char *before, const char *after)
{
	static SPIPlanPtr plans[4];
	static const char *const changes[] = {
		"UPDATE tviews_batch.source SET link_columns = array_replace(link_columns, $2, $3),"
		" read_columns = array_replace(read_columns, $2, $3)"
		" WHERE source = ANY ($1) AND ($2 = ANY (link_columns) OR $2 = ANY (read_columns))",
		"UPDATE tviews_batch.shape SET link_columns = array_replace(link_columns, $2, $3)"
		" WHERE source = ANY ($1) AND $2 = ANY (link_columns)",
		"UPDATE tviews_batch.lookup l SET link_columns = array_replace(l.link_columns, $2, $3)"
		" FROM tviews_batch.route r WHERE r.tview = l.tview AND r.occurrence = l.occurrence"
		" AND r.source = ANY ($1) AND $2 = ANY (l.link_columns)",
		"UPDATE tviews_batch.route SET link_columns = array_replace(link_columns, $2, $3),"
		" read_columns = array_replace(read_columns, $2, $3)"
		" WHERE source = ANY ($1) AND ($2 = ANY (link_columns) OR $2 = ANY (read_columns))"
	};
	Oid			types[] = {OIDARRAYOID, NAMEOID, NAMEOID};
	Datum		values[] = {tvb_run_oid_array(relids), DirectFunctionCall1(namein, CStringGetDatum(before)),
	DirectFunctionCall1(namein, CStringGetDatum(after))};
	TvbRunArgs	args = {3, types, values, NULL};

	for (int i = 0; i < lengthof(changes); i++)
		tvb_run_own_change(&plans[i], changes[i], &args);
}

/* The same column of one TVIEW's table, and in its key. */
static void
rename_tview_column(Oid relid, const char *before, const char *after)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {OIDOID, NAMEOID, NAMEOID};
	Datum		values[] = {ObjectIdGetDatum(relid), DirectFunctionCall1(namein, CStringGetDatum(before)),
	DirectFunctionCall1(namein, CStringGetDatum(after))};
	TvbRunArgs	args = {3, types, values, NULL};
	TvbOwnerState state;

	tvb_owner_enter(&state, tvb_owner_of(relid, false), NIL, true);
	tvb_sources_ddl(psprintf("ALTER TABLE %s RENAME COLUMN %s TO %s", tvb_registry_relation_name(relid),
							 quote_identifier(before), quote_identifier(after)));
	tvb_owner_leave(&state);
	tvb_run_own_change(&plan, "UPDATE tviews_batch.tview SET key = array_replace(key, $2, $3),"
					   " refresh_key = array_replace(refresh_key, $2, $3)"
					   " WHERE tview = $1", &args);
	tvb_rename_source(list_make1_oid(relid), before, after);
	tvb_derive_stale_whole_readers(relid);
}

void
tvb_rename_tview(Oid relid, const char *before, const char *after)
{
	/* What cannot be renamed shows when it is derived again. */
	if (get_attnum(relid, after) != InvalidAttrNumber)
		tvb_derive_stale(list_make1_oid(relid), "the view was changed");
	else if (get_attnum(relid, before) != InvalidAttrNumber)
		rename_tview_column(relid, before, after);
}
