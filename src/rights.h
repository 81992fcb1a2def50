/* rights.h - whether a TVIEW can be refreshed as its owner, and truly */
#ifndef TVB_RIGHTS_H
#define TVB_RIGHTS_H

#include "postgres.h"

/*
 * An error unless view and TVIEW belong to the same role: what the view runs,
 * runs as the TVIEW's owner, who must be the one who wrote it.  Both stay locked.
 */
extern void tvb_rights_check_owners(Oid view, Oid tview);

/*
 * An error if something that the owner put on the TVIEW would hide stored rows from
 * its refresh, or replace the statements that write it.
 */
extern void tvb_rights_check_table(Oid tview);

/*
 * Whether triggers on the TVIEW can change rows while they are written: then what was
 * written has to be looked at again.
 */
extern bool tvb_rights_rows_may_change(Oid tview);

#endif
