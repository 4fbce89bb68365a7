/*
 * near.c
 *	  The nearest rows by class.
 */
#include "near.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "math/vmath.h"

#define BLOCK			128
#define MORE			8		/* rows beyond the k that are looked at in float64 */
#define BLOCK_PLACES	(2 * 1024 * 1024)

typedef struct Search
{
	int64_t		n;
	int			d;
	real	   *x;				/* n x d, about the mean */
	real	   *half;			/* n */
	real	   *product;		/* block x n */
	int			block;
	int			k;
	real	   *best;			/* k: scores so far, rising */
	int32_t    *row;			/* k: theirs */
	double	   *distance;		/* k: exact */
} Search;

static LearnStatus
create(LearnEnv *env, const real *x, int64_t n, int d, int k, Search *s)
{
	double	   *mean;

	*s = (Search) {.n = n, .d = d, .block = BLOCK, .k = k};
	while (s->block > 1 && s->block * n > BLOCK_PLACES)
		s->block /= 2;
	LEARN_ALLOC(env, s->x, (size_t) n * d);
	LEARN_ALLOC(env, s->half, n);
	LEARN_ALLOC(env, s->product, (size_t) s->block * n);
	LEARN_ALLOC(env, s->best, k);
	LEARN_ALLOC(env, s->row, k);
	LEARN_ALLOC(env, s->distance, k);
	LEARN_ALLOC(env, mean, d);
	memset(mean, 0, d * sizeof(double));
	for (int64_t i = 0; i < n; i++)
		for (int j = 0; j < d; j++)
			mean[j] += x[i * d + j] / (double) n;
	for (int64_t i = 0; i < n; i++)
	{
		if ((i & 0x3ff) == 0)
			LEARN_TRY(learn_poll(env));
		for (int j = 0; j < d; j++)
			s->x[i * d + j] = (real) (x[i * d + j] - mean[j]);
		s->half[i] = vm_dot(s->x + i * d, s->x + i * d, d) / 2;
	}
	return LEARN_OK;
}

/* Rows first .. last - 1, whose products are product[0 ..], into the *found best. */
static void
scan(Search *s, int64_t first, int64_t last, const real *product, int64_t itself, int *found)
{
	for (int64_t j = first; j < last; j++)
	{
		real		score = s->half[j] - product[j - first];
		int			place;

		if ((*found == s->k && !(score < s->best[s->k - 1])) || j == itself)
			continue;
		place = *found < s->k ? (*found)++ : s->k - 1;
		for (; place > 0 && s->best[place - 1] > score; place--)
		{
			s->best[place] = s->best[place - 1];
			s->row[place] = s->row[place - 1];
		}
		s->best[place] = score;
		s->row[place] = (int32_t) j;
	}
}

/* Squared, in float64. */
static double
distance(const real *a, const real *b, int d)
{
	double		sum[4] = {0};
	int			j = 0;

	for (; j + 4 <= d; j += 4)
		for (int l = 0; l < 4; l++)
		{
			double		t = (double) a[j + l] - b[j + l];

			sum[l] += t * t;
		}
	for (; j < d; j++)
		sum[0] += ((double) a[j] - b[j]) * ((double) a[j] - b[j]);
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* The best found by distances from the rows as they are, ties by number, to near (wanted). */
static void
put_in_order(Search *s, const real *x, int64_t i, int found, int wanted, int32_t *near)
{
	for (int at = 0; at < found; at++)
	{
		int32_t		row = s->row[at];
		double		sum = distance(x + i * s->d, x + (int64_t) row * s->d, s->d);
		int			place = at;

		for (; place > 0 && (s->distance[place - 1] > sum ||
							 (s->distance[place - 1] == sum && s->row[place - 1] > row)); place--)
		{
			s->distance[place] = s->distance[place - 1];
			s->row[place] = s->row[place - 1];
		}
		s->distance[place] = sum;
		s->row[place] = row;
	}
	for (int at = 0; at < wanted; at++)
		near[at] = at < found ? s->row[at] : -1;
}

LearnStatus
near_rows(LearnEnv *env, const real *x, int64_t n, int d, const int64_t *start, int n_classes,
		  bool own, int k, int32_t *near)
{
	ArenaMark	mark = arena_mark(env->arena);
	Search		s;

	LEARN_TRY(create(env, x, n, d, k + MORE, &s));
	for (int c = 0; c < n_classes; c++)
		for (int64_t first = start[c]; first < start[c + 1]; first += s.block)
		{
			int			count = start[c + 1] - first < s.block ? (int) (start[c + 1] - first) : s.block;
			int64_t		from = own ? start[c] : 0;
			int64_t		to = own ? start[c + 1] : n;

			LEARN_TRY(blas_gemm_polled(env, false, true, count, (int) (to - from), d, 1, s.x + first * d, d,
									   s.x + from * d, d, 0, s.product, (int) (to - from)));
			for (int i = 0; i < count; i++)
			{
				const real *product = s.product + (size_t) i * (to - from);
				int			found = 0;

				if ((int64_t) i * (to - from) % (1 << 20) < to - from)
					LEARN_TRY(learn_poll(env));
				if (own)
					scan(&s, from, to, product, first + i, &found);
				else
				{
					scan(&s, 0, start[c], product, -1, &found);
					scan(&s, start[c + 1], n, product + start[c + 1], -1, &found);
				}
				put_in_order(&s, x, first + i, found, k, near + (first + i) * k);
			}
		}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}
