/*
 * hard_negatives.c
 *	  Hard negatives in a batch: each member proposes some, and they are drawn at random.
 */
#include "hard_negatives.h"

#include <string.h>

bool
hard_exist(const HardLists *lists)
{
	return lists->list != NULL || lists->read != NULL;
}

LearnStatus
hard_create(LearnEnv *env, const HardLists *lists, int batch, int64_t n, const int64_t *index, int64_t count, HardDraw *draw)
{
	draw->lists = lists;
	draw->batch = 1;
	LEARN_ALLOC(env, draw->of, (size_t) batch * lists->k);
	draw->given = arena_alloc_zero(env->arena, (size_t) n, sizeof(uint32_t));
	if (draw->given == NULL)
		return learn_fail(env, LEARN_NO_MEMORY, "not enough memory for hard negatives of %lld rows", (long long) n);
	for (int64_t i = 0; i < count; i++)
		draw->given[index[i]] = 1;
	return LEARN_OK;
}

int
hard_anchors(int batch, double share)
{
	int			anchors = batch - (int) (batch * share);

	return anchors < 2 ? 2 : anchors;
}

void
hard_begin(HardDraw *draw, const int64_t *member, int n)
{
	const HardLists *lists = draw->lists;

	draw->batch++;
	for (int i = 0; i < n; i++)
		draw->given[member[i]] = draw->batch;
	if (lists->read)
		lists->read(lists->ctx, member, n, draw->of);
	else
		for (int i = 0; i < n; i++)
			memcpy(draw->of + (size_t) i * lists->k, lists->list + member[i] * lists->k, sizeof(int32_t) * lists->k);
}

int
hard_add(HardDraw *draw, int64_t other, int64_t *member, int n)
{
	if (draw->given[other] == draw->batch)
		return n;
	draw->given[other] = draw->batch;
	member[n] = other;
	return n + 1;
}

/*
 * Draw one that member number i proposes, that may be drawn and is not in the batch yet; -1: there
 * is none.
 */
static int64_t
draw_one(const HardDraw *draw, Rng *rng, int i)
{
	const int32_t *list = draw->of + (size_t) i * draw->lists->k;
	int			count = 0;
	int			start;

	while (count < draw->lists->k && list[count] >= 0)
		count++;
	if (count == 0)
		return -1;
	start = (int) rng_below(rng, (uint64_t) count);
	for (int j = 0; j < count; j++)
	{
		int64_t		other = list[(start + j) % count];

		if (draw->given[other] != 0 && draw->given[other] != draw->batch)
			return other;
	}
	return -1;
}

int
hard_fill(HardDraw *draw, Rng *rng, int64_t *member, int n, int room)
{
	int			anchors = n;
	int			first = (int) rng_below(rng, (uint64_t) anchors);
	bool		more = true;

	while (more && n < room)
	{
		more = false;
		for (int i = 0; i < anchors && n < room; i++)
		{
			int64_t		other = draw_one(draw, rng, (first + i) % anchors);

			if (other < 0)
				continue;
			n = hard_add(draw, other, member, n);
			more = true;
		}
	}
	return n;
}
