/* ddl_find.h - which TVIEWs depend on what the user's DDL made, altered or dropped */
#ifndef TVB_DDL_FIND_H
#define TVB_DDL_FIND_H

#include "postgres.h"
#include "nodes/pg_list.h"

/* All of these are connected to SPI; lists are oid lists. */

/* Relations with their whole families; those that are gone are left out. */
extern List *tvb_ddl_find_families(List *relids);

/* The TVIEWs of a view. */
extern List *tvb_ddl_find_of_view(Oid view);

/* All TVIEWs. */
extern List *tvb_ddl_find_all(void);

/* The classes of objects that are all of this one, for the functions that take both lists. */
extern List *tvb_ddl_find_same_class(Oid class, List *objects);

/*
 * The TVIEWs that depend on objects: through views, functions, operators,
 * casts, types and the columns of tables that have them.
 */
extern List *tvb_ddl_find_dependent(List *classes, List *objects);

/*
 * The TVIEWs whose views read JSON as a type that is made of one of the objects, or has a check that uses it.  No dependency
 * leads to them.
 */
extern List *tvb_ddl_find_json_readers(List *classes, List *objects);

/* The TVIEWs whose views convert values to a domain among the objects, or one made of it.  Views of what they are in need not. */
extern List *tvb_ddl_find_converting(List *classes, List *objects);

/* The row types of relations that something has values of: a column, a view, a function, a domain. */
extern List *tvb_ddl_find_used_row_types(List *relids);

/* Whether there are objects among these classes that are looked up by types, and so may be meant though nothing depends on them. */
extern bool tvb_ddl_find_looked_up(List *classes);

/*
 * The TVIEWs in whose stored texts one of the functions, operators or types among objects may be
 * named, or a cast or operator class be meant.  Parsed again, the text may name another than the view does.
 */
extern List *tvb_ddl_find_resolving(List *classes, List *objects);

/* The same for casts and operator classes whichever: all TVIEWs that have such texts. */
extern List *tvb_ddl_find_resolving_any(void);

/*
 * Whether a view, a function or the like depends on one of the objects: without, no
 * TVIEW does.  What spares most DDL the search for TVIEWs.
 */
extern bool tvb_ddl_find_any(List *classes, List *objects);

#endif
