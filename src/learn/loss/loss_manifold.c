/*
 * loss_manifold.c
 *	  The manifold loss (Aziere and Todorovic 2019): a row and its class's proxy near each other
 *	  along the paths of a graph, and not only in a straight line.
 *
 * Nodes are the batch's rows and the class proxies.  The affinity of two nodes is w = exp(2 max(0,
 * s)), s their cosine; with the degrees D a random walker goes on with probability walk, and the
 * chance to be found at node j when it began at i is F_ij, F = (1 - walk) (I - walk D^-1/2 w
 * D^-1/2)^-1.  Both inverses below are one Cholesky factorisation of a matrix whose eigenvalues lie
 * between 1 - walk and 1 + walk.
 */
#include <string.h>

#include "base/blas.h"
#include "math/cholesky.h"
#include "loss_row.h"

typedef struct Graph
{
	int			nodes;
	int			rows;			/* of the batch: the first nodes */
	int			proxies;		/* the nodes behind them */
	double	   *weight;			/* nodes x nodes: affinities, 0 on the diagonal */
	double	   *f;				/* nodes x nodes */
	double	   *df;				/* nodes x nodes: dL/dF, then by the normalised affinities */
	double	   *work;			/* nodes x nodes */
	double	   *root;			/* nodes: D^-1/2 */
	double	   *length;			/* nodes: of the rows of F */
} Graph;

/* Doubles in place of reals: four matrices and two vectors of doubles. */
size_t
loss_manifold_scratch(int rows, int dims)
{
	(void) dims;
	return (sizeof(double) / sizeof(real)) * (4 * (size_t) rows * rows + 2 * (size_t) rows);
}

/* The graph and F; false if the user wants to stop. */
static bool
form_graph(const LossParams *params, LossBlock *block, Graph *g)
{
	int			n = block->rows;
	size_t		cells = (size_t) n * n;
	bool		definite;

	g->nodes = n;
	g->proxies = block->n_classes;
	g->rows = n - g->proxies;
	g->weight = (double *) block->scratch;
	g->f = g->weight + cells;
	g->df = g->f + cells;
	g->work = g->df + cells;
	g->root = g->work + cells;
	g->length = g->root + n;
	for (int i = 0; i < n; i++)
	{
		const real *s = loss_s(block, i);

		g->weight[(size_t) i * n + i] = 0;
		for (int j = i + 1; j < n; j++)
			g->weight[(size_t) i * n + j] = g->weight[(size_t) j * n + i] = exp(2 * fmax((double) s[j], 0.0));
	}
	for (int i = 0; i < n; i++)
	{
		double		degree = 0;

		for (int j = 0; j < n; j++)
			degree += g->weight[(size_t) i * n + j];
		g->root[i] = 1 / sqrt(degree);
	}
	memset(g->f, 0, cells * sizeof(double));
	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < n; j++)
			g->work[(size_t) i * n + j] = (i == j) - params->walk * g->root[i] * g->root[j] * g->weight[(size_t) i * n + j];
		g->f[(size_t) i * n + i] = 1 - params->walk;
	}
	return cholesky_factor(block->env, g->work, n, 0, &definite) == LEARN_OK && definite &&
		cholesky_solve(block->env, g->work, n, false, g->f, n) == LEARN_OK &&
		cholesky_solve(block->env, g->work, n, true, g->f, n) == LEARN_OK;
}

/*
 * log(1 + sum of exp(x_c - x_y + margin)) over the other classes c that are no farther than margin
 * behind the own class y.  x (n) becomes its gradient.
 */
static double
violations(double *x, int n, int y, double margin)
{
	double		own = x[y];
	double		sum = 0;

	for (int c = 0; c < n; c++)
	{
		double		excess = x[c] - own + margin;

		x[c] = c != y && excess >= 0 ? exp(excess) : 0;
		sum += x[c];
	}
	for (int c = 0; c < n; c++)
		x[c] /= 1 + sum;
	x[y] = -sum / (1 + sum);
	return log1p(sum);
}

/* Rows of F against those of the proxies by their cosine: the mean of violations; adds to dL/dF. */
static double
context(const LossParams *params, LossBlock *block, Graph *g)
{
	int			n = g->nodes;
	int			k = g->proxies;
	const double *far = g->f + (size_t) g->rows * n;
	double	   *cosine = g->work;	/* rows x k; then the factors of products */
	double	   *constraints = g->work + (size_t) g->rows * k;	/* k: cosines of a row, kept */
	double	   *along = constraints + k;	/* nodes: the part along a row of F itself */
	double		total = 0;

	if (blas_dgemm_polled(block->env, false, true, g->rows, k, n, 1, g->f, n, far, n, 0, cosine, k) != LEARN_OK)
		return NAN;
	for (int i = 0; i < n; i++)
	{
		double		square = 0;

		for (int j = 0; j < n; j++)
			square += g->f[(size_t) i * n + j] * g->f[(size_t) i * n + j];
		g->length[i] = sqrt(square);
		along[i] = 0;
	}
	for (int i = 0; i < g->rows; i++)
	{
		double	   *row = cosine + (size_t) i * k;

		for (int c = 0; c < k; c++)
			constraints[c] = row[c] /= g->length[i] * g->length[g->rows + c];
		total += violations(row, k, block->label[i], params->margin);
		for (int c = 0; c < k; c++)
		{
			double		slope = params->nu / g->rows * row[c];

			along[i] += slope * constraints[c];
			along[g->rows + c] += slope * constraints[c];
			row[c] = slope / (g->length[i] * g->length[g->rows + c]);
		}
	}
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			g->df[(size_t) i * n + j] -= along[i] / (g->length[i] * g->length[i]) * g->f[(size_t) i * n + j];
	if (blas_dgemm_polled(block->env, false, false, g->rows, n, k, 1, cosine, k, far, n, 1, g->df, n) != LEARN_OK ||
		blas_dgemm_polled(block->env, true, false, k, n, g->rows, 1, cosine, k, g->f, n, 1, g->df + (size_t) g->rows * n, n) != LEARN_OK)
		return NAN;
	return total / g->rows;
}

/* From dL/dF to ds, whose part above the diagonal counts for both places of a pair. */
static bool
take_back(const LossParams *params, LossBlock *block, Graph *g)
{
	int			n = g->nodes;
	double	   *slope = g->length;	/* by the degrees */

	/* dL/dF = (1 - walk) dL/dG for the inverse G, and G dL/dG G is what the matrix gets */
	if (blas_dgemm_polled(block->env, false, false, n, n, n, 1, g->f, n, g->df, n, 0, g->work, n) != LEARN_OK ||
		blas_dgemm_polled(block->env, false, false, n, n, n, params->walk / (1 - params->walk), g->work, n, g->f, n, 0, g->df, n) != LEARN_OK)
		return false;
	for (int i = 0; i < n; i++)
	{
		double		sum = 0;

		for (int j = 0; j < n; j++)
			sum += (g->df[(size_t) i * n + j] + g->df[(size_t) j * n + i]) * g->weight[(size_t) i * n + j] * g->root[j];
		slope[i] = -0.5 * sum * g->root[i] * g->root[i] * g->root[i];
	}
	for (int i = 0; i < n; i++)
	{
		const real *s = loss_s(block, i);
		real	   *ds = loss_ds(block, i);

		memset(ds, 0, n * sizeof(real));
		for (int j = i + 1; j < n; j++)
			if (s[j] > 0)
				ds[j] = (real) (2 * g->weight[(size_t) i * n + j] *
								((g->df[(size_t) i * n + j] + g->df[(size_t) j * n + i]) * g->root[i] * g->root[j] + slope[i] + slope[j]));
	}
	return true;
}

/*
 * The mean over rows of log(1 + sum of exp(F_ic - F_iy + margin)) over the other classes' proxies c
 * with a sum that is not negative, y the own class's; plus nu times the same of the cosines of F's
 * rows in place of F.  s: cosines of nodes, of which those above the diagonal are read.
 */
real
loss_manifold_proxy(const LossParams *params, LossBlock *block)
{
	Graph		g;
	double		inside = 0;
	double		around;

	if (!form_graph(params, block, &g))
		return NAN;
	memset(g.df, 0, sizeof(double) * g.nodes * g.nodes);
	for (int i = 0; i < g.rows; i++)
	{
		double	   *to = g.df + (size_t) i * g.nodes + g.rows;

		memcpy(to, g.f + (size_t) i * g.nodes + g.rows, g.proxies * sizeof(double));
		inside += violations(to, g.proxies, block->label[i], params->margin);
		for (int c = 0; c < g.proxies; c++)
			to[c] /= g.rows;
	}
	around = context(params, block, &g);
	if (isnan(around) || !take_back(params, block, &g))
		return NAN;
	return (real) (inside / g.rows + params->nu * around);
}
