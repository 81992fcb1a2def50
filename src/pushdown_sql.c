/*-------------------------------------------------------------------------
 *
 * pushdown_sql.c
 *		Stage 5, before it runs: the text of an edited query, proved to mean its tree.
 *
 * NULLIF, IS DISTINCT FROM, CASE x WHEN and USING cannot name the schema of their
 * operator.  So the text is parsed again: the tree that comes out must be written as
 * the same text, and must have the same operators, functions, collations,
 * relations and columns everywhere, subqueries included.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "attempt.h"
#include "compat.h"
#include "lineage_expand.h"
#include "pushdown_sql.h"

/* What a walk over a query collects. */
typedef struct Meaning
{
	StringInfo	out;
	List	   *queries;		/* Query *, innermost first */
} Meaning;

/* A text that is parsed. */
typedef struct Parse
{
	Query	   *query;
	List	   *param_types;
	char	   *sql;			/* NULL: not the same */
} Parse;

static void append_query(Meaning *meaning, Query *query);

/* The entry that a column belongs to, by what it is: its number differs between the trees. */
static void
append_var(Meaning *meaning, Var *var)
{
	Query	   *query = list_nth(meaning->queries, var->varlevelsup);
	RangeTblEntry *rte = rt_fetch(var->varno, query->rtable);

	appendStringInfo(meaning->out, " v%u/%d/%u/%d/%u/%u", var->varlevelsup, rte->rtekind,
					 rte->rtekind == RTE_RELATION ? rte->relid : InvalidOid,
					 var->varattno, var->vartype, var->varcollid);
}

/* Append what identifies a node's operators, functions and columns. */
static bool
meaning_walker(Node *node, Meaning *meaning)
{
	StringInfo	out = meaning->out;
	ListCell   *lc;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
			append_var(meaning, (Var *) node);
			return false;
		case T_Query:
			append_query(meaning, (Query *) node);
			return false;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			appendStringInfo(out, " o%d/%u/%u", (int) nodeTag(node), ((OpExpr *) node)->opno, ((OpExpr *) node)->inputcollid);
			break;
		case T_ScalarArrayOpExpr:
			appendStringInfo(out, " a%u/%u", ((ScalarArrayOpExpr *) node)->opno,
							 ((ScalarArrayOpExpr *) node)->inputcollid);
			break;
		case T_RowCompareExpr:
			foreach(lc, ((RowCompareExpr *) node)->opnos)
				appendStringInfo(out, " r%u", lfirst_oid(lc));
			foreach(lc, ((RowCompareExpr *) node)->inputcollids)
				appendStringInfo(out, "/%u", lfirst_oid(lc));
			break;
		case T_FuncExpr:
			if (((FuncExpr *) node)->funcformat == COERCE_EXPLICIT_CALL)
				appendStringInfo(out, " f%u/%u", ((FuncExpr *) node)->funcid,
								 ((FuncExpr *) node)->inputcollid);
			break;
		case T_Aggref:
			appendStringInfo(out, " g%u/%u/%u", ((Aggref *) node)->aggfnoid, ((Aggref *) node)->inputcollid,
							 ((Aggref *) node)->agglevelsup);
			break;
		case T_WindowFunc:
			appendStringInfo(out, " w%u/%u", ((WindowFunc *) node)->winfnoid, ((WindowFunc *) node)->inputcollid);
			break;
		case T_MinMaxExpr:
			appendStringInfo(out, " m%u/%u", ((MinMaxExpr *) node)->minmaxtype, ((MinMaxExpr *) node)->inputcollid);
			break;
		case T_SubLink:
			appendStringInfo(out, " l%d", ((SubLink *) node)->subLinkType);
			break;
		case T_BoolExpr:
			appendStringInfo(out, " b%d", ((BoolExpr *) node)->boolop);
			break;
		case T_Param:
			if (((Param *) node)->paramkind == PARAM_EXTERN)
				appendStringInfo(out, " p%d/%u", ((Param *) node)->paramid, ((Param *) node)->paramtype);
			break;
		case T_SortGroupClause:
			appendStringInfo(out, " s%u/%u/%d", ((SortGroupClause *) node)->eqop, ((SortGroupClause *) node)->sortop,
							 ((SortGroupClause *) node)->nulls_first);
			return false;
		case T_SetOperationStmt:
			appendStringInfo(out, " u%d/%d", ((SetOperationStmt *) node)->op, ((SetOperationStmt *) node)->all);
			foreach(lc, ((SetOperationStmt *) node)->colTypes)
				appendStringInfo(out, "/%u", lfirst_oid(lc));
			foreach(lc, ((SetOperationStmt *) node)->colCollations)
				appendStringInfo(out, "/%u", lfirst_oid(lc));
			break;
		case T_WindowClause:
			appendStringInfo(out, " x%d", ((WindowClause *) node)->frameOptions);
			break;
		case T_JoinExpr:
			appendStringInfo(out, " j%d", ((JoinExpr *) node)->jointype);
			break;
		case T_RangeTblRef:
			{
				Query	   *query = linitial(meaning->queries);
				RangeTblEntry *rte = rt_fetch(((RangeTblRef *) node)->rtindex, query->rtable);

				appendStringInfo(out, " t%d", rte->rtekind);
				if (rte->rtekind == RTE_RELATION)
					appendStringInfo(out, "/%u/%d", rte->relid, rte->inh);
				return range_table_entry_walker(rte, meaning_walker, meaning, QTW_IGNORE_JOINALIASES);
			}
		default:
			break;
	}
	return expression_tree_walker(node, meaning_walker, meaning);
}

/* Append a query: FROM in its order, and only what it uses of its range table. */
static void
append_query(Meaning *meaning, Query *query)
{
	List	   *saved = meaning->queries;

	check_stack_depth();
	meaning->queries = lcons(query, list_copy(saved));
	appendStringInfo(meaning->out, " q%d%d%d%d{", query->hasDistinctOn, query->hasAggs, query->groupDistinct,
					 query->limitOption);
	(void) query_tree_walker(query, meaning_walker, meaning,
							 QTW_IGNORE_RANGE_TABLE | QTW_EXAMINE_SORTGROUP);
	appendStringInfoChar(meaning->out, '}');
	meaning->queries = saved;
}

/* A text that is the same for queries that mean the same. */
static char *
query_meaning(Query *query)
{
	StringInfoData out;
	Meaning		meaning = {&out, NIL};

	initStringInfo(&out);
	append_query(&meaning, query);
	return out.data;
}

/* Parse the text and compare. */
static void
parse_again(void *arg)
{
	Parse	   *parse = arg;
	char	   *sql = pg_get_querydef(copyObject(parse->query), false);
	List	   *raw = raw_parser(sql, RAW_PARSE_DEFAULT);
	int			n = list_length(parse->param_types);
	Oid		   *types = palloc(sizeof(Oid) * (n + 1));
	Query	   *again;
	ListCell   *lc;

	foreach(lc, parse->param_types)
		types[foreach_current_index(lc)] = lfirst_oid(lc);
	again = parse_analyze_fixedparams(linitial_node(RawStmt, raw), sql, types, n, NULL);
	tvb_expand_normalize(again);
	if (strcmp(query_meaning(parse->query), query_meaning(again)) != 0)
		elog(DEBUG1, "keyed query changes its meaning when parsed again: %s\n%s\n%s", sql, query_meaning(parse->query), query_meaning(again));
	else if (strcmp(sql, pg_get_querydef(copyObject(again), false)) != 0)
		elog(DEBUG1, "keyed query is written otherwise when parsed again: %s\n%s", sql, pg_get_querydef(copyObject(again), false));
	else
		parse->sql = sql;
}

char *
tvb_pushdown_sql(Query *query, List *param_types)
{
	Parse		parse = {query, param_types, NULL};
	ErrorData  *error = NULL;

	if (tvb_attempt(parse_again, &parse, true, &error) != TVB_DONE)
	{
		elog(DEBUG1, "keyed query cannot be parsed again: %s", error->message);
		return NULL;
	}
	return parse.sql;
}
