/*
 * result_store.c
 *	  The result of a set-returning function as a tuplestore.  PostgreSQL has such a function
 *	  from 15 on.
 */
#include "compat.h"

#include "call/result_store.h"

#include "funcapi.h"
#include "miscadmin.h"

Tuplestorestate *
result_store(FunctionCallInfo fcinfo, TupleDesc *desc)
{
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;

	if (info == NULL || !IsA(info, ReturnSetInfo) || !(info->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	if (get_call_result_type(fcinfo, NULL, desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	old = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
	info->returnMode = SFRM_Materialize;
	info->setResult = tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	info->setDesc = *desc = CreateTupleDescCopy(*desc);
	MemoryContextSwitchTo(old);
	return info->setResult;
}
