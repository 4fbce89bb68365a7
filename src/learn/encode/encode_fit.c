/*
 * encode_fit.c
 *	  Fits an encoder: one pass over the rows of a training.
 *
 * Means and deviations are rounded to a few bits when they are stored.  The sums behind them depend
 * on the order of the rows in their last bits, and the encoder must not.
 */
#include "encode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tally.h"

/* A text column is a category if each value occurs this often on average. */
#define CATEGORY_REPEATS	4

/* A value must occur this often to be in the vocabulary. */
#define LEAST_COUNT			2

/* Bits of a deviation, and of a mean in units of the deviation, that are kept. */
#define KEPT_BITS			16

/* Days that a time must span for a cycle of a day, a week and a year. */
static const double least_span[] = {2, 14, 730};

/* Mean and variance of one number (Welford 1962). */
typedef struct Spread
{
	int64_t		n;
	double		mean;
	double		sum;			/* of squared deviations */
	double		least;
	double		most;
} Spread;

typedef struct FitColumn
{
	EncodeAsk	ask;
	int64_t		seen;			/* values that were not missing */
	int64_t		missing;
	int64_t		values;			/* that were counted: strings of a bag */
	int			length;			/* of an array; 0: not known yet */
	Spread	   *spread;			/* number and time: 1; array: length */
	Tally		tally;
	bool		many;			/* an open text that has too many values for a category */
} FitColumn;

struct EncodeFit
{
	LearnEnv   *env;
	int			n;
	FitColumn  *column;
};

static LearnStatus
new_spreads(LearnEnv *env, FitColumn *column, int n)
{
	LEARN_ALLOC(env, column->spread, n);
	memset(column->spread, 0, sizeof(Spread) * n);
	return LEARN_OK;
}

LearnStatus
encode_fit_start(LearnEnv *env, const EncodeAsk *ask, int n, EncodeFit **fit)
{
	EncodeFit  *f;

	LEARN_ALLOC(env, f, 1);
	f->env = env;
	f->n = n;
	LEARN_ALLOC(env, f->column, n);
	memset(f->column, 0, sizeof(FitColumn) * n);
	for (int i = 0; i < n; i++)
	{
		FitColumn  *column = &f->column[i];

		column->ask = ask[i];
		if (ask[i].kind == ENCODE_NUMBER || ask[i].kind == ENCODE_TIME)
			LEARN_TRY(new_spreads(env, column, 1));
		if (ask[i].kind == ENCODE_CATEGORY || ask[i].kind == ENCODE_BAG)
			LEARN_TRY(tally_start(env, TALLY_MAX, &column->tally));
		if (ask[i].kind == ENCODE_TEXT && ask[i].open)
			LEARN_TRY(tally_start(env, 2 * ENCODE_VALUES, &column->tally));
	}
	*fit = f;
	return LEARN_OK;
}

bool
encode_fit_length(const EncodeFit *fit, int column, int n)
{
	int			length = fit->column[column].length;

	return length == 0 || length == n;
}

static void
add_number(Spread *s, double x)
{
	double		delta = x - s->mean;

	s->n++;
	s->mean += delta / s->n;
	s->sum += delta * (x - s->mean);
	if (s->n == 1 || x < s->least)
		s->least = x;
	if (s->n == 1 || x > s->most)
		s->most = x;
}

/* Returns in *missing whether an element was missing. */
static LearnStatus
add_array(LearnEnv *env, FitColumn *column, const EncodeValue *value, bool *missing)
{
	if (column->length == 0)
	{
		column->length = value->n;
		LEARN_TRY(new_spreads(env, column, value->n));
	}
	for (int j = 0; j < value->n; j++)
	{
		if (isnan(value->numbers[j]))
			*missing = true;
		else
			add_number(&column->spread[j], value->numbers[j]);
	}
	return LEARN_OK;
}

static LearnStatus
add_open_text(LearnEnv *env, FitColumn *column, EncodeString text)
{
	if (column->many)
		return LEARN_OK;
	LEARN_TRY(tally_add(env, &column->tally, text));
	column->many = column->tally.n > ENCODE_VALUES;
	return LEARN_OK;
}

LearnStatus
encode_fit_add(EncodeFit *fit, int i, const EncodeValue *value)
{
	FitColumn  *column = &fit->column[i];
	bool		missing = value->missing;

	if (!missing)
		switch (column->ask.kind)
		{
			case ENCODE_NUMBER:
			case ENCODE_TIME:
				add_number(column->spread, value->number);
				break;
			case ENCODE_ARRAY:
				LEARN_TRY(add_array(fit->env, column, value, &missing));
				break;
			case ENCODE_CATEGORY:
				LEARN_TRY(tally_add(fit->env, &column->tally, value->strings[0]));
				column->values++;
				break;
			case ENCODE_BAG:
				for (int s = 0; s < value->n; s++)
					LEARN_TRY(tally_add(fit->env, &column->tally, value->strings[s]));
				column->values += value->n;
				break;
			case ENCODE_TEXT:
				if (column->ask.open)
					LEARN_TRY(add_open_text(fit->env, column, value->strings[0]));
				break;
			case ENCODE_KINDS:
				break;
		}
	column->seen += !value->missing;
	column->missing += missing;
	return LEARN_OK;
}

int64_t
encode_fit_seen(const EncodeFit *fit, int column)
{
	return fit->column[column].seen;
}

int64_t
encode_fit_missing(const EncodeFit *fit, int column)
{
	return fit->column[column].missing;
}

/* x to a multiple of unit. */
static double
round_to(double x, double unit)
{
	return unit > 0 ? nearbyint(x / unit) * unit : x;
}

/* The power of two that is KEPT_BITS below x > 0. */
static double
unit_of(double x)
{
	int			exponent;

	frexp(x, &exponent);
	return ldexp(1, exponent - KEPT_BITS);
}

/* Mean and 1 / (deviation * divisor); deviation 0: the column's own. */
static void
set_scale(const Spread *s, double deviation, double divisor, double *mean, double *scale)
{
	double		own = s->n > 0 ? sqrt(s->sum / s->n) : 0;

	*mean = s->mean;
	*scale = 0;
	if (s->n == 0 || s->most == s->least || !(own > 0))
		return;
	if (deviation == 0)
		deviation = own;
	*mean = round_to(s->mean, unit_of(own));
	*scale = 1 / (deviation * divisor);
	*scale = round_to(*scale, unit_of(*scale));
}

static int
compare_double(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/*
 * One deviation for all elements of an array if they share a unit, as pixels and embeddings do (the
 * rule of prep_one_scale); 0: each has its own.
 */
static LearnStatus
common_deviation(LearnEnv *env, const FitColumn *column, double *deviation)
{
	double	   *top;
	double		sum = 0;
	int			used = 0;

	LEARN_ALLOC(env, top, column->length);
	for (int j = 0; j < column->length; j++)
	{
		const Spread *s = &column->spread[j];
		double		most = fmax(fabs(s->least), fabs(s->most));

		sum += s->n > 0 ? s->sum / s->n : 0;
		if (most > 0)
			top[used++] = most;
	}
	*deviation = 0;
	if (used == 0)
		return LEARN_OK;
	qsort(top, used, sizeof(double), compare_double);
	if (top[(int) (0.95 * (used - 1))] <= 4 * top[used / 2])
		*deviation = sqrt(sum / column->length);
	return LEARN_OK;
}

static LearnStatus
finish_numbers(LearnEnv *env, const FitColumn *column, EncodeColumn *out)
{
	double		deviation = 0;

	LEARN_ALLOC(env, out->mean, out->n);
	LEARN_ALLOC(env, out->scale, out->n);
	if (out->kind == ENCODE_ARRAY)
		LEARN_TRY(common_deviation(env, column, &deviation));
	for (int j = 0; j < out->n; j++)
		set_scale(&column->spread[j], deviation, sqrt(out->n), &out->mean[j], &out->scale[j]);
	return LEARN_OK;
}

static LearnStatus
finish_vocabulary(LearnEnv *env, FitColumn *column, EncodeColumn *out)
{
	Tally	   *tally = &column->tally;
	int			most = column->ask.size > 0 ? column->ask.size : ENCODE_VALUES;
	int64_t		known = 0;

	out->n = tally_choose(tally, most, LEAST_COUNT);
	LEARN_ALLOC(env, out->hash, out->n);
	LEARN_ALLOC(env, out->name, out->n);
	for (int v = 0; v < out->n; v++)
	{
		const TallyEntry *entry = &tally->entry[v];
		char	   *name;

		LEARN_ALLOC(env, name, strlen(entry->name) + 1);
		strcpy(name, entry->name);
		out->hash[v] = entry->hash;
		out->name[v] = name;
		known += entry->count;
	}
	out->has_other = tally->n > out->n || tally->forgotten > 0 || known < column->values;
	return LEARN_OK;
}

/* A text that has few values for the rows it is in is a category. */
static bool
is_category(const FitColumn *column)
{
	return column->ask.open && !column->many && (int64_t) column->tally.n * CATEGORY_REPEATS <= column->seen;
}

static int
cycles_of(const FitColumn *column)
{
	double		days = (column->spread->most - column->spread->least) / 86400;
	int			cycles = 0;

	for (int c = 0; c < 3; c++)
		if (days >= least_span[c])
			cycles |= 1 << c;
	/* a time of day spans no more than one */
	return column->ask.cycles == ENCODE_DAY ? ENCODE_DAY : cycles & column->ask.cycles;
}

LearnStatus
encode_fit_finish(EncodeFit *fit, bool skip, Encoder **encoder)
{
	LearnEnv   *env = fit->env;
	Encoder    *e;

	LEARN_ALLOC(env, e, 1);
	e->skip = skip;
	e->n = fit->n;
	LEARN_ALLOC(env, e->column, fit->n);
	memset(e->column, 0, sizeof(EncodeColumn) * fit->n);
	for (int i = 0; i < fit->n; i++)
	{
		FitColumn  *column = &fit->column[i];
		EncodeColumn *out = &e->column[i];

		out->kind = column->ask.kind == ENCODE_TEXT && is_category(column) ? ENCODE_CATEGORY : column->ask.kind;
		out->has_missing = !skip && column->missing > 0;
		out->n = 1;
		switch (out->kind)
		{
			case ENCODE_TEXT:
				out->n = column->ask.size > 0 ? column->ask.size : ENCODE_BUCKETS;
				break;
			case ENCODE_ARRAY:
				out->n = column->length;
				LEARN_TRY(finish_numbers(env, column, out));
				break;
			case ENCODE_TIME:
				out->cycles = cycles_of(column);
				LEARN_TRY(finish_numbers(env, column, out));
				break;
			case ENCODE_NUMBER:
				LEARN_TRY(finish_numbers(env, column, out));
				break;
			default:
				LEARN_TRY(finish_vocabulary(env, column, out));
		}
	}
	if (!encode_layout(e))
	{
		learn_fail(env, LEARN_INVALID, e->width == 0 ? "no feature has a value that occurs twice" :
				   "the features become more than %d numbers", ENCODE_MAX_WIDTH);
		learn_hint(env, e->width == 0 ? "Name features that rows have in common." :
				   "Leave features out, or make a text narrower: text(x, buckets => 256).");
		return LEARN_INVALID;
	}
	*encoder = e;
	return LEARN_OK;
}
