/*
 * neighbours_score.c
 *	  Scores of a gallery's rows from matrix products, and how far off they can be.
 */
#include "neighbours.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/blas.h"

#define SCORE_BYTES		((size_t) 64 * 1024 * 1024)
#define MAX_BLOCK		256
#define TILE_FLOATS		(256 * 1024)	/* of the gallery: 1 MB */
#define WIDE_TILE		(128 * 1024)	/* doubles of the gallery: 1 MB */
#define WIDE_PRODUCT	(64 * 1024) /* doubles of one product: 512 kB */
#define TILE_FLOPS		1e9				/* of one product: about 10 ms */
#define PART			64			/* dimensions of one product: bounds the error of long sums */
#define CHECK_FLOATS	(4 * 1024 * 1024)	/* between polls of a plain pass over rows */
#define UNIT_ROUNDOFF	(FLT_EPSILON / 2)

/* ---------- centring and scores ---------- */

static void
centre_row(const Neighbours *nb, const float *x, float *restrict out)
{
	const double *mean = nb->mean;
	double		scale = nb->scale;

	for (int j = 0, d = nb->d; j < d; j++)
		out[j] = (x[j] - mean[j]) * scale;
}

static void
centre_row_wide(const Neighbours *nb, const float *x, double *restrict out)
{
	const double *mean = nb->mean;
	double		scale = nb->scale;

	for (int j = 0, d = nb->d; j < d; j++)
		out[j] = (x[j] - mean[j]) * scale;
}

/* The squared length of a row when it is centred and scaled; in four sums, to be fast. */
static double
square_length(const Neighbours *nb, const float *x)
{
	double		sum[4] = {0};

	for (int j = 0; j < nb->d; j++)
	{
		double		centred = (x[j] - nb->mean[j]) * nb->scale;

		sum[j % 4] += centred * centred;
	}
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Rows of the gallery that one product takes, for count queries. */
static int64_t
tile_rows(const Neighbours *nb, int count)
{
	int64_t		rows = (nb->wide ? WIDE_TILE : TILE_FLOATS) / nb->d;
	int64_t		at_once = (int64_t) (TILE_FLOPS / 2 / count / nb->d);

	if (rows > at_once)
		rows = at_once;
	if (nb->wide && rows > WIDE_PRODUCT / count)
		rows = WIDE_PRODUCT / count;
	return rows < 1 ? 1 : rows;
}

/* The largest |x - mean| of rows. NaN or infinite if an element is. */
static LearnStatus
largest_element(LearnEnv *env, const double *mean, const float *x, int64_t n, int d, double *largest)
{
	int64_t		rows = 1 + CHECK_FLOATS / d;

	for (int64_t i = 0; i < n; i++)
	{
		bool		finite = true;

		if (i % rows == 0)
			LEARN_TRY(learn_poll(env));
		for (int j = 0; j < d; j++)
		{
			double		size = fabs(x[i * d + j] - mean[j]);

			finite &= isfinite(x[i * d + j]) != 0;
			*largest = size > *largest ? size : *largest;
		}
		if (!finite)
			return learn_fail(env, LEARN_DIVERGED, "an embedding has a value that is not a finite number");
	}
	return LEARN_OK;
}

static LearnStatus
find_mean(LearnEnv *env, Neighbours *nb)
{
	int64_t		rows = 1 + CHECK_FLOATS / nb->d;

	memset(nb->mean, 0, nb->d * sizeof(double));
	for (int64_t i = 0; i < nb->n; i++)
	{
		if (i % rows == 0)
			LEARN_TRY(learn_poll(env));
		for (int j = 0; j < nb->d; j++)
			nb->mean[j] += nb->gallery[i * nb->d + j];
	}
	for (int j = 0; j < nb->d; j++)
		nb->mean[j] /= nb->n;

	/* a value that is not finite is found and reported later */
	for (int j = 0; j < nb->d; j++)
		if (!isfinite(nb->mean[j]))
			nb->mean[j] = 0;
	return LEARN_OK;
}

LearnStatus
neighbours_create(LearnEnv *env, const float *query, int64_t nq, const float *gallery,
				  const int32_t *label, int64_t n, int d, bool many, Neighbours *nb)
{
	return neighbours_create_ordered(env, query, nq, gallery, label, n, d, many, NULL, nb);
}

LearnStatus
neighbours_create_ordered(LearnEnv *env, const float *query, int64_t nq, const float *gallery,
						  const int32_t *label, int64_t n, int d, bool many, const int32_t *order, Neighbours *nb)
{
	double		largest = 0;
	int64_t		rows = 1 + CHECK_FLOATS / d;

	*nb = (Neighbours) {.gallery = gallery, .label = label, .order = order, .n = n, .d = d, .wide = many};
	if (n > INT32_MAX)
		return learn_fail(env, LEARN_INVALID, "more than %d rows to search among", INT32_MAX);
	LEARN_TRY(blas_load(env));
	nb->block = MAX_BLOCK;
	if (nb->block > nq)
		nb->block = nq > 0 ? (int) nq : 1;
	while (nb->block > 1 && (size_t) nb->block * n > SCORE_BYTES / sizeof(float))
		nb->block = (nb->block + 1) / 2;

	LEARN_ALLOC(env, nb->mean, d);
	LEARN_ALLOC(env, nb->half, n);
	LEARN_ALLOC(env, nb->length, nb->block);
	if (nb->wide)
	{
		LEARN_ALLOC(env, nb->wide_query, (size_t) nb->block * d);
		LEARN_ALLOC(env, nb->wide_tile, (size_t) WIDE_TILE + d);
		LEARN_ALLOC(env, nb->product, (size_t) WIDE_PRODUCT + nb->block);
	}
	else
	{
		LEARN_ALLOC(env, nb->query, (size_t) nb->block * d);
		LEARN_ALLOC(env, nb->tile, (size_t) TILE_FLOATS + d);
	}
	LEARN_ALLOC(env, nb->score, (size_t) nb->block * n);
	LEARN_ALLOC(env, nb->found, n);
	LEARN_ALLOC(env, nb->other, n);
	LEARN_ALLOC(env, nb->distance, n);

	LEARN_TRY(find_mean(env, nb));
	LEARN_TRY(largest_element(env, nb->mean, gallery, n, d, &largest));
	LEARN_TRY(largest_element(env, nb->mean, query, nq, d, &largest));
	nb->scale = largest > 0 ? 1 / largest : 1;
	if (!isfinite(nb->scale))
		nb->scale = 1;
	for (int64_t i = 0; i < n; i++)
	{
		double		square;

		if (i % rows == 0)
			LEARN_TRY(learn_poll(env));
		square = square_length(nb, neighbours_row(nb, i));
		nb->half[i] = square / 2;
		nb->longest = fmax(nb->longest, sqrt(square));
	}
	return LEARN_OK;
}

/* Scores of one tile: rows gallery[begin .. begin + rows), from half their squared lengths. */
static void
score_tile(Neighbours *nb, int count, int64_t begin, int rows)
{
	int			d = nb->d;

	for (int i = 0; i < rows; i++)
		centre_row(nb, neighbours_row(nb, begin + i), nb->tile + (size_t) i * d);
	for (int i = 0; i < count; i++)
		for (int j = 0; j < rows; j++)
			nb->score[i * nb->n + begin + j] = (float) nb->half[begin + j];
	for (int j = 0; j < d; j += PART)
		blas_gemm(false, true, count, rows, d - j < PART ? d - j : PART, -1, nb->query + j, d, nb->tile + j, d,
				  1, nb->score + begin, (int) nb->n);
}

static void
add_halves(const double *restrict half, const double *restrict product, int n, float *restrict score)
{
	for (int j = 0; j < n; j++)
		score[j] = (float) (half[j] + product[j]);
}

static void
score_tile_wide(Neighbours *nb, int count, int64_t begin, int rows)
{
	int			d = nb->d;

	for (int i = 0; i < rows; i++)
		centre_row_wide(nb, neighbours_row(nb, begin + i), nb->wide_tile + (size_t) i * d);
	blas_dgemm(false, true, count, rows, d, -1, nb->wide_query, d, nb->wide_tile, d, 0, nb->product, rows);
	for (int i = 0; i < count; i++)
		add_halves(nb->half + begin, nb->product + (size_t) i * rows, rows, nb->score + i * nb->n + begin);
}

LearnStatus
neighbours_score(LearnEnv *env, Neighbours *nb, const float *query, int count)
{
	int			d = nb->d;
	int64_t		tile = tile_rows(nb, count);

	for (int i = 0; i < count; i++)
	{
		const float *row = query + (size_t) i * d;

		nb->length[i] = sqrt(square_length(nb, row));
		if (nb->wide)
			centre_row_wide(nb, row, nb->wide_query + (size_t) i * d);
		else
			centre_row(nb, row, nb->query + (size_t) i * d);
	}
	for (int64_t begin = 0; begin < nb->n; begin += tile)
	{
		int			rows = (int) (nb->n - begin < tile ? nb->n - begin : tile);

		LEARN_TRY(learn_poll(env));
		if (nb->wide)
			score_tile_wide(nb, count, begin, rows);
		else
			score_tile(nb, count, begin, rows);
	}
	return LEARN_OK;
}

/*
 * The largest error of a score of query i, beside half the squared distance of the rows as they
 * are, without the part that depends on the query alone.
 * - In float: a product of PART dimensions has as many roundings (Higham 2002, eq. 3.5), and each
 *   product that is added to the score has one more. Half the length and the centred elements are
 *   rounded, too.
 * - In double: the rounding of the score, which is no larger than |q||g| + |g|^2 / 2. The other
 *   half of |g|^2 covers all roundings of doubles: 10^4 of them are less than a thousandth of one
 *   of a float.
 */
static double
score_error(const Neighbours *nb, int i)
{
	double		q = nb->length[i];
	double		g = nb->longest;
	int			parts = (nb->d + PART - 1) / PART;
	int			terms = nb->d < PART ? nb->d : PART;

	if (nb->wide)
		return UNIT_ROUNDOFF * (1.001 * q * g + g * g);
	return UNIT_ROUNDOFF * ((terms + 2 * parts + 4) * q * g + (parts + 6) * g * g + 2 * q * q);
}

double
neighbours_slack(const Neighbours *nb, int i)
{
	return 2 * score_error(nb, i);
}
