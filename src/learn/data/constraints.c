/*
 * constraints.c
 *	  What constraints are.
 */
#include "constraints.h"

#include <string.h>

int
constraint_size(ConstraintKind kind)
{
	static const int size[] = {2, 3, 4, 1, 2, 1};

	return size[kind];
}

const char *
constraint_name(ConstraintKind kind)
{
	static const char *const name[] = {"pairs", "triplets", "quadruplets", "chunklets", "matches", "unlabeled rows"};

	return name[kind];
}

const char *
constraint_score_name(ConstraintKind kind)
{
	static const char *const name[] = {"ROC AUC", "satisfied", "satisfied", "recall@1", "recall@1", "recall@1 of views"};

	return name[kind];
}

bool
constraint_searched(ConstraintKind kind)
{
	return kind == CONSTRAINT_MATCHES || kind == CONSTRAINT_NONE;
}

bool
constraint_two_towers(const Constraints *constraints)
{
	return constraints->kind == CONSTRAINT_MATCHES && constraints->rows_b != constraints->rows;
}

int64_t
constraint_twin(const Constraints *constraints, int64_t row)
{
	const Rows *a = constraints->rows;
	const Rows *b = constraints->rows_b;
	int64_t		low = 0;
	int64_t		high = b->n;

	if (!constraint_two_towers(constraints))
		return row;
	if (!constraints->adapter || a->d != b->d || a->hash == NULL || b->hash == NULL)
		return -1;
	while (low < high)
	{
		int64_t		middle = low + (high - low) / 2;

		if (b->hash[middle] < a->hash[row])
			low = middle + 1;
		else
			high = middle;
	}
	return low < b->n && b->hash[low] == a->hash[row] ? low : -1;
}

LearnStatus
constraint_rows(LearnEnv *env, const Constraints *constraints, int side, const int64_t *index, int64_t n,
		   int64_t **rows, int64_t *n_rows)
{
	int			size = constraint_size(constraints->kind);
	int64_t		all = side == 0 ? constraints->rows->n : constraints->rows_b->n;
	bool	   *used = arena_alloc_zero(env->arena, (size_t) all, sizeof(bool));

	if (used == NULL)
		return learn_fail(env, LEARN_NO_MEMORY, "not enough memory for %lld rows", (long long) all);
	for (int64_t i = 0; i < n; i++)
		for (int k = 0; k < size; k++)
			if (!constraint_two_towers(constraints) || k == side)
				used[constraints->row[index[i] * size + k]] = true;
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
