/*
 * loss_block.c
 *	  The block of similarities from embeddings, and from dL/dS back to the gradient of embeddings
 *	  and proxies.
 */
#include <float.h>
#include <math.h>
#include <string.h>
#include <tgmath.h>

#include "base/blas.h"
#include "loss_context.h"
#include "math/vmath.h"

#ifdef LEARN_DOUBLE
#define REAL_MAX DBL_MAX
#define REAL_EPSILON DBL_EPSILON
#else
#define REAL_MAX FLT_MAX
#define REAL_EPSILON FLT_EPSILON
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

static bool
takes_cosine(LossInput input)
{
	return input == LOSS_COSINE || input == LOSS_COSINE_DISTANCE;
}

/* S comes from |a|^2 + |b|^2 - 2ab. */
static bool
takes_squares(LossInput input)
{
	return input == LOSS_DISTANCE || input == LOSS_SQUARED || input == LOSS_SNR;
}

bool
loss_copies(const LossContext *c)
{
	if (c->loss.side == LOSS_EMBEDDING || c->input == LOSS_INNER)
		return false;
	return !c->shape.unit || c->input == LOSS_SNR || c->loss.side == LOSS_GRAPH;
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

/* mean (dims) = the mean row of x (n x dims) */
static void
mean_row(const real *x, int n, int dims, real *mean)
{
	memset(mean, 0, dims * sizeof(real));
	for (int i = 0; i < n; i++)
		vm_axpy(mean, (real) 1 / n, x + (size_t) i * dims, dims);
}

/*
 * out (n x dims) = x less the row mean.  Distances do not change, and |a|^2 + |b|^2 -
 * 2ab cancels least around the origin.
 */
static void
centre(const real *x, int n, int dims, const real *mean, real *out)
{
	for (int i = 0; i < n; i++)
		for (int k = 0; k < dims; k++)
			out[(size_t) i * dims + k] = x[(size_t) i * dims + k] - mean[k];
}

/* out (n x dims) = x, each row less the mean of its elements; out may be x. */
static void
centre_within(const real *x, int n, int dims, real *out)
{
	for (int i = 0; i < n; i++)
	{
		real		mean = vm_sum(x + (size_t) i * dims, dims) / dims;

		for (int k = 0; k < dims; k++)
			out[(size_t) i * dims + k] = x[(size_t) i * dims + k] - mean;
	}
}

static void
squared_norms(const real *x, int n, int dims, real *square)
{
	for (int i = 0; i < n; i++)
		square[i] = vm_dot(x + (size_t) i * dims, x + (size_t) i * dims, dims);
}

/*
 * m (n x n, rows ld apart) = m + m^T, tile by tile: a column's cache lines are used up before they
 * leave.
 */
static void
add_transpose(real *m, int n, int ld)
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
					real		sum = m[(size_t) i * ld + j] + m[(size_t) j * ld + i];

					m[(size_t) i * ld + j] = sum;
					m[(size_t) j * ld + i] = sum;
				}
			}
	}
}

/*
 * s (rows x cols, ld apart), holding -2 u v^T, becomes the squared distances of rows and
 * columns with the squared norms given.
 */
static void
finish_distances(real *s, int ld, const real *row_square, int rows, const real *col_square, int cols)
{
	for (int i = 0; i < rows; i++)
	{
		real	   *row = s + (size_t) i * ld;
		real		own = row_square[i];

		for (int j = 0; j < cols; j++)
		{
			real		d = (own + col_square[j]) + row[j];

			/* written so that NaN, from the difference of two infinities, is far too */
			row[j] = (d < FARTHEST) ? (d > 0 ? d : 0) : FARTHEST;
		}
	}
}

/*
 * out (m x n, rows ldc apart) = alpha * op(A) op(B) + beta * out.  In pieces, with a poll
 * between them; false if it says stop.
 */
static bool
product(LossContext *c, bool trans_a, bool trans_b, int m, int n, int k,
		real alpha, const real *a, int lda, const real *b, real beta, real *out, int ldc)
{
	int			piece = (int) fmin(1 + PRODUCT_FLOPS / (2.0 * n * k), (double) m);

	for (int from = 0; from < m; from += piece)
	{
		int			count = (piece < m - from) ? piece : m - from;

		if (from > 0 && learn_poll(c->env) != LEARN_OK)
			return false;
		blas_gemm(trans_a, trans_b, count, n, k, alpha,
				  a + (trans_a ? (size_t) from : (size_t) from * lda), lda,
				  b, c->shape.dims, beta, out + (size_t) from * ldc, ldc);
	}
	return true;
}

/* One tower as S is made of it: x itself, or a copy in out.  NULL: something is not finite. */
static const real *
prepare_rows(LossContext *c, const real *x, int n, real *out, real *norm)
{
	int			dims = c->shape.dims;

	if (loss_copies(c) && takes_cosine(c->input))
		return normalise(x, n, dims, out, norm) ? out : NULL;
	if (!isfinite(vm_dot(x, x, (size_t) n * dims)))
		return NULL;
	if (!loss_copies(c))
		return x;
	if (c->input == LOSS_SNR)
		centre_within(x, n, dims, out);
	else
		centre(x, n, dims, c->mean, out);
	return out;
}

/* From products to what the loss wants, the columns from on. */
static void
finish_columns(LossContext *c, int rows, int from, const real *col_square, int count)
{
	LossBlock  *block = &c->block;
	real	   *s = c->s + from;

	if (takes_squares(c->input))
		finish_distances(s, block->cols, c->z_norm, rows, col_square, count);
	for (int i = 0; i < rows; i++)
	{
		real	   *row = s + (size_t) i * block->cols;
		/* the norms are there where squares are taken */
		real		inverse = c->input == LOSS_SNR && c->z_norm[i] > SHORTEST * SHORTEST ? 1 / c->z_norm[i] : 0;

		if (c->input == LOSS_DISTANCE)
			for (int j = 0; j < count; j++)
				row[j] = sqrt(row[j]);
		else if (c->input == LOSS_COSINE_DISTANCE)
			for (int j = 0; j < count; j++)
				row[j] = 1 - row[j];
		else if (c->input == LOSS_SNR)
			for (int j = 0; j < count; j++)
				/* what is left of two equal rows by rounding is no noise */
				row[j] = row[j] > 8 * REAL_EPSILON * col_square[j] ? fmin(row[j] * inverse, FARTHEST) : 0;
	}
}

const real *
loss_form(LossContext *c, const LossBatch *batch, const real *proxies, const real **other)
{
	LossBlock  *block = &c->block;
	int			dims = c->shape.dims;
	int			rows = batch->rows;
	real		alpha = takes_squares(c->input) ? -2 : 1;
	const real *u;

	if (loss_copies(c) && takes_squares(c->input) && c->input != LOSS_SNR && c->stored == 0)
		mean_row(batch->z, rows, dims, c->mean);
	u = prepare_rows(c, batch->z, rows, c->z, c->z_norm);
	if (u == NULL)
		return NULL;
	if (takes_squares(c->input))
		squared_norms(u, rows, dims, c->z_norm);

	if (c->loss.side == LOSS_PROXY)
	{
		if (!normalise(proxies, c->n_proxies, dims, c->proxy, c->proxy_norm))
			return NULL;
		return product(c, false, true, rows, c->n_proxies, dims, 1, u, dims, c->proxy, 0, c->s, c->n_proxies) ? u : NULL;
	}
	*other = u;
	if (batch->other)
	{
		*other = prepare_rows(c, batch->other, batch->cols, c->other, c->other_norm);
		if (*other == NULL)
			return NULL;
		if (takes_squares(c->input))
			squared_norms(*other, batch->cols, dims, c->other_norm);
	}
	if (!product(c, false, true, rows, batch->other ? batch->cols : rows, dims, alpha, u, dims, *other, 0,
				 c->s, block->cols))
		return NULL;
	finish_columns(c, rows, 0, batch->other ? c->other_norm : c->z_norm, batch->other ? batch->cols : rows);
	if (c->stored > 0 && batch->other == NULL)
	{
		if (!product(c, false, true, rows, c->stored, dims, alpha, u, dims, c->memory, 0, c->s + rows, block->cols))
			return NULL;
		finish_columns(c, rows, rows, c->memory_square, c->stored);
	}
	return u;
}

/* dL/dS by what S was made from: products, or squared distances. */
static void
unfinish(LossContext *c, int rows, real *dz, const real *u)
{
	LossBlock  *block = &c->block;
	int			cols = block->cols;

	for (int i = 0; i < rows; i++)
	{
		real	   *ds = block->ds + (size_t) i * cols;
		const real *s = c->s + (size_t) i * cols;

		if (c->input == LOSS_DISTANCE)
		{
			/* of two embeddings at one place: the subgradient 0 */
			for (int j = 0; j < cols; j++)
				ds[j] = s[j] > 0 ? ds[j] * ((real) 0.5 / s[j]) : 0;
		}
		else if (c->input == LOSS_COSINE_DISTANCE)
			vm_scale(ds, -1, cols);
		else if (c->input == LOSS_SNR)
		{
			real		inverse = c->z_norm[i] > SHORTEST * SHORTEST ? 1 / c->z_norm[i] : 0;

			/* by the row's own variance, below the fraction line */
			memset(dz + (size_t) i * c->shape.dims, 0, c->shape.dims * sizeof(real));
			vm_axpy(dz + (size_t) i * c->shape.dims, -2 * vm_dot(ds, s, cols) * inverse,
					u + (size_t) i * c->shape.dims, c->shape.dims);
			vm_scale(ds, inverse, cols);
		}
	}
}

/*
 * The gradient of LOSS_BATCH, for the rows u and other that loss_form has returned.
 * False if the user wants to stop.
 */
static bool
take_back_batch(LossContext *c, const LossBatch *batch, const real *u, const real *other)
{
	LossBlock  *block = &c->block;
	real	   *ds = block->ds;
	int			dims = c->shape.dims;
	int			rows = batch->rows;
	int			cols = block->cols;
	int			near = batch->other ? cols : rows; /* columns that are not remembered */
	bool		squares = takes_squares(c->input);
	real		alpha = squares ? -2 : 1;

	unfinish(c, rows, batch->dz, u);
	if (batch->other)
	{
		if (!product(c, true, false, cols, dims, rows, alpha, ds, cols, u, 0, batch->dother, dims))
			return false;
		if (squares)
		{
			real	   *sum = block->work;

			memset(sum, 0, cols * sizeof(real));
			for (int i = 0; i < rows; i++)
				vm_axpy(sum, 1, ds + (size_t) i * cols, cols);
			for (int j = 0; j < cols; j++)
				vm_axpy(batch->dother + (size_t) j * dims, 2 * sum[j], other + (size_t) j * dims, dims);
		}
	}
	else
		add_transpose(ds, rows, cols);	/* row i is also column i: both places of z_i in S count */
	if (!product(c, false, false, rows, dims, near, alpha, ds, cols, other, c->input == LOSS_SNR ? 1 : 0, batch->dz, dims))
		return false;
	if (cols > near &&
		!product(c, false, false, rows, dims, cols - near, alpha, ds + near, cols, c->memory, 1, batch->dz, dims))
		return false;
	for (int i = 0; squares && i < rows; i++)
		vm_axpy(batch->dz + (size_t) i * dims, 2 * vm_sum(ds + (size_t) i * cols, cols), u + (size_t) i * dims, dims);

	if (c->input == LOSS_SNR)
	{
		centre_within(batch->dz, rows, dims, batch->dz);
		if (batch->other)
			centre_within(batch->dother, cols, dims, batch->dother);
	}
	else if (takes_cosine(c->input) && loss_copies(c))
	{
		normalise_back(batch->dz, u, c->z_norm, rows, dims);
		if (batch->other)
			normalise_back(batch->dother, other, c->other_norm, cols, dims);
	}
	return true;
}

bool
loss_take_back(LossContext *c, const LossBatch *batch, const real *u, const real *other, real *dlearned)
{
	LossBlock  *block = &c->block;
	int			dims = c->shape.dims;

	if (c->loss.side == LOSS_EMBEDDING)
		return true;
	if (c->loss.side == LOSS_BATCH || c->loss.side == LOSS_GRAPH)
		return take_back_batch(c, batch, u, other);

	if (!product(c, false, false, batch->rows, dims, block->cols, 1, block->ds, block->cols, c->proxy, 0, batch->dz, dims) ||
		!product(c, true, false, block->cols, dims, batch->rows, 1, block->ds, block->cols, u, 0, dlearned, dims))
		return false;
	if (c->loss.by_proxy)
		vm_axpy(dlearned, 1, block->dproxy, (size_t) block->cols * dims);
	normalise_back(dlearned, c->proxy, c->proxy_norm, block->cols, dims);
	for (int j = 0; j < block->cols; j++)
		if (block->dnorm[j] != 0)
			vm_axpy(dlearned + (size_t) j * dims, block->dnorm[j], c->proxy + (size_t) j * dims, dims);
	if (loss_copies(c))
		normalise_back(batch->dz, u, c->z_norm, batch->rows, dims);
	return true;
}
