/* compat.h - the only file that knows server versions */
#ifndef TVB_COMPAT_H
#define TVB_COMPAT_H

#include "postgres.h"
#include "utils/memutils.h"

#if PG_VERSION_NUM < 150000
#error "pg_tviews_batch needs PostgreSQL 15 or newer"
#endif

#include "catalog/pg_class.h"
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

#endif
