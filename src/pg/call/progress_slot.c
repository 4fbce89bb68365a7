/*
 * progress_slot.c
 *	  The backends whose progress slot belongs to a command of dml.
 *
 * Every backend has a slot in shared memory for commands that report progress: twenty 64-bit
 * numbers and a command type that says which command they belong to.  PostgreSQL's own views read
 * their own types only.
 */
#include "compat.h"

#include "call/progress_slot.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "pgstat.h"
#if PG_VERSION_NUM >= 140000
#include "utils/backend_progress.h"
#include "utils/backend_status.h"
#endif
#include "utils/acl.h"

#include "call/result_store.h"

#if PG_VERSION_NUM < 140000
#define ROLE_PG_READ_ALL_STATS	DEFAULT_ROLE_READ_ALL_STATS
#endif

void
progress_slot_rows(FunctionCallInfo fcinfo, int command, int columns, ProgressFill fill)
{
	TupleDesc	desc;
	Tuplestorestate *store = result_store(fcinfo, &desc);
	Datum	   *values = palloc0(sizeof(Datum) * columns);
	bool	   *nulls = palloc(sizeof(bool) * columns);
	int			count = pgstat_fetch_stat_numbackends();

	for (int i = 1; i <= count; i++)
	{
#if PG_VERSION_NUM >= 160000
		LocalPgBackendStatus *local = pgstat_get_local_beentry_by_index(i);
#else
		LocalPgBackendStatus *local = pgstat_fetch_stat_local_beentry(i);
#endif
		const PgBackendStatus *backend;

		if (local == NULL || (int) local->backendStatus.st_progress_command != command)
			continue;
		backend = &local->backendStatus;
		memset(nulls, true, sizeof(bool) * columns);
		memset(nulls, false, sizeof(bool) * PROGRESS_SLOT_COLUMNS);
		values[0] = Int32GetDatum(backend->st_procpid);
		values[1] = ObjectIdGetDatum(backend->st_databaseid);
		values[2] = ObjectIdGetDatum(backend->st_userid);
		if (has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) ||
			has_privs_of_role(GetUserId(), backend->st_userid))
		{
			memset(nulls, false, sizeof(bool) * columns);
			fill(backend->st_progress_param, values, nulls);
		}
		tuplestore_putvalues(store, desc, values, nulls);
	}
}
