/*
 * owner.h
 *	  Another user's identity and a safe search_path, for as long as that user's code runs.
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
 * Become owner, who can then do nothing but compute (SECURITY_RESTRICTED_OPERATION).
 * restrict_path: names are looked up in pg_catalog alone, as text of
 * dml_features_qualified wants it.  An error in between restores the identity with the
 * (sub)transaction's abort.
 */
extern void owner_scope_begin(OwnerScope *scope, Oid owner, bool restrict_path);
extern void owner_scope_end(OwnerScope *scope);

/* restrict_path for the expressions of an index: as PostgreSQL builds it. */
#define INDEX_PATH_RESTRICTED	(PG_VERSION_NUM >= 170000)

/* search_path = pg_catalog, pg_temp until AtEOXact_GUC of the current level. */
extern void restrict_search_path(void);

#endif							/* DML_OWNER_H */
