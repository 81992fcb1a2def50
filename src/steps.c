/*-------------------------------------------------------------------------
 *
 * steps.c
 *		Procedures that work in several transactions.
 *
 * SPI commits only for a CALL that is a statement of its own.  The transaction
 * that follows a commit has the isolation level of the session's default; a
 * drain needs READ COMMITTED.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "utils/guc.h"

#include "steps.h"

static bool is_atomic(FunctionCallInfo fcinfo);

void
tvb_steps_begin(FunctionCallInfo fcinfo, const char *call)
{
	if (is_atomic(fcinfo) || IsSubTransaction())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("%s cannot run inside a transaction block or a function", call),
				 errhint("It commits as it goes: CALL it as a statement of its own.")));
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
}

void
tvb_steps_next(void)
{
	SPI_commit();
	if (XactIsoLevel != XACT_READ_COMMITTED)
		(void) set_config_option("transaction_isolation", "read committed",
								 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL,
								 true, 0, false);
}

void
tvb_steps_end(void)
{
	SPI_finish();
}

/* Whether the call may not end transactions. */
static bool
is_atomic(FunctionCallInfo fcinfo)
{
	return fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic;
}
