/* attempt.h - work that may fail without taking the transaction with it */
#ifndef TVB_ATTEMPT_H
#define TVB_ATTEMPT_H

#include "postgres.h"

/* How an attempt ended. */
typedef enum TvbVerdict
{
	TVB_DONE,
	TVB_FAILED,					/* a key or a row may be to blame */
	TVB_BROKEN,					/* no key is, but only this TVIEW: something
								 * that its definition names is not there */
	TVB_LOCKED,					/* another session has locked what is needed,
								 * for longer than lock_timeout */
	TVB_HINDERED				/* no key is, nor the definition: it needs more
								 * locks than there are */
} TvbVerdict;

/*
 * Call work(arg) in a subtransaction, connected to SPI anew.  keep false: what it wrote is
 * undone even if it succeeds.  An error is returned as a copy in the current
 * context, unless nobody's key and no TVIEW can be to blame for it: then it is raised
 * again.
 *
 * After an error everything that belongs to a resource owner and was made in
 * there is gone: tuplestores, sorts, registered relations.
 */
extern TvbVerdict tvb_attempt(void (*work) (void *arg), void *arg, bool keep, ErrorData **error);

/*
 * Call work(arg) in a subtransaction; keep as above.  Returns the error that undid it, whatever it is, as a copy in the
 * current context, or NULL.
 */
extern ErrorData *tvb_attempt_catch(void (*work) (void *arg), void *arg, bool keep);

/* lock_timeout, in milliseconds, until the current level of settings ends. */
extern void tvb_attempt_limit_waits(int ms);

#endif
