/*-------------------------------------------------------------------------
 *
 * meaning.c
 *		Query trees as text, and whether two of them mean the same.
 *
 * Some constructs (NULLIF, IS DISTINCT FROM, CASE x WHEN, USING, row comparisons)
 * cannot name the schema of their operator, so the same words can mean another
 * operator under another search_path.  Who writes a tree as text therefore parses it again, and
 * compares the two trees by the text made here: what they name by OID, in the order of
 * one walk.  Numbers of range table entries are left out, as they differ where the parser makes entries of
 * its own; that the same names stand in the same places is seen from the SQL text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/guc.h"
#include "utils/ruleutils.h"

#include "meaning.h"

/* What a walk over a query collects. */
typedef struct Meaning
{
	StringInfo	out;
	List	   *queries;		/* Query *, innermost first */
} Meaning;

static bool meaning_walker(Node *node, Meaning *meaning);
static void append_query(Meaning *meaning, Query *query);
static void append_var(Meaning *meaning, Var *var);
static void append_relation(Meaning *meaning, RangeTblEntry *rte);
static bool append_operator(StringInfo out, Node *node);
static bool append_call(StringInfo out, Node *node);
static void append_clause(StringInfo out, Node *node);
static void append_oids(StringInfo out, List *oids);

char *
tvb_meaning_of(Query *query)
{
	StringInfoData out;
	Meaning		meaning = {&out, NIL};

	initStringInfo(&out);
	append_query(&meaning, query);
	return out.data;
}

char *
tvb_meaning_text(Query *query, bool pretty)
{
	static const char *const settings[][2] = {
		{"DateStyle", "ISO"}, {"IntervalStyle", "iso_8601"}, {"extra_float_digits", "3"}
	};
	int			level = NewGUCNestLevel();
	char	   *sql;

	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	sql = pg_get_querydef(copyObject(query), pretty);
	AtEOXact_GUC(false, level);
	return sql;
}

/* Append what identifies a node's operators, functions and columns. */
static bool
meaning_walker(Node *node, Meaning *meaning)
{
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
		case T_RangeTblRef:
			{
				Query	   *query = linitial(meaning->queries);
				RangeTblEntry *rte = rt_fetch(((RangeTblRef *) node)->rtindex, query->rtable);

				append_relation(meaning, rte);
				return range_table_entry_walker(rte, meaning_walker, meaning, QTW_IGNORE_JOINALIASES);
			}
		case T_SortGroupClause:
			append_clause(meaning->out, node);
			return false;
		default:
			if (!append_operator(meaning->out, node) && !append_call(meaning->out, node))
				append_clause(meaning->out, node);
			return expression_tree_walker(node, meaning_walker, meaning);
	}
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

/* An entry of FROM.  A CTE is told by the query that has it: where that one was written into, another may have one of this name. */
static void
append_relation(Meaning *meaning, RangeTblEntry *rte)
{
	appendStringInfo(meaning->out, " t%d", rte->rtekind);
	if (rte->rtekind == RTE_RELATION)
		appendStringInfo(meaning->out, "/%u/%d", rte->relid, rte->inh);
	else if (rte->rtekind == RTE_CTE)
		appendStringInfo(meaning->out, "/%s/%u", rte->ctename, rte->ctelevelsup);
}

/* Operators; false: it is none. */
static bool
append_operator(StringInfo out, Node *node)
{
	switch (nodeTag(node))
	{
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			appendStringInfo(out, " o%d/%u/%u", (int) nodeTag(node), ((OpExpr *) node)->opno,
							 ((OpExpr *) node)->inputcollid);
			return true;
		case T_ScalarArrayOpExpr:
			appendStringInfo(out, " a%u/%u", ((ScalarArrayOpExpr *) node)->opno,
							 ((ScalarArrayOpExpr *) node)->inputcollid);
			return true;
		case T_RowCompareExpr:
			appendStringInfoString(out, " r");
			append_oids(out, ((RowCompareExpr *) node)->opnos);
			append_oids(out, ((RowCompareExpr *) node)->inputcollids);
			return true;
		case T_MinMaxExpr:
			appendStringInfo(out, " m%u/%u", ((MinMaxExpr *) node)->minmaxtype, ((MinMaxExpr *) node)->inputcollid);
			return true;
		case T_BoolExpr:
			appendStringInfo(out, " b%d", ((BoolExpr *) node)->boolop);
			return true;
		default:
			return false;
	}
}

/*
 * Functions, parameters and sublinks; false: it is none.  Casts are written with the name of a type, which other casts
 * may lead to when the text is parsed again: those of users, or the one through text that needs none.
 */
static bool
append_call(StringInfo out, Node *node)
{
	switch (nodeTag(node))
	{
		case T_FuncExpr:
			if (((FuncExpr *) node)->funcformat == COERCE_EXPLICIT_CALL ||
				((FuncExpr *) node)->funcid >= FirstNormalObjectId)
				appendStringInfo(out, " f%u/%u", ((FuncExpr *) node)->funcid,
								 ((FuncExpr *) node)->inputcollid);
			return true;
		case T_CoerceViaIO:
			appendStringInfo(out, " i%u", ((CoerceViaIO *) node)->resulttype);
			return true;
		case T_Aggref:
			appendStringInfo(out, " g%u/%u/%u", ((Aggref *) node)->aggfnoid, ((Aggref *) node)->inputcollid,
							 ((Aggref *) node)->agglevelsup);
			return true;
		case T_WindowFunc:
			appendStringInfo(out, " w%u/%u", ((WindowFunc *) node)->winfnoid, ((WindowFunc *) node)->inputcollid);
			return true;
		case T_SubLink:
			appendStringInfo(out, " l%d", ((SubLink *) node)->subLinkType);
			return true;
		case T_Param:
			if (((Param *) node)->paramkind == PARAM_EXTERN)
				appendStringInfo(out, " p%d/%u", ((Param *) node)->paramid, ((Param *) node)->paramtype);
			return true;
		default:
			return false;
	}
}

/* Sorting, grouping, set operations, windows and joins. */
static void
append_clause(StringInfo out, Node *node)
{
	switch (nodeTag(node))
	{
		case T_SortGroupClause:
			appendStringInfo(out, " s%u/%u/%d", ((SortGroupClause *) node)->eqop, ((SortGroupClause *) node)->sortop,
							 ((SortGroupClause *) node)->nulls_first);
			break;
		case T_SetOperationStmt:
			appendStringInfo(out, " u%d/%d", ((SetOperationStmt *) node)->op, ((SetOperationStmt *) node)->all);
			append_oids(out, ((SetOperationStmt *) node)->colTypes);
			append_oids(out, ((SetOperationStmt *) node)->colCollations);
			break;
		case T_WindowClause:
			appendStringInfo(out, " x%d", ((WindowClause *) node)->frameOptions);
			break;
		case T_JoinExpr:
			appendStringInfo(out, " j%d", ((JoinExpr *) node)->jointype);
			break;
		default:
			break;
	}
}

/* A list of OIDs. */
static void
append_oids(StringInfo out, List *oids)
{
	ListCell   *lc;

	foreach(lc, oids)
		appendStringInfo(out, "/%u", lfirst_oid(lc));
}
