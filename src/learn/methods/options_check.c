/*
 * options_check.c
 *	  Which options do not go together.
 */
#include "options.h"

#include <stddef.h>
#include <string.h>

/* Is an option one of the classical methods'? */
static bool
of_linear(const OptionDef *def)
{
	return def->offset >= offsetof(TrainOptions, linear) && def->offset < offsetof(TrainOptions, linear) + sizeof(LinearParams);
}

static bool
method_lists(const Method *method, const OptionDef *def)
{
	return method->parameters != NULL && options_word(method->parameters, def->name) >= 0;
}

/* The loss that is the same as a linear map's objective, for any network; NULL: none is. */
static const char *
as_a_loss(const Method *method)
{
	return strcmp(method->name, "mlkr") == 0 ? "kernel_regression" : strcmp(method->name, "nca_linear") == 0 ? "nca" : NULL;
}

/* Cosines and inner products suit the losses of similarities, the others those of distances. */
static LearnStatus
check_distance(LearnEnv *env, const Method *method, int distance)
{
	bool		similarity = loss_is_similarity(method->loss.input);
	LearnStatus status;

	if (distance < 0 || distance == DISTANCE_COSINE || (distance == DISTANCE_INNER) == similarity)
		return LEARN_OK;
	status = learn_fail(env, LEARN_INVALID, "the loss of method \"%s\" is not defined for this distance", method->name);
	learn_hint(env, "Its distances are: %s.", similarity ? "cosine, inner" : "cosine, l2, l2_squared, snr");
	return status;
}

LearnStatus
options_check(LearnEnv *env, const TrainOptions *options)
{
	const Method *method = options->method;
	LearnStatus status;

	for (int i = 0; i < options_count(); i++)
	{
		const OptionDef *def = options_at(i);

		if (!options->set[i])
			continue;
		if ((method->kind == METHOD_CLOSED_FORM || method->kind == METHOD_LINEAR) && def->gradient &&
			!method_lists(method, def))
		{
			status = learn_fail(env, LEARN_INVALID, "option \"%s\" means nothing to method \"%s\"",
								def->name, method->name);
			if (method->kind == METHOD_CLOSED_FORM)
				learn_hint(env, "The method is a closed form: it has no network and no training loop.");
			else
				learn_hint(env, "The method learns a linear map: it has no network and no epochs. Its options are: %s.%s%s%s",
						   method->parameters, as_a_loss(method) ? " For a network it is the method " : "",
						   as_a_loss(method) ? as_a_loss(method) : "", as_a_loss(method) ? "." : "");
			return status;
		}
		if (options_of_loss(i) ? options->n_terms > 1 : !of_linear(def))
			continue;				/* a sum has checked its own when they were set */
		if (method->kind == METHOD_AUTO)
		{
			status = learn_fail(env, LEARN_INVALID, "option \"%s\" needs a method that reads it", def->name);
			learn_hint(env, "Name the method: auto chooses it by itself.");
			return status;
		}
		if (!method_lists(method, def))
		{
			status = learn_fail(env, LEARN_INVALID, "method \"%s\" does not read the option \"%s\"",
								method->name, def->name);
			if (method->parameters && method->parameters[0])
				learn_hint(env, "The options that it reads are: %s.", method->parameters);
			return status;
		}
	}
	for (int t = 0; t < options->n_terms; t++)
		LEARN_TRY(check_distance(env, options_term_method(options, t), options->term[t].params.distance));

	if (options->rows_per_class > 0 && options->batch > 0 && options->rows_per_class * 2 > options->batch)
		return learn_fail(env, LEARN_INVALID,
						  "rows_per_class (%d) leaves no room for a second class in a batch of %d",
						  options->rows_per_class, options->batch);
	for (int i = 0; i < options_count() && options->hard_negatives[0] == '\0'; i++)
		if (options->set[i] && strncmp(options_at(i)->name, "hard_", strlen("hard_")) == 0 &&
			strcmp(options_at(i)->name, "hard_negatives") != 0)
			return learn_fail(env, LEARN_INVALID, "%s means nothing without hard_negatives", options_at(i)->name);
	if (options->validation == 0 && options->method->kind == METHOD_AUTO)
	{
		status = learn_fail(env, LEARN_INVALID, "method \"auto\" chooses by validation, so validation cannot be 0");
		learn_hint(env, "Name a method, or leave the option out.");
		return status;
	}
	if (options->network[0] && options->dims > 0)
	{
		status = learn_fail(env, LEARN_INVALID, "network and dims cannot both be given");
		learn_hint(env, "The width of the network's last layer is the number of dimensions.");
		return status;
	}
	return LEARN_OK;
}
