/* epoch.h - has the queue been lost? */
#ifndef TVB_EPOCH_H
#define TVB_EPOCH_H

#include "postgres.h"

/*
 * Find out whether queue entries were lost since the last call in this
 * database, and mark the TVIEWs that must be compared.  The caller holds
 * the drain lock, and takes the snapshot it works with afterwards.
 *
 * True: transactions prepared before a loss are still there.  What is
 * compared now must be compared again when they are gone.
 */
extern bool tvb_epoch_check(void);

/*
 * Whether a table is no TVIEW of this database yet: it was restored, and what is known of it
 * has not been, or no drain has looked at it.  InvalidOid: whether that is so of all TVIEWs, so
 * that a restore may be at work.  Connected to SPI.
 */
extern bool tvb_epoch_restored(Oid relid);

#endif
