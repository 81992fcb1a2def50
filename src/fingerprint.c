/*-------------------------------------------------------------------------
 *
 * fingerprint.c
 *		Definition: has a view, or what was derived from it, changed?
 *
 * A view's stored query holds OIDs and column numbers; renames do not touch it.
 * So its printed tree, without the places in the text it came from, is the
 * same as long as the definition is.  What it says twice as much as needed
 * (another alias, say) costs a comparison, never a wrong row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "fingerprint.h"
#include "lineage_expand.h"

/* 128 bits of a text, as text. */
static char *
digest(const char *words)
{
	const unsigned char *bytes = (const unsigned char *) words;
	int			len = strlen(words);

	return psprintf("%016llx%016llx",
					(unsigned long long) hash_bytes_extended(bytes, len, 0),
					(unsigned long long) hash_bytes_extended(bytes, len, 1));
}

/* Leave out names that tables and their columns had when the view was made. */
static bool
forget_names_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_RELATION)
		{
			rte->alias = NULL;
			rte->eref = makeAlias(rte->eref->aliasname, NIL);
		}
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, forget_names_walker, context,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, forget_names_walker, context);
}

/* Append a printed tree without the places in the text that it came from. */
static void
append_tree(StringInfo out, const char *tree)
{
	static const char *const places[] = {" :location ", " :stmt_location ", " :stmt_len "};

	while (*tree)
	{
		int			i;

		for (i = 0; i < lengthof(places); i++)
		{
			if (strncmp(tree, places[i], strlen(places[i])) == 0)
				break;
		}
		if (i == lengthof(places))
		{
			appendStringInfoChar(out, *tree++);
			continue;
		}
		tree += strlen(places[i]);
		while (*tree == '-' || (*tree >= '0' && *tree <= '9'))
			tree++;
	}
}

/* A name as it stands between spaces and slashes, whatever the session quotes. */
static const char *
quoted(const char *name)
{
	if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0')
		return name;
	return quote_literal_cstr(name);
}

/* Append the columns of a relation that is read as a whole. */
static void
append_row_type(StringInfo out, Oid relid)
{
	Relation	relation = relation_open(relid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(relation);

	appendStringInfo(out, " row %u", relid);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped)
			appendStringInfo(out, " %d/%s/%u/%d/%u", att->attnum, quoted(NameStr(att->attname)),
							 att->atttypid, att->atttypmod, att->attcollation);
	}
	relation_close(relation, NoLock);
}

/* Collect the nested views that are read as a whole: their columns' names are in no tree. */
static bool
whole_views_walker(Node *node, List **views)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varattno == InvalidAttrNumber)
	{
		Oid			relid = get_typ_typrelid(((Var *) node)->vartype);

		if (OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_VIEW)
			*views = list_append_unique_oid(*views, relid);
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, whole_views_walker, views, 0);
	return expression_tree_walker(node, whole_views_walker, views);
}

char *
tvb_fingerprint_query(Query *query)
{
	Query	   *expanded = tvb_expand_query(query);
	StringInfoData out;
	List	   *views = NIL;
	ListCell   *lc;

	initStringInfo(&out);
	foreach(lc, tvb_expand_tables(expanded))
	{
		TvbTable   *table = lfirst(lc);

		if (table->reads_all)
			append_row_type(&out, table->rte->relid);
	}
	(void) whole_views_walker((Node *) expanded, &views);
	foreach(lc, views)
		append_row_type(&out, lfirst_oid(lc));
	(void) forget_names_walker((Node *) expanded, NULL);
	append_tree(&out, nodeToString(expanded));
	return digest(out.data);
}

/* Append integers. */
static void
append_ints(StringInfo out, List *ints)
{
	ListCell   *lc;

	appendStringInfoChar(out, '(');
	foreach(lc, ints)
		appendStringInfo(out, "%d ", lfirst_int(lc));
	appendStringInfoChar(out, ')');
}

/* Append names of columns of a table. */
static void
append_columns(StringInfo out, Oid relid, List *attnos)
{
	ListCell   *lc;

	appendStringInfoChar(out, '(');
	foreach(lc, attnos)
		appendStringInfo(out, "%s ", quoted(get_attname(relid, lfirst_int(lc), false)));
	appendStringInfoChar(out, ')');
}

/* Append an occurrence of a source and its queries. */
static void
append_occurrence(StringInfo out, const TvbOccurrence *occurrence)
{
	List	   *reads = NIL;
	int			attno = -1;
	ListCell   *lc;

	while ((attno = bms_next_member(occurrence->reads, attno)) >= 0)
		reads = lappend_int(reads, attno);
	appendStringInfo(out, "\n%u %u %s %d %d %d %s ", occurrence->relid, occurrence->nested, occurrence->alias,
					 occurrence->kind, occurrence->captured, occurrence->reads_all,
					 occurrence->reason ? occurrence->reason : "");
	append_columns(out, occurrence->relid, reads);
	foreach(lc, occurrence->queries)
	{
		TvbWayQuery *query = lfirst(lc);

		append_columns(out, occurrence->relid, query->link_attnos);
		append_ints(out, query->key_positions);
		append_ints(out, query->direct);
		appendStringInfoString(out, query->sql);
	}
}

char *
tvb_fingerprint_routes(const TvbLineage *lineage)
{
	StringInfoData out;
	ListCell   *lc;

	initStringInfo(&out);
	append_ints(&out, lineage->refresh_positions);
	foreach(lc, lineage->notes)
		appendStringInfo(&out, "%s;", (char *) lfirst(lc));
	foreach(lc, lineage->keyed)
		appendStringInfo(&out, "%s;", (char *) lfirst(lc));
	foreach(lc, lineage->occurrences)
		append_occurrence(&out, lfirst(lc));
	return digest(out.data);
}
