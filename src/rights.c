/*-------------------------------------------------------------------------
 *
 * rights.c
 *		Whether a TVIEW can be refreshed as its owner, and truly.
 *
 * A view and its TVIEW may be altered like any other relation, and given away.
 * What would make a refresh run one role's text as another role, or compare
 * and write something else than the table's rows, is found here, before anything
 * of the view runs.
 *
 * All errors are of class 42: they are the TVIEW's and no key's (attempt.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "owner.h"
#include "registry.h"
#include "rights.h"

static bool has_instead_rule(Relation rel);

void
tvb_rights_check_owners(Oid view, Oid tview)
{
	Oid			view_owner;
	Oid			tview_owner;

	/* neither changes hands before the transaction ends */
	LockRelationOid(view, AccessShareLock);
	LockRelationOid(tview, AccessShareLock);
	view_owner = tvb_owner_of(view, true);
	tview_owner = tvb_owner_of(tview, true);
	if (view_owner == tview_owner || !OidIsValid(view_owner) || !OidIsValid(tview_owner))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("view %s belongs to role %s, TVIEW %s to role %s",
					tvb_registry_relation_name(view),
					quote_identifier(GetUserNameFromId(view_owner, false)),
					tvb_registry_relation_name(tview),
					quote_identifier(GetUserNameFromId(tview_owner, false))),
			 errhint("What the view runs, runs as the TVIEW's owner: give both the same owner.")));
}

void
tvb_rights_check_table(Oid tview)
{
	Relation	rel = table_open(tview, AccessShareLock);
	Oid			owner = rel->rd_rel->relowner;

	if (has_instead_rule(rel))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("a rule of TVIEW %s replaces what drains write", tvb_registry_relation_name(tview)),
				 errhint("Drop its INSTEAD rules.")));
	table_close(rel, NoLock);
	if (check_enable_rls(tview, owner, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row-level security of TVIEW %s hides rows from its owner, who refreshes it",
						tvb_registry_relation_name(tview)),
				 errhint("ALTER TABLE %s NO FORCE ROW LEVEL SECURITY; policies go on applying to other roles.",
						 tvb_registry_relation_name(tview))));
}

bool
tvb_rights_rows_may_change(Oid tview)
{
	Relation	rel = table_open(tview, AccessShareLock);
	bool		may = rel->trigdesc != NULL &&
		(rel->trigdesc->trig_insert_before_row || rel->trigdesc->trig_update_before_row);

	table_close(rel, NoLock);
	return may;
}

/* Whether a rule takes the place of a statement. */
static bool
has_instead_rule(Relation rel)
{
	for (int i = 0; rel->rd_rules != NULL && i < rel->rd_rules->numLocks; i++)
	{
		if (rel->rd_rules->rules[i]->isInstead)
			return true;
	}
	return false;
}
