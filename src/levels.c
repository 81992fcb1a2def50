/*-------------------------------------------------------------------------
 *
 * levels.c
 *		Definition: the order of TVIEWs that read each other.
 *
 * A cycle cannot be created, but CREATE OR REPLACE VIEW can close one.  Its
 * members are left alone by drains until it is open again; edges inside it do
 * not count for the levels of the rest.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "levels.h"
#include "registry.h"
#include "run.h"

#define CYCLE_REASON "it reads itself through "

typedef struct LevelNode
{
	Oid			relid;
	int			stored;			/* level in the table */
	bool		broken;
	bool		in_cycle_before;
	int			level;
	int			nsources;
	int		   *sources;		/* indexes of the TVIEWs it reads */
	bool	   *reaches;		/* per TVIEW, or NULL */
} LevelNode;

/* The TVIEWs and what they read of each other. */
static LevelNode *
read_nodes(int *n)
{
	static SPIPlanPtr plan = NULL;
	LevelNode  *nodes;
	uint64		rows;

	rows = tvb_run_own_change(&plan,
							  "WITH t AS (SELECT tview, level, broken, row_number() OVER (ORDER BY level, tview) - 1 AS i"
							  "  FROM tviews_batch.tview)"
							  " SELECT t.tview::oid, t.level, t.broken IS NOT NULL,"
							  "  coalesce(starts_with(t.broken, '" CYCLE_REASON "'), false),"
							  "  ARRAY(SELECT DISTINCT s.i::integer FROM tviews_batch.route r JOIN t s ON s.tview = r.source"
							  "   WHERE r.tview = t.tview ORDER BY 1)"
							  " FROM t ORDER BY t.i", NULL);
	nodes = palloc0(sizeof(LevelNode) * Max(rows, 1));
	for (uint64 i = 0; i < rows; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		Datum	   *elements;
		bool		isnull;

		nodes[i].relid = DatumGetObjectId(SPI_getbinval(tuple, desc, 1, &isnull));
		nodes[i].stored = DatumGetInt32(SPI_getbinval(tuple, desc, 2, &isnull));
		nodes[i].broken = DatumGetBool(SPI_getbinval(tuple, desc, 3, &isnull));
		nodes[i].in_cycle_before = DatumGetBool(SPI_getbinval(tuple, desc, 4, &isnull));
		deconstruct_array(DatumGetArrayTypeP(SPI_getbinval(tuple, desc, 5, &isnull)), INT4OID,
						  sizeof(int32), true, TYPALIGN_INT, &elements, NULL, &nodes[i].nsources);
		nodes[i].sources = palloc(sizeof(int) * Max(nodes[i].nsources, 1));
		for (int j = 0; j < nodes[i].nsources; j++)
			nodes[i].sources[j] = DatumGetInt32(elements[j]);
	}
	SPI_freetuptable(SPI_tuptable);
	*n = (int) rows;
	return nodes;
}

/* Whether both read each other, so that the edge between them lies in a cycle. */
static bool
in_one_cycle(const LevelNode *nodes, int a, int b)
{
	return nodes[a].reaches && nodes[b].reaches && nodes[a].reaches[b] && nodes[b].reaches[a];
}

/* Give every TVIEW its level; false if that has no end. */
static bool
assign_levels(LevelNode *nodes, int n)
{
	bool		changed = true;

	for (int i = 0; i < n; i++)
		nodes[i].level = 0;
	for (int round = 0; changed; round++)
	{
		if (round > n)
			return false;
		changed = false;
		for (int i = 0; i < n; i++)
		{
			for (int j = 0; j < nodes[i].nsources; j++)
			{
				int			source = nodes[i].sources[j];

				if (in_one_cycle(nodes, i, source) || nodes[i].level > nodes[source].level)
					continue;
				nodes[i].level = nodes[source].level + 1;
				changed = true;
			}
		}
	}
	return true;
}

/* Find what each TVIEW reads, directly or not. */
static void
find_reach(LevelNode *nodes, int n)
{
	int		   *stack = palloc(sizeof(int) * (n + 1));

	for (int i = 0; i < n; i++)
	{
		bool	   *reaches = palloc0(sizeof(bool) * n);
		int			depth = 0;
		int			at = i;

		for (;;)
		{
			for (int j = 0; j < nodes[at].nsources; j++)
			{
				int			source = nodes[at].sources[j];

				if (reaches[source])
					continue;
				reaches[source] = true;
				stack[depth++] = source;
			}
			if (depth == 0)
				break;
			at = stack[--depth];
		}
		nodes[i].reaches = reaches;
	}
}

/* Store what changed of one TVIEW. */
static void
store_node(const LevelNode *node, const char *broken, bool set_broken)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {OIDOID, INT4OID, BOOLOID, TEXTOID};
	Datum		values[] = {ObjectIdGetDatum(node->relid), Int32GetDatum(node->level),
	BoolGetDatum(set_broken), broken ? CStringGetTextDatum(broken) : (Datum) 0};
	TvbRunArgs	args = {4, types, values, broken ? "    " : "   n"};

	tvb_run_own_change(&plan, "UPDATE tviews_batch.tview SET level = $2,"
					   " broken = CASE WHEN $3 THEN $4 ELSE broken END,"
					   " stale_reason = CASE WHEN $3 THEN 'the view was changed' ELSE stale_reason END"
					   " WHERE tview = $1", &args);
}

/* Why a member of a cycle cannot be refreshed. */
static char *
cycle_reason(const LevelNode *nodes, int n, int member)
{
	int			through = member;

	for (int i = 0; i < n; i++)
	{
		if (i != member && in_one_cycle(nodes, member, i))
		{
			through = i;
			break;
		}
	}
	if (get_rel_name(nodes[through].relid) == NULL)
		return pstrdup(CYCLE_REASON "a TVIEW");
	return psprintf(CYCLE_REASON "TVIEW %s", tvb_registry_relation_name(nodes[through].relid));
}

void
tvb_levels_sync(void)
{
	int			n;
	LevelNode  *nodes = read_nodes(&n);

	if (!assign_levels(nodes, n))
	{
		find_reach(nodes, n);
		(void) assign_levels(nodes, n);
	}
	for (int i = 0; i < n; i++)
	{
		bool		cyclic = nodes[i].reaches && nodes[i].reaches[i];
		bool		breaks = cyclic && !nodes[i].broken;
		bool		heals = !cyclic && nodes[i].in_cycle_before;

		if (breaks || heals || nodes[i].level != nodes[i].stored)
			store_node(&nodes[i], cyclic ? cycle_reason(nodes, n, i) : NULL, breaks || heals);
	}
}
