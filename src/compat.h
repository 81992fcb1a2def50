/* compat.h - the only file that knows server versions */
#ifndef TVB_COMPAT_H
#define TVB_COMPAT_H

#include "postgres.h"
#include "access/genam.h"
#include "access/relation.h"
#include "access/tableam.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/prep.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#if PG_VERSION_NUM >= 160000
#include "parser/parse_relation.h"
#include "varatt.h"
#endif

#if PG_VERSION_NUM < 150000
#error "pg_tviews_batch needs PostgreSQL 15 or newer"
#endif

/* Before a declaration: the function does not return. */
#if PG_VERSION_NUM >= 180000
#define tvb_compat_noreturn pg_noreturn
#else
#define tvb_compat_noreturn _Noreturn
#endif

/* Whether defining a setting costs nothing to speak of: before 16 all that there are are sorted anew. */
#if PG_VERSION_NUM >= 160000
#define tvb_compat_settings_are_cheap true
#else
#define tvb_compat_settings_are_cheap false
#endif

/* The base relations of a FROM tree, joins left out. */
#if PG_VERSION_NUM >= 160000
#define tvb_compat_relids_in_jointree(jtnode) get_relids_in_jointree(jtnode, false, false)
#else
#define tvb_compat_relids_in_jointree(jtnode) get_relids_in_jointree(jtnode, false)
#endif

/* Forget how a Var was written and what may null it: it now names something else. */
#if PG_VERSION_NUM >= 160000
#define tvb_compat_clear_var_identity(var) \
	((var)->varnosyn = 0, (var)->varattnosyn = 0, (var)->varnullingrels = NULL)
#else
#define tvb_compat_clear_var_identity(var) \
	((var)->varnosyn = 0, (var)->varattnosyn = 0)
#endif

/* A range table entry of a query that is only written out needs no permission data. */
#if PG_VERSION_NUM >= 160000
#define tvb_compat_clear_permissions(rte) ((rte)->perminfoindex = 0)
#else
#define tvb_compat_clear_permissions(rte) \
	((rte)->requiredPerms = 0, (rte)->selectedCols = NULL)
#endif

/* Forget which outer joins may null a column: that is told by where it stands. */
#if PG_VERSION_NUM >= 160000
#define tvb_compat_clear_nulling(var) ((var)->varnullingrels = NULL)
#else
#define tvb_compat_clear_nulling(var) ((void) (var))
#endif

/* Drop the entries for OLD and NEW at the head of a view's range table, in place: nothing names them. */
static inline void
tvb_compat_drop_rule_entries(Query *query)
{
#if PG_VERSION_NUM < 160000
	RangeTblEntry *first = query->rtable ? linitial_node(RangeTblEntry, query->rtable) : NULL;

	if (list_length(query->rtable) < 2 || first->inFromCl || first->rtekind != RTE_RELATION ||
		first->relkind != RELKIND_VIEW || strcmp(first->eref->aliasname, "old") != 0)
		return;
	query->rtable = list_copy_tail(query->rtable, 2);
	OffsetVarNodes((Node *) query, -2, 0);
#endif
}

/*
 * Write a query's grouping columns where they are used, instead of columns of a range table
 * entry that stands for the grouping.  In place; the queries inside of it first.
 */
static inline void
tvb_compat_flatten_groups(Query *query)
{
#if PG_VERSION_NUM >= 180000
	ListCell   *lc;

	if (!query->hasGroupRTE)
		return;
	query->targetList = (List *) flatten_group_exprs(NULL, query, (Node *) query->targetList);
	query->havingQual = flatten_group_exprs(NULL, query, query->havingQual);
	query->hasGroupRTE = false;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_GROUP)
			rte->groupexprs = NIL;
	}
#endif
}

/* Whether a table has columns that are computed when they are read. */
static inline bool
tvb_compat_has_virtual_columns(Relation relation)
{
#if PG_VERSION_NUM >= 180000
	TupleConstr *constr = RelationGetDescr(relation)->constr;

	return constr && constr->has_generated_virtual;
#else
	return false;
#endif
}

/* What such a column stands for, over columns of varno 1; NULL for others. */
static inline Node *
tvb_compat_virtual_expression(Relation relation, AttrNumber attno)
{
#if PG_VERSION_NUM >= 180000
	if (TupleDescAttr(RelationGetDescr(relation), attno - 1)->attgenerated == ATTRIBUTE_GENERATED_VIRTUAL)
		return build_generation_expression(relation, attno);
#endif
	return NULL;
}

/* Whether a column, whose row of pg_attribute is att, has no NULL: its NOT NULL may be NOT VALID. */
static inline bool
tvb_compat_not_null(Oid relid, Form_pg_attribute att)
{
	bool		result = att->attnotnull;

#if PG_VERSION_NUM >= 180000
	if (result)
	{
		Relation	relation = relation_open(relid, AccessShareLock);

		result = TupleDescCompactAttr(RelationGetDescr(relation), att->attnum - 1)->attnullability == ATTNULLABLE_VALID;
		relation_close(relation, AccessShareLock);
	}
#endif
	return result;
}

/* Whether a partition may generate a column that is a plain one in the table above it. */
#if PG_VERSION_NUM >= 160000
#define tvb_compat_plain_may_be_generated false
#else
#define tvb_compat_plain_may_be_generated true
#endif

/* Whether a subcommand of ALTER TABLE gives a generated column another expression. */
#if PG_VERSION_NUM >= 170000
#define tvb_compat_sets_expression(subtype) ((subtype) == AT_SetExpression)
#else
#define tvb_compat_sets_expression(subtype) ((void) (subtype), false)
#endif

/* Whether an expression reads a value of any type out of JSON, and whether there are such. */
#if PG_VERSION_NUM >= 170000
#define tvb_compat_reads_json(node) IsA(node, JsonExpr)
#define tvb_compat_has_json_expressions true
#else
#define tvb_compat_reads_json(node) ((void) (node), false)
#define tvb_compat_has_json_expressions false
#endif

/* The values that an expression makes JSON of without a function that has a name. */
#if PG_VERSION_NUM >= 160000
#define tvb_compat_json_arguments(node) (IsA(node, JsonConstructorExpr) ? ((JsonConstructorExpr *) (node))->args : NIL)
#else
#define tvb_compat_json_arguments(node) ((void) (node), NIL)
#endif

/* Range table indexes an expression names at its own query level. */
#define tvb_compat_pull_varnos(node) pull_varnos(NULL, (Node *) (node))

/* Whether role may do what the owner of a relation may. */
static inline bool
tvb_compat_owns_relation(Oid relid, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relid, role);
#else
	return pg_class_ownercheck(relid, role);
#endif
}

/* Whether role may execute a function. */
static inline bool
tvb_compat_may_execute(Oid function, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE) == ACLCHECK_OK;
#else
	return pg_proc_aclcheck(function, role, ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

/* A context for an arena's blocks, which are never freed one by one. */
#if PG_VERSION_NUM >= 170000
#define tvb_compat_block_context(parent, name) \
	BumpContextCreate(parent, name, ALLOCSET_SMALL_SIZES)
#else
#define tvb_compat_block_context(parent, name) \
	AllocSetContextCreateInternal(parent, name, ALLOCSET_SMALL_SIZES)
#endif

/* The next datum of a sort, copied into the current context. */
#if PG_VERSION_NUM >= 160000
#define tvb_compat_sort_getdatum(state, value, isnull) \
	tuplesort_getdatum(state, true, true, value, isnull, NULL)
#else
#define tvb_compat_sort_getdatum(state, value, isnull) \
	tuplesort_getdatum(state, true, value, isnull, NULL)
#endif

/*
 * The columns of a relation that a statement updates, numbered as privileges on columns are, and the
 * privileges that it needs on the relation.
 */
static inline Bitmapset *
tvb_compat_updated_columns(const PlannedStmt *statement, Oid relid, AclMode *needs)
{
	Bitmapset  *columns = NULL;
	ListCell   *lc;

	*needs = 0;
#if PG_VERSION_NUM >= 160000
	foreach(lc, statement->permInfos)
	{
		const RTEPermissionInfo *entry = lfirst_node(RTEPermissionInfo, lc);
#else
	foreach(lc, statement->rtable)
	{
		const RangeTblEntry *entry = lfirst_node(RangeTblEntry, lc);
#endif
		if (entry->relid != relid)
			continue;
		columns = bms_add_members(columns, entry->updatedCols);
		*needs |= entry->requiredPerms;
	}
	return columns;
}

/*
 * Whether the transition tables of a MERGE with an INSERT action through a partitioned table have the NEW images of
 * the rows that it updates: a fault of the server, gone in the releases that are named here.
 */
static inline bool
tvb_compat_merge_keeps_updates(void)
{
	int			version = atoi(GetConfigOption("server_version_num", false, false));

	return version >= 150020 && version < 160000;
}

/* Whether role has a privilege on a schema. */
static inline AclResult
tvb_compat_schema_aclcheck(Oid schema, Oid role, AclMode mode)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(NamespaceRelationId, schema, role, mode);
#else
	return pg_namespace_aclcheck(schema, role, mode);
#endif
}

/* Run a plan to its end. */
#if PG_VERSION_NUM >= 180000
#define tvb_compat_executor_run(desc) ExecutorRun(desc, ForwardScanDirection, 0)
#else
#define tvb_compat_executor_run(desc) ExecutorRun(desc, ForwardScanDirection, 0, true)
#endif

/* Begin to look rows up in an index, without counting for EXPLAIN. */
#if PG_VERSION_NUM >= 180000
#define tvb_compat_index_beginscan(heap, index, snapshot, nkeys) index_beginscan(heap, index, snapshot, NULL, nkeys, 0)
#else
#define tvb_compat_index_beginscan(heap, index, snapshot, nkeys) index_beginscan(heap, index, snapshot, nkeys, 0)
#endif

/* Which indexes an update leaves to be written. */
#if PG_VERSION_NUM >= 160000
typedef TU_UpdateIndexes tvb_compat_update_indexes;
#define TVB_COMPAT_NO_INDEX TU_None
#define TVB_COMPAT_ALL_INDEXES TU_All
#define tvb_compat_insert_index_tuples(relinfo, slot, estate, update, indexes) \
	ExecInsertIndexTuples(relinfo, slot, estate, update, false, NULL, NIL, (indexes) == TU_Summarizing)
#else
typedef bool tvb_compat_update_indexes;
#define TVB_COMPAT_NO_INDEX false
#define TVB_COMPAT_ALL_INDEXES true
#define tvb_compat_insert_index_tuples(relinfo, slot, estate, update, indexes) \
	ExecInsertIndexTuples(relinfo, slot, estate, update, false, NULL, NIL)
#endif

/* Whether a relation has had another file before in this transaction, and this one is new. */
#if PG_VERSION_NUM >= 160000
#define tvb_compat_has_new_file(rel) ((rel)->rd_firstRelfilelocatorSubid != InvalidSubTransactionId)
#else
#define tvb_compat_has_new_file(rel) ((rel)->rd_firstRelfilenodeSubid != InvalidSubTransactionId)
#endif

/* What the executor needs to write rows of one table: it is entry 1 of the range table. */
static inline EState *
tvb_compat_estate_for(Relation rel)
{
	EState	   *estate = CreateExecutorState();
	MemoryContext old = MemoryContextSwitchTo(estate->es_query_cxt);
	RangeTblEntry *rte = makeNode(RangeTblEntry);
#if PG_VERSION_NUM >= 160000
	List	   *permissions = NIL;
#endif

	rte->rtekind = RTE_RELATION;
	rte->relid = RelationGetRelid(rel);
	rte->relkind = rel->rd_rel->relkind;
	rte->rellockmode = RowExclusiveLock;
#if PG_VERSION_NUM >= 180000
	addRTEPermissionInfo(&permissions, rte);
	ExecInitRangeTable(estate, list_make1(rte), permissions, bms_make_singleton(1));
#elif PG_VERSION_NUM >= 160000
	addRTEPermissionInfo(&permissions, rte);
	ExecInitRangeTable(estate, list_make1(rte), permissions);
#else
	ExecInitRangeTable(estate, list_make1(rte));
#endif
	MemoryContextSwitchTo(old);
	return estate;
}

#endif
