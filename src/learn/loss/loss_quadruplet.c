/*
 * loss_quadruplet.c
 *	  The loss of quadruplets, and who is like whom in a batch of other constraints.
 */
#include "loss_quadruplet.h"

#include <string.h>

#include "loss_row.h"

void
relate_pairs(const int32_t *same, int n, int8_t *relation)
{
	size_t		cols = 2 * (size_t) n;

	memset(relation, RELATION_NONE, cols * cols);
	for (int i = 0; i < n; i++)
	{
		int8_t		is = same[i] ? RELATION_POSITIVE : RELATION_NEGATIVE;

		relation[i * cols + n + i] = is;
		relation[(n + i) * cols + i] = is;
	}
}

void
relate_triplets(int n, int8_t *relation)
{
	size_t		cols = 3 * (size_t) n;

	memset(relation, RELATION_NONE, cols * cols);
	for (int i = 0; i < n; i++)
	{
		relation[i * cols + n + i] = RELATION_POSITIVE;
		relation[i * cols + 2 * n + i] = RELATION_NEGATIVE;
	}
}

static real
distance(const real *a, const real *b, int dims)
{
	real		sum = 0;

	for (int k = 0; k < dims; k++)
		sum += (a[k] - b[k]) * (a[k] - b[k]);
	return sqrt(sum);
}

/* Gradients of g * d(a, b), d being above 0. */
static void
pull(const real *a, const real *b, int dims, real g, real d, real *da, real *db)
{
	for (int k = 0; k < dims && d > 0; k++)
	{
		da[k] = g * (a[k] - b[k]) / d;
		db[k] = -da[k];
	}
}

real
quadruplet_loss(double margin, const real *z, int n, int dims, real *dz)
{
	size_t		block = (size_t) n * dims;
	real		sum = 0;
	int			count = 0;

	memset(dz, 0, sizeof(real) * 4 * block);
	for (int i = 0; i < n; i++)
	{
		size_t		at = (size_t) i * dims;
		real		near = distance(z + at, z + block + at, dims);
		real		far = distance(z + 2 * block + at, z + 3 * block + at, dims);
		real		cost = near - far + (real) margin;

		if (!isfinite(cost))
			return NAN;
		if (cost <= 0)
			continue;
		sum += cost;
		count++;
		pull(z + at, z + block + at, dims, 1, near, dz + at, dz + block + at);
		pull(z + 2 * block + at, z + 3 * block + at, dims, -1, far, dz + 2 * block + at, dz + 3 * block + at);
	}
	if (count == 0)
		return 0;
	vm_scale(dz, (real) 1 / count, 4 * block);
	return sum / count;
}
