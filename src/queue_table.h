/* queue_table.h - inside stage 2: the tables that make up the queue; for the queue*.c files alone */
#ifndef TVB_QUEUE_TABLE_H
#define TVB_QUEUE_TABLE_H

#include "postgres.h"
#include "access/htup.h"
#include "access/tableam.h"
#include "storage/buf.h"
#include "storage/off.h"
#include "utils/rel.h"

/* The queue is a ring of this many tables: tviews_batch.queue and its children. */
#define TVB_QUEUE_MEMBERS 4

/* Columns of each. */
enum
{
	QUEUE_SOURCE = 1,
	QUEUE_VERSION,
	QUEUE_STARTED,
	QUEUE_LINK,
	QUEUE_NATTS = QUEUE_LINK
};

/* The source of a sentinel. */
#define TVB_QUEUE_SENTINEL InvalidOid

/* Open a member.  The caller closes it. */
extern Relation tvb_queue_open(int member, LOCKMODE lockmode);

/* Open and close all members.  They are put in the order in which entries are claimed: retired ones first. */
extern void tvb_queue_open_all(Relation members[TVB_QUEUE_MEMBERS], LOCKMODE lockmode);
/* The same without waiting: false, and nothing is open, if a lock is not to be had. */
extern bool tvb_queue_try_open_all(Relation members[TVB_QUEUE_MEMBERS], LOCKMODE lockmode);
extern void tvb_queue_close_all(Relation members[TVB_QUEUE_MEMBERS], LOCKMODE lockmode);

/*
 * The member that writers use: a hint that may be old, which is harmless, as all
 * members are read.  turn makes another one current when the transaction commits.
 */
extern int	tvb_queue_current(void);
extern void tvb_queue_turn(int member);

/* Whether a member's rows can be read here: on a standby unlogged ones cannot. */
extern bool tvb_queue_readable(Relation rel);

/* A scan in physical order from the first page: never joined to another backend's scan. */
extern TableScanDesc tvb_queue_scan(Relation rel, Snapshot snapshot);

/*
 * The entry on a line of one of rel's pages, whose content lock the caller holds;
 * false if none stands there.  The tuple points into the page.
 */
extern bool tvb_queue_line(Relation rel, Buffer buffer, OffsetNumber line, HeapTuple tuple);

/* Whether an entry is a sentinel. */
extern bool tvb_queue_is_sentinel(TupleTableSlot *slot);
extern bool tvb_queue_tuple_is_sentinel(Relation rel, HeapTuple tuple);

#endif
