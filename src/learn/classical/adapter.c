/*
 * adapter.c
 *	  Closed forms for matches: ridge regression towards the identity, and orthogonal Procrustes.
 *
 * A and B have a match in each row.  With shrinkage s and c the mean square of a column of A, both methods see the
 * products P = (1 - s) A^T A + s c I and Q = (1 - s) B^T A + s c I, as if there were matches of each direction with itself.
 *
 *	ridge		W = Q P^-1, which minimises (1 - s) |A W^T - B|^2 + s c |W - I|^2 (Hoerl and Kennard 1970, with the identity
 *				in place of zero)
 *	procrustes	W = Q (Q^T Q)^-1/2, the rotation for which A W^T is nearest to B (Schoenemann 1966); of different
 *				widths, the partial isometry
 *
 * A W^T is then compared with B as it is.  There is no intercept, so that s = 1 leaves the rows as they are.
 */
#include "adapter.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "learn/data/moments.h"
#include "linear.h"
#include "math/cholesky.h"
#include "math/eigen.h"

#define CHUNK			512		/* matches that are read at once */
#define LEAST_SHRINK	1e-7	/* makes a singular product regular */
#define TOLERANCE		1e-6	/* a direction below this share of the largest is rounding */

typedef struct Products
{
	int			d;				/* columns of a */
	int			e;				/* and of b */
	double	   *aa;				/* d x d */
	double	   *ba;				/* e x d */
} Products;

bool
adapter_is(const Method *method)
{
	return method && (strcmp(method->name, "ridge") == 0 || strcmp(method->name, "procrustes") == 0);
}

/* A^T A and B^T A over matches, by their weights. */
static LearnStatus
add_up(LearnEnv *env, const Constraints *matches, const int64_t *index, int64_t n, Products *p)
{
	size_t		d = p->d;
	size_t		e = p->e;
	float	   *a;
	float	   *b;
	float	   *product;
	int64_t    *row;

	LEARN_ALLOC(env, a, CHUNK * d);
	LEARN_ALLOC(env, b, CHUNK * e);
	LEARN_ALLOC(env, product, (d > e ? d : e) * d);
	LEARN_ALLOC(env, row, CHUNK);
	for (int64_t from = 0; from < n; from += CHUNK)
	{
		int			count = n - from < CHUNK ? (int) (n - from) : CHUNK;

		for (int i = 0; i < count; i++)
			row[i] = matches->row[2 * index[from + i]];
		LEARN_TRY(matches->rows->fetch(env, matches->rows->ctx, row, count, a));
		for (int i = 0; i < count; i++)
			row[i] = matches->row[2 * index[from + i] + 1];
		LEARN_TRY(matches->rows_b->fetch(env, matches->rows_b->ctx, row, count, b));
		for (int i = 0; i < count && matches->weight; i++)
		{
			float		root = (float) sqrt(matches->weight[index[from + i]]);

			for (size_t j = 0; j < d; j++)
				a[i * d + j] *= root;
			for (size_t j = 0; j < e; j++)
				b[i * e + j] *= root;
		}
		LEARN_TRY(blas_gemm_polled(env, true, false, (int) d, (int) d, count, 1, a, (int) d, a, (int) d, 0, product, (int) d));
		for (size_t i = 0; i < d * d; i++)
			p->aa[i] += product[i];
		LEARN_TRY(blas_gemm_polled(env, true, false, (int) e, (int) d, count, 1, b, (int) e, a, (int) d, 0, product, (int) d));
		for (size_t i = 0; i < e * d; i++)
			p->ba[i] += product[i];
	}
	return LEARN_OK;
}

/* W = Q P^-1 */
static LearnStatus
solve_ridge(LearnEnv *env, Products *p, float *weight)
{
	size_t		d = p->d;
	size_t		e = p->e;
	double	   *x;				/* d x e: P^-1 Q^T */
	bool		definite;

	LEARN_ALLOC(env, x, d * e);
	for (size_t i = 0; i < e; i++)
		for (size_t j = 0; j < d; j++)
			x[j * e + i] = p->ba[i * d + j];
	LEARN_TRY(cholesky_factor(env, p->aa, (int) d, 0, &definite));
	if (!definite)
		return learn_fail(env, LEARN_DATA, "the rows of the matches do not determine a map");
	LEARN_TRY(cholesky_solve(env, p->aa, (int) d, false, x, (int) e));
	LEARN_TRY(cholesky_solve(env, p->aa, (int) d, true, x, (int) e));
	for (size_t i = 0; i < e; i++)
		for (size_t j = 0; j < d; j++)
			weight[i * d + j] = (float) x[j * e + i];
	return LEARN_OK;
}

/* W = Q (Q^T Q)^-1/2, by the eigenvectors of Q^T Q */
static LearnStatus
solve_procrustes(LearnEnv *env, Products *p, float *weight)
{
	int			d = p->d;
	int			rank;
	double	   *value;
	double	   *vector;
	double	   *scaled;
	double	   *w;

	LEARN_ALLOC(env, value, d);
	LEARN_ALLOC(env, vector, (size_t) d * d);
	LEARN_ALLOC(env, scaled, (size_t) d * d);
	LEARN_ALLOC(env, w, (size_t) p->e * d);
	LEARN_TRY(blas_dgemm_polled(env, true, false, d, d, p->e, 1, p->ba, d, p->ba, d, 0, p->aa, d));
	LEARN_TRY(eigen_symmetric(env, p->aa, d, d, value, vector));
	for (rank = 0; rank < d && value[rank] > TOLERANCE * TOLERANCE * value[0]; rank++)
		for (int j = 0; j < d; j++)
			scaled[(size_t) rank * d + j] = vector[(size_t) rank * d + j] / sqrt(value[rank]);
	if (rank == 0)
		return learn_fail(env, LEARN_DATA, "the rows of the matches do not determine a rotation");
	LEARN_TRY(blas_dgemm_polled(env, true, false, d, d, rank, 1, scaled, d, vector, d, 0, p->aa, d));
	LEARN_TRY(blas_dgemm_polled(env, false, false, p->e, d, d, 1, p->ba, d, p->aa, d, 0, w, d));
	for (size_t i = 0; i < (size_t) p->e * d; i++)
		weight[i] = (float) w[i];
	return LEARN_OK;
}

LearnStatus
adapter_map(LearnEnv *env, const Method *method, double shrink, const Constraints *matches, const int64_t *index,
			int64_t n, float *weight)
{
	ArenaMark	mark = arena_mark(env->arena);
	bool		ridge = strcmp(method->name, "ridge") == 0;
	double		s = ridge ? fmax(shrink, LEAST_SHRINK) : shrink;
	double		scale = 0;
	Products	p = {matches->rows->d, matches->rows_b->d, NULL, NULL};

	LEARN_TRY(blas_load(env));
	p.aa = arena_alloc_zero(env->arena, (size_t) p.d * p.d, sizeof(double));
	p.ba = arena_alloc_zero(env->arena, (size_t) p.e * p.d, sizeof(double));
	if (p.aa == NULL || p.ba == NULL)
		return learn_fail(env, LEARN_NO_MEMORY, "not enough memory for a map of %d columns to %d", p.d, p.e);
	LEARN_TRY(add_up(env, matches, index, n, &p));
	for (size_t j = 0; j < (size_t) p.d; j++)
		scale += p.aa[j * p.d + j] / p.d;
	for (size_t i = 0; i < (size_t) p.d * p.d; i++)
		p.aa[i] *= 1 - s;
	for (size_t i = 0; i < (size_t) p.e * p.d; i++)
		p.ba[i] *= 1 - s;
	for (size_t j = 0; j < (size_t) p.d; j++)
	{
		p.aa[j * p.d + j] += s * scale;
		if (j < (size_t) p.e && (!ridge || shrink > 0))
			p.ba[j * p.d + j] += s * scale;
	}
	LEARN_TRY(ridge ? solve_ridge(env, &p, weight) : solve_procrustes(env, &p, weight));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

LearnStatus
adapter_fit(LearnEnv *env, const LinearPlan *plan, const Constraints *matches, const int64_t *index,
			int64_t n, LinearFit *fit, Model **model_b)
{
	int			d = matches->rows->d;
	int			e = matches->rows_b->d;
	Prep	   *prep;
	float	   *weight;

	if (!constraint_two_towers(matches))
	{
		learn_fail(env, LEARN_DATA, "method \"%s\" maps one side to the other, and both sides have one network here", plan->method->name);
		learn_hint(env, "Give towers => 2, or adapter => true.");
		return LEARN_DATA;
	}
	if (d > MOMENTS_MAX_COV || e > MOMENTS_MAX_COV)
		return learn_fail(env, LEARN_INVALID, "method \"%s\" takes %d columns at most, not %d", plan->method->name, MOMENTS_MAX_COV,
						  d > e ? d : e);
	if (plan->dims > 0 && plan->dims != e)
		return learn_fail(env, LEARN_INVALID, "method \"%s\" maps to the %d dimensions of the second side, not to %d", plan->method->name,
						  e, plan->dims);
	*fit = (LinearFit) {.objective = NAN, .converged = true, .rows = n};
	LEARN_ALLOC(env, prep, 1);
	*prep = (Prep) {.kind = PREP_NONE, .in = d, .out = d};
	LEARN_ALLOC(env, weight, (size_t) e * d);
	LEARN_TRY(adapter_map(env, plan->method, plan->params.shrink, matches, index, n, weight));
	for (size_t i = 0; i < (size_t) e * d; i++)
		if (!isfinite(weight[i]))
			return learn_fail(env, LEARN_DIVERGED, "the learned map is not finite");
	LEARN_TRY(linear_model(env, prep, weight, e, &fit->model));
	LEARN_TRY(linear_none(env, e, model_b));
	if (plan->params.l2)
	{
		linear_normalise(fit->model);
		if (!matches->adapter)
			linear_normalise(*model_b);
	}
	return LEARN_OK;
}
