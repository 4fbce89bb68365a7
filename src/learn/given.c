/*
 * given.c
 *	  What constraints are.
 */
#include "given.h"

#include <string.h>

int
given_size(GivenKind kind)
{
	static const int size[] = {2, 3, 4, 2, 1};

	return size[kind];
}

const char *
given_name(GivenKind kind)
{
	static const char *const name[] = {"pairs", "triplets", "quadruplets", "matches", "unlabeled rows"};

	return name[kind];
}

const char *
given_score_name(GivenKind kind)
{
	static const char *const name[] = {"ROC AUC", "satisfied", "satisfied", "recall@1", "recall@1 of views"};

	return name[kind];
}

bool
given_searched(GivenKind kind)
{
	return kind == GIVEN_MATCHES || kind == GIVEN_NOTHING;
}

bool
given_two_towers(const Given *given)
{
	return given->kind == GIVEN_MATCHES && given->rows_b != given->rows;
}

LearnStatus
given_rows(LearnEnv *env, const Given *given, int side, const int64_t *index, int64_t n,
		   int64_t **rows, int64_t *n_rows)
{
	int			size = given_size(given->kind);
	int64_t		all = side == 0 ? given->rows->n : given->rows_b->n;
	bool	   *used = arena_alloc_zero(env->arena, (size_t) all, sizeof(bool));

	if (used == NULL)
		return learn_fail(env, LEARN_NO_MEMORY, "not enough memory for %lld rows", (long long) all);
	for (int64_t i = 0; i < n; i++)
		for (int k = 0; k < size; k++)
			if (!given_two_towers(given) || k == side)
				used[given->row[index[i] * size + k]] = true;
	*n_rows = 0;
	for (int64_t i = 0; i < all; i++)
		*n_rows += used[i];
	LEARN_ALLOC(env, *rows, *n_rows);
	*n_rows = 0;
	for (int64_t i = 0; i < all; i++)
		if (used[i])
			(*rows)[(*n_rows)++] = i;
	return LEARN_OK;
}
