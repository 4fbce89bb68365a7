/*
 * roc.c
 *	  The curve of a threshold on distance, and the figures that are read from it.
 */
#include "roc.h"

#include <math.h>
#include <string.h>

#define DIGIT_BITS		11
#define DIGITS			(1 << DIGIT_BITS)
#define POLL_PAIRS		(1 << 20)

/* ---------- from pairs ---------- */

/* Distances are not negative, so their bits sort as they do; the last bit says genuine. */
static uint64_t
pair_key(double distance, bool same)
{
	uint64_t	bits;

	distance += 0.0;			/* -0 */
	memcpy(&bits, &distance, sizeof(bits));
	return (bits & ~UINT64_C(1)) | same;
}

static double
key_distance(uint64_t key)
{
	double		distance;

	key &= ~UINT64_C(1);
	memcpy(&distance, &key, sizeof(distance));
	return distance;
}

/* Radix sort, lowest digit first. *keys and *other may be exchanged. */
static LearnStatus
sort_keys(LearnEnv *env, uint64_t **keys, uint64_t **other, int64_t n)
{
	for (int shift = 0; shift < 64; shift += DIGIT_BITS)
	{
		int64_t		place[DIGITS] = {0};
		int64_t		sum = 0;
		uint64_t   *from = *keys;
		uint64_t   *to = *other;

		for (int64_t i = 0; i < n; i++)
		{
			if (i % POLL_PAIRS == 0)
				LEARN_TRY(learn_poll(env));
			place[from[i] >> shift & (DIGITS - 1)]++;
		}
		for (int b = 0; b < DIGITS; b++)
		{
			int64_t		count = place[b];

			place[b] = sum;
			sum += count;
		}
		for (int64_t i = 0; i < n; i++)
		{
			if (i % POLL_PAIRS == 0)
				LEARN_TRY(learn_poll(env));
			to[place[from[i] >> shift & (DIGITS - 1)]++] = from[i];
		}
		*keys = to;
		*other = from;
	}
	return LEARN_OK;
}

LearnStatus
roc_of_pairs(LearnEnv *env, const double *distance, const bool *same, int64_t n, Roc *roc)
{
	ArenaMark	mark;
	uint64_t   *keys;
	uint64_t   *other;
	int64_t		most = n > 0 ? n : 1;
	int64_t		step = -1;

	*roc = (Roc) {0};
	LEARN_ALLOC(env, roc->distance, most);
	LEARN_ALLOC(env, roc->genuine, most);
	LEARN_ALLOC(env, roc->impostor, most);
	mark = arena_mark(env->arena);
	LEARN_ALLOC(env, keys, most);
	LEARN_ALLOC(env, other, most);
	for (int64_t i = 0; i < n; i++)
	{
		if (!(distance[i] >= 0 && distance[i] < INFINITY))
			return learn_fail(env, LEARN_DIVERGED, "a distance is not a finite number");
		keys[i] = pair_key(distance[i], same[i]);
	}
	LEARN_TRY(sort_keys(env, &keys, &other, n));
	for (int64_t i = 0; i < n; i++)
	{
		double		at = key_distance(keys[i]);

		if (i == 0 || at != roc->distance[step])
		{
			step++;
			roc->distance[step] = at;
			roc->genuine[step] = step > 0 ? roc->genuine[step - 1] : 0;
			roc->impostor[step] = step > 0 ? roc->impostor[step - 1] : 0;
		}
		if (keys[i] & 1)
			roc->genuine[step]++;
		else
			roc->impostor[step]++;
	}
	roc->steps = step + 1;
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

/* ---------- figures ---------- */

double
roc_genuine(const Roc *roc)
{
	return roc->steps > 0 ? roc->genuine[roc->steps - 1] : 0;
}

double
roc_impostor(const Roc *roc)
{
	return roc->steps > 0 ? roc->impostor[roc->steps - 1] : 0;
}

static bool
both_kinds(const Roc *roc)
{
	return roc_genuine(roc) > 0 && roc_impostor(roc) > 0;
}

double
roc_auc(const Roc *roc)
{
	double		total = roc_impostor(roc);
	double		wins = 0;
	double		genuine = 0;
	double		impostor = 0;

	if (!both_kinds(roc))
		return NAN;
	for (int64_t i = 0; i < roc->steps; i++)
	{
		double		gained = roc->genuine[i] - genuine;
		double		tied = roc->impostor[i] - impostor;

		wins += gained * (total - roc->impostor[i] + tied / 2);
		genuine = roc->genuine[i];
		impostor = roc->impostor[i];
	}
	return wins / (genuine * total);
}

double
roc_average_precision(const Roc *roc)
{
	double		sum = 0;
	double		genuine = 0;

	if (!both_kinds(roc))
		return NAN;
	for (int64_t i = 0; i < roc->steps; i++)
	{
		double		gained = roc->genuine[i] - genuine;

		if (gained > 0)
			sum += gained * roc->genuine[i] / (roc->genuine[i] + roc->impostor[i]);
		genuine = roc->genuine[i];
	}
	return sum / genuine;
}

double
roc_eer(const Roc *roc)
{
	double		all_genuine = roc_genuine(roc);
	double		all_impostor = roc_impostor(roc);
	double		far = 0;
	double		frr = 1;

	if (!both_kinds(roc))
		return NAN;
	for (int64_t i = 0; i < roc->steps; i++)
	{
		double		next_far = roc->impostor[i] / all_impostor;
		double		next_frr = 1 - roc->genuine[i] / all_genuine;

		if (next_far >= next_frr)
		{
			/* far - frr goes from below 0 to 0 or above */
			double		share = (frr - far) / ((frr - far) + (next_far - next_frr));

			return far + share * (next_far - far);
		}
		far = next_far;
		frr = next_frr;
	}
	return far;
}

double
roc_tar(const Roc *roc, double far)
{
	int64_t		step;

	if (!both_kinds(roc))
		return NAN;
	step = roc_at_far(roc, far);
	return step < 0 ? 0 : roc->genuine[step] / roc_genuine(roc);
}

/* ---------- operating points ---------- */

int64_t
roc_at_far(const Roc *roc, double far)
{
	double		allowed = far * roc_impostor(roc);
	int64_t		low = 0;
	int64_t		high = roc->steps;

	while (low < high)
	{
		int64_t		middle = low + (high - low) / 2;

		if (roc->impostor[middle] <= allowed)
			low = middle + 1;
		else
			high = middle;
	}

	/* further steps that accept no genuine pair more only widen the threshold */
	while (low > 1 && roc->genuine[low - 1] == roc->genuine[low - 2])
		low--;
	if (low == 1 && roc->genuine[0] == 0 && roc->distance[0] > 0)
		low = 0;
	return low - 1;
}

int64_t
roc_at_eer(const Roc *roc)
{
	double		best = 1;
	int64_t		at = -1;

	for (int64_t i = 0; i < roc->steps; i++)
	{
		double		gap = fabs(roc->impostor[i] / roc_impostor(roc) - (1 - roc->genuine[i] / roc_genuine(roc)));

		if (gap < best)
		{
			best = gap;
			at = i;
		}
	}
	return at;
}

int64_t
roc_at_accuracy(const Roc *roc)
{
	double		best = 0;
	int64_t		at = -1;

	for (int64_t i = 0; i < roc->steps; i++)
		if (roc->genuine[i] - roc->impostor[i] > best)
		{
			best = roc->genuine[i] - roc->impostor[i];
			at = i;
		}
	return at;
}

int64_t
roc_at_f_beta(const Roc *roc, double beta)
{
	double		square = beta * beta;
	double		best = 0;
	int64_t		at = -1;

	for (int64_t i = 0; i < roc->steps; i++)
	{
		/* (1 + b^2) TP / ((1 + b^2) TP + b^2 FN + FP) */
		double		f = (1 + square) * roc->genuine[i] /
			(square * roc_genuine(roc) + roc->genuine[i] + roc->impostor[i]);

		if (f > best)
		{
			best = f;
			at = i;
		}
	}
	return at;
}

void
roc_share_interval(double share, double n, double *low, double *high)
{
	double		z = 1.959963984540054;
	double		centre = (share + z * z / (2 * n)) / (1 + z * z / n);
	double		half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n));

	*low = fmax(centre - half, 0);
	*high = fmin(centre + half, 1);
}

RocPoint
roc_point(const Roc *roc, int64_t step)
{
	RocPoint	point;
	double		all_genuine = roc_genuine(roc);
	double		all_impostor = roc_impostor(roc);
	double		genuine = step < 0 ? 0 : roc->genuine[step];
	double		impostor = step < 0 ? 0 : roc->impostor[step];

	/* in the middle of the gap: the rounding of a distance to float changes no answer */
	if (step < 0)
		point.threshold = roc->steps > 0 && roc->distance[0] > 0 ? roc->distance[0] / 2 : NAN;
	else if (step + 1 < roc->steps)
		point.threshold = roc->distance[step] + (roc->distance[step + 1] - roc->distance[step]) / 2;
	else
		point.threshold = roc->distance[step] * (1 + 1e-6);
	point.far = all_impostor > 0 ? impostor / all_impostor : NAN;
	point.tar = all_genuine > 0 ? genuine / all_genuine : NAN;
	point.accuracy = all_genuine + all_impostor > 0 ?
		(genuine + (all_impostor - impostor)) / (all_genuine + all_impostor) : NAN;
	point.precision = genuine + impostor > 0 ? genuine / (genuine + impostor) : NAN;
	return point;
}
