/* probe.h - the stored row with a key, by the TVIEW's own index */
#ifndef TVB_PROBE_H
#define TVB_PROBE_H

#include "postgres.h"
#include "utils/snapshot.h"

#include "registry.h"

typedef struct TvbProbe TvbProbe;

/* A stored row, valid until the next call of find: where it is, and the view's columns. */
typedef struct TvbStoredRow
{
	ItemPointerData tid;
	Datum	   *values;
	bool	   *nulls;
} TvbStoredRow;

/* The index that a key's row can be found by; InvalidOid: there is none. */
extern Oid	tvb_probe_index(const TvbTview *tview);

/*
 * Begin to look for stored rows that a snapshot sees, in the current context and resource
 * owner.  After an error nothing has to be ended.
 */
extern TvbProbe *tvb_probe_begin(const TvbTview *tview, Oid index, Snapshot snapshot);

/* The stored row whose key is equal to that of a row of the view; NULL: there is none. */
extern TvbStoredRow *tvb_probe_find(TvbProbe *probe, const Datum *values, const bool *nulls);

extern void tvb_probe_end(TvbProbe *probe);

#endif
