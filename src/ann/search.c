/*
 * search.c
 *	  See search.h.
 */
#include "ann/search.h"

#include <math.h>

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

void
ann_lower_bounds(const AnnBlock *block, AnnScratch *scratch)
{
	score_lower(&scratch->query, scratch->estimates, block->norm, block->error, block->n, scratch->lower);
}

static inline bool
is_before(const SearchItem *a, const SearchItem *b)
{
	return a->key < b->key || (a->key == b->key && a->id < b->id);
}

void
search_push(SearchQueue *queue, SearchItem item)
{
	int			at = queue->n++;

	while (at > 0 && is_before(&item, &queue->items[(at - 1) / 2]))
	{
		queue->items[at] = queue->items[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	queue->items[at] = item;
}

bool
search_pop(SearchQueue *queue, SearchItem *item)
{
	SearchItem	last;
	int			at = 0;

	if (queue->n == 0)
		return false;
	*item = queue->items[0];
	last = queue->items[--queue->n];
	for (;;)
	{
		int			child = 2 * at + 1;

		if (child >= queue->n)
			break;
		if (child + 1 < queue->n && is_before(&queue->items[child + 1], &queue->items[child]))
			child++;
		if (!is_before(&queue->items[child], &last))
			break;
		queue->items[at] = queue->items[child];
		at = child;
	}
	if (queue->n > 0)
		queue->items[at] = last;
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
