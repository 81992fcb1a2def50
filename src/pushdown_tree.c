/*-------------------------------------------------------------------------
 *
 * pushdown_tree.c
 *		Stage 5, before it runs: a view's query tree with the keys carried into it.
 *
 * The planner does not carry "p.id = ANY ($1)" across "LEFT JOIN (SELECT prod,
 * count(*) FROM review GROUP BY prod) r ON r.prod = p.id": it would group all of
 * review for one key.  Here the condition "prod = ANY ($1)" is put into the
 * subquery.  That is done in the view's expanded query tree, never in its text:
 * nested views and CTEs are written out as subqueries, with the exceptions of pushdown_cte.c.
 *
 * Invariant: a query level's rows that the keys need are the same before and after, in
 * number too; only others may be missing or added.  A condition on an output
 * column goes into a level only where it holds for all rows of a group, of a
 * window's partition, of what DISTINCT ON picks one from, or for none of them; never
 * below a LIMIT.  Of a join the nullable side is restricted by what holds for
 * the preserved side and by the join's own conditions, the preserved side by what stands
 * above the join.  docs/architecture.md has the argument.
 *
 * Whatever is not understood is left as it is.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/prep.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "lineage_expand.h"
#include "pushdown_cte.h"
#include "pushdown_table.h"
#include "pushdown_tree.h"
#include "pushdown_window.h"

/* One keyed query while it is made. */
typedef struct Pushdown
{
	bool		changed;		/* a condition was added that the planner
								 * would not find */
	List	   *levels;			/* per query level, innermost first, its CTEs:
								 * List of TvbShared * */
} Pushdown;

/* A query level while its FROM is gone through. */
typedef struct Level
{
	Pushdown   *push;
	Query	   *query;
	Query	   *before;			/* a copy from before anything was added */
	int			sides;			/* how many FULL JOINs are around: the planner
								 * does not restrict what is there */
	List	   *tables;			/* Table * */
} Level;

/* A table that is to be restricted when the level is done. */
typedef struct Table
{
	int			rtindex;
	List	   *quals;
} Table;

static void push_query(Pushdown *push, Query *query, List *facts, bool alone);
static void push_outputs(Pushdown *push, Query *query, int varno, List *facts, bool alone);
static void push_plain(Pushdown *push, Query *query, int varno, List *facts, bool alone);
static bool push_partitions(Pushdown *push, Query *query, List *facts, List *above);

/* ---------- through the output of a query ---------- */

/* Whether evaluating an expression for more rows than the query does cannot fail. */
static bool
is_harmless(Node *expr)
{
	/* the planner's list of what reveals nothing of its arguments lacks COALESCE */
	if (IsA(expr, CoalesceExpr))
		expr = (Node *) ((CoalesceExpr *) expr)->args;
	return tvb_fact_column(expr) != NULL || !contain_leaked_vars(expr);
}

/* Whether a condition on an output decides about whole groups and so on; windows aside. */
static bool
may_restrict(Query *query, TargetEntry *tle)
{
	Node	   *expr = (Node *) tle->expr;

	if (query->limitCount || query->limitOffset || query->groupingSets || query->rowMarks ||
		expression_returns_set(expr) || tvb_fact_has_sublink(expr) || !is_harmless(expr))
		return false;
	if ((query->groupClause || query->hasAggs || query->havingQual) &&
		!tvb_fact_clause_has(query, query->groupClause, expr))
		return false;
	return !query->hasDistinctOn || tvb_fact_clause_has(query, query->distinctClause, expr);
}

/* Whether all columns that a fact names of varno may restrict the query. */
static bool
fact_may_restrict(Query *query, TvbFact *fact, int varno)
{
	Bitmapset  *columns = tvb_fact_columns(fact, varno);
	int			resno = -1;

	while ((resno = bms_next_member(columns, resno)) >= 0)
	{
		TargetEntry *tle = get_tle_by_resno(query->targetList, resno);

		if (tle == NULL || !may_restrict(query, tle))
			return false;
	}
	return columns != NULL;
}

/* Whether a query neither groups, numbers nor chooses rows: a condition on its outputs is one on its FROM. */
static bool
is_plain(Query *query)
{
	return query->setOperations == NULL && query->groupClause == NIL && query->groupingSets == NIL && !query->hasAggs &&
		query->havingQual == NULL && query->distinctClause == NIL && !query->hasWindowFuncs && !query->hasTargetSRFs &&
		query->limitCount == NULL && query->limitOffset == NULL && query->cteList == NIL;
}

/*
 * Whether a condition over a query's FROM tells equal values of a subquery that groups these apart.  It must not even stand
 * beside it: the planner, too, would move it below what groups them.
 */
static bool
tells_equals_apart(Query *query, Node *qual)
{
	Bitmapset  *rels = tvb_compat_pull_varnos(qual);
	int			rtindex = -1;

	check_stack_depth();
	while ((rtindex = bms_next_member(rels, rtindex)) >= 0)
	{
		RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);

		if (rte->rtekind == RTE_RELATION || !tvb_fact_is_fine(qual, rtindex))
			continue;
		if (rte->rtekind != RTE_SUBQUERY || !is_plain(rte->subquery) ||
			tvb_fact_columns(tvb_fact_make(qual, false, false), rtindex) == NULL ||
			tells_equals_apart(rte->subquery, tvb_fact_flatten(rte->subquery, tvb_fact_translate(qual, rtindex, rte->subquery->targetList))))
			return true;
	}
	return false;
}

/* Whether it decides about whole partitions of every window, too. */
static bool
fact_tells_partitions(Query *query, TvbFact *fact, int varno)
{
	Bitmapset  *columns = tvb_fact_columns(fact, varno);
	int			resno = -1;

	while ((resno = bms_next_member(columns, resno)) >= 0)
	{
		if (!tvb_window_all_have(query, (Node *) get_tle_by_resno(query->targetList, resno)->expr))
			return false;
	}
	return true;
}

/* Whether a set operation has an arm that takes rows away: the planner moves no condition into it. */
static bool
has_except(Node *node)
{
	SetOperationStmt *op = (SetOperationStmt *) node;

	if (!IsA(node, SetOperationStmt))
		return false;
	return op->op == SETOP_EXCEPT || has_except(op->larg) || has_except(op->rarg);
}

/* Append the set operations around an arm, outermost first; false: it is none of these. */
static bool
find_arm(Node *node, int rtindex, List **around)
{
	SetOperationStmt *op = (SetOperationStmt *) node;

	check_stack_depth();
	if (IsA(node, RangeTblRef))
		return ((RangeTblRef *) node)->rtindex == rtindex;
	if (!find_arm(op->larg, rtindex, around) && !find_arm(op->rarg, rtindex, around))
		return false;
	*around = lcons(op, *around);
	return true;
}

static List *
operations_around(Query *query, int rtindex)
{
	List	   *around = NIL;

	(void) find_arm(query->setOperations, rtindex, &around);
	return around;
}

/* Whether an arm yields the columns that a fact names in the type and collation of all set operations around it. */
static bool
arm_fits(Query *query, int rtindex, TvbFact *fact, int varno)
{
	Query	   *arm = rt_fetch(rtindex, query->rtable)->subquery;
	List	   *around = operations_around(query, rtindex);
	Bitmapset  *columns = tvb_fact_columns(fact, varno);
	int			resno = -1;
	ListCell   *lc;

	while ((resno = bms_next_member(columns, resno)) >= 0)
	{
		TargetEntry *tle = get_tle_by_resno(arm->targetList, resno);

		if (tle == NULL || tle->resjunk)
			return false;
		foreach(lc, around)
		{
			SetOperationStmt *op = lfirst_node(SetOperationStmt, lc);

			if (exprType((Node *) tle->expr) != list_nth_oid(op->colTypes, resno - 1) ||
				exprCollation((Node *) tle->expr) != list_nth_oid(op->colCollations, resno - 1))
				return false;
		}
	}
	return columns != NULL;
}

/* Whether all arms do: else the planner moves the fact into none of them. */
static bool
arms_fit(Query *query, Bitmapset *arms, TvbFact *fact, int varno)
{
	int			rtindex = -1;

	while ((rtindex = bms_next_member(arms, rtindex)) >= 0)
	{
		RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);

		if (rte->rtekind == RTE_SUBQUERY && !arm_fits(query, rtindex, fact, varno))
			return false;
	}
	return true;
}

/* Columns of one range table entry as a targetlist. */
static List *
columns_of(Query *query, int rtindex)
{
	Query	   *arm = rt_fetch(rtindex, query->rtable)->subquery;
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, arm->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk)
			columns = lappend(columns,
							  makeTargetEntry((Expr *) makeVarFromTargetEntry(rtindex, tle),
											  tle->resno, NULL, false));
	}
	return columns;
}

/*
 * A fact about the columns of the whole as one about an arm's; NULL: there is none.  Where types differ, it has to mean
 * the same in that of each set operation on the way, as char(n) and citext take other strings for equal than text does.
 */
static Node *
arm_qual(Query *query, int rtindex, TvbFact *fact, int varno)
{
	List	   *columns = columns_of(query, rtindex);
	Node	   *qual = fact->qual;
	int			resno;
	ListCell   *lc;

	if (arm_fits(query, rtindex, fact, varno))
		return tvb_fact_translate(qual, varno, columns);
	if (!bms_get_singleton_member(tvb_fact_columns(fact, varno), &resno))
		return NULL;
	foreach(lc, operations_around(query, rtindex))
	{
		SetOperationStmt *op = lfirst_node(SetOperationStmt, lc);

		qual = tvb_fact_retype(qual, makeVar(varno, resno, list_nth_oid(op->colTypes, resno - 1), -1,
											 list_nth_oid(op->colCollations, resno - 1), 0));
		if (qual == NULL)
			return NULL;
	}
	return tvb_fact_retype(qual, (Var *) get_tle_by_resno(columns, resno)->expr);
}

/* Restrict every arm of a set operation by the output columns. */
static void
push_arms(Pushdown *push, Query *query, int varno, List *facts)
{
	Bitmapset  *arms = tvb_expand_used(query);
	bool		except = has_except(query->setOperations);
	int			rtindex = -1;

	if (query->limitCount || query->limitOffset)
		facts = NIL;
	while ((rtindex = bms_next_member(arms, rtindex)) >= 0)
	{
		RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);
		List	   *arm_facts = NIL;
		ListCell   *lc;

		if (rte->rtekind != RTE_SUBQUERY)
			continue;
		foreach(lc, facts)
		{
			TvbFact    *fact = lfirst(lc);
			Node	   *qual = arm_qual(query, rtindex, fact, varno);

			if (qual != NULL)
				arm_facts = lappend(arm_facts,
									tvb_fact_make(qual, true, fact->known && !except && arms_fit(query, arms, fact, varno)));
		}
		push_outputs(push, rte->subquery, rtindex, arm_facts, true);
	}
}

/* Whether the planner plans a query by itself, so that conditions must be put inside. */
static bool
is_planned_alone(Query *query)
{
	return query->groupClause || query->groupingSets || query->hasAggs || query->hasWindowFuncs ||
		query->havingQual || query->distinctClause || query->hasTargetSRFs || query->sortClause ||
		query->cteList;
}

/* Restrict the CTEs of the innermost level, all of whose references have been met.  The last ones read those before. */
static void
push_shared(Pushdown *push, List *shared)
{
	for (int i = list_length(shared) - 1; i >= 0; i--)
	{
		TvbShared  *one = list_nth(shared, i);

		if (one->readers == 0 && one->facts != NIL)
			push_outputs(push, castNode(Query, one->cte->ctequery), 1, one->facts, true);
	}
}

/*
 * Restrict a query by facts over its outputs, which are columns of varno in the query around
 * it; alone: it is planned by itself even if it is simple.
 */
static void
push_outputs(Pushdown *push, Query *query, int varno, List *facts, bool alone)
{
	List	   *around = push->levels;
	List	   *shared = tvb_cte_shared(query);

	check_stack_depth();
	push->levels = lcons(shared, list_copy(around));
	if (query->setOperations)
		push_arms(push, query, varno, facts);
	else
		push_plain(push, query, varno, facts, alone);
	push_shared(push, shared);
	push->levels = around;
}

/* The same of a query without set operation. */
static void
push_plain(Pushdown *push, Query *query, int varno, List *facts, bool alone)
{
	List	   *inner = NIL;
	List	   *above = NIL;	/* those that hold above the windows only */
	ListCell   *lc;

	foreach(lc, facts)
	{
		TvbFact    *fact = lfirst(lc);
		Node	   *qual;

		if (!fact_may_restrict(query, fact, varno))
			continue;
		qual = tvb_fact_flatten(query, tvb_fact_translate(fact->qual, varno, query->targetList));
		if (tells_equals_apart(query, qual))
			continue;
		if (fact_tells_partitions(query, fact, varno))
			inner = lappend(inner, tvb_fact_make(qual, true, fact->known));
		else
			above = lappend(above, tvb_fact_make(qual, true, false));
	}
	if (above == NIL || !push_partitions(push, query, inner, above))
		push_query(push, query, inner, alone || is_planned_alone(query));
}

/* tvb_facts_about's way back to us. */
static void
restrict_copy(void *arg, Query *subquery, int varno, List *facts)
{
	push_outputs(arg, subquery, varno, facts, false);
}

/* ---------- through FROM ---------- */

/* Conditions that are part of the query, as facts. */
static List *
add_conditions(Query *query, List *facts, Node *quals)
{
	List	   *all = list_copy(facts);
	ListCell   *lc;

	foreach(lc, tvb_fact_conjuncts(query, quals))
		all = lappend(all, tvb_fact_make(lfirst(lc), false, true));
	return all;
}

/* The range table entries that have no row of NULLs where some facts are true. */
static Bitmapset *
forced_rels(List *facts)
{
	Bitmapset  *rels = NULL;
	ListCell   *lc;

	foreach(lc, facts)
		rels = bms_join(rels, find_nonnullable_rels(((TvbFact *) lfirst(lc))->qual));
	return rels;
}

/*
 * Add the conditions that hold for every row of a part of FROM beside the one that is looked
 * at.  Those of an outer join only hold where its nullable side has a row: forced.
 */
static List *
add_beside(Query *query, List *facts, Node *node, Bitmapset *forced)
{
	JoinExpr   *join = (JoinExpr *) node;
	bool		left = true;
	bool		right = true;
	ListCell   *lc;

	check_stack_depth();
	if (IsA(node, RangeTblRef))
		return facts;
	if (IsA(node, FromExpr))
	{
		facts = add_conditions(query, facts, ((FromExpr *) node)->quals);
		foreach(lc, ((FromExpr *) node)->fromlist)
			facts = add_beside(query, facts, lfirst(lc), forced);
		return facts;
	}
	if (join->jointype == JOIN_LEFT || join->jointype == JOIN_FULL)
		right = bms_overlap(forced, tvb_compat_relids_in_jointree(join->rarg));
	if (join->jointype == JOIN_RIGHT || join->jointype == JOIN_FULL)
		left = bms_overlap(forced, tvb_compat_relids_in_jointree(join->larg));
	if (left && right)
		facts = add_conditions(query, facts, join->quals);
	if (left)
		facts = add_beside(query, facts, join->larg, forced);
	if (right)
		facts = add_beside(query, facts, join->rarg, forced);
	return facts;
}

/* The same for several parts; each condition may force more rows. */
static List *
add_beside_all(Query *query, List *facts, List *nodes)
{
	Bitmapset  *forced = NULL;
	List	   *all = facts;

	for (;;)
	{
		Bitmapset  *now = forced_rels(all);
		ListCell   *lc;

		if (forced != NULL && bms_equal(now, forced))
			return all;
		forced = now;
		all = facts;
		foreach(lc, nodes)
			all = add_beside(query, all, lfirst(lc), forced);
		if (forced == NULL)
			return all;
	}
}

/* The facts that do not name any of some range table entries. */
static List *
without(List *facts, Bitmapset *rels)
{
	List	   *kept = NIL;
	ListCell   *lc;

	foreach(lc, facts)
	{
		if (!bms_overlap(((TvbFact *) lfirst(lc))->rels, rels))
			kept = lappend(kept, lfirst(lc));
	}
	return kept;
}

/* The COALESCE(l.k, r.k) that a fact says is among keys, or NULL; NULL if it is no such fact. */
static CoalesceExpr *
merged_column(TvbFact *fact)
{
	Node	   *column = NULL;

	if (IsA(fact->qual, ScalarArrayOpExpr))
		column = linitial(((ScalarArrayOpExpr *) fact->qual)->args);
	else if (IsA(fact->qual, NullTest) && ((NullTest *) fact->qual)->nulltesttype == IS_NULL)
		column = (Node *) ((NullTest *) fact->qual)->arg;
	if (!fact->key || column == NULL || !IsA(column, CoalesceExpr) || list_length(((CoalesceExpr *) column)->args) != 2)
		return NULL;
	return (CoalesceExpr *) column;
}

/* Whether a condition is l.k = r.k, by the equality that a fact about COALESCE(l.k, r.k) uses. */
static bool
merges(OpExpr *op, TvbFact *fact, CoalesceExpr *coalesce)
{
	ScalarArrayOpExpr *known = (ScalarArrayOpExpr *) fact->qual;

	if (!IsA(op, OpExpr) || !op_mergejoinable(op->opno, coalesce->coalescetype) ||
		(IsA(known, ScalarArrayOpExpr) && (op->opno != known->opno || op->inputcollid != known->inputcollid)))
		return false;
	return (equal(linitial(op->args), linitial(coalesce->args)) && equal(lsecond(op->args), lsecond(coalesce->args))) ||
		(equal(linitial(op->args), lsecond(coalesce->args)) && equal(lsecond(op->args), linitial(coalesce->args)));
}

/* The same fact about the argument of its COALESCE that is a column of one side; NULL: none is. */
static TvbFact *
side_fact(TvbFact *fact, CoalesceExpr *coalesce, Bitmapset *side)
{
	ListCell   *lc;

	foreach(lc, coalesce->args)
	{
		Var		   *var = tvb_fact_column(lfirst(lc));
		Node	   *qual = copyObject(fact->qual);

		if (var == NULL || !bms_is_member(var->varno, side))
			continue;
		if (IsA(qual, NullTest))
			((NullTest *) qual)->arg = copyObject(lfirst(lc));
		else
			linitial(((ScalarArrayOpExpr *) qual)->args) = copyObject(lfirst(lc));
		return tvb_fact_make(qual, true, false);
	}
	return NULL;
}

/*
 * Of COALESCE(l.k, r.k) = ANY (keys) above l FULL JOIN r ON l.k = r.k: l.k = ANY (keys), or
 * the same of r.  Of COALESCE(l.k, r.k) IS NULL, too: rows without k have no partner.
 */
static List *
merged_facts(List *facts, List *conditions, Bitmapset *side)
{
	List	   *merged = NIL;
	ListCell   *lc;
	ListCell   *other;

	foreach(lc, facts)
	{
		CoalesceExpr *coalesce = merged_column(lfirst(lc));

		if (coalesce == NULL)
			continue;
		foreach(other, conditions)
		{
			TvbFact    *fact = NULL;

			if (merges((OpExpr *) ((TvbFact *) lfirst(other))->qual, lfirst(lc), coalesce))
				fact = side_fact(lfirst(lc), coalesce, side);
			if (fact != NULL)
				merged = lappend(merged, fact);
		}
	}
	return merged;
}

/* Note that a table is to be restricted, by conditions that can go into a subquery with it alone. */
static void
push_table(Level *level, int rtindex, List *facts)
{
	Table	   *table = palloc0(sizeof(Table));
	ListCell   *lc;

	table->rtindex = rtindex;
	foreach(lc, facts)
	{
		TvbFact    *fact = lfirst(lc);

		if (!fact->known && !tvb_fact_has_sublink(fact->qual))
			table->quals = lappend(table->quals, fact->qual);
	}
	if (table->quals != NIL)
		level->tables = lappend(level->tables, table);
}

/* Restrict what stands in FROM by what holds at its place: a subquery, a CTE, and a table below a FULL JOIN. */
static void
push_entry(Level *level, int rtindex, List *facts)
{
	RangeTblEntry *rte = rt_fetch(rtindex, level->query->rtable);
	TvbFactPlace place = {level->before, facts, restrict_copy, level->push};

	if (rte->rtekind == RTE_SUBQUERY && !rte->lateral)
		push_outputs(level->push, rte->subquery, rtindex, tvb_facts_about(&place, rtindex), level->sides > 0);
	else if (rte->rtekind == RTE_CTE && !rte->self_reference)
		tvb_cte_meet(level->push->levels, rte, rtindex, tvb_facts_about(&place, rtindex));
	else if (rte->rtekind == RTE_RELATION && level->sides > 0)
		push_table(level, rtindex, tvb_facts_about(&place, rtindex));
}

static void push_from(Level *level, Node *node, List *facts);

/* Restrict a part of FROM by facts about its combinations with another part. */
static void
push_beside(Level *level, Node *node, Node *other, List *facts)
{
	push_from(level, node, add_beside_all(level->query, facts, list_make1(other)));
}

/* Restrict both sides of a join by the facts that hold above it. */
static void
push_join(Level *level, JoinExpr *join, List *facts)
{
	Bitmapset  *left = tvb_compat_relids_in_jointree(join->larg);
	Bitmapset  *right = tvb_compat_relids_in_jointree(join->rarg);
	JoinType	type = join->jointype;
	List	   *inside;

	if (type == JOIN_LEFT && bms_overlap(forced_rels(facts), right))
		type = JOIN_INNER;
	if (type == JOIN_RIGHT && bms_overlap(forced_rels(facts), left))
		type = JOIN_INNER;
	switch (type)
	{
		case JOIN_INNER:
			facts = add_conditions(level->query, facts, join->quals);
			push_beside(level, join->larg, join->rarg, facts);
			push_beside(level, join->rarg, join->larg, facts);
			break;
		case JOIN_LEFT:
			facts = without(facts, right);
			push_from(level, join->larg, facts);
			push_beside(level, join->rarg, join->larg, add_conditions(level->query, facts, join->quals));
			break;
		case JOIN_RIGHT:
			facts = without(facts, left);
			push_from(level, join->rarg, facts);
			push_beside(level, join->larg, join->rarg, add_conditions(level->query, facts, join->quals));
			break;
		default:
			inside = add_conditions(level->query, NIL, join->quals);
			level->sides++;
			push_from(level, join->larg, merged_facts(facts, inside, left));
			push_from(level, join->rarg, merged_facts(facts, inside, right));
			level->sides--;
			break;
	}
}

/* Restrict what stands in FROM by the facts that hold there. */
static void
push_from(Level *level, Node *node, List *facts)
{
	check_stack_depth();
	if (IsA(node, RangeTblRef))
		push_entry(level, ((RangeTblRef *) node)->rtindex, facts);
	else if (IsA(node, FromExpr))
	{
		FromExpr   *from = (FromExpr *) node;
		ListCell   *lc;

		facts = add_conditions(level->query, facts, from->quals);
		foreach(lc, from->fromlist)
		{
			List	   *others = list_copy(from->fromlist);

			others = list_delete_nth_cell(others, foreach_current_index(lc));
			push_from(level, lfirst(lc), add_beside_all(level->query, facts, others));
		}
	}
	else
		push_join(level, castNode(JoinExpr, node), facts);
}

/* Restrict a query without set operation by facts over its FROM; alone: put them into its WHERE. */
static void
push_query(Pushdown *push, Query *query, List *facts, bool alone)
{
	FromExpr   *from = query->jointree;
	Node	   *own = from->quals;
	Level		level = {push, query, copyObject(query), 0, NIL};
	List	   *added = NIL;
	ListCell   *lc;

	foreach(lc, facts)
	{
		TvbFact    *fact = lfirst(lc);

		if (!alone || fact->known)
			continue;
		added = lappend(added, copyObject(fact->qual));
		query->hasSubLinks = query->hasSubLinks || tvb_fact_has_sublink(fact->qual);
		*fact = *tvb_fact_make(fact->qual, fact->key, true);
	}
	push_from(&level, (Node *) from, facts);
	if (added != NIL)
	{
		/* in one list with the query's own, as the parser makes it: else the text is not the same when it is parsed again */
		added = list_concat(list_copy(make_ands_implicit((Expr *) own)), added);
		from->quals = (Node *) make_ands_explicit(added);
		push->changed = true;
	}
	foreach(lc, level.tables)
	{
		Table	   *table = lfirst(lc);

		push->changed |= tvb_table_restrict(query, table->rtindex, table->quals);
	}
}

/* ---------- through windows ---------- */

/* Whether a fact about a partition's column alone is among some. */
static bool
is_told(List *facts, Var *column)
{
	ListCell   *lc;

	foreach(lc, facts)
	{
		TvbFact    *fact = lfirst(lc);

		if (bms_membership(fact->rels) == BMS_SINGLETON && bms_is_member(column->varno, fact->rels) &&
			bms_is_member(column->varattno, tvb_fact_columns(fact, column->varno)))
			return true;
	}
	return false;
}

/* Whether facts about the columns of all partitions are among some. */
static bool
are_told(List *facts, List *partitions)
{
	ListCell   *lc;

	foreach(lc, partitions)
	{
		if (!is_told(facts, ((TvbPartition *) lfirst(lc))->column))
			return false;
	}
	return true;
}

/* The same facts, to be changed; afresh: the planner knows none of them. */
static List *
copy_facts(List *facts, bool afresh)
{
	List	   *copies = NIL;
	ListCell   *lc;

	foreach(lc, facts)
	{
		TvbFact    *fact = lfirst(lc);

		copies = lappend(copies, tvb_fact_make(copyObject(fact->qual), fact->key, fact->known && !afresh));
	}
	return copies;
}

/*
 * Restrict a query with windows to the partitions of the rows for which facts hold above the windows; facts hold for
 * whole partitions.  Both are over its FROM.  False: nothing was done.
 */
static bool
push_partitions(Pushdown *push, Query *query, List *facts, List *above)
{
	List	   *needed = list_concat_copy(facts, above);
	List	   *holding = add_beside_all(query, needed, list_make1(query->jointree));
	List	   *partitions = tvb_window_partitions(query, holding, forced_rels(holding));
	List	   *arms;
	List	   *queries = NIL;
	Query	   *values;
	ListCell   *lc;

	if (are_told(facts, partitions))
		return false;
	values = tvb_window_values(query, partitions);
	push_query(push, values, copy_facts(needed, true), true);
	arms = tvb_window_arms(partitions, values);
	if (list_length(arms) == 1)
	{
		push_query(push, query, list_concat(facts, linitial(arms)), true);
		return true;
	}
	foreach(lc, arms)
	{
		Query	   *arm = copyObject(query);

		push_query(push, arm, list_concat(copy_facts(facts, false), lfirst(lc)), true);
		queries = lappend(queries, arm);
	}
	tvb_window_unite(query, queries);
	return true;
}

bool
tvb_pushdown_restrict(Query *expanded, List *facts)
{
	Pushdown	push = {false, NIL};

	push_outputs(&push, expanded, 1, facts, false);
	return push.changed;
}
