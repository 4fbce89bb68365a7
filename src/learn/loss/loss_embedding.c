/*
 * loss_embedding.c
 *	  Center loss, triplets of class centroids, and the regularisers norm, zero mean, centre
 *	  invariance, orthogonality and uniformity.
 */
#include <string.h>

#include "loss_row.h"

/* A centre a class, and whether the class has been seen. */
size_t
loss_center_states(const LossParams *params, int n_classes, int dims)
{
	(void) params;
	return (size_t) n_classes * (dims + 1);
}

/*
 * Center loss (Wen et al. 2016, equations 2 to 4): half the mean squared distance to the centre of
 * the own class. Centres follow by their own rule: a class's moves by alpha times the sum of z - c
 * over its rows in the batch, divided by one more than their number.  Where it begins the paper
 * leaves open: at the mean of its first batch.
 */
real
loss_center(const LossParams *params, LossBlock *block)
{
	int			dims = block->dims;
	real	   *centre = block->state;
	real	   *seen = block->state + (size_t) block->n_classes * dims;
	real	   *move = block->scratch;
	double		total = 0;

	for (int y = 0; y < block->n_classes; y++)
		if (seen[y] == 0 && block->learning && block->start[y + 1] > block->start[y])
		{
			real	   *c = centre + (size_t) y * dims;
			int			n = block->start[y + 1] - block->start[y];

			memset(c, 0, dims * sizeof(real));
			for (int k = block->start[y]; k < block->start[y + 1]; k++)
				vm_axpy(c, (real) 1 / n, block->z + (size_t) block->member[k] * dims, dims);
			seen[y] = 1;
		}
	for (int i = 0; i < block->rows; i++)
	{
		const real *z = block->z + (size_t) i * dims;
		real	   *dz = block->dz + (size_t) i * dims;

		memcpy(dz, z, dims * sizeof(real));
		vm_axpy(dz, -1, centre + (size_t) block->label[i] * dims, dims);
		total += vm_dot(dz, dz, dims) / 2;
	}
	for (int y = 0; y < block->n_classes && block->learning; y++)
	{
		int			n = block->start[y + 1] - block->start[y];

		if (n == 0)
			continue;
		memset(move, 0, dims * sizeof(real));
		for (int k = block->start[y]; k < block->start[y + 1]; k++)
			vm_axpy(move, 1, block->dz + (size_t) block->member[k] * dims, dims);
		vm_axpy(centre + (size_t) y * dims, (real) (params->alpha / (1 + n)), move, dims);
	}
	vm_scale(block->dz, (real) 1 / block->rows, (size_t) block->rows * dims);
	return total / block->rows;
}

size_t
loss_row_scratch(int rows, int dims)
{
	(void) rows;
	return dims;
}

/* The mean squared length: with a network that does not normalise, embeddings stay small. */
real
loss_norm(const LossParams *params, LossBlock *block)
{
	size_t		n = (size_t) block->rows * block->dims;

	(void) params;
	memcpy(block->dz, block->z, n * sizeof(real));
	vm_scale(block->dz, (real) 2 / block->rows, n);
	return vm_dot(block->z, block->z, n) / block->rows;
}

/*
 * The mean absolute sum of a row's elements: rows about 0, as the distance of noise to signal wants
 * them.
 */
real
loss_zero_mean(const LossParams *params, LossBlock *block)
{
	int			dims = block->dims;
	double		total = 0;

	(void) params;
	for (int i = 0; i < block->rows; i++)
	{
		real		sum = vm_sum(block->z + (size_t) i * dims, dims);
		real		slope = (real) ((sum > 0) - (sum < 0)) / block->rows;

		total += fabs(sum);
		for (int k = 0; k < dims; k++)
			block->dz[(size_t) i * dims + k] = slope;
	}
	return total / block->rows;
}

/*
 * Centre invariance (Wu et al. 2017, "Deep face recognition with center invariant loss"), of the
 * classes' means in the batch: (|c|^2 - mean |c|^2)^2 / 4, the mean over the classes.
 */
real
loss_center_invariant(const LossParams *params, LossBlock *block)
{
	int			dims = block->dims;
	real	   *centre = block->scratch;
	double		mean = 0;
	double		total = 0;
	int			classes = 0;

	(void) params;

	/* once for the mean, and then for value and slopes: a class's centre is quickly made */
	for (int pass = 0; pass < 2; pass++)
	{
		for (int y = 0; y < block->n_classes; y++)
		{
			int			n = block->start[y + 1] - block->start[y];
			double		square;
			double		excess;

			if (n == 0)
				continue;
			memset(centre, 0, dims * sizeof(real));
			for (int k = block->start[y]; k < block->start[y + 1]; k++)
				vm_axpy(centre, (real) 1 / n, block->z + (size_t) block->member[k] * dims, dims);
			square = vm_dot(centre, centre, dims);
			if (pass == 0)
			{
				mean += square;
				classes++;
				continue;
			}
			excess = square - mean;
			total += excess * excess / 4;
			for (int k = block->start[y]; k < block->start[y + 1]; k++)
			{
				real	   *dz = block->dz + (size_t) block->member[k] * dims;

				/* the mean's own part adds up to nothing: the excesses do */
				memset(dz, 0, dims * sizeof(real));
				vm_axpy(dz, (real) (excess / n / classes), centre, dims);
			}
		}
		if (pass == 0)
			mean /= classes;
	}
	/* the fourth powers of long rows overflow */
	return isfinite((real) total) ? total / classes : NAN;
}

/*
 * Spread-out regularisation (Zhang et al., arXiv 1708.06320): cosines of negatives as those of
 * random directions, mean(s)^2 + max(0, mean(s^2) - 1 / dims).  s: cosines.
 */
real
loss_orthogonal(const LossParams *params, LossBlock *block)
{
	double		sum = 0;
	double		squares = 0;
	int64_t		count = 0;
	double		excess;

	(void) params;
	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		const int8_t *relation = loss_relation(block, i);

		if (loss_stopped(block, i))
			return NAN;
		for (int j = 0; j < block->cols; j++)
			if (relation[j] < 0)
			{
				sum += s[j];
				squares += s[j] * s[j];
				count++;
			}
	}
	sum /= count > 0 ? count : 1;
	squares /= count > 0 ? count : 1;
	excess = count > 0 ? squares - 1.0 / block->dims : 0;
	for (int i = 0; i < block->rows; i++)
	{
		const real *s = loss_s(block, i);
		const int8_t *relation = loss_relation(block, i);
		real	   *ds = loss_ds(block, i);

		for (int j = 0; j < block->cols; j++)
			ds[j] = relation[j] < 0 ? (2 * (real) sum + (excess > 0 ? 2 * s[j] : 0)) / count : 0;
	}
	return sum * sum + fmax(excess, 0);
}

/*
 * Uniformity (Wang and Isola, arXiv 2005.10242): the log of the mean over pairs of exp(-scale d^2).
 * s: squared distances.
 */
real
loss_uniformity(const LossParams *params, LossBlock *block)
{
	int			n = block->cols;
	double		total = 0;
	int64_t		count = 0;

	for (int i = 0; i < block->rows; i++)
	{
		const int8_t *relation = loss_relation(block, i);
		real	   *ds = loss_ds(block, i);

		if (loss_stopped(block, i))
			return NAN;
		row_of_others(block, i, -params->scale, ds);
		vm_exp(ds, ds, n);
		for (int j = 0; j < n; j++)
		{
			total += relation[j] != 0 ? ds[j] : 0;
			count += relation[j] != 0;
		}
	}

	/* all so far apart that nothing is left in float: then there is nothing to do */
	if (count == 0 || total <= 0)
	{
		memset(block->ds, 0, sizeof(real) * block->rows * n);
		return count == 0 ? 0 : log(1e-37);
	}
	vm_scale(block->ds, (real) (-params->scale / total), (size_t) block->rows * n);
	return log(total / count);
}

/*
 * Triplets of an anchor with the centroids of the batch's classes (Wieczorek et al., arXiv
 * 2104.13643): max(0, d to its own class's, the anchor left out, less d to another's, plus margin),
 * over the number of those above 0. s: squared distances, which those of centroids are sums of: |a
 * - c|^2 is the mean of the squared distances to the class less half the mean of those inside of
 * it.
 */
real
loss_centroid_triplet(const LossParams *params, LossBlock *block)
{
	int			n = block->rows;
	const int  *start = block->start;
	const int  *member = block->member;
	/* by the class's number among those present: sum of s inside of it */
	real	   *inside = block->work;
	real	   *slope = block->work + n;	/* by that sum */
	real	   *far = block->work + 2 * n;	/* squared distances of an anchor */
	/* what an anchor adds to the slopes of its row, and its column, inside of its class */
	real	   *by_row = block->work + 3 * n;
	real	   *by_col = block->work + 4 * n;
	int		   *present = block->index_work;
	int			classes = 0;
	double		total = 0;
	int64_t		count = 0;

	for (int y = 0; y < block->n_classes; y++)
		if (start[y + 1] > start[y])
			present[classes++] = y;
	memset(block->ds, 0, sizeof(real) * n * n);
	memset(by_row, 0, n * sizeof(real));
	memset(by_col, 0, n * sizeof(real));
	for (int c = 0; c < classes; c++)
	{
		int			y = present[c];

		inside[c] = slope[c] = 0;
		for (int j = start[y]; j < start[y + 1]; j++)
			for (int k = start[y]; k < start[y + 1]; k++)
				inside[c] += j != k ? loss_s(block, member[j])[member[k]] : 0;
	}
	for (int i = 0; i < n; i++)
	{
		const real *s = loss_s(block, i);
		real	   *ds = loss_ds(block, i);
		int			own = -1;
		real		m = 0;
		real		pull = 0;

		if (loss_stopped(block, i))
			return NAN;
		for (int c = 0; c < classes; c++)
		{
			int			y = present[c];
			int			size = start[y + 1] - start[y];
			real		sum = 0;
			real		column = 0;

			for (int k = start[y]; k < start[y + 1]; k++)
				sum += member[k] != i ? s[member[k]] : 0;
			if (y != block->label[i])
			{
				far[c] = sum / size - inside[c] / (2 * (real) size * size);
				continue;
			}
			own = c;
			m = size - 1;
			for (int k = start[y]; k < start[y + 1]; k++)
				column += member[k] != i ? loss_s(block, member[k])[i] : 0;
			far[c] = m > 0 ? sum / m - (inside[c] - sum - column) / (2 * m * m) : 0;
		}
		if (m == 0)
			continue;
		far[own] = sqrt(fmax(far[own], (real) 0));
		for (int c = 0; c < classes; c++)
		{
			int			y = present[c];
			real		size = start[y + 1] - start[y];
			real		d = c == own ? 0 : sqrt(fmax(far[c], (real) 0));
			real		excess = far[own] - d + (real) params->margin;
			real		push;

			if (c == own || excess <= 0)
				continue;
			total += excess;
			count++;
			pull += far[own] > 0 ? (real) 0.5 / far[own] : 0;
			push = d > 0 ? (real) -0.5 / d : 0;
			slope[c] -= push / (2 * size * size);
			for (int k = start[y]; k < start[y + 1]; k++)
				ds[member[k]] = push / size;
		}
		by_row[i] = pull * (1 / m + 1 / (2 * m * m));
		by_col[i] = pull / (2 * m * m);
		slope[own] -= pull / (2 * m * m);
	}
	if (count == 0)
		return 0;
	for (int c = 0; c < classes; c++)
	{
		int			y = present[c];

		for (int j = start[y]; j < start[y + 1]; j++)
			for (int k = start[y]; k < start[y + 1]; k++)
				if (j != k)
					loss_ds(block, member[j])[member[k]] = slope[c] + by_row[member[j]] + by_col[member[k]];
	}
	vm_scale(block->ds, (real) 1 / count, (size_t) n * n);
	return total / count;
}
