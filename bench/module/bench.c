/*-------------------------------------------------------------------------
 *
 * bench.c
 *		Two C functions that the bench measures against; no part of the extension.
 *
 * bench_empty: a trigger that does nothing.  What a statement costs with it is
 * what any trigger with the same transition tables costs at least.
 * bench_mark: a name for valgrind to stop at between two statements.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(bench_empty);
PG_FUNCTION_INFO_V1(bench_mark);

Datum
bench_empty(PG_FUNCTION_ARGS)
{
	return PointerGetDatum(NULL);
}

Datum
bench_mark(PG_FUNCTION_ARGS)
{
	PG_RETURN_VOID();
}
