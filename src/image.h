/* image.h - whether two values have the same image */
#ifndef TVB_IMAGE_H
#define TVB_IMAGE_H

#include "postgres.h"
#include "access/tupdesc.h"
#include "utils/datum.h"

/* Whether two values of a column differ in their bytes; no operator is called. */
static inline bool
tvb_image_differs(Form_pg_attribute att, Datum a, bool a_null, Datum b, bool b_null)
{
	if (a_null || b_null)
		return a_null != b_null;
	return !datum_image_eq(a, b, att->attbyval, att->attlen);
}

#endif
