/* lineage_build.h - a graph while it is built: shared by lineage_graph.c, lineage_resolve.c and lineage_from.c */
#ifndef TVB_LINEAGE_BUILD_H
#define TVB_LINEAGE_BUILD_H

#include "postgres.h"
#include "nodes/bitmapset.h"
#include "nodes/parsenodes.h"

#include "lineage_graph.h"

/* What a range table entry of a scope is in the graph. */
typedef struct TvbRel
{
	TvbMember  *member;
	struct TvbScope *scope;		/* a subquery */
	List	   *alias_vars;		/* a join */
} TvbRel;

/* A query level while it is taken apart. */
typedef struct TvbScope
{
	int			id;
	struct TvbScope *parent;
	Query	   *query;
	TvbRel	   *rels;			/* by range table index - 1 */
	Bitmapset  *scopes;
	Bitmapset  *boxes;
	Bitmapset  *shells;
	Bitmapset  *nullable;
	const char *opaque;
	List	   *outputs;
} TvbScope;

/* Two columns merged by a FULL JOIN, and the one that this variant takes. */
typedef struct TvbMerge
{
	Expr	   *left;
	Expr	   *right;
	bool		take_left;
} TvbMerge;

/* State of building one variant. */
typedef struct TvbBuilder
{
	TvbGraph   *graph;
	int			next_scope;
	List	   *merges;			/* TvbMerge * */
	List	   *choices;		/* int: arm taken at each decision so far */
	List	   *widths;			/* int: how many arms it had */
	int			decisions;		/* made in this variant */
} TvbBuilder;

/* Where new conjuncts and members go. */
typedef struct TvbPlace
{
	TvbScope   *scope;
	Bitmapset  *nullable;
} TvbPlace;

/* lineage_graph.c */

/*
 * Take a query apart into the builder's graph; the place it stands at is given by the
 * boxes, shells and outer joins around it.  opaque: why nothing in it can be
 * traced, or NULL.
 */
extern TvbScope *tvb_graph_query(TvbBuilder *builder, Query *query, TvbScope *parent,
								 Bitmapset *boxes, Bitmapset *shells,
								 Bitmapset *nullable, const char *opaque);

/* Take decision number n of this variant, of n arms. */
extern int	tvb_graph_choose(TvbBuilder *builder, int arms);

/* Mark a column as equal but perhaps not identical, if its type has such values. */
extern Expr *tvb_graph_mark(Expr *expr);

/* lineage_resolve.c */

/* The expression over members that a query-level expression stands for, or NULL. */
extern Expr *tvb_resolve_expr(TvbBuilder *builder, TvbScope *scope, Node *expr);

/* lineage_from.c */

/* Take a piece of FROM apart, left to right, so that LATERAL finds what it refers to. */
extern void tvb_from_build(TvbBuilder *builder, TvbScope *scope, Node *node, Bitmapset *nullable);

/* Take conditions joined by AND apart at a place; usable: as conditions of ways. */
extern void tvb_from_conditions(TvbBuilder *builder, TvbPlace *place, Node *quals, bool usable);

/* Take apart every sublink in an expression at a place. */
extern void tvb_from_sublinks(TvbBuilder *builder, TvbPlace *place, Node *expr);

#endif
