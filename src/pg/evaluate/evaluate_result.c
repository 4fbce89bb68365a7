/*
 * evaluate_result.c
 *	  The result of dml_evaluate: NOTICEs, and a row for each figure.
 */
#include "compat.h"

#include "evaluate/evaluate.h"

#include <math.h>

#include "utils/builtins.h"

#define RESULT_COLUMNS	14

/* Metrics that are means over queries, and their names; recalls are apart. */
static const struct
{
	AssessMetric metric;
	const char *name;
}			means[] = {
	{ASSESS_PRECISION_1, "precision_at_1"},
	{ASSESS_R_PRECISION, "r_precision"},
	{ASSESS_MAP_R, "map_at_r"},
	{ASSESS_AP, "map"},
	{ASSESS_RR, "mrr"},
	{ASSESS_NDCG, "ndcg"},
	{ASSESS_NDCG_10, "ndcg_at_10"},
	{ASSESS_KNN, "knn_accuracy"},
};

/* Where a figure is, in a sentence. */
static const char *const space_names[N_SPACES] = {"without learning", "whitened", "learned"};

/* A result row that is being made: a figure of each space, and their intervals. */
typedef struct Row
{
	const char *name;
	const char *class;			/* NULL: of all */
	double		value[N_SPACES];
	bool		no_difference;
	bool		always;			/* whatever metrics are asked for */
} Row;

/*
 * The intervals of all figures: of each space that was measured, in order, then of the difference.
 */
typedef struct Intervals
{
	MetricInterval   *interval;
	int			place[N_SPACES];	/* which of the assessments it is; -1: none */
	int			count;
} Intervals;

void
evaluate_clear(Measured *measured)
{
	measured->nmi = measured->ami = measured->effective_rank = measured->norm_spread = NAN;
	measured->separation = (Separation) {NAN, NAN, NAN};
	measured->margin_ratio = NAN;
}

static void
set_number(Datum *values, bool *nulls, int i, double value)
{
	nulls[i] = isnan(value);
	values[i] = Float8GetDatum(value);
}

static void
put_row(const Evaluation *evaluation, const Row *row, const Intervals *intervals, int figure)
{
	Datum		values[RESULT_COLUMNS];
	bool		nulls[RESULT_COLUMNS];
	int			without_class = RESULT_COLUMNS - evaluation->desc->natts;

	if (!row->always && !is_wanted(&evaluation->wanted, row->name))
		return;
	memset(nulls, true, sizeof(nulls));
	values[0] = CStringGetTextDatum(row->name);
	nulls[0] = false;
	if (row->class)
	{
		values[1] = CStringGetTextDatum(row->class);
		nulls[1] = false;
	}
	for (int s = 0; s < N_SPACES; s++)
		set_number(values, nulls, 2 + s, evaluation->space[s].done ? row->value[s] : NAN);
	if (!row->no_difference)
		set_number(values, nulls, 5, row->value[LEARNED] - row->value[NO_LEARNING]);
	if (intervals)
	{
		const MetricInterval *difference = &intervals->interval[intervals->count * BOOTSTRAP_FIGURES + figure];

		set_number(values, nulls, 6, difference->low);
		set_number(values, nulls, 7, difference->high);
		for (int s = 0; s < N_SPACES; s++)
			if (intervals->place[s] >= 0)
			{
				const MetricInterval *interval = &intervals->interval[intervals->place[s] * BOOTSTRAP_FIGURES + figure];

				set_number(values, nulls, 8 + 2 * s, interval->low);
				set_number(values, nulls, 9 + 2 * s, interval->high);
			}
	}

	/* without a column for the class, the name takes its place */
	values[without_class] = values[0];
	nulls[without_class] &= nulls[0];
	tuplestore_putvalues(evaluation->store, evaluation->desc, values + without_class, nulls + without_class);
}

/* Return a row for a figure that the bootstrap has an interval for. */
static void
put_figure(const Evaluation *evaluation, const Intervals *intervals, const char *name, int figure)
{
	Row			row = {.name = name};

	for (int s = 0; s < N_SPACES; s++)
		if (evaluation->space[s].done)
			row.value[s] = assess_figure(&evaluation->space[s].assessment, figure);
	put_row(evaluation, &row, intervals, figure);
}

/* Return a row for a figure at this offset of each space's Measured. */
static void
put_plain(const Evaluation *evaluation, const char *name, size_t offset, bool no_difference)
{
	Row			row = {.name = name,.no_difference = no_difference};

	for (int s = 0; s < N_SPACES; s++)
		row.value[s] = *(const double *) ((const char *) &evaluation->space[s] + offset);
	put_row(evaluation, &row, NULL, 0);
}

/* Return a row for a number that is the same in all spaces. */
static void
put_count(const Evaluation *evaluation, const char *name, double count)
{
	Row			row = {.name = name,.value = {count, count, count},.no_difference = true,.always = true};

	put_row(evaluation, &row, NULL, 0);
}

static const Assessment *
any_assessment(const Evaluation *evaluation)
{
	return &evaluation->space[evaluation->space[NO_LEARNING].done ? NO_LEARNING : LEARNED].assessment;
}

static void
put_counts(const Evaluation *evaluation)
{
	const Assessment *a = any_assessment(evaluation);
	Row			dims = {.name = "dims",.no_difference = true,.always = true};

	for (int s = 0; s < N_SPACES; s++)
		dims.value[s] = evaluation->space[s].dims;
	put_row(evaluation, &dims, NULL, 0);
	for (int i = 0; i < evaluation->n_counts; i++)
		put_count(evaluation, evaluation->counts[i].name, evaluation->counts[i].value);
	if (evaluation->counts)
		return;
	put_count(evaluation, "queries", (double) a->queries);
	put_count(evaluation, "lone_queries", (double) a->lone);
	put_count(evaluation, "duplicate_queries", (double) a->duplicates);
	put_count(evaluation, "gallery_rows", (double) evaluation->gallery->n);
	put_count(evaluation, "classes", evaluation->classes);
}

/* Means over queries (prefix "") or over classes. */
static void
put_means(const Evaluation *evaluation, const Intervals *intervals, const char *prefix, int first)
{
	for (int i = 0; i < evaluation->task.n_recall; i++)
		put_figure(evaluation, intervals, psprintf("%srecall_at_%d", prefix, evaluation->task.recall_at[i]),
				   first + ASSESS_RECALL + i);
	for (int i = 0; i < lengthof(means); i++)
		put_figure(evaluation, intervals, psprintf("%s%s", prefix, means[i].name), first + means[i].metric);
}

/* Class margin and scatter are lengths, which no two spaces share a unit of. */
static void
put_separation(const Evaluation *evaluation, const Intervals *intervals)
{
	put_figure(evaluation, intervals, "centre_error", BOOTSTRAP_MICRO + ASSESS_CENTRE_ERROR);
	put_figure(evaluation, intervals, "macro_centre_error", BOOTSTRAP_MACRO + ASSESS_CENTRE_ERROR);
	put_plain(evaluation, "class_margin", offsetof(Measured, separation.margin), true);
	put_plain(evaluation, "class_scatter", offsetof(Measured, separation.scatter), true);
	put_plain(evaluation, "margin_ratio", offsetof(Measured, margin_ratio), false);
	put_plain(evaluation, "fisher_ratio", offsetof(Measured, separation.fisher), false);
}

static void
put_verification(const Evaluation *evaluation, const Intervals *intervals)
{
	put_plain(evaluation, "genuine_pairs", offsetof(Measured, assessment.verification.genuine), true);
	put_plain(evaluation, "impostor_pairs", offsetof(Measured, assessment.verification.impostor), true);
	put_figure(evaluation, intervals, "roc_auc", BOOTSTRAP_AUC);
	put_figure(evaluation, intervals, "average_precision", BOOTSTRAP_AVERAGE_PRECISION);
	put_figure(evaluation, intervals, "eer", BOOTSTRAP_EER);
	for (int i = 0; i < ASSESS_FARS; i++)
		put_figure(evaluation, intervals, psprintf("tar_at_far_%g", ASSESS_FAR[i]), BOOTSTRAP_TAR + i);
	put_figure(evaluation, intervals, "best_accuracy", BOOTSTRAP_ACCURACY);
	put_plain(evaluation, "best_accuracy_threshold", offsetof(Measured, assessment.verification.accuracy_threshold), true);
	for (int i = 0; i < ASSESS_DIR_FARS; i++)
		put_figure(evaluation, intervals, psprintf("dir_at_far_%g", ASSESS_DIR_FAR[i]), BOOTSTRAP_MICRO + ASSESS_DIR + i);
}

/* The shares of comparisons that hold, and the effect of a stored threshold. */
static void
put_constraints(const Evaluation *evaluation, const Intervals *intervals)
{
	const JudgedPairs *calibrated = evaluation->calibrated;

	put_figure(evaluation, intervals, "satisfied", BOOTSTRAP_MICRO + ASSESS_SATISFIED);
	put_figure(evaluation, intervals, "tied", BOOTSTRAP_MICRO + ASSESS_TIED);
	if (calibrated)
	{
		const char *names[] = {"calibrated_far", "calibrated_tar", "calibrated_accuracy"};
		double		values[] = {calibrated->far, calibrated->tar, calibrated->accuracy};

		for (int i = 0; i < lengthof(names); i++)
		{
			Row			row = {.name = names[i],.value = {NAN, NAN, values[i]},.no_difference = true};

			put_row(evaluation, &row, NULL, 0);
		}
	}
}

static void
put_class(const Evaluation *evaluation, int class, const char *name, int metric)
{
	Row			row = {.name = name,.class = evaluation->labels[class]};

	for (int s = 0; s < N_SPACES; s++)
		if (evaluation->space[s].done)
			row.value[s] = assess_of_class(&evaluation->space[s].assessment, metric, class);
	put_row(evaluation, &row, NULL, 0);
}

static void
put_classes(const Evaluation *evaluation)
{
	const Assessment *a = any_assessment(evaluation);

	for (int c = 0; c < evaluation->task.n_classes; c++)
	{
		double		queries = (double) a->of_class[c];
		Row			count = {.name = "queries",.class = evaluation->labels[c],.value = {queries, queries, queries},.no_difference = true,.always = true};

		if (queries == 0)
			continue;
		put_row(evaluation, &count, NULL, 0);
		for (int i = 0; i < evaluation->task.n_recall; i++)
			put_class(evaluation, c, psprintf("recall_at_%d", evaluation->task.recall_at[i]), ASSESS_RECALL + i);
		for (int i = 0; i < lengthof(means); i++)
			put_class(evaluation, c, means[i].name, means[i].metric);
		put_class(evaluation, c, "silhouette", ASSESS_SILHOUETTE);
		put_class(evaluation, c, "centre_error", ASSESS_CENTRE_ERROR);
	}
}

/* ---------- what a user must be told ---------- */

static void
tell_protocol(const Evaluation *evaluation)
{
	static const char *const graded[] = {"ndcg", "ndcg_at_10", "macro_ndcg", "macro_ndcg_at_10"};
	const Assessment *a = any_assessment(evaluation);
	bool		shows_gains = false;

	if (a->lone > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld query has no row of its class to find", "%lld queries have no row of their class to find",
							   (unsigned long) a->lone, (long long) a->lone),
				 errdetail("They count only for knn_accuracy, clusters and impostor pairs.")));
	for (int i = 0; i < lengthof(graded); i++)
		shows_gains |= is_wanted(&evaluation->wanted, graded[i]);
	if (a->gainless > 0 && shows_gains)
		ereport(NOTICE,
				(errmsg_plural("%lld query has nothing to gain: its NDCG counts as 0", "%lld queries have nothing to gain: their NDCG counts as 0",
							   (unsigned long) a->gainless, (long long) a->gainless),
				 errdetail("All rows that they may find have the grade 0.")));
	if (a->duplicates > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld query has an exact duplicate of its class, which it was not allowed to find",
							   "%lld queries have an exact duplicate of their class, which they were not allowed to find",
							   (unsigned long) a->duplicates, (long long) a->duplicates),
				 errhint("With keep_duplicates => true they find it.")));
}

/* Has verification fewer genuine pairs than the bootstrap needs for intervals of rates? */
static bool
is_few_genuine(const Assessment *a)
{
	return a->verification.genuine > 0 && a->verification.genuine < ASSESS_LEAST_GENUINE && a->verification.impostor > 0;
}

/* NOTICEs about error rates that this many pairs or queries cannot show. */
static void
tell_few_pairs(const Evaluation *evaluation)
{
	const Assessment *a = any_assessment(evaluation);
	double		least_far = NAN;
	double		least_dir = NAN;
	bool		shows_rates = false;	/* any true accept rate */

	for (int i = ASSESS_FARS - 1; i >= 0; i--)
		if (is_wanted(&evaluation->wanted, psprintf("tar_at_far_%g", ASSESS_FAR[i])))
		{
			if (isnan(a->verification.tar[i]))
				least_far = ASSESS_FAR[i];
			else
				shows_rates = true;
		}
	for (int i = ASSESS_DIR_FARS - 1; i >= 0; i--)
		if (a->queries * ASSESS_DIR_FAR[i] * (1 + 1e-12) < ASSESS_LEAST_ERRORS &&
			is_wanted(&evaluation->wanted, psprintf("dir_at_far_%g", ASSESS_DIR_FAR[i])))
			least_dir = ASSESS_DIR_FAR[i];
	if ((evaluation->wanted.parts & ASSESS_PAIRS) && (a->verification.impostor == 0 || a->verification.genuine == 0))
		ereport(NOTICE,
				(errmsg("there are no %s: figures of verification are NULL",
						a->verification.impostor == 0 ? evaluation->impostors : "pairs of one class")));
	if (!isnan(least_far) && a->verification.impostor > 0)
		ereport(NOTICE,
				(errmsg("too few %s (%.0f) for a false accept rate of %g or less: tar_at_far is NULL there",
						evaluation->impostors, a->verification.impostor, least_far),
				 errdetail("At least %d false accepts must be expected.", ASSESS_LEAST_ERRORS)));
	if (is_few_genuine(a) && shows_rates)
		ereport(NOTICE,
				(errmsg_plural("true accept rates rest on %.0f pair of one class", "true accept rates rest on %.0f pairs of one class",
							   (unsigned long) a->verification.genuine, a->verification.genuine),
				 errdetail("Their intervals are Wilson's for a share, not the bootstrap's.")));
	for (int s = 0; s < N_SPACES; s++)
	{
		const Verification *v = &evaluation->space[s].assessment.verification;

		if (evaluation->space[s].done && !isnan(v->accuracy) && isnan(v->accuracy_threshold) &&
			is_wanted(&evaluation->wanted, "best_accuracy_threshold"))
			ereport(NOTICE,
					(errmsg("best_accuracy_threshold is NULL %s: accepting no pair is most accurate there", space_names[s]),
					 errdetail("Pairs at distance 0, which every threshold accepts, are mostly %s.", evaluation->impostors)));
	}
	if (!isnan(least_dir))
		ereport(NOTICE,
				(errmsg("too few queries (%lld) for a false alarm rate of %g or less: dir_at_far is NULL there",
						(long long) a->queries, least_dir),
				 errdetail("At least %d false alarms must be expected.", ASSESS_LEAST_ERRORS)));
}

/* A NOTICE about an embedding that uses few of its dimensions. */
static void
tell_collapse(const Evaluation *evaluation)
{
	const Measured *learned = &evaluation->space[LEARNED];
	int			needed = Min(learned->dims, Max(evaluation->classes - 1, 1));

	if (isnan(learned->effective_rank) || evaluation->gallery == NULL || evaluation->gallery->n < 3)
		return;
	if (learned->effective_rank == 0)
		ereport(NOTICE,
				(errmsg("the learned embedding has collapsed: all rows are at one place")));
	else if (learned->effective_rank < needed / 2.0 && learned->effective_rank < 0.5 * evaluation->space[NO_LEARNING].effective_rank)
		ereport(NOTICE,
				(errmsg("the learned embedding uses %.1f of its %d dimensions (effective_rank)",
						learned->effective_rank, learned->dims),
				 errdetail("Telling %d classes apart takes up to %d dimensions.", evaluation->classes, evaluation->classes - 1)));
}

/* ---------- all ---------- */

static void
find_intervals(const Evaluation *evaluation, Intervals *intervals)
{
	const Assessment *assessments[N_SPACES];
	LearnStatus status;

	intervals->count = 0;
	for (int s = 0; s < N_SPACES; s++)
	{
		intervals->place[s] = -1;
		if (evaluation->space[s].done)
		{
			intervals->place[s] = intervals->count;
			assessments[intervals->count++] = &evaluation->space[s].assessment;
		}
	}
	intervals->interval = palloc(sizeof(MetricInterval) * (intervals->count + 1) * BOOTSTRAP_FIGURES);
	status = bootstrap_intervals(evaluation->env, assessments, intervals->count, (uint64) evaluation->seed, intervals->interval);
	if (status != LEARN_OK)
		dml_learn_error(evaluation->env, status);
}

/*
 * With few genuine pairs, a true accept rate has the interval of a share. The interval of a
 * difference is what both intervals allow.
 */
static void
widen_intervals(const Evaluation *evaluation, Intervals *intervals)
{
	double		genuine = any_assessment(evaluation)->verification.genuine;
	MetricInterval *last = intervals->interval + (size_t) intervals->count * BOOTSTRAP_FIGURES;

	for (int i = 0; i < ASSESS_FARS && intervals->count > 0; i++)
	{
		int			figure = BOOTSTRAP_TAR + i;
		const MetricInterval *none = NULL;
		const MetricInterval *learned = NULL;

		for (int s = 0; s < N_SPACES; s++)
		{
			double		tar = evaluation->space[s].assessment.verification.tar[i];
			MetricInterval *interval;

			if (intervals->place[s] < 0 || isnan(tar))
				continue;
			interval = &intervals->interval[intervals->place[s] * BOOTSTRAP_FIGURES + figure];
			roc_share_interval(tar, genuine, &interval->low, &interval->high);
			none = s == NO_LEARNING ? interval : none;
			learned = s == LEARNED ? interval : learned;
		}
		if (none && learned)
			last[figure] = (MetricInterval) {learned->low - none->high, learned->high - none->low};
	}
}

void
evaluate_put(Evaluation *evaluation)
{
	Intervals	intervals;

	find_intervals(evaluation, &intervals);
	if (is_few_genuine(any_assessment(evaluation)))
		widen_intervals(evaluation, &intervals);
	tell_protocol(evaluation);
	tell_few_pairs(evaluation);
	tell_collapse(evaluation);
	put_counts(evaluation);
	put_means(evaluation, &intervals, "", BOOTSTRAP_MICRO);
	put_means(evaluation, &intervals, "macro_", BOOTSTRAP_MACRO);
	put_plain(evaluation, "nmi", offsetof(Measured, nmi), false);
	put_plain(evaluation, "ami", offsetof(Measured, ami), false);
	put_figure(evaluation, &intervals, "silhouette", BOOTSTRAP_MICRO + ASSESS_SILHOUETTE);
	put_separation(evaluation, &intervals);
	put_verification(evaluation, &intervals);
	put_plain(evaluation, "effective_rank", offsetof(Measured, effective_rank), true);
	put_plain(evaluation, "norm_spread", offsetof(Measured, norm_spread), true);
	if (evaluation->counts)
		put_constraints(evaluation, &intervals);
	if (evaluation->per_class)
		put_classes(evaluation);
}
