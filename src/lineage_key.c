/*-------------------------------------------------------------------------
 *
 * lineage_key.c
 *		Stage 3: what a view's form says is unique, to propose a key.
 *
 * A proposal need not be proved: the unique index of the TVIEW does that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "compat.h"
#include "lineage.h"
#include "lineage_expand.h"

static List *query_key(Query *query);

/* All columns of a query's result. */
static List *
all_columns(Query *query)
{
	List	   *attnos = NIL;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		if (!lfirst_node(TargetEntry, lc)->resjunk)
			attnos = lappend_int(attnos, lfirst_node(TargetEntry, lc)->resno);
	}
	return attnos;
}

/* The result columns that are the given sort/group clauses; NIL unless all are shown. */
static List *
clause_columns(Query *query, List *clauses)
{
	List	   *attnos = NIL;
	ListCell   *lc;

	foreach(lc, clauses)
	{
		TargetEntry *tle = get_sortgroupclause_tle(lfirst_node(SortGroupClause, lc),
												   query->targetList);
		ListCell   *other;

		/* The same expression may be shown under another entry. */
		foreach(other, query->targetList)
		{
			TargetEntry *shown = lfirst_node(TargetEntry, other);

			if (!shown->resjunk && equal(shown->expr, tle->expr))
			{
				attnos = list_append_unique_int(attnos, shown->resno);
				break;
			}
		}
		if (other == NULL)
			return NIL;
	}
	return attnos;
}

/* The result columns that are the given columns of a range table entry; NIL unless all are shown. */
static List *
shown_columns(Query *query, int varno, List *columns)
{
	List	   *attnos = NIL;
	ListCell   *lc;

	foreach(lc, columns)
	{
		ListCell   *other;

		foreach(other, query->targetList)
		{
			TargetEntry *tle = lfirst_node(TargetEntry, other);
			Var		   *var = (Var *) tle->expr;

			if (!tle->resjunk && IsA(var, Var) && var->varno == varno &&
				var->varlevelsup == 0 && var->varattno == lfirst_int(lc))
			{
				attnos = lappend_int(attnos, tle->resno);
				break;
			}
		}
		if (other == NULL)
			return NIL;
	}
	return attnos;
}

/* The key columns of a range table entry: primary key, or what its subquery makes unique. */
static List *
entry_key(RangeTblEntry *rte)
{
	List	   *columns = NIL;
	Relation	relation;
	Bitmapset  *attnos;
	int			attno = -1;

	if (rte->rtekind == RTE_SUBQUERY)
		return query_key(rte->subquery);
	if (rte->rtekind != RTE_RELATION)
		return NIL;
	relation = relation_open(rte->relid, AccessShareLock);
	attnos = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	while ((attno = bms_next_member(attnos, attno)) >= 0)
		columns = lappend_int(columns, attno + FirstLowInvalidHeapAttributeNumber);
	relation_close(relation, AccessShareLock);
	return columns;
}

/* The entries whose rows multiply: not on the nullable side of an outer join. */
static void
preserved_entries(Node *node, Bitmapset **entries, List **quals)
{
	ListCell   *lc;

	if (IsA(node, RangeTblRef))
		*entries = bms_add_member(*entries, ((RangeTblRef *) node)->rtindex);
	else if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			preserved_entries(lfirst(lc), entries, quals);
		*quals = list_concat(*quals, tvb_expand_conjuncts(((FromExpr *) node)->quals));
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		if (join->jointype != JOIN_RIGHT)
			preserved_entries(join->larg, entries, quals);
		if (join->jointype != JOIN_LEFT)
			preserved_entries(join->rarg, entries, quals);
		if (join->jointype == JOIN_INNER)
			*quals = list_concat(*quals, tvb_expand_conjuncts(join->quals));
	}
}

/* Whether a column is set equal to something that is not over entries still to be told. */
static bool
is_told(List *quals, int varno, AttrNumber attno, Bitmapset *untold)
{
	ListCell   *lc;

	foreach(lc, quals)
	{
		OpExpr	   *op = lfirst(lc);

		if (!IsA(op, OpExpr) || list_length(op->args) != 2)
			continue;
		for (int side = 0; side < 2; side++)
		{
			Var		   *var = (Var *) strip_implicit_coercions(list_nth(op->args, side));

			if (IsA(var, Var) && var->varno == varno && var->varattno == attno &&
				!bms_overlap(tvb_compat_pull_varnos(list_nth(op->args, 1 - side)), untold))
				return true;
		}
	}
	return false;
}

/* Whether a subquery gives one row at most: an aggregate without GROUP BY. */
static bool
is_single_row(RangeTblEntry *rte)
{
	return rte->rtekind == RTE_SUBQUERY && rte->subquery->hasAggs && rte->subquery->groupClause == NIL &&
		rte->subquery->groupingSets == NIL && !rte->subquery->hasTargetSRFs;
}

/* Whether an entry multiplies nothing: it has one row for each row of those that are not untold. */
static bool
is_looked_up(Query *query, int varno, List *quals, Bitmapset *untold)
{
	RangeTblEntry *rte = rt_fetch(varno, query->rtable);
	List	   *key;
	ListCell   *lc;

	if (is_single_row(rte))
		return true;
	key = entry_key(rte);
	foreach(lc, key)
	{
		if (!is_told(quals, varno, lfirst_int(lc), untold))
			return false;
	}
	return key != NIL;
}

/* Whether a row of one entry tells the rows of all others. */
static bool
tells_all(Query *query, int varno, List *quals, Bitmapset *entries)
{
	Bitmapset  *untold = bms_del_member(bms_copy(entries), varno);
	bool		shrunk = true;

	while (shrunk)
	{
		int			other = -1;

		shrunk = false;
		while ((other = bms_next_member(entries, other)) >= 0)
		{
			if (!bms_is_member(other, untold) || !is_looked_up(query, other, quals, untold))
				continue;
			untold = bms_del_member(untold, other);
			shrunk = true;
		}
	}
	return bms_is_empty(untold);
}

/* The shown key of the first entry whose rows are the view's rows, or NIL. */
static List *
preserved_key(Query *query)
{
	Bitmapset  *entries = NULL;
	List	   *quals = NIL;
	int			varno = -1;

	preserved_entries((Node *) query->jointree, &entries, &quals);
	while ((varno = bms_next_member(entries, varno)) >= 0)
	{
		List	   *found = shown_columns(query, varno, entry_key(rt_fetch(varno, query->rtable)));

		if (found != NIL && tells_all(query, varno, quals, entries))
			return found;
	}
	return NIL;
}

/* The columns a query's form says are unique together, or NIL. */
static List *
query_key(Query *query)
{
	if (query->groupingSets || query->hasTargetSRFs)
		return NIL;
	if (query->setOperations)
	{
		SetOperationStmt *op = castNode(SetOperationStmt, query->setOperations);

		return op->all ? NIL : all_columns(query);
	}
	if (query->groupClause)
	{
		List	   *columns = clause_columns(query, query->groupClause);

		if (columns)
			return columns;
	}
	if (query->hasDistinctOn)
		return clause_columns(query, query->distinctClause);
	if (query->groupClause == NIL && !query->hasAggs)
	{
		List	   *columns = preserved_key(query);

		if (columns)
			return columns;
	}
	return query->distinctClause ? all_columns(query) : NIL;
}

List *
tvb_lineage_unique_columns(Query *expanded)
{
	return query_key(expanded);
}

List *
tvb_lineage_proposed_key(Query *query)
{
	return query_key(tvb_expand_query(query));
}
