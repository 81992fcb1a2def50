/* meaning.h - query trees as text, and whether two of them mean the same */
#ifndef TVB_MEANING_H
#define TVB_MEANING_H

#include "postgres.h"
#include "nodes/parsenodes.h"

/*
 * A text in the current context that is the same for two trees of one SQL text only if they have the same
 * operators, functions, collations, relations and columns everywhere, subqueries included.
 */
extern char *tvb_meaning_of(Query *query);

/*
 * A tree as SQL, in the current context, with constants written in full and so that they are read the same under any
 * settings: dates and intervals in ISO form, every digit of floating-point values.
 */
extern char *tvb_meaning_text(Query *query, bool pretty);

#endif
