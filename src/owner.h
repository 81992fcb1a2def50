/* owner.h - the only place that switches users */
#ifndef TVB_OWNER_H
#define TVB_OWNER_H

#include "postgres.h"
#include "nodes/pg_list.h"

/* What leave needs to undo an enter; an error undoes it through the transaction machinery. */
typedef struct TvbOwnerState
{
	Oid			userid;
	int			sec_context;
	int			guc_level;
} TvbOwnerState;

/*
 * Become role inside a security-restricted operation with search_path
 * "pg_catalog, pg_temp" and the given settings (list of char * "name=value")
 * in force.  jit is off; row_security as told.
 */
extern void tvb_owner_enter(TvbOwnerState *state, Oid role, List *settings, bool row_security);

/* Become the extension's owner to read and write the extension's own tables; same fixed search_path. */
extern void tvb_owner_enter_extension(TvbOwnerState *state);

extern void tvb_owner_leave(TvbOwnerState *state);

/* The current values of the settings that are pinned, as "name=value" strings, in the current context. */
extern List *tvb_owner_settings(void);

/* The owner of a relation; InvalidOid if it is gone, or an error unless missing_ok. */
extern Oid	tvb_owner_of(Oid relid, bool missing_ok);

#endif
