/*
 * loss_view.c
 *	  Losses of two views: VICReg and Barlow twins.  The views of a row are the rows of its class,
 *	  two by two in the order of the batch; with labels of real classes, two rows of one class are
 *	  two views of it.
 *
 * Both look at the matrix of dims x dims that two sets of N rows make, and cost N dims^2.
 */
#include <string.h>

#include "base/blas.h"
#include "loss_row.h"

/* Added to a variance in front of a root. */
#define TINY_VARIANCE ((real) 1e-4)

/*
 * A and B (rows / 2 x dims each), their gradients, two matrices dims x dims, and figures of the
 * columns.
 */
size_t
loss_view_scratch(int rows, int dims)
{
	return 2 * ((size_t) rows + 1) * dims + 2 * (size_t) dims * dims + 4 * (size_t) dims;
}

typedef struct Views
{
	int			n;				/* pairs */
	int			dims;
	int		   *row[2];			/* which rows of z they are */
	real	   *x[2];			/* n x dims */
	real	   *dx[2];
	real	   *square[2];		/* dims x dims */
	real	   *mean;			/* dims */
	real	   *deviation[2];
} Views;

/* Gather the pairs; x less its columns' means. */
static void
views_of(LossBlock *block, Views *v)
{
	int			dims = block->dims;
	int			most = block->rows / 2;
	real	   *at = block->scratch;

	v->n = 0;
	v->dims = dims;
	v->row[0] = block->index_work;
	v->row[1] = block->index_work + block->rows / 2;
	for (int y = 0; y < block->n_classes; y++)
		for (int k = block->start[y]; k + 1 < block->start[y + 1]; k += 2)
		{
			v->row[0][v->n] = block->member[k];
			v->row[1][v->n++] = block->member[k + 1];
		}
	for (int side = 0; side < 2; side++)
	{
		v->x[side] = at;
		v->dx[side] = at + (size_t) most * dims;
		at += 2 * (size_t) most * dims;
	}
	for (int side = 0; side < 2; side++)
	{
		v->square[side] = at;
		at += (size_t) dims * dims;
	}
	v->mean = at;
	v->deviation[0] = at + dims;
	v->deviation[1] = at + 2 * dims;
	memset(block->dz, 0, sizeof(real) * block->rows * dims);
	for (int side = 0; side < 2 && v->n > 1; side++)
	{
		memset(v->mean, 0, dims * sizeof(real));
		for (int i = 0; i < v->n; i++)
			vm_axpy(v->mean, (real) 1 / v->n, block->z + (size_t) v->row[side][i] * dims, dims);
		for (int i = 0; i < v->n; i++)
		{
			real	   *x = v->x[side] + (size_t) i * dims;

			memcpy(x, block->z + (size_t) v->row[side][i] * dims, dims * sizeof(real));
			vm_axpy(x, -1, v->mean, dims);
		}
		memset(v->dx[side], 0, sizeof(real) * v->n * dims);
	}
}

/* out (dims) = the column sums of squares of x (n x dims), divided by divisor. */
static void
column_variances(const real *x, int n, int dims, real divisor, real *out)
{
	memset(out, 0, dims * sizeof(real));
	for (int i = 0; i < n; i++)
		for (int k = 0; k < dims; k++)
			out[k] += x[(size_t) i * dims + k] * x[(size_t) i * dims + k] / divisor;
}

/* The gradient by centred columns, less its own column means, goes to the views' rows of dz. */
static void
views_back(LossBlock *block, Views *v, int side)
{
	memset(v->mean, 0, v->dims * sizeof(real));
	for (int i = 0; i < v->n; i++)
		vm_axpy(v->mean, (real) 1 / v->n, v->dx[side] + (size_t) i * v->dims, v->dims);
	for (int i = 0; i < v->n; i++)
	{
		real	   *dz = block->dz + (size_t) v->row[side][i] * v->dims;

		vm_axpy(dz, 1, v->dx[side] + (size_t) i * v->dims, v->dims);
		vm_axpy(dz, -1, v->mean, v->dims);
	}
}

/*
 * VICReg (Bardes et al., arXiv 2105.04906): alpha times the mean squared difference of the views,
 * beta times the mean over columns and views of max(0, 1 - deviation), nu times the sum of the
 * squared covariances of different columns, over dims, of both views.
 */
real
loss_vicreg(const LossParams *params, LossBlock *block)
{
	int			dims = block->dims;
	Views		v;
	double		total = 0;

	views_of(block, &v);
	if (v.n < 2)
		return 0;
	for (int side = 0; side < 2; side++)
	{
		real	   *c = v.square[0];
		double		spread = 0;
		double		covariance = 0;

		column_variances(v.x[side], v.n, dims, v.n - 1, v.deviation[0]);
		for (int k = 0; k < dims; k++)
		{
			real		deviation = sqrt(v.deviation[0][k] + TINY_VARIANCE);

			spread += fmax(1 - deviation, (real) 0) / 2 / dims;
			v.deviation[0][k] = deviation < 1 ? (real) -params->beta / 2 / dims / deviation / (v.n - 1) : 0;
		}
		blas_gemm(true, false, dims, dims, v.n, (real) 1 / (v.n - 1), v.x[side], dims, v.x[side], dims, 0, c, dims);
		for (int k = 0; k < dims; k++)
			c[(size_t) k * dims + k] = 0;
		covariance = vm_sum_squares(c, (size_t) dims * dims) / dims;
		blas_gemm(false, false, v.n, dims, dims, (real) (4 * params->nu / dims / (v.n - 1)), v.x[side], dims, c, dims,
				  0, v.dx[side], dims);
		for (int i = 0; i < v.n; i++)
			for (int k = 0; k < dims; k++)
				v.dx[side][(size_t) i * dims + k] += v.deviation[0][k] * v.x[side][(size_t) i * dims + k];
		views_back(block, &v, side);
		total += params->beta * spread + params->nu * covariance;
	}
	for (int i = 0; i < v.n; i++)
	{
		const real *a = block->z + (size_t) v.row[0][i] * dims;
		const real *b = block->z + (size_t) v.row[1][i] * dims;
		real	   *difference = v.dx[0];

		memcpy(difference, a, dims * sizeof(real));
		vm_axpy(difference, -1, b, dims);
		total += params->alpha * vm_dot(difference, difference, dims) / dims / v.n;
		vm_axpy(block->dz + (size_t) v.row[0][i] * dims, (real) (2 * params->alpha / dims / v.n), difference, dims);
		vm_axpy(block->dz + (size_t) v.row[1][i] * dims, (real) (-2 * params->alpha / dims / v.n), difference, dims);
	}
	return isfinite((real) total) ? total : NAN;	/* the fourth powers of long rows overflow */
}

/*
 * Barlow twins (Zbontar et al., arXiv 2103.03230): with C the correlations of the first views'
 * columns with the second views', the sum of (1 - C_kk)^2, plus nu times that of C_kl^2.
 */
real
loss_barlow_twins(const LossParams *params, LossBlock *block)
{
	int			dims = block->dims;
	Views		v;
	real	   *c;
	double		total = 0;

	views_of(block, &v);
	if (v.n < 2)
		return 0;
	for (int side = 0; side < 2; side++)
	{
		column_variances(v.x[side], v.n, dims, v.n, v.deviation[side]);
		for (int k = 0; k < dims; k++)
			v.deviation[side][k] = 1 / sqrt(v.deviation[side][k] + TINY_VARIANCE);
		for (int i = 0; i < v.n; i++)
			vm_mul(v.x[side] + (size_t) i * dims, v.deviation[side], dims);
	}
	c = v.square[0];
	blas_gemm(true, false, dims, dims, v.n, (real) 1 / v.n, v.x[0], dims, v.x[1], dims, 0, c, dims);
	for (int k = 0; k < dims; k++)
		for (int l = 0; l < dims; l++)
		{
			real	   *cell = c + (size_t) k * dims + l;

			total += k == l ? (1 - *cell) * (1 - *cell) : params->nu * *cell * *cell;
			*cell = k == l ? 2 * (*cell - 1) : 2 * (real) params->nu * *cell;
		}
	blas_gemm(false, true, v.n, dims, dims, (real) 1 / v.n, v.x[1], dims, c, dims, 0, v.dx[0], dims);
	blas_gemm(false, false, v.n, dims, dims, (real) 1 / v.n, v.x[0], dims, c, dims, 0, v.dx[1], dims);
	for (int side = 0; side < 2; side++)
	{
		/* back through the division by the deviation: less the part along the column itself */
		real	   *along = v.square[1];

		memset(along, 0, dims * sizeof(real));
		for (int i = 0; i < v.n; i++)
			for (int k = 0; k < dims; k++)
				along[k] += v.dx[side][(size_t) i * dims + k] * v.x[side][(size_t) i * dims + k] / v.n;
		for (int i = 0; i < v.n; i++)
			for (int k = 0; k < dims; k++)
			{
				real	   *dx = v.dx[side] + (size_t) i * dims + k;

				*dx = (*dx - v.x[side][(size_t) i * dims + k] * along[k]) * v.deviation[side][k];
			}
		views_back(block, &v, side);
	}
	return total;
}
