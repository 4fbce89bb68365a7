/*
 * sdml.c
 *	  Sparse distance metric learning (Qi, Tang, Zha, Chua and Zhang 2009): a matrix most of whose
 *	  elements off the diagonal are zero.
 *
 *	tr(S A) - log det A + sparsity * sum over i != j of |A_ij|,
 *	S = P + eta sum over pairs of y v v^T
 *
 * with y = 1 for same pairs and -1 for different ones: a graphical lasso whose S need not be
 * positive.  Alternating directions (Boyd et al. 2011, 6.5): one variable takes the
 * log-determinant, whose step is one eigendecomposition, whatever S is, the other the absolute
 * values, whose step is a threshold.  d^3 an iteration.
 *
 * Where different pairs outweigh the prior in some direction, the problem has no minimum: A grows
 * there without bound. So eta is lowered until S is positive definite; a notice says so.
 */
#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "math/cholesky.h"
#include "math/eigen.h"
#include "logdet.h"
#include "metric.h"
#include "sdml.h"

#define BLOCK		512
/* of the prior that different pairs may take away in any direction */
#define MOST_SHARE	0.9
#define BALANCE		10			/* one residual over the other before rho changes */

LearnStatus
sdml_pairs(LearnEnv *env, const Points *points, const Constraints *c, const int32_t *place, double *s)
{
	int			d = points->d;
	ArenaMark	mark = arena_mark(env->arena);
	double	   *v;
	double	   *w;

	LEARN_ALLOC(env, v, (size_t) BLOCK * d);
	LEARN_ALLOC(env, w, (size_t) BLOCK * d);
	memset(s, 0, (size_t) d * d * sizeof(double));
	for (int64_t i = 0; i < c->n; i += BLOCK)
	{
		int			n = c->n - i < BLOCK ? (int) (c->n - i) : BLOCK;

		for (int k = 0; k < n; k++)
		{
			const real *a = points->x + (size_t) place[2 * (i + k)] * d;
			const real *b = points->x + (size_t) place[2 * (i + k) + 1] * d;
			double		weight = (c->weight != NULL ? c->weight[i + k] : 1) * (c->label[i + k] != 0 ? 1 : -1);

			for (int j = 0; j < d; j++)
			{
				v[(size_t) k * d + j] = (double) a[j] - b[j];
				w[(size_t) k * d + j] = weight * v[(size_t) k * d + j];
			}
		}
		LEARN_TRY(blas_dgemm_polled(env, true, false, d, d, n, 1, v, d, w, d, 1, s, d));
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

/* The largest eta for which p + eta s keeps a tenth of p in every direction; INFINITY: any. */
static LearnStatus
largest_eta(LearnEnv *env, const double *p, const double *s, int d, double *eta)
{
	size_t		cells = (size_t) d * d;
	double	   *factor;
	double	   *turned;
	double		least;
	double		unused;
	bool		definite;

	LEARN_ALLOC(env, factor, cells);
	LEARN_ALLOC(env, turned, cells);
	memcpy(factor, p, cells * sizeof(double));
	LEARN_TRY(cholesky_factor(env, factor, d, 0, &definite));
	if (!definite)
		return learn_fail(env, LEARN_DATA, "the prior is not positive definite");

	/* the least eigenvalue of f^-1 s f^-T is minus the largest of its opposite */
	memcpy(turned, s, cells * sizeof(double));
	LEARN_TRY(cholesky_solve(env, factor, d, false, turned, d));
	LEARN_TRY(metric_transpose(env, turned, d));
	LEARN_TRY(cholesky_solve(env, factor, d, false, turned, d));
	for (int i = 0; i < d; i++)
		for (int j = 0; j <= i; j++)
		{
			double		mean = -(turned[(size_t) i * d + j] + turned[(size_t) j * d + i]) / 2;

			turned[(size_t) i * d + j] = turned[(size_t) j * d + i] = mean;
		}
	LEARN_ALLOC(env, factor, d);
	LEARN_TRY(eigen_symmetric(env, turned, d, 1, &unused, factor));
	least = -unused;
	*eta = least < 0 ? -MOST_SHARE / least : INFINITY;
	return LEARN_OK;
}

static double
penalty(const double *a, int d, double sparsity)
{
	double		sum = 0;

	for (int i = 0; i < d; i++)
		for (int j = 0; j < d; j++)
			sum += i != j ? fabs(a[(size_t) i * d + j]) : 0;
	return sparsity * sum;
}

LearnStatus
sdml_value(LearnEnv *env, const double *s, const double *a, int d, double sparsity, double *value)
{
	ArenaMark	mark = arena_mark(env->arena);
	size_t		cells = (size_t) d * d;
	double	   *factor;
	bool		definite;

	LEARN_ALLOC(env, factor, cells);
	memcpy(factor, a, cells * sizeof(double));
	LEARN_TRY(cholesky_factor(env, factor, d, 0, &definite));
	*value = definite ? penalty(a, d, sparsity) : INFINITY;
	for (int j = 0; j < d && definite; j++)
		*value -= 2 * log(factor[(size_t) j * d + j]);
	for (size_t i = 0; i < cells && definite; i++)
		*value += s[i] * a[i];
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

typedef struct Admm
{
	int			d;
	const double *s;
	double		sparsity;
	double		rho;
	double	   *m;				/* has the log-determinant */
	double	   *z;				/* has the zeros */
	double	   *u;				/* their difference, summed up */
	double	   *work;
	double	   *value;
	double	   *vector;
} Admm;

/* m minimises tr(s m) - log det m + rho / 2 |m - z + u|^2. */
static LearnStatus
step_m(LearnEnv *env, Admm *p)
{
	int			d = p->d;
	size_t		cells = (size_t) d * d;

	for (size_t i = 0; i < cells; i++)
		p->work[i] = p->rho * (p->z[i] - p->u[i]) - p->s[i];
	LEARN_TRY(eigen_symmetric(env, p->work, d, d, p->value, p->vector));
	for (int i = 0; i < d; i++)
	{
		double		l = p->value[i];
		double		root = sqrt(l * l + 4 * p->rho);

		/* the positive root of rho m^2 - l m - 1, by the form that does not cancel */
		double		m = l > 0 ? (l + root) / (2 * p->rho) : 2 / (root - l);

		for (int j = 0; j < d; j++)
			p->work[(size_t) i * d + j] = m * p->vector[(size_t) i * d + j];
	}
	return blas_dgemm_polled(env, true, false, d, d, d, 1, p->vector, d, p->work, d, 0, p->m, d);
}

/* z, u; the residuals. */
static void
step_z(Admm *p, double *primal, double *dual, double *size)
{
	int			d = p->d;
	double		threshold = p->sparsity / p->rho;

	*primal = *dual = *size = 0;
	for (int i = 0; i < d; i++)
		for (int j = 0; j < d; j++)
		{
			size_t		at = (size_t) i * d + j;
			double		x = p->m[at] + p->u[at];
			double		z = i == j ? x : x > threshold ? x - threshold : x < -threshold ? x + threshold : 0;
			double		change = z - p->z[at];

			*dual += change * change;
			p->z[at] = z;
			p->u[at] = x - z;
			*primal += (p->m[at] - z) * (p->m[at] - z);
			*size += fmax(p->m[at] * p->m[at], z * z);
		}
	*primal = sqrt(*primal);
	*dual = p->rho * sqrt(*dual);
	*size = sqrt(*size);
}

LearnStatus
sdml_minimize(LearnEnv *env, const LinearPlan *plan, const double *s, int d, double *a, LinearFit *fit)
{
	size_t		cells = (size_t) d * d;
	Admm		p = {.d = d, .s = s, .sparsity = plan->params.sparsity};
	double		other;
	double		scale = 0;

	LEARN_ALLOC(env, p.m, cells);
	LEARN_ALLOC(env, p.z, cells);
	LEARN_ALLOC(env, p.u, cells);
	LEARN_ALLOC(env, p.work, cells);
	LEARN_ALLOC(env, p.value, d);
	LEARN_ALLOC(env, p.vector, cells);
	memset(p.z, 0, cells * sizeof(double));
	memset(p.u, 0, cells * sizeof(double));
	for (int j = 0; j < d; j++)
	{
		p.z[(size_t) j * d + j] = 1 / fmax(s[(size_t) j * d + j] + p.sparsity, 1e-12);
		scale += p.z[(size_t) j * d + j] / d;
	}

	/* the log-determinant's curvature at a matrix of that size */
	p.rho = 1 / (scale * scale);
	fit->converged = fit->cut = false;
	for (fit->iterations = 0; fit->iterations < plan->params.iterations && !fit->converged && !fit->cut; fit->iterations++)
	{
		double		primal;
		double		dual;
		double		size;
		double		factor;

		LEARN_TRY(step_m(env, &p));
		step_z(&p, &primal, &dual, &size);
		fit->converged = primal <= plan->params.tolerance * size && dual <= plan->params.tolerance * size * p.rho;
		fit->cut = env->now(env->ctx) > plan->deadline;
		factor = primal * p.rho > BALANCE * dual ? 2 : dual > BALANCE * primal * p.rho ? 0.5 : 1;
		p.rho *= factor;
		for (size_t i = 0; i < cells && factor != 1; i++)
			p.u[i] /= factor;
		solver_report(env, plan, fit->iterations + 1, NAN);
	}

	/* the one with the zeros, unless it is not positive definite or worse */
	LEARN_TRY(sdml_value(env, s, p.z, d, p.sparsity, &fit->objective));
	LEARN_TRY(sdml_value(env, s, p.m, d, p.sparsity, &other));
	memcpy(a, fit->objective <= other + plan->params.tolerance * fabs(other) ? p.z : p.m, cells * sizeof(double));
	fit->objective = fmin(fit->objective, other);
	return LEARN_OK;
}

LearnStatus
solve_sdml(LearnEnv *env, LinearJob *job, double *a, LinearFit *fit)
{
	int			d = job->prep->out;
	size_t		cells = (size_t) d * d;
	double		eta = job->plan->params.eta;
	double		most = INFINITY;
	Points		points;
	int32_t    *place;
	double	   *p;
	double	   *s;

	LEARN_TRY(points_of_constraints(env, job->rows, job->prep, &job->constraints, &points, &place));
	LEARN_ALLOC(env, p, cells);
	LEARN_ALLOC(env, s, cells);
	LEARN_TRY(logdet_prior(env, &points, job->plan->params.prior, p));
	LEARN_TRY(sdml_pairs(env, &points, &job->constraints, place, s));
	LEARN_TRY(largest_eta(env, p, s, d, &most));
	if (eta > most)
	{
		learn_notice(env, "eta is lowered from %g to %g, above which the objective has no minimum", eta, most);
		eta = most;
	}
	for (size_t i = 0; i < cells; i++)
		s[i] = p[i] + eta * s[i];
	fit->rows = points.n;
	return sdml_minimize(env, job->plan, s, d, a, fit);
}
