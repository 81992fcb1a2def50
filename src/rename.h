/* rename.h - columns that have another name */
#ifndef TVB_RENAME_H
#define TVB_RENAME_H

#include "postgres.h"
#include "nodes/pg_list.h"

/*
 * A column of these relations was renamed: rename it in what is stored of them as
 * sources.  Routes have to be derived again.
 */
extern void tvb_rename_source(List *relids, const char *before, const char *after);

/*
 * A column of a view was renamed: rename it in a TVIEW of it.  Where the user has given the TVIEW a column of the new name, that
 * is the view's from now on, and the TVIEW is stale.
 */
extern void tvb_rename_tview(Oid relid, const char *before, const char *after);

#endif
