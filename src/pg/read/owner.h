/*
 * owner.h
 *	  The identity of another user, and a safe search_path, while that user's code runs.
 */
#ifndef DML_OWNER_H
#define DML_OWNER_H

#include "compat.h"

typedef struct OwnerScope
{
	Oid			user;
	int			security;
	int			guc_level;
} OwnerScope;

/*
 * Take on the owner's identity, restricted to computing (SECURITY_RESTRICTED_OPERATION).
 * restrict_path: names are looked up in pg_catalog alone, as text of dml_features_qualified
 * requires.  If an error occurs in between, the abort of the (sub)transaction restores the
 * identity.
 */
extern void owner_scope_begin(OwnerScope *scope, Oid owner, bool restrict_path);
extern void owner_scope_end(OwnerScope *scope);

/* The value of restrict_path for the expressions of an index: as PostgreSQL builds the index. */
#define INDEX_PATH_RESTRICTED	(PG_VERSION_NUM >= 170000)

/* Set search_path = pg_catalog, pg_temp until AtEOXact_GUC of the current level. */
extern void restrict_search_path(void);

#endif							/* DML_OWNER_H */
