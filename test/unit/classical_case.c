/*
 * classical_case.c
 *	  The constraints of test/data/make_classical_reference.py.
 */
#include "classical_case.h"

#include <stdlib.h>

#define PAIRS		1000
#define TRIPLETS	2000

static void *
take(LearnEnv *env, size_t count, size_t size)
{
	void	   *p = arena_alloc_zero(env->arena, count, size);

	if (p == NULL)
		abort();
	return p;
}

static Constraints
pairs(LearnEnv *env, const int32_t *label, int64_t n)
{
	int64_t    *row = take(env, 2 * PAIRS, sizeof(int64_t));
	int32_t    *same = take(env, PAIRS, sizeof(int32_t));
	Constraints c = {.kind = CONSTRAINT_PAIRS, .row = row, .label = same};

	for (int64_t i = 0; i < PAIRS; i++)
	{
		int64_t		a = 7919 * i % n;
		int64_t		b = (104729 * i + 1) % n;

		if (a == b)
			continue;
		row[2 * c.n] = a;
		row[2 * c.n + 1] = b;
		same[c.n++] = label[a] == label[b];
	}
	return c;
}

static Constraints
quadruplets(LearnEnv *env, const int32_t *label, int64_t n)
{
	Constraints from = pairs(env, label, n);
	int64_t    *row = take(env, 4 * PAIRS, sizeof(int64_t));
	int64_t		count[2] = {0};

	for (int64_t i = 0; i < from.n; i++)
	{
		int			kind = from.label[i] != 0 ? 0 : 1;

		row[4 * count[kind] + 2 * kind] = from.row[2 * i];
		row[4 * count[kind] + 2 * kind + 1] = from.row[2 * i + 1];
		count[kind]++;
	}
	return (Constraints) {.kind = CONSTRAINT_QUADRUPLETS, .row = row, .n = count[0] < count[1] ? count[0] : count[1]};
}

static Constraints
triplets(LearnEnv *env, const int32_t *label, int64_t n)
{
	int64_t    *row = take(env, 3 * TRIPLETS, sizeof(int64_t));
	Constraints c = {.kind = CONSTRAINT_TRIPLETS, .row = row};

	for (int64_t i = 0; i < TRIPLETS; i++)
	{
		int64_t		a = 7919 * i % n;
		int64_t		p = (a + 1) % n;
		int64_t		q = (104729 * i + 1) % n;

		while (label[p] != label[a])
			p = (p + 1) % n;
		while (label[q] == label[a])
			q = (q + 1) % n;
		if (p == a)
			continue;
		row[3 * c.n] = a;
		row[3 * c.n + 1] = p;
		row[3 * c.n + 2] = q;
		c.n++;
	}
	return c;
}

Constraints
classical_case(LearnEnv *env, ConstraintKind kind, const int32_t *label, int64_t n)
{
	return kind == CONSTRAINT_PAIRS ? pairs(env, label, n) :
		kind == CONSTRAINT_TRIPLETS ? triplets(env, label, n) : quadruplets(env, label, n);
}
