/* drop.h - forget TVIEWs */
#ifndef TVB_DROP_H
#define TVB_DROP_H

#include "postgres.h"
#include "nodes/pg_list.h"

/*
 * Remove what the extension knows of TVIEWs whose table, or view, is in the list
 * and may be gone already, and the triggers that nobody else needs.  The caller
 * is connected to SPI.
 */
extern void tvb_drop_metadata(List *relids);

#endif
