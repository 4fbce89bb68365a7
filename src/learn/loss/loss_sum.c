/*
 * loss_sum.c
 *	  A weighted sum of losses over the same embeddings.
 */
#include "loss_sum.h"

#include <math.h>
#include <string.h>

#include "math/vmath.h"

typedef struct Part
{
	LossContext *context;
	size_t		first;			/* of what it learns */
	size_t		count;
	double		weight;
	double		rate;
} Part;

struct LossSum
{
	int			n_parts;
	Part	   *part;
	int			dims;
	real	   *dz;				/* max_rows x dims: one term's gradient */
	real	   *dother;
};

LearnStatus
loss_sum_create(LearnEnv *env, const LossTerm *terms, int n_terms, const LossShape *shape, LossSum **sum)
{
	LossSum    *s;
	size_t		first = 0;

	LEARN_ALLOC(env, s, 1);
	memset(s, 0, sizeof(*s));
	s->n_parts = n_terms;
	s->dims = shape->dims;
	LEARN_ALLOC(env, s->part, n_terms);
	for (int i = 0; i < n_terms; i++)
	{
		Part	   *part = &s->part[i];

		LEARN_TRY(loss_context_create(env, terms[i].loss, &terms[i].params, shape, &part->context));
		part->first = first;
		part->count = loss_learned(part->context);
		part->weight = terms[i].weight;
		part->rate = terms[i].rate;
		first += part->count;
	}
	if (n_terms > 1)
	{
		LEARN_ALLOC(env, s->dz, (size_t) shape->max_rows * shape->dims);
		if (shape->max_cols > 0)
			LEARN_ALLOC(env, s->dother, (size_t) shape->max_cols * shape->dims);
	}
	*sum = s;
	return LEARN_OK;
}

size_t
loss_sum_learned(const LossSum *sum)
{
	const Part *last = &sum->part[sum->n_parts - 1];

	return last->first + last->count;
}

void
loss_sum_start(const LossSum *sum, Rng *rng, real *learned)
{
	for (int i = 0; i < sum->n_parts; i++)
		loss_start(sum->part[i].context, rng, learned + sum->part[i].first);
}

bool
loss_sum_part(const LossSum *sum, int i, size_t *first, size_t *count, double *rate)
{
	if (i >= sum->n_parts)
		return false;
	*first = sum->part[i].first;
	*count = sum->part[i].count;
	*rate = sum->part[i].rate;
	return true;
}

void
loss_sum_remember(LossSum *sum)
{
	for (int i = 0; i < sum->n_parts; i++)
		loss_remember(sum->part[i].context);
}

real
loss_sum_evaluate(LossSum *sum, const LossBatch *batch, const real *learned, real *dlearned)
{
	size_t		n_z = (size_t) batch->rows * sum->dims;
	size_t		n_other = batch->other ? (size_t) batch->cols * sum->dims : 0;
	double		value = 0;

	for (int i = 0; i < sum->n_parts; i++)
	{
		const Part *part = &sum->part[i];
		LossBatch	own = *batch;

		if (i > 0)
		{
			own.dz = sum->dz;
			own.dother = sum->dother;
		}
		value += part->weight * loss_evaluate(part->context, &own, learned + part->first, dlearned + part->first);
		if (isnan(value))
			break;
		if (i > 0)
		{
			vm_axpy(batch->dz, (real) part->weight, own.dz, n_z);
			if (n_other > 0)
				vm_axpy(batch->dother, (real) part->weight, own.dother, n_other);
		}
		else if (part->weight != 1)
		{
			vm_scale(batch->dz, (real) part->weight, n_z);
			if (n_other > 0)
				vm_scale(batch->dother, (real) part->weight, n_other);
		}
		if (part->weight != 1)
			vm_scale(dlearned + part->first, (real) part->weight, part->count);
	}
	if (isnan(value))
	{
		memset(batch->dz, 0, n_z * sizeof(real));
		if (n_other > 0)
			memset(batch->dother, 0, n_other * sizeof(real));
		if (loss_sum_learned(sum) > 0)
			memset(dlearned, 0, loss_sum_learned(sum) * sizeof(real));
	}
	return (real) value;
}
