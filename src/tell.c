/*-------------------------------------------------------------------------
 *
 * tell.c
 *		What the TVIEWs that read another one are told of the rows written in it.
 *
 * A TVIEW is a source like any table: whoever reads it wants to know the values
 * of its link columns in each row that came, went or was changed, OLD and NEW, if a
 * column that is read differs.  They are collected while rows are written and
 * handed over only when the rows are sure to stay: writing happens in
 * subtransactions.
 *
 * Invariant: a row that is written and stays is told.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/bitmapset.h"

#include "bag.h"
#include "image.h"
#include "settings.h"
#include "tell.h"

struct TvbTell
{
	TvbChanges *changes;
	TvbChangeSet *set;
	TvbBag	   *told;			/* link values not handed over yet */
	bool		told_all;		/* ... or any row */
	int			nlinks;
	int		   *links;			/* positions of the link columns in the view */
	bool		unknown_link;	/* one of them is not a column of the view */
	bool		reads_all;		/* any difference matters */
	Bitmapset  *reads;			/* else: these positions */
	Datum	   *values;
	bool	   *nulls;
	StringInfoData buf;
};

static int	column_position(const TvbTview *tview, const char *name);
static bool links_differ(TvbTell *tell, TupleDesc desc, const Datum *values, const bool *nulls,
						 const Datum *old_values, const bool *old_nulls);

TvbTell *
tvb_tell_create(const TvbTview *tview, TvbChanges *changes)
{
	TvbSource  *source = tvb_registry_source(tview->relid);
	TvbTell    *tell;
	ListCell   *lc;

	if (source == NULL)
		return NULL;
	tell = palloc0(sizeof(TvbTell));
	tell->changes = changes;
	tell->set = tvb_changes_set(changes, source->relid, source->version);
	/* made in an attempt, handed over after others */
	tell->told = tvb_bag_create(CurrentMemoryContext, tvb_changes_owner(changes), "TVIEW changes of a batch",
								(Size) tvb_work_mem * 1024 / 16);
	tell->nlinks = list_length(source->link_columns);
	tell->links = palloc(sizeof(int) * Max(tell->nlinks, 1));
	tell->values = palloc(sizeof(Datum) * Max(tell->nlinks, 1));
	tell->nulls = palloc(sizeof(bool) * Max(tell->nlinks, 1));
	initStringInfo(&tell->buf);
	foreach(lc, source->link_columns)
	{
		int			position = column_position(tview, lfirst(lc));

		tell->links[foreach_current_index(lc)] = position;
		if (position < 0)
			tell->unknown_link = true;
	}
	tell->reads_all = source->reads_all;
	foreach(lc, source->read_columns)
	{
		int			position = column_position(tview, lfirst(lc));

		/* a column of the user's own may be generated from any other */
		if (position < 0)
			tell->reads_all = true;
		else
			tell->reads = bms_add_member(tell->reads, position);
	}
	return tell;
}

void
tvb_tell_row(TvbTell *tell, const Datum *values, const bool *nulls)
{
	if (tell->unknown_link || tell->set->shape == NULL)
		tell->told_all = true;
	if (tell->told_all)
		return;
	for (int i = 0; i < tell->nlinks; i++)
	{
		tell->values[i] = values[tell->links[i]];
		tell->nulls[i] = nulls[tell->links[i]];
	}
	resetStringInfo(&tell->buf);
	tvb_link_pack(&tell->buf, tell->set->shape->layout, tell->values, tell->nulls);
	tvb_bag_add(tell->told, tell->buf.data, tell->buf.len);
}

void
tvb_tell_update(TvbTell *tell, TupleDesc desc, const Datum *values, const bool *nulls,
				const Datum *old_values, const bool *old_nulls)
{
	bool		matters = tell->reads_all;
	int			i = -1;

	while (!matters && (i = bms_next_member(tell->reads, i)) >= 0)
		matters = tvb_image_differs(TupleDescAttr(desc, i), values[i], nulls[i],
									old_values[i], old_nulls[i]);
	if (!matters)
		return;
	tvb_tell_row(tell, values, nulls);
	if (!tell->told_all && links_differ(tell, desc, values, nulls, old_values, old_nulls))
		tvb_tell_row(tell, old_values, old_nulls);
}

void
tvb_tell_hand_over(TvbTell *tell)
{
	const char *data;
	int			len;

	if (tell->told_all)
		tvb_changes_add(tell->changes, tell->set, NULL, 0);
	else
	{
		tvb_bag_read(tell->told);
		while (tvb_bag_next(tell->told, &data, &len))
			tvb_changes_add(tell->changes, tell->set, data, len);
	}
	tvb_tell_forget(tell);
}

void
tvb_tell_forget(TvbTell *tell)
{
	tvb_bag_reset(tell->told);
	tell->told_all = false;
}

/* Position of a column in the view, from 0; -1: it is none. */
static int
column_position(const TvbTview *tview, const char *name)
{
	ListCell   *lc;

	foreach(lc, tview->columns)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return foreach_current_index(lc);
	}
	return -1;
}

/* Whether two rows have different link values. */
static bool
links_differ(TvbTell *tell, TupleDesc desc, const Datum *values, const bool *nulls,
			 const Datum *old_values, const bool *old_nulls)
{
	for (int i = 0; i < tell->nlinks; i++)
	{
		int			link = tell->links[i];

		if (tvb_image_differs(TupleDescAttr(desc, link), values[link], nulls[link],
							  old_values[link], old_nulls[link]))
			return true;
	}
	return false;
}
