/* derive.h - make what is stored of a TVIEW fit its view again */
#ifndef TVB_DERIVE_H
#define TVB_DERIVE_H

#include "postgres.h"
#include "nodes/pg_list.h"

/*
 * Analyse the view of a TVIEW again.  If its meaning changed, the TVIEW is stale
 * and gets the columns it lacks; if the routes changed they are replaced.  If
 * neither did, nothing is written.  What cannot be followed makes the TVIEW
 * one that cannot be refreshed, with the reason; only a cancel or the like is
 * an error.  Returns whether anything changed: then tvb_levels_sync is due.  The
 * caller is connected to SPI.
 */
extern bool tvb_derive_again(Oid relid);

/*
 * Before a TVIEW is compared on request: derive it again and see to its sources'
 * triggers, for DDL that no event trigger saw.
 */
extern void tvb_derive_repair(Oid relid);

/* The same for a TVIEW whose metadata came from a dump; writers of its sources are waited for. */
extern void tvb_derive_restored(Oid relid);

/* What has failed of a TVIEW may succeed now: the next drain tries it.  Connected to SPI. */
extern void tvb_derive_retry(Oid relid);

/* Whether the view of a TVIEW uses text search.  Connected to SPI. */
extern bool tvb_derive_uses_text_search(Oid relid);

/* Whether the view of a TVIEW reads JSON as one of the types (oid list).  Connected to SPI. */
extern bool tvb_derive_reads_json_as(Oid relid, List *types);

/* Whether the view of a TVIEW converts values to one of the domains (oid list).  Connected to SPI. */
extern bool tvb_derive_converts_to(Oid relid, List *domains);

/* Why: what was read under an older snapshot may have lacked its rows. */
#define TVB_REASON_REWRITTEN "a table was rewritten while a drain was at work"

/* Mark TVIEWs stale.  A drain at work that does not see the mark leaves it. */
extern void tvb_derive_stale(List *relids, const char *reason);

/* Mark the TVIEWs stale that read rows of a source as a whole, and so have its columns' names and values in them. */
extern void tvb_derive_stale_whole_readers(Oid relid);

/* The user altered these columns (char *) of a relation: if it is a TVIEW, and they are the view's, mark it and say so. */
extern bool tvb_derive_stale_altered(Oid relid, List *columns);

/*
 * tvb_attempt_catch, but an error that must end the user's command rather than be kept as a reason (cancel, shutdown, lack of
 * resources) is raised again.
 */
extern ErrorData *tvb_derive_attempt(void (*work) (void *arg), void *arg, bool keep);

#endif
