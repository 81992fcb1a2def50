/* meaning.h - whether two query trees mean the same */
#ifndef TVB_MEANING_H
#define TVB_MEANING_H

#include "postgres.h"
#include "nodes/parsenodes.h"

/*
 * A text in the current context that is the same for two trees of one SQL text only if they have the same
 * operators, functions, collations, relations and columns everywhere, subqueries included.
 */
extern char *tvb_meaning_of(Query *query);

#endif
