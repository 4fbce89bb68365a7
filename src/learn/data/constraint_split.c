/*
 * constraint_split.c
 *	  Which constraints are held out.
 *
 * A constraint says little about new rows if its rows were learned from. So rows are kept apart if
 * that leaves enough to learn from:
 * - If constraints fall into many groups that share no row, groups are held out whole. A group is
 *   a connected component of the graph whose edges are constraints.
 * - If there are enough pairs, each row is on one side, and pairs between the sides are left out.
 * - Else the first row (the anchor, the query) decides. It is then in no constraint that is
 *   learned from.
 * - If nearly all constraints share their first row, single constraints are held out.
 */
#include "constraint_split.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"

/*
 * The largest share of the constraints that may be in one group. With larger groups, folds would be
 * too uneven.
 */
#define LARGEST_GROUP	0.1

/*
 * The share of pairs that a fold holds out if rows are kept apart. About half of the pairs are then
 * left to learn from.
 */
#define HELD_PAIRS		0.1

/* Held-out pairs that are enough to judge, so that rows can be kept apart. */
#define ENOUGH_PAIRS	400

static uint64_t
row_hash(const Constraints *constraints, int side, int64_t row)
{
	const Rows *rows = side == 0 ? constraints->rows : constraints->rows_b;
	uint64_t	hash = rows->hash ? rows->hash[row] : rng_mix((uint64_t) row);

	/* equal content on two sides is not the same thing */
	return side == 0 || constraints->rows_b == constraints->rows ? hash : rng_mix(hash ^ UINT64_C(0x62));
}

static int
side_of(const Constraints *constraints, int place)
{
	return constraint_two_towers(constraints) && place == 1;
}

static double
uniform(uint64_t content, uint64_t salt)
{
	return (double) (rng_mix(content ^ salt) >> 11) * 0x1p-53;
}

static int64_t
find_root(int64_t *parent, int64_t i)
{
	while (parent[i] != i)
	{
		parent[i] = parent[parent[i]];
		i = parent[i];
	}
	return i;
}

/* group[]: the connected component of each constraint, named by its first row's hash. */
static LearnStatus
find_components(LearnEnv *env, const Constraints *constraints, uint64_t *group, int64_t *largest)
{
	ArenaMark	mark = arena_mark(env->arena);
	int			size = constraint_size(constraints->kind);
	int64_t		offset = constraints->rows->n;	/* of side b's rows among the nodes */
	int64_t		nodes = offset + (constraint_two_towers(constraints) ? constraints->rows_b->n : 0);
	int64_t    *parent;
	int64_t    *count;

	LEARN_ALLOC(env, parent, nodes);
	count = arena_alloc_zero(env->arena, (size_t) nodes, sizeof(int64_t));
	if (count == NULL)
		return learn_fail(env, LEARN_NO_MEMORY, "not enough memory for %lld rows", (long long) nodes);
	for (int64_t i = 0; i < nodes; i++)
		parent[i] = i;
	for (int64_t i = 0; i < constraints->n; i++)
	{
		int64_t		root = find_root(parent, constraints->row[i * size]);

		if ((i & 0xffff) == 0)
			LEARN_TRY(learn_poll(env));
		for (int k = 1; k < size; k++)
		{
			int64_t		other = find_root(parent, constraints->row[i * size + k] + side_of(constraints, k) * offset);

			/* the smaller number is the root, so that a component's name follows from its rows */
			if (other < root)
			{
				parent[root] = other;
				root = other;
			}
			else
				parent[other] = root;
		}
	}
	*largest = 0;
	for (int64_t i = 0; i < constraints->n; i++)
	{
		int64_t		root = find_root(parent, constraints->row[i * size]);

		if (++count[root] > *largest)
			*largest = count[root];
		group[i] = root < offset ? row_hash(constraints, 0, root) : row_hash(constraints, 1, root - offset);
	}
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

/* How many constraints have the most frequent first row. The constraints are in no order. */
static LearnStatus
commonest_first(LearnEnv *env, const Constraints *constraints, int64_t *most)
{
	ArenaMark	mark = arena_mark(env->arena);
	int			size = constraint_size(constraints->kind);
	int64_t    *count = arena_alloc_zero(env->arena, (size_t) constraints->rows->n, sizeof(int64_t));

	if (count == NULL)
		return learn_fail(env, LEARN_NO_MEMORY, "not enough memory for %lld rows", (long long) constraints->rows->n);
	*most = 0;
	for (int64_t i = 0; i < constraints->n; i++)
		if (++count[constraints->row[i * size]] > *most)
			*most = count[constraints->row[i * size]];
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

LearnStatus
constraint_splitter(LearnEnv *env, const Constraints *constraints, int64_t informative, ConstraintSplitter *splitter)
{
	int			size = constraint_size(constraints->kind);
	int64_t		limit = (int64_t) (LARGEST_GROUP * (double) constraints->n) + 1;
	int64_t		largest = 0;

	memset(splitter, 0, sizeof(*splitter));
	LEARN_ALLOC(env, splitter->group, constraints->n);
	LEARN_TRY(find_components(env, constraints, splitter->group, &largest));
	if (largest <= limit)
		return LEARN_OK;		/* SHARED_NOTHING */
	if (constraints->kind == CONSTRAINT_PAIRS && HELD_PAIRS * (double) informative >= ENOUGH_PAIRS)
	{
		splitter->rows_apart = true;
		return LEARN_OK;
	}

	LEARN_TRY(commonest_first(env, constraints, &largest));
	if (largest <= limit)
	{
		splitter->shared = SHARED_OTHERS;
		splitter->first = arena_alloc_zero(env->arena, (size_t) constraints->rows->n, sizeof(uint8_t));
		if (splitter->first == NULL)
			return learn_fail(env, LEARN_NO_MEMORY, "not enough memory for %lld rows", (long long) constraints->rows->n);
		for (int64_t i = 0; i < constraints->n; i++)
		{
			splitter->first[constraints->row[i * size]] = 1;
			splitter->group[i] = row_hash(constraints, 0, constraints->row[i * size]);
		}
		return LEARN_OK;
	}

	splitter->shared = SHARED_ROWS;
	for (int64_t i = 0; i < constraints->n; i++)
	{
		splitter->group[i] = 0;
		for (int k = 0; k < size; k++)
			splitter->group[i] = rng_mix(splitter->group[i] ^ row_hash(constraints, side_of(constraints, k), constraints->row[i * size + k]));
	}
	return LEARN_OK;
}

/* Is a constraint with this hash held out? */
static bool
is_held(uint64_t hash, uint64_t salt, int folds, int fold, double share)
{
	double		u = uniform(hash, salt);

	return folds > 1 ? (int) (u * folds) == fold : u < share;
}

/* 0: learned from, 1: held out, 2: left out, since it would tie the two sides together. */
static int
side_of_constraint(const Constraints *constraints, const ConstraintSplitter *splitter, int64_t i, uint64_t salt,
				   const SplitPlan *plan)
{
	int			size = constraint_size(constraints->kind);
	const int64_t *row = constraints->row + i * size;
	int			held = 0;

	if (splitter->rows_apart)
	{
		/* a pair is held out if both rows are, so sqrt(share) of the rows are */
		double		rows_share = sqrt(plan->folds > 1 ? HELD_PAIRS : plan->share);

		/* each fold draws rows anew: a partition of rows would hold out a share of 1 / folds^2 */
		salt = rng_mix(salt + (uint64_t) plan->fold);
		for (int k = 0; k < size; k++)
			held += is_held(row_hash(constraints, 0, row[k]), salt, 1, 0, rows_share);
		return held == size ? 1 : held == 0 ? 0 : 2;
	}
	if (is_held(splitter->group[i], salt, plan->folds, plan->fold, plan->share))
		return 1;
	for (int k = 1; k < size && splitter->first && !side_of(constraints, k); k++)
		if (splitter->first[row[k]] && is_held(row_hash(constraints, 0, row[k]), salt, plan->folds, plan->fold, plan->share))
			return 2;
	return 0;
}

LearnStatus
constraint_split(LearnEnv *env, const Constraints *constraints, const ConstraintSplitter *splitter,
				 const SplitPlan *plan, Split *split)
{
	uint64_t	salt = rng_mix((uint64_t) plan->seed ^ UINT64_C(0x676976656e));
	int64_t		n_held;
	int64_t		kept = 0;

	LEARN_ALLOC(env, split->train, constraints->n);
	LEARN_ALLOC(env, split->held, constraints->n);
	split->n_train = split->n_held = 0;
	split->parts = 1;
	for (int64_t i = 0; i < constraints->n; i++)
	{
		if ((i & 0xffff) == 0)
			LEARN_TRY(learn_poll(env));
		switch (side_of_constraint(constraints, splitter, i, salt, plan))
		{
			case 0:
				split->train[split->n_train++] = i;
				break;
			case 1:
				split->held[split->n_held++] = i;
				break;
		}
	}

	/* constraints beyond plan->max_held are left out of both sides, evenly */
	n_held = split->n_held;
	for (int64_t i = 0; i < n_held && n_held > plan->max_held; i++)
		if ((i + 1) * plan->max_held / n_held != i * plan->max_held / n_held)
			split->held[kept++] = split->held[i];
	if (n_held > plan->max_held)
		split->n_held = kept;
	return LEARN_OK;
}
