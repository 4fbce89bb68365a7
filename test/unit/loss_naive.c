/*
 * loss_naive.c
 *	  See loss_naive.h.
 */
#include "loss_naive.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/blas.h"
#include "learn/methods/options.h"

static LossCase cases[] = {
	{"contrastive", "contrastive", "pos_margin=0 neg_margin=1"},
	{"contrastive, both margins", "contrastive", "pos_margin=0.6 neg_margin=1.7"},
	{"triplet, all", "triplet", "margin=0.05 miner=all"},
	{"triplet, all, wide", "triplet", "margin=0.7 miner=all"},
	{"triplet, all, no margin", "triplet", "margin=0 miner=all"},
	{"triplet, hard", "triplet", "margin=0.2 miner=hard"},
	{"triplet, semi-hard", "triplet", "margin=0.05 miner=semihard"},
	{"triplet, semi-hard, wide", "triplet", "margin=0.7 miner=semihard"},
	{"triplet, swap", "triplet", "margin=0.3 swap=true"},
	{"triplet, smooth, hard", "triplet", "margin=0.3 smooth=true miner=hard"},
	{"triplet, smooth, swap, of cosines", "triplet", "margin=0.3 smooth=true swap=true distance=cosine"},
	{"quadruplet", "quadruplet", "margin=0.3"},
	{"quadruplet, wide", "quadruplet", "margin=1.5"},
	{"triplet, easy", "triplet", "margin=1.2 miner=easy"},
	{"triplet, easy positives", "triplet", "margin=0.2 miner=easy_positive"},
	{"triplet, angular", "triplet", "margin=0.4 miner=angular mine_angle=30"},
	{"triplet, of squares", "triplet", "margin=0.4 distance=l2_squared"},
	{"triplet, of noise to signal", "triplet", "margin=0.4 distance=snr"},
	{"contrastive, pair margin", "contrastive", "neg_margin=1.7 miner=pair_margin mine_near=0.5 mine_far=1.2"},
	{"contrastive, of cosines", "contrastive", "pos_margin=0.1 neg_margin=1.2 distance=cosine"},
	{"contrastive, multi-similarity", "contrastive", "neg_margin=1.7 miner=multi_similarity epsilon=0.2"},
	{"contrastive, semi-hard", "contrastive", "neg_margin=1.7 miner=semihard mine_margin=0.4"},
	{"multi_similarity", "multi_similarity", "alpha=2 beta=50 base=0.5 epsilon=0.1"},
	{"multi_similarity, all pairs", "multi_similarity", "alpha=3 beta=10 base=0.3 miner=all"},
	{"ntxent", "ntxent", "temperature=0.07"},
	{"ntxent, warm", "ntxent", "temperature=0.5"},
	{"supcon", "supcon", "temperature=0.1"},
	{"supcon, hard", "supcon", "miner=hard"},
	{"supcon, of inner products", "supcon", "temperature=0.5 distance=inner"},
	{"supcon, warm", "supcon", "temperature=0.5"},
	{"nca", "nca", "scale=1"},
	{"nca, sharp", "nca", "scale=9"},
	{"lifted_structure", "lifted_structure", ""},
	{"lifted_structure, margins", "lifted_structure", "pos_margin=0.4 neg_margin=1.5"},
	{"generalized_lifted_structure", "generalized_lifted_structure", ""},
	{"generalized_lifted_structure, margins", "generalized_lifted_structure", "pos_margin=0.9 neg_margin=0.3"},
	{"margin", "margin", "miner=all"},
	{"margin, drawn", "margin", ""},
	{"margin, per class", "margin", "miner=all per_class=true nu=0.3 margin=0.4"},
	{"circle", "circle", ""},
	{"circle, soft", "circle", "margin=0.25 scale=6"},
	{"tuplet_margin", "tuplet_margin", "scale=20"},
	{"tuplet_margin, wide", "tuplet_margin", "scale=5 margin=25"},
	{"ranked_list", "ranked_list", ""},
	{"ranked_list, soft", "ranked_list", "margin=0.8 neg_margin=1.6 scale=1 nu=0.3"},
	{"npair", "npair", ""},
	{"npair, of inner products", "npair", "temperature=1 distance=inner"},
	{"angular", "angular", ""},
	{"angular, narrow", "angular", "angle=20"},
	{"snr", "snr", "neg_margin=0.9"},
	{"snr, margins", "snr", "pos_margin=0.3 neg_margin=2"},
	{"dynamic_soft_margin", "dynamic_soft_margin", ""},
	{"dynamic_soft_margin, fine", "dynamic_soft_margin", "bins=64"},
	{"threshold_consistent_margin", "threshold_consistent_margin", ""},
	{"threshold_consistent_margin, weighted", "threshold_consistent_margin", "alpha=2 beta=0.5 pos_margin=0.7 neg_margin=0.1"},
	{"intra_pair_variance", "intra_pair_variance", ""},
	{"intra_pair_variance, wide", "intra_pair_variance", "pos_margin=0.2 neg_margin=0.4"},
	{"instance", "instance", "scale=16"},
	{"histogram", "histogram", ""},
	{"histogram, coarse", "histogram", "bins=7"},
	{"fast_ap", "fast_ap", ""},
	{"fast_ap, fine", "fast_ap", "bins=40"},
	{"smooth_ap", "smooth_ap", ""},
	{"smooth_ap, soft", "smooth_ap", "temperature=0.2"},
	{"pnp", "pnp", ""},
	{"pnp, ds", "pnp", "variant=ds temperature=0.1"},
	{"pnp, dq", "pnp", "variant=dq temperature=0.1 alpha=2"},
	{"pnp, iu", "pnp", "variant=iu temperature=0.1"},
	{"pnp, ib", "pnp", "variant=ib temperature=0.1 beta=3"},
	{"proxy_nca", "proxy_nca", "scale=1"},
	{"proxy_nca, sharp", "proxy_nca", "scale=9"},
	{"proxy_anchor", "proxy_anchor", "margin=0.1 alpha=32"},
	{"proxy_anchor, soft", "proxy_anchor", "margin=0.1 alpha=4"},
	{"normalized_softmax", "normalized_softmax", "temperature=0.05"},
	{"cosface", "cosface", "margin=0.35 scale=64"},
	{"cosface, soft", "cosface", "margin=0.2 scale=8"},
	{"arcface", "arcface", "margin=0.5 scale=64"},
	{"subcenter_arcface", "subcenter_arcface", ""},
	{"subcenter_arcface, soft", "subcenter_arcface", "margin=0.3 scale=8 proxies=2"},
	{"sphereface", "sphereface", "scale=4"},
	{"sphereface, two", "sphereface", "margin=2 scale=9"},
	{"large_margin_softmax", "large_margin_softmax", "scale=4"},
	{"large_margin_softmax, three", "large_margin_softmax", "margin=3 scale=2"},
	{"adacos", "adacos", ""},
	{"adacos, fixed", "adacos", "dynamic=false"},
	{"p2sgrad", "p2sgrad", ""},
	{"soft_triple", "soft_triple", "proxies=4"},
	{"soft_triple, alone", "soft_triple", "proxies=1"},
	{"soft_triple, no regulariser", "soft_triple", "proxies=2 nu=0"},
	{"soft_triple, regular", "soft_triple", "scale=5 proxies=3 nu=3"},
	{"soft_triple, soft", "soft_triple", "scale=5 temperature=0.5 margin=0.2 proxies=3"},
	{"centroid_triplet", "centroid_triplet", "margin=0.05"},
	{"centroid_triplet, wide", "centroid_triplet", "margin=0.7"},
	{"manifold_proxy", "manifold_proxy", ""},
	{"manifold_proxy, a short walk", "manifold_proxy", "walk=0.3 nu=0.5 margin=0.02"},
	{"vicreg", "vicreg", ""},
	{"vicreg, other weights", "vicreg", "alpha=3 beta=40 nu=9"},
	{"barlow_twins", "barlow_twins", ""},
	{"barlow_twins, strict", "barlow_twins", "nu=0.5"},
	{"kernel_regression", "kernel_regression", ""},
	{"kernel_regression, sharp", "kernel_regression", "scale=8"},
	{"kernel_regression, of cosines", "kernel_regression", "scale=3 distance=cosine"},
	{"rank_n_contrast", "rank_n_contrast", ""},
	{"rank_n_contrast, sharp", "rank_n_contrast", "temperature=0.2"},
	{"rank_n_contrast, of squares", "rank_n_contrast", "temperature=1 distance=l2_squared"},
	{"log_ratio", "log_ratio", ""},
	{"center", "center", ""},
	{"norm", "norm", ""},
	{"zero_mean", "zero_mean", ""},
	{"center_invariant", "center_invariant", ""},
	{"orthogonal", "orthogonal", ""},
	{"uniformity", "uniformity", ""},
	{"uniformity, sharp", "uniformity", "scale=6"},
	{"arcface, wide", "arcface", "margin=1.6 scale=8"},
};

LossParams
loss_options(const char *method, const char *text)
{
	LearnEnv	env = {0};
	TrainOptions options;
	char		name[64];
	char		value[64];
	int			length;

	options_init(&options);
	options.method = method_by_name(method);	/* also where it can be a term only */
	assert_non_null(options.method);
	while (sscanf(text, " %63[^=]=%63s%n", name, value, &length) == 2)
	{
		char	   *end;
		double		number = strtod(value, &end);
		LearnStatus status;

		if (*end == '\0')
			status = options_set_number(&env, &options, name, number);
		else if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
			status = options_set_bool(&env, &options, name, strcmp(value, "true") == 0);
		else
			status = options_set_text(&env, &options, name, value);
		if (status != LEARN_OK || options_check(&env, &options) != LEARN_OK)
			fail_msg("%s, %s: %s", method, text, env.message);
		text += length;
	}
	return options_loss(&options, 0);
}

const LossCase *
loss_case(int i)
{
	static bool filled;

	for (int k = 0; !filled && k < (int) (sizeof(cases) / sizeof(cases[0])); k++)
		cases[k].params = loss_options(cases[k].method, cases[k].options);
	filled = true;
	return i < (int) (sizeof(cases) / sizeof(cases[0])) ? &cases[i] : NULL;
}

/* What the naive formulas are written with. */
typedef struct Naive
{
	const LossParams *p;
	const LossBlock *b;
	const int32_t *label;
	int			rows;
	int			cols;
} Naive;

static double
at(const Naive *n, int i, int j)
{
	return n->b->s[(size_t) i * n->cols + j];
}

static bool
positive(const Naive *n, int i, int j)
{
	return n->b->relation[(size_t) i * n->cols + j] > 0;
}

static bool
negative(const Naive *n, int i, int j)
{
	return n->b->relation[(size_t) i * n->cols + j] < 0;
}

static double
mean(double sum, double count)
{
	return count > 0 ? sum / count : 0;
}

static double
naive_contrastive(const Naive *n)
{
	double		pos = 0,
				neg = 0,
				pos_count = 0,
				neg_count = 0;

	for (int i = 0; i < n->rows; i++)
		for (int j = 0; j < n->cols; j++)
		{
			double		above = at(n, i, j) - n->p->pos_margin;
			double		below = n->p->neg_margin - at(n, i, j);

			if (positive(n, i, j) && above > 0)
				pos += above, pos_count++;
			if (negative(n, i, j) && below > 0)
				neg += below, neg_count++;
		}
	return mean(pos, pos_count) + mean(neg, neg_count);
}

/* With swap or smooth an anchor has one positive: the first behind it, going round. */
static int
single_positive(const Naive *n, int a)
{
	for (int k = 1; k < n->cols; k++)
		if (positive(n, a, (a + k) % n->cols))
			return (a + k) % n->cols;
	return -1;
}

static double
naive_triplet(const Naive *n)
{
	double		sum = 0,
				count = 0,
				m = n->p->margin;
	bool		single = n->p->swap || n->p->smooth;

	for (int a = 0; a < n->rows; a++)
		for (int p = 0; p < n->cols; p++)
			for (int q = 0; q < n->cols; q++)
			{
				double		d_ap = at(n, a, p);
				double		d_an = at(n, a, q);
				double		loss;

				if (!positive(n, a, p) || !negative(n, a, q))
					continue;
				if (n->p->miner == MINE_SEMIHARD && d_an <= d_ap)
					continue;
				if (single && p != single_positive(n, a))
					continue;
				if (n->p->swap && at(n, p, q) < d_an)
					d_an = at(n, p, q);
				loss = d_ap - d_an + m;
				if (n->p->smooth)
					loss = log(1 + exp(loss));
				if (loss > 0)
					sum += loss, count++;
			}
	return mean(sum, count);
}

static double
naive_quadruplet(const Naive *n)
{
	double		sum = 0,
				count = 0;

	for (int a = 0; a < n->rows; a++)
		for (int b = 0; b < n->cols; b++)
			for (int c = 0; c < n->rows && positive(n, a, b); c++)
				for (int d = 0; d < n->cols; d++)
				{
					double		loss = at(n, a, b) - at(n, c, d) + n->p->margin;

					if (negative(n, c, d) && loss > 0)
						sum += loss, count++;
				}
	return mean(sum, count);
}

static double
naive_multi_similarity(const Naive *n)
{
	double		sum = 0;

	for (int i = 0; i < n->rows; i++)
	{
		double		pull = 0,
					push = 0;

		for (int j = 0; j < n->cols; j++)
		{
			if (positive(n, i, j))
				pull += exp(-n->p->alpha * (at(n, i, j) - n->p->base));
			if (negative(n, i, j))
				push += exp(n->p->beta * (at(n, i, j) - n->p->base));
		}
		sum += log(1 + pull) / n->p->alpha + log(1 + push) / n->p->beta;
	}
	return sum / n->rows;
}

static double
naive_ntxent(const Naive *n)
{
	double		sum = 0,
				count = 0,
				t = n->p->temperature;

	for (int a = 0; a < n->rows; a++)
		for (int p = 0; p < n->cols; p++)
		{
			double		others = 0;

			if (!positive(n, a, p))
				continue;
			for (int q = 0; q < n->cols; q++)
				if (negative(n, a, q))
					others += exp(at(n, a, q) / t);
			if (others == 0)
				continue;
			sum -= log(exp(at(n, a, p) / t) / (exp(at(n, a, p) / t) + others));
			count++;
		}
	return mean(sum, count);
}

static double
naive_supcon(const Naive *n)
{
	double		sum = 0,
				count = 0,
				t = n->p->temperature;

	for (int i = 0; i < n->rows; i++)
	{
		double		all = 0,
					terms = 0,
					positives = 0;

		for (int j = 0; j < n->cols; j++)
			if (positive(n, i, j) || negative(n, i, j))
				all += exp(at(n, i, j) / t);
		for (int j = 0; j < n->cols; j++)
			if (positive(n, i, j))
				terms -= log(exp(at(n, i, j) / t) / all), positives++;
		if (positives > 0)
			sum += terms / positives, count++;
	}
	return mean(sum, count);
}

static double
naive_nca(const Naive *n)
{
	double		sum = 0,
				count = 0;

	for (int i = 0; i < n->rows; i++)
	{
		double		all = 0,
					same = 0;

		for (int j = 0; j < n->cols; j++)
		{
			if (positive(n, i, j) || negative(n, i, j))
				all += exp(-n->p->scale * at(n, i, j));
			if (positive(n, i, j))
				same += exp(-n->p->scale * at(n, i, j));
		}
		if (same > 0)
			sum -= log(same / all), count++;
	}
	return mean(sum, count);
}

static double
naive_lifted_structure(const Naive *n)
{
	double		sum = 0,
				count = 0;

	for (int i = 0; i < n->rows; i++)
		for (int j = 0; j < n->cols; j++)
		{
			double		push = 0;

			if (!positive(n, i, j))
				continue;
			for (int q = 0; q < n->cols; q++)
			{
				if (negative(n, i, q))
					push += exp(n->p->neg_margin - at(n, i, q));
				if (n->b->square && j < n->rows && negative(n, j, q))
					push += exp(n->p->neg_margin - at(n, j, q));
			}
			if (push == 0)
				continue;
			sum += pow(fmax(log(push) + at(n, i, j) - n->p->pos_margin, 0), 2) / 2;
			count++;
		}
	return mean(sum, count);
}

static double
naive_generalized_lifted(const Naive *n)
{
	double		sum = 0,
				count = 0;

	for (int i = 0; i < n->rows; i++)
	{
		double		pull = 0,
					push = 0;

		for (int j = 0; j < n->cols; j++)
		{
			if (positive(n, i, j))
				pull += exp(at(n, i, j) - n->p->pos_margin);
			if (negative(n, i, j))
				push += exp(n->p->neg_margin - at(n, i, j));
		}
		if (pull > 0 && push > 0)
			sum += fmax(log(pull) + log(push), 0), count++;
	}
	return mean(sum, count);
}

static double
naive_margin(const Naive *n)
{
	double		sum = 0,
				count = 0,
				beta_sum = 0;

	for (int i = 0; i < n->rows; i++)
	{
		double		beta = n->b->scalar[n->p->per_class ? n->label[i] : 0];

		beta_sum += beta;
		for (int j = 0; j < n->cols; j++)
		{
			double		loss = 0;

			if (positive(n, i, j))
				loss = n->p->margin + at(n, i, j) - beta;
			if (negative(n, i, j))
				loss = n->p->margin + beta - at(n, i, j);
			if (loss > 0)
				sum += loss, count++;
		}
	}
	return mean(sum, count) + n->p->nu * beta_sum / n->rows;
}

static double
naive_circle(const Naive *n)
{
	double		sum = 0,
				count = 0,
				m = n->p->margin,
				gamma = n->p->scale;

	for (int i = 0; i < n->rows; i++)
	{
		double		pull = 0,
					push = 0;

		for (int j = 0; j < n->cols; j++)
		{
			double		held = n->b->held[(size_t) i * n->cols + j];

			if (positive(n, i, j))
				pull += exp(-gamma * fmax(1 + m - held, 0) * (at(n, i, j) - (1 - m)));
			if (negative(n, i, j))
				push += exp(gamma * fmax(held + m, 0) * (at(n, i, j) - m));
		}
		if (pull > 0 && push > 0)
			sum += log(1 + pull * push), count++;
	}
	return mean(sum, count);
}

static double
naive_tuplet_margin(const Naive *n)
{
	double		sum = 0,
				count = 0,
				m = n->p->margin * acos(-1) / 180;

	for (int i = 0; i < n->rows; i++)
		for (int p = 0; p < n->cols; p++)
		{
			double		others = 0;

			if (!positive(n, i, p))
				continue;
			for (int q = 0; q < n->cols; q++)
				if (negative(n, i, q))
					others += exp(n->p->scale * (at(n, i, q) - cos(acos(fmin(fmax(at(n, i, p), -1), 1)) - m)));
			if (others > 0)
				sum += log(1 + others), count++;
		}
	return mean(sum, count);
}

static double
naive_ranked_list(const Naive *n)
{
	double		sum = 0;

	for (int i = 0; i < n->rows; i++)
	{
		double		pull = 0,
					pulled = 0,
					push = 0,
					pushed = 0;

		for (int j = 0; j < n->cols; j++)
		{
			double		over = at(n, i, j) - (n->p->neg_margin - n->p->margin);
			double		under = n->p->neg_margin - at(n, i, j);

			if (positive(n, i, j) && over > 0)
				pull += over, pulled++;
			if (negative(n, i, j) && under > 0)
				push += exp(n->p->scale * under) * under, pushed += exp(n->p->scale * under);
		}
		sum += (1 - n->p->nu) * mean(pull, pulled) + n->p->nu * mean(push, pushed);
	}
	return sum / n->rows;
}

/* The other row of the pair that row i begins: rows of a class in order, two by two. */
static int
naive_partner(const Naive *n, int i, bool first)
{
	int			before = 0;

	for (int k = 0; k < i; k++)
		before += n->label[k] == n->label[i];
	if (before % 2 != (first ? 0 : 1))
		return -1;
	for (int k = first ? i + 1 : 0; k < n->rows; k++)
		if (n->label[k] == n->label[i])
			return k;
	return -1;
}

static double
naive_npair(const Naive *n)
{
	double		sum = 0,
				count = 0;

	for (int i = 0; i < n->rows; i++)
	{
		int			p = naive_partner(n, i, true);
		double		others = 0;

		if (p < 0)
			continue;
		for (int q = 0; q < n->cols; q++)
			if (negative(n, i, q) && naive_partner(n, q, false) >= 0)
				others += exp((at(n, i, q) - at(n, i, p)) / n->p->temperature);
		sum += log(1 + others), count++;
	}
	return mean(sum, count);
}

static double
naive_angular(const Naive *n)
{
	double		sum = 0,
				count = 0,
				t = pow(tan(n->p->angle * acos(-1) / 180), 2);

	for (int a = 0; a < n->rows; a++)
	{
		int			p = naive_partner(n, a, true);
		double		others = 0;

		if (p < 0)
			continue;
		for (int q = 0; q < n->cols; q++)
			if (negative(n, a, q))
				others += exp(4 * t * (at(n, a, q) + at(n, p, q)) - 2 * (1 + t) * at(n, a, p));
		sum += log(1 + others), count++;
	}
	return mean(sum, count);
}

/* One value for each anchor; the share of the histogram that is in the bins up to its own. */
static double
naive_dynamic_soft_margin(const Naive *n)
{
	int			bins = n->p->bins;
	double		width = 4.0 / bins;
	double		histogram[1001];
	double		sum = 0,
				count = 0;

	for (int b = 0; b <= bins; b++)
		histogram[b] = n->b->state[1 + b];
	for (int pass = n->b->learning ? 0 : 1; pass < 2; pass++)
	{
		double		fresh[1001] = {0};

		count = 0;
		for (int i = 0; i < n->rows; i++)
		{
			int			p = single_positive(n, i);
			int			q = -1;
			double		x,
						place;
			double		share = 0;

			for (int j = 0; j < n->cols; j++)
				if (negative(n, i, j) && (q < 0 || at(n, i, j) < at(n, i, q)))
					q = j;
			if (p < 0 || q < 0)
				continue;
			x = n->b->held[(size_t) i * n->cols + p] - n->b->held[(size_t) i * n->cols + q];
			place = fmin((fmin(fmax(x, -2), 2) + 2) / width, bins);
			count++;
			for (int b = 0; b <= bins; b++)
			{
				fresh[b] += fmax(0, 1 - fabs(place - b));
				share += b <= fmin(floor(place), bins - 1) ? histogram[b] : 0;
			}
			if (pass == 1)
				sum += share * (at(n, i, p) - at(n, i, q));
		}
		if (pass == 0 && count > 0)
			for (int b = 0; b <= bins; b++)
				histogram[b] = n->b->state[0] > 0 ? 0.99 * histogram[b] + 0.01 * fresh[b] / count : fresh[b] / count;
	}
	return mean(sum, count);
}

static double
naive_threshold_consistent(const Naive *n)
{
	double		pos = 0,
				neg = 0,
				pos_count = 0,
				neg_count = 0;

	for (int i = 0; i < n->rows; i++)
		for (int j = 0; j < n->cols; j++)
		{
			if (positive(n, i, j) && at(n, i, j) <= n->p->pos_margin)
				pos += n->p->pos_margin - at(n, i, j), pos_count++;
			if (negative(n, i, j) && at(n, i, j) >= n->p->neg_margin)
				neg += at(n, i, j) - n->p->neg_margin, neg_count++;
		}
	return n->p->alpha * mean(pos, pos_count) + n->p->beta * mean(neg, neg_count);
}

static double
naive_intra_pair_variance(const Naive *n)
{
	double		pos = 0,
				neg = 0,
				pos_count = 0,
				neg_count = 0,
				total = 0;

	for (int pass = 0; pass < 2; pass++)
	{
		for (int i = 0; i < n->rows; i++)
			for (int j = 0; j < n->cols; j++)
			{
				if (positive(n, i, j) && pass == 0)
					pos += at(n, i, j), pos_count++;
				if (negative(n, i, j) && pass == 0)
					neg += at(n, i, j), neg_count++;
				if (positive(n, i, j) && pass == 1)
					total += pow(fmax((1 - n->p->pos_margin) * pos - at(n, i, j), 0), 2) / pos_count;
				if (negative(n, i, j) && pass == 1)
					total += pow(fmax(at(n, i, j) - (1 + n->p->neg_margin) * neg, 0), 2) / neg_count;
			}
		if (pass == 0)
			pos = mean(pos, pos_count), neg = mean(neg, neg_count);
	}
	return total;
}

static double
naive_instance(const Naive *n)
{
	double		sum = 0;

	for (int i = 0; i < n->rows; i++)
	{
		double		all = exp(n->p->scale);	/* its cosine with itself is 1 */

		for (int j = 0; j < n->cols; j++)
			if (negative(n, i, j))
				all += exp(n->p->scale * at(n, i, j));
		sum -= log(exp(n->p->scale) / all);
	}
	return sum / n->rows;
}

/* The node's share of a value at a place between nodes. */
static double
pulse(double place, int node)
{
	return fmax(0, 1 - fabs(place - node));
}

static double
naive_histogram(const Naive *n)
{
	double		pos[1001] = {0},
				neg[1001] = {0},
				pos_count = 0,
				neg_count = 0,
				below = 0,
				sum = 0;

	for (int i = 0; i < n->rows; i++)
		for (int j = 0; j < n->cols; j++)
			for (int b = 0; b <= n->p->bins; b++)
			{
				double		place = (fmin(fmax(at(n, i, j), -1), 1) + 1) * n->p->bins / 2;

				pos[b] += positive(n, i, j) ? pulse(place, b) : 0;
				neg[b] += negative(n, i, j) ? pulse(place, b) : 0;
				pos_count += positive(n, i, j) && b == 0;
				neg_count += negative(n, i, j) && b == 0;
			}
	for (int b = 0; b <= n->p->bins && pos_count > 0 && neg_count > 0; b++)
	{
		below += pos[b] / pos_count;
		sum += neg[b] / neg_count * below;
	}
	return sum;
}

static double
naive_fast_ap(const Naive *n)
{
	double		sum = 0,
				count = 0;

	for (int i = 0; i < n->rows; i++)
	{
		double		precision = 0,
					positives = 0,
					found = 0,
					seen = 0;

		for (int b = 0; b <= n->p->bins; b++)
		{
			double		here = 0;

			for (int j = 0; j < n->cols; j++)
			{
				double		place = (2 - 2 * fmin(fmax(at(n, i, j), -1), 1)) * n->p->bins / 4;

				here += positive(n, i, j) ? pulse(place, b) : 0;
				seen += positive(n, i, j) || negative(n, i, j) ? pulse(place, b) : 0;
				positives += positive(n, i, j) && b == 0;
			}
			found += here;
			precision += here > 0 ? here * found / seen : 0;
		}
		if (positives > 0)
			sum += 1 - precision / positives, count++;
	}
	return mean(sum, count);
}

/* How many columns of a kind are nearer than k, softly. */
static double
naive_ahead(const Naive *n, int i, int k, bool positives)
{
	double		sum = 0;

	for (int j = 0; j < n->cols; j++)
		if (j != k && (positives ? positive(n, i, j) : negative(n, i, j)))
			sum += 1 / (1 + exp((at(n, i, k) - at(n, i, j)) / n->p->temperature));
	return sum;
}

static double
naive_smooth_ap(const Naive *n)
{
	double		sum = 0,
				count = 0;

	for (int i = 0; i < n->rows; i++)
	{
		double		precision = 0,
					positives = 0;

		for (int j = 0; j < n->cols; j++)
			if (positive(n, i, j))
			{
				precision += (1 + naive_ahead(n, i, j, true)) / (1 + naive_ahead(n, i, j, true) + naive_ahead(n, i, j, false));
				positives++;
			}
		if (positives > 0)
			sum += 1 - precision / positives, count++;
	}
	return mean(sum, count);
}

static double
naive_pnp(const Naive *n)
{
	double		sum = 0,
				count = 0;

	for (int i = 0; i < n->rows; i++)
	{
		double		own = 0,
					positives = 0;

		for (int j = 0; j < n->cols; j++)
			if (positive(n, i, j))
			{
				double		r = naive_ahead(n, i, j, false);
				double		b = n->p->beta;
				const double forms[] = {r, log(1 + r), 1 - 1 / pow(1 + r, n->p->alpha), (1 + r) * log(1 + r),
				(b * r - log(1 + b * r)) / (b * b)};

				own += forms[n->p->variant];
				positives++;
			}
		if (positives > 0)
			sum += own / positives, count++;
	}
	return mean(sum, count);
}

/* theta between k pi / m and (k + 1) pi / m: (-1)^k cos(m theta) - 2 k */
static double
naive_psi(double s, double margin)
{
	double		theta = acos(fmin(fmax(s, -1), 1));
	double		m = floor(margin + 0.5);
	double		k = fmin(floor(theta * m / acos(-1)), m - 1);

	return (fmod(k, 2) == 0 ? 1 : -1) * cos(m * theta) - 2 * k;
}

static double
naive_scale(const Naive *n)
{
	double		scale = n->b->state[0];
	double		own[4096];
	double		sum = 0;

	if (scale == 0)
		scale = fmax(sqrt(2) * log(n->cols > 2 ? n->cols - 1 : 1), 1);
	if (!n->p->dynamic || !n->b->learning || n->cols < 2)
		return scale;
	for (int i = 0; i < n->rows; i++)
	{
		double		angle = acos(fmin(fmax(at(n, i, n->label[i]), -1), 1));
		int			place = i;

		for (int c = 0; c < n->cols; c++)
			sum += c != n->label[i] ? exp(scale * at(n, i, c)) : 0;
		/* ascending cosines */
		for (; place > 0 && own[place - 1] < angle; place--)
			own[place] = own[place - 1];
		own[place] = angle;
	}
	return fmax(log(sum / n->rows) / cos(fmin(acos(-1) / 4, own[n->rows / 2])), 1);
}

/* A row's similarity to a class: of its only proxy, its nearest, or a soft mean of them. */
static double
naive_class(const Naive *n, const char *method, int i, int c)
{
	int			k = n->b->per_class;
	double		largest = -INFINITY,
				sum = 0,
				weighted = 0;

	for (int p = c * k; p < (c + 1) * k; p++)
	{
		largest = fmax(largest, at(n, i, p));
		sum += exp(at(n, i, p) / n->p->temperature);
		weighted += exp(at(n, i, p) / n->p->temperature) * at(n, i, p);
	}
	return strcmp(method, "soft_triple") == 0 ? weighted / sum : largest;
}

/* The softmaxes over proxies differ in a row's logits. */
static double
naive_logit(const Naive *n, const char *method, int i, int c)
{
	double		s = naive_class(n, method, i, c);
	bool		own = n->label[i] == c;

	if (strcmp(method, "proxy_nca") == 0)
		return -n->p->scale * (2 - 2 * s);	/* of unit vectors, the squared distance */
	if (strcmp(method, "normalized_softmax") == 0)
		return s / n->p->temperature;
	if (strcmp(method, "adacos") == 0)
		return naive_scale(n) * s;
	if (strcmp(method, "cosface") == 0 || strcmp(method, "soft_triple") == 0)
		return n->p->scale * (own ? s - n->p->margin : s);
	if (strcmp(method, "sphereface") == 0)
		return n->p->scale * (own ? naive_psi(s, n->p->margin) : s);
	if (strcmp(method, "large_margin_softmax") == 0)
		return n->p->scale * n->b->norm[c] * (own ? naive_psi(s, n->p->margin) : s);
	if (own)
	{
		double		theta = acos(fmin(fmax(s, -1), 1));

		s = (theta + n->p->margin <= acos(-1)) ? cos(theta + n->p->margin) : s - n->p->margin * sin(n->p->margin);
	}
	return n->p->scale * s;
}

/* The regulariser of soft_triple: distances of a class's proxies, each pair once. */
static double
naive_spread(const Naive *n)
{
	int			k = n->b->per_class;
	double		sum = 0;

	for (int a = 0; a < n->cols; a++)
		for (int b = a + 1; b < n->cols; b++)
			if (a / k == b / k)
				sum += sqrt(naive_similarity(n->b->proxy + a * n->b->dims, n->b->proxy + b * n->b->dims, n->b->dims, LOSS_SQUARED, true));
	return k > 1 ? n->p->nu * sum / (n->b->n_classes * k * (k - 1.0)) : 0;
}

static double
naive_softmax(const Naive *n, const char *method)
{
	double		sum = 0;

	for (int i = 0; i < n->rows; i++)
	{
		double		own = naive_logit(n, method, i, n->label[i]);
		double		all = 0;

		for (int c = 0; c < n->b->n_classes; c++)
			all += exp(naive_logit(n, method, i, c) - own);
		sum += log(all);
	}
	return sum / n->rows + (strcmp(method, "soft_triple") == 0 ? naive_spread(n) : 0);
}

static double
naive_p2sgrad(const Naive *n)
{
	double		sum = 0;

	for (int i = 0; i < n->rows; i++)
		for (int c = 0; c < n->cols; c++)
			sum += pow(at(n, i, c) - (n->label[i] == c), 2);
	return sum / n->rows / n->cols;
}

/* Squared distances give those to centroids, the anchor a left out. */
static double
naive_centroid(const Naive *n, int a, int y)
{
	double		to = 0,
				inside = 0,
				size = 0;

	for (int j = 0; j < n->rows; j++)
	{
		if (n->label[j] != y || j == a)
			continue;
		size++;
		to += at(n, a, j);
		for (int k = 0; k < n->rows; k++)
			inside += n->label[k] == y && k != a && k != j ? at(n, j, k) : 0;
	}
	return size > 0 ? sqrt(fmax(to / size - inside / (2 * size * size), 0)) : -1;
}

static double
naive_centroid_triplet(const Naive *n)
{
	double		sum = 0,
				count = 0;

	for (int a = 0; a < n->rows; a++)
		for (int y = 0; y < n->b->n_classes; y++)
		{
			double		own = naive_centroid(n, a, n->label[a]);
			double		other = naive_centroid(n, a, y);

			if (y != n->label[a] && own >= 0 && other >= 0 && own - other + n->p->margin > 0)
				sum += own - other + n->p->margin, count++;
		}
	return mean(sum, count);
}

static double
element(const Naive *n, int i, int k)
{
	return n->b->z[(size_t) i * n->b->dims + k];
}

/* Pairs of views are pairs of rows as N-pair has them. */
static int
naive_pairs(const Naive *n)
{
	int			pairs = 0;

	for (int i = 0; i < n->rows; i++)
		pairs += naive_partner(n, i, true) >= 0;
	return pairs;
}

/* The covariance, over the pairs, of column k of one view and column l of the other (or the same). */
static double
naive_covariance(const Naive *n, int side_k, int k, int side_l, int l)
{
	double		sum_k = 0,
				sum_l = 0,
				product = 0,
				pairs = naive_pairs(n);

	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < n->rows; i++)
		{
			int			p = naive_partner(n, i, true);

			if (p < 0)
				continue;
			if (pass == 0)
				sum_k += element(n, side_k ? p : i, k) / pairs, sum_l += element(n, side_l ? p : i, l) / pairs;
			else
				product += (element(n, side_k ? p : i, k) - sum_k) * (element(n, side_l ? p : i, l) - sum_l);
		}
	return product / pairs;
}

static double
naive_cosine(const double *a, const double *b, int n)
{
	double		ab = 0,
				aa = 0,
				bb = 0;

	for (int k = 0; k < n; k++)
		ab += a[k] * b[k], aa += a[k] * a[k], bb += b[k] * b[k];
	return ab / sqrt(aa * bb);
}

/* The inverse of the n x n matrix a by elimination with pivots; a is lost. */
static double *
naive_inverse(double *a, int n)
{
	double	   *inverse = calloc((size_t) n * n, sizeof(double));

	for (int i = 0; i < n; i++)
		inverse[i * n + i] = 1;
	for (int k = 0; k < n; k++)
	{
		int			pivot = k;
		double		divisor;

		for (int i = k + 1; i < n; i++)
			if (fabs(a[i * n + k]) > fabs(a[pivot * n + k]))
				pivot = i;
		divisor = a[pivot * n + k];
		for (int j = 0; j < n; j++)
		{
			double		x = a[k * n + j],
						y = inverse[k * n + j];

			a[k * n + j] = a[pivot * n + j] / divisor;
			inverse[k * n + j] = inverse[pivot * n + j] / divisor;
			if (pivot != k)
				a[pivot * n + j] = x, inverse[pivot * n + j] = y;
		}
		for (int i = 0; i < n; i++)
		{
			double		factor = i == k ? 0 : a[i * n + k];

			for (int j = 0; j < n; j++)
			{
				a[i * n + j] -= factor * a[k * n + j];
				inverse[i * n + j] -= factor * inverse[k * n + j];
			}
		}
	}
	return inverse;
}

/* Of nodes: those of the batch, then the proxies; only S above the diagonal is read. */
static double
naive_manifold_proxy(const Naive *n)
{
	int			nodes = n->rows;
	int			rows = nodes - n->b->n_classes;
	double	   *w = calloc((size_t) nodes * nodes, sizeof(double));
	double	   *a = calloc((size_t) nodes * nodes, sizeof(double));
	double	   *f;
	double		sum = 0;

	for (int i = 0; i < nodes; i++)
		for (int j = 0; j < nodes; j++)
			w[i * nodes + j] = i == j ? 0 : exp(fmax(i < j ? at(n, i, j) : at(n, j, i), 0) / 0.5);
	for (int i = 0; i < nodes; i++)
		for (int j = 0; j < nodes; j++)
		{
			double		degree_i = 0,
						degree_j = 0;

			for (int k = 0; k < nodes; k++)
				degree_i += w[i * nodes + k], degree_j += w[j * nodes + k];
			a[i * nodes + j] = (i == j) - n->p->walk * w[i * nodes + j] / sqrt(degree_i * degree_j);
		}
	f = naive_inverse(a, nodes);
	for (int k = 0; k < nodes * nodes; k++)
		f[k] *= 1 - n->p->walk;
	for (int i = 0; i < rows; i++)
	{
		double	   *f_i = f + i * nodes,
				   *own = f + (rows + n->label[i]) * nodes;
		double		inside = 0,
					around = 0;

		for (int c = 0; c < n->b->n_classes; c++)
		{
			double	   *other = f + (rows + c) * nodes;
			double		x = f_i[rows + c] - f_i[rows + n->label[i]] + n->p->margin;
			double		y = naive_cosine(f_i, other, nodes) - naive_cosine(f_i, own, nodes) + n->p->margin;

			if (c == n->label[i])
				continue;
			inside += x >= 0 ? exp(x) : 0;
			around += y >= 0 ? exp(y) : 0;
		}
		sum += log(1 + inside) + n->p->nu * log(1 + around);
	}
	free(w);
	free(a);
	free(f);
	return mean(sum, rows);
}

static double
naive_vicreg(const Naive *n)
{
	int			dims = n->b->dims;
	double		pairs = naive_pairs(n);
	double		invariance = 0,
				variance = 0,
				covariance = 0;

	if (pairs < 2)
		return 0;
	for (int i = 0; i < n->rows; i++)
		for (int k = 0; k < dims && naive_partner(n, i, true) >= 0; k++)
			invariance += pow(element(n, i, k) - element(n, naive_partner(n, i, true), k), 2) / dims / pairs;
	for (int side = 0; side < 2; side++)
		for (int k = 0; k < dims; k++)
			for (int l = 0; l < dims; l++)
			{
				double		c = naive_covariance(n, side, k, side, l) * pairs / (pairs - 1);

				if (k == l)
					variance += fmax(1 - sqrt(c + 1e-4), 0) / 2 / dims;
				else
					covariance += c * c / dims;
			}
	return n->p->alpha * invariance + n->p->beta * variance + n->p->nu * covariance;
}

static double
naive_barlow_twins(const Naive *n)
{
	double		sum = 0;

	if (naive_pairs(n) < 2)
		return 0;
	for (int k = 0; k < n->b->dims; k++)
		for (int l = 0; l < n->b->dims; l++)
		{
			double		c = naive_covariance(n, 0, k, 1, l) /
				sqrt((naive_covariance(n, 0, k, 0, k) + 1e-4) * (naive_covariance(n, 1, l, 1, l) + 1e-4));

			sum += k == l ? pow(1 - c, 2) : n->p->nu * c * c;
		}
	return sum;
}

/* Element k of the mean of class y's rows. */
static double
naive_class_mean(const Naive *n, int y, int k)
{
	double		sum = 0,
				count = 0;

	for (int i = 0; i < n->rows; i++)
		if (n->label[i] == y)
			sum += element(n, i, k), count++;
	return mean(sum, count);
}

static double
naive_center(const Naive *n)
{
	double		sum = 0;
	int			dims = n->b->dims;

	for (int i = 0; i < n->rows; i++)
		for (int k = 0; k < dims; k++)
		{
			int			y = n->label[i];
			bool		seen = n->b->state[n->b->n_classes * dims + y] > 0;
			double		centre = seen || !n->b->learning ? n->b->state[y * dims + k] : naive_class_mean(n, y, k);

			sum += pow(element(n, i, k) - centre, 2) / 2;
		}
	return sum / n->rows;
}

static double
naive_norm(const Naive *n)
{
	double		sum = 0;

	for (int i = 0; i < n->rows; i++)
		for (int k = 0; k < n->b->dims; k++)
			sum += element(n, i, k) * element(n, i, k);
	return sum / n->rows;
}

static double
naive_zero_mean(const Naive *n)
{
	double		sum = 0;

	for (int i = 0; i < n->rows; i++)
	{
		double		row = 0;

		for (int k = 0; k < n->b->dims; k++)
			row += element(n, i, k);
		sum += fabs(row);
	}
	return sum / n->rows;
}

static double
naive_center_invariant(const Naive *n)
{
	double		square[4096];
	double		sum = 0,
				all = 0;
	int			classes = 0;

	for (int y = 0; y < n->b->n_classes; y++)
	{
		bool		present = false;

		for (int i = 0; i < n->rows; i++)
			present = present || n->label[i] == y;
		if (!present)
			continue;
		square[classes] = 0;
		for (int k = 0; k < n->b->dims; k++)
			square[classes] += pow(naive_class_mean(n, y, k), 2);
		all += square[classes++];
	}
	for (int c = 0; c < classes; c++)
		sum += pow(square[c] - all / classes, 2) / 4 / classes;
	return sum;
}

static double
naive_orthogonal(const Naive *n)
{
	double		sum = 0,
				squares = 0,
				count = 0;

	for (int i = 0; i < n->rows; i++)
		for (int j = 0; j < n->cols; j++)
			if (negative(n, i, j))
				sum += at(n, i, j), squares += at(n, i, j) * at(n, i, j), count++;
	return count > 0 ? pow(sum / count, 2) + fmax(squares / count - 1.0 / n->b->dims, 0) : 0;
}

static double
naive_uniformity(const Naive *n)
{
	double		sum = 0,
				count = 0;

	for (int i = 0; i < n->rows; i++)
		for (int j = 0; j < n->cols; j++)
			if (positive(n, i, j) || negative(n, i, j))
				sum += exp(-n->p->scale * at(n, i, j)), count++;
	return count > 0 ? log(sum / count) : 0;
}

static double
naive_proxy_anchor(const Naive *n)
{
	double		pull_sum = 0,
				push_sum = 0,
				present = 0;

	for (int c = 0; c < n->cols; c++)
	{
		double		pull = 0,
					push = 0;

		for (int i = 0; i < n->rows; i++)
		{
			if (n->label[i] == c)
				pull += exp(-n->p->alpha * (at(n, i, c) - n->p->margin));
			else
				push += exp(n->p->alpha * (at(n, i, c) + n->p->margin));
		}
		pull_sum += log(1 + pull);
		push_sum += log(1 + push);
		present += pull > 0;
	}
	return pull_sum / present + push_sum / n->cols;
}

/* The squared distance of two vectors that S stands for, cosines being of unit vectors. */
static double
naive_square(LossInput input, double s)
{
	if (loss_is_similarity(input))
		return fmax(2 - 2 * s, 0);
	return input == LOSS_COSINE_DISTANCE ? 2 * s : input == LOSS_DISTANCE ? s * s : s;
}

/* Is pair (i, j), with j of the wanted kind, kept by the miner?  d: near is small. */
static bool
naive_kept(const Naive *n, int i, int j)
{
	LossInput	input = n->b->input;
	double		sign = loss_is_similarity(input) ? -1 : 1;
	double		d = sign * at(n, i, j);
	double		pos_near = INFINITY,
				pos_far = -INFINITY,
				neg_near = INFINITY,
				neg_far = -INFINITY,
				behind = INFINITY;	/* nearest negative behind the nearest positive */
	double		margin = n->p->mine_margin > 0 ? n->p->mine_margin : n->p->margin;
	bool		first_pos_far = true,
				first_pos_near = true,
				first_neg_near = true,
				first_neg_far = true;
	bool		semihard = false;
	int			farthest = -1;

	for (int k = 0; k < n->cols; k++)
	{
		double		x = sign * at(n, i, k);

		if (naive_square(input, at(n, i, k)) < 1e-6)
			continue;
		if (positive(n, i, k))
		{
			farthest = x > pos_far ? k : farthest;
			pos_near = fmin(pos_near, x), pos_far = fmax(pos_far, x);
			first_pos_far = first_pos_far && !(k < j && x >= d);
			first_pos_near = first_pos_near && !(k < j && x <= d);
			semihard = semihard || (negative(n, i, j) && x < d && d < x + margin);
		}
		if (negative(n, i, k))
		{
			neg_near = fmin(neg_near, x), neg_far = fmax(neg_far, x);
			first_neg_near = first_neg_near && !(k < j && x <= d);
			first_neg_far = first_neg_far && !(k < j && x >= d);
			semihard = semihard || (positive(n, i, j) && d < x && x < d + margin);
		}
	}
	for (int k = 0; k < n->cols; k++)
		if (negative(n, i, k) && sign * at(n, i, k) > pos_near && naive_square(input, at(n, i, k)) >= 1e-6)
			behind = fmin(behind, sign * at(n, i, k));
	if (naive_square(input, at(n, i, j)) < 1e-6)
		return false;
	if (n->p->miner == MINE_PAIR_MARGIN)
	{
		double		x = loss_is_similarity(input) ? 1 - at(n, i, j) : at(n, i, j);

		return positive(n, i, j) ? x > n->p->mine_near : x < n->p->mine_far;
	}
	if (n->p->miner == MINE_SEMIHARD)
		return semihard;
	if (pos_near == INFINITY || neg_near == INFINITY)
		return false;
	switch (n->p->miner)
	{
		case MINE_HARD:
			return positive(n, i, j) ? d == pos_far && first_pos_far : d == neg_near && first_neg_near;
		case MINE_EASY:
			return positive(n, i, j) ? d == pos_near && first_pos_near : d == neg_far && first_neg_far;
		case MINE_EASY_POSITIVE:
			if (behind == INFINITY)
				return false;
			return positive(n, i, j) ? d == pos_near && first_pos_near : d == behind;
		case MINE_MULTI_SIMILARITY:
			return positive(n, i, j) ? d > neg_near - n->p->epsilon : d < pos_far + n->p->epsilon;
		case MINE_ANGULAR:
			for (int k = 0; k < n->cols; k++)
			{
				double		c2 = (naive_square(input, at(n, i, k)) + naive_square(input, at(n, farthest, k))) / 2 -
					naive_square(input, at(n, i, farthest)) / 4;
				double		tangent = sqrt(naive_square(input, at(n, i, farthest))) / (2 * sqrt(fmax(c2, 0)));

				if (!negative(n, i, k) || naive_square(input, at(n, i, k)) < 1e-6)
					continue;
				if (tangent > tan(n->p->mine_angle * acos(-1) / 180) && (positive(n, i, j) || k == j))
					return true;
			}
			return false;
		default:
			return true;
	}
}

bool
naive_mine(const LossCase *c, const LossBlock *block, int8_t *relation)
{
	Naive		n = {&c->params, block, block->label, block->rows, block->cols};

	memcpy(relation, block->relation, (size_t) n.rows * n.cols);
	if (c->params.miner == MINE_DISTANCE_WEIGHTED)
		return false;
	for (int i = 0; i < n.rows && c->params.miner != MINE_ALL; i++)
		for (int j = 0; j < n.cols; j++)
			if (relation[(size_t) i * n.cols + j] != 0 && !naive_kept(&n, i, j))
				relation[(size_t) i * n.cols + j] = 0;
	return true;
}

static double
naive_kernel_regression(const Naive *n)
{
	const real *y = n->b->target;
	double		sum = 0;

	for (int i = 0; i < n->rows && n->rows > 1; i++)
	{
		double		nearest = INFINITY,
					weight = 0,
					expected = 0;

		for (int j = 0; j < n->rows; j++)
			if (j != i)
				nearest = fmin(nearest, at(n, i, j));
		for (int j = 0; j < n->rows; j++)
			if (j != i)
			{
				weight += exp(-n->p->scale * (at(n, i, j) - nearest));
				expected += exp(-n->p->scale * (at(n, i, j) - nearest)) * y[j];
			}
		sum += pow(expected / weight - y[i], 2);
	}
	return sum / n->rows;
}

static double
naive_rank_n_contrast(const Naive *n)
{
	const real *y = n->b->target;
	double		sum = 0;

	for (int i = 0; i < n->rows; i++)
		for (int j = 0; j < n->rows; j++)
		{
			double		farther = 0;

			for (int k = 0; k < n->rows && j != i; k++)
				if (k != i && fabs(y[i] - y[k]) >= fabs(y[i] - y[j]))
					farther += exp((at(n, i, j) - at(n, i, k)) / n->p->temperature);
			if (j != i)
				sum += log(farther) / n->rows / (n->rows - 1);
		}
	return sum;
}

static double
naive_log_ratio(const Naive *n)
{
	const real *y = n->b->target;
	double		sum = 0,
				anchors = 0;

	for (int i = 0; i < n->rows; i++)
	{
		double		own = 0,
					count = 0;

		for (int j = 0; j < n->rows; j++)
			for (int k = 0; k < n->rows; k++)
				if (j != k && y[j] != y[i] && y[k] != y[i])
				{
					own += pow(log((at(n, i, j) + 1e-6) / (at(n, i, k) + 1e-6)) - log(pow((y[i] - y[j]) / (y[i] - y[k]), 2)), 2);
					count++;
				}
		sum += mean(own, count);
		anchors += count > 0;
	}
	return mean(sum, anchors);
}

double
naive_loss(const LossCase *c, const LossBlock *block)
{
	static const struct
	{
		const char *method;
		double		(*value) (const Naive *n);
	}			table[] = {
		{"contrastive", naive_contrastive},
		{"triplet", naive_triplet},
		{"quadruplet", naive_quadruplet},
		{"multi_similarity", naive_multi_similarity},
		{"ntxent", naive_ntxent},
		{"infonce", naive_ntxent},
		{"supcon", naive_supcon},
		{"nca", naive_nca},
		{"lifted_structure", naive_lifted_structure},
		{"generalized_lifted_structure", naive_generalized_lifted},
		{"margin", naive_margin},
		{"circle", naive_circle},
		{"tuplet_margin", naive_tuplet_margin},
		{"ranked_list", naive_ranked_list},
		{"npair", naive_npair},
		{"angular", naive_angular},
		{"snr", naive_contrastive},
		{"dynamic_soft_margin", naive_dynamic_soft_margin},
		{"threshold_consistent_margin", naive_threshold_consistent},
		{"intra_pair_variance", naive_intra_pair_variance},
		{"instance", naive_instance},
		{"histogram", naive_histogram},
		{"fast_ap", naive_fast_ap},
		{"smooth_ap", naive_smooth_ap},
		{"pnp", naive_pnp},
		{"p2sgrad", naive_p2sgrad},
		{"centroid_triplet", naive_centroid_triplet},
		{"manifold_proxy", naive_manifold_proxy},
		{"vicreg", naive_vicreg},
		{"barlow_twins", naive_barlow_twins},
		{"kernel_regression", naive_kernel_regression},
		{"rank_n_contrast", naive_rank_n_contrast},
		{"log_ratio", naive_log_ratio},
		{"center", naive_center},
		{"norm", naive_norm},
		{"zero_mean", naive_zero_mean},
		{"center_invariant", naive_center_invariant},
		{"orthogonal", naive_orthogonal},
		{"uniformity", naive_uniformity},
		{"proxy_anchor", naive_proxy_anchor},
	};
	Naive		n = {&c->params, block, block->label, block->rows, block->cols};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(c->method, table[i].method) == 0)
			return table[i].value(&n);
	return naive_softmax(&n, c->method);
}

LossInput
naive_input(const LossCase *c)
{
	bool		similarity = loss_is_similarity(method_by_name(c->method)->loss.input);
	const LossInput inputs[] = {similarity ? LOSS_COSINE : LOSS_COSINE_DISTANCE, LOSS_INNER, LOSS_DISTANCE, LOSS_SQUARED, LOSS_SNR};

	return c->params.distance >= 0 ? inputs[c->params.distance] : method_by_name(c->method)->loss.input;
}

static double
variance(const real *a, const real *b, int dims)
{
	double		sum = 0,
				square = 0;

	for (int k = 0; k < dims; k++)
		sum += a[k] - (b ? b[k] : 0);
	for (int k = 0; k < dims; k++)
		square += pow(a[k] - (b ? b[k] : 0) - sum / dims, 2);
	return square;
}

/* unit: vectors are not normalised for a cosine.  Of a zero vector it is 0. */
double
naive_similarity(const real *a, const real *b, int dims, LossInput input, bool unit)
{
	double		ab = 0,
				aa = 0,
				bb = 0,
				square = 0;

	for (int k = 0; k < dims; k++)
	{
		ab += (double) a[k] * b[k];
		aa += (double) a[k] * a[k];
		bb += (double) b[k] * b[k];
		square += ((double) a[k] - b[k]) * ((double) a[k] - b[k]);
	}
	if (input == LOSS_SNR)
		return variance(a, NULL, dims) > 1e-24 ? variance(a, b, dims) / variance(a, NULL, dims) : 0;
	if (input == LOSS_DISTANCE || input == LOSS_SQUARED)
		return input == LOSS_DISTANCE ? sqrt(square) : square;
	if (input != LOSS_INNER && !unit)
		ab = aa > 0 && bb > 0 ? ab / sqrt(aa) / sqrt(bb) : 0;
	return input == LOSS_COSINE_DISTANCE ? 1 - ab : ab;
}

/* Relations by label, members, and room for the rest of a block. */
LossBlock
fixture_block(LearnEnv *env, const LossCase *c, int rows, int n_classes, int dims, const int32_t *label)
{
	const Loss *loss = &method_by_name(c->method)->loss;
	LossBlock	block = {.side = loss->side, .n_classes = n_classes, .dims = dims, .label = label, .env = env};
	size_t		cells;
	double		start;
	int			scalars = loss->scalars ? loss->scalars(&c->params, n_classes, &start) : 0;
	size_t		states = loss->states ? loss->states(&c->params, n_classes, dims) : 0;

	block.input = naive_input(c);
	block.per_class = c->params.proxies > 0 ? c->params.proxies : 1;
	block.rows = rows + (loss->side == LOSS_GRAPH ? n_classes : 0);
	block.cols = (loss->side == LOSS_PROXY) ? n_classes * block.per_class : block.rows;
	block.square = loss->side == LOSS_BATCH || loss->side == LOSS_GRAPH;
	cells = (size_t) block.rows * block.cols;
	block.s = block.held = arena_alloc_zero(env->arena, cells, sizeof(real));
	block.ds = arena_alloc(env->arena, cells, sizeof(real));
	block.work = arena_alloc(env->arena, loss_work(block.rows, block.cols), sizeof(real));
	block.index_work = arena_alloc(env->arena, loss_index_work(block.rows, block.cols), sizeof(int));
	block.relation = arena_alloc(env->arena, cells, sizeof(int8_t));
	block.col_label = label;
	block.member = arena_alloc(env->arena, rows, sizeof(int));
	block.start = arena_alloc(env->arena, n_classes + 1, sizeof(int));
	block.positive = arena_alloc(env->arena, block.cols, sizeof(int));
	block.norm = arena_alloc_zero(env->arena, block.cols, sizeof(real));
	block.dnorm = arena_alloc_zero(env->arena, block.cols, sizeof(real));
	block.proxy = arena_alloc_zero(env->arena, (size_t) block.cols * dims, sizeof(real));
	block.dproxy = arena_alloc_zero(env->arena, (size_t) block.cols * dims, sizeof(real));
	block.z = arena_alloc_zero(env->arena, (size_t) rows * dims, sizeof(real));
	block.dz = arena_alloc(env->arena, (size_t) rows * dims, sizeof(real));
	block.scalar = scalars > 0 ? arena_alloc_zero(env->arena, scalars, sizeof(real)) : NULL;
	block.dscalar = scalars > 0 ? arena_alloc_zero(env->arena, scalars, sizeof(real)) : NULL;
	block.scratch = loss->scratch ? arena_alloc(env->arena, loss->scratch(block.rows, dims), sizeof(real)) : NULL;
	block.state = states > 0 ? arena_alloc_zero(env->arena, states, sizeof(real)) : NULL;
	block.learning = true;
	for (int k = 0; k < scalars; k++)
		((real *) block.scalar)[k] = start;
	block.target = fixture_target(env, label, rows);
	loss_group(label, rows, n_classes, block.member, block.start);
	if (loss->side == LOSS_BATCH)
		loss_relate(label, rows, label, rows, true, (int8_t *) block.relation);

	/* what a loss does not write must show */
	for (size_t k = 0; k < cells; k++)
		block.ds[k] = NAN;
	for (size_t k = 0; k < (size_t) rows * dims; k++)
		block.dz[k] = NAN;
	return block;
}

static void *
hook_alloc(void *ctx, size_t bytes)
{
	return malloc(bytes);
}

static void
hook_release(void *ctx, void *chunk)
{
	free(chunk);
}

static bool
never_cancelled(void *ctx)
{
	return false;
}

static double
hook_now(void *ctx)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void
fixture_arena(LearnEnv *env, Arena *arena)
{
	memset(env, 0, sizeof(*env));
	arena_init(arena, (ArenaHooks) {hook_alloc, hook_release, NULL}, 0);
	env->arena = arena;
	env->cancelled = never_cancelled;
	env->now = hook_now;
	env->threads = 1;
}

double
naive_loss_of(const LossCase *c, bool unit, const real *z, const int32_t *label, int rows, int dims,
			  const real *learned, int n_classes)
{
	LearnEnv	env;
	Arena		arena;
	LossBlock	block;
	real	   *s;
	double		value;
	const real *columns;
	real	   *nodes;
	int8_t	   *mined;

	fixture_arena(&env, &arena);
	block = fixture_block(&env, c, rows, n_classes, dims, label);
	columns = block.side == LOSS_PROXY ? learned : z;
	if (block.side == LOSS_GRAPH)
	{
		nodes = arena_alloc(env.arena, (size_t) block.rows * dims, sizeof(real));
		memcpy(nodes, z, sizeof(real) * rows * dims);
		memcpy(nodes + (size_t) rows * dims, learned, sizeof(real) * n_classes * dims);
		columns = nodes;
	}
	s = (real *) block.s;
	memcpy((real *) block.z, z, sizeof(real) * rows * dims);
	for (int i = 0; i < block.rows && block.side != LOSS_EMBEDDING; i++)
		for (int j = 0; j < block.cols; j++)
		{
			/* proxies are normalised in any case */
			double		ab = naive_similarity((block.side == LOSS_GRAPH ? columns : z) + (size_t) i * dims, columns + (size_t) j * dims, dims, block.input,
											  unit && block.side == LOSS_BATCH);

			if (unit && block.side == LOSS_PROXY)
				ab *= sqrt(naive_similarity(z + (size_t) i * dims, z + (size_t) i * dims, dims, LOSS_INNER, true));
			s[(size_t) i * block.cols + j] = ab;
		}
	for (int j = 0; j < block.cols && block.side == LOSS_PROXY; j++)
	{
		real		norm = sqrt(naive_similarity(columns + (size_t) j * dims, columns + (size_t) j * dims, dims, LOSS_INNER, true));

		((real *) block.norm)[j] = norm;
		for (int k = 0; k < dims; k++)
			((real *) block.proxy)[(size_t) j * dims + k] = norm > 0 ? columns[(size_t) j * dims + k] / norm : 0;
	}
	if (block.scalar)
		block.scalar = learned + (block.side == LOSS_PROXY ? (size_t) block.cols * dims : 0);
	mined = arena_alloc(env.arena, (size_t) rows * block.cols, sizeof(int8_t));
	if (block.side == LOSS_BATCH && naive_mine(c, &block, mined))
		block.relation = mined;
	value = naive_loss(c, &block);
	arena_destroy(&arena);
	return value;
}

void
fixture_start(LearnEnv *env)
{
	static Arena arena;

	fixture_arena(env, &arena);
	assert_int_equal(blas_load(env), LEARN_OK);
}

void
fixture_end(LearnEnv *env)
{
	arena_destroy(env->arena);
}

/* splitmix64 */
double
fixture_uniform(uint64_t *state)
{
	uint64_t	x = (*state += UINT64_C(0x9e3779b97f4a7c15));

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return ((x ^ (x >> 31)) >> 11) * 0x1p-53;
}

double
fixture_normal(uint64_t *state)
{
	double		radius = sqrt(-2 * log(1 - fixture_uniform(state)));

	return radius * cos(2 * acos(-1) * fixture_uniform(state));
}

Batch
fixture_batch(LearnEnv *env, int rows, int dims, int n_classes, uint64_t seed)
{
	Batch		b = {rows, dims, n_classes};

	b.label = arena_alloc(env->arena, rows, sizeof(int32_t));
	b.z = arena_alloc(env->arena, (size_t) rows * dims, sizeof(real));
	b.centre = arena_alloc(env->arena, (size_t) n_classes * dims, sizeof(real));
	for (int k = 0; k < n_classes * dims; k++)
		b.centre[k] = fixture_normal(&seed);
	for (int i = 0; i < rows; i++)
	{
		b.label[i] = (int32_t) (fixture_uniform(&seed) * n_classes);
		for (int k = 0; k < dims; k++)
			b.z[i * dims + k] = 0.5 * fixture_normal(&seed) + 0.3 * b.centre[b.label[i] * dims + k];
	}
	return b;
}

real *
fixture_target(LearnEnv *env, const int32_t *label, int rows)
{
	real	   *target = arena_alloc(env->arena, rows, sizeof(real));

	for (int i = 0; i < rows; i++)
		target[i] = 0.3 * label[i] + sin((double) label[i] * label[i]);
	return target;
}

static int
n_proxies(const LossCase *c, int n_classes)
{
	if (method_by_name(c->method)->loss.side != LOSS_PROXY && method_by_name(c->method)->loss.side != LOSS_GRAPH)
		return 0;
	return n_classes * (c->params.proxies > 0 ? c->params.proxies : 1);
}

int
fixture_n_learned(const LossCase *c, int n_classes, int dims)
{
	const Loss *loss = &method_by_name(c->method)->loss;
	double		start;

	return n_proxies(c, n_classes) * dims + (loss->scalars ? loss->scalars(&c->params, n_classes, &start) : 0);
}

real *
fixture_learned(LearnEnv *env, const LossCase *c, const Batch *b)
{
	const Loss *loss = &method_by_name(c->method)->loss;
	int			n = fixture_n_learned(c, b->n_classes, b->dims);
	int			proxies = n_proxies(c, b->n_classes) * b->dims;
	real	   *learned = arena_alloc(env->arena, n + 1, sizeof(real));
	double		start = 0;
	uint64_t	seed = 77;

	if (loss->scalars)
		loss->scalars(&c->params, b->n_classes, &start);
	for (int k = 0; k < n; k++)
		learned[k] = k < proxies ? fixture_normal(&seed) : start + 0.1 * fixture_normal(&seed);
	for (int k = 0; k < proxies && proxies == b->n_classes * b->dims; k++)
		learned[k] = b->centre[k];
	return learned;
}

LossContext *
fixture_context(LearnEnv *env, const LossCase *c, bool unit, int max_rows, int dims, int n_classes)
{
	LossShape	shape = {.unit = unit, .max_rows = max_rows, .dims = dims, .n_classes = n_classes, .seed = 1};
	LossContext *context;

	assert_int_equal(loss_context_create(env, &method_by_name(c->method)->loss, &c->params, &shape, &context), LEARN_OK);
	assert_int_equal(loss_learned(context), fixture_n_learned(c, n_classes, dims));
	return context;
}

real
fixture_evaluate(LearnEnv *env, const LossCase *c, bool unit, const Batch *b, const real *learned, real *dz, real *dlearned)
{
	ArenaMark	mark = arena_mark(env->arena);
	LossContext *context = fixture_context(env, c, unit, b->rows + 3, b->dims, b->n_classes);
	LossBatch	batch = {.z = b->z, .label = b->label, .target = fixture_target(env, b->label, b->rows), .rows = b->rows, .dz = dz};
	real		value = loss_evaluate(context, &batch, learned, dlearned);

	arena_reset(env->arena, mark);
	return value;
}
