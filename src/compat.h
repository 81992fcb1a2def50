/* compat.h - the only file that knows server versions */
#ifndef TVB_COMPAT_H
#define TVB_COMPAT_H

#include "postgres.h"

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

#endif
