/*-------------------------------------------------------------------------
 *
 * objects.c
 *		Definition: what a view depends on that no lock holds.
 *
 * What a view reads is locked while a TVIEW is made.  Functions, operators, casts and types cannot be; that they stayed as they
 * were is seen from the rows that the catalogs have of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "define.h"
#include "lineage_check.h"
#include "lineage_expand.h"
#include "objects.h"
#include "run.h"

char *
tvb_objects_fingerprint(Oid view)
{
	Query	   *query = tvb_expand_query(tvb_define_view_query(view));
	Oid			types[] = {OIDOID, BOOLOID, OIDARRAYOID};
	Datum		values[] = {
		ObjectIdGetDatum(view), BoolGetDatum(tvb_check_text_search(query)),
		tvb_run_oid_array(tvb_check_json_types(query))
	};
	TvbRunArgs	args = {3, types, values, NULL};
	char	   *objects;

	/* down from the view, as tvb_ddl_find_dependent goes up to it */
	tvb_run_own_change(NULL,
					   "WITH RECURSIVE down (classid, objid) AS ("
					   "  SELECT 'pg_class'::regclass::oid, $1"
					   "  UNION ALL"
					   "  SELECT 'pg_type'::regclass, t FROM unnest($3) AS t"
					   "  UNION"
					   "  SELECT n.classid, n.objid FROM down CROSS JOIN LATERAL ("
					   "   SELECT * FROM (SELECT d.refclassid, d.refobjid FROM pg_depend d"
					   "     WHERE d.classid = down.classid AND d.objid = down.objid"
					   /* altering the type that a table is OF needs a lock on the table */
					   "      AND NOT (d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND d.refclassid = 'pg_type'::regclass)"
					   "     OFFSET 0) AS d"
					   "   UNION ALL"
					   "   SELECT 'pg_rewrite'::regclass, w.oid FROM pg_rewrite w"
					   "    WHERE down.classid = 'pg_class'::regclass AND w.ev_class = down.objid"
					   "   UNION ALL"
					   "   SELECT p.classid, p.objid FROM pg_type t CROSS JOIN LATERAL"
					   "     (VALUES ('pg_type'::regclass::oid, t.typelem), ('pg_class'::regclass, t.typrelid)) AS p (classid, objid)"
					   "    WHERE down.classid = 'pg_type'::regclass AND t.oid = down.objid AND p.objid <> 0"
					   "   UNION ALL"
					   "   SELECT 'pg_constraint'::regclass, k.oid FROM pg_constraint k"
					   "    WHERE down.classid = 'pg_type'::regclass AND k.conrelid = 0 AND k.contypid = down.objid) AS n (classid, objid)),"
					   " object (classid, objid, version) AS ("
					   /* how values of a type become JSON, or are compared as elements and fields, is looked up by the type */
					   "  SELECT 'pg_cast'::regclass::oid, k.oid, k.xmin FROM down w JOIN pg_cast k ON k.castsource = w.objid"
					   "   WHERE w.classid = 'pg_type'::regclass AND k.casttarget = 'json'::regtype"
					   "  UNION ALL"
					   "  SELECT 'pg_opclass'::regclass, o.oid, o.xmin FROM down w JOIN pg_opclass o ON o.opcintype = w.objid"
					   "   WHERE w.classid = 'pg_type'::regclass AND o.opcdefault"
					   "  UNION ALL"
					   "  SELECT w.classid, w.objid, k.xmin FROM down w JOIN pg_constraint k ON k.oid = w.objid"
					   "   WHERE w.classid = 'pg_constraint'::regclass"
					   "  UNION ALL"
					   "  SELECT w.classid, w.objid, p.xmin FROM down w JOIN pg_proc p ON p.oid = w.objid"
					   "   WHERE w.classid = 'pg_proc'::regclass"
					   "  UNION ALL"
					   "  SELECT w.classid, w.objid, o.xmin FROM down w JOIN pg_operator o ON o.oid = w.objid"
					   "   WHERE w.classid = 'pg_operator'::regclass"
					   "  UNION ALL"
					   "  SELECT w.classid, w.objid, t.xmin FROM down w JOIN pg_type t ON t.oid = w.objid"
					   "   WHERE w.classid = 'pg_type'::regclass AND t.typrelid = 0"
					   "  UNION ALL"
					   "  SELECT w.classid, e.oid, e.xmin FROM down w JOIN pg_enum e ON e.enumtypid = w.objid"
					   "   WHERE w.classid = 'pg_type'::regclass"
					   "  UNION ALL"
					   "  SELECT w.classid, a.attnum::integer::oid, a.xmin FROM down w JOIN pg_type t ON t.oid = w.objid"
					   "   JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c' JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
					   "   WHERE w.classid = 'pg_type'::regclass"
					   "  UNION ALL"
					   "  SELECT 0, m.mapdict, m.xmin FROM pg_ts_config_map m WHERE $2"
					   "  UNION ALL"
					   "  SELECT 0, d.oid, d.xmin FROM pg_ts_dict d WHERE $2)"
					   " SELECT coalesce(md5(string_agg(format('%s/%s/%s', classid, objid, version), ' '"
					   "  ORDER BY classid, objid, version::text COLLATE \"C\")), '') FROM object", &args);
	objects = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	SPI_freetuptable(SPI_tuptable);
	return objects;
}
