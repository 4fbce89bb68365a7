/*
 * options_json.c
 *	  From a JSON object to the options of a training, and from its result to JSON.
 */
#include "compat.h"

#include "train/options_json.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/numeric.h"

#include "model/model.h"

/* Writes a number. A seed that a double cannot hold is written exactly. */
static LearnStatus
set_numeric(LearnEnv *env, TrainOptions *options, const char *name, Numeric number)
{
	double		value = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number)));

	/* a bigint becomes a double of at most 2^63; the option refuses what is beyond */
	if (strcmp(name, "seed") == 0 && value == floor(value) && fabs(value) <= 9223372036854775808.0)
		return options_set_seed(env, options,
								DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(number))));
	return options_set_number(env, options, name, value);
}

static void
set_option(LearnEnv *env, TrainOptions *options, const char *name, const JsonbValue *value)
{
	LearnStatus status = LEARN_OK;

	if (options_named_given(options, name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is given twice, as a parameter and in options", name)));
	switch (value->type)
	{
		case jbvNull:
			break;
		case jbvString:
			status = options_set_text(env, options, name,
									  pnstrdup(value->val.string.val, value->val.string.len));
			break;
		case jbvNumeric:
			status = set_numeric(env, options, name, value->val.numeric);
			break;
		case jbvBool:
			status = options_set_bool(env, options, name, value->val.boolean);
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" must be a number, true, false or a text", name)));
	}
	if (status != LEARN_OK)
		dml_learn_error(env, status);
}

void
options_from_json(LearnEnv *env, TrainOptions *options, Jsonb *json)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *name = NULL;

	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be a JSON object"),
				 errhint("For example: options => '{\"batch\": 256, \"learning_rate\": 0.001}'.")));
	iterator = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE)
			set_option(env, options, name, &value);
	}
}

/* The value of option i; if it is an option of a loss, its value in this term of the sum. */
static void
append_option(StringInfo json, const TrainOptions *options, int i, int term, const char *method)
{
	char		value[2 * NET_LINE_MAX + 16];

	options_value(options, i, term, value, sizeof(value));
	appendStringInfo(json, "%s\"%s%s%s\": {\"value\": %s, \"default\": %s}", json->len > 1 ? ", " : "",
					 method, method[0] ? "." : "", options_at(i)->name, value,
					 options_given(options, i, term) ? "false" : "true");
}

char *
options_to_json(const TrainOptions *options)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < options_count(); i++)
	{
		if (options->n_terms == 1 || !options_of_loss(i))
			append_option(&json, options, i, 0, "");
		else
			for (int t = 0; t < options->n_terms; t++)
				if (options_read(options, i, t))
					append_option(&json, options, i, t, options->term[t].method->name);
	}
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* , "name": 0.5 -- or null, since JSON knows neither NaN nor infinity. */
static void
append_number(StringInfo json, const char *name, double value)
{
	appendStringInfoString(json, ", ");
	escape_json(json, name);
	if (isfinite(value))
		appendStringInfo(json, ": %.9g", value);
	else
		appendStringInfoString(json, ": null");
}

static void
append_text(StringInfo json, const char *name, const char *value)
{
	escape_json(json, name);
	appendStringInfoString(json, ": ");
	escape_json(json, value);
}

/* The score of the runs that were judged, in the object of an epoch, if it was measured. */
static void
append_judged(StringInfo json, const TrainResult *result, int epoch)
{
	if (epoch <= result->n_course && isfinite(result->course[epoch - 1].recall))
		append_number(json, "judged", result->course[epoch - 1].recall);
}

char *
history_to_json(const TrainResult *result)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < result->n_history; i++)
	{
		const EpochRecord *epoch = &result->history[i];

		appendStringInfo(&json, "%s{\"epoch\": %d", i > 0 ? ", " : "", epoch->epoch);
		append_number(&json, "loss", epoch->loss);
		append_number(&json, result->score_name ? result->score_name : "validation", epoch->validation);
		if (!isnan(epoch->map_r))
			append_number(&json, "MAP@R", epoch->map_r);
		append_number(&json, "learning_rate", epoch->learning_rate);
		append_number(&json, "seconds", epoch->seconds);
		append_judged(&json, result, epoch->epoch);
		appendStringInfoChar(&json, '}');
	}
	/* epochs of the runs that were judged beyond those of the model */
	for (int i = result->n_history; result->n_history > 0 && i < result->n_course; i++)
	{
		appendStringInfo(&json, ", {\"epoch\": %d", i + 1);
		append_judged(&json, result, i + 1);
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoChar(&json, ']');
	return json.data;
}

char *
candidates_to_json(const TrainResult *result)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < result->n_candidates; i++)
	{
		const CandidateRecord *candidate = &result->candidates[i];

		appendStringInfoString(&json, i > 0 ? ", {" : "{");
		append_text(&json, "method", candidate->method);
		appendStringInfoString(&json, ", ");
		append_text(&json, "network", candidate->network);
		append_number(&json, result->score_name ? result->score_name : "validation", candidate->validation);
		if (!isnan(candidate->map_r))
			append_number(&json, "MAP@R", candidate->map_r);
		if (candidate->judged > 0)
		{
			append_number(&json, "without_learning", candidate->without_learning);
			appendStringInfo(&json, ", \"judged_folds\": %d, \"folds\": %d", candidate->judged, candidate->folds);
		}
		append_number(&json, "seconds", candidate->seconds);
		appendStringInfoString(&json, ", ");
		append_text(&json, "note", candidate->note);
		if (candidate->trial > 0)
		{
			appendStringInfo(&json, ", \"trial\": %d, \"rung\": %d, \"epochs\": %d, ",
							 candidate->trial, candidate->rung, candidate->epochs);
			append_text(&json, "settings", candidate->settings);
		}
		else if (candidate->epochs > 0)
		{
			appendStringInfo(&json, ", \"epochs\": %d, ", candidate->epochs);
			append_text(&json, "settings", candidate->settings);
		}
		else if (candidate->settings[0] != '\0')
		{
			appendStringInfoString(&json, ", ");
			append_text(&json, "settings", candidate->settings);
		}
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoChar(&json, ']');
	return json.data;
}
