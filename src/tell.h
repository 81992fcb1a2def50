/* tell.h - what the TVIEWs that read another one are told of the rows written in it */
#ifndef TVB_TELL_H
#define TVB_TELL_H

#include "postgres.h"
#include "access/tupdesc.h"

#include "changes.h"
#include "registry.h"

typedef struct TvbTell TvbTell;

/*
 * Find out what is to be told, in the current context, about a TVIEW's rows to those that
 * read it as a source; NULL: nobody does.  It is told as changes, once it is handed over.
 */
extern TvbTell *tvb_tell_create(const TvbTview *tview, TvbChanges *changes);

/* A row came or went; values and nulls are those of the view's columns. */
extern void tvb_tell_row(TvbTell *tell, const Datum *values, const bool *nulls);

/* A row was changed; desc describes the columns of both images. */
extern void tvb_tell_update(TvbTell *tell, TupleDesc desc, const Datum *values, const bool *nulls,
							const Datum *old_values, const bool *old_nulls);

/* Once what was written is sure to stay: hand over what was told; or, if it was undone, forget it. */
extern void tvb_tell_hand_over(TvbTell *tell);
extern void tvb_tell_forget(TvbTell *tell);

#endif
