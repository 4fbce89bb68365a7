/*
 * test_distance.c
 *	  Every distance kernel that this machine has, against sums in long double.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "ann/distance.h"

#define MAX_DIM		16000

static const char *const kernel_names[] = {"plain", "avx2", "avx512", "neon"};

#define N_NAMES		((int) (sizeof(kernel_names) / sizeof(kernel_names[0])))

static const int large_dims[] = {784, 1536, 4096, MAX_DIM};

/*
 * Two vectors that end where the readable memory ends, so that reading one float
 * too many is a crash.
 */
typedef struct Pages
{
	float	   *end_a;
	float	   *end_b;
	/* and two with room behind, for other alignments */
	float	   *loose_a;
	float	   *loose_b;
} Pages;

static float *
guarded_end(void)
{
	size_t		page = sysconf(_SC_PAGESIZE);
	size_t		size = (MAX_DIM * sizeof(float) / page + 2) * page;
	char	   *map = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || mprotect(map + size, page, PROT_NONE) != 0)
		abort();
	return (float *) (map + size);
}

static Pages *
pages(void)
{
	static Pages p;

	if (p.end_a == NULL)
	{
		p.end_a = guarded_end();
		p.end_b = guarded_end();
		p.loose_a = malloc((MAX_DIM + 64) * sizeof(float));
		p.loose_b = malloc((MAX_DIM + 64) * sizeof(float));
	}
	return &p;
}

static unsigned long long random_state = 42;

/* Uniform in [-1, 1). */
static double
next_random(void)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (double) (random_state >> 11) / (double) (1ULL << 52) - 1;
}

/* What the vectors are filled with. */
typedef enum Fill
{
	FILL_WHOLE,					/* small whole numbers: every sum is exact */
	FILL_UNIFORM,
	FILL_ZERO,
	FILL_ONE_ZERO,				/* a is zero, b is not */
	FILL_HUGE,					/* 1e18 to 1e19: squares leave float's range */
	FILL_MAXIMAL,				/* +-FLT_MAX: differences do */
	FILL_TINY,					/* 1e-25: squares underflow */
	FILL_DENORMAL,				/* 1e-42 */
	FILL_SPREAD,				/* 1e-30 to 1e+15 */
	N_FILLS
} Fill;

static float
element(Fill fill, int is_b)
{
	double		r = next_random();

	switch (fill)
	{
		case FILL_WHOLE:
			return (float) (int) (r * 8);
		case FILL_UNIFORM:
			return (float) r;
		case FILL_ZERO:
			return 0;
		case FILL_ONE_ZERO:
			return is_b ? (float) r : 0;
		case FILL_HUGE:
			return (float) ((r < 0 ? -1 : 1) * (1e18 + 9e18 * fabs(r)));
		case FILL_MAXIMAL:
			return r < 0 ? -FLT_MAX : FLT_MAX;
		case FILL_TINY:
			return (float) (r * 1e-25);
		case FILL_DENORMAL:
			return (float) (r * 1e-42);
		case FILL_SPREAD:
			return (float) (r * pow(10, fmod(fabs(r) * 1e6, 45) - 30));
		default:
			abort();
	}
}

typedef struct Reference
{
	long double l2_squared;
	long double l1;
	long double dot;
	long double dot_magnitude;	/* the sum of |a b| */
	long double aa;
	long double bb;
} Reference;

static Reference
reference(const float *a, const float *b, int n)
{
	Reference	r = {0};

	for (int i = 0; i < n; i++)
	{
		long double d = (long double) a[i] - b[i];

		r.l2_squared += d * d;
		r.l1 += fabsl(d);
		r.dot += (long double) a[i] * b[i];
		r.dot_magnitude += fabsl((long double) a[i] * b[i]);
		r.aa += (long double) a[i] * a[i];
		r.bb += (long double) b[i] * b[i];
	}
	return r;
}

static int	failures;

/* got within tolerance * magnitude of expected, and finite. */
static void
expect(const char *what, Fill fill, int n, double got, long double expected, long double magnitude, double tolerance)
{
	if (isfinite(got) && fabsl(got - expected) <= tolerance * magnitude)
		return;
	if (failures++ < 20)
		printf("%s, %s, fill %d, %d dimensions: %.9g, expected %.9Lg\n",
			   distance_current(), what, (int) fill, n, got, expected);
}

static void
check_pair(const float *a, const float *b, int n, Fill fill)
{
	Reference	r = reference(a, b, n);
	CosineParts parts = distance_cosine_parts(a, b, n);
	double		tolerance = fill == FILL_WHOLE ? 0 : 4e-6;
	double		cosine = distance_cosine(a, b, n);

	expect("squared L2", fill, n, distance_l2_squared(a, b, n), r.l2_squared, r.l2_squared, tolerance);
	expect("L2", fill, n, distance_l2(a, b, n), sqrtl(r.l2_squared), sqrtl(r.l2_squared), tolerance + 1e-15);
	expect("L1", fill, n, distance_l1(a, b, n), r.l1, r.l1, tolerance);
	expect("inner product", fill, n, distance_inner_product(a, b, n), r.dot, r.dot_magnitude, tolerance);
	expect("cosine's dot", fill, n, parts.dot, r.dot, r.dot_magnitude, tolerance);
	expect("cosine's left norm", fill, n, parts.norm_a, r.aa, r.aa, tolerance);
	expect("cosine's right norm", fill, n, parts.norm_b, r.bb, r.bb, tolerance);

	if (r.aa > 0 && r.bb > 0)
		expect("cosine", fill, n, cosine, 1 - r.dot / sqrtl(r.aa * r.bb), 1, 1e-5);
	else
		expect("cosine of a zero vector is NaN", fill, n, isnan(cosine) ? 1 : 0, 1, 1, 0);

	expect("L2 to itself", fill, n, distance_l2(a, a, n), 0, 1, 0);
	expect("L1 to itself", fill, n, distance_l1(a, a, n), 0, 1, 0);
	if (r.bb > 0)
		expect("cosine to itself", fill, n, distance_cosine(b, b, n), 0, 1, 1e-15);
	expect("L2 is symmetric", fill, n, distance_l2(a, b, n), distance_l2(b, a, n), 1, 0);
	expect("inner product is symmetric", fill, n, distance_inner_product(a, b, n), distance_inner_product(b, a, n), 1, 0);
	expect("L1 is symmetric", fill, n, distance_l1(a, b, n), distance_l1(b, a, n), 1, 0);
	if (r.aa > 0 && r.bb > 0)
		expect("cosine is symmetric", fill, n, cosine, distance_cosine(b, a, n), 1, 0);
}

static void
check_dim(int n)
{
	for (Fill fill = 0; fill < N_FILLS; fill++)
	{
		float	   *a = pages()->end_a - n;
		float	   *b = pages()->end_b - n;
		int			offset_a = n % 5;
		int			offset_b = n % 3;
		float	   *loose_a = pages()->loose_a + offset_a;
		float	   *loose_b = pages()->loose_b + offset_b;

		for (int i = 0; i < n; i++)
		{
			a[i] = element(fill, 0);
			b[i] = element(fill, 1);
		}
		check_pair(a, b, n, fill);

		/* Elsewhere in memory, with NaN before and behind, it is the same to the bit. */
		for (int i = 0; i < 16; i++)
			loose_a[n + i] = loose_b[n + i] = NAN;
		for (int i = 0; i < offset_a; i++)
			pages()->loose_a[i] = NAN;
		for (int i = 0; i < offset_b; i++)
			pages()->loose_b[i] = NAN;
		memcpy(loose_a, a, n * sizeof(float));
		memcpy(loose_b, b, n * sizeof(float));
		expect("L2 elsewhere", fill, n, distance_l2_squared(loose_a, loose_b, n), distance_l2_squared(a, b, n), 1, 0);
		expect("dot elsewhere", fill, n, distance_inner_product(loose_a, loose_b, n), distance_inner_product(a, b, n), 1, 0);
		expect("L1 elsewhere", fill, n, distance_l1(loose_a, loose_b, n), distance_l1(a, b, n), 1, 0);
		expect("cosine elsewhere", fill, n, distance_cosine_parts(loose_a, loose_b, n).dot,
			   distance_cosine_parts(a, b, n).dot, 1, 0);
	}
}

/* The number of failures of all kernels; each that was checked is named on stdout. */
static int
check_kernels(void)
{
	int			checked = 0;

	failures = 0;
	for (int k = 0; k < N_NAMES; k++)
	{
		if (!distance_available(kernel_names[k]))
			continue;
		if (!distance_force(kernel_names[k]) || strcmp(distance_current(), kernel_names[k]) != 0)
			failures++;
		random_state = 42;
		for (int n = 1; n <= 300; n++)
			check_dim(n);
		for (int i = 0; i < (int) (sizeof(large_dims) / sizeof(large_dims[0])); i++)
			check_dim(large_dims[i]);
		printf("checked the %s kernels\n", kernel_names[k]);
		checked++;
	}
	distance_force("auto");
	return checked == 0 ? 1 : failures;
}

static void
test_kernels(void **state)
{
	assert_int_equal(check_kernels(), 0);
}

static void
test_force(void **state)
{
	char		before[16];

	assert_true(distance_force("plain"));
	assert_string_equal(distance_current(), "plain");
	assert_false(distance_force("mmx"));
	assert_false(distance_force(""));
	assert_string_equal(distance_current(), "plain");
	assert_true(distance_force("auto"));
	snprintf(before, sizeof(before), "%s", distance_current());
	assert_true(distance_available(before));
#if defined(__x86_64__)
	assert_false(distance_available("neon"));
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		assert_string_not_equal(before, "plain");
#elif defined(__aarch64__)
	assert_string_equal(before, "neon");
#endif
}

/* Opposite and equal directions stay within [0, 2] whatever the rounding. */
static void
test_cosine_range(void **state)
{
	float		a[37],
				b[37],
				c[37];

	for (int round = 0; round < 1000; round++)
	{
		for (int i = 0; i < 37; i++)
		{
			a[i] = (float) next_random();
			b[i] = 3 * a[i];
			c[i] = -7 * a[i];
		}
		assert_true(distance_cosine(a, b, 37) >= 0 && distance_cosine(a, b, 37) < 1e-5);
		assert_true(distance_cosine(a, c, 37) <= 2 && distance_cosine(a, c, 37) > 2 - 1e-5);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernels),
		cmocka_unit_test(test_force),
		cmocka_unit_test(test_cosine_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
