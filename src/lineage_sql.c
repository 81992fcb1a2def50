/*-------------------------------------------------------------------------
 *
 * lineage_sql.c
 *		Stage 3, last step: the text of a lookup, proved to mean its tree.
 *
 * Some constructs (NULLIF, IS DISTINCT FROM, CASE x WHEN, row comparisons)
 * cannot name the schema of their operator, so the same words can mean another
 * operator under the fixed search_path.  The text is therefore parsed again: the tree that comes out
 * must mean the same (meaning.c) and name columns of the same members.  The caller has the
 * fixed search_path in force.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "tcop/tcopprot.h"
#include "utils/queryenvironment.h"

#include "attempt.h"
#include "compat.h"
#include "lineage_names.h"
#include "lineage_query.h"
#include "meaning.h"

/* The columns that a walk has met. */
typedef struct Names
{
	StringInfoData text;
	Query	   *query;
} Names;

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

/* Append the columns that a query names, by the names of their members. */
static bool
names_walker(Node *node, Names *names)
{
	if (node == NULL || IsA(node, Query))
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varlevelsup == 0)
			appendStringInfo(&names->text, " %s.%d", rt_fetch(var->varno, names->query->rtable)->eref->aliasname,
							 var->varattno);
		return false;
	}
	return expression_tree_walker(node, names_walker, names);
}

/* A text that is the same for queries whose columns are those of the same members. */
static char *
column_names(Query *query)
{
	Names		names;

	initStringInfo(&names.text);
	names.query = query;
	(void) query_tree_walker(query, names_walker, &names, QTW_IGNORE_RANGE_TABLE);
	return names.text.data;
}

/*
 * Let entries of a parsed query be what they are in the tree that was written: tviews_changed, where a name
 * is all it has, and VALUES in FROM, which the parser wraps into a subquery.
 */
static void
restore_entries(Query *query, RangeTblEntry *changed)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		Query	   *sub = rte->subquery;

		if (rte->rtekind == RTE_NAMEDTUPLESTORE)
		{
			rte->rtekind = changed->rtekind;
			rte->ctename = changed->ctename;
			rte->ctelevelsup = changed->ctelevelsup;
		}
		else if (rte->rtekind == RTE_SUBQUERY && list_length(sub->rtable) == 1 &&
				 linitial_node(RangeTblEntry, sub->rtable)->rtekind == RTE_VALUES &&
				 sub->jointree->quals == NULL)
		{
			rte->rtekind = RTE_VALUES;
			rte->values_lists = linitial_node(RangeTblEntry, sub->rtable)->values_lists;
			IncrementVarSublevelsUp((Node *) rte->values_lists, -1, 1);
			rte->subquery = NULL;
		}
	}
}

/* Parse the text that the query's tree is written as, and compare. */
static void
parse_again(void *arg)
{
	TvbWayQuery *query = arg;
	Query	   *tree = query->query;
	char	   *sql = tvb_meaning_text(tree, true);
	List	   *raw = raw_parser(sql, RAW_PARSE_DEFAULT);
	Query	   *again;

	again = parse_analyze_fixedparams(linitial_node(RawStmt, raw), sql, NULL, 0,
									  changed_environment(linitial(tree->rtable)));
	restore_entries(again, linitial_node(RangeTblEntry, tree->rtable));
	if (tvb_names_written(tree) || strcmp(tvb_meaning_of(tree), tvb_meaning_of(again)) != 0 ||
		strcmp(column_names(tree), column_names(again)) != 0)
	{
		elog(DEBUG1, "lookup changes its meaning when parsed again: %s", sql);
		return;
	}
	while (*sql == ' ')
		sql++;
	query->sql = sql;
}

char *
tvb_query_sql(TvbWayQuery *query)
{
	ErrorData  *error = NULL;

	query->sql = NULL;
	/* a cast that the view has may be gone: then the text means nothing */
	if (tvb_attempt(parse_again, query, true, &error) != TVB_DONE)
		elog(DEBUG1, "lookup cannot be parsed again: %s", error->message);
	return query->sql;
}
