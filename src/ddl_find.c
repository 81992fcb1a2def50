/*-------------------------------------------------------------------------
 *
 * ddl_find.c
 *		Definition: which TVIEWs depend on what the user's DDL made, altered or dropped.
 *
 * Catalogs and metadata are read, nothing is changed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "ddl_find.h"
#include "derive.h"
#include "run.h"
#include "sources.h"

List *
tvb_ddl_find_families(List *relids)
{
	List	   *all = NIL;
	ListCell   *lc;

	foreach(lc, relids)
	{
		if (get_rel_name(lfirst_oid(lc)) != NULL)
			all = list_concat_unique_oid(all, tvb_sources_family(lfirst_oid(lc)));
	}
	return all;
}

List *
tvb_ddl_find_of_view(Oid view)
{
	static SPIPlanPtr plan = NULL;
	TvbRunArgs	args = TVB_RUN_ARG(OIDOID, ObjectIdGetDatum(view));

	return tvb_run_own_oids(&plan, "SELECT tview::oid FROM tviews_batch.tview WHERE view = $1", &args);
}

List *
tvb_ddl_find_all(void)
{
	static SPIPlanPtr plan = NULL;

	return tvb_run_own_oids(&plan, "SELECT tview::oid FROM tviews_batch.tview ORDER BY level, 1", NULL);
}

/* What the search begins with: the objects, and what a change of them means for a type. */
#define OBJECTS \
	"  SELECT s.c, s.o FROM unnest($1, $2) AS s (c, o)" \
	"  UNION ALL" \
	"  SELECT 'pg_type'::regclass, c.reltype FROM unnest($1, $2) AS s (c, o) JOIN pg_class c ON c.oid = s.o" \
	"   WHERE s.c = 'pg_class'::regclass AND c.relkind = 'c'" \
	/* how values of a type become JSON, or are compared as elements and fields, is looked up by the type */ \
	"  UNION ALL" \
	"  SELECT 'pg_type'::regclass, k.castsource FROM unnest($1, $2) AS s (c, o) JOIN pg_cast k ON k.oid = s.o" \
	"   WHERE s.c = 'pg_cast'::regclass AND k.casttarget = 'json'::regtype AND k.castsource >= 16384" \
	"  UNION ALL" \
	"  SELECT 'pg_type'::regclass, o.opcintype FROM unnest($1, $2) AS s (c, o) JOIN pg_opclass o ON o.oid = s.o" \
	"   WHERE s.c = 'pg_opclass'::regclass AND o.opcdefault"

/* The rows of pg_depend that lead up from an object; OFFSET 0: by its index. */
#define DEPENDENCIES \
	"SELECT p.* FROM pg_depend p WHERE p.refclassid = up.classid AND p.refobjid = up.objid OFFSET 0"

/* The objects that such a row, d, leads to: itself, or what it is a part of. */
#define DEPENDENT \
	"   SELECT 'pg_class'::regclass::oid, w.ev_class FROM pg_rewrite w" \
	"    WHERE d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid" \
	"   UNION ALL" \
	"   SELECT d.classid, d.objid WHERE d.classid IN ('pg_proc'::regclass, 'pg_operator'::regclass," \
	"    'pg_type'::regclass, 'pg_cast'::regclass)" \
	"   UNION ALL" \
	"   SELECT 'pg_type'::regclass, k.castsource FROM pg_cast k" \
	"    WHERE d.classid = 'pg_cast'::regclass AND k.oid = d.objid AND k.casttarget = 'json'::regtype AND k.castsource >= 16384" \
	"   UNION ALL" \
	"   SELECT 'pg_type'::regclass, a.amproclefttype FROM pg_amproc a" \
	"    WHERE d.classid = 'pg_amproc'::regclass AND a.oid = d.objid" \
	"   UNION ALL" \
	"   SELECT 'pg_type'::regclass, a.amoplefttype FROM pg_amop a" \
	"    WHERE d.classid = 'pg_amop'::regclass AND a.oid = d.objid" \
	"   UNION ALL" \
	/* whoever has a column of the type or collation; its rows are values of a type, too */ \
	"   SELECT r.classid, r.objid FROM pg_class c CROSS JOIN LATERAL (VALUES" \
	"     ('pg_class'::regclass::oid, c.oid, c.relkind <> 'c'), ('pg_type'::regclass, c.reltype, c.reltype <> 0)" \
	"    ) AS r (classid, objid, wanted)" \
	"    WHERE d.classid = 'pg_class'::regclass AND d.refclassid IN ('pg_type'::regclass, 'pg_collation'::regclass)" \
	"     AND (d.objsubid > 0 OR c.reloftype = d.refobjid) AND c.oid = d.objid AND r.wanted"

/* The TVIEWs that consist of the relations found, or read them. */
#define TVIEWS_CONCERNED \
	" SELECT tview::oid FROM tviews_batch.tview WHERE tview IN (TABLE relation) OR view IN (TABLE relation)" \
	" UNION" \
	" SELECT tview::oid FROM tviews_batch.route" \
	"  WHERE source IN (TABLE relation)" \
	"     OR source IN (SELECT c.source FROM tviews_batch.captured c WHERE c.relation IN (TABLE relation))"

/*
 * Append what depends on the families of operators that functions compare for: whoever sorts by an operator of the family is sorted
 * by its function, and so are the ends of ranges.  Returns whether one is that of a type of the server's own, of whose users nothing
 * is noted.  The plan is not kept, as functions are seldom such.
 */
static bool
add_families(List **classes, List **objects)
{
	Oid			types[] = {OIDARRAYOID, OIDARRAYOID};
	Datum		values[] = {tvb_run_oid_array(*classes), tvb_run_oid_array(*objects)};
	TvbRunArgs	args = {2, types, values, NULL};
	List	   *found_classes;
	List	   *found_objects;
	bool		unnoted = false;
	ListCell   *class;
	ListCell   *object;

	if (!list_member_oid(*classes, ProcedureRelationId) && !list_member_oid(*classes, OperatorFamilyRelationId))
		return false;
	tvb_run_own_change(NULL,
					   "WITH RECURSIVE func (oid) AS ("
					   "  SELECT s.o FROM unnest($1, $2) AS s (c, o) WHERE s.c = 'pg_proc'::regclass"
					   "  UNION"
					   "  SELECT d.objid FROM func JOIN pg_depend d ON d.refclassid = 'pg_proc'::regclass AND d.refobjid = func.oid"
					   "   WHERE d.classid = 'pg_proc'::regclass),"
					   " family (oid, type) AS ("
					   "  SELECT a.amprocfamily, CASE a.amproclefttype WHEN a.amprocrighttype THEN a.amproclefttype ELSE 0 END FROM func JOIN pg_depend d ON d.refclassid = 'pg_proc'::regclass AND d.refobjid = func.oid"
					   "   JOIN pg_amproc a ON d.classid = 'pg_amproc'::regclass AND a.oid = d.objid"
					   "  UNION"
					   "  SELECT a.amopfamily, CASE a.amoplefttype WHEN a.amoprighttype THEN a.amoplefttype ELSE 0 END FROM func JOIN pg_depend d ON d.refclassid = 'pg_proc'::regclass AND d.refobjid = func.oid"
					   "   JOIN pg_amop a ON d.classid = 'pg_operator'::regclass AND a.amopopr = d.objid"
					   "  UNION"
					   "  SELECT s.o, NULL FROM unnest($1, $2) AS s (c, o) WHERE s.c = 'pg_opfamily'::regclass),"
					   /* btree and hash: what those of other access methods have only their indexes use */
					   " comparing AS ("
					   "  SELECT f.* FROM family f JOIN pg_opfamily p ON p.oid = f.oid WHERE p.opfmethod IN (403, 405))"
					   " SELECT 'pg_operator'::regclass::oid, m.amopopr FROM comparing f JOIN pg_amop m ON m.amopfamily = f.oid"
					   " UNION ALL"
					   " SELECT 'pg_type'::regclass, r.rngtypid FROM comparing f JOIN pg_opclass o ON o.opcfamily = f.oid"
					   "  JOIN pg_range r ON r.rngsubopc = o.oid"
					   " UNION ALL"
					   " SELECT 'pg_type'::regclass, o.opcintype FROM comparing f JOIN pg_opclass o ON o.opcfamily = f.oid"
					   "  WHERE o.opcdefault AND (o.opcintype = f.type OR f.type IS NULL AND o.opcintype >= 16384)", &args);
	found_classes = tvb_run_oid_column(1);
	found_objects = tvb_run_oid_column(2);
	SPI_freetuptable(SPI_tuptable);
	forboth(class, found_classes, object, found_objects)
		unnoted |= lfirst_oid(class) == TypeRelationId && lfirst_oid(object) < FirstNormalObjectId;
	*classes = list_concat_copy(*classes, found_classes);
	*objects = list_concat_copy(*objects, found_objects);
	return unnoted;
}

List *
tvb_ddl_find_same_class(Oid class, List *objects)
{
	List	   *classes = NIL;

	for (int i = 0; i < list_length(objects); i++)
		classes = lappend_oid(classes, class);
	return classes;
}

List *
tvb_ddl_find_dependent(List *classes, List *objects)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {OIDARRAYOID, OIDARRAYOID};
	Datum		values[2];
	TvbRunArgs	args = {2, types, values, NULL};

	if (add_families(&classes, &objects))
		return tvb_ddl_find_all();
	values[0] = tvb_run_oid_array(classes);
	values[1] = tvb_run_oid_array(objects);
	return tvb_run_own_oids(&plan,
							"WITH RECURSIVE up (classid, objid) AS ("
							OBJECTS
							"  UNION"
							"  SELECT n.classid, n.objid"
							"  FROM up CROSS JOIN LATERAL (" DEPENDENCIES ") AS d"
							"  CROSS JOIN LATERAL (" DEPENDENT ") AS n (classid, objid)),"
							" relation AS (SELECT objid FROM up WHERE classid = 'pg_class'::regclass)"
							TVIEWS_CONCERNED, &args);
}

/* The types that objects are part of, or that have a check which uses one. */
static List *
find_types(List *classes, List *objects)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {OIDARRAYOID, OIDARRAYOID};
	Datum		values[] = {tvb_run_oid_array(classes), tvb_run_oid_array(objects)};
	TvbRunArgs	args = {2, types, values, NULL};

	return tvb_run_own_oids(&plan,
							"WITH RECURSIVE up (classid, objid) AS ("
							"  SELECT s.c, s.o FROM unnest($1, $2) AS s (c, o)"
							"  UNION ALL"
							"  SELECT 'pg_type'::regclass, c.reltype FROM unnest($1, $2) AS s (c, o) JOIN pg_class c ON c.oid = s.o"
							"   WHERE s.c = 'pg_class'::regclass AND c.relkind = 'c'"
							"  UNION"
							"  SELECT n.classid, n.objid"
							"  FROM up CROSS JOIN LATERAL (SELECT p.* FROM pg_depend p" /* OFFSET 0: by its index */
							"   WHERE p.refclassid = up.classid AND p.refobjid = up.objid OFFSET 0) AS d"
							"  CROSS JOIN LATERAL ("
							"   SELECT d.classid, d.objid WHERE d.classid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass)"
							"   UNION ALL"
							"   SELECT 'pg_type'::regclass, k.contypid FROM pg_constraint k"
							"    WHERE d.classid = 'pg_constraint'::regclass AND k.oid = d.objid AND k.contypid <> 0"
							"   UNION ALL"
							"   SELECT 'pg_type'::regclass, c.reltype FROM pg_class c"
							"    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_type'::regclass AND d.objsubid > 0"
							"     AND c.oid = d.objid AND c.reltype <> 0) AS n (classid, objid))"
							" SELECT objid FROM up WHERE classid = 'pg_type'::regclass", &args);
}

List *
tvb_ddl_find_json_readers(List *classes, List *objects)
{
	List	   *types = tvb_compat_has_json_expressions ? find_types(classes, objects) : NIL;
	List	   *tviews = NIL;
	ListCell   *lc;

	if (types == NIL)
		return NIL;
	foreach(lc, tvb_ddl_find_all())
	{
		if (tvb_derive_reads_json_as(lfirst_oid(lc), types))
			tviews = lappend_oid(tviews, lfirst_oid(lc));
	}
	return tviews;
}

List *
tvb_ddl_find_converting(List *classes, List *objects)
{
	List	   *types = find_types(classes, objects);
	List	   *tviews = NIL;
	ListCell   *lc;

	foreach(lc, types ? tvb_ddl_find_all() : NIL)
	{
		if (tvb_derive_converts_to(lfirst_oid(lc), types))
			tviews = lappend_oid(tviews, lfirst_oid(lc));
	}
	return tviews;
}

/* Whether anything but its array type depends on a type. */
static bool
is_type_used(Relation depend, Oid type)
{
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		used = false;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(TypeRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(type));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, keys);
	while (!used && HeapTupleIsValid(tuple = systable_getnext(scan)))
		used = ((Form_pg_depend) GETSTRUCT(tuple))->deptype != DEPENDENCY_INTERNAL;
	systable_endscan(scan);
	return used;
}

List *
tvb_ddl_find_used_row_types(List *relids)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	List	   *types = NIL;
	ListCell   *lc;

	foreach(lc, relids)
	{
		Oid			type = get_rel_type_id(lfirst_oid(lc));
		Oid			array = OidIsValid(type) ? get_array_type(type) : InvalidOid;

		if (OidIsValid(type) && (is_type_used(depend, type) || (OidIsValid(array) && is_type_used(depend, array))))
			types = list_append_unique_oid(types, type);
	}
	table_close(depend, AccessShareLock);
	return types;
}

bool
tvb_ddl_find_looked_up(List *classes)
{
	return list_member_oid(classes, CastRelationId) || list_member_oid(classes, OperatorClassRelationId) ||
		list_member_oid(classes, OperatorFamilyRelationId);
}

List *
tvb_ddl_find_resolving(List *classes, List *objects)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {OIDARRAYOID, OIDARRAYOID};
	Datum		values[] = {tvb_run_oid_array(classes), tvb_run_oid_array(objects)};
	TvbRunArgs	args = {2, types, values, NULL};

	if (!list_member_oid(classes, ProcedureRelationId) && !list_member_oid(classes, OperatorRelationId) &&
		!list_member_oid(classes, TypeRelationId) && !tvb_ddl_find_looked_up(classes))
		return NIL;
	/* a name stands in a text with quotes or without, by the settings of who made it; none is needed to mean a cast */
	return tvb_run_own_oids(&plan,
							"WITH named (name) AS MATERIALIZED ("
							"  SELECT CASE s.c"
							"    WHEN 'pg_proc'::regclass THEN (SELECT replace(p.proname::text, '\"', '\"\"') FROM pg_proc p WHERE p.oid = s.o)"
							/* a call with one argument may mean a cast to the type of that name */
							"    WHEN 'pg_type'::regclass THEN (SELECT replace(y.typname::text, '\"', '\"\"') FROM pg_type y WHERE y.oid = s.o)"
							"    WHEN 'pg_operator'::regclass THEN (SELECT p.oprname FROM pg_operator p WHERE p.oid = s.o)"
							"    WHEN 'pg_cast'::regclass THEN '' WHEN 'pg_opclass'::regclass THEN '' END"
							"  FROM unnest($1, $2) AS s (c, o))"
							" SELECT t.tview::oid FROM tviews_batch.tview t"
							"  WHERE EXISTS (SELECT FROM named, unnest(t.keyed) AS k (sql) WHERE strpos(k.sql, name) > 0)"
							"     OR EXISTS (SELECT FROM named, tviews_batch.lookup l WHERE l.tview = t.tview AND strpos(l.sql, name) > 0)"
							"  ORDER BY t.level, 1", &args);
}

List *
tvb_ddl_find_resolving_any(void)
{
	return tvb_ddl_find_resolving(list_make1_oid(CastRelationId), list_make1_oid(InvalidOid));
}

bool
tvb_ddl_find_any(List *classes, List *objects)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	bool		found = false;
	ListCell   *class;
	ListCell   *object;

	forboth(class, classes, object, objects)
	{
		ScanKeyData keys[2];
		SysScanDesc scan;
		HeapTuple	tuple;
		List	   *rules = NIL;
		List	   *own_rules = NIL;

		/* A composite type's columns hang on its row type. */
		if (lfirst_oid(class) == RelationRelationId && get_rel_relkind(lfirst_oid(object)) == RELKIND_COMPOSITE_TYPE)
			found = true;
		ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
					ObjectIdGetDatum(lfirst_oid(class)));
		ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
					ObjectIdGetDatum(lfirst_oid(object)));
		scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, keys);
		while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
		{
			Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

			if (form->classid != RewriteRelationId)
				found = form->classid == ProcedureRelationId ||
					form->classid == OperatorRelationId || form->classid == CastRelationId ||
					(form->refclassid != OperatorClassRelationId && form->refclassid != OperatorFamilyRelationId &&	/* they are parts of it */
					 (form->classid == AccessMethodProcedureRelationId || form->classid == AccessMethodOperatorRelationId)) ||
					(form->refclassid == ProcedureRelationId && form->classid == TypeRelationId) ||
					((form->refclassid == TypeRelationId || form->refclassid == CollationRelationId) &&
					 (form->classid == RelationRelationId || form->classid == TypeRelationId));
			else if (form->deptype == DEPENDENCY_NORMAL)
				rules = lappend_oid(rules, form->objid);
			else
				own_rules = lappend_oid(own_rules, form->objid);
		}
		/* a view's own rule depends on it in both ways */
		found |= list_difference_oid(rules, own_rules) != NIL;
		systable_endscan(scan);
	}
	table_close(depend, AccessShareLock);
	return found;
}
