/*
 * loss.c
 *	  From embeddings to a block of similarities, and from dL/dS back to the gradient of
 *	  embeddings and proxies.  The losses themselves are in loss_pair.c, loss_triplet.c,
 *	  loss_softmax.c and loss_proxy.c.
 */
#include <float.h>
#include <math.h>
#include <string.h>
#include <tgmath.h>

#include "blas.h"
#include "loss.h"
#include "vmath.h"

#ifdef LEARN_DOUBLE
#define REAL_MAX DBL_MAX
#else
#define REAL_MAX FLT_MAX
#endif

/*
 * Squared distances are cut off here, so that a loss may multiply them by its scale and
 * subtract them without reaching infinity in float.
 */
#define FARTHEST ((real) 1e25)

/*
 * A vector no longer than this is taken for zero (PyTorch's normalize has the same
 * bound): the gradient grows with 1 / length, and an optimiser squares it.
 */
#define SHORTEST ((real) 1e-12)

/*
 * Side of the tiles in which a square matrix is transposed: two tiles of float stay in
 * the L1 cache.
 */
#define TILE 32

/* Additions and multiplications of a product between two polls: 5 to 20 ms. */
#define PRODUCT_FLOPS 5e8

struct LossContext
{
	LearnEnv   *env;
	LossFunction function;
	LossInput	input;
	LossSide	side;
	LossParams	params;
	bool		unit;
	int			max_rows;
	int			dims;
	int			n_classes;
	LossBlock	block;
	real	   *s;				/* block.s, writable */
	real	   *z;				/* max_rows x dims: normalised or centred copy; NULL when unit */
	real	   *z_norm;			/* max_rows: norms; squared norms for LOSS_DISTANCE */
	real	   *mean;			/* dims: of the batch */
	real	   *proxy;			/* n_classes x dims: normalised copy */
	real	   *proxy_norm;		/* n_classes */
};

/* Triplets are the greediest: the keys of a row and their prefix sums. */
size_t
loss_work(int cols)
{
	return 2 * (size_t) cols + 1;
}

size_t
loss_index_work(int cols)
{
	return 2 * (size_t) cols + 1;
}

/*
 * Counting sort of the batch by class; within a class by row.
 */
void
loss_block_group(LossBlock *block)
{
	int		   *start = block->start;

	memset(start, 0, (block->n_classes + 1) * sizeof(int));
	for (int i = 0; i < block->rows; i++)
		start[block->label[i] + 1]++;
	for (int y = 0; y < block->n_classes; y++)
		start[y + 1] += start[y];
	for (int i = 0; i < block->rows; i++)
		block->member[start[block->label[i]]++] = i;

	/* Filling has moved each start to its class's end, which is the next one's start. */
	memmove(start + 1, start, block->n_classes * sizeof(int));
	start[0] = 0;
}

/*
 * Allocate for batches of up to max_rows rows.
 */
LearnStatus
loss_context_create(LearnEnv *env, LossFunction function, LossInput input,
					LossSide side, const LossParams *params, bool unit,
					int max_rows, int dims, int n_classes, LossContext **context)
{
	LossContext *c;
	int			cols = (side == LOSS_PROXY) ? n_classes : max_rows;
	size_t		cells = (size_t) max_rows * cols;

	if (max_rows < 1 || dims < 1 || n_classes < 1)
		return learn_fail(env, LEARN_INVALID,
						  "a loss needs at least one row, dimension and class, not %d, %d and %d",
						  max_rows, dims, n_classes);
	if (input == LOSS_DISTANCE && side == LOSS_PROXY)
		return learn_fail(env, LEARN_INVALID,
						  "a loss against proxies takes cosine similarities");

	LEARN_ALLOC(env, c, 1);
	memset(c, 0, sizeof(*c));
	c->env = env;
	c->function = function;
	c->input = input;
	c->side = side;
	c->params = *params;
	c->unit = unit;
	c->max_rows = max_rows;
	c->dims = dims;
	c->n_classes = n_classes;

	LEARN_ALLOC(env, c->s, cells);
	LEARN_ALLOC(env, c->block.ds, cells);
	LEARN_ALLOC(env, c->block.work, loss_work(cols));
	LEARN_ALLOC(env, c->block.index_work, loss_index_work(cols));
	LEARN_ALLOC(env, c->z_norm, max_rows);
	if (!unit)
	{
		LEARN_ALLOC(env, c->z, (size_t) max_rows * dims);
		LEARN_ALLOC(env, c->mean, dims);
	}
	if (side == LOSS_PROXY)
	{
		LEARN_ALLOC(env, c->proxy, (size_t) n_classes * dims);
		LEARN_ALLOC(env, c->proxy_norm, n_classes);
	}
	else
	{
		LEARN_ALLOC(env, c->block.member, max_rows);
		LEARN_ALLOC(env, c->block.start, (size_t) n_classes + 1);
	}
	c->block.side = side;
	c->block.n_classes = n_classes;
	c->block.s = c->s;
	c->block.env = env;
	*context = c;
	return LEARN_OK;
}

/*
 * u (n) = x divided by its length, which goes to norm.  u may not be x.  False when an
 * element of x is not finite; lengths whose square overflows are fine.
 */
static bool
normalise_row(const real *x, int n, real *u, real *norm)
{
	real		largest = 1;
	real		square = vm_dot(x, x, n);
	real		length;

	if (!isfinite(square))
	{
		for (int k = 0; k < n; k++)
		{
			if (!isfinite(x[k]))
				return false;
			largest = fmax(largest, fabs(x[k]));
		}
		for (int k = 0; k < n; k++)
			u[k] = x[k] / largest;
		square = vm_dot(u, u, n);
		x = u;
	}
	length = sqrt(square);
	*norm = (length > SHORTEST) ? fmin(largest * length, REAL_MAX) : 0;
	for (int k = 0; k < n; k++)
		u[k] = (length > SHORTEST) ? x[k] / length : 0;
	return true;
}

/* normalise_row for n rows; false when an element is not finite. */
static bool
normalise(const real *x, int n, int dims, real *u, real *norm)
{
	for (int i = 0; i < n; i++)
		if (!normalise_row(x + (size_t) i * dims, dims, u + (size_t) i * dims, norm + i))
			return false;
	return true;
}

/*
 * In place, d (n x dims): from the gradient of unit vectors u to that of the vectors of
 * length norm that they came from, (d - (d.u) u) / norm.
 */
static void
normalise_back(real *d, const real *u, const real *norm, int n, int dims)
{
	for (int i = 0; i < n; i++)
	{
		real	   *row = d + (size_t) i * dims;
		const real *unit = u + (size_t) i * dims;

		if (norm[i] > 0)
		{
			vm_axpy(row, -vm_dot(row, unit, dims), unit, dims);
			for (int k = 0; k < dims; k++)
				row[k] /= norm[i];
		}
		else
			memset(row, 0, dims * sizeof(real));
	}
}

/*
 * out (n x dims) = x less its mean row.  Distances do not change, and |a|^2 + |b|^2 -
 * 2ab cancels least around the origin.
 */
static void
centre(const real *x, int n, int dims, real *out, real *mean)
{
	memset(mean, 0, dims * sizeof(real));
	for (int i = 0; i < n; i++)
		vm_axpy(mean, (real) 1 / n, x + (size_t) i * dims, dims);
	for (int i = 0; i < n; i++)
		for (int k = 0; k < dims; k++)
			out[(size_t) i * dims + k] = x[(size_t) i * dims + k] - mean[k];
}

/* m (n x n) = m + m^T, tile by tile: a column's cache lines are used up before they leave. */
static void
add_transpose(real *m, int n)
{
	for (int i0 = 0; i0 < n; i0 += TILE)
	{
		int			i1 = (i0 + TILE < n) ? i0 + TILE : n;

		for (int j0 = 0; j0 <= i0; j0 += TILE)
			for (int i = i0; i < i1; i++)
			{
				int			j1 = (j0 + TILE < i + 1) ? j0 + TILE : i + 1;

				for (int j = j0; j < j1; j++)
				{
					real		sum = m[(size_t) i * n + j] + m[(size_t) j * n + i];

					m[(size_t) i * n + j] = sum;
					m[(size_t) j * n + i] = sum;
				}
			}
	}
}

/*
 * s (n x n), holding -2 z z^T, becomes the squared distances of rows with the squared
 * norms given.
 */
static void
finish_distances(real *s, const real *square, int n)
{
	for (int i = 0; i < n; i++)
	{
		real	   *row = s + (size_t) i * n;
		real		own = square[i];

		for (int j = 0; j < n; j++)
		{
			real		d = (own + square[j]) + row[j];

			/* written so that NaN, from the difference of two infinities, is far too */
			row[j] = (d < FARTHEST) ? (d > 0 ? d : 0) : FARTHEST;
		}
	}
}

/*
 * out (m x n) = alpha * op(A) op(B), B's rows dims long.  In pieces, with a poll
 * between them; false if it says stop.
 */
static bool
product(LossContext *c, bool trans_a, bool trans_b, int m, int n, int k,
		real alpha, const real *a, int lda, const real *b, real *out)
{
	int			piece = (int) fmin(1 + PRODUCT_FLOPS / (2.0 * n * k), (double) m);

	for (int from = 0; from < m; from += piece)
	{
		int			count = (piece < m - from) ? piece : m - from;

		if (from > 0 && learn_poll(c->env) != LEARN_OK)
			return false;
		blas_gemm(trans_a, trans_b, count, n, k, alpha,
				  a + (trans_a ? (size_t) from : (size_t) from * lda), lda,
				  b, c->dims, 0, out + (size_t) from * n, n);
	}
	return true;
}

/*
 * The similarities of the batch, in c->s.  Returns the rows that they are of (z itself
 * or a copy of it), or NULL when something is not finite or the user wants to stop.
 */
static const real *
form_block(LossContext *c, const real *z, int rows, const real *proxies)
{
	const real *u = z;
	int			dims = c->dims;

	if (c->input == LOSS_COSINE && !c->unit)
	{
		if (!normalise(z, rows, dims, c->z, c->z_norm))
			return NULL;
		u = c->z;
	}
	else if (!isfinite(vm_dot(z, z, (size_t) rows * dims)))
		return NULL;
	else if (!c->unit)
	{
		centre(z, rows, dims, c->z, c->mean);
		u = c->z;
	}

	if (c->side == LOSS_PROXY)
	{
		if (!normalise(proxies, c->n_classes, dims, c->proxy, c->proxy_norm))
			return NULL;
		if (!product(c, false, true, rows, c->n_classes, dims, 1, u, dims, c->proxy, c->s))
			return NULL;
	}
	else if (!product(c, false, true, rows, rows, dims, (c->input == LOSS_DISTANCE) ? -2 : 1,
					  u, dims, u, c->s))
		return NULL;

	if (c->input == LOSS_DISTANCE)
	{
		for (int i = 0; i < rows; i++)
			c->z_norm[i] = vm_dot(u + (size_t) i * dims, u + (size_t) i * dims, dims);
		finish_distances(c->s, c->z_norm, rows);
	}
	return u;
}

/*
 * dz and dproxies from dL/dS, for the rows u that form_block has returned.  False if
 * the user wants to stop.
 */
static bool
take_back(LossContext *c, const real *u, int rows, real *dz, real *dproxies)
{
	real	   *ds = c->block.ds;
	int			dims = c->dims;
	int			cols = c->block.cols;

	if (c->side == LOSS_PROXY)
	{
		if (!product(c, false, false, rows, dims, cols, 1, ds, cols, c->proxy, dz) ||
			!product(c, true, false, cols, dims, rows, 1, ds, cols, u, dproxies))
			return false;
		normalise_back(dproxies, c->proxy, c->proxy_norm, cols, dims);
	}
	else
	{
		/* row i is also column i: both places of z_i in S count */
		add_transpose(ds, rows);
		if (!product(c, false, false, rows, dims, rows, (c->input == LOSS_DISTANCE) ? -2 : 1,
					 ds, rows, u, dz))
			return false;
	}

	if (c->input == LOSS_DISTANCE)
	{
		for (int i = 0; i < rows; i++)
			vm_axpy(dz + (size_t) i * dims, 2 * vm_sum(ds + (size_t) i * rows, rows),
					u + (size_t) i * dims, dims);
	}
	else if (!c->unit)
		normalise_back(dz, u, c->z_norm, rows, dims);
	return true;
}

/*
 * See loss.h.
 */
real
loss_evaluate(LossContext *context, const real *z, const int32_t *label, int rows,
			  const real *proxies, real *dz, real *dproxies)
{
	LossContext *c = context;
	LossBlock  *block = &c->block;
	const real *u;
	bool		usable = true;
	real		value = NAN;

	for (int i = 0; i < rows; i++)
		usable = usable && label[i] >= 0 && label[i] < c->n_classes;
	u = usable ? form_block(c, z, rows, proxies) : NULL;
	if (u != NULL)
	{
		block->rows = rows;
		block->cols = (c->side == LOSS_PROXY) ? c->n_classes : rows;
		block->label = label;
		if (c->side == LOSS_BATCH)
			loss_block_group(block);
		value = c->function(&c->params, block);
	}
	if (isnan(value) || !take_back(c, u, rows, dz, dproxies))
	{
		memset(dz, 0, (size_t) rows * c->dims * sizeof(real));
		if (c->side == LOSS_PROXY)
			memset(dproxies, 0, (size_t) c->n_classes * c->dims * sizeof(real));
		return NAN;
	}
	return value;
}
