/* lineage_guard.h - conditions of a changed row that come before what may fail */
#ifndef TVB_LINEAGE_GUARD_H
#define TVB_LINEAGE_GUARD_H

#include "postgres.h"

#include "lineage_way.h"

/*
 * The conditions over member id alone that a lookup applies to its changed rows, if what its way begins with may fail.
 * List of TvbConjunct *.
 */
extern List *tvb_guard_conjuncts(TvbForest *forest, int id);

#endif
