/*
 * options.c
 *	  The table of hyper-parameters, and setting one by name.
 */
#include "options.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"
#include "prep.h"

#define AT(field)	offsetof(TrainOptions, field)

/*
 * A range is closed.  Where default_text is "chosen", the value that options_init
 * sets says so and the trainer decides from the data; where it is "method's", the
 * registry holds the default.
 */
static const OptionDef defs[] = {
	{"network", OPTION_TEXT, AT(network), 0, 0, NULL, 0, "chosen", true,
	"the layers, e.g. '256 relu, 64'"},
	{"dims", OPTION_INT, AT(dims), 1, NET_MAX_WIDTH, NULL, 0, "chosen", false,
	"dimensions of the embedding"},
	{"epochs", OPTION_INT, AT(epochs), 1, 100000, NULL, 0, "chosen", true,
	"passes over the rows, at most"},
	{"seed", OPTION_SEED, AT(seed), 0, 0, NULL, 0, "0", false,
	"seed of every random choice"},
	{"open_set", OPTION_BOOL, AT(open_set), 0, 1, NULL, 0, "false", false,
	"hold out whole classes and validate MAP@R on them"},
	{"time_limit", OPTION_REAL, AT(time_limit), 0, 1e7, NULL, 0, "0", false,
	"seconds; 0: none (auto: 60)"},
	{"batch", OPTION_INT, AT(batch), 4, 65536, NULL, 0, "chosen", true,
	"rows a batch"},
	{"rows_per_class", OPTION_INT, AT(rows_per_class), 1, 65536, NULL, 0, "chosen", true,
	"rows of one class in a batch (K of P classes x K rows)"},
	{"balance", OPTION_REAL, AT(balance), 0, 1, NULL, 0, "0.5", true,
	"classes are drawn in proportion to rows^(1 - balance): 0 as frequent as they are, 1 all alike"},
	{"preprocess", OPTION_NAME, AT(preprocess), 0, 0, "none,scale,standardize,pca,whiten", PREP_NONE, "chosen", true,
	"what is done to a row before the network sees it"},
	{"components", OPTION_INT, AT(components), 1, NET_MAX_WIDTH, NULL, 0, "chosen", true,
	"components that preprocess pca and whiten keep"},
	{"optimizer", OPTION_NAME, AT(optimizer), 0, 0, "adamw,sgd", 0, "adamw", true,
	"AdamW, or SGD with momentum"},
	{"learning_rate", OPTION_REAL, AT(learning_rate), 1e-8, 100, NULL, 0, "chosen", true,
	"the highest rate of the schedule"},
	{"momentum", OPTION_REAL, AT(momentum), 0, 0.9999, NULL, 0, "0.9", true,
	"of sgd; beta 1 of adamw"},
	{"beta2", OPTION_REAL, AT(beta2), 0, 0.999999, NULL, 0, "0.999", true,
	"of adamw"},
	{"adam_epsilon", OPTION_REAL, AT(adam_epsilon), 1e-12, 1, NULL, 0, "1e-8", true,
	"of adamw"},
	{"weight_decay", OPTION_REAL, AT(weight_decay), 0, 10, NULL, 0, "0.0001", true,
	"decoupled weight decay, as a multiple of the learning rate"},
	{"warmup", OPTION_REAL, AT(warmup), 0, 1, NULL, 0, "0.05", true,
	"share of the steps in which the learning rate rises from 0"},
	{"final_lr", OPTION_REAL, AT(final_lr), 0, 1, NULL, 0, "0.01", true,
	"share of the learning rate at which the cosine ends"},
	{"clip", OPTION_REAL, AT(clip), 0, 1e9, NULL, 0, "10", true,
	"largest norm of the gradient; 0: any"},
	{"validation", OPTION_REAL, AT(validation), 0, 0.5, NULL, 0, "chosen", false,
	"share of the rows (open_set: of the classes) held out; 0: none"},
	{"patience", OPTION_INT, AT(patience), 0, 100000, NULL, 0, "10", true,
	"epochs without a better held-out score before training stops; 0: never stops early"},
	{"proxy_lr", OPTION_REAL, AT(proxy_lr), 1e-6, 1e6, NULL, 0, "method's", true,
	"learning rate of the class proxies as a multiple of the network's"},
	{"refit", OPTION_BOOL, AT(refit), 0, 1, NULL, 0, "chosen", false,
	"after validation train once more on all rows, for as many epochs as were best"},
	{"margin", OPTION_REAL, AT(loss.margin), 0, 1000, NULL, 0, "method's", true,
	"margin of the loss"},
	{"pos_margin", OPTION_REAL, AT(loss.pos_margin), 0, 1000, NULL, 0, "method's", true,
	"distance below which a positive pair costs nothing"},
	{"neg_margin", OPTION_REAL, AT(loss.neg_margin), 0, 1000, NULL, 0, "method's", true,
	"distance above which a negative pair costs nothing"},
	{"temperature", OPTION_REAL, AT(loss.temperature), 1e-4, 1000, NULL, 0, "method's", true,
	"temperature of the softmax"},
	{"scale", OPTION_REAL, AT(loss.scale), 1e-3, 10000, NULL, 0, "method's", true,
	"scale of the logits"},
	{"alpha", OPTION_REAL, AT(loss.alpha), 1e-3, 10000, NULL, 0, "method's", true,
	"weight of positives"},
	{"beta", OPTION_REAL, AT(loss.beta), 1e-3, 10000, NULL, 0, "method's", true,
	"weight of negatives"},
	{"base", OPTION_REAL, AT(loss.base), -1, 1, NULL, 0, "method's", true,
	"similarity at which pairs start to weigh"},
	{"epsilon", OPTION_REAL, AT(loss.epsilon), 0, 2, NULL, 0, "method's", true,
	"margin of multi_similarity's miner"},
	{"miner", OPTION_NAME, AT(loss.miner), 0, 0, "all,hard,semihard", MINE_ALL, "method's", true,
	"which triplets count"},
	{"constraints", OPTION_INT, AT(linear.constraints), 1, 10000000, NULL, 0, "chosen", false,
	"pairs of each kind, or quadruplets, that are drawn from labels"},
	{"iterations", OPTION_INT, AT(linear.iterations), 1, 1000000, NULL, 0, "method's", false,
	"iterations of a solver, at most"},
	{"tolerance", OPTION_REAL, AT(linear.tolerance), 0, 1, NULL, 0, "method's", false,
	"a solver stops when an iteration gains less than this share of the objective"},
	{"prior", OPTION_NAME, AT(linear.prior), 0, 0, "identity,covariance", PRIOR_IDENTITY, "method's", false,
	"the metric that a learned one stays close to: Euclidean, or Mahalanobis' of all rows"},
	{"gamma", OPTION_REAL, AT(linear.gamma), 1e-9, 1e9, NULL, 0, "method's", false,
	"how much violated constraints count against closeness to the prior"},
};

#define N_DEFS	((int) (sizeof(defs) / sizeof(defs[0])))

/* Fields in which a negative value means "chosen". */
#define CHOSEN	(-1)

void
options_init(TrainOptions *options)
{
	memset(options, 0, sizeof(*options));
	options->method = method_by_name("auto");
	options->preprocess = CHOSEN;
	options->refit = CHOSEN;
	options->validation = NAN;
	options->momentum = 0.9;
	options->beta2 = 0.999;
	options->adam_epsilon = 1e-8;
	options->weight_decay = 1e-4;
	options->warmup = 0.05;
	options->final_lr = 0.01;
	options->clip = 10;
	options->patience = 10;
	options->balance = 0.5;
	options->loss.margin = NAN;
	options->loss.pos_margin = NAN;
	options->loss.neg_margin = NAN;
	options->loss.temperature = NAN;
	options->loss.scale = NAN;
	options->loss.alpha = NAN;
	options->loss.beta = NAN;
	options->loss.base = NAN;
	options->loss.epsilon = NAN;
	options->loss.miner = (LossMiner) CHOSEN;
	options->linear = (LinearParams) {CHOSEN, CHOSEN, CHOSEN, CHOSEN, CHOSEN, CHOSEN, CHOSEN, NAN, NAN, NAN, NAN, NAN};
}

int
options_count(void)
{
	return N_DEFS;
}

const OptionDef *
options_at(int i)
{
	return &defs[i];
}

/* Append one word of a list to buf. */
static void
append_word(char *buf, size_t size, const char *word)
{
	size_t		used = strlen(buf);

	snprintf(buf + used, size - used, "%s%s", used == 0 ? "" : ", ", word);
}

/* The place of name in the table, or -1 with the status of an unknown option set. */
static int
find(LearnEnv *env, const char *name, LearnStatus *status)
{
	char		names[sizeof(env->hint)] = "";

	for (int i = 0; i < N_DEFS; i++)
		if (strcmp(defs[i].name, name) == 0)
			return i;

	*status = learn_fail(env, LEARN_INVALID, "unknown option \"%s\"", name);
	for (int i = 0; i < N_DEFS; i++)
		append_word(names, sizeof(names), defs[i].name);
	learn_hint(env, "Valid options are: %s.", names);
	return -1;
}

static const char *
type_text(OptionType type)
{
	switch (type)
	{
		case OPTION_INT:
		case OPTION_SEED:
			return "a whole number";
		case OPTION_REAL:
			return "a number";
		case OPTION_BOOL:
			return "true or false";
		case OPTION_NAME:
		case OPTION_TEXT:
			return "a text";
	}
	return "";
}

static LearnStatus
wrong_type(LearnEnv *env, const OptionDef *def)
{
	return learn_fail(env, LEARN_INVALID, "option \"%s\" must be %s", def->name, type_text(def->type));
}

LearnStatus
options_set_number(LearnEnv *env, TrainOptions *options, const char *name, double value)
{
	LearnStatus status = LEARN_OK;
	int			i = find(env, name, &status);
	const OptionDef *def;
	char	   *field;

	if (i < 0)
		return status;
	def = &defs[i];
	field = (char *) options + def->offset;

	if (def->type == OPTION_SEED)
	{
		if (!(fabs(value) <= 9007199254740992.0) || value != floor(value))
			return wrong_type(env, def);
		return options_set_seed(env, options, (int64_t) value);
	}
	if (def->type != OPTION_INT && def->type != OPTION_REAL)
		return wrong_type(env, def);
	if (!(value >= def->min && value <= def->max))
		return learn_fail(env, LEARN_INVALID, "option \"%s\" must be from %g to %g, not %g",
						  name, def->min, def->max, value);
	if (def->type == OPTION_REAL)
		*(double *) field = value;
	else if (value != floor(value))
		return wrong_type(env, def);
	else
		*(int *) field = (int) value;
	options->set |= UINT64_C(1) << i;
	return LEARN_OK;
}

/* The place of word in a comma-separated list, or -1. */
static int
word_index(const char *words, const char *word)
{
	size_t		length = strlen(word);
	int			place = 0;

	for (const char *p = words;; place++)
	{
		const char *end = strchr(p, ',');
		size_t		n = end ? (size_t) (end - p) : strlen(p);

		if (n == length && strncmp(p, word, n) == 0)
			return place;
		if (end == NULL)
			return -1;
		p = end + 1;
	}
}

LearnStatus
options_set_text(LearnEnv *env, TrainOptions *options, const char *name, const char *value)
{
	LearnStatus status = LEARN_OK;
	int			i = find(env, name, &status);
	const OptionDef *def;
	char	   *field;

	if (i < 0)
		return status;
	def = &defs[i];
	field = (char *) options + def->offset;

	if (def->type == OPTION_NAME)
	{
		int			place = word_index(def->words, value);

		if (place < 0)
		{
			status = learn_fail(env, LEARN_INVALID, "option \"%s\" cannot be \"%s\"", name, value);
			learn_hint(env, "Valid values are: %s.", def->words);
			return status;
		}
		*(int *) field = place + def->word_base;
	}
	else if (def->type == OPTION_TEXT)
	{
		if (strlen(value) >= sizeof(options->network))
			return learn_fail(env, LEARN_INVALID, "option \"%s\" is longer than %zu bytes",
							  name, sizeof(options->network) - 1);
		strcpy(field, value);
	}
	else
		return wrong_type(env, def);
	options->set |= UINT64_C(1) << i;
	return LEARN_OK;
}

LearnStatus
options_set_bool(LearnEnv *env, TrainOptions *options, const char *name, bool value)
{
	LearnStatus status = LEARN_OK;
	int			i = find(env, name, &status);
	char	   *field;

	if (i < 0)
		return status;
	if (defs[i].type != OPTION_BOOL)
		return wrong_type(env, &defs[i]);
	field = (char *) options + defs[i].offset;
	*(int *) field = value;
	options->set |= UINT64_C(1) << i;
	return LEARN_OK;
}

LearnStatus
options_set_seed(LearnEnv *env, TrainOptions *options, int64_t seed)
{
	LearnStatus status = LEARN_OK;
	int			i = find(env, "seed", &status);

	if (i < 0)
		return status;
	options->seed = seed;
	options->set |= UINT64_C(1) << i;
	return LEARN_OK;
}

/* Write text as a JSON string; the texts here hold no control characters worth keeping. */
static void
json_string(const char *text, char *json, size_t size)
{
	size_t		used = 0;

	json[used++] = '"';
	for (const char *p = text; *p && used + 4 < size; p++)
	{
		if ((unsigned char) *p < 0x20)
			continue;
		if (*p == '"' || *p == '\\')
			json[used++] = '\\';
		json[used++] = *p;
	}
	json[used++] = '"';
	json[used] = '\0';
}

void
options_value(const TrainOptions *options, int i, char *json, size_t size)
{
	const OptionDef *def = &defs[i];
	const char *field = (const char *) options + def->offset;
	bool		given = (options->set >> i) & 1;
	bool		chosen = !given && (strcmp(def->default_text, "chosen") == 0 ||
									strcmp(def->default_text, "method's") == 0);

	snprintf(json, size, "null");
	switch (def->type)
	{
		case OPTION_INT:
			if (!chosen || *(const int *) field > 0)
				snprintf(json, size, "%d", *(const int *) field);
			break;
		case OPTION_SEED:
			snprintf(json, size, "%lld", (long long) *(const int64_t *) field);
			break;
		case OPTION_REAL:
			if (!isnan(*(const double *) field) && !(chosen && *(const double *) field == 0))
				snprintf(json, size, "%.15g", *(const double *) field);
			break;
		case OPTION_BOOL:
			if (*(const int *) field >= 0)
				snprintf(json, size, "%s", *(const int *) field ? "true" : "false");
			break;
		case OPTION_NAME:
			if (*(const int *) field >= def->word_base)
			{
				const char *word = def->words;
				size_t		n;

				for (int skip = *(const int *) field - def->word_base; skip > 0; skip--)
					word = strchr(word, ',') + 1;
				n = strcspn(word, ",");
				snprintf(json, size, "\"%.*s\"", (int) n, word);
			}
			break;
		case OPTION_TEXT:
			if (*field != '\0')
				json_string(field, json, size);
			break;
	}
}

/* Is an option a parameter of some methods alone? */
static bool
of_method(const OptionDef *def)
{
	return (def->offset >= AT(loss) && def->offset < AT(loss) + sizeof(LossParams)) ||
		(def->offset >= AT(linear) && def->offset < AT(linear) + sizeof(LinearParams));
}

static bool
method_lists(const Method *method, const OptionDef *def)
{
	return method->parameters != NULL && word_index(method->parameters, def->name) >= 0;
}

LearnStatus
options_check(LearnEnv *env, const TrainOptions *options)
{
	const Method *method = options->method;
	LearnStatus status;

	for (int i = 0; i < N_DEFS; i++)
	{
		const OptionDef *def = &defs[i];

		if (!((options->set >> i) & 1))
			continue;
		if ((method->kind == METHOD_CLOSED_FORM || method->kind == METHOD_LINEAR) && def->gradient &&
			!method_lists(method, def))
		{
			status = learn_fail(env, LEARN_INVALID, "option \"%s\" means nothing to method \"%s\"",
								def->name, method->name);
			if (method->kind == METHOD_CLOSED_FORM)
				learn_hint(env, "The method is a closed form: it has no network and no training loop.");
			else
				learn_hint(env, "The method learns a linear map: it has no network and no epochs. Its options are: %s.",
						   method->parameters);
			return status;
		}
		if (!of_method(def))
			continue;
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

	if (options->rows_per_class > 0 && options->batch > 0 && options->rows_per_class * 2 > options->batch)
		return learn_fail(env, LEARN_INVALID,
						  "rows_per_class (%d) leaves no room for a second class in a batch of %d",
						  options->rows_per_class, options->batch);
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
