/*-------------------------------------------------------------------------
 *
 * generated.c
 *		Stage 1, cold part: columns that partitions compute otherwise than the table above them.
 *
 * Triggers on a partitioned table are shown an inserted row as it was before it was converted to the partition's row type,
 * and a row that moved to another partition as the first one had it.  Generated columns are computed afterwards.  Where all
 * compute the same, the one is NULL, which capture_plan.c knows, and the other is right.  But a partition may have an
 * expression of its own (PostgreSQL 16 and later), or generate what is a plain column above (before).
 *
 * Who writes has no lock on partitions that the row does not go to, and waits for none here: catalogs are read, no partition is
 * opened.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_inherits.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "generated.h"

/* A partition and the table above it. */
typedef struct Pair
{
	Oid			partition;
	Oid			above;
} Pair;

static List *add_columns(List *names, Relation attributes, Relation rel, Oid partition);
static bool computes_same(Relation rel, Form_pg_attribute above, Oid partition, Form_pg_attribute column);
static Node *read_expression(Oid relid, AttrNumber attno);
static bool number_walker(Node *node, Pair *pair);

List *
tvb_generated_otherwise(Relation rel)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;
	List	   *names = NIL;
	Relation	attributes;
	ListCell   *lc;

	if (rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE ||
		!(tvb_compat_plain_may_be_generated || (constr != NULL && constr->has_generated_stored)))
		return NIL;
	attributes = table_open(AttributeRelationId, AccessShareLock);
	foreach(lc, find_all_inheritors(RelationGetRelid(rel), NoLock, NULL))
	{
		if (lfirst_oid(lc) != RelationGetRelid(rel))
			names = add_columns(names, attributes, rel, lfirst_oid(lc));
	}
	table_close(attributes, AccessShareLock);
	return names;
}

/* Add the columns that one partition computes otherwise. */
static List *
add_columns(List *names, Relation attributes, Relation rel, Oid partition)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_attribute_attrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(partition));
	scan = systable_beginscan(attributes, AttributeRelidNumIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_attribute column = (Form_pg_attribute) GETSTRUCT(tuple);
		AttrNumber	attno;

		if (column->attgenerated == '\0' || column->attisdropped)
			continue;
		attno = get_attnum(RelationGetRelid(rel), NameStr(column->attname));
		if (attno != InvalidAttrNumber &&
			!computes_same(rel, TupleDescAttr(RelationGetDescr(rel), attno - 1), partition, column))
			names = lappend(names, pstrdup(NameStr(column->attname)));
	}
	systable_endscan(scan);
	return names;
}

/* Whether a generated column of a partition is the same above.  What tells the table it is in is not. */
static bool
computes_same(Relation rel, Form_pg_attribute above, Oid partition, Form_pg_attribute column)
{
	Pair		pair = {partition, RelationGetRelid(rel)};
	Node	   *expression;

	if (above->attgenerated != column->attgenerated)
		return false;
	expression = read_expression(partition, column->attnum);
	return !number_walker(expression, &pair) && equal(expression, read_expression(pair.above, above->attnum));
}

/* The expression of a generated column, or NULL. */
static Node *
read_expression(Oid relid, AttrNumber attno)
{
	Relation	defaults = table_open(AttrDefaultRelationId, AccessShareLock);
	Node	   *expression = NULL;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_pg_attrdef_adrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[1], Anum_pg_attrdef_adnum, BTEqualStrategyNumber, F_INT2EQ, Int16GetDatum(attno));
	scan = systable_beginscan(defaults, AttrDefaultIndexId, true, NULL, 2, keys);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, Anum_pg_attrdef_adbin, RelationGetDescr(defaults), &isnull);

		if (!isnull)
			expression = stringToNode(TextDatumGetCString(value));
	}
	systable_endscan(scan);
	table_close(defaults, AccessShareLock);
	return expression;
}

/* Number the columns of an expression as they are above; true: one is not there, or is no column. */
static bool
number_walker(Node *node, Pair *pair)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;
		char	   *name = var->varattno > 0 ? get_attname(pair->partition, var->varattno, true) : NULL;

		var->varattno = name != NULL ? get_attnum(pair->above, name) : InvalidAttrNumber;
		var->varattnosyn = var->varattno;
		return var->varattno == InvalidAttrNumber;
	}
	return expression_tree_walker(node, number_walker, pair);
}
