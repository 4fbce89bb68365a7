/*
 * ranking.c
 *	  Ranks of the rows of a class, by counting the rows between them.
 */
#include "ranking.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define LEAST_BINS		1024
#define MOST_BINS		65536
#define BINS_A_ROW		4			/* bins for each row of the class, within these bounds */
#define PART			1024		/* scores that are sorted into bins at once */
#define POLL_ROWS		(1024 * PART)	/* between polls of a pass over scores */
#define SCAN			64			/* scores that are compared with a limit at once */
#define TAKEN			UINT32_C(0x80000000)	/* of a bin: its rows are put in order */

LearnStatus
ranking_create(LearnEnv *env, Neighbours *nb, Ranking *ranking)
{
	*ranking = (Ranking) {.nb = nb};
	LEARN_ALLOC(env, ranking->count, MOST_BINS + 1);
	LEARN_ALLOC(env, ranking->before, MOST_BINS);
	LEARN_ALLOC(env, ranking->place, nb->n);
	return LEARN_OK;
}

/*
 * The bin of a score, from 0 (below low) to bins (above all rows of the class, or infinite). One
 * product and no sum, which a compiler could fuse in one place and not in another. So a larger
 * score never has a smaller bin.
 */
static inline int32_t
bin_of(const Ranking *ranking, float score)
{
	float		x = (score - ranking->low) * ranking->scale;
	float		last = (float) (ranking->bins - 1);

	x = x > -1 ? x : -1;
	x = x < last ? x : last;
	return (int32_t) x + 1;
}

static void
find_bins(const Ranking *ranking, const float *score, int n, int32_t *bin)
{
	const Ranking r = *ranking;

	for (int j = 0; j < n; j++)
		bin[j] = bin_of(&r, score[j]);
}

/*
 * Set the bins between the scores of the rows of the class, none narrower than slack. Returns how
 * many rows are visible.
 */
static int64_t
lay_bins(Ranking *ranking, const float *score, int64_t begin, int64_t end, double slack)
{
	float		least = INFINITY;
	float		most = -INFINITY;
	int64_t		n = 0;
	double		range;
	int64_t		bins = LEAST_BINS;

	for (int64_t p = begin; p < end; p++)
		if (score[p] < INFINITY)
		{
			least = score[p] < least ? score[p] : least;
			most = score[p] > most ? score[p] : most;
			n++;
		}
	if (n == 0)
		return 0;
	ranking->low = (float) (least - 2 * slack);
	range = fmax((double) most + 2 * slack - ranking->low, 1e-30);
	while (bins < MOST_BINS && bins < n * BINS_A_ROW)
		bins *= 2;
	if (slack > 0 && range / slack < bins)
		bins = (int64_t) fmax(range / slack, 8);
	ranking->bins = (int) bins;
	ranking->scale = (float) ((bins - 3) / range);
	return n;
}

/* Mark the bins in which a row of the class may lie, given the error of its score. */
static void
take_bins(Ranking *ranking, const float *score, int64_t begin, int64_t end, double slack)
{
	for (int64_t p = begin; p < end; p++)
	{
		int			from;
		int			to;

		if (!(score[p] < INFINITY))
			continue;
		from = bin_of(ranking, (float) (score[p] - slack));
		to = bin_of(ranking, (float) (score[p] + slack));
		for (int b = from; b <= to && b < ranking->bins; b++)
			ranking->count[b] = TAKEN;
	}
}

static LearnStatus
count_rows(LearnEnv *env, Ranking *ranking, const float *score)
{
	uint32_t   *count = ranking->count;

	for (int64_t first = 0; first < ranking->nb->n; first += PART)
	{
		int			part = ranking->nb->n - first < PART ? (int) (ranking->nb->n - first) : PART;
		int32_t		bin[PART];

		if (first % POLL_ROWS == 0)
			LEARN_TRY(learn_poll(env));
		find_bins(ranking, score + first, part, bin);
		for (int j = 0; j < part; j++)
			count[bin[j]]++;
	}
	return LEARN_OK;
}

/*
 * Turn counts into the place of the first row of each taken bin among the taken rows, and into the
 * number of rows before it that are left out.
 */
static void
add_up(Ranking *ranking)
{
	uint32_t   *restrict count = ranking->count;
	int32_t    *restrict before = ranking->before;
	uint32_t	taken = 0;
	uint32_t	left = 0;

	for (int b = 0, bins = ranking->bins; b < bins; b++)
	{
		uint32_t	rows = count[b] & ~TAKEN;
		uint32_t	flag = count[b] & TAKEN;
		uint32_t	of_taken = flag ? rows : 0;

		before[b] = (int32_t) left;
		count[b] = taken | flag;
		taken += of_taken;
		left += rows - of_taken;
	}
}

/* Copy the rows of taken bins to nb->found, bin by bin. Returns how many. */
static LearnStatus
collect(LearnEnv *env, Ranking *ranking, const float *score, int64_t *n)
{
	const Neighbours *nb = ranking->nb;
	uint32_t   *count = ranking->count;
	Neighbour  *found = nb->found;

	*n = 0;
	for (int64_t first = 0; first < nb->n; first += PART)
	{
		int			part = nb->n - first < PART ? (int) (nb->n - first) : PART;
		int32_t		bin[PART];
		int			which[PART];
		int			taken = 0;

		if (first % POLL_ROWS == 0)
			LEARN_TRY(learn_poll(env));
		find_bins(ranking, score + first, part, bin);
		for (int j = 0; j < part; j++)
		{
			which[taken] = j;
			taken += count[bin[j]] >> 31;
		}
		for (int t = 0; t < taken; t++)
		{
			int			j = which[t];
			uint32_t	place = count[bin[j]]++ & ~TAKEN;

			found[place].key = neighbours_key(score[first + j]);
			found[place].row = (int32_t) (first + j);
		}
		*n += taken;
	}
	return LEARN_OK;
}

/*
 * Sort by key. Rows stand bin by bin, so insertion moves little. If a bin has very many rows, all
 * are sorted.
 */
static void
sort_bins(Neighbours *nb, int64_t n)
{
	Neighbour  *found = nb->found;
	int64_t		moves = 0;

	for (int64_t i = 1; i < n; i++)
	{
		Neighbour	x = found[i];
		int64_t		j = i;

		for (; j > 0 && found[j - 1].key > x.key; j--)
			found[j] = found[j - 1];
		found[j] = x;
		moves += i - j;
		if (moves > 16 * n)
		{
			neighbours_sort(nb, n);
			return;
		}
	}
}

LearnStatus
ranking_places(LearnEnv *env, Ranking *ranking, int i, const float *query, int64_t begin, int64_t end,
			   bool strict, int64_t *found)
{
	Neighbours *nb = ranking->nb;
	const float *score = nb->score + i * nb->n;
	double		slack = 1.5 * neighbours_slack(nb, i);	/* and what is lost to floats here */
	int64_t		n;
	int64_t		others = 0;
	int64_t		hits = 0;

	*found = lay_bins(ranking, score, begin, end, slack);
	if (*found == 0)
		return LEARN_OK;
	memset(ranking->count, 0, (ranking->bins + 1) * sizeof(uint32_t));
	take_bins(ranking, score, begin, end, slack);
	LEARN_TRY(count_rows(env, ranking, score));
	add_up(ranking);
	ranking->count[ranking->bins] = 0;
	LEARN_TRY(collect(env, ranking, score, &n));
	sort_bins(nb, n);
	LEARN_TRY(neighbours_settle(env, nb, i, query, nb->label[begin], n, n, strict ? n : 0, strict));
	for (int64_t j = 0; j < n; j++)
	{
		int32_t		row = nb->found[j].row;

		if (row < begin || row >= end)
		{
			others++;
			continue;
		}
		ranking->place[hits].place = (int32_t) (ranking->before[bin_of(ranking, score[row])] + others + hits);
		ranking->place[hits++].row = row;
	}
	return LEARN_OK;
}

/* ---------- the nearest row outside ---------- */

static float
least_of(const float *score, int64_t n, float least)
{
	float		part[16];
	int64_t		j = 0;

	for (int k = 0; k < 16; k++)
		part[k] = least;
	for (; j + 16 <= n; j += 16)
		for (int k = 0; k < 16; k++)
			part[k] = score[j + k] < part[k] ? score[j + k] : part[k];
	for (; j < n; j++)
		part[0] = score[j] < part[0] ? score[j] : part[0];
	for (int k = 0; k < 16; k++)
		least = part[k] < least ? part[k] : least;
	return least;
}

double
ranking_nearest_outside(const Neighbours *nb, int i, const float *query, int64_t begin, int64_t end)
{
	const float *score = nb->score + i * nb->n;
	float		least = least_of(score + end, nb->n - end, least_of(score, begin, INFINITY));
	float		limit = (float) (least + 1.5 * neighbours_slack(nb, i));
	double		nearest = INFINITY;

	if (!(least < INFINITY))
		return INFINITY;
	for (int64_t first = 0; first < nb->n; first += SCAN)
	{
		int64_t		last = first + SCAN < nb->n ? first + SCAN : nb->n;
		int			any = 0;

		for (int64_t p = first; p < last; p++)
			any |= score[p] <= limit;
		for (int64_t p = first; p < last && any; p++)
		{
			double		square;

			if (score[p] > limit || (p >= begin && p < end))
				continue;
			square = neighbours_square_distance(query, neighbours_row(nb, p), nb->d);
			nearest = square < nearest ? square : nearest;
		}
	}
	return sqrt(nearest);
}
