/* fingerprint.h - short texts that tell whether a definition, or what was derived from it, changed */
#ifndef TVB_FINGERPRINT_H
#define TVB_FINGERPRINT_H

#include "postgres.h"
#include "nodes/parsenodes.h"

#include "lineage.h"

/*
 * What a view's query (which is not changed) means: the same for the same
 * stored query, nested views included, whatever became of names since; another
 * one when a row type that is read as a whole changed.
 */
extern char *tvb_fingerprint_query(Query *query);

/* What the routes are, names included. */
extern char *tvb_fingerprint_routes(const TvbLineage *lineage);

#endif
