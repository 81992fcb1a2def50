/* registry.h - what the extension's tables say of TVIEWs and sources */
#ifndef TVB_REGISTRY_H
#define TVB_REGISTRY_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "storage/lockdefs.h"

#include "link.h"

typedef enum TvbRouteKind
{
	TVB_ROUTE_DIRECT,
	TVB_ROUTE_LOOKUP,
	TVB_ROUTE_FULL
} TvbRouteKind;

/* One query of a route.  Positions count from 0 here, from 1 in the tables. */
typedef struct TvbLookup
{
	List	   *link_columns;	/* char *: columns of tviews_changed */
	int			nkeys;
	int		   *key_columns;	/* positions in the refresh key */
	int		   *direct_columns; /* per output its link column, or NULL */
	char	   *sql;
} TvbLookup;

/* How changes of one occurrence of a source become keys of one TVIEW. */
typedef struct TvbRoute
{
	int			occurrence;
	Oid			source;
	TvbRouteKind kind;
	int32		since_version;
	List	   *lookups;		/* TvbLookup * */
} TvbRoute;

/* What waits for a TVIEW. */
typedef struct TvbWaiting
{
	bool		any;
	bool		due;			/* some of it is to be tried now */
} TvbWaiting;

/* One TVIEW.  A light entry (tvb_registry_list) lacks what is marked with a star. */
typedef struct TvbTview
{
	Oid			relid;			/* the table */
	Oid			view;
	Oid			owner;			/* * */
	TransactionId row_xmin;		/* of its metadata row: tells whether it
								 * changed since */
	bool		view_gone;
	char	   *name;			/* *, qualified and quoted */
	char	   *view_name;		/* *, qualified and quoted; NULL: the view is
								 * gone */
	List	   *columns;		/* *, char *: the view's columns, in order */
	List	   *key;			/* *, char * */
	List	   *refresh_key;	/* *, char * */
	TvbLayout  *refresh_layout; /* *, types of refresh_key */
	int			level;
	List	   *keyed;			/* *, char *, texts of pushdown.h */
	List	   *settings;		/* *, char *, name=value */
	bool		row_security;	/* * */
	bool		due;			/* refresh_every is over */
	bool		paused;
	char	   *stale_reason;	/* or NULL */
	bool		awaits_prepared;	/* stale, but not to be compared before
									 * certain transactions have ended */
	char	   *broken;			/* why it cannot be refreshed, or NULL */
	bool		failed_lately;	/* its comparison is not to be tried again yet */
	TimestampTz begun;			/* when this drain's work on it began; 0: it has
								 * not */
	TvbWaiting	failures;		/* keys of it that have failed */
	TvbWaiting	postponed;		/* changes (postponed.h) */
	List	   *sources;		/* Oids, each once */
	List	   *routes;			/* *, TvbRoute * */
	bool		complete;		/* the starred fields are there */
} TvbTview;

/* One shape of a source: how its entries of one version are packed. */
typedef struct TvbShape
{
	Oid			source;
	int32		version;
	List	   *link_columns;	/* char * */
	TvbLayout  *layout;
} TvbShape;

/* What is captured of a source now. */
typedef struct TvbSource
{
	Oid			relid;
	int32		version;
	List	   *link_columns;	/* char * */
	bool		reads_all;
	List	   *read_columns;	/* char *, unless reads_all */
} TvbSource;

/*
 * All TVIEWs ordered by level then oid, in the current memory context, light: a drain looks at all but needs
 * the routes of few.  complete fills in the rest, in the context the entry lives in.  The tables are read as the
 * extension's owner; the caller is connected to SPI.
 */
extern List *tvb_registry_list(void);
extern void tvb_registry_complete(TvbTview *tview);

/* Fill in no more than the names and the owner; false: it, or its view, has been dropped since the list was read. */
extern bool tvb_registry_name(TvbTview *tview);

/* The light entries of all TVIEWs (InvalidOid), or of one. */
extern List *tvb_registry_read_list(Oid only);

/* One TVIEW; NULL if relid is none. */
extern TvbTview *tvb_registry_tview(Oid relid);

/* One TVIEW, or an error: ERRCODE_WRONG_OBJECT_TYPE with a hint. */
extern TvbTview *tvb_registry_require(Oid relid);

/* What is captured of a source; NULL if nothing. */
extern TvbSource *tvb_registry_source(Oid relid);

/* A shape of a source; NULL if that version is unknown, or a type that it has was dropped: its entries cannot be read. */
extern TvbShape *tvb_registry_shape(Oid source, int32 version);

/*
 * Lock what refreshing a TVIEW, or deriving it again, would wait for, if nobody else has it locked: the TVIEW in that mode, its view
 * and sources to be read.  False: somebody has.  A drain goes on with other TVIEWs then.
 */
extern bool tvb_registry_try_lock(Oid tview, LOCKMODE mode, Oid view, List *sources);

/* Qualified, quoted name of a relation, palloc'd. */
extern char *tvb_registry_relation_name(Oid relid);

#endif
