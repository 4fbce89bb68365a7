/*
 * split.c
 *	  Which rows are learned from and which are held out.
 */
#include "split.h"

#include <stdlib.h>

#include "base/rng.h"

/* A number in [0, 1) that depends on the row's content and the seed. */
static double
row_uniform(const Rows *rows, int64_t row, uint64_t salt)
{
	uint64_t	content = rows->hash ? rows->hash[row] : rng_mix((uint64_t) row);

	return (double) (rng_mix(content ^ salt) >> 11) * 0x1p-53;
}

/* How many rows each class has. */
static LearnStatus
count_classes(LearnEnv *env, const Rows *rows, int64_t **count)
{
	*count = arena_alloc_zero(env->arena, (size_t) rows->n_classes, sizeof(int64_t));
	if (*count == NULL)
		return learn_fail(env, LEARN_NO_MEMORY, "not enough memory for %d classes", rows->n_classes);
	for (int64_t i = 0; i < rows->n; i++)
		(*count)[rows->label[i]]++;
	return LEARN_OK;
}

/*
 * held[row]: rows of the fold. Every class keeps one row to learn from. If that leaves no class of
 * two rows, and so nothing to learn from, one row comes back.
 */
static LearnStatus
mark_rows(LearnEnv *env, const Rows *rows, const SplitPlan *plan, uint64_t salt, bool *held)
{
	int64_t    *left;
	int64_t		first = -1;		/* row that is held out */
	bool		learnable = false;

	LEARN_TRY(count_classes(env, rows, &left));
	for (int64_t i = 0; i < rows->n; i++)
	{
		double		u = row_uniform(rows, i, salt);

		held[i] = plan->folds > 1 ? (int) (u * plan->folds) == plan->fold : u < plan->share;
		if (held[i] && left[rows->label[i]] == 1)
			held[i] = false;
		if (held[i])
			left[rows->label[i]]--;
		first = held[i] && first < 0 ? i : first;
	}
	for (int c = 0; c < rows->n_classes && !learnable; c++)
		learnable = left[c] >= 2;
	if (!learnable && first >= 0 && rows->target == NULL)
		held[first] = false;
	return LEARN_OK;
}

/* Classes that a partition of them falls into at most. */
#define OPEN_GROUPS		6

/*
 * Which places of a shuffled order of usable classes fold number fold of folds holds out. Of three
 * classes it is one. If all pairs of classes are no more than folds, it is one of the pairs. Else
 * the classes fall into groups of two at least, and later folds are groups of other partitions.
 */
static void
place_of_fold(int64_t usable, int folds, int fold, int64_t held[2], int64_t *from, int64_t *to, int *partition)
{
	int64_t		groups = usable / 2 < OPEN_GROUPS ? usable / 2 : OPEN_GROUPS;
	int64_t		pair = fold;

	held[0] = held[1] = -1;
	*from = *to = 0;
	*partition = 0;
	if (usable == 3)
		held[0] = fold % 3;
	else if (usable * (usable - 1) / 2 <= folds)
	{
		pair %= usable * (usable - 1) / 2;
		for (held[0] = 0; pair >= usable - 1 - held[0]; held[0]++)
			pair -= usable - 1 - held[0];
		held[1] = held[0] + 1 + pair;
	}
	else
	{
		groups = folds < groups ? folds : groups;
		*partition = (int) (fold / groups);
		*from = usable * (fold % groups) / groups;
		*to = usable * (fold % groups + 1) / groups;
	}
}

LearnStatus
split_open_folds(LearnEnv *env, const Rows *rows, int *folds)
{
	ArenaMark	mark = arena_mark(env->arena);
	int64_t    *count;
	int64_t		usable = 0;

	LEARN_TRY(count_classes(env, rows, &count));
	for (int c = 0; c < rows->n_classes; c++)
		usable += count[c] >= 2;
	arena_reset(env->arena, mark);
	/*
	 * from six classes on, as many whole partitions into groups of two or three as are twelve folds
	 * or fewer
	 */
	*folds = usable <= 3 ? 3 : usable <= 5 ? (int) (usable * (usable - 1) / 2) : usable < 10 ? 12 : usable < 12 ? 10 : OPEN_GROUPS;
	return LEARN_OK;
}

/*
 * held[row]: rows of the classes of the fold. Only classes of two rows and more can be scored, so
 * the others are always learned from.
 */
static LearnStatus
mark_classes(LearnEnv *env, const Rows *rows, const SplitPlan *plan, uint64_t salt, bool *held)
{
	int64_t    *count;
	int64_t    *order;
	bool	   *out;
	int64_t		usable = 0;
	int64_t		single[2] = {-1, -1};
	int64_t		from;
	int64_t		to;
	int			partition = 0;
	Rng			rng;

	LEARN_TRY(count_classes(env, rows, &count));
	LEARN_ALLOC(env, order, rows->n_classes);
	for (int c = 0; c < rows->n_classes; c++)
		if (count[c] >= 2)
			order[usable++] = c;
	if (usable < 3)
	{
		learn_fail(env, LEARN_DATA, "open_set needs three classes of at least two rows, and there %s %lld",
				   usable == 1 ? "is" : "are", (long long) usable);
		learn_hint(env, "Whole classes are held out to validate on, and two must be left to learn from. open_set => false holds out rows.");
		return LEARN_DATA;
	}
	if (plan->folds > 1)
		place_of_fold(usable, plan->folds, plan->fold, single, &from, &to, &partition);
	else
	{
		from = 0;
		to = (int64_t) (plan->share * (double) usable + 0.5);
		if (to < 2)
			to = 2;
		if (to > usable - 2)
			to = usable - 2;
	}
	rng_seed(&rng, salt, (uint64_t) partition);
	rng_shuffle(&rng, order, usable);

	out = arena_alloc_zero(env->arena, (size_t) rows->n_classes, sizeof(bool));
	if (out == NULL)
		return learn_fail(env, LEARN_NO_MEMORY, "not enough memory for %d classes", rows->n_classes);
	for (int64_t i = from; i < to; i++)
		out[order[i]] = true;
	for (int k = 0; k < 2; k++)
		if (single[k] >= 0)
			out[order[single[k]]] = true;
	for (int64_t i = 0; i < rows->n; i++)
		held[i] = out[rows->label[i]];
	return LEARN_OK;
}

LearnStatus
split_make(LearnEnv *env, const Rows *rows, const SplitPlan *plan, Split *split)
{
	uint64_t	salt = rng_mix((uint64_t) plan->seed ^ UINT64_C(0x73706c6974));
	int64_t		n_held = 0;
	int64_t		to_skip;
	bool	   *held;

	LEARN_ALLOC(env, held, rows->n);
	LEARN_ALLOC(env, split->train, rows->n);
	LEARN_ALLOC(env, split->held, rows->n);
	if (plan->open_set)
		LEARN_TRY(mark_classes(env, rows, plan, salt, held));
	else
		LEARN_TRY(mark_rows(env, rows, plan, salt, held));

	for (int64_t i = 0; i < rows->n; i++)
		n_held += held[i];
	to_skip = n_held > plan->max_held ? n_held - plan->max_held : 0;

	split->parts = 1;
	split->n_train = split->n_held = 0;
	for (int64_t i = 0, seen = 0; i < rows->n; i++)
	{
		if (!held[i])
		{
			split->train[split->n_train++] = i;
			continue;
		}
		/* leave out the surplus evenly over the held-out rows */
		seen++;
		if (seen * to_skip / n_held == (seen - 1) * to_skip / n_held)
			split->held[split->n_held++] = i;
		else if (!plan->open_set)
			split->train[split->n_train++] = i;
	}
	return LEARN_OK;
}

int
item_part(int64_t item, int parts)
{
	return (int) (rng_mix((uint64_t) item ^ UINT64_C(0x70617274)) % (uint64_t) parts);
}

LearnStatus
split_sample(LearnEnv *env, const int64_t *index, int64_t count, int64_t n,
			 int64_t seed, int64_t **sample, int64_t *n_sample)
{
	Rng			rng;

	LEARN_ALLOC(env, *sample, n < count ? n : count);
	*n_sample = 0;
	rng_seed(&rng, (uint64_t) seed, 1);

	/*
	 * selection sampling: each number is taken with the probability that is still due (Knuth 3.4.2,
	 * S)
	 */
	for (int64_t i = 0; i < count && *n_sample < n; i++)
		if (rng_below(&rng, (uint64_t) (count - i)) < (uint64_t) (n - *n_sample))
			(*sample)[(*n_sample)++] = index[i];
	return LEARN_OK;
}
