/* pushdown_window.h - window functions that are computed for the partitions of some rows alone */
#ifndef TVB_PUSHDOWN_WINDOW_H
#define TVB_PUSHDOWN_WINDOW_H

#include "postgres.h"
#include "nodes/bitmapset.h"
#include "nodes/parsenodes.h"

/* A column of a query's FROM that all its windows have in PARTITION BY. */
typedef struct TvbPartition
{
	Var		   *column;
	bool		nullable;		/* it may be NULL in the rows that are needed */
} TvbPartition;

/* Whether each window of a query has an expression in PARTITION BY. */
extern bool tvb_window_all_have(Query *query, Node *expr);

/*
 * The columns by which a query's rows can be told from those that no partition of the needed rows has: list
 * of TvbPartition *.  holding: the facts that hold for the needed rows, conditions of the query among them; forced: the range
 * table entries that have no row of NULLs there.  NIL: none, or looking for the partitions first may give others than
 * the query has.
 */
extern List *tvb_window_partitions(Query *query, List *holding, Bitmapset *forced);

/* The query for the distinct values that the rows of a query's FROM have in these columns. */
extern Query *tvb_window_values(Query *query, List *partitions);

/*
 * For each combination of NULLs in these columns the facts (list of List of TvbFact *) about the rows whose values are
 * among those that a query has.
 */
extern List *tvb_window_arms(List *partitions, Query *values);

/* Put the rows of some queries, whose outputs are those of query, in its place. */
extern void tvb_window_unite(Query *query, List *arms);

#endif
