/*
 * distance.c
 *	  Which kernels are used, and the sums that float cannot hold.
 */
#include "ann/distance.h"

#include <float.h>
#include <math.h>
#include <stddef.h>

#include "ann/distance_kernels.h"

/*
 * Below it a float sum of squares may have lost terms: each of up to 16,000 terms that
 * underflow loses less than FLT_MIN, together 2e-34, which is 2e-8 of this, less than a
 * float's rounding.
 */
#define TRUSTED_MIN		1e-26f

/* Best first. */
static const SimdSet *const tables[] = {
#if defined(__x86_64__)
	&distance_avx512.set,
	&distance_avx2.set,
#elif defined(__aarch64__)
	&distance_neon.set,
#endif
	&distance_plain.set
};

static const DistanceKernels *kernels = &distance_plain;

SIMD_CHOICE(distance_force, tables, DistanceKernels, kernels);

bool
distance_available(const char *name)
{
	return simd_available(tables, name);
}

const char *
distance_current(void)
{
	return simd_name(kernels->set);
}

static inline bool
is_trusted(float sum)
{
	return sum >= TRUSTED_MIN && sum <= FLT_MAX;
}

static double
l2_squared_double(const float *a, const float *b, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
	{
		double		d = (double) a[i] - b[i];

		sum += d * d;
	}
	return sum;
}

static double
inner_product_double(const float *a, const float *b, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += (double) a[i] * b[i];
	return sum;
}

static double
l1_double(const float *a, const float *b, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += fabs((double) a[i] - b[i]);
	return sum;
}

double
distance_l2_squared(const float *a, const float *b, int n)
{
	float		sum = kernels->l2_squared(a, b, n);

	return is_trusted(sum) ? sum : l2_squared_double(a, b, n);
}

double
distance_l2(const float *a, const float *b, int n)
{
	return sqrt(distance_l2_squared(a, b, n));
}

double
distance_inner_product(const float *a, const float *b, int n)
{
	float		sum = kernels->inner_product(a, b, n);

	return is_trusted(fabsf(sum)) ? sum : inner_product_double(a, b, n);
}

double
distance_l1(const float *a, const float *b, int n)
{
	float		sum = kernels->l1(a, b, n);

	return sum <= FLT_MAX ? sum : l1_double(a, b, n);
}

CosineParts
distance_cosine_parts(const float *a, const float *b, int n)
{
	float		parts[3];
	CosineParts result;

	kernels->cosine(a, b, n, parts);
	if (is_trusted(parts[1]) && is_trusted(parts[2]) && isfinite(parts[0]))
	{
		result.dot = parts[0];
		result.norm_a = parts[1];
		result.norm_b = parts[2];
	}
	else
	{
		result.dot = inner_product_double(a, b, n);
		result.norm_a = inner_product_double(a, a, n);
		result.norm_b = inner_product_double(b, b, n);
	}
	return result;
}

double
distance_cosine(const float *a, const float *b, int n)
{
	CosineParts parts = distance_cosine_parts(a, b, n);
	double		similarity;

	/*
	 * One root of the product, which cannot leave double's range: so a vector is
	 * at distance 0 from itself, exactly.
	 */
	similarity = parts.dot / sqrt(parts.norm_a * parts.norm_b);
	if (similarity > 1)
		similarity = 1;
	if (similarity < -1)
		similarity = -1;
	return 1 - similarity;
}
