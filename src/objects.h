/* objects.h - what a view depends on that no lock holds */
#ifndef TVB_OBJECTS_H
#define TVB_OBJECTS_H

#include "postgres.h"

/*
 * Fingerprint of what a view depends on and no lock holds: functions, operators, types, what is looked up by types (casts to json,
 * operator classes) and, if it uses them, text search configurations.  The same as long as no row of theirs is written.
 * In the current context; connected to SPI.
 */
extern char *tvb_objects_fingerprint(Oid view);

#endif
