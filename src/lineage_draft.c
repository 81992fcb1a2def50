/*-------------------------------------------------------------------------
 *
 * lineage_draft.c
 *		Stage 3, fourth step: a lookup query while it is put together.
 *
 * Members and conditions of ways are placed in a draft one after the other, and in the end it is written as a query:
 *
 *		SELECT DISTINCT <key> FROM tviews_changed, <members of the way>
 *		WHERE <conjuncts of the way>
 *
 * with tviews_changed, the changed link values, where the source stood.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_oper.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "lineage_draft.h"
#include "lineage_guard.h"

#define CHANGED "tviews_changed"

/* ---------- putting it together ---------- */

TvbDraft *
tvb_draft_copy(TvbDraft *draft)
{
	TvbDraft	   *copy = palloc(sizeof(TvbDraft));

	copy->members = list_copy(draft->members);
	copy->quals = list_copy(draft->quals);
	return copy;
}

TvbSegment *
tvb_draft_segment(TvbGraph *graph)
{
	TvbSegment    *segment = palloc(sizeof(TvbSegment));

	segment->graph = graph;
	segment->varno = palloc0(sizeof(int) * (list_length(graph->members) + 1));
	return segment;
}

TvbSegment *
tvb_draft_copy_segment(TvbSegment *segment)
{
	TvbSegment    *copy = tvb_draft_segment(segment->graph);

	memcpy(copy->varno, segment->varno,
		   sizeof(int) * (list_length(segment->graph->members) + 1));
	return copy;
}

Node *
tvb_draft_place(Node *node, TvbSegment *segment)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		Var		   *var = copyObject((Var *) node);

		var->varno = segment->varno[var->varno];
		Assert(var->varno > 0);
		return (Node *) var;
	}
	return expression_tree_mutator(node, tvb_draft_place, segment);
}

void
tvb_draft_place_member(TvbDraft *draft, TvbSegment *segment, int id)
{
	TvbMember  *member = tvb_graph_member(segment->graph, id);

	if (segment->varno[id] != 0)
		return;
	draft->members = lappend(draft->members, member);
	segment->varno[id] = list_length(draft->members) + 1;
}

/* A derived member's arguments are the columns of this draft. */
static void
place_arguments(TvbDraft *draft, TvbSegment *segment, int id)
{
	TvbMember  *member = tvb_graph_member(segment->graph, id);
	TvbMember  *copy;
	RangeTblEntry *rte;
	ListCell   *cell;

	if (!member->derived || segment->varno[id] < 2)
		return;
	cell = list_nth_cell(draft->members, segment->varno[id] - 2);
	if (lfirst(cell) != member)
		return;					/* done already */
	copy = palloc(sizeof(TvbMember));
	*copy = *member;
	rte = copyObject(member->rte);
	rte->functions = (List *) tvb_draft_place((Node *) rte->functions, segment);
	rte->values_lists = (List *) tvb_draft_place((Node *) rte->values_lists, segment);
	rte->tablefunc = (TableFunc *) tvb_draft_place((Node *) rte->tablefunc, segment);
	copy->rte = rte;
	lfirst(cell) = copy;
}

/* Add conditions to the draft. */
static void
place_conjuncts(TvbDraft *draft, TvbSegment *segment, List *conjuncts)
{
	ListCell   *lc;

	foreach(lc, conjuncts)
	{
		TvbConjunct *conjunct = lfirst(lc);

		draft->quals = list_append_unique(draft->quals,
										  tvb_draft_place((Node *) conjunct->expr, segment));
	}
}

int
tvb_draft_place_way(TvbDraft *draft, TvbSegment *segment, TvbForest *forest, int id, bool alone)
{
	int			on = -1;
	int			root = id;

	while ((on = bms_next_member(forest->way[id], on)) >= 0)
		tvb_draft_place_member(draft, segment, on);
	on = -1;
	while ((on = bms_next_member(forest->way[id], on)) >= 0)
		place_arguments(draft, segment, on);
	if (!alone)
		place_conjuncts(draft, segment, tvb_guard_conjuncts(forest, id));
	for (on = id; on != 0; on = forest->next[on])
	{
		place_conjuncts(draft, segment, tvb_way_conjuncts(forest, on, alone || on != id));
		root = on;
	}
	return root;
}

/* ---------- as a query ---------- */

typedef struct LinkContext
{
	List	   *attnos;			/* int: link columns so far */
	List	   *vars;			/* Var *: one per link column */
} LinkContext;

/* Number the columns of tviews_changed in the order they are met. */
static Node *
link_mutator(Node *node, LinkContext *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && ((Var *) node)->varno == 1)
	{
		Var		   *var = copyObject((Var *) node);
		int			at = 0;
		ListCell   *lc;

		foreach(lc, context->attnos)
		{
			if (lfirst_int(lc) == var->varattno)
				break;
			at++;
		}
		if (lc == NULL)
		{
			context->attnos = lappend_int(context->attnos, var->varattno);
			context->vars = lappend(context->vars, var);
		}
		var->varattno = at + 1;
		return (Node *) var;
	}
	return expression_tree_mutator(node, link_mutator, context);
}

/* The range table entry that stands for the changed link values. */
static RangeTblEntry *
changed_rte(LinkContext *links, RangeTblEntry *source)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	List	   *names = NIL;
	ListCell   *attno;
	ListCell   *lc;

	forboth(attno, links->attnos, lc, links->vars)
	{
		Var		   *var = lfirst_node(Var, lc);

		names = lappend(names, makeString(get_attname(source->relid, lfirst_int(attno), false)));
		rte->coltypes = lappend_oid(rte->coltypes, var->vartype);
		rte->coltypmods = lappend_int(rte->coltypmods, var->vartypmod);
		rte->colcollations = lappend_oid(rte->colcollations, var->varcollid);
	}
	rte->rtekind = RTE_CTE;
	rte->ctename = pstrdup(CHANGED);
	rte->eref = makeAlias(CHANGED, names);
	rte->inFromCl = true;
	return rte;
}

/* A member's range table entry for a query of ours. */
static RangeTblEntry *
member_rte(TvbMember *member, int n)
{
	RangeTblEntry *rte = copyObject(member->rte);
	Alias	   *alias = makeAlias(psprintf("m%d", n), NIL);

	if (rte->rtekind == RTE_RELATION)
		rte->alias = alias;
	else
	{
		alias->colnames = copyObject(rte->eref->colnames);
		rte->alias = alias;
	}
	rte->eref = makeAlias(alias->aliasname, copyObject(rte->eref->colnames));
	rte->inFromCl = true;
	rte->lateral = member->derived;
	tvb_compat_clear_permissions(rte);
	return rte;
}

/* FROM lists derived members after those they take their arguments from. */
static List *
from_list(TvbDraft *draft, bool changed)
{
	List	   *from = NIL;

	if (changed)
	{
		RangeTblRef *ref = makeNode(RangeTblRef);

		ref->rtindex = 1;
		from = lappend(from, ref);
	}
	for (int derived = 0; derived <= 1; derived++)
	{
		int			rtindex = 2;
		ListCell   *lc;

		foreach(lc, draft->members)
		{
			if (((TvbMember *) lfirst(lc))->derived == (derived == 1))
			{
				RangeTblRef *ref = makeNode(RangeTblRef);

				ref->rtindex = rtindex;
				from = lappend(from, ref);
			}
			rtindex++;
		}
	}
	return from;
}

/* DISTINCT over all columns of a target list. */
static List *
distinct_clause(List *targets)
{
	List	   *clause = NIL;
	ListCell   *lc;

	foreach(lc, targets)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		SortGroupClause *group = makeNode(SortGroupClause);

		tle->ressortgroupref = tle->resno;
		group->tleSortGroupRef = tle->resno;
		get_sort_group_operators(exprType((Node *) tle->expr), true, true, false,
								 &group->sortop, &group->eqop, NULL, &group->hashable);
		clause = lappend(clause, group);
	}
	return clause;
}

/* The positions in tviews_changed that the outputs are, if they are nothing else; else NIL. */
static List *
direct_positions(TvbDraft *draft, List *exprs)
{
	List	   *positions = NIL;
	ListCell   *lc;

	if (draft->members != NIL || draft->quals != NIL)
		return NIL;
	foreach(lc, exprs)
	{
		Var		   *var = lfirst(lc);

		if (!IsA(var, Var) || var->varno != 1)
			return NIL;
		positions = lappend_int(positions, var->varattno - 1);
	}
	return positions;
}

TvbWayQuery *
tvb_draft_finish(TvbDraft *draft, RangeTblEntry *source, List *exprs, List *positions)
{
	TvbWayQuery *result = palloc0(sizeof(TvbWayQuery));
	Query	   *query = makeNode(Query);
	LinkContext links = {NIL, NIL};
	List	   *quals;
	ListCell   *lc;
	ListCell   *member;
	int			resno = 1;
	int			n = 1;

	exprs = (List *) link_mutator((Node *) exprs, &links);
	quals = (List *) link_mutator((Node *) draft->quals, &links);
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->rtable = list_make1(NULL);
	foreach(member, draft->members)
	{
		RangeTblEntry *rte = member_rte(lfirst(member), n++);

		rte->functions = (List *) link_mutator((Node *) rte->functions, &links);
		rte->values_lists = (List *) link_mutator((Node *) rte->values_lists, &links);
		rte->tablefunc = (TableFunc *) link_mutator((Node *) rte->tablefunc, &links);
		query->rtable = lappend(query->rtable, rte);
	}
	linitial(query->rtable) = changed_rte(&links, source);
	query->jointree = makeFromExpr(from_list(draft, links.attnos != NIL),
								   (Node *) make_ands_explicit(quals));
	if (quals == NIL)
		query->jointree->quals = NULL;
	foreach(lc, exprs)
	{
		query->targetList = lappend(query->targetList,
									makeTargetEntry(lfirst(lc), resno, psprintf("k%d", resno), false));
		resno++;
	}
	query->distinctClause = distinct_clause(query->targetList);
	result->query = query;
	result->link_attnos = links.attnos;
	result->key_positions = list_copy(positions);
	result->direct = direct_positions(draft, exprs);
	result->only_changed = draft->members == NIL && links.attnos != NIL;
	return result;
}
