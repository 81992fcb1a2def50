/*-------------------------------------------------------------------------
 *
 * ddl_command.c
 *		Definition: what the parse tree of the user's DDL tells.
 *
 * Pure: trees in, answers out.  A tree may be NULL, where the server keeps none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/parsenodes.h"

#include "compat.h"
#include "ddl_command.h"

bool
tvb_ddl_command_makes_something_new(Node *tree)
{
	if (tree == NULL)
		return false;
	switch (nodeTag(tree))
	{
		case T_CreateStmt:
		case T_CreateForeignTableStmt:
			return ((CreateStmt *) tree)->inhRelations == NIL;
		case T_CreateTableAsStmt:
			return true;
		case T_CreateSchemaStmt:
			return ((CreateSchemaStmt *) tree)->schemaElts == NIL;
		case T_ViewStmt:
			return !((ViewStmt *) tree)->replace;
		default:
			return false;
	}
}

/* Whether a command is an ALTER TABLE with a part of which the test is true. */
static bool
any_subcommand(Node *tree, bool (*test) (const AlterTableCmd *cmd))
{
	ListCell   *lc;

	if (tree == NULL || !IsA(tree, AlterTableStmt))
		return false;
	foreach(lc, ((AlterTableStmt *) tree)->cmds)
	{
		if (test(lfirst_node(AlterTableCmd, lc)))
			return true;
	}
	return false;
}

/* Whether it is ALTER TYPE of a composite type, which the server takes for an ALTER TABLE. */
static bool
alters_type(Node *tree)
{
	return tree && IsA(tree, AlterTableStmt) && ((AlterTableStmt *) tree)->objtype == OBJECT_TYPE;
}

/* Whether it gives a generated column another expression: no trigger sees its new values. */
static bool
sets_expression(const AlterTableCmd *cmd)
{
	return tvb_compat_sets_expression(cmd->subtype);
}

List *
tvb_ddl_command_changed_columns(Node *tree)
{
	List	   *names = NIL;
	ListCell   *lc;

	if (tree == NULL || !IsA(tree, AlterTableStmt) || alters_type(tree))
		return NIL;
	foreach(lc, ((AlterTableStmt *) tree)->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if ((cmd->subtype == AT_AlterColumnType || cmd->subtype == AT_DropColumn) && cmd->name != NULL)
			names = lappend(names, cmd->name);
	}
	return names;
}

static bool
may_rewrite(const AlterTableCmd *cmd)
{
	switch (cmd->subtype)
	{
		case AT_AddColumn:
		case AT_AlterColumnType:
		case AT_SetLogged:
		case AT_SetUnLogged:
		case AT_SetAccessMethod:
			return true;
		default:
			return sets_expression(cmd);
	}
}

bool
tvb_ddl_command_may_rewrite(Node *tree)
{
	return any_subcommand(tree, may_rewrite);
}

bool
tvb_ddl_command_alters_text_search(Node *tree)
{
	return tree && (IsA(tree, AlterTSConfigurationStmt) || IsA(tree, AlterTSDictionaryStmt));
}

bool
tvb_ddl_command_names_text_search(Node *tree)
{
	if (tree == NULL)
		return false;
	if (IsA(tree, DefineStmt))
		return ((DefineStmt *) tree)->kind == OBJECT_TSCONFIGURATION;
	if (IsA(tree, RenameStmt))
		return ((RenameStmt *) tree)->renameType == OBJECT_TSCONFIGURATION || ((RenameStmt *) tree)->renameType == OBJECT_SCHEMA;
	return IsA(tree, AlterObjectSchemaStmt) && ((AlterObjectSchemaStmt *) tree)->objectType == OBJECT_TSCONFIGURATION;
}

bool
tvb_ddl_command_renames_everywhere(Node *tree)
{
	if (tree && IsA(tree, RenameStmt))
		return ((RenameStmt *) tree)->renameType == OBJECT_SCHEMA;
	if (tree && IsA(tree, AlterObjectSchemaStmt))
		return ((AlterObjectSchemaStmt *) tree)->objectType == OBJECT_EXTENSION;
	return false;
}

bool
tvb_ddl_command_renames(Node *tree)
{
	return tree && (IsA(tree, RenameStmt) || IsA(tree, AlterObjectSchemaStmt));
}

bool
tvb_ddl_command_renames_column(Node *tree)
{
	return tree && IsA(tree, RenameStmt) && ((RenameStmt *) tree)->renameType == OBJECT_COLUMN;
}

const char *
tvb_ddl_command_changes_results(Node *tree)
{
	if (tree == NULL)
		return NULL;
	if (IsA(tree, CreateFunctionStmt) || IsA(tree, AlterFunctionStmt) ||
		(IsA(tree, DefineStmt) && ((DefineStmt *) tree)->kind != OBJECT_TYPE))
		return "a function that the view uses was replaced or altered";
	if (IsA(tree, AlterOwnerStmt) &&
		(((AlterOwnerStmt *) tree)->objectType == OBJECT_FUNCTION || ((AlterOwnerStmt *) tree)->objectType == OBJECT_ROUTINE))
		return "a function that the view uses was given to another owner";
	if (IsA(tree, CreateCastStmt))
		return "a cast to json was created";
	if (IsA(tree, CreateOpClassStmt))
		return "an operator class was created";
	if (IsA(tree, AlterOpFamilyStmt))
		return "an operator family was altered";
	if (IsA(tree, AlterCollationStmt))
		return "a collation that the view uses was given another version";
	if (IsA(tree, AlterEnumStmt) && ((AlterEnumStmt *) tree)->oldVal != NULL)
		return "a label of an enum was renamed";
	if (IsA(tree, RenameStmt) && ((RenameStmt *) tree)->renameType == OBJECT_ATTRIBUTE)
		return "an attribute of a composite type was renamed";
	if (IsA(tree, AlterTableStmt) && ((AlterTableStmt *) tree)->objtype == OBJECT_TYPE)
		return "a composite type was altered";
	if (any_subcommand(tree, sets_expression))
		return "a generated column was given another expression";
	return NULL;
}

static bool
alters_column(const AlterTableCmd *cmd)
{
	return cmd->subtype == AT_AddColumn || cmd->subtype == AT_DropColumn || cmd->subtype == AT_AlterColumnType;
}

bool
tvb_ddl_command_alters_rows(Node *tree)
{
	if (tree == NULL)
		return false;
	return IsA(tree, ViewStmt) || tvb_ddl_command_renames_column(tree) || (!alters_type(tree) && any_subcommand(tree, alters_column));
}

bool
tvb_ddl_command_restricts_domain(Node *tree)
{
	if (tree == NULL)
		return false;
	/* a check may call it */
	if (IsA(tree, CreateFunctionStmt) || IsA(tree, AlterFunctionStmt))
		return true;
	return IsA(tree, AlterDomainStmt) && strchr("CO", ((AlterDomainStmt *) tree)->subtype) != NULL;
}

bool
tvb_ddl_command_alters_input(Node *tree)
{
	if (tree == NULL)
		return false;
	if (IsA(tree, AlterDomainStmt))
		return strchr("CNOX", ((AlterDomainStmt *) tree)->subtype) != NULL;
	return IsA(tree, AlterEnumStmt) || tvb_ddl_command_changes_results(tree);
}

static bool
alters_column_type(const AlterTableCmd *cmd)
{
	return cmd->subtype == AT_AlterColumnType;
}

bool
tvb_ddl_command_rewrites_columns(Node *tree)
{
	return !alters_type(tree) && any_subcommand(tree, alters_column_type);
}

static bool
toggles_all(const AlterTableCmd *cmd)
{
	switch (cmd->subtype)
	{
		case AT_EnableTrigAll:
		case AT_DisableTrigAll:
		case AT_EnableTrigUser:
		case AT_DisableTrigUser:
			return true;
		default:
			return false;
	}
}

static bool
toggles_one(const AlterTableCmd *cmd)
{
	switch (cmd->subtype)
	{
		case AT_EnableTrig:
		case AT_EnableAlwaysTrig:
		case AT_EnableReplicaTrig:
		case AT_DisableTrig:
			return cmd->name != NULL;
		default:
			return false;
	}
}

List *
tvb_ddl_command_toggled_triggers(Node *tree, bool *all)
{
	List	   *names = NIL;
	ListCell   *lc;

	*all = any_subcommand(tree, toggles_all);
	if (!any_subcommand(tree, toggles_one))
		return NIL;
	foreach(lc, castNode(AlterTableStmt, tree)->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (toggles_one(cmd))
			names = lappend(names, cmd->name);
	}
	return names;
}

static bool
sets_logged(const AlterTableCmd *cmd)
{
	return cmd->subtype == AT_SetLogged;
}

bool
tvb_ddl_command_sets_logged(Node *tree)
{
	return any_subcommand(tree, sets_logged);
}

bool
tvb_ddl_command_changes_subscriptions(Node *tree)
{
	return tree && (IsA(tree, CreateSubscriptionStmt) || IsA(tree, AlterSubscriptionStmt));
}
