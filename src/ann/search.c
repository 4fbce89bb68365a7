/*
 * search.c
 *	  See search.h.
 */
#include "ann/search.h"

#include <math.h>

/*
 * Of a queue: a heap up to this size is not divided; the share of TRIED that is kept when one is,
 * and taken when it is used up.
 */
#define NEAR		64
#define TRIED		16
#define KEEP_SHARE	6
#define TAKE_SHARE	4

static size_t
round_up(size_t bytes)
{
	return (bytes + 63) / 64 * 64;
}

size_t
ann_scratch_bytes(int width, int room)
{
	return round_up(width) + round_up(width * sizeof(float)) +
		round_up(room * sizeof(int32_t)) + 2 * round_up(room * sizeof(float));
}

void
ann_scratch_init(AnnScratch *scratch, int width, int room, void *memory)
{
	char	   *at = memory;

	scratch->width = width;
	scratch->room = room;
	scratch->query.levels = (int8_t *) at;
	at += round_up(width);
	scratch->query.difference = (float *) at;
	at += round_up(width * sizeof(float));
	scratch->dots = (int32_t *) at;
	at += round_up(room * sizeof(int32_t));
	scratch->estimates = (float *) at;
	at += round_up(room * sizeof(float));
	scratch->lower = (float *) at;
}

void
ann_score_block(const float *query, const AnnBlock *block, AnnScratch *scratch)
{
	score_place(query, block->frame, block->step, scratch->width, &scratch->query);
	score_dots(block->codes, block->stride, block->n, block->bits, &scratch->query, scratch->width,
			   scratch->dots);
	score_estimate(&scratch->query, block->bits, scratch->dots, block->norm, block->scale, block->n,
				   scratch->estimates);
}

void
ann_score_some(const float *query, const AnnBlock *block, const uint8_t *pass, AnnScratch *scratch)
{
	score_place(query, block->frame, block->step, scratch->width, &scratch->query);
	for (int j = 0; j < block->n; j++)
	{
		if (!pass[j])
		{
			scratch->estimates[j] = INFINITY;
			continue;
		}
		score_dots(block->codes + j * block->stride, block->stride, 1, block->bits, &scratch->query, scratch->width,
				   &scratch->dots[j]);
		score_estimate(&scratch->query, block->bits, &scratch->dots[j], block->norm + j, block->scale + j, 1,
					   scratch->estimates + j);
	}
}

float
ann_lower_bounds(const AnnBlock *block, AnnScratch *scratch)
{
	return score_lower(&scratch->query, scratch->estimates, block->norm, block->error, block->n, scratch->lower);
}

static inline bool
is_before(const SearchItem *a, const SearchItem *b)
{
	return a->key < b->key || (a->key == b->key && a->id < b->id);
}

/* Put item in the place of items[0] of a heap of n whose first is on top. */
static void
sift_first(SearchItem *items, int n, int at, SearchItem item)
{
	for (;;)
	{
		int			child = 2 * at + 1;

		if (child >= n)
			break;
		if (child + 1 < n && is_before(&items[child + 1], &items[child]))
			child++;
		if (!is_before(&items[child], &item))
			break;
		items[at] = items[child];
		at = child;
	}
	items[at] = item;
}

/* A key that some share / TRIED of n items is not above, as far as some of them tell. */
static float
key_of_share(const SearchItem *items, int n, int share)
{
	float		tried[TRIED];

	for (int i = 0; i < TRIED; i++)
	{
		float		key = items[(int64_t) i * n / TRIED].key;
		int			at = i;

		for (; at > 0 && tried[at - 1] > key; at--)
			tried[at] = tried[at - 1];
		tried[at] = key;
	}
	return tried[share - 1];
}

/* Make the items of the first n that are not above the limit the heap. */
static void
divide(SearchQueue *queue, int n)
{
	SearchItem *items = queue->items;
	int			near = 0;

	for (int i = 0; i < n; i++)
		if (!(items[i].key > queue->limit))
		{
			SearchItem	item = items[i];

			items[i] = items[near];
			items[near++] = item;
		}
	for (int at = near / 2 - 1; at >= 0; at--)
		sift_first(items, near, at, items[at]);

	/* all alike: the same again would be as little use */
	queue->most = near == n ? 2 * n : 2 * near;
	if (queue->most < NEAR)
		queue->most = NEAR;
	queue->near = near;
}

void
search_push(SearchQueue *queue, SearchItem item)
{
	SearchItem *items = queue->items;
	int			at;

	if (queue->n == 0)
	{
		queue->near = 0;
		queue->most = NEAR;
		queue->limit = INFINITY;
	}
	if (item.key > queue->limit)
	{
		items[queue->n++] = item;
		return;
	}
	at = queue->near;
	if (at < queue->n)
		items[queue->n] = items[at];
	queue->n++;
	queue->near++;
	while (at > 0 && is_before(&item, &items[(at - 1) / 2]))
	{
		items[at] = items[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	items[at] = item;
	if (queue->near > queue->most)
	{
		queue->limit = key_of_share(items, queue->near, KEEP_SHARE);
		divide(queue, queue->near);
	}
}

bool
search_pop(SearchQueue *queue, SearchItem *item)
{
	SearchItem *items = queue->items;
	SearchItem	last;

	if (queue->n == 0)
		return false;
	*item = items[0];
	last = items[--queue->near];
	items[queue->near] = items[--queue->n];
	if (queue->near > 0)
		sift_first(items, queue->near, 0, last);
	else if (queue->n > 0)
	{
		queue->limit = queue->n <= NEAR ? INFINITY : key_of_share(items, queue->n, TAKE_SHARE);
		divide(queue, queue->n);
	}
	return true;
}

float
search_limit(const SearchBest *best)
{
	return best->n < best->room ? INFINITY : best->items[0].key;
}

/* Put item in the place of items[0] of a heap of n whose last is on top. */
static void
sift_down(SearchItem *items, int n, SearchItem item)
{
	int			at = 0;

	for (;;)
	{
		int			child = 2 * at + 1;

		if (child >= n)
			break;
		if (child + 1 < n && is_before(&items[child], &items[child + 1]))
			child++;
		if (!is_before(&item, &items[child]))
			break;
		items[at] = items[child];
		at = child;
	}
	items[at] = item;
}

void
search_offer(SearchBest *best, SearchItem item)
{
	if (best->n == best->room)
	{
		if (is_before(&item, &best->items[0]))
			sift_down(best->items, best->n, item);
		return;
	}
	{
		int			at = best->n++;

		while (at > 0 && is_before(&best->items[(at - 1) / 2], &item))
		{
			best->items[at] = best->items[(at - 1) / 2];
			at = (at - 1) / 2;
		}
		best->items[at] = item;
	}
}

void
search_sort(SearchBest *best)
{
	for (int n = best->n - 1; n > 0; n--)
	{
		SearchItem	last = best->items[n];

		best->items[n] = best->items[0];
		sift_down(best->items, n, last);
	}
}
