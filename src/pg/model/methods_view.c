/*
 * methods_view.c
 *	  dml_methods: the registry of src/learn as rows.
 */
#include "compat.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "learn/methods/methods.h"

PG_FUNCTION_INFO_V1(dml_methods);

/* One row for each method of the registry. */
Datum
dml_methods(PG_FUNCTION_ARGS)
{
	static const char *const kinds[] = {"choice", "closed form", "gradient", "linear"};
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TupleDesc	desc;
	Tuplestorestate *store;
	MemoryContext old;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) || !(rsinfo->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	desc = CreateTupleDescCopy(desc);
	store = tuplestore_begin_heap(true, false, work_mem);
	for (int i = 0; i < method_count(); i++)
	{
		const Method *m = method_at(i);
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = CStringGetTextDatum(m->name);
		values[1] = CStringGetTextDatum(kinds[m->kind]);
		values[2] = CStringGetTextDatum(m->supervision);
		nulls[3] = m->parameters == NULL || m->parameters[0] == '\0';
		values[3] = nulls[3] ? (Datum) 0 : CStringGetTextDatum(m->parameters);
		values[4] = CStringGetTextDatum(m->description);
		nulls[5] = m->paper == NULL;
		values[5] = nulls[5] ? (Datum) 0 : CStringGetTextDatum(m->paper);
		tuplestore_putvalues(store, desc, values, nulls);
	}
	MemoryContextSwitchTo(old);
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = store;
	rsinfo->setDesc = desc;
	return (Datum) 0;
}
