/* ddl_work.h - what follows from the user's DDL, done so that it never fails the command */
#ifndef TVB_DDL_WORK_H
#define TVB_DDL_WORK_H

#include "postgres.h"
#include "commands/event_trigger.h"
#include "fmgr.h"
#include "nodes/nodes.h"
#include "nodes/pg_list.h"

/* A command that ended. */
typedef struct TvbCommand
{
	Node	   *tree;
	List	   *classes;		/* Oids, of the objects it made or altered */
	List	   *objects;
	List	   *relations;		/* those that are relations */
	List	   *sources;		/* sources captured on behalf of these */
	List	   *parents;		/* that an ALTER TABLE gave children or took some from */
	List	   *children;		/* these */
	List	   *row_types;		/* row types it altered of which there may be values elsewhere */
	List	   *resolving;		/* TVIEWs whose texts may name one of the objects */
	List	   *reading;		/* TVIEWs that read JSON as a type which may be read in another way now */
	List	   *converting;		/* TVIEWs that convert values to a domain which allows less now */
	bool		is_ours;		/* a TVIEW or its view is among them */
	char	   *problem;		/* the error that undid what was to follow */
} TvbCommand;

/* What is done after a command, protected against errors. */
typedef void (*TvbWork) (TvbCommand *command);

/* Refuse to be called as anything but an event trigger; returns its data. */
extern EventTriggerData *tvb_ddl_work_trigger(FunctionCallInfo fcinfo, const char *name);

/*
 * Whether there is any TVIEW, and the extension's tables are as this version has them: not while it is created or dropped, nor
 * between the installation of a new library and ALTER EXTENSION UPDATE, which has all TVIEWs derived again.  Runs no
 * SQL, as all DDL asks.
 */
extern bool tvb_ddl_work_wanted(void);

/* Work: all rows of the command's sources may have changed. */
extern void tvb_ddl_work_everything(TvbCommand *command);

/* Make the TVIEWs stale that use values of the types (oid list). */
extern void tvb_ddl_work_stale_users(List *types, const char *reason);

/* Do the work; if it fails, say so and leave it to the next drain.  Connected to SPI. */
extern void tvb_ddl_work_protect(TvbWork work, TvbCommand *command);

#endif
