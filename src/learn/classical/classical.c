/*
 * classical.c
 *	  What the classical methods share: which solver, what defaults, preprocessing in front,
 *	  a linear model behind.
 */
#include "classical.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "linear.h"
#include "metric.h"
#include "learn/data/moments.h"
#include "shrink.h"

/* Pairs of either kind that are drawn from labels, at most, unless asked for. */
#define MOST_CONSTRAINTS	10000

#define NO_CONSTRAINTS	(-1)

/* What a method learns from when it is given labels. */
typedef enum LearnsFrom
{
	FROM_LABELS,				/* the labels themselves */
	FROM_TARGET,
	FROM_CONSTRAINTS			/* of its kind, drawn from labels */
} LearnsFrom;

/* How a method is shrunk: the matrix that it learns, or a scatter that it inverts by itself. */
typedef enum Shrinks
{
	SHRINKS_METRIC,
	SHRINKS_SCATTER
} Shrinks;

typedef struct Classical
{
	const char *name;
	LearnsFrom	from;
	int			kind;			/* ConstraintKind that it takes; NO_CONSTRAINTS: none */
	/* it is the same for any units: rows are standardised, for the numbers' sake */
	bool		standard;
	LinearSolver solve;
	Shrinks		shrinks;
	bool		closed;			/* linear.c has it as it is, without shrinkage */
} Classical;

static const Classical classical[] = {
	{"lda", FROM_LABELS, NO_CONSTRAINTS, true, solve_lda, .closed = true},
	{"whiten", FROM_LABELS, NO_CONSTRAINTS, true, solve_whiten, SHRINKS_SCATTER, .closed = true},
	{"covariance", FROM_LABELS, NO_CONSTRAINTS, true, solve_whiten, SHRINKS_SCATTER, .closed = true},
	{"pca", FROM_LABELS, NO_CONSTRAINTS, true, NULL, .closed = true},
	{"rca", FROM_CONSTRAINTS, CONSTRAINT_CHUNKLETS, true, solve_rca, SHRINKS_SCATTER},
	{"lfda", FROM_LABELS, NO_CONSTRAINTS, true, solve_lfda},
	{"lmnn", FROM_LABELS, NO_CONSTRAINTS, false, solve_lmnn},
	{"nca_linear", FROM_LABELS, NO_CONSTRAINTS, false, solve_nca},
	{"mlkr", FROM_TARGET, NO_CONSTRAINTS, false, solve_mlkr},
	{"itml", FROM_CONSTRAINTS, CONSTRAINT_PAIRS, false, solve_itml},
	{"mmc", FROM_CONSTRAINTS, CONSTRAINT_PAIRS, false, solve_mmc},
	{"sdml", FROM_CONSTRAINTS, CONSTRAINT_PAIRS, false, solve_sdml},
	{"lsml", FROM_CONSTRAINTS, CONSTRAINT_QUADRUPLETS, false, solve_lsml},
	{"scml", FROM_LABELS, CONSTRAINT_TRIPLETS, false, solve_scml},
};

static const Classical *
find(const Method *method)
{
	for (size_t i = 0; i < sizeof(classical) / sizeof(classical[0]); i++)
		if (strcmp(classical[i].name, method->name) == 0)
			return &classical[i];
	return NULL;
}

bool
classical_accepts(const Method *method, ConstraintKind kind)
{
	const Classical *c = find(method);

	return c != NULL && c->kind == (int) kind;
}

static int
int_or(int value, int otherwise)
{
	return value >= 0 ? value : otherwise;
}

static double
double_or(double value, double otherwise)
{
	return isnan(value) ? otherwise : value;
}

LinearParams
linear_params(const Method *method, const LinearParams *constraints, int n_classes)
{
	const LinearParams *d = &method->linear;
	LinearParams p = {
		.neighbors = int_or(constraints->neighbors, d->neighbors),
		.impostors = int_or(constraints->impostors, d->impostors),
		.constraints = int_or(constraints->constraints, d->constraints),
		.iterations = int_or(constraints->iterations, d->iterations),
		.bases = int_or(constraints->bases, d->bases),
		.prior = int_or(constraints->prior, d->prior),
		.diagonal = int_or(constraints->diagonal, d->diagonal),
		.tolerance = double_or(constraints->tolerance, d->tolerance),
		.pull = double_or(constraints->pull, d->pull),
		.gamma = double_or(constraints->gamma, d->gamma),
		.sparsity = double_or(constraints->sparsity, d->sparsity),
		.eta = double_or(constraints->eta, d->eta),
		.shrink = double_or(constraints->shrink, d->shrink),
		.l2 = constraints->l2,
	};

	/*
	 * 20 for each two classes, as metric-learn has it, up to a limit: of 1,000 classes that were 20
	 * million
	 */
	if (p.constraints == 0)
		p.constraints = n_classes > 22 ? MOST_CONSTRAINTS : 20 * n_classes * n_classes;
	return p;
}

/* Preprocess, solve, and put the map behind the preprocessing. */
static LearnStatus
fit(LearnEnv *env, const Classical *method, LinearJob *job, LinearFit *fit)
{
	const LinearPlan *plan = job->plan;
	PrepKind	kind = method->standard ? PREP_STANDARDIZE : plan->prep;
	Prep	   *prep = NULL;
	float	   *weight;
	double	   *a;
	int			rank;
	ArenaMark	mark;
	ArenaMark	scratch;

	*fit = (LinearFit) {.objective = NAN};
	LEARN_TRY(blas_load(env));
	LEARN_TRY(prep_fit(env, kind, job->rows, job->index, job->n, plan->components, &prep));
	if (prep->out > MOMENTS_MAX_COV)
	{
		learn_fail(env, LEARN_INVALID, "method \"%s\" takes %d columns at most, not %d",
				   plan->method->name, MOMENTS_MAX_COV, prep->out);
		if (method->standard)
			learn_hint(env, "Use method lda, or a method with a network.");
		else
			learn_hint(env, "Reduce them first: options => '{\"preprocess\": \"pca\"}', or use a method with a network.");
		return LEARN_INVALID;
	}
	job->prep = prep;
	job->most = plan->dims > 0 && plan->dims < prep->out ? plan->dims : prep->out;
	LEARN_ALLOC(env, weight, (size_t) job->most * prep->out);
	mark = arena_mark(env->arena);
	LEARN_ALLOC(env, a, (size_t) prep->out * prep->out);
	scratch = arena_mark(env->arena);
	LEARN_TRY(method->solve(env, job, a, fit));
	arena_reset(env->arena, scratch);
	for (size_t i = 0; i < (size_t) prep->out * prep->out; i++)
		if (!isfinite(a[i]))
			return learn_fail(env, LEARN_DIVERGED, "the learned matrix is not finite");
	if (plan->params.shrink > 0 && method->shrinks == SHRINKS_METRIC)
		LEARN_TRY(shrink_metric(env, job, a));
	LEARN_TRY(metric_weights(env, a, prep->out, job->most, weight, &rank));
	arena_reset(env->arena, mark);
	LEARN_TRY(linear_model(env, prep, weight, rank, &fit->model));
	if (plan->params.l2)
		linear_normalise(fit->model);
	return LEARN_OK;
}

/* A closed form as it is. */
static LearnStatus
fit_closed(LearnEnv *env, const LinearPlan *plan, const Rows *rows, const int64_t *index, int64_t n, LinearFit *fit)
{
	const char *name = plan->method->name;

	*fit = (LinearFit) {.objective = NAN, .converged = true, .rows = index != NULL ? n : rows->n};
	if (strcmp(name, "lda") == 0)
		LEARN_TRY(linear_lda(env, rows, index, n, plan->dims, &fit->model));
	else if (strcmp(name, "pca") == 0)
		LEARN_TRY(linear_pca(env, rows, index, n, plan->dims, &fit->model));
	else
		LEARN_TRY(linear_whiten(env, rows, index, n, plan->dims, &fit->model));
	if (plan->params.l2)
		linear_normalise(fit->model);
	return LEARN_OK;
}

LearnStatus
classical_fit(LearnEnv *env, const LinearPlan *plan, const Rows *rows,
			  const int64_t *index, int64_t n, LinearFit *result)
{
	const Classical *method = find(plan->method);
	LinearJob	job = {.plan = plan, .rows = rows, .index = index, .n = index != NULL ? n : rows->n};

	if (method->closed && plan->params.shrink == 0)
		return fit_closed(env, plan, rows, index, n, result);
	if (method->from == FROM_TARGET && rows->target == NULL)
		return learn_fail(env, LEARN_INVALID, "method \"%s\" learns from a number for each row", plan->method->name);
	if (method->from == FROM_CONSTRAINTS)
		LEARN_TRY(constraints_from_labels(env, rows, index, n, (ConstraintKind) method->kind, plan->params.constraints, plan->seed,
										  &job.constraints));
	return fit(env, method, &job, result);
}

LearnStatus
constraints_fit(LearnEnv *env, const LinearPlan *plan, const Rows *rows,
				const Constraints *c, LinearFit *result)
{
	LinearJob	job = {.plan = plan, .rows = rows, .n = rows->n, .constraints = *c};

	LEARN_TRY(constraints_check(env, rows, c));
	return fit(env, find(plan->method), &job, result);
}
