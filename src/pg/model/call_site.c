/*
 * call_site.c
 *	  The model that a call site keeps between rows.
 */
#include "compat.h"

#include "call_site.h"

#include "utils/builtins.h"
#include "utils/memutils.h"

/* The longest reference: a name, "@", a number, and a side. */
#define CALL_NAME_SIZE	(NAMEDATALEN + 14)

typedef struct CallSite
{
	DmlMoment	moment;
	char		name[CALL_NAME_SIZE];
	const DmlVersion *version;	/* what name meant at that moment */
	DmlPin	   *pin;
	bool		threshold_known;
	bool		calibrated;
	double		threshold;
	DmlCallData data;
} CallSite;

const DmlVersion *
dml_call_version(FunctionCallInfo fcinfo)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	size_t		length = VARSIZE_ANY_EXHDR(name);
	CallSite   *site = fcinfo->flinfo->fn_extra;
	const DmlVersion *version;

	if (site == NULL)
	{
		site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallSite));
		site->pin = dml_pin_new(fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = site;
	}
	if (!dml_moment_passed(&site->moment) && site->version != NULL &&
		strlen(site->name) == length && memcmp(site->name, VARDATA_ANY(name), length) == 0)
		return site->version;

	site->version = NULL;
	site->threshold_known = false;
	if (site->data.data)
		MemoryContextReset(site->data.context);
	site->data.data = NULL;
	version = dml_version_by_name(text_to_cstring(name));
	dml_pin_move(site->pin, version);
	if (length >= sizeof(site->name))
		elog(ERROR, "name of a model is too long");	/* no model has such a name */
	memcpy(site->name, VARDATA_ANY(name), length);
	site->name[length] = '\0';
	site->version = version;
	return version;
}

DmlCallData *
dml_call_data(FunctionCallInfo fcinfo)
{
	DmlCallData *data = &((CallSite *) fcinfo->flinfo->fn_extra)->data;

	if (data->context == NULL)
		data->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "dml call", ALLOCSET_SMALL_SIZES);
	return data;
}

bool
dml_call_threshold(FunctionCallInfo fcinfo, double *threshold)
{
	CallSite   *site = fcinfo->flinfo->fn_extra;

	if (!site->threshold_known)
	{
		site->calibrated = dml_calibration_find(site->version, &site->threshold);
		site->threshold_known = true;
	}
	*threshold = site->threshold;
	return site->calibrated;
}

const DmlVersion *
dml_second_side(const DmlVersion *version)
{
	return version->side[1] && dml_version_numbers(version->side[0]) == dml_version_numbers(version->side[1]) ? version->side[1] : version;
}
