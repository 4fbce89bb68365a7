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

#include "learn/net/net.h"
#include "learn/data/prep.h"
#include "base/spelling.h"

#define AT(field)	offsetof(TrainOptions, field)

/*
 * A range is closed.  Where default_text is "chosen", the value that options_init
 * sets says so and the trainer decides from the data; where it is "method's", the
 * registry holds the default.
 */
static const OptionDef defs[] = {
	{"network", OPTION_TEXT, AT(network), 0, sizeof(((TrainOptions *) 0)->network), NULL, 0, "chosen", true,
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
	{"missing", OPTION_NAME, AT(missing), 0, 0, "impute,skip", 0, "chosen", false,
	"of several features: what becomes of a row with a NULL"},
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
	{"average", OPTION_REAL, AT(average), 0, 0.99999, NULL, 0, "chosen", true,
	"decay, a step, of the running mean of the weights, which is judged and kept; 0: the weights as they are"},
	{"level_weight", OPTION_REAL, AT(level_weight), 0, 10, NULL, 0, "0.5", true,
	"of several label columns: weight of a level as a multiple of the finer one below it"},
	{"hard_negatives", OPTION_TEXT, AT(hard_negatives), 0, sizeof(((TrainOptions *) 0)->hard_negatives), NULL, 0, "none", true,
	"a dml index on the source, which proposes for each row the nearest that do not belong to it"},
	{"hard_neighbors", OPTION_INT, AT(hard_neighbors), 1, 1000, NULL, 0, "10", true,
	"rows that hard_negatives proposes for a row, at most"},
	{"hard_share", OPTION_REAL, AT(hard_share), 0, 0.9, NULL, 0, "0.25", true,
	"share of a batch that is kept for what hard_negatives proposes"},
	{"hard_ranks", OPTION_INT, AT(hard_ranks), 1, 100000, NULL, 0, "chosen", true,
	"nearest rows of a row among which hard_negatives seeks: 10 times hard_neighbors unless given"},
	{"hard_skip", OPTION_INT, AT(hard_skip), 0, 100000, NULL, 0, "0", true,
	"nearest rows of other classes that hard_negatives passes over"},
	{"hard_margin", OPTION_REAL, AT(hard_margin), -1, 100, NULL, 0, "0", true,
	"share by which a row that hard_negatives proposes is farther than the nearest of the class; -1: any distance"},
	{"hard_gap", OPTION_REAL, AT(hard_gap), 0, 1e9, NULL, 0, "0", true,
	"distance in the index by which such a row is farther, too"},
	{"hard_near", OPTION_REAL, AT(hard_near), 0, 1e9, NULL, 0, "0", true,
	"distance in the index below which no row is proposed"},
	{"unlabeled", OPTION_REAL, AT(unlabeled), 0, 1000, NULL, 0, "0", true,
	"weight of a self-supervised term of two views of rows, with a label or without; 0: none"},
	{"unlabeled_method", OPTION_NAME, AT(unlabeled_method), 0, 0, "barlow_twins,vicreg,infonce", 0, "barlow_twins", true,
	"the loss of that term"},
	{"noise", OPTION_REAL, AT(noise), 0, 100, NULL, 0, "0.2", false,
	"standard deviation of the noise of a view, in those of the column"},
	{"mask", OPTION_REAL, AT(mask), 0, 0.95, NULL, 0, "0.2", false,
	"chance that a view has a column's mean in place of its value"},
	{"mix", OPTION_REAL, AT(mix), 0, 0.95, NULL, 0, "0", false,
	"largest share of another row in a view"},
	{"refit", OPTION_BOOL, AT(refit), 0, 1, NULL, 0, "chosen", false,
	"after validation train once more on all rows, for as many epochs as were best"},
	{"margin", OPTION_REAL, AT(term[0].params.margin), 0, 1000, NULL, 0, "method's", true,
	"margin of the loss"},
	{"pos_margin", OPTION_REAL, AT(term[0].params.pos_margin), 0, 1000, NULL, 0, "method's", true,
	"distance below which a positive pair costs nothing"},
	{"neg_margin", OPTION_REAL, AT(term[0].params.neg_margin), 0, 1000, NULL, 0, "method's", true,
	"distance above which a negative pair costs nothing"},
	{"temperature", OPTION_REAL, AT(term[0].params.temperature), 1e-4, 1000, NULL, 0, "method's", true,
	"temperature of the softmax"},
	{"scale", OPTION_REAL, AT(term[0].params.scale), 1e-3, 10000, NULL, 0, "method's", true,
	"scale of the logits"},
	{"alpha", OPTION_REAL, AT(term[0].params.alpha), 1e-3, 10000, NULL, 0, "method's", true,
	"weight of positives"},
	{"beta", OPTION_REAL, AT(term[0].params.beta), 1e-3, 10000, NULL, 0, "method's", true,
	"weight of negatives"},
	{"base", OPTION_REAL, AT(term[0].params.base), -1, 1, NULL, 0, "method's", true,
	"similarity at which pairs start to weigh"},
	{"epsilon", OPTION_REAL, AT(term[0].params.epsilon), 0, 2, NULL, 0, "method's", true,
	"slack of the multi_similarity miner; 2 and above: every pair"},
	{"nu", OPTION_REAL, AT(term[0].params.nu), 0, 1000, NULL, 0, "method's", true,
	"weight of a regulariser inside of the loss"},
	{"walk", OPTION_REAL, AT(term[0].params.walk), 0.01, 0.999, NULL, 0, "method's", true,
	"chance that the loss's random walk goes on from a node"},
	{"angle", OPTION_REAL, AT(term[0].params.angle), 0, 89, NULL, 0, "method's", true,
	"angle of the loss, in degrees"},
	{"bins", OPTION_INT, AT(term[0].params.bins), 2, 1000, NULL, 0, "method's", true,
	"bins of the loss's histogram"},
	{"proxies", OPTION_INT, AT(term[0].params.proxies), 1, 1000, NULL, 0, "method's", true,
	"proxies of each class"},
	{"per_class", OPTION_BOOL, AT(term[0].params.per_class), 0, 1, NULL, 0, "method's", true,
	"learn one number a class instead of one in all"},
	{"dynamic", OPTION_BOOL, AT(term[0].params.dynamic), 0, 1, NULL, 0, "method's", true,
	"adapt the scale to the angles of each batch"},
	{"variant", OPTION_NAME, AT(term[0].params.variant), 0, 0, "o,ds,dq,iu,ib", 0, "method's", true,
	"form of the loss, by its paper's name"},
	{"smooth", OPTION_BOOL, AT(term[0].params.smooth), 0, 1, NULL, 0, "method's", true,
	"log(1 + exp(x)) in place of max(0, x)"},
	{"swap", OPTION_BOOL, AT(term[0].params.swap), 0, 1, NULL, 0, "method's", true,
	"take the negative's distance to the positive where it is the smaller one"},
	{"distance", OPTION_NAME, AT(term[0].params.distance), 0, 0, "cosine,inner,l2,l2_squared,snr", DISTANCE_COSINE, "method's", true,
	"what the loss compares embeddings by"},
	{"miner", OPTION_NAME, AT(term[0].params.miner), 0, 0,
		"all,hard,semihard,easy,easy_positive,distance_weighted,angular,multi_similarity,pair_margin", MINE_ALL, "method's", true,
	"which pairs or triplets of a batch count"},
	{"mine_margin", OPTION_REAL, AT(term[0].params.mine_margin), 0, 1000, NULL, 0, "method's", true,
	"of the semihard miner; 0: the loss's margin"},
	{"mine_near", OPTION_REAL, AT(term[0].params.mine_near), 0, 1000, NULL, 0, "method's", true,
	"of the pair_margin miner: nearer positives are left out"},
	{"mine_far", OPTION_REAL, AT(term[0].params.mine_far), 0, 1000, NULL, 0, "method's", true,
	"of the pair_margin miner: farther negatives are left out"},
	{"mine_angle", OPTION_REAL, AT(term[0].params.mine_angle), 0, 89, NULL, 0, "method's", true,
	"of the angular miner: the smallest angle that counts, in degrees"},
	{"mine_cutoff", OPTION_REAL, AT(term[0].params.mine_cutoff), 0.01, 1.9, NULL, 0, "method's", true,
	"of the distance_weighted miner: nearer negatives weigh as if at this distance"},
	{"memory", OPTION_INT, AT(term[0].params.memory), 0, 1000000, NULL, 0, "0", true,
	"rows of earlier batches that a batch is compared with, too"},
	{"neighbors", OPTION_INT, AT(linear.neighbors), 1, 1000, NULL, 0, "method's", false,
	"nearest rows of the own class that a row learns from; of lfda: the one that sets a row's scale"},
	{"impostors", OPTION_INT, AT(linear.impostors), 1, 1000, NULL, 0, "method's", false,
	"nearest rows of other classes that a row learns from"},
	{"constraints", OPTION_INT, AT(linear.constraints), 1, 10000000, NULL, 0, "chosen", false,
	"pairs of each kind, or quadruplets, that are drawn from labels"},
	{"iterations", OPTION_INT, AT(linear.iterations), 1, 1000000, NULL, 0, "method's", false,
	"iterations of a solver, at most"},
	{"tolerance", OPTION_REAL, AT(linear.tolerance), 0, 1, NULL, 0, "method's", false,
	"a solver stops when an iteration gains less than this share of the objective"},
	{"prior", OPTION_NAME, AT(linear.prior), 0, 0, "identity,covariance", PRIOR_IDENTITY, "method's", false,
	"the metric that a learned one stays close to: Euclidean, or Mahalanobis' of all rows"},
	{"pull", OPTION_REAL, AT(linear.pull), 1e-6, 1, NULL, 0, "method's", false,
	"share of the pull towards neighbours in the objective, the rest is the push against impostors"},
	{"gamma", OPTION_REAL, AT(linear.gamma), 1e-9, 1e9, NULL, 0, "method's", false,
	"how much violated constraints count against closeness to the prior"},
	{"eta", OPTION_REAL, AT(linear.eta), 1e-12, 1e9, NULL, 0, "method's", false,
	"how much pairs count against closeness to the prior"},
	{"sparsity", OPTION_REAL, AT(linear.sparsity), 0, 1e6, NULL, 0, "method's", false,
	"weight of the sum of absolute values"},
	{"bases", OPTION_INT, AT(linear.bases), 1, 100000, NULL, 0, "chosen", false,
	"directions that a metric is composed of"},
	{"diagonal", OPTION_BOOL, AT(linear.diagonal), 0, 1, NULL, 0, "method's", false,
	"learn one weight a column instead of a full matrix"},
	{"shrink", OPTION_REAL, AT(linear.shrink), 0, 1, NULL, 0, "method's", false,
	"share of the metric of the rows as they are in the learned one; auto chooses it"},
	{"l2", OPTION_BOOL, AT(linear.l2), 0, 1, NULL, 0, "false", false,
	"divide the embedding of a closed form or linear map by its length; auto chooses it"},
};

#define N_DEFS	((int) (sizeof(defs) / sizeof(defs[0])))

/* Fields in which a negative value means "chosen". */
#define CHOSEN	(-1)

const Method *
options_view_method(const TrainOptions *options)
{
	static const char *const name[] = {"barlow_twins", "vicreg", "infonce"};

	return method_by_name(name[options->unlabeled_method]);
}

void
options_init(TrainOptions *options)
{
	memset(options, 0, sizeof(*options));
	options->method = method_by_name("auto");
	options->preprocess = CHOSEN;
	options->missing = CHOSEN;
	options->refit = CHOSEN;
	options->level_weight = 0.5;
	options->noise = 0.2;
	options->mask = 0.2;
	options->hard_neighbors = 10;
	options->hard_share = 0.25;
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
	options->average = NAN;
	options->linear = (LinearParams) {CHOSEN, CHOSEN, CHOSEN, CHOSEN, CHOSEN, CHOSEN, CHOSEN, NAN, NAN, NAN, NAN, NAN, NAN, 0};
	options->n_terms = 1;
	for (int t = 0; t < METHOD_MAX_TERMS; t++)
		for (int i = 0; i < N_DEFS; i++)
			if (options_of_loss(i))
			{
				char	   *field = (char *) options + defs[i].offset + t * sizeof(MethodTerm);

				if (defs[i].type == OPTION_REAL)
					*(double *) field = NAN;
				else
					*(int *) field = CHOSEN;
			}
}

/* Is option i a parameter of a loss? */
bool
options_of_loss(int i)
{
	return defs[i].offset >= AT(term[0].params) && defs[i].offset < AT(term[0].params) + sizeof(LossParams);
}

const Method *
options_term_method(const TrainOptions *options, int term)
{
	return options->n_terms > 1 ? options->term[term].method : options->method;
}

bool
options_of_target(const TrainOptions *options)
{
	for (int t = 0; t < options->n_terms; t++)
		if (method_of_target(options_term_method(options, t)))
			return true;
	return false;
}

int
options_word(const char *words, const char *word)
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

bool
options_read(const TrainOptions *options, int i, int term)
{
	const Method *method = options_term_method(options, term);

	return options_of_loss(i) && method->parameters && options_word(method->parameters, defs[i].name) >= 0;
}

bool
options_given(const TrainOptions *options, int i, int term)
{
	const char *field = (const char *) options + defs[i].offset + term * sizeof(MethodTerm);

	if (!options_of_loss(i))
		return options->set[i];
	return defs[i].type == OPTION_REAL ? !isnan(*(const double *) field) : *(const int *) field != CHOSEN;
}

bool
options_named_given(const TrainOptions *options, const char *name)
{
	for (int i = 0; i < N_DEFS; i++)
		if (strcmp(defs[i].name, name) == 0)
			return options_given(options, i, 0);
	return false;
}

LossParams
options_loss(const TrainOptions *options, int term)
{
	LossParams	params = options_term_method(options, term)->defaults;

	for (int i = 0; i < N_DEFS; i++)
		if (options_of_loss(i) && options_given(options, i, term))
		{
			size_t		at = defs[i].offset - AT(term[0].params);

			memcpy((char *) &params + at, (const char *) &options->term[term].params + at,
				   defs[i].type == OPTION_REAL ? sizeof(double) : sizeof(int));
		}
	return params;
}

LearnStatus
options_set_method(LearnEnv *env, TrainOptions *options, const char *text, const char *supervision)
{
	MethodTerm	term[METHOD_MAX_TERMS];

	LEARN_TRY(method_parse(env, text, supervision, term, &options->n_terms));
	options->method = term[0].method;
	for (int t = 0; t < options->n_terms; t++)
	{
		options->term[t].method = term[t].method;
		options->term[t].weight = term[t].weight;
	}
	return LEARN_OK;
}

void
options_method(const TrainOptions *options, char *buf, size_t size)
{
	if (options->n_terms > 1)
		method_print(options->term, options->n_terms, buf, size);
	else
		snprintf(buf, size, "%s", options->method->name);
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

/*
 * Where option name is to be written, and what it is; NULL with *status set if there is none such.
 */
static char *
locate(LearnEnv *env, TrainOptions *options, const char *name, const OptionDef **def, LearnStatus *status)
{
	const char *dot = strchr(name, '.');
	const char *own = dot ? dot + 1 : name;
	char		names[sizeof(env->hint) - 64] = "";
	int			term = -1;
	int			i;

	for (i = 0; i < N_DEFS; i++)
		if (strcmp(defs[i].name, own) == 0 && (dot == NULL || options_of_loss(i)))
			break;
	if (i == N_DEFS)
	{
		Spelling	spelling;

		*status = learn_fail(env, LEARN_INVALID, "unknown option \"%s\"", name);
		spelling_begin(&spelling, own);
		for (i = 0; i < N_DEFS; i++)
			if (dot == NULL || options_of_loss(i))
			{
				spelling_offer(&spelling, defs[i].name);
				append_word(names, sizeof(names), defs[i].name);
			}
		if (spelling.best)
			learn_hint(env, "Perhaps you meant \"%s\". The view dml_options has all options.", spelling.best);
		else
			learn_hint(env, dot ? "Valid options of losses are: %s." : "Valid options are: %s.", names);
		return NULL;
	}
	*def = &defs[i];
	if (!options_of_loss(i))
		term = 0;
	else if (dot)
	{
		for (int t = 0; t < options->n_terms; t++)
		{
			const char *method = options_term_method(options, t)->name;

			if (strlen(method) == (size_t) (dot - name) && strncmp(method, name, dot - name) == 0)
				term = t;
		}
		if (term < 0)
		{
			*status = learn_fail(env, LEARN_INVALID, "option \"%s\" is of a method that is not asked for", name);
			return NULL;
		}
		if (!options_read(options, i, term))
		{
			*status = learn_fail(env, LEARN_INVALID, "method \"%s\" does not read the option \"%s\"",
								 options_term_method(options, term)->name, own);
			learn_hint(env, "The options of its loss are: %s.", options_term_method(options, term)->parameters);
			return NULL;
		}
	}
	else if (options->n_terms == 1)
		term = 0;
	else
	{
		for (int t = 0; t < options->n_terms; t++)
			if (options_read(options, i, t))
			{
				if (term >= 0)
				{
					*status = learn_fail(env, LEARN_INVALID, "option \"%s\" is read by more than one term of the sum", name);
					learn_hint(env, "Say whose it is: \"%s.%s\" or \"%s.%s\".", options_term_method(options, term)->name, name,
							   options_term_method(options, t)->name, name);
					return NULL;
				}
				term = t;
			}
		if (term < 0)
		{
			*status = learn_fail(env, LEARN_INVALID, "no term of the sum reads the option \"%s\"", name);
			return NULL;
		}
	}
	if (options_of_loss(i) && options_given(options, i, term))
	{
		*status = learn_fail(env, LEARN_INVALID, "option \"%s\" is given twice", name);
		return NULL;
	}
	options->set[i] = true;
	return (char *) options + defs[i].offset + term * sizeof(MethodTerm);
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
	const OptionDef *def;
	char	   *field = locate(env, options, name, &def, &status);

	if (field == NULL)
		return status;

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
	return LEARN_OK;
}

LearnStatus
options_set_text(LearnEnv *env, TrainOptions *options, const char *name, const char *value)
{
	LearnStatus status = LEARN_OK;
	const OptionDef *def;
	char	   *field = locate(env, options, name, &def, &status);

	if (field == NULL)
		return status;

	if (def->type == OPTION_NAME)
	{
		int			place = options_word(def->words, value);

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
		if (strlen(value) >= (size_t) def->max)
			return learn_fail(env, LEARN_INVALID, "option \"%s\" is longer than %d bytes",
							  name, (int) def->max - 1);
		strcpy(field, value);
	}
	else
		return wrong_type(env, def);
	return LEARN_OK;
}

LearnStatus
options_set_bool(LearnEnv *env, TrainOptions *options, const char *name, bool value)
{
	LearnStatus status = LEARN_OK;
	const OptionDef *def;
	char	   *field = locate(env, options, name, &def, &status);

	if (field == NULL)
		return status;
	if (def->type != OPTION_BOOL)
		return wrong_type(env, def);
	*(int *) field = value;
	return LEARN_OK;
}

LearnStatus
options_set_seed(LearnEnv *env, TrainOptions *options, int64_t seed)
{
	LearnStatus status = LEARN_OK;
	const OptionDef *def;

	if (locate(env, options, "seed", &def, &status) == NULL)
		return status;
	options->seed = seed;
	return LEARN_OK;
}
