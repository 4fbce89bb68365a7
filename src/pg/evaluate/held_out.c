/*
 * held_out.c
 *	  dml_held_out: the split of classes that training and evaluation agree upon.
 *
 * A class is held out by the text of its label and a seed alone. So it stays on its side when rows
 * or classes come and go, and in any order.
 */
#include "compat.h"

#include "evaluate/held_out.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(dml_held_out);

bool
held_out_label(const char *label, double share, int64 seed)
{
	uint64		hash = DatumGetUInt64(hash_any_extended((const unsigned char *) label, strlen(label), (uint64) seed));

	return (double) (hash >> 11) * (1.0 / (UINT64CONST(1) << 53)) < share;
}

void
held_out_check_share(double share)
{
	if (!(share > 0 && share <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("share must be above 0 and at most 1, not %g", share)));
}

/* dml_held_out(label anyelement, share double precision, seed bigint): strict */
Datum
dml_held_out(PG_FUNCTION_ARGS)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 0);
	double		share = PG_GETARG_FLOAT8(1);
	FmgrInfo   *output = fcinfo->flinfo->fn_extra;

	held_out_check_share(share);
	if (output == NULL)
	{
		Oid			function;
		bool		varlena;

		if (!OidIsValid(type))
			elog(ERROR, "could not determine the label's type");
		getTypeOutputInfo(type, &function, &varlena);
		output = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(FmgrInfo));
		fmgr_info_cxt(function, output, fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = output;
	}
	PG_RETURN_BOOL(held_out_label(OutputFunctionCall(output, PG_GETARG_DATUM(0)), share, PG_GETARG_INT64(2)));
}
