/*
 * sampler.c
 *	  Class-balanced batches: P classes x K rows, and their hard negatives.
 */
#include "sampler.h"

#include <math.h>

#include "hard_negatives.h"

typedef struct ClassRows
{
	int64_t		begin;			/* in Sampler.row */
	int64_t		count;
	int64_t		next;			/* place of the next row to give, below count */
} ClassRows;

struct Sampler
{
	int			batch;
	int			per_class;
	int64_t		n;
	int64_t    *row;			/* rows by class, each class's shuffled */
	int			n_classes;		/* classes that have rows */
	ClassRows  *class;
	double	   *cumulative;		/* weights summed up, n_classes */
	int		   *chosen;			/* classes of the batch */
	int		   *quota;			/* rows due from each of them */
	uint32_t   *stamp;			/* batch in which a class was drawn last */
	uint32_t	batch_number;
	int			anchors;		/* rows of a batch drawn by class, without hard negatives */
	bool		mines;			/* hard negatives */
	HardDraw	hard;
	Rng			rng;
};

LearnStatus
sampler_create(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n,
			   int batch, int per_class, double balance, double hard_share, uint64_t seed, Sampler **sampler)
{
	Sampler    *s;
	int64_t    *count;
	int		   *slot;
	int64_t		begin = 0;
	double		sum = 0;

	LEARN_ALLOC(env, s, 1);
	s->batch = batch;
	s->per_class = per_class < 1 ? 1 : per_class;
	s->n = n;
	s->n_classes = 0;
	s->batch_number = 0;
	rng_seed(&s->rng, seed, 2);
	LEARN_ALLOC(env, s->row, n);
	LEARN_ALLOC(env, slot, rows->n_classes);
	count = arena_alloc_zero(env->arena, (size_t) rows->n_classes, sizeof(int64_t));
	if (count == NULL)
		return learn_fail(env, LEARN_NO_MEMORY, "not enough memory for %d classes", rows->n_classes);

	for (int64_t i = 0; i < n; i++)
		count[rows->label[index[i]]]++;
	for (int c = 0; c < rows->n_classes; c++)
		slot[c] = count[c] > 0 ? s->n_classes++ : -1;
	LEARN_ALLOC(env, s->class, s->n_classes);
	LEARN_ALLOC(env, s->cumulative, s->n_classes);
	LEARN_ALLOC(env, s->chosen, s->n_classes < batch ? s->n_classes : batch);
	LEARN_ALLOC(env, s->quota, s->n_classes < batch ? s->n_classes : batch);
	s->stamp = arena_alloc_zero(env->arena, (size_t) s->n_classes, sizeof(uint32_t));
	if (s->stamp == NULL)
		return learn_fail(env, LEARN_NO_MEMORY, "not enough memory for %d classes", s->n_classes);

	for (int c = 0; c < rows->n_classes; c++)
	{
		ClassRows  *class;

		if (slot[c] < 0)
			continue;
		class = &s->class[slot[c]];
		class->begin = begin;
		class->count = 0;
		class->next = 0;
		begin += count[c];
		sum += pow((double) count[c], 1 - balance);
		s->cumulative[slot[c]] = sum;
	}
	for (int64_t i = 0; i < n; i++)
	{
		ClassRows  *class = &s->class[slot[rows->label[index[i]]]];

		s->row[class->begin + class->count++] = index[i];
	}
	for (int c = 0; c < s->n_classes; c++)
		rng_shuffle(&s->rng, s->row + s->class[c].begin, s->class[c].count);
	*sampler = s;
	s->mines = hard_exist(&rows->hard_negatives) && hard_share > 0;
	s->anchors = s->mines ? hard_anchors(batch, hard_share) : batch;
	return s->mines ? hard_create(env, &rows->hard_negatives, batch, rows->n, index, n, &s->hard) : LEARN_OK;
}

int64_t
sampler_steps(const Sampler *sampler)
{
	int64_t		batch = sampler->batch < sampler->n ? sampler->batch : sampler->n;

	return (sampler->n + batch - 1) / batch;
}

/* A class by weight. */
static int
draw_class(Sampler *s)
{
	return (int) rng_choose(&s->rng, s->cumulative, s->n_classes);
}

/* Draw distinct classes into chosen, all of them if they fit. Returns how many. */
static int
choose_classes(Sampler *s, int want)
{
	int			n = 0;

	s->batch_number++;
	if (want >= s->n_classes)
	{
		for (n = 0; n < s->n_classes; n++)
			s->chosen[n] = n;
		return n;
	}

	/* a few heavy classes may make most draws repeat: then go on from the last one */
	for (int tries = 0; n < want; tries++)
	{
		int			c = draw_class(s);

		while (tries > 20 * want && s->stamp[c] == s->batch_number)
			c = (c + 1) % s->n_classes;
		if (s->stamp[c] == s->batch_number)
			continue;
		s->stamp[c] = s->batch_number;
		s->chosen[n++] = c;
	}
	return n;
}

/* How many rows each chosen class gives: anchors in all, as far as the classes have them. */
static void
set_quotas(Sampler *s, int n_chosen, bool by_weight)
{
	int			left = s->anchors;
	double		weights = 0;

	for (int i = 0; by_weight && i < n_chosen; i++)
	{
		int			c = s->chosen[i];

		weights += s->cumulative[c] - (c > 0 ? s->cumulative[c - 1] : 0);
	}
	for (int i = 0; i < n_chosen; i++)
	{
		int			c = s->chosen[i];
		int			due = s->per_class;

		if (by_weight)
			due = (int) (s->anchors * (s->cumulative[c] - (c > 0 ? s->cumulative[c - 1] : 0)) / weights);
		if (due < 2)
			due = 2;
		if (due > s->class[c].count)
			due = (int) s->class[c].count;
		if (due > left)
			due = left;
		s->quota[i] = due;
		left -= due;
	}

	/* hand out what rounding and small classes left over */
	for (bool more = true; left > 0 && more;)
	{
		more = false;
		for (int i = 0; i < n_chosen && left > 0; i++)
			if (s->quota[i] < s->class[s->chosen[i]].count)
			{
				s->quota[i]++;
				left--;
				more = true;
			}
	}
}

/*
 * Give quota rows of a class. If the class comes round within a batch, the rows that were given
 * already are kept out of the part that is shuffled anew.
 */
static int
give_rows(Sampler *s, ClassRows *class, int quota, int64_t *out)
{
	int64_t    *row = s->row + class->begin;
	int64_t		tail = class->count - class->next;

	if (tail >= quota)
	{
		for (int i = 0; i < quota; i++)
			out[i] = row[class->next + i];
		class->next += quota;
		return quota;
	}

	/* the tail goes to the front, the rest is shuffled behind it */
	for (int64_t i = 0; i < tail; i++)
	{
		int64_t		swap = row[i];

		row[i] = row[class->next + i];
		row[class->next + i] = swap;
	}
	rng_shuffle(&s->rng, row + tail, class->count - tail);
	for (int i = 0; i < quota; i++)
		out[i] = row[i];
	class->next = quota;
	return quota;
}

/*
 * Add the hard negatives of the n rows of a batch. If there is room left, add more rows by class,
 * two at a time. Returns how many rows there are then.
 */
static int
add_hard(Sampler *s, int64_t *row, int n)
{
	hard_begin(&s->hard, row, n);
	n = hard_fill(&s->hard, &s->rng, row, n, s->batch);
	for (int tries = 0; n < s->batch && tries < s->batch; tries++)
	{
		ClassRows  *class = &s->class[draw_class(s)];
		int64_t		drawn[2];
		int			count = give_rows(s, class, class->count < 2 ? 1 : 2, drawn);

		for (int i = 0; i < count && n < s->batch; i++)
			n = hard_add(&s->hard, drawn[i], row, n);
	}
	return n;
}

int
sampler_next(Sampler *sampler, int64_t *row)
{
	int			want = sampler->anchors / sampler->per_class;
	int			n_chosen;
	int			n = 0;

	if (want < 2)
		want = 2;
	n_chosen = choose_classes(sampler, want);
	set_quotas(sampler, n_chosen, n_chosen == sampler->n_classes);
	for (int i = 0; i < n_chosen; i++)
		n += give_rows(sampler, &sampler->class[sampler->chosen[i]], sampler->quota[i], row + n);
	return sampler->mines ? add_hard(sampler, row, n) : n;
}
