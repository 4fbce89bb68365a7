/*
 * options.h
 *	  Every hyper-parameter of training: name, type, range, default, meaning, in one
 *	  table that parsing, error messages, documentation and the catalogue read.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "methods.h"

#define OPTIONS_MAX	128

typedef struct TrainOptions
{
	const Method *method;		/* auto by default; of a sum the first term's */
	char		network[1024];	/* empty: chosen from the data */
	int			dims;			/* 0: chosen */
	int64_t		seed;
	/* of several features: 0 a NULL is filled in, 1 its row is skipped; -1: chosen */
	int			missing;
	int			open_set;		/* validate on held-out classes instead of held-out rows */
	double		time_limit;		/* seconds; 0: none (auto: 60) */

	int			epochs;			/* 0: chosen */
	int			batch;			/* rows a batch; 0: chosen */
	int			rows_per_class; /* K of P classes x K rows; 0: chosen */
	int			preprocess;		/* -1: chosen, else a PrepKind */
	int			components;		/* of pca and whiten preprocessing */
	int			optimizer;		/* 0 adamw, 1 sgd */
	double		learning_rate;	/* 0: chosen */
	double		momentum;		/* sgd; adamw's beta1 */
	double		beta2;
	double		adam_epsilon;
	double		weight_decay;
	double		warmup;			/* share of the steps with a rising learning rate */
	double		final_lr;		/* share of the learning rate that the cosine ends at */
	double		clip;			/* largest norm of the gradient; 0: no clipping */
	double		validation;		/* share of the rows (open_set: of the classes) held out; 0: none */
	/* epochs without a better score before stopping; 0: never stop early */
	int			patience;
	double		proxy_lr;		/* multiple of the learning rate; 0: the method's */
	/* decay, a step, of the mean of the weights; 0: none; NaN: chosen */
	double		average;
	/* classes are drawn by rows^(1 - balance): 0 as they are, 1 equally */
	double		balance;
	/* of a hierarchy of labels: weight of a level as a multiple of the one below it */
	double		level_weight;
	double		unlabeled;		/* weight of views of all rows beside labels; 0: none */
	int			unlabeled_method;	/* which one: options_view_method() */
	double		noise;			/* of views: constraints.h; in standard deviations of the column */
	double		mask;			/* of views: chance that a column is replaced by its mean */
	double		mix;			/* of views: largest share of another row */
	/* an index that proposes them, for the caller, who fills Rows.hard_negatives; empty: none */
	char		hard_negatives[256];
	int			hard_neighbors; /* how many for each row */
	double		hard_share;		/* of a batch */
	int			hard_ranks;		/* nearest rows among which they are sought; 0: chosen */
	int			hard_skip;		/* nearest negatives that are passed over */
	double		hard_margin;	/* share by which they must be farther than the nearest positive */
	double		hard_gap;		/* the distance by which they must be farther than it */
	double		hard_near;		/* nearer ones are passed over */
	int			refit;			/* -1: chosen; 1: after validation train once more on all rows */
	LinearParams linear;		/* NaN or -1 where the method's default holds */

	/*
	 * term[0].params are the method's where there is no sum; NaN, or -1, where the method's default
	 * holds
	 */
	MethodTerm	term[METHOD_MAX_TERMS];
	int			n_terms;		/* above 1: a sum */

	bool		set[OPTIONS_MAX];	/* option i of the table was given by the user */
} TrainOptions;

typedef enum OptionType
{
	OPTION_INT,
	OPTION_REAL,
	OPTION_BOOL,
	OPTION_NAME,				/* one of a list of words */
	OPTION_TEXT,				/* a text */
	OPTION_SEED					/* a 64-bit integer */
} OptionType;

typedef struct OptionDef
{
	const char *name;
	OptionType	type;
	size_t		offset;			/* in TrainOptions */
	double		min;
	double		max;			/* OPTION_TEXT: bytes of the field */
	/* OPTION_NAME: "adamw,sgd"; the value is the place in the list plus word_base */
	const char *words;
	int			word_base;
	const char *default_text;	/* as shown to the user */
	/* means nothing to a method without a network, unless it lists it */
	bool		gradient;
	const char *description;
} OptionDef;

/* The losses of views that unlabeled_method chooses from, in its order. */
extern const Method *options_view_method(const TrainOptions *options);

extern void options_init(TrainOptions *options);
extern int	options_count(void);
extern const OptionDef *options_at(int i);

/*
 * "supcon", or "arcface + 0.5 * center".  supervision: what it must learn from (methods.h), or
 * NULL.
 */
extern LearnStatus options_set_method(LearnEnv *env, TrainOptions *options, const char *text, const char *supervision);

/* The method as text; size METHOD_TEXT_MAX will do. */
extern void options_method(const TrainOptions *options, char *buf, size_t size);

/* The method of a term; where there is no sum, of what is trained. */
extern const Method *options_term_method(const TrainOptions *options, int term);

/* Is a method, or a term of a sum, one that learns from a number to predict? */
extern bool options_of_target(const TrainOptions *options);

/* The place of word in a comma-separated list, or -1. */
extern int	options_word(const char *words, const char *word);

/* The parameters of a term's loss: what was given, else the method's. */
extern LossParams options_loss(const TrainOptions *options, int term);

/*
 * Is option i read by the loss of term, and was it given?  Of options that are no loss's, term is
 * ignored, and options_of_loss is false.
 */
extern bool options_of_loss(int i);
extern bool options_read(const TrainOptions *options, int i, int term);
extern bool options_given(const TrainOptions *options, int i, int term);
/* of the first term */
extern bool options_named_given(const TrainOptions *options, const char *name);

/*
 * Options of a loss are named as they are where one term of the sum reads them, else with
 * their method: "center.alpha".
 */

/* Set one option from text or a number; LEARN_INVALID names the valid names, words or range. */
extern LearnStatus options_set_number(LearnEnv *env, TrainOptions *options, const char *name, double value);
extern LearnStatus options_set_text(LearnEnv *env, TrainOptions *options, const char *name, const char *value);
extern LearnStatus options_set_seed(LearnEnv *env, TrainOptions *options, int64_t seed);
extern LearnStatus options_set_bool(LearnEnv *env, TrainOptions *options, const char *name, bool value);

/*
 * The value of option i as JSON text: a number, true or false, or a quoted word; "null" where it is
 * chosen.
 */
extern void options_value(const TrainOptions *options, int i, int term, char *json, size_t size);

/* Options given that this method does not read are an error that lists those it does. */
extern LearnStatus options_check(LearnEnv *env, const TrainOptions *options);

#endif							/* OPTIONS_H */
