/*
 * tridiagonal.c
 *	  Divide and conquer for symmetric tridiagonal matrices.
 *
 * Cuppen 1981: a tridiagonal matrix is two half as large and a matrix of rank one; from
 * their eigenvectors its own are those of a diagonal plus a rank one, D + rho z z^T.
 * Its eigenvalues are the roots of a secular equation (LAPACK's dlaed4 finds one); its
 * eigenvectors are taken from the z that has these roots exactly, which keeps them
 * orthogonal (Gu and Eisenstat, SIAM J. Matrix Anal. Appl. 16, 1995).  Where z has a zero, or
 * D equal elements, an old eigenvector stays as it is ("deflation").
 *
 * LAPACK's own driver, dstedc, does the same in one call of some seconds for thousands of
 * rows; here the user can cancel between roots and between tiles of products.
 */
#include "tridiagonal.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/blas.h"

#define LEAF			48		/* rows that QR iteration solves */
#define TILE			512
#define ROOTS_PER_POLL	8
#define VECTORS_PER_POLL	64

typedef struct Solver
{
	LearnEnv   *env;
	void		(*dsteqr) (const char *compz, const int *n, double *d, double *e, double *z, const int *ldz,
						   double *work, int *info, size_t compz_length);
	void		(*dlaed4) (const int *n, const int *i, const double *d, const double *z, double *delta,
						   const double *rho, double *root, int *info);
	double	   *vector;			/* rows are eigenvectors */
	int			ld;				/* row length of vector */
} Solver;

/* One merge of two halves, n1 + n2 = n. */
typedef struct Merge
{
	int			n1;
	int			n;
	int			kept;			/* not deflated */
	double		rho;
	double	   *d;				/* n: eigenvalues of the halves, rising */
	double	   *z;				/* n */
	int		   *row;			/* n: which row of the block of vectors belongs to d */
	bool	   *left;			/* n: the vector reaches into the first n1 columns */
	bool	   *right;			/* n: ... into the others */
	int		   *alive;			/* kept: places in d that are not deflated, rising */
	bool	   *dead;			/* n */
	double	   *pole;			/* kept: their d */
	double	   *weight;			/* kept: their z, later Gu and Eisenstat's */
	double	   *root;			/* kept: rising */
	double	   *delta;			/* kept x kept: row i has pole - root[i] */
} Merge;

static LearnStatus
merge_create(LearnEnv *env, int n1, int n, Merge *m)
{
	m->n1 = n1;
	m->n = n;
	LEARN_ALLOC(env, m->d, n);
	LEARN_ALLOC(env, m->z, n);
	LEARN_ALLOC(env, m->row, n);
	LEARN_ALLOC(env, m->left, n);
	LEARN_ALLOC(env, m->right, n);
	LEARN_ALLOC(env, m->alive, n);
	LEARN_ALLOC(env, m->dead, n);
	LEARN_ALLOC(env, m->pole, n);
	LEARN_ALLOC(env, m->weight, n);
	LEARN_ALLOC(env, m->root, n);
	return LEARN_OK;
}

/*
 * The halves' eigenvalues (each rising) as one rising sequence, and z = Q^T u of length 1, where
 * the whole is diag(T1, T2) + rho u u^T, u the last row of the first half and sign times
 * the first of the second.
 */
static void
merge_start(Merge *m, const Solver *s, int begin, const double *diagonal, double beta)
{
	const double *block = s->vector + (size_t) begin * s->ld + begin;
	int			i = 0;
	int			j = m->n1;
	double		sign = beta < 0 ? -1 : 1;

	for (int k = 0; k < m->n; k++)
	{
		bool		first = j == m->n || (i < m->n1 && diagonal[i] <= diagonal[j]);
		int			row = first ? i++ : j++;

		m->d[k] = diagonal[row];
		m->row[k] = row;
		m->left[k] = first;
		m->right[k] = !first;
		m->dead[k] = false;
		m->z[k] = first ? block[(size_t) row * s->ld + m->n1 - 1] : sign * block[(size_t) row * s->ld + m->n1];
		m->z[k] *= 0.70710678118654752440;
	}
	m->rho = 2 * fabs(beta);
}

/* Rotate the vectors of places p and q: (p, q) = (c p + s q, c q - s p). */
static void
rotate(Merge *m, const Solver *solver, int begin, int p, int q, double c, double s)
{
	double	   *x = solver->vector + (size_t) (begin + m->row[p]) * solver->ld + begin;
	double	   *y = solver->vector + (size_t) (begin + m->row[q]) * solver->ld + begin;

	if (m->left[p] != m->left[q] || m->right[p] != m->right[q])
	{
		/* what a vector does not reach was not written */
		int			n2 = m->n - m->n1;

		if (!m->left[p])
			memset(x, 0, m->n1 * sizeof(double));
		if (!m->left[q])
			memset(y, 0, m->n1 * sizeof(double));
		if (!m->right[p])
			memset(x + m->n1, 0, n2 * sizeof(double));
		if (!m->right[q])
			memset(y + m->n1, 0, n2 * sizeof(double));
		m->left[p] = m->left[q] = true;
		m->right[p] = m->right[q] = true;
	}
	for (int j = m->left[p] ? 0 : m->n1; j < (m->right[p] ? m->n : m->n1); j++)
	{
		double		t = c * x[j] + s * y[j];

		y[j] = c * y[j] - s * x[j];
		x[j] = t;
	}
}

/*
 * Set aside what the rank one does not move by more than rounding: small elements of z,
 * and one of two neighbours so close that a rotation can give all of z to the other.
 */
static void
merge_deflate(Merge *m, const Solver *solver, int begin)
{
	double		largest = 0;
	double		tolerance;
	int			last = -1;		/* the latest place that is alive */

	for (int k = 0; k < m->n; k++)
		largest = fmax(largest, fmax(fabs(m->d[k]), fabs(m->z[k])));
	tolerance = 4 * DBL_EPSILON * largest;

	for (int k = 0; k < m->n; k++)
	{
		if (m->rho * fabs(m->z[k]) <= tolerance)
		{
			m->dead[k] = true;
			continue;
		}
		if (last >= 0)
		{
			double		length = hypot(m->z[k], m->z[last]);
			double		c = m->z[k] / length;
			double		s = -m->z[last] / length;

			if (fabs((m->d[k] - m->d[last]) * c * s) <= tolerance)
			{
				double		moved = m->d[last] * c * c + m->d[k] * s * s;

				rotate(m, solver, begin, last, k, c, s);
				m->d[k] = m->d[last] * s * s + m->d[k] * c * c;
				m->d[last] = moved;
				m->z[k] = length;
				m->z[last] = 0;
				m->dead[last] = true;
			}
		}
		last = k;
	}
	m->kept = 0;
	for (int k = 0; k < m->n; k++)
		if (!m->dead[k])
		{
			m->alive[m->kept] = k;
			m->pole[m->kept] = m->d[k];
			m->weight[m->kept++] = m->z[k];
		}
}

/*
 * The z that has the computed roots exactly, signs as before: z_j^2 = |prod_i (pole_j - root_i) /
 * prod_{i != j} (pole_j - pole_i)|.
 */
static LearnStatus
merge_reweight(Merge *m, LearnEnv *env)
{
	int			n = m->kept;
	double	   *square;

	LEARN_ALLOC(env, square, n);
	for (int j = 0; j < n; j++)
		square[j] = m->delta[(size_t) j * n + j];
	for (int i = 0; i < n; i++)
	{
		const double *delta = m->delta + (size_t) i * n;

		if (i % VECTORS_PER_POLL == 0)
			LEARN_TRY(learn_poll(env));
		for (int j = 0; j < n; j++)
			if (j != i)
				square[j] *= delta[j] / (m->pole[j] - m->pole[i]);
	}
	for (int j = 0; j < n; j++)
		m->weight[j] = copysign(sqrt(fabs(square[j])), m->weight[j]);
	return LEARN_OK;
}

/* Roots and differences; then delta's rows become the eigenvectors of the diagonal plus rank one. */
static LearnStatus
merge_secular(Merge *m, const Solver *solver)
{
	LearnEnv   *env = solver->env;
	int			n = m->kept;
	double		square = 0;
	double		rho;

	/* dlaed4 wants a z of length 1 */
	for (int j = 0; j < n; j++)
		square += m->weight[j] * m->weight[j];
	rho = m->rho * square;
	for (int j = 0; j < n; j++)
		m->weight[j] /= sqrt(square);

	LEARN_ALLOC(env, m->delta, (size_t) n * n);
	for (int i = 0; i < n; i++)
	{
		int			number = i + 1;
		int			info;

		if (i % ROOTS_PER_POLL == 0)
			LEARN_TRY(learn_poll(env));
		solver->dlaed4(&n, &number, m->pole, m->weight, m->delta + (size_t) i * n, &rho, &m->root[i], &info);
		if (info != 0)
			return learn_fail(env, LEARN_DATA, "an eigenvalue did not converge");
	}
	if (n <= 2)
	{
		/* for one or two dlaed4 gives the vectors themselves */
		if (n == 1)
			m->delta[0] = 1;
		return LEARN_OK;
	}
	LEARN_TRY(merge_reweight(m, env));
	for (int i = 0; i < n; i++)
	{
		double	   *v = m->delta + (size_t) i * n;
		double		length = 0;

		if (i % VECTORS_PER_POLL == 0)
			LEARN_TRY(learn_poll(env));
		for (int j = 0; j < n; j++)
		{
			v[j] = m->weight[j] / v[j];
			length += v[j] * v[j];
		}
		length = sqrt(length);
		for (int j = 0; j < n; j++)
			v[j] /= length;
	}
	return LEARN_OK;
}

/*
 * Columns from column on, cols of them, of out (rows x n): the last rows of delta times the old
 * vectors, those that reach there.
 */
static LearnStatus
merge_product(Merge *m, const Solver *solver, int begin, const bool *reaches, int rows,
			  int column, int cols, double *out)
{
	LearnEnv   *env = solver->env;
	ArenaMark	mark = arena_mark(env->arena);
	const double *delta = m->delta + (size_t) (m->kept - rows) * m->kept;
	double	   *old;
	double	   *factor;
	int			k = 0;

	for (int j = 0; j < m->kept; j++)
		k += reaches[m->alive[j]];
	if (k == 0)
	{
		for (int i = 0; i < rows; i++)
			memset(out + (size_t) i * m->n + column, 0, cols * sizeof(double));
		return LEARN_OK;
	}
	LEARN_ALLOC(env, old, (size_t) k * cols);
	LEARN_ALLOC(env, factor, (size_t) rows * k);
	k = 0;
	for (int j = 0; j < m->kept; j++)
		if (reaches[m->alive[j]])
			memcpy(old + (size_t) k++ * cols,
				   solver->vector + (size_t) (begin + m->row[m->alive[j]]) * solver->ld + begin + column,
				   cols * sizeof(double));
	for (int i = 0; i < rows; i++)
	{
		int			at = 0;

		for (int j = 0; j < m->kept; j++)
			if (reaches[m->alive[j]])
				factor[(size_t) i * k + at++] = delta[(size_t) i * m->kept + j];
	}
	for (int i = 0; i < rows; i += TILE)
		for (int j = 0; j < cols; j += TILE)
		{
			int			tile_rows = rows - i < TILE ? rows - i : TILE;
			int			tile_cols = cols - j < TILE ? cols - j : TILE;

			/* k is cut, too, so that no product takes long */
			for (int l = 0; l < k; l += TILE)
			{
				LEARN_TRY(learn_poll(env));
				blas_dgemm(false, false, tile_rows, tile_cols, k - l < TILE ? k - l : TILE,
						   1, factor + (size_t) i * k + l, k, old + (size_t) l * cols + j, cols,
						   l == 0 ? 0 : 1, out + (size_t) i * m->n + column + j, m->n);
			}
		}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

/* The vector of a deflated place, zero where it does not reach, into to (n). */
static void
copy_deflated(const Merge *m, const Solver *solver, int begin, int place, double *to)
{
	const double *from = solver->vector + (size_t) (begin + m->row[place]) * solver->ld + begin;

	memset(to, 0, m->n * sizeof(double));
	if (m->left[place])
		memcpy(to, from, m->n1 * sizeof(double));
	if (m->right[place])
		memcpy(to + m->n1, from + m->n1, (m->n - m->n1) * sizeof(double));
}

/* Deflated places by rising value, which rotations have changed a little; returns how many. */
static int
sort_deflated(const Merge *m, int *place)
{
	int			count = 0;

	for (int k = 0; k < m->n; k++)
		if (m->dead[k])
		{
			int			j = count++;

			for (; j > 0 && m->d[place[j - 1]] > m->d[k]; j--)
				place[j] = place[j - 1];
			place[j] = k;
		}
	return count;
}

/*
 * Roots and deflated values as one rising sequence, and the last wanted eigenvectors into
 * their places.
 */
static LearnStatus
merge_finish(Merge *m, const Solver *solver, int begin, int wanted, double *diagonal)
{
	LearnEnv   *env = solver->env;
	int			n = m->n;
	int			first = n - wanted;
	int			roots = 0;		/* that are wanted: the last ones */
	int			old = 0;		/* deflated ones that are wanted */
	int			deflated;
	int			i = 0;
	int			j = 0;
	int		   *place;			/* of deflated values */
	int		   *source;			/* n: a place, or -1: the next root */
	double	   *fresh;			/* wanted x n: roots, then deflated ones */

	LEARN_ALLOC(env, place, n);
	LEARN_ALLOC(env, source, n);
	deflated = sort_deflated(m, place);
	for (int k = 0; k < n; k++)
	{
		bool		is_root = i == deflated || (j < m->kept && m->root[j] < m->d[place[i]]);

		source[k] = is_root ? -1 : place[i];
		diagonal[k] = is_root ? m->root[j++] : m->d[place[i++]];
		roots += is_root && k >= first;
	}

	LEARN_ALLOC(env, fresh, (size_t) wanted * n);
	LEARN_TRY(merge_product(m, solver, begin, m->left, roots, 0, m->n1, fresh));
	LEARN_TRY(merge_product(m, solver, begin, m->right, roots, m->n1, n - m->n1, fresh));
	for (int k = first; k < n; k++)
		if (source[k] >= 0)
			copy_deflated(m, solver, begin, source[k], fresh + (size_t) (roots + old++) * n);
	i = 0;
	j = roots;
	for (int k = first; k < n; k++)
		memcpy(solver->vector + (size_t) (begin + k) * solver->ld + begin,
			   fresh + (size_t) (source[k] < 0 ? i++ : j++) * n, n * sizeof(double));
	return LEARN_OK;
}

/* Rows and columns begin .. begin + n - 1 of the whole. */
static LearnStatus
solve(const Solver *solver, int begin, int n, int wanted, double *diagonal, double *off)
{
	LearnEnv   *env = solver->env;
	ArenaMark	mark = arena_mark(env->arena);
	int			n1 = n / 2;
	double		beta;
	Merge		m = {0};

	LEARN_TRY(learn_poll(env));
	if (n <= LEAF)
	{
		double		work[2 * LEAF];
		int			info;

		solver->dsteqr("I", &n, diagonal, off, solver->vector + (size_t) begin * solver->ld + begin,
					   &solver->ld, work, &info, 1);
		if (info != 0)
			return learn_fail(env, LEARN_DATA, "an eigenvalue did not converge");
		return LEARN_OK;
	}
	beta = off[n1 - 1];
	diagonal[n1 - 1] -= fabs(beta);
	diagonal[n1] -= fabs(beta);
	LEARN_TRY(solve(solver, begin, n1, n1, diagonal, off));
	LEARN_TRY(solve(solver, begin + n1, n - n1, n - n1, diagonal + n1, off + n1));

	LEARN_TRY(merge_create(env, n1, n, &m));
	merge_start(&m, solver, begin, diagonal, beta);
	merge_deflate(&m, solver, begin);
	LEARN_TRY(merge_secular(&m, solver));
	LEARN_TRY(merge_finish(&m, solver, begin, wanted, diagonal));
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

LearnStatus
tridiagonal_eigen(LearnEnv *env, double *diagonal, double *off, int n, int k, double *vector)
{
	Solver		solver = {.env = env, .vector = vector, .ld = n};

	*(void **) &solver.dsteqr = blas_symbol("dsteqr_");
	*(void **) &solver.dlaed4 = blas_symbol("dlaed4_");
	if (solver.dsteqr == NULL || solver.dlaed4 == NULL)
		return learn_fail(env, LEARN_NO_BLAS, "this OpenBLAS was built without LAPACK");
	return solve(&solver, 0, n, k, diagonal, off);
}
