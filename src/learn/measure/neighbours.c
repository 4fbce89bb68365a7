/*
 * neighbours.c
 *	  Nearest rows in exact order.
 */
#include "neighbours.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define CHECK_FLOATS	(4 * 1024 * 1024)	/* between polls of a plain pass over rows */
#define FEW				64			/* neighbours that a sorted list is kept for */
#define SCAN			64			/* scores that are compared with the limit at once */
#define SAMPLE			1024		/* scores that stand for the row when many are looked for */
#define UNIT_ROUNDOFF	(FLT_EPSILON / 2)

/* ---------- selection ---------- */

uint32_t
neighbours_key(float x)
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

/*
 * Sort by key, equal keys in their present order: radix sort by digits of 11 bits from the lowest,
 * or insertion.
 */
void
neighbours_sort(Neighbours *nb, int64_t n)
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

	/* three digits: the result is in the scratch array */
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
		nb->found[n].key = neighbours_key(score[r]);
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
 * Few neighbours: one pass keeps the m smallest scores in order, and skips most scores SCAN at a
 * time. The result is a superset of the scores that are up to *bound and within slack of the m-th.
 * Its largest such score becomes the bound, by which the caller cuts the rest.
 */
static int64_t
collect_few(Neighbours *nb, const float *score, int m, double slack, float *bound)
{
	float		best[FEW];
	float		limit = *bound;
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
			nb->found[n].key = neighbours_key(s);
			nb->found[n++].row = (int32_t) r;
			if (kept == m && s >= best[m - 1])
				continue;
			j = kept < m ? kept++ : m - 1;
			for (; j > 0 && best[j - 1] > s; j--)
				best[j] = best[j - 1];
			best[j] = s;
			if (kept == m)
				limit = fminf(*bound, float_above(best[m - 1] + slack));
		}
	}
	*bound = limit;
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
 * Many neighbours: a limit that at least m scores do not exceed, and hardly more. It comes from a
 * sample of the scores, twice the deviation of the sample quantile on the safe side. It is raised
 * until there are m.
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
		nb->found[i].key = neighbours_key(score[(uint64_t) i * UINT64_C(0x9e3779b97f4a7c15) % (uint64_t) nb->n]);
	neighbours_sort(nb, SAMPLE);
	for (; at < SAMPLE; at += step)
	{
		float		limit = unsortable(nb->found[(int) at].key);

		if (limit < FLT_MAX && count_up_to(score, nb->n, limit) >= m)
			return limit;
	}
	return FLT_MAX;
}

/* ---------- exact order ---------- */

/* In eight sums, so that the compiler can vectorise them. */
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
before(const Neighbours *nb, const Neighbour *f, const double *distance, int64_t i, int64_t j)
{
	if (distance[i] != distance[j])
		return distance[i] < distance[j];
	return nb->order ? nb->order[f[i].row] < nb->order[f[j].row] : f[i].row < f[j].row;
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
sift(const Neighbours *nb, Neighbour *f, double *distance, int64_t i, int64_t n)
{
	for (int64_t child; (child = 2 * i + 1) < n; i = child)
	{
		if (child + 1 < n && before(nb, f, distance, child, child + 1))
			child++;
		if (!before(nb, f, distance, i, child))
			return;
		exchange(f, distance, i, child);
	}
}

/* Heap sort by distance, then row. */
static void
sort_exactly(const Neighbours *nb, Neighbour *f, double *distance, int64_t n)
{
	for (int64_t i = n / 2 - 1; i >= 0; i--)
		sift(nb, f, distance, i, n);
	for (int64_t i = n - 1; i > 0; i--)
	{
		exchange(f, distance, 0, i);
		sift(nb, f, distance, 0, i);
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
		nb->distance[i] = neighbours_square_distance(query, neighbours_row(nb, nb->found[i].row), nb->d);
	}
	sort_exactly(nb, nb->found + begin, nb->distance + begin, end - begin);
	return LEARN_OK;
}

/*
 * As slack, for two scores that are known. The rounding of a double to float depends on the score
 * itself, which is far smaller among the nearest rows than for the longest row.
 */
static double
pair_error(const Neighbours *nb, int i, double a, double b, double slack)
{
	double		q = nb->length[i];
	double		g = nb->longest;
	double		error = UNIT_ROUNDOFF * 1.001 * (fabs(a) + fabs(b)) + 2 * (nb->d + 8) * DBL_EPSILON * (q * g + g * g);

	return nb->wide && error < slack ? error : slack;
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
neighbours_settle(LearnEnv *env, Neighbours *nb, int i, const float *query, int32_t label,
				  int64_t m, int64_t n, int64_t k, bool strict)
{
	double		slack = neighbours_slack(nb, i);
	int64_t		end;

	for (int64_t begin = 0; begin < m; begin = end)
	{
		double		last = unsortable(nb->found[begin].key);

		for (end = begin + 1; end < n; end++)
		{
			double		next = unsortable(nb->found[end].key);

			if (next - last > slack || next - last > pair_error(nb, i, last, next, slack))
				break;
			last = next;
		}
		if (end > begin + 1 && (strict || order_matters(nb, begin, end, label, k)))
			LEARN_TRY(order_exactly(env, nb, query, begin, end));
	}
	return LEARN_OK;
}

LearnStatus
neighbours_nearest(LearnEnv *env, Neighbours *nb, int i, const float *query,
				   int32_t label, int64_t hidden, int64_t m, int64_t k)
{
	float	   *score = nb->score + i * nb->n;
	double		slack = neighbours_slack(nb, i);
	float		limit = FLT_MAX;
	int64_t		n;

	if (m < 1)
		return LEARN_OK;
	if (hidden >= 0)
		score[hidden] = INFINITY;
	if (m <= FEW)
		n = collect_few(nb, score, (int) m, slack, &limit);
	else
	{
		limit = limit_of_many(nb, score, m);
		n = collect(nb, score, limit);
	}
	neighbours_sort(nb, n);

	/* with the m-th score known, what is within its error */
	if (m > FEW && limit < float_above(unsortable(nb->found[m - 1].key) + slack))
	{
		n = collect(nb, score, float_above(unsortable(nb->found[m - 1].key) + slack));
		neighbours_sort(nb, n);
	}
	return neighbours_settle(env, nb, i, query, label, m, n, k, false);
}

int64_t
neighbours_candidates(Neighbours *nb, int i, int64_t hidden, int64_t m, double farthest, double error)
{
	float	   *score = nb->score + i * nb->n;
	double		q = nb->length[i];
	double		longest = q + nb->longest;
	double		slack = neighbours_slack(nb, i);
	double		near = farthest * nb->scale;
	float		limit = FLT_MAX;
	int64_t		n;
	int64_t		kept = 0;

	if (hidden >= 0)
		score[hidden] = INFINITY;

	/* a score is half of the squared distance less that of the query's length */
	if (near <= longest)
		limit = float_above((near * near * (1 + 2 * error) - q * q) / 2 + slack);
	if (m > FEW)
		return collect(nb, score, limit);
	n = collect_few(nb, score, (int) m, slack + 2 * error * longest * longest, &limit);
	for (int64_t j = 0; j < n; j++)
		if (score[nb->found[j].row] <= limit)
			nb->found[kept++] = nb->found[j];
	return kept;
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
