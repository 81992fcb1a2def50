/* define.h - what a TVIEW consists of: its table, index, guard and metadata */
#ifndef TVB_DEFINE_H
#define TVB_DEFINE_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "lineage.h"

/* A TVIEW while it is made. */
typedef struct TvbDefinition
{
	Oid			view;
	Oid			schema;
	Oid			owner;			/* of the view, and so of the table */
	char	   *name;			/* of the table */
	List	   *columns;		/* char *: the view's columns */
	List	   *key;			/* char * */
	List	   *key_attnos;		/* int */
	bool		populate;
	Interval   *refresh_every;	/* or NULL */
	bool		row_security;	/* a source's policies apply to the owner */
	int			level;
	List	   *settings;		/* char *: name=value */
	TvbLineage *lineage;
	char	   *fingerprint;	/* of the view's query */
} TvbDefinition;

/* A copy of a view's query; the view is locked. */
extern Query *tvb_define_view_query(Oid view);

/* The view's columns as they are called now: char *. */
extern List *tvb_define_view_columns(Oid view);

/* An error if the owner may not read a source. */
extern void tvb_define_check_select(Oid relid, Oid owner);

/* Create the table, empty, as the view's owner; returns its oid.  Connected to SPI. */
extern Oid	tvb_define_table(TvbDefinition *definition);

/* Fill the table from the view, as the owner. */
extern void tvb_define_fill(TvbDefinition *definition, Oid relid);

/* Make the key unique: an error that names a value when it is not. */
extern void tvb_define_index(TvbDefinition *definition, Oid relid);

/* Let only drains write the table. */
extern void tvb_define_guard(Oid relid);

/*
 * Write the routes and their lookups, and begin capture.  since_now: entries that are
 * queued by now do not concern the TVIEW, which will be filled later.
 */
extern void tvb_define_routes(TvbDefinition *definition, Oid relid, bool since_now);

/* The refresh key's columns: char *. */
extern List *tvb_define_refresh_key(TvbDefinition *definition);

/* Lists of char * as arrays. */
extern Datum tvb_define_name_array(List *names);
extern Datum tvb_define_text_array(List *texts);

/* Write the metadata of the TVIEW and begin capture of its sources. */
extern void tvb_define_metadata(TvbDefinition *definition, Oid relid);

#endif
