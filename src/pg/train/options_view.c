/*
 * options_view.c
 *	  The view dml_options: the table of hyper-parameters, as SQL sees it.
 */
#include "compat.h"

#include <math.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "learn/methods/options.h"
#include "call/result_store.h"

#define OPTION_COLUMNS	6

static const char *
type_name(OptionType type)
{
	switch (type)
	{
		case OPTION_INT:
		case OPTION_SEED:
			return "integer";
		case OPTION_REAL:
			return "number";
		case OPTION_BOOL:
			return "boolean";
		case OPTION_NAME:
		case OPTION_TEXT:
			return "text";
	}
	return "unknown";
}

/* "1 to 16000", "adamw, sgd"; NULL: whatever the type holds. */
static char *
allowed(const OptionDef *def)
{
	StringInfoData text;

	switch (def->type)
	{
		case OPTION_INT:
		case OPTION_REAL:
			return psprintf("%g to %g", def->min, def->max);
		case OPTION_NAME:
			initStringInfo(&text);
			for (const char *p = def->words; *p; p++)
				appendStringInfo(&text, "%c%s", *p, *p == ',' ? " " : "");
			return text.data;
		default:
			return NULL;
	}
}

PG_FUNCTION_INFO_V1(dml_get_options);

/* Every option of training, in the table's order. */
Datum
dml_get_options(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Tuplestorestate *store = result_store(fcinfo, &desc);

	for (int i = 0; i < options_count(); i++)
	{
		const OptionDef *def = options_at(i);
		char	   *range = allowed(def);
		Datum		values[OPTION_COLUMNS];
		bool		nulls[OPTION_COLUMNS] = {0};

		values[0] = CStringGetTextDatum(def->name);
		values[1] = CStringGetTextDatum(type_name(def->type));
		nulls[2] = range == NULL;
		values[2] = range ? CStringGetTextDatum(range) : (Datum) 0;
		values[3] = CStringGetTextDatum(def->default_text);
		values[4] = BoolGetDatum(!def->gradient);
		values[5] = CStringGetTextDatum(def->description);
		tuplestore_putvalues(store, desc, values, nulls);
	}
	return (Datum) 0;
}
