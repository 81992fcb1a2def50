/* ddl_command.h - what the parse tree of the user's DDL tells */
#ifndef TVB_DDL_COMMAND_H
#define TVB_DDL_COMMAND_H

#include "postgres.h"
#include "nodes/nodes.h"
#include "nodes/pg_list.h"

/* Whether a command cannot concern anything that exists. */
extern bool tvb_ddl_command_makes_something_new(Node *tree);

/* Whether the command moved names that any lookup may have in it. */
extern bool tvb_ddl_command_renames_everywhere(Node *tree);

/* Whether it gives something another name, or schema. */
extern bool tvb_ddl_command_renames(Node *tree);

/* Whether it is a RenameStmt that gave a column of a table or view another name. */
extern bool tvb_ddl_command_renames_column(Node *tree);

/*
 * The columns that an ALTER TABLE gave another type, which may have changed their values, or dropped, of which it
 * may have made new ones: list of char *.
 */
extern List *tvb_ddl_command_changed_columns(Node *tree);

/* Whether an ALTER TABLE may have rewritten tables. */
extern bool tvb_ddl_command_may_rewrite(Node *tree);

/* Whether a text search configuration or dictionary works in another way now. */
extern bool tvb_ddl_command_alters_text_search(Node *tree);

/* Whether the name of a text search configuration may mean another one now. */
extern bool tvb_ddl_command_names_text_search(Node *tree);

/* Why results can be others now although nothing that names them changed, or NULL. */
extern const char *tvb_ddl_command_changes_results(Node *tree);

/* Whether a domain may allow less than before. */
extern bool tvb_ddl_command_restricts_domain(Node *tree);

/* Whether a type may be read from text, or JSON, in another way now. */
extern bool tvb_ddl_command_alters_input(Node *tree);

/* Whether the rows of the tables or views that were altered may have other columns now, or the columns other names. */
extern bool tvb_ddl_command_alters_rows(Node *tree);

/* Whether an ALTER TABLE may have given a column other values, which no trigger sees, without an attribute of it having changed. */
extern bool tvb_ddl_command_rewrites_columns(Node *tree);

/*
 * The triggers that an ALTER TABLE switched on or off (char *); *all: it did with all of them.
 */
extern List *tvb_ddl_command_toggled_triggers(Node *tree, bool *all);

/* Whether an ALTER TABLE made a table logged: a crash that emptied it before does not show any more. */
extern bool tvb_ddl_command_sets_logged(Node *tree);

/* Whether tables may have come into a subscription. */
extern bool tvb_ddl_command_changes_subscriptions(Node *tree);

#endif
