/*
 * tune.c
 *	  What dml_tune searches: from JSON to a TunePlan.
 *
 *		{"margin": [0.2, 0.35], "network": ["64", "128 relu, 32"],
 *		 "learning_rate": {"min": 0.0001, "max": 0.01, "log": true}}
 */
#include "compat.h"

#include "train/tune.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "model/model.h"
#include "train/training.h"

/* name: an option, or NULL for all of search */
static void
refuse(const char *name, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 name ? errmsg("search of \"%s\" %s", name, what) : errmsg("search %s", what),
			 errhint("For example: search => '{\"margin\": [0.2, 0.35], \"learning_rate\": {\"min\": 0.0001, \"max\": 0.01, \"log\": true}}'.")));
}

static double
number_of(const JsonbValue *value)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
}

/* [value, ...] */
static void
read_values(TuneParameter *parameter, JsonbContainer *array)
{
	TuneValue  *values = palloc0(TUNE_MAX_VALUES * sizeof(TuneValue));
	JsonbIterator *iterator = JsonbIteratorInit(array);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (parameter->n_values == TUNE_MAX_VALUES)
			refuse(parameter->name, "has more than 64 values");
		if (value.type == jbvNumeric)
			values[parameter->n_values].number = number_of(&value);
		else if (value.type == jbvString)
			values[parameter->n_values].text = pnstrdup(value.val.string.val, value.val.string.len);
		else
			refuse(parameter->name, "must list numbers or texts");
		parameter->n_values++;
	}
	if (parameter->n_values == 0)
		refuse(parameter->name, "has no values");
	parameter->values = values;
}

/* {"min": number, "max": number, "log": boolean} */
static void
read_range(TuneParameter *parameter, JsonbContainer *object)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *key = NULL;
	bool		has_low = false;
	bool		has_high = false;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = pnstrdup(value.val.string.val, value.val.string.len);
		if (token != WJB_VALUE)
			continue;
		if (strcmp(key, "min") == 0 && value.type == jbvNumeric)
		{
			parameter->low = number_of(&value);
			has_low = true;
		}
		else if (strcmp(key, "max") == 0 && value.type == jbvNumeric)
		{
			parameter->high = number_of(&value);
			has_high = true;
		}
		else if (strcmp(key, "log") == 0 && value.type == jbvBool)
			parameter->log = value.val.boolean;
		else
			refuse(parameter->name, "is a range with something other than numbers min and max, and log as true or false");
	}
	if (!has_low || !has_high)
		refuse(parameter->name, "is a range without min or max");
}

static void
read_search(TunePlan *plan, Jsonb *json)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *name = NULL;

	if (!JB_ROOT_IS_OBJECT(json))
		refuse(NULL, "must be a JSON object");
	iterator = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		TuneParameter *parameter = &plan->parameter[plan->n_parameters];

		if (token == WJB_KEY)
			name = pnstrdup(value.val.string.val, value.val.string.len);
		if (token != WJB_VALUE)
			continue;
		if (plan->n_parameters == TUNE_MAX_PARAMETERS)
			refuse(name, "is one option too many: 32 may be searched");
		parameter->name = name;
		if (value.type == jbvBinary && JsonContainerIsArray(value.val.binary.data))
			read_values(parameter, value.val.binary.data);
		else if (value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data))
			read_range(parameter, value.val.binary.data);
		else
			refuse(name, "must be a list of values or a range");
		plan->n_parameters++;
	}
	if (plan->n_parameters == 0)
		refuse(NULL, "names no option");
}

/* A whole number argument from low to high. */
static int
count_argument(FunctionCallInfo fcinfo, int arg, const char *name, int low, int high)
{
	int			value;

	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", name)));
	value = PG_GETARG_INT32(arg);
	if (value < low || value > high)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be from %d to %d, not %d", name, low, high, value)));
	return value;
}

TunePlan *
tune_plan(FunctionCallInfo fcinfo, int first, const TrainOptions *options)
{
	TunePlan   *plan = palloc0(sizeof(TunePlan));
	LearnEnv   *env = dml_learn_env(0);
	LearnStatus status = LEARN_OK;

	if (!PG_ARGISNULL(first))
		read_search(plan, PG_GETARG_JSONB_P(first));
	plan->trials = count_argument(fcinfo, first + 1, "trials", 1, TUNE_MAX_TRIALS);
	plan->folds = count_argument(fcinfo, first + 2, "folds", 2, 6);
	if (PG_ARGISNULL(first))
		status = tune_default(env, options, plan);
	if (status == LEARN_OK)
		status = tune_check(env, options, plan);
	if (status != LEARN_OK)
		dml_learn_error(env, status);
	for (int p = 0; p < plan->n_parameters; p++)
		if (strcmp(plan->parameter[p].name, "network") == 0)
			for (int i = 0; i < plan->parameter[p].n_values; i++)
				training_check_network(env, plan->parameter[p].values[i].text);
	return plan;
}
