/*-------------------------------------------------------------------------
 *
 * pushdown_sql.c
 *		Stage 5, before it runs: the text of an edited query, proved to mean its tree.
 *
 * NULLIF, IS DISTINCT FROM, CASE x WHEN and USING cannot name the schema of their
 * operator.  So the text is parsed again: the tree that comes out must be written as
 * the same text, and must mean the same (meaning.c), subqueries included.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "parser/analyze.h"
#include "parser/parser.h"

#include "attempt.h"
#include "compat.h"
#include "lineage_expand.h"
#include "lineage_names.h"
#include "meaning.h"
#include "pushdown_sql.h"

/* A text that is parsed. */
typedef struct Parse
{
	Query	   *query;
	List	   *param_types;
	char	   *sql;			/* NULL: not the same */
} Parse;

/* Parse the text and compare. */
static void
parse_again(void *arg)
{
	Parse	   *parse = arg;
	char	   *sql = tvb_meaning_text(parse->query, false);
	List	   *raw = raw_parser(sql, RAW_PARSE_DEFAULT);
	int			n = list_length(parse->param_types);
	Oid		   *types = palloc(sizeof(Oid) * (n + 1));
	Query	   *again;
	ListCell   *lc;

	foreach(lc, parse->param_types)
		types[foreach_current_index(lc)] = lfirst_oid(lc);
	again = parse_analyze_fixedparams(linitial_node(RawStmt, raw), sql, types, n, NULL);
	tvb_expand_normalize(again);
	if (tvb_names_written(parse->query) || strcmp(tvb_meaning_of(parse->query), tvb_meaning_of(again)) != 0)
		elog(DEBUG1, "keyed query changes its meaning when parsed again: %s\n%s\n%s", sql, tvb_meaning_of(parse->query), tvb_meaning_of(again));
	else if (strcmp(sql, tvb_meaning_text(again, false)) != 0)
		elog(DEBUG1, "keyed query is written otherwise when parsed again: %s\n%s", sql, tvb_meaning_text(again, false));
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
