/*
 * neighbours.c
 *	  Nearest rows in exact order.
 */
#include "learn/neighbours.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "learn/blas.h"

#define SCORE_BYTES		((size_t) 64 * 1024 * 1024)
#define MAX_BLOCK		256
#define TILE_FLOATS		(256 * 1024)	/* of the gallery: 1 MB */
#define WIDE_TILE		(128 * 1024)	/* doubles of the gallery: 1 MB */
#define WIDE_PRODUCT	(256 * 1024)	/* doubles of one product: 2 MB */
#define TILE_FLOPS		1e9				/* of one product: some 10 ms */
#define PART			64			/* dimensions of one product: bounds the error of long sums */
#define CHECK_FLOATS	(4 * 1024 * 1024)	/* between polls of a plain pass over rows */

#define FEW				64			/* neighbours that a sorted list is kept for */
#define SCAN			64			/* scores that are compared with the limit at once */
#define SAMPLE			1024		/* scores that stand for the row when many are looked for */
#define UNIT_ROUNDOFF	(FLT_EPSILON / 2)

/* ---------- centring and scores ---------- */

static void
centre_row(const Neighbours *nb, const float *x, float *out)
{
	for (int j = 0; j < nb->d; j++)
		out[j] = (x[j] - nb->mean[j]) * nb->scale;
}

static void
centre_row_wide(const Neighbours *nb, const float *x, double *out)
{
	for (int j = 0; j < nb->d; j++)
		out[j] = (x[j] - nb->mean[j]) * nb->scale;
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

/* The largest |x - mean| of rows, NaN or infinite if an element is. */
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
	double		largest = 0;
	int64_t		rows = 1 + CHECK_FLOATS / d;

	*nb = (Neighbours) {.gallery = gallery, .label = label, .n = n, .d = d, .wide = many};
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
		square = square_length(nb, gallery + i * d);
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
		centre_row(nb, nb->gallery + (begin + i) * d, nb->tile + (size_t) i * d);
	for (int i = 0; i < count; i++)
		for (int j = 0; j < rows; j++)
			nb->score[i * nb->n + begin + j] = (float) nb->half[begin + j];
	for (int j = 0; j < d; j += PART)
		blas_gemm(false, true, count, rows, d - j < PART ? d - j : PART, -1, nb->query + j, d, nb->tile + j, d,
				  1, nb->score + begin, (int) nb->n);
}

static void
score_tile_wide(Neighbours *nb, int count, int64_t begin, int rows)
{
	int			d = nb->d;

	for (int i = 0; i < rows; i++)
		centre_row_wide(nb, nb->gallery + (begin + i) * d, nb->wide_tile + (size_t) i * d);
	blas_dgemm(false, true, count, rows, d, -1, nb->wide_query, d, nb->wide_tile, d, 0, nb->product, rows);
	for (int i = 0; i < count; i++)
		for (int j = 0; j < rows; j++)
			nb->score[i * nb->n + begin + j] = (float) (nb->half[begin + j] + nb->product[(size_t) i * rows + j]);
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
 * How far a score of query i is at most from half the squared distance of the rows as they
 * are, less the query's own part.  In float: a product of PART dimensions has so many
 * roundings (Higham 2002, eq. 3.5), each that is added to the score one more; and half the
 * length and the centred elements are rounded.  In double: the rounding of the score, which
 * is no larger than |q||g| + |g|^2 / 2; the other half of |g|^2 is for all roundings of
 * doubles, of which 10^4 make not a thousandth of one of a float.
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

/*
 * The same for two scores that are known, together.  The rounding of a double to float goes
 * by the score itself, which among the nearest is far less than by the longest row.
 */
static double
pair_error(const Neighbours *nb, int i, double a, double b, double slack)
{
	double		q = nb->length[i];
	double		g = nb->longest;

	if (!nb->wide)
		return slack;
	return fmin(slack, UNIT_ROUNDOFF * 1.001 * (fabs(a) + fabs(b)) + 2 * (nb->d + 8) * DBL_EPSILON * (q * g + g * g));
}

/* ---------- selection ---------- */

static uint32_t
sortable(float x)
{
	uint32_t	bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits >> 31 ? ~bits : bits | UINT32_C(0x80000000);
}

static float
unsortable(uint32_t key)
{
	float		x;

	key = key >> 31 ? key & UINT32_C(0x7fffffff) : ~key;
	memcpy(&x, &key, sizeof(x));
	return x;
}

/* By key, equal keys as they stand: by digits of 11 bits from the lowest, or insertion. */
static void
sort_found(Neighbours *nb, int64_t n)
{
	Neighbour  *from = nb->found;
	Neighbour  *to = nb->other;

	if (n <= FEW)
	{
		for (int64_t i = 1; i < n; i++)
		{
			Neighbour	x = from[i];
			int64_t		j = i;

			for (; j > 0 && from[j - 1].key > x.key; j--)
				from[j] = from[j - 1];
			from[j] = x;
		}
		return;
	}
	for (int shift = 0; shift < 32; shift += 11)
	{
		uint32_t	place[2048] = {0};
		uint32_t	sum = 0;
		Neighbour  *swap;

		for (int64_t i = 0; i < n; i++)
			place[from[i].key >> shift & 2047]++;
		for (int b = 0; b < 2048; b++)
		{
			uint32_t	count = place[b];

			place[b] = sum;
			sum += count;
		}
		for (int64_t i = 0; i < n; i++)
			to[place[from[i].key >> shift & 2047]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}

	/* three digits: the result is in what was the scratch */
	nb->found = from;
	nb->other = to;
}

/* Scores up to limit, in the order of rows; infinite ones are hidden. */
static int64_t
collect(Neighbours *nb, const float *score, float limit)
{
	int64_t		n = 0;

	for (int64_t r = 0; r < nb->n; r++)
	{
		nb->found[n].key = sortable(score[r]);
		nb->found[n].row = (int32_t) r;
		n += score[r] <= limit;
	}
	return n;
}

/* A float not below x, and not infinite. */
static float
float_above(double x)
{
	float		f = (float) x;

	if (f < x)
		f = nextafterf(f, INFINITY);
	return f < FLT_MAX ? f : FLT_MAX;
}

/*
 * Few neighbours: one pass that keeps the m smallest scores in order.  Most scores are
 * passed over SCAN at a time.  What is found is a superset of the scores within slack
 * of the m-th; the rest is for the caller to cut.
 */
static int64_t
collect_few(Neighbours *nb, const float *score, int m, double slack)
{
	float		best[FEW];
	float		limit = FLT_MAX;
	int			kept = 0;
	int64_t		n = 0;

	for (int64_t begin = 0; begin < nb->n; begin += SCAN)
	{
		int64_t		end = begin + SCAN;

		if (end <= nb->n)
		{
			int			any = 0;

			for (int j = 0; j < SCAN; j++)
				any |= score[begin + j] <= limit;
			if (!any)
				continue;
		}
		else
			end = nb->n;
		for (int64_t r = begin; r < end; r++)
		{
			float		s = score[r];
			int			j;

			if (!(s <= limit))
				continue;
			nb->found[n].key = sortable(s);
			nb->found[n++].row = (int32_t) r;
			if (kept == m && s >= best[m - 1])
				continue;
			j = kept < m ? kept++ : m - 1;
			for (; j > 0 && best[j - 1] > s; j--)
				best[j] = best[j - 1];
			best[j] = s;
			if (kept == m)
				limit = float_above(best[m - 1] + slack);
		}
	}
	return n;
}

static int64_t
count_up_to(const float *score, int64_t n, float limit)
{
	int64_t		count = 0;

	while (n > 0)
	{
		int			part = n < 1 << 20 ? (int) n : 1 << 20;
		int			sum = 0;

		for (int i = 0; i < part; i++)
			sum += score[i] <= limit;
		count += sum;
		score += part;
		n -= part;
	}
	return count;
}

/*
 * Many neighbours: a limit that at least m scores do not exceed, and hardly more, from a sample
 * of the scores; twice the deviation of the sample's quantile on the safe side, and on until
 * there are m.
 */
static float
limit_of_many(Neighbours *nb, const float *score, int64_t m)
{
	double		share = (double) m / nb->n;
	double		step = 2 * sqrt(SAMPLE * share * (1 - share)) + 2;
	double		at = share * SAMPLE + step;

	if (nb->n < 4 * SAMPLE)
		return FLT_MAX;
	for (int i = 0; i < SAMPLE; i++)
		nb->found[i].key = sortable(score[(uint64_t) i * UINT64_C(0x9e3779b97f4a7c15) % (uint64_t) nb->n]);
	sort_found(nb, SAMPLE);
	for (; at < SAMPLE; at += step)
	{
		float		limit = unsortable(nb->found[(int) at].key);

		if (limit < FLT_MAX && count_up_to(score, nb->n, limit) >= m)
			return limit;
	}
	return FLT_MAX;
}

/* ---------- exact order ---------- */

/* In eight sums, which a compiler puts side by side. */
double
neighbours_square_distance(const float *a, const float *b, int d)
{
	double		sum[8] = {0};
	int			j = 0;

	for (; j + 8 <= d; j += 8)
		for (int k = 0; k < 8; k++)
		{
			double		diff = (double) a[j + k] - b[j + k];

			sum[k] += diff * diff;
		}
	for (; j < d; j++)
	{
		double		diff = (double) a[j] - b[j];

		sum[0] += diff * diff;
	}
	return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

static bool
before(const Neighbour *f, const double *distance, int64_t i, int64_t j)
{
	return distance[i] < distance[j] || (distance[i] == distance[j] && f[i].row < f[j].row);
}

static void
exchange(Neighbour *f, double *distance, int64_t i, int64_t j)
{
	Neighbour	swap_f = f[i];
	double		swap_d = distance[i];

	f[i] = f[j];
	distance[i] = distance[j];
	f[j] = swap_f;
	distance[j] = swap_d;
}

/* Restore the heap (its last in order on top) below i. */
static void
sift(Neighbour *f, double *distance, int64_t i, int64_t n)
{
	for (int64_t child; (child = 2 * i + 1) < n; i = child)
	{
		if (child + 1 < n && before(f, distance, child, child + 1))
			child++;
		if (!before(f, distance, i, child))
			return;
		exchange(f, distance, i, child);
	}
}

/* Heap sort by distance, then row. */
static void
sort_exactly(Neighbour *f, double *distance, int64_t n)
{
	for (int64_t i = n / 2 - 1; i >= 0; i--)
		sift(f, distance, i, n);
	for (int64_t i = n - 1; i > 0; i--)
	{
		exchange(f, distance, 0, i);
		sift(f, distance, 0, i);
	}
}

/* Put found[begin .. end) in exact order. */
static LearnStatus
order_exactly(LearnEnv *env, Neighbours *nb, const float *query, int64_t begin, int64_t end)
{
	int64_t		interval = 1 + CHECK_FLOATS / nb->d;

	for (int64_t i = begin; i < end; i++)
	{
		if ((i - begin) % interval == interval - 1)
			LEARN_TRY(learn_poll(env));
		nb->distance[i] = neighbours_square_distance(query, nb->gallery + (int64_t) nb->found[i].row * nb->d, nb->d);
	}
	sort_exactly(nb->found + begin, nb->distance + begin, end - begin);
	return LEARN_OK;
}

/* Does the order of found[begin .. end) matter? */
static bool
order_matters(const Neighbours *nb, int64_t begin, int64_t end, int32_t label, int64_t k)
{
	int32_t		first = nb->label[nb->found[begin].row];

	for (int64_t i = begin + 1; i < end; i++)
	{
		int32_t		other = nb->label[nb->found[i].row];

		if (begin < k ? other != first : (other == label) != (first == label))
			return true;
	}
	return false;
}

LearnStatus
neighbours_nearest(LearnEnv *env, Neighbours *nb, int i, const float *query,
				   int32_t label, int64_t hidden, int64_t m, int64_t k)
{
	float	   *score = nb->score + i * nb->n;
	double		slack = 2 * score_error(nb, i);
	float		limit = FLT_MAX;
	int64_t		n;
	int64_t		end;

	if (m < 1)
		return LEARN_OK;
	if (hidden >= 0)
		score[hidden] = INFINITY;
	if (m <= FEW)
		n = collect_few(nb, score, (int) m, slack);
	else
	{
		limit = limit_of_many(nb, score, m);
		n = collect(nb, score, limit);
	}
	sort_found(nb, n);

	/* with the m-th score known, what is within its error */
	if (m > FEW && limit < float_above(unsortable(nb->found[m - 1].key) + slack))
	{
		n = collect(nb, score, float_above(unsortable(nb->found[m - 1].key) + slack));
		sort_found(nb, n);
	}
	for (int64_t begin = 0; begin < m; begin = end)
	{
		for (end = begin + 1; end < n; end++)
		{
			double		last = unsortable(nb->found[end - 1].key);
			double		next = unsortable(nb->found[end].key);

			if (next - last > pair_error(nb, i, last, next, slack))
				break;
		}
		if (order_matters(nb, begin, end, label, k))
			LEARN_TRY(order_exactly(env, nb, query, begin, end));
	}
	return LEARN_OK;
}

int32_t
neighbours_majority(const Neighbours *nb, int64_t k)
{
	int32_t		best = 0;
	int64_t		best_votes = 0;

	for (int64_t i = 0; i < k && best_votes < k - i; i++)
	{
		int32_t		label = nb->label[nb->found[i].row];
		int64_t		votes = 0;

		for (int64_t j = i; j < k; j++)
			votes += nb->label[nb->found[j].row] == label;
		if (votes > best_votes)
		{
			best = label;
			best_votes = votes;
		}
	}
	return best;
}
