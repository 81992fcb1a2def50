/* lineage.h - stage 3: a view's query tree -> routes */
#ifndef TVB_LINEAGE_H
#define TVB_LINEAGE_H

#include "postgres.h"
#include "nodes/bitmapset.h"
#include "nodes/parsenodes.h"
#include "utils/relcache.h"

#include "registry.h"

/* One query of a route, as found by the analysis. */
typedef struct TvbWayQuery
{
	List	   *link_attnos;	/* int: columns of the source, in the order of
								 * tviews_changed */
	List	   *key_positions;	/* int, from 0: positions in the refresh key */
	List	   *direct;			/* int, from 0: link column of each output;
								 * NIL: the query must run */
	bool		only_changed;	/* reads nothing but tviews_changed */
	Query	   *query;
	char	   *sql;
} TvbWayQuery;

/* One occurrence of a source in the view, and its route. */
typedef struct TvbOccurrence
{
	Oid			relid;
	const char *alias;
	TvbRouteKind kind;
	const char *reason;			/* why full */
	List	   *queries;		/* TvbWayQuery * */
	bool		reads_all;
	Bitmapset  *reads;			/* attnos read */
	bool		captured;		/* triggers can see its changes */
	Oid			nested;			/* the nested view as whose owner it is read, if any */
} TvbOccurrence;

/* What the analysis says of a view with a given key. */
typedef struct TvbLineage
{
	List	   *occurrences;	/* TvbOccurrence * */
	List	   *refresh_positions;	/* int, from 0: positions in the key of
									 * the refresh key's columns */
	bool		key_nullable;	/* a key column may be NULL */
	const char *needs_interval; /* what triggers cannot see, or NULL */
	List	   *keyed;			/* char *: texts of pushdown.h */
	List	   *notes;			/* char *: e.g. results that depend on an
								 * order that is not total */
} TvbLineage;

/*
 * Analyse the query of a view (which is not changed) with the given key
 * columns (int list of attnos).  role is who will refresh it.  Reads catalogs,
 * but no table.  Errors for what no TVIEW can be made of: volatile functions,
 * system columns, TABLESAMPLE, FOR UPDATE.  Everything is allocated in the
 * current memory context.
 */
extern TvbLineage *tvb_lineage_analyse(Query *query, List *key_attnos, Oid role);

/*
 * The columns that a view's form says are unique together (GROUP BY, DISTINCT,
 * the primary key of its one preserved table), as an int list of attnos; NIL if none.
 */
extern List *tvb_lineage_proposed_key(Query *query);

/* The same for a query that is expanded already. */
extern List *tvb_lineage_unique_columns(Query *expanded);

/* The columns of a unique index, by the equality of their types, that holds for a whole table: int list of attnos, or NIL. */
extern List *tvb_lineage_index_columns(Relation table, Oid indexoid);

/* The relations a view reads, nested views expanded: oid list, each once. */
extern List *tvb_lineage_sources(Query *query);

/* Whether policies of a table apply to role, or to the owner of a nested view that reads it. */
extern bool tvb_lineage_row_security(Query *query, Oid role);

#endif
