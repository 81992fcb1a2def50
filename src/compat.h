/* compat.h - the only file that knows server versions */
#ifndef TVB_COMPAT_H
#define TVB_COMPAT_H

#include "postgres.h"
#include "utils/memutils.h"

#if PG_VERSION_NUM < 150000
#error "pg_tviews_batch needs PostgreSQL 15 or newer"
#endif

#include "optimizer/prep.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Before a declaration: the function does not return. */
#if PG_VERSION_NUM >= 180000
#define tvb_compat_noreturn pg_noreturn
#else
#define tvb_compat_noreturn _Noreturn
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

/* Range table indexes an expression names at its own query level. */
#define tvb_compat_pull_varnos(node) pull_varnos(NULL, (Node *) (node))
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "utils/acl.h"

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

#endif
