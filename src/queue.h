/* queue.h - stage 2: the queue of changes; the queue*.c files alone name its tables */
#ifndef TVB_QUEUE_H
#define TVB_QUEUE_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "utils/snapshot.h"
#include "utils/uuid.h"

/* One change: rows of source with these link values changed; link NULL: any row of it. */
typedef struct TvbChange
{
	Oid			source;
	int32		version;		/* shape the values are packed with */
	const char *link;
	int			len;
} TvbChange;

typedef struct TvbQueueWriter TvbQueueWriter;
typedef struct TvbQueueClaim TvbQueueClaim;

/* Whether the extension's queue is there; false while the extension is half dropped. */
extern bool tvb_queue_exists(void);

/*
 * Hold off whatever empties the queue until the end of the transaction, and
 * wait for whoever is at it.  A snapshot that decides whether entries were lost
 * is taken after this.
 */
extern void tvb_queue_hold(void);

/* The same, if nobody else has any of them locked against it; false: somebody has. */
extern bool tvb_queue_try_hold(void);

/*
 * The sentinels are entries that name the queue's epoch, one in each of its tables.  They
 * are never claimed nor counted, so where one is missing, entries may have been lost.
 * epoch returns false if snapshot does not see all of them; begin_epoch writes them; settle
 * moves them to the front where they are found at once.  The caller of the last two holds the
 * drain lock.
 */
extern bool tvb_queue_epoch(Snapshot snapshot, pg_uuid_t *epoch);
extern void tvb_queue_begin_epoch(const pg_uuid_t *epoch);
extern void tvb_queue_settle(Snapshot snapshot);

/*
 * Make the queue logged or unlogged; entries stay.  Waits for all who wrote
 * some.  The caller is connected to SPI and has become the extension's owner.
 */
extern void tvb_queue_set_logged(bool logged);

/* Whether user may do what the owner of the queue may. */
extern bool tvb_queue_owned(Oid user);

/*
 * Write changes with multi-inserts, as part of the current (sub)transaction
 * and without any privilege of the current user.  Those of one source share entries where there are many.  put copies nothing larger
 * than its own buffers: entries are flushed as they fill.  finish flushes,
 * closes and frees; it returns true, at long intervals, when so much is in the queue
 * that a source may have more than tviews_batch.queue_limit changes.
 */
extern TvbQueueWriter *tvb_queue_writer(void);
extern void tvb_queue_put(TvbQueueWriter *writer, const TvbChange *change);
extern bool tvb_queue_finish(TvbQueueWriter *writer);

/*
 * Take changes visible to snapshot in physical order of their entries, removing each in the
 * current transaction; an abort gives them back.  release gives back what is left of an entry.  The caller holds the drain
 * lock.  The change returned is valid until the next call.
 */
extern TvbQueueClaim *tvb_queue_claim(Snapshot snapshot);
extern bool tvb_queue_next(TvbQueueClaim *claim, TvbChange *change);
extern TransactionId tvb_queue_writer_of(TvbQueueClaim *claim);	/* who wrote it */
extern void tvb_queue_release(TvbQueueClaim *claim);

/* Whether snapshot sees any entry.  Takes no transaction id. */
extern bool tvb_queue_pending(Snapshot snapshot);

/* The same for entries that other transactions wrote under an id older than before, or that began at an earlier time than began. */
extern bool tvb_queue_pending_before(Snapshot snapshot, TransactionId before, TimestampTz began);

/*
 * Give the room of drained entries back where that can be done without waiting, and have
 * writers begin a new table when theirs has grown.  The caller holds the drain lock.
 */
extern void tvb_queue_turn_ring(void);

/* Changes that snapshot sees; exact up to 100,000, above that an estimate from sampled pages. */
extern int64 tvb_queue_count(Snapshot snapshot, bool *exact);

/* The same for one source, for its writers: 0 where somebody has the queue locked, whom they must not wait for. */
extern int64 tvb_queue_count_source(Snapshot snapshot, Oid source);

#endif
