/* compat.h - the only file that knows server versions */
#ifndef TVB_COMPAT_H
#define TVB_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "pg_tviews_batch needs PostgreSQL 15 or newer"
#endif

#endif
