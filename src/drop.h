/* drop.h - forget TVIEWs */
#ifndef TVB_DROP_H
#define TVB_DROP_H

#include "postgres.h"

/*
 * Remove what the extension knows of a TVIEW whose table may be gone already,
 * and the triggers that nobody else needs.  The caller is connected to SPI.
 */
extern void tvb_drop_metadata(Oid tview);

#endif
