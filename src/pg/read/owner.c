/*
 * owner.c
 *	  The identity of another user, and a safe search_path, while that user's code runs.
 */
#include "compat.h"

#include "read/owner.h"

#include "miscadmin.h"
#include "utils/guc.h"

void
restrict_search_path(void)
{
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

void
owner_scope_begin(OwnerScope *scope, Oid owner, bool restrict_path)
{
	GetUserIdAndSecContext(&scope->user, &scope->security);
	SetUserIdAndSecContext(owner, scope->security | SECURITY_RESTRICTED_OPERATION);
	scope->guc_level = NewGUCNestLevel();
	if (restrict_path)
		restrict_search_path();
}

void
owner_scope_end(OwnerScope *scope)
{
	AtEOXact_GUC(false, scope->guc_level);
	SetUserIdAndSecContext(scope->user, scope->security);
}
