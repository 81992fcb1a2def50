/*-------------------------------------------------------------------------
 *
 * bench.c
 *		C functions that the bench measures with; no part of the extension.
 *
 * bench_empty: a trigger that does nothing.  What a statement costs with it is
 * what any trigger with the same transition tables costs at least.
 * bench_mark: a name for valgrind to stop at between two statements.
 * bench_cpu: the processor time that this server process has had, in ns.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "fmgr.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(bench_empty);
PG_FUNCTION_INFO_V1(bench_mark);
PG_FUNCTION_INFO_V1(bench_cpu);

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

Datum
bench_cpu(PG_FUNCTION_ARGS)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	PG_RETURN_INT64((int64) used.tv_sec * 1000000000 + used.tv_nsec);
}
