/*-------------------------------------------------------------------------
 *
 * attempt.c
 *		Work that may fail without taking the transaction with it.
 *
 * The only place that begins subtransactions.  An attempt has its own SPI
 * connection, so that plans and named relations of a failed one go with it;
 * user, security context, settings and snapshots are put back by the abort.
 *
 * Which errors are nobody's is decided here:
 *
 *	- the drain's end: cancel, shutdown, statement timeout, serialization, memory,
 *	  disk;
 *	- the TVIEW's, for now: a lock that lock_timeout gave up;
 *	- the TVIEW's, as it may happen again with it: more locks than there are.  It must not stop the others' drains;
 *	- the TVIEW's: class 42, what its definition names is not there, not
 *	  allowed, or of another type;
 *	- all others can be a key's.
 *
 * What a function gets for trying what no function may - to end the transaction, to change
 * its mode, to load a file - is a key's: it must not stop everybody's drains.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "attempt.h"

/* First two characters of an SQLSTATE. */
#define CATEGORY(a, b) MAKE_SQLSTATE(a, b, '0', '0', '0')

/* Work that has an SPI connection of its own. */
typedef struct Connected
{
	void		(*work) (void *arg);
	void	   *arg;
} Connected;

static void work_connected(void *arg);
static bool ends_drain(int sqlstate);
static bool is_lack_of_locks(const ErrorData *error);

ErrorData *
tvb_attempt_catch(void (*work) (void *arg), void *arg, bool keep)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile caught = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		work(arg);
		if (keep)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		caught = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return caught;
}

TvbVerdict
tvb_attempt(void (*work) (void *arg), void *arg, bool keep, ErrorData **error)
{
	Connected	connected = {work, arg};
	ErrorData  *caught = tvb_attempt_catch(work_connected, &connected, keep);

	if (caught == NULL)
		return TVB_DONE;
	*error = caught;
	if (is_lack_of_locks(caught))
		return TVB_HINDERED;
	if (ends_drain(caught->sqlerrcode))
		ReThrowError(caught);
	if (caught->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
		return TVB_LOCKED;
	return ERRCODE_TO_CATEGORY(caught->sqlerrcode) == CATEGORY('4', '2') ? TVB_BROKEN : TVB_FAILED;
}

void
tvb_attempt_limit_waits(int ms)
{
	char		value[32];

	snprintf(value, sizeof(value), "%dms", ms);
	(void) set_config_option("lock_timeout", value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/* Connect, and do the work in the caller's context. */
static void
work_connected(void *arg)
{
	Connected  *connected = arg;
	MemoryContext context = CurrentMemoryContext;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	MemoryContextSwitchTo(context);
	connected->work(connected->arg);
	SPI_finish();
}

/* Whether an error has nothing to do with what was worked on. */
static bool
ends_drain(int sqlstate)
{
	if (sqlstate == ERRCODE_UNDEFINED_FILE)
		return false;
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case CATEGORY('4', '0'):	/* serialization, deadlock */
		case CATEGORY('5', '3'):	/* memory, disk */
		case CATEGORY('5', '7'):	/* cancel, shutdown */
		case CATEGORY('5', '8'):	/* operating system */
			return true;
	}
	return false;
}

/* Whether the server's table of locks is full.  Its code is that of any lack of memory, its hint names the setting. */
static bool
is_lack_of_locks(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_OUT_OF_MEMORY && error->hint != NULL &&
		strstr(error->hint, "max_locks_per_transaction") != NULL;
}
