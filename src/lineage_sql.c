/*-------------------------------------------------------------------------
 *
 * lineage_sql.c
 *		Stage 3, last step: the text of a lookup, proved to mean its tree.
 *
 * Some constructs (NULLIF, IS DISTINCT FROM, CASE x WHEN, row comparisons)
 * cannot name the schema of their operator, so the same words can mean another
 * operator under the fixed search_path.  The text is therefore parsed again and
 * its operators, functions, collations, relations and columns are compared
 * with those of the tree.  The caller has the fixed search_path in force.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parsetree.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
#include "utils/queryenvironment.h"
#include "utils/ruleutils.h"

#include "compat.h"
#include "lineage_query.h"

typedef struct MeaningContext
{
	StringInfoData text;
	Query	   *query;
} MeaningContext;

/* Append what identifies a node's operators, functions and columns. */
static bool
meaning_walker(Node *node, MeaningContext *context)
{
	StringInfo	out = &context->text;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
			{
				Var		   *var = (Var *) node;

				if (var->varlevelsup == 0)
					appendStringInfo(out, " v%s.%d", rt_fetch(var->varno, context->query->rtable)->eref->aliasname,
									 var->varattno);
				return false;
			}
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			appendStringInfo(out, " o%u/%u", ((OpExpr *) node)->opno, ((OpExpr *) node)->inputcollid);
			break;
		case T_ScalarArrayOpExpr:
			appendStringInfo(out, " a%u/%u", ((ScalarArrayOpExpr *) node)->opno,
							 ((ScalarArrayOpExpr *) node)->inputcollid);
			break;
		case T_RowCompareExpr:
			{
				ListCell   *lc;

				foreach(lc, ((RowCompareExpr *) node)->opnos)
					appendStringInfo(out, " r%u", lfirst_oid(lc));
				break;
			}
		case T_FuncExpr:
			if (((FuncExpr *) node)->funcformat == COERCE_EXPLICIT_CALL)
				appendStringInfo(out, " f%u/%u", ((FuncExpr *) node)->funcid,
								 ((FuncExpr *) node)->inputcollid);
			break;
		case T_RangeTblEntry:
			if (((RangeTblEntry *) node)->rtekind == RTE_RELATION)
				appendStringInfo(out, " t%u", ((RangeTblEntry *) node)->relid);
			return false;
		case T_SortGroupClause:
			appendStringInfo(out, " s%u", ((SortGroupClause *) node)->eqop);
			return false;
		default:
			break;
	}
	return expression_tree_walker(node, meaning_walker, context);
}

/* Relations in the order of FROM. */
static void
append_relations(MeaningContext *context)
{
	ListCell   *lc;

	foreach(lc, context->query->jointree->fromlist)
	{
		RangeTblRef *ref = lfirst_node(RangeTblRef, lc);
		RangeTblEntry *rte = rt_fetch(ref->rtindex, context->query->rtable);

		(void) meaning_walker((Node *) rte, context);
		(void) meaning_walker((Node *) rte->functions, context);
		(void) meaning_walker((Node *) rte->values_lists, context);
	}
}

/* A text that is the same for queries that mean the same. */
static char *
meaning(Query *query)
{
	MeaningContext context;

	initStringInfo(&context.text);
	context.query = query;
	append_relations(&context);
	(void) meaning_walker((Node *) query->jointree->quals, &context);
	(void) meaning_walker((Node *) query->targetList, &context);
	(void) meaning_walker((Node *) query->distinctClause, &context);
	return context.text.data;
}

/* A query environment in which tviews_changed has the columns of rte. */
static QueryEnvironment *
changed_environment(RangeTblEntry *rte)
{
	QueryEnvironment *environment = create_queryEnv();
	EphemeralNamedRelation relation = palloc0(sizeof(EphemeralNamedRelationData));
	TupleDesc	desc = CreateTemplateTupleDesc(list_length(rte->coltypes));
	ListCell   *name;
	ListCell   *type;
	ListCell   *typmod;
	ListCell   *collation;
	AttrNumber	attno = 1;

	forfour(name, rte->eref->colnames, type, rte->coltypes,
			typmod, rte->coltypmods, collation, rte->colcollations)
	{
		TupleDescInitEntry(desc, attno, strVal(lfirst(name)), lfirst_oid(type), lfirst_int(typmod), 0);
		TupleDescInitEntryCollation(desc, attno, lfirst_oid(collation));
		attno++;
	}
	relation->md.name = rte->ctename;
	relation->md.tupdesc = desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = 1;
	register_ENR(environment, relation);
	return environment;
}

char *
tvb_query_sql(TvbWayQuery *query)
{
	Query	   *tree = query->query;
	char	   *sql = pg_get_querydef(copyObject(tree), true);
	List	   *raw = raw_parser(sql, RAW_PARSE_DEFAULT);
	Query	   *again;

	again = parse_analyze_fixedparams(linitial_node(RawStmt, raw), sql, NULL, 0,
									  changed_environment(linitial(tree->rtable)));
	if (strcmp(meaning(tree), meaning(again)) != 0)
	{
		elog(DEBUG1, "lookup changes its meaning when parsed again: %s", sql);
		return NULL;
	}
	while (*sql == ' ')
		sql++;
	return sql;
}
