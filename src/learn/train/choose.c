/*
 * choose.c
 *	  Which candidate wins, and the figure that is reported for it: one rule for labels, targets,
 *	  constraints and the trials of a search.  docs/auto.md has it as numbered steps with an
 *	  example.
 *
 * Two candidates are compared item by item: an item is a held-out row or constraint, and what
 * counts is how much more it adds to the score of one than to that of the other.  So an item that
 * is hard for all does not count, and the mean of the differences has a standard error.  Of pairs,
 * an item adds the share of pairs of the other kind that lie on its right side, and the error is
 * that of two samples (DeLong, DeLong and Clarke-Pearson 1988).
 *
 * In the open set rows of one class go together, so classes are compared: a class counts with the
 * sum of its rows' differences, and the error is that of a ratio of sums over classes (Cochran
 * 1977, section 6.4).
 *
 * The score by which a candidate won is too high, for it is the highest of many.  So the choice is
 * made again by all items but those of one part, which then score the candidate that was chosen
 * without them; the mean over the parts is reported.
 */
#include "trainer.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"

/* The chance that a candidate is kept when no candidate has learned anything. */
#define LEVEL			0.025

/*
 * What may be lost of a score, whatever MAP@R gains; and the standard errors that are granted to
 * chance.
 */
#define MAX_LOSS		0.01
#define SURE			0.5

/* With more units, the interval is that of the normal distribution. */
#define MANY_UNITS		200

LearnStatus
trainer_keep_each(Trainer *t)
{
	LearnEnv   *env = t->env;

	t->each = true;
	t->n_compared = t->n_splits == 1 ? t->split[0].n_held : t->n;
	LEARN_ALLOC(env, t->compared, t->n_compared);
	LEARN_ALLOC(env, t->times, t->n_compared);
	t->part = NULL;
	if (t->unit)
	{
		LEARN_ALLOC(env, t->unit_sum, t->n_units);
		LEARN_ALLOC(env, t->unit_weight, t->n_units);
	}
	if (t->n_splits <= t->folds)
		return LEARN_OK;
	LEARN_ALLOC(env, t->part, t->n);
	memset(t->part, UINT8_MAX, (size_t) t->n);
	for (int f = 0; f < t->folds; f++)
		for (int64_t q = 0; q < t->split[f].n_held; q++)
			t->part[t->split[f].held[q]] = (uint8_t) f;
	return LEARN_OK;
}

/* ---------- comparing two candidates ---------- */

/* Into how many parts the held-out items fall. */
static int
parts(const Trainer *t)
{
	if (!t->each)
		return t->n_splits;
	if (t->unit)
		return MAX_FOLDS;
	if (t->n_splits == 1)
		return HELD_PARTS;
	return t->n_splits < t->folds ? t->n_splits : t->folds;
}

/*
 * The part of the held-out item q of split f: its fold in the first partition, so that it is in one
 * part however often it is held out.  A single split is divided by hash.  Items of one unit are in
 * one part.
 */
static int
part_of(const Trainer *t, int f, int64_t q)
{
	if (t->unit)
		return t->unit[t->split[f].held[q]] % MAX_FOLDS;
	if (t->n_splits == 1)
		return item_part(t->split[f].held[q], HELD_PARTS);
	return t->part ? t->part[t->split[f].held[q]] : f;
}

/* A weighted mean of differences. */
typedef struct Sample
{
	double		sum;
	double		weight;
	double		squares;		/* about the mean */
	int64_t		count;
} Sample;

static double
sample_mean(const Sample *s)
{
	return s->sum / s->weight;
}

/* By splits: where items are not known one by one. */
static Gain
gain_of_splits(const Trainer *t, const Candidate *candidate, const Candidate *than, Measure measure, int skip)
{
	int			splits = candidate->judged < than->judged ? candidate->judged : than->judged;
	Gain		gain = {NAN, INFINITY, 0};
	Sample		s = {0};

	for (int pass = 0; pass < 2; pass++)
		for (int f = 0; f < splits; f++)
		{
			double		more = measure(candidate->fold[f], NAN) - measure(than->fold[f], NAN);

			if (f == skip || isnan(more) || t->weight[f] == 0)
				continue;
			if (pass == 1)
			{
				s.squares += t->weight[f] * (more - gain.mean) * (more - gain.mean);
				continue;
			}
			s.sum += more * t->weight[f];
			s.weight += t->weight[f];
			s.count++;
			gain.mean = sample_mean(&s);
		}
	gain.count = s.count;
	if (s.count > 1)
		gain.error = sqrt(s.squares / s.weight / (double) (s.count - 1));
	return gain;
}

/*
 * t->compared: of each item the mean difference over the partitions; t->times: 0 for items that do
 * not count.
 */
static void
compare_items(const Trainer *t, const Candidate *candidate, const Candidate *than, Measure measure, int skip)
{
	int			splits = candidate->judged < than->judged ? candidate->judged : than->judged;

	memset(t->compared, 0, sizeof(double) * (size_t) t->n_compared);
	memset(t->times, 0, sizeof(double) * (size_t) t->n_compared);
	for (int f = 0; f < splits; f++)
		for (int64_t q = 0; q < t->split[f].n_held; q++)
		{
			int64_t		item = t->split[f].held[q];
			int64_t		i = t->n_splits == 1 ? q : item;
			const QueryScore *a = &candidate->each[f][q];
			const QueryScore *b = &than->each[f][q];
			double		more = measure(a->recall, a->map_r) - measure(b->recall, b->map_r);

			if (isnan(more) || (t->item_weight && t->item_weight[item] == 0) || (skip >= 0 && part_of(t, f, q) == skip))
				continue;
			t->times[i]++;
			t->compared[i] += (more - t->compared[i]) / t->times[i];
		}
}

/* Of the items that compare_items has compared, by units. */
static Gain
gain_of_units(const Trainer *t)
{
	Gain		gain = {NAN, INFINITY, 0};
	double		sum = 0;
	double		weight = 0;
	double		squares = 0;

	memset(t->unit_sum, 0, sizeof(double) * (size_t) t->n_units);
	memset(t->unit_weight, 0, sizeof(double) * (size_t) t->n_units);
	for (int64_t i = 0; i < t->n_compared; i++)
	{
		int64_t		item = t->n_splits == 1 ? t->split[0].held[i] : i;
		double		counts = t->times[i] == 0 ? 0 : t->item_weight ? t->item_weight[item] : 1;

		t->unit_sum[t->unit[item]] += counts * t->compared[i];
		t->unit_weight[t->unit[item]] += counts;
	}
	for (int u = 0; u < t->n_units; u++)
	{
		sum += t->unit_sum[u];
		weight += t->unit_weight[u];
		gain.count += t->unit_weight[u] > 0;
	}
	if (gain.count == 0)
		return gain;
	gain.mean = sum / weight;
	for (int u = 0; u < t->n_units; u++)
	{
		double		about = t->unit_sum[u] - gain.mean * t->unit_weight[u];

		squares += about * about;
	}
	if (gain.count > 1)
		gain.error = sqrt(squares * (double) gain.count / (double) (gain.count - 1)) / weight;
	return gain;
}

Gain
candidate_gain(const Trainer *t, const Candidate *candidate, const Candidate *than, Measure measure, int skip)
{
	Gain		gain = {NAN, INFINITY, 0};
	int			kinds = t->kind ? 2 : 1;
	Sample		s[2] = {{0}};
	double		variance = 0;

	if (!t->each)
		return gain_of_splits(t, candidate, than, measure, skip);
	compare_items(t, candidate, than, measure, skip);
	if (t->unit)
		return gain_of_units(t);
	for (int pass = 0; pass < 2; pass++)
		for (int64_t i = 0; i < t->n_compared; i++)
		{
			int64_t		item = t->n_splits == 1 ? t->split[0].held[i] : i;
			Sample	   *of = &s[t->kind ? t->kind[item] : 0];
			double		weight = t->item_weight ? t->item_weight[item] : 1;

			if (t->times[i] == 0)
				continue;
			if (pass == 1)
			{
				double		about = t->compared[i] - sample_mean(of);

				of->squares += weight * about * about;
				continue;
			}
			of->sum += weight * t->compared[i];
			of->weight += weight;
			of->count++;
		}
	gain.count = s[0].count;
	for (int k = 1; k < kinds; k++)
		gain.count = s[k].count < gain.count ? s[k].count : gain.count;
	if (gain.count == 0)
		return gain;
	gain.mean = 0;
	for (int k = 0; k < kinds; k++)
	{
		gain.mean += sample_mean(&s[k]) / kinds;
		variance += s[k].squares / s[k].weight / (double) (s[k].count - 1);
	}
	if (gain.count > 1)
		gain.error = sqrt(variance);
	return gain;
}

/* ---------- what may be kept ---------- */

static double
measure_score(double score, double map_r)
{
	return score;
}

static double
measure_map_r(double score, double map_r)
{
	return map_r;
}

bool
candidate_beats(const Trainer *t, const Candidate *candidate, const Candidate *than)
{
	Gain		gain = candidate_gain(t, candidate, than, score_merit, -1);

	return gain.mean > gain.error;
}

/* The number of standard errors that a normal variable exceeds with this chance. */
static double
standard_errors(double chance)
{
	double		low = 0;
	double		high = 10;

	for (int i = 0; i < 50; i++)
	{
		double		middle = (low + high) / 2;

		if (0.5 * erfc(middle / sqrt(2)) > chance)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/*
 * The chance that a variable of Student's distribution exceeds x > 0 (Abramowitz and Stegun 1964,
 * 26.7.3 and 26.7.4).
 */
static double
student_beyond(double x, int64_t degrees)
{
	double		angle = atan(x / sqrt((double) degrees));
	double		cosine = cos(angle) * cos(angle);
	double		term = degrees % 2 ? cos(angle) : 1;
	double		sum = degrees == 1 ? 0 : term;

	for (int64_t i = 2 + degrees % 2; i <= degrees - 2; i += 2)
	{
		term *= cosine * (double) (i - 1) / (double) i;
		sum += term;
	}
	if (degrees % 2)
		return 0.5 - (angle + sin(angle) * sum) / M_PI;
	return 0.5 - sin(angle) * sum / 2;
}

/*
 * The number of standard errors that a mean of n units, whose spread is unknown, exceeds with this
 * chance.
 */
static double
unit_errors(double chance, int64_t n)
{
	double		low = 0;
	double		high = 1000;

	if (n > MANY_UNITS)
		return standard_errors(chance);
	for (int i = 0; i < 60; i++)
	{
		double		middle = (low + high) / 2;

		if (student_beyond(middle, n - 1) > chance)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/*
 * Has it more of a measure than no learning, by more than the highest of that number of candidates
 * has by chance?  The error is that of no difference at all: few items that all gain a little must
 * not look certain.  Units are few, and their interval by Student's distribution is wide already:
 * what they gain must lie beyond it.
 */
static bool
is_learned(const Trainer *t, const Candidate *candidate, Measure measure, int tests, int skip)
{
	Gain		gain = candidate_gain(t, candidate, t->none, measure, skip);
	double		variance = gain.error * gain.error + gain.mean * gain.mean / (double) gain.count;

	if (gain.count <= 1 || !(gain.mean > 0))
		return false;
	if (t->options->open_set)
		return gain.mean > unit_errors(LEVEL, gain.count) * gain.error;
	return gain.mean > standard_errors(LEVEL / tests) * sqrt(t->counted * variance);
}

/* The standard error of a score, by the number of held-out items alone. */
static double
score_error(const Trainer *t, double score)
{
	double		n = (double) t->result->held_out_rows;

	/*
	 * R2: what is not explained is a ratio of two sums of squares, each with a relative error of
	 * sqrt(2 / n)
	 */
	if (t->rows->target != NULL)
		return (1 - score) * 2 / sqrt(n > 1 ? n : 1);
	return sqrt(score * (1 - score) / (n > 1 ? n : 1));
}

bool
candidate_is_safe(const Trainer *t, const Candidate *candidate, int skip)
{
	Gain		gain;

	if (t->options->open_set && t->each)
		return is_learned(t, candidate, measure_score, 1, skip);
	if (!t->each)
		return candidate->score + 2 * score_error(t, t->none->score) >= t->none->score - MAX_LOSS;
	gain = candidate_gain(t, candidate, t->none, measure_score, skip);
	return gain.mean + SURE * gain.error >= -MAX_LOSS;
}

static bool
stands(const Trainer *t, const Candidate *candidate, int n, int skip)
{
	/* each of the others is one test, and two where MAP@R is known beside the score */
	int			tests = (n > 1 ? n - 1 : 1) * (isnan(candidate->map_r) ? 1 : 2);

	if (isnan(candidate->score) || candidate->judged < t->n_splits)
		return false;
	if (candidate->method == NULL || isnan(t->none->score))
		return true;
	if (!candidate_is_safe(t, candidate, skip))
		return false;
	return !t->each || is_learned(t, candidate, score_merit, tests, skip) ||
		(!isnan(candidate->map_r) && is_learned(t, candidate, measure_map_r, tests, skip));
}

/* ---------- the winner ---------- */

/*
 * How complex a candidate is: closed forms, then linear maps by iterations, by a loss, and
 * networks.
 */
static int
complexity(const Trainer *t, const Candidate *candidate)
{
	NetSpec		spec;

	if (candidate_is_gradient(candidate))
		return netspec_parse(t->env, candidate->plan.network, t->rows->d, &spec) == LEARN_OK ? 1 + spec.n_layers : 2;
	return candidate->method && candidate->method->kind == METHOD_LINEAR;
}

/*
 * Of the candidates that are left, keep each whose measure is as high as the highest, within the
 * standard error of the difference.
 */
static void
keep_near(const Trainer *t, const Candidate *candidate, int n, Measure measure, int skip, bool *left)
{
	int			top = -1;

	for (int i = 0; i < n; i++)
		if (left[i] && (top < 0 || candidate_gain(t, &candidate[i], &candidate[top], measure, skip).mean > 0))
			top = i;
	for (int i = 0; i < n; i++)
		if (left[i] && i != top)
		{
			Gain		gain = candidate_gain(t, &candidate[top], &candidate[i], measure, skip);

			left[i] = !(gain.mean > gain.error);
		}
}

/* The winner by all items but those of part skip; -1: by all. */
static int
winner_without(const Trainer *t, const Candidate *candidate, int n, int tests, int skip)
{
	bool		left[MAX_CANDIDATES];
	int			best = -1;

	for (int i = 0; i < n; i++)
		left[i] = stands(t, &candidate[i], tests, skip);
	keep_near(t, candidate, n, score_merit, skip, left);
	if (t->each && !isnan(t->none->map_r))
		keep_near(t, candidate, n, measure_map_r, skip, left);
	for (int i = 0; i < n; i++)
		if (left[i] && (best < 0 || complexity(t, &candidate[i]) < complexity(t, &candidate[best])))
			best = i;
	return best < 0 ? 0 : best;
}

/* Means over the items of all parts, each scored by the candidate that was chosen without it. */
static void
report_items(const Trainer *t, const Candidate *candidate, int n, int tests, double *score, double *map_r)
{
	Sample		of_score[2] = {{0}};
	Sample		of_map_r[2] = {{0}};

	for (int part = 0; part < parts(t); part++)
	{
		const Candidate *chosen = &candidate[winner_without(t, candidate, n, tests, part)];

		for (int f = 0; f < chosen->judged; f++)
			for (int64_t q = 0; q < t->split[f].n_held; q++)
			{
				int64_t		item = t->split[f].held[q];
				int			k = t->kind ? t->kind[item] : 0;
				double		weight = t->item_weight ? t->item_weight[item] : 1;
				const QueryScore *each = &chosen->each[f][q];

				if (isnan(each->recall) || part_of(t, f, q) != part)
					continue;
				of_score[k].sum += weight * each->recall;
				of_score[k].weight += weight;
				of_map_r[k].sum += weight * each->map_r;
				of_map_r[k].weight += weight;
			}
	}
	*score = sample_mean(&of_score[0]);
	*map_r = sample_mean(&of_map_r[0]);
	if (t->kind)
		*score = (*score + sample_mean(&of_score[1])) / 2;
}

void
choose_report(const Trainer *t, const Candidate *candidate, int n, int tests, int winner, double *score, double *map_r)
{
	Sample		s = {0};

	*score = candidate[winner].score;
	*map_r = candidate[winner].map_r;
	if (winner == 0)
		return;
	if (t->each)
	{
		report_items(t, candidate, n, tests, score, map_r);
		return;
	}
	for (int f = 0; f < t->n_splits; f++)
	{
		const Candidate *chosen = &candidate[winner_without(t, candidate, n, tests, f)];

		if (isnan(chosen->fold[f]))
			continue;
		s.sum += chosen->fold[f] * t->weight[f];
		s.weight += t->weight[f];
	}
	*score = sample_mean(&s);
}

int
choose(const Trainer *t, const Candidate *candidate, int n, int tests)
{
	int			winner = winner_without(t, candidate, n, tests, -1);
	double		score;
	double		map_r;

	if (winner == 0 || isnan(t->none->score))
		return winner;
	choose_report(t, candidate, n, tests, winner, &score, &map_r);
	return score_merit(score, map_r) >= candidate_merit(t->none) ? winner : 0;
}
