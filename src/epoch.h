/* epoch.h - has the queue been lost? */
#ifndef TVB_EPOCH_H
#define TVB_EPOCH_H

#include "postgres.h"

/* Why a TVIEW is stale that is unlogged, or reads an unlogged table. */
#define TVB_REASON_EMPTIED "an unlogged table was emptied by a crash"

/*
 * Find out whether queue entries were lost since the last call in this
 * database, and mark the TVIEWs that must be compared.  The caller holds
 * the drain lock, and takes the snapshot it works with afterwards.
 *
 * True: transactions prepared before a loss are still there.  What is
 * compared now must be compared again when they are gone.
 */
extern bool tvb_epoch_check(void);

/* Whether a crash emptied unlogged tables and no drain has looked at it yet.  Connected to SPI. */
extern bool tvb_epoch_unlogged_lost(void);

/*
 * Whether a table is no TVIEW of this database yet: it was restored, and what is known of it
 * has not been, or no drain has looked at it.  InvalidOid: whether that is so of all TVIEWs, so
 * that a restore may be at work.  Connected to SPI.
 */
extern bool tvb_epoch_restored(Oid relid);

#endif
