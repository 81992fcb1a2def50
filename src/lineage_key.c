/*-------------------------------------------------------------------------
 *
 * lineage_key.c
 *		Stage 3: what a view's form says is unique, to propose a key.
 *
 * A key is proposed only where the form proves it: TVIEWs are often made while their sources are still
 * empty, when their unique index would prove anything.  One thing is taken on trust: that what is unique in an
 * inheritance parent is so among its children's rows as well, as it is where they share a sequence.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "lineage.h"
#include "lineage_expand.h"
#include "lineage_graph.h"

/* A condition of FROM's. */
typedef struct Condition
{
	Node	   *qual;
	Bitmapset  *scope;			/* entries that have no row, or no row but that of NULLs, where it is not true */
} Condition;

/* What is known of a query's FROM. */
typedef struct Joined
{
	Query	   *query;
	Bitmapset  *preserved;		/* entries that no outer join makes NULL */
	List	   *conditions;		/* Condition * */
} Joined;

static List *query_key(Query *query);
static void add_conditions(Joined *joined, Node *quals, Bitmapset *scope);

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

/* Whether an index takes the same values of all of its columns for equal as conditions on these do. */
static bool
is_plain_index(Relation table, Relation index)
{
	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
	{
		Form_pg_attribute column = TupleDescAttr(RelationGetDescr(table), index->rd_index->indkey.values[i] - 1);
		Oid			type = getBaseType(column->atttypid);

		if (index->rd_opfamily[i] != lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY)->btree_opf ||
			!tvb_graph_collations_agree(index->rd_indcollation[i], column->attcollation))
			return false;
	}
	return true;
}

List *
tvb_lineage_index_columns(Relation table, Oid indexoid)
{
	Relation	index = index_open(indexoid, AccessShareLock);
	Form_pg_index form = index->rd_index;
	List	   *columns = NIL;

	if (form->indisunique && form->indimmediate && form->indisvalid &&
		heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL) &&
		heap_attisnull(index->rd_indextuple, Anum_pg_index_indexprs, NULL) && is_plain_index(table, index))
	{
		for (int i = 0; i < form->indnkeyatts; i++)
			columns = lappend_int(columns, form->indkey.values[i]);
	}
	index_close(index, AccessShareLock);
	return columns;
}

/* The columns that number the rows of a query's partitions, and those of the partitions: lists of attnos. */
static List *
numbered_keys(Query *query)
{
	List	   *keys = NIL;
	ListCell   *lc;

	if (query->hasTargetSRFs || query->setOperations)
		return NIL;
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		WindowFunc *function = (WindowFunc *) tle->expr;
		List	   *partition;
		List	   *columns;

		if (tle->resjunk || !IsA(function, WindowFunc) || function->winfnoid != F_ROW_NUMBER)
			continue;
		partition = list_nth_node(WindowClause, query->windowClause, function->winref - 1)->partitionClause;
		columns = clause_columns(query, partition);
		if (partition == NIL || columns != NIL)
			keys = lappend(keys, lappend_int(columns, tle->resno));
	}
	return keys;
}

/* What identifies a row of a range table entry: lists of its columns. */
static List *
entry_keys(RangeTblEntry *rte)
{
	List	   *keys = NIL;
	List	   *columns;

	if (rte->rtekind == RTE_SUBQUERY)
	{
		keys = numbered_keys(rte->subquery);
		columns = query_key(rte->subquery);
		return columns ? lappend(keys, columns) : keys;
	}
	if (rte->rtekind == RTE_RELATION)
	{
		Relation	relation = relation_open(rte->relid, AccessShareLock);
		ListCell   *lc;

		foreach(lc, RelationGetIndexList(relation))
		{
			columns = tvb_lineage_index_columns(relation, lfirst_oid(lc));
			if (columns)
				keys = lappend(keys, columns);
		}
		relation_close(relation, AccessShareLock);
	}
	return keys;
}

/*
 * Go through FROM: collect its conditions and return its entries.  nullable: it stands on the nullable side of
 * an outer join.
 */
static Bitmapset *
join_entries(Joined *joined, Node *node, bool nullable)
{
	JoinExpr   *join = (JoinExpr *) node;
	Bitmapset  *left = NULL;
	Bitmapset  *right;
	ListCell   *lc;

	if (IsA(node, RangeTblRef))
	{
		left = bms_make_singleton(((RangeTblRef *) node)->rtindex);
		if (!nullable)
			joined->preserved = bms_add_members(joined->preserved, left);
		return left;
	}
	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			left = bms_join(left, join_entries(joined, lfirst(lc), nullable));
		add_conditions(joined, ((FromExpr *) node)->quals, left);
		return left;
	}
	left = join_entries(joined, join->larg, nullable || join->jointype == JOIN_RIGHT || join->jointype == JOIN_FULL);
	right = join_entries(joined, join->rarg, nullable || join->jointype == JOIN_LEFT || join->jointype == JOIN_FULL);
	if (join->jointype == JOIN_INNER)
		add_conditions(joined, join->quals, bms_union(left, right));
	else if (join->jointype == JOIN_LEFT)
		add_conditions(joined, join->quals, right);
	else if (join->jointype == JOIN_RIGHT)
		add_conditions(joined, join->quals, left);
	return bms_join(left, right);
}

/* Add conditions joined by AND that tell rows of the entries of scope. */
static void
add_conditions(Joined *joined, Node *quals, Bitmapset *scope)
{
	ListCell   *lc;

	foreach(lc, tvb_expand_conjuncts(quals))
	{
		Condition  *condition = palloc(sizeof(Condition));

		condition->qual = lfirst(lc);
		condition->scope = bms_copy(scope);
		joined->conditions = lappend(joined->conditions, condition);
	}
}

/* Whether a column is set equal to something that is not over entries still to be told. */
static bool
is_told(Joined *joined, int varno, AttrNumber attno, Bitmapset *untold)
{
	ListCell   *lc;

	foreach(lc, joined->conditions)
	{
		Condition  *condition = lfirst(lc);
		OpExpr	   *op = (OpExpr *) condition->qual;

		if (!IsA(op, OpExpr) || list_length(op->args) != 2 || !bms_is_member(varno, condition->scope))
			continue;
		for (int side = 0; side < 2; side++)
		{
			Node	   *expr = list_nth(op->args, side);
			Var		   *var = (Var *) strip_implicit_coercions(expr);

			if (IsA(var, Var) && var->varlevelsup == 0 && var->varno == varno && var->varattno == attno &&
				tvb_graph_equates(op, expr) && tvb_graph_collations_agree(op->inputcollid, var->varcollid) &&
				!bms_overlap(tvb_compat_pull_varnos(list_nth(op->args, 1 - side)), untold))
				return true;
		}
	}
	return false;
}

/*
 * Whether an entry has one row at most: a function that returns no set, a subquery that is an aggregate without
 * GROUP BY, has LIMIT 1 or no FROM.
 */
static bool
is_single_row(RangeTblEntry *rte)
{
	Query	   *query = rte->subquery;
	Const	   *limit;

	if (rte->rtekind == RTE_FUNCTION)
		return !expression_returns_set((Node *) rte->functions);
	if (rte->rtekind != RTE_SUBQUERY)
		return false;
	limit = (Const *) strip_implicit_coercions(query->limitCount);
	if (limit != NULL && IsA(limit, Const) && limit->consttype == INT4OID && !limit->constisnull &&
		DatumGetInt32(limit->constvalue) <= 1 && query->limitOption == LIMIT_OPTION_COUNT)
		return true;
	return query->groupClause == NIL && query->groupingSets == NIL && !query->hasTargetSRFs &&
		query->setOperations == NULL && (query->hasAggs || query->jointree->fromlist == NIL);
}

/* Whether an entry multiplies nothing: it has one row at most for each row of those that are not untold. */
static bool
is_looked_up(Joined *joined, int varno, Bitmapset *untold)
{
	RangeTblEntry *rte = rt_fetch(varno, joined->query->rtable);
	ListCell   *key;
	ListCell   *lc;

	if (is_single_row(rte))
		return true;
	foreach(key, entry_keys(rte))
	{
		foreach(lc, lfirst_node(List, key))
		{
			if (!is_told(joined, varno, lfirst_int(lc), untold))
				break;
		}
		if (lc == NULL)
			return true;
	}
	return false;
}

/* Whether a row of one entry tells the rows of all others. */
static bool
tells_all(Joined *joined, int varno, Bitmapset *entries)
{
	Bitmapset  *untold = bms_del_member(bms_copy(entries), varno);
	bool		shrunk = true;

	while (shrunk)
	{
		int			other = -1;

		shrunk = false;
		while ((other = bms_next_member(entries, other)) >= 0)
		{
			if (!bms_is_member(other, untold) || !is_looked_up(joined, other, untold))
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
	Joined		joined = {query, NULL, NIL};
	Bitmapset  *entries = join_entries(&joined, (Node *) query->jointree, false);
	int			varno = -1;

	while ((varno = bms_next_member(joined.preserved, varno)) >= 0)
	{
		List	   *found = shown_columns(query, varno, entry_key(rt_fetch(varno, query->rtable)));

		if (found != NIL && tells_all(&joined, varno, entries))
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
