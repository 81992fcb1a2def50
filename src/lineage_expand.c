/*-------------------------------------------------------------------------
 *
 * lineage_expand.c
 *		Stage 3, first step: write nested views and CTEs out as subqueries.
 *
 * After this every table the view reads, however deep, is an RTE_RELATION of
 * its own: a CTE or view named twice is there twice, because each reference
 * is a way of its own from a changed row to a key.  Recursive CTEs stay as
 * they are.
 *
 * Beside that the tree is made the same for all server versions: grouping columns
 * stand where they are used, columns do not say which outer joins may null them,
 * range tables do not hold OLD and NEW, and virtual generated columns are computed
 * by a subquery over their table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "parser/parsetree.h"
#include "optimizer/prep.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "storage/lmgr.h"
#include "utils/rel.h"

#include "compat.h"
#include "lineage_expand.h"

/* What writing out carries. */
typedef struct Expansion
{
	List	   *queries;		/* Query *, innermost first */
	bool		(*stays) (CommonTableExpr *cte, Query *outermost);	/* NULL: no CTE does but recursive ones */
} Expansion;

static void expand(Query *query, Expansion *around);
static void expand_virtual_columns(Query *expanded);
static bool expand_walker(Node *node, Expansion *expansion);

/* What the search for tables carries. */
typedef struct FindContext
{
	List	   *tables;			/* TvbTable * */
	Oid			nested;			/* as whose owner is read what comes now */
	Oid			reader;
} FindContext;

static void find_tables(Query *query, FindContext *context);
static bool find_tables_walker(Node *node, FindContext *context);

/* What the walk for read columns carries. */
typedef struct ReadContext
{
	List	   *queries;		/* Query *, innermost first */
	List	   *tables;			/* TvbTable * */
} ReadContext;

static bool read_walker(Node *node, ReadContext *context);

Query *
tvb_expand_query(Query *query)
{
	return tvb_expand_but(query, NULL);
}

Query *
tvb_expand_but(Query *query, bool (*stays) (CommonTableExpr *cte, Query *outermost))
{
	Query	   *copy = copyObject(query);
	Expansion	expansion = {NIL, stays};

	expand(copy, &expansion);
	tvb_expand_normalize(copy);
	expand_virtual_columns(copy);
	return copy;
}

/* Normalize a tree, innermost queries first. */
static bool
normalize_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		tvb_compat_clear_nulling((Var *) node);
	if (IsA(node, Query))
	{
		check_stack_depth();
		(void) query_tree_walker((Query *) node, normalize_walker, context, 0);
		tvb_compat_drop_rule_entries((Query *) node);
		tvb_compat_flatten_groups((Query *) node);
		return false;
	}
	return expression_tree_walker(node, normalize_walker, context);
}

void
tvb_expand_normalize(Query *query)
{
	(void) normalize_walker((Node *) query, NULL);
}

List *
tvb_expand_tables(Query *expanded)
{
	FindContext found = {NIL, InvalidOid, InvalidOid};
	ReadContext context = {NIL, NIL};

	find_tables(expanded, &found);
	context.tables = found.tables;
	(void) read_walker((Node *) expanded, &context);
	return found.tables;
}

/* Collect the range table indexes of the leaves of a set operation. */
static Bitmapset *
setop_used(Node *node, Bitmapset *used)
{
	if (IsA(node, RangeTblRef))
		return bms_add_member(used, ((RangeTblRef *) node)->rtindex);
	used = setop_used(((SetOperationStmt *) node)->larg, used);
	return setop_used(((SetOperationStmt *) node)->rarg, used);
}

Bitmapset *
tvb_expand_used(Query *query)
{
	if (query->setOperations)
		return setop_used(query->setOperations, NULL);
	return tvb_compat_relids_in_jointree((Node *) query->jointree);
}

List *
tvb_expand_conjuncts(Node *quals)
{
	List	   *args = NIL;
	List	   *flat = NIL;
	ListCell   *lc;

	if (quals == NULL)
		return NIL;
	if (IsA(quals, List))
		args = (List *) quals;
	else if (is_andclause(quals))
		args = ((BoolExpr *) quals)->args;
	else
		return list_make1(quals);
	foreach(lc, args)
		flat = list_concat(flat, tvb_expand_conjuncts(lfirst(lc)));
	return flat;
}

/* Turn the reference to a view into a subquery, in place. */
static void
expand_view(RangeTblEntry *rte)
{
	Relation	view = relation_open(rte->relid, AccessShareLock);
	Query	   *definition = copyObject(get_view_query(view));

	relation_close(view, NoLock);
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = definition;
	rte->tablesample = NULL;
}

/* Whether a CTE is left as it is.  What it reads has been written out. */
static bool
cte_stays(CommonTableExpr *cte, Expansion *expansion)
{
	return cte->cterecursive || (expansion->stays != NULL && expansion->stays(cte, NULL));
}

/* Turn the reference to a CTE into a subquery, in place, unless it stays. */
static void
expand_cte(RangeTblEntry *rte, Expansion *expansion)
{
	Query	   *owner = list_nth_node(Query, expansion->queries, rte->ctelevelsup);
	ListCell   *lc;

	if (rte->self_reference)
		return;
	foreach(lc, owner->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (strcmp(cte->ctename, rte->ctename) != 0)
			continue;
		if (cte_stays(cte, expansion))
			return;
		rte->subquery = copyObject(castNode(Query, cte->ctequery));
		IncrementVarSublevelsUp((Node *) rte->subquery, rte->ctelevelsup, 1);
		rte->rtekind = RTE_SUBQUERY;
		return;
	}
	elog(ERROR, "could not find CTE \"%s\"", rte->ctename);
}

/* Forget the CTEs that were written out. */
static void
drop_expanded_ctes(Query *query, Expansion *expansion)
{
	List	   *kept = NIL;
	ListCell   *lc;

	foreach(lc, query->cteList)
	{
		if (cte_stays(lfirst_node(CommonTableExpr, lc), expansion))
			kept = lappend(kept, lfirst(lc));
	}
	query->cteList = kept;
}

/* Expand query in place; around holds the queries around it. */
static void
expand(Query *query, Expansion *around)
{
	Expansion	expansion = {lcons(query, list_copy(around->queries)), around->stays};
	Bitmapset  *used = tvb_expand_used(query);
	ListCell   *lc;
	int			rtindex = 0;

	check_stack_depth();
	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		/* those that are written out are so where they are read */
		if (cte->cterecursive || expansion.stays != NULL)
			expand(castNode(Query, cte->ctequery), &expansion);
		if (!cte->cterecursive && expansion.stays != NULL)
			(void) expansion.stays(cte, llast_node(Query, expansion.queries));
	}
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		rtindex++;
		if (!bms_is_member(rtindex, used))
			continue;
		if (rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_VIEW)
			expand_view(rte);
		else if (rte->rtekind == RTE_CTE)
			expand_cte(rte, &expansion);
		if (rte->rtekind == RTE_SUBQUERY)
			expand(rte->subquery, &expansion);
	}
	(void) query_tree_walker(query, expand_walker, &expansion,
							 QTW_IGNORE_RT_SUBQUERIES | QTW_IGNORE_CTE_SUBQUERIES);
	drop_expanded_ctes(query, &expansion);
}

/*
 * The outputs of a subquery that stands for a table: its columns by number, the virtual ones
 * computed, NULL for those that are not read.  NIL if no virtual column is.
 */
static List *
virtual_outputs(Relation relation, Bitmapset *reads)
{
	TupleDesc	desc = RelationGetDescr(relation);
	List	   *outputs = NIL;
	bool		found = false;

	for (AttrNumber attno = 1; attno <= desc->natts; attno++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, attno - 1);
		Node	   *expr = NULL;

		if (att->attisdropped)
			expr = (Node *) makeNullConst(INT4OID, -1, InvalidOid);
		else if (!bms_is_member(attno, reads))
			expr = (Node *) makeNullConst(att->atttypid, att->atttypmod, att->attcollation);
		else if ((expr = tvb_compat_virtual_expression(relation, attno)) != NULL)
			found = true;
		else
			expr = (Node *) makeVar(1, attno, att->atttypid, att->atttypmod, att->attcollation, 0);
		outputs = lappend(outputs, makeTargetEntry((Expr *) expr, attno, pstrdup(NameStr(att->attname)), false));
	}
	return found ? outputs : NIL;
}

/* Turn a table into a subquery over it, in place, with these outputs. */
static void
expand_table(RangeTblEntry *rte, List *outputs)
{
	RangeTblEntry *table = makeNode(RangeTblEntry);
	RangeTblRef *ref = makeNode(RangeTblRef);
	Query	   *query = makeNode(Query);
	List	   *names = NIL;
	ListCell   *lc;

	*table = *rte;
	tvb_compat_clear_permissions(table);
	ref->rtindex = 1;
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->rtable = list_make1(table);
	query->jointree = makeFromExpr(list_make1(ref), NULL);
	query->targetList = outputs;
	foreach(lc, outputs)
		names = lappend(names, makeString(lfirst_node(TargetEntry, lc)->resname));
	memset(rte, 0, sizeof(RangeTblEntry));
	NodeSetTag(rte, T_RangeTblEntry);
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = query;
	rte->alias = makeAlias(table->eref->aliasname, NIL);
	rte->eref = makeAlias(table->eref->aliasname, names);
	rte->inFromCl = true;
}

/*
 * Write virtual generated columns out: what is read of such a table is then stored, so that
 * triggers see it.  The table becomes a subquery, not its columns expressions, because above an
 * outer join a column is NULL where its expression need not be.  A table that is read as a whole
 * row stays as it is.
 */
static void
expand_virtual_columns(Query *expanded)
{
	ListCell   *lc;

	foreach(lc, tvb_expand_tables(expanded))
	{
		TvbTable   *table = lfirst(lc);
		Relation	relation;
		List	   *outputs;

		if (table->reads_all)
			continue;
		relation = relation_open(table->rte->relid, AccessShareLock);
		outputs = tvb_compat_has_virtual_columns(relation) ? virtual_outputs(relation, table->reads) : NIL;
		relation_close(relation, AccessShareLock);
		if (outputs != NIL)
			expand_table(table->rte, outputs);
	}
}

/* Find sublinks' queries below an expression. */
static bool
expand_walker(Node *node, Expansion *expansion)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		expand((Query *) node, expansion);
		return false;
	}
	return expression_tree_walker(node, expand_walker, expansion);
}

/* Find the tables below an entry of a range table.  As whom they are read: a nested view that was written out keeps its OID. */
static void
find_tables_below(RangeTblEntry *rte, FindContext *context)
{
	FindContext outer = *context;

	if (OidIsValid(rte->relid))
	{
		Relation	view = relation_open(rte->relid, AccessShareLock);
		bool		as_owner = !RelationHasSecurityInvoker(view);

		context->nested = as_owner ? rte->relid : InvalidOid;
		context->reader = as_owner ? view->rd_rel->relowner : InvalidOid;
		relation_close(view, NoLock);
	}
	find_tables(rte->subquery, context);
	context->nested = outer.nested;
	context->reader = outer.reader;
}

/* Append the tables of query, of its subqueries, and of its sublinks. */
static void
find_tables(Query *query, FindContext *context)
{
	Bitmapset  *used = tvb_expand_used(query);
	ListCell   *lc;
	int			rtindex = 0;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		rtindex++;
		if (!bms_is_member(rtindex, used))
			continue;
		if (rte->rtekind == RTE_RELATION)
		{
			TvbTable   *table = palloc0(sizeof(TvbTable));

			table->rte = rte;
			table->nested = context->nested;
			table->reader = context->reader;
			context->tables = lappend(context->tables, table);
		}
		else if (rte->rtekind == RTE_SUBQUERY)
			find_tables_below(rte, context);
	}
	foreach(lc, query->cteList)
		find_tables(castNode(Query, lfirst_node(CommonTableExpr, lc)->ctequery), context);
	(void) query_tree_walker(query, find_tables_walker, context,
							 QTW_IGNORE_RT_SUBQUERIES | QTW_IGNORE_CTE_SUBQUERIES);
}

/* Find sublinks' queries below an expression. */
static bool
find_tables_walker(Node *node, FindContext *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		find_tables((Query *) node, context);
		return false;
	}
	return expression_tree_walker(node, find_tables_walker, context);
}

/* Note that attno of the table that is rte was read. */
static void
note_read(ReadContext *context, RangeTblEntry *rte, AttrNumber attno)
{
	ListCell   *lc;

	foreach(lc, context->tables)
	{
		TvbTable   *table = lfirst(lc);

		if (table->rte != rte)
			continue;
		if (attno == InvalidAttrNumber)
			table->reads_all = true;
		else if (attno > 0)
			table->reads = bms_add_member(table->reads, attno);
		return;
	}
}

/* Note the columns that a Var stands for. */
static void
read_var(Var *var, ReadContext *context)
{
	Query	   *query = list_nth_node(Query, context->queries, var->varlevelsup);
	RangeTblEntry *rte = rt_fetch(var->varno, query->rtable);

	if (rte->rtekind == RTE_RELATION)
		note_read(context, rte, var->varattno);
	else if (rte->rtekind == RTE_JOIN)
	{
		ReadContext inner;

		inner.queries = list_copy_tail(context->queries, var->varlevelsup);
		inner.tables = context->tables;
		if (var->varattno > 0)
			(void) read_walker(list_nth(rte->joinaliasvars, var->varattno - 1), &inner);
		else
			(void) read_walker((Node *) rte->joinaliasvars, &inner);
	}
}

/* Walk a whole query for the columns it reads. */
static bool
read_walker(Node *node, ReadContext *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		read_var((Var *) node, context);
		return false;
	}
	if (IsA(node, Query))
	{
		List	   *saved = context->queries;

		context->queries = lcons(node, list_copy(saved));
		(void) query_tree_walker((Query *) node, read_walker, context,
								 QTW_IGNORE_JOINALIASES);
		context->queries = saved;
		return false;
	}
	return expression_tree_walker(node, read_walker, context);
}
