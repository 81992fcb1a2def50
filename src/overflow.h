/* overflow.h - what happens when too many changes of a source wait */
#ifndef TVB_OVERFLOW_H
#define TVB_OVERFLOW_H

#include "postgres.h"
#include "nodes/pg_list.h"

/* A source of which too many changes waited; see overflow.c. */
typedef struct TvbOverflow
{
	Oid			source;
	TransactionId fence;		/* who has an older id may have skipped; or 0 */
} TvbOverflow;

/* A writer: mark the source if more than tviews_batch.queue_limit changes of it wait. */
extern void tvb_overflow_check(Oid source);

/* Whether changes of the source need not be logged; an invalidation of the table tells when to ask again. */
extern bool tvb_overflow_marked(Oid source);

/* The table that the invalidation names. */
extern Oid	tvb_overflow_table(void);

/*
 * A drain that has the lock and no snapshot yet: take each mark one step further.  Returns
 * TvbOverflow * in the current context.  The caller is connected to SPI.
 */
extern List *tvb_overflow_advance(void);

/* The drain has claimed all that its snapshot sees: forget the marks that are done with. */
extern void tvb_overflow_end(List *overflows);

/* Whether an entry need not be used, as its source will be or was compared after it was committed. */
extern bool tvb_overflow_covers(List *overflows, Oid source, TransactionId writer);

#endif
