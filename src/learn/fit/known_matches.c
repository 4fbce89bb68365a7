/*
 * known_matches.c
 *	  Which rows are known to match.
 */
#include "known_matches.h"

#include <string.h>

#include "learn/loss/loss.h"

struct Known
{
	const Constraints *constraints;
	int64_t    *begin;			/* matches of row of side a: at[begin[row] .. begin[row + 1]) */
	int64_t    *at;				/* rows of side b */
	int32_t    *place;			/* of each row of side b: its last place in the batch, or -1 */
	int32_t    *before;			/* batch: an earlier place of an equal row, or -1 */
};

static void
count_match(Known *known, int64_t a)
{
	known->begin[a + 2]++;
}

static void
put_match(Known *known, int64_t a, int64_t b)
{
	known->at[known->begin[a + 1]++] = b;
}

LearnStatus
known_create(LearnEnv *env, const Constraints *constraints, int batch, Known **known)
{
	int64_t		rows = constraints->rows->n;
	int64_t		rows_b = constraints->rows_b->n;
	bool		one_input = !constraint_two_towers(constraints);
	Known	   *k;

	LEARN_ALLOC(env, k, 1);
	memset(k, 0, sizeof(*k));
	k->constraints = constraints;
	k->begin = arena_alloc_zero(env->arena, (size_t) rows + 2, sizeof(int64_t));
	if (k->begin == NULL)
		return learn_fail(env, LEARN_NO_MEMORY, "not enough memory for %lld rows", (long long) rows);
	LEARN_ALLOC(env, k->at, (one_input ? 2 : 1) * constraints->n);
	LEARN_ALLOC(env, k->place, rows_b);
	LEARN_ALLOC(env, k->before, batch);
	for (int64_t i = 0; i < rows_b; i++)
		k->place[i] = -1;

	/* in one input a match holds in both directions */
	for (int64_t i = 0; i < constraints->n; i++)
	{
		count_match(k, constraints->row[2 * i]);
		if (one_input)
			count_match(k, constraints->row[2 * i + 1]);
	}
	for (int64_t i = 0; i < rows; i++)
		k->begin[i + 2] += k->begin[i + 1];
	for (int64_t i = 0; i < constraints->n; i++)
	{
		put_match(k, constraints->row[2 * i], constraints->row[2 * i + 1]);
		if (one_input)
			put_match(k, constraints->row[2 * i + 1], constraints->row[2 * i]);
	}
	*known = k;
	return LEARN_OK;
}

void
known_relate(Known *known, const int64_t *a, const int64_t *b, int n, int8_t *relation, int8_t *turned)
{
	memset(relation, RELATION_NEGATIVE, (size_t) n * n);
	for (int j = 0; j < n; j++)
	{
		known->before[j] = known->place[b[j]];
		known->place[b[j]] = j;
	}
	for (int i = 0; i < n; i++)
	{
		int8_t	   *row = relation + (size_t) i * n;
		int64_t		twin = constraint_twin(known->constraints, a[i]);

		for (int64_t k = known->begin[a[i]]; k < known->begin[a[i] + 1]; k++)
			for (int j = known->place[known->at[k]]; j >= 0; j = known->before[j])
				row[j] = RELATION_NONE;
		for (int j = twin >= 0 ? known->place[twin] : -1; j >= 0; j = known->before[j])
			row[j] = RELATION_NONE;
		row[i] = RELATION_POSITIVE;
	}
	for (int j = 0; j < n; j++)
		known->place[b[j]] = -1;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			turned[(size_t) j * n + i] = relation[(size_t) i * n + j];
}
