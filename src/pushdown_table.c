/*-------------------------------------------------------------------------
 *
 * pushdown_table.c
 *		Stage 5, before it runs: a table in FROM, restricted where the planner would not do it.
 *
 * There is no place for a condition on one side of a FULL JOIN but in a subquery:
 *
 *	(SELECT p.id, p.cat FROM prod p WHERE p.id = ANY ($1)) p FULL JOIN ...
 *
 * A subquery's columns are numbered without the gaps that dropped columns of a table leave, so the columns are numbered
 * anew everywhere.  What reads the table as whole rows would get rows of another type.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/attmap.h"
#include "access/relation.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/rel.h"

#include "pushdown_facts.h"
#include "pushdown_table.h"

/* SELECT all columns FROM a table WHERE conditions; map gets the number of each column there. */
static Query *
select_columns(RangeTblEntry *rte, int rtindex, List *quals, AttrMap **map)
{
	Relation	relation = relation_open(rte->relid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(relation);
	Query	   *query = makeNode(Query);
	RangeTblRef *ref = makeNode(RangeTblRef);
	List	   *translated = NIL;
	ListCell   *lc;

	*map = make_attrmap(desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Var		   *column;

		if (att->attisdropped)
			continue;
		column = makeVar(1, att->attnum, att->atttypid, att->atttypmod, att->attcollation, 0);
		query->targetList = lappend(query->targetList,
									makeTargetEntry((Expr *) column, list_length(query->targetList) + 1,
													pstrdup(NameStr(att->attname)), false));
		(*map)->attnums[i] = list_length(query->targetList);
	}
	relation_close(relation, AccessShareLock);
	foreach(lc, quals)
		translated = lappend(translated, tvb_fact_translate(lfirst(lc), rtindex, NIL));
	rte->alias = makeAlias(rte->eref->aliasname, NIL);
	ref->rtindex = 1;
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->rtable = list_make1(rte);
	query->jointree = makeFromExpr(list_make1(ref), (Node *) make_ands_explicit(translated));
	return query;
}

/* The entry for a subquery that stands for a table, with the names of its outputs. */
static RangeTblEntry *
make_entry(Query *subquery, char *name)
{
	List	   *names = NIL;
	RangeTblEntry *rte;
	ListCell   *lc;

	foreach(lc, subquery->targetList)
		names = lappend(names, makeString(pstrdup(lfirst_node(TargetEntry, lc)->resname)));
	rte = tvb_fact_entry(subquery, name, names, true);
	rte->alias->colnames = NIL;
	return rte;
}

/* Map numbers of columns. */
static void
map_columns(List *columns, AttrMap *map)
{
	ListCell   *lc;

	foreach(lc, columns)
		lfirst_int(lc) = map->attnums[lfirst_int(lc) - 1];
}

/* The joins that a table is a side of number its columns, too. */
static void
map_joins(Query *query, Node *node, int rtindex, AttrMap *map)
{
	ListCell   *lc;

	check_stack_depth();
	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			map_joins(query, lfirst(lc), rtindex, map);
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;
		RangeTblEntry *rte = rt_fetch(join->rtindex, query->rtable);

		if (IsA(join->larg, RangeTblRef) && ((RangeTblRef *) join->larg)->rtindex == rtindex)
			map_columns(rte->joinleftcols, map);
		if (IsA(join->rarg, RangeTblRef) && ((RangeTblRef *) join->rarg)->rtindex == rtindex)
			map_columns(rte->joinrightcols, map);
		map_joins(query, join->larg, rtindex, map);
		map_joins(query, join->rarg, rtindex, map);
	}
}

bool
tvb_table_restrict(Query *query, int rtindex, List *quals)
{
	RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);
	bool		whole_row = false;
	AttrMap    *map;
	Query	   *subquery = select_columns(copyObject(rte), rtindex, quals, &map);
	Query	   *mapped = (Query *) map_variable_attnos((Node *) query, rtindex, 0, map, InvalidOid, &whole_row);

	if (whole_row)
		return false;
	map_joins(mapped, (Node *) mapped->jointree, rtindex, map);
	lfirst(list_nth_cell(mapped->rtable, rtindex - 1)) = make_entry(subquery, rte->eref->aliasname);
	*query = *mapped;
	return true;
}
