/*
 * constraint_draw.c
 *	  Constraints from labels, and what is wrong with constraints.
 */
#include "constraint_draw.h"

#include <math.h>
#include <string.h>

#include "learn/data/classes.h"
#include "base/rng.h"

/* Draws for each constraint that is wanted before fewer are taken for enough. */
#define MAX_TRIES	10

/* ---------- what is wrong ---------- */

static LearnStatus
check_pairs(LearnEnv *env, const Constraints *c)
{
	int64_t		same = 0;

	for (int64_t i = 0; i < c->n; i++)
		same += c->label[i] != 0;
	if (same == 0 || same == c->n)
	{
		learn_fail(env, LEARN_DATA, "all %lld pairs are %s", (long long) c->n, same == 0 ? "different" : "the same");
		learn_hint(env, "A metric is learned from pairs of both kinds.");
		return LEARN_DATA;
	}
	return LEARN_OK;
}

static LearnStatus
check_chunklets(LearnEnv *env, const Constraints *c)
{
	ArenaMark	mark = arena_mark(env->arena);
	bool	   *seen;
	bool		two = false;

	LEARN_ALLOC(env, seen, c->n_chunklets);
	memset(seen, 0, c->n_chunklets * sizeof(bool));
	for (int64_t i = 0; i < c->n; i++)
	{
		if (c->label[i] < 0 || c->label[i] >= c->n_chunklets)
			return learn_fail(env, LEARN_INVALID, "chunklet %d is not one of %d", c->label[i], c->n_chunklets);
		two |= seen[c->label[i]];
		seen[c->label[i]] = true;
	}
	arena_reset(env->arena, mark);
	if (!two)
	{
		learn_fail(env, LEARN_DATA, "no chunklet has two rows");
		learn_hint(env, "A chunklet says which rows belong together: some must have two rows at least.");
		return LEARN_DATA;
	}
	return LEARN_OK;
}

LearnStatus
constraints_check(LearnEnv *env, const Rows *rows, const Constraints *c)
{
	int			size = constraint_size(c->kind);
	double		weight = 0;

	if (c->n < 1)
		return learn_fail(env, LEARN_DATA, "there are no %s to learn from", constraint_name(c->kind));
	for (int64_t i = 0; i < c->n; i++)
	{
		if ((i & 0xffff) == 0)
			LEARN_TRY(learn_poll(env));
		for (int j = 0; j < size; j++)
			if (c->row[i * size + j] < 0 || c->row[i * size + j] >= rows->n)
				return learn_fail(env, LEARN_INVALID, "there is no row %lld", (long long) c->row[i * size + j]);
		if (c->weight != NULL && !(c->weight[i] >= 0 && c->weight[i] < INFINITY))
			return learn_fail(env, LEARN_INVALID, "a weight must not be negative and must be finite, not %g", c->weight[i]);
		weight += c->weight != NULL ? c->weight[i] : 1;
	}
	if (!(weight > 0))
		return learn_fail(env, LEARN_DATA, "all weights are 0");
	if (c->kind == CONSTRAINT_PAIRS)
		return check_pairs(env, c);
	if (c->kind == CONSTRAINT_CHUNKLETS)
		return check_chunklets(env, c);
	return LEARN_OK;
}

/* ---------- from labels ---------- */

/* A set of 64-bit keys, none of them 0, in open addressing. */
typedef struct KeySet
{
	uint64_t   *slot;
	uint64_t	mask;
} KeySet;

static LearnStatus
keys_create(LearnEnv *env, int64_t n, KeySet *set)
{
	uint64_t	slots = 16;

	while (slots < 2 * (uint64_t) n)
		slots *= 2;
	LEARN_ALLOC(env, set->slot, slots);
	memset(set->slot, 0, slots * sizeof(uint64_t));
	set->mask = slots - 1;
	return LEARN_OK;
}

/* false: it is there already */
static bool
keys_add(KeySet *set, uint64_t key)
{
	uint64_t	at;

	key = rng_mix(key);
	if (key == 0)
		key = 1;
	for (at = key & set->mask; set->slot[at] != 0; at = (at + 1) & set->mask)
		if (set->slot[at] == key)
			return false;
	set->slot[at] = key;
	return true;
}

/* The drawing of one kind of constraint. */
typedef struct Draw
{
	const Classes *classes;
	int32_t    *class;			/* of the places of classes->row */
	Rng			rng;
	KeySet		seen;
} Draw;

/* Another place of the class, if there is one. */
static bool
draw_same(Draw *d, int64_t place, int64_t *other)
{
	const int64_t *start = d->classes->start + d->class[place];
	int64_t		n = start[1] - start[0];

	if (n < 2)
		return false;
	*other = start[0] + (int64_t) rng_below(&d->rng, (uint64_t) n - 1);
	*other += *other >= place;
	return true;
}

/* A place of another class: there are two at least. */
static int64_t
draw_other(Draw *d, int64_t place)
{
	const int64_t *start = d->classes->start + d->class[place];
	int64_t		n = start[1] - start[0];
	int64_t		other = (int64_t) rng_below(&d->rng, (uint64_t) (d->classes->n - n));

	return other >= start[0] ? other + n : other;
}

static uint64_t
pair_key(int64_t a, int64_t b)
{
	return rng_mix((uint64_t) (a < b ? a : b)) + (uint64_t) (a < b ? b : a);
}

/* One constraint to out; false: this draw gives none. */
static bool
draw_one(Draw *d, ConstraintKind kind, bool same, int64_t *out)
{
	const int64_t *row = d->classes->row;
	int64_t		a = (int64_t) rng_below(&d->rng, (uint64_t) d->classes->n);
	int64_t		b;
	int64_t		c;

	if (kind == CONSTRAINT_PAIRS)
	{
		if (!same)
			b = draw_other(d, a);
		else if (!draw_same(d, a, &b))
			return false;
		out[0] = row[a];
		out[1] = row[b];
		return keys_add(&d->seen, pair_key(a, b));
	}
	if (!draw_same(d, a, &b))
		return false;
	out[0] = row[a];
	out[1] = row[b];
	if (kind == CONSTRAINT_TRIPLETS)
	{
		c = draw_other(d, a);
		out[2] = row[c];
		return keys_add(&d->seen, rng_mix(rng_mix((uint64_t) a) + (uint64_t) b) + (uint64_t) c);
	}
	c = (int64_t) rng_below(&d->rng, (uint64_t) d->classes->n);
	out[2] = row[c];
	out[3] = row[draw_other(d, c)];
	return keys_add(&d->seen, rng_mix(pair_key(a, b)) + pair_key(out[2], out[3]));
}

/* count constraints, or as many as are found, from out on. */
static LearnStatus
draw_many(LearnEnv *env, Draw *d, ConstraintKind kind, bool same, int64_t count, int64_t *out, int64_t *found)
{
	int			size = constraint_size(kind);

	*found = 0;
	for (int64_t try = 0; try < MAX_TRIES * count && *found < count; try++)
	{
		if ((try & 0x3fff) == 0)
			LEARN_TRY(learn_poll(env));
		*found += draw_one(d, kind, same, out + *found * size);
	}
	return LEARN_OK;
}

/* Rows of classes of two rows and more, each with its class for its chunklet. */
static LearnStatus
whole_classes(LearnEnv *env, const Classes *classes, Constraints *c)
{
	int64_t    *row;
	int32_t    *label;

	LEARN_ALLOC(env, row, classes->n);
	LEARN_ALLOC(env, label, classes->n);
	*c = (Constraints) {.kind = CONSTRAINT_CHUNKLETS, .row = row, .label = label, .n_chunklets = classes->n_classes};
	for (int k = 0; k < classes->n_classes; k++)
		for (int64_t i = classes->start[k]; i < classes->start[k + 1] && classes->start[k + 1] - classes->start[k] > 1; i++)
		{
			row[c->n] = classes->row[i];
			label[c->n++] = k;
		}
	return LEARN_OK;
}

LearnStatus
constraints_from_labels(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
						ConstraintKind kind, int64_t count, uint64_t seed, Constraints *c)
{
	Classes		classes;
	Draw		d = {.classes = &classes};
	int64_t		all = kind == CONSTRAINT_PAIRS ? 2 * count : count;
	int64_t		found;
	int64_t    *row;
	int32_t    *label = NULL;

	LEARN_TRY(classes_group(env, rows, index, n, &classes));
	LEARN_TRY(classes_check(env, &classes, "the method"));
	if (kind == CONSTRAINT_CHUNKLETS)
		return whole_classes(env, &classes, c);

	LEARN_ALLOC(env, d.class, classes.n);
	for (int k = 0; k < classes.n_classes; k++)
		for (int64_t i = classes.start[k]; i < classes.start[k + 1]; i++)
			d.class[i] = k;
	rng_seed(&d.rng, seed, (uint64_t) kind);
	LEARN_TRY(keys_create(env, all, &d.seen));
	LEARN_ALLOC(env, row, all * constraint_size(kind));
	LEARN_TRY(draw_many(env, &d, kind, true, count, row, &found));
	*c = (Constraints) {.kind = kind, .row = row, .n = found};
	if (kind == CONSTRAINT_PAIRS)
	{
		LEARN_ALLOC(env, label, all);
		LEARN_TRY(draw_many(env, &d, kind, false, count, row + 2 * found, &c->n));
		c->n += found;
		for (int64_t i = 0; i < c->n; i++)
			label[i] = i < found;
		c->label = label;
	}
	return LEARN_OK;
}
