/*
 * walk.c
 *	  See walk.h.
 */
#include "compat.h"

#include <float.h>
#include <math.h>

#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "walk.h"

/*
 * Roundings of rotation, frames and exact distances, relative to squared lengths around the
 * origin.
 */
#define ROUNDING			4e-6f

/* A walk meets this many pages before it asks how many the index has. */
#define FEW_PAGES			1000

/* Before the first node of a level is opened: an eighth of the level above, within these bounds. */
#define LEAST_OPENED		4
#define MOST_OPENED			16
#define OPEN_SHARE			8

/* After that, one more for this many nodes of the level below. */
#define NODES_PER_OPENED	4

/*
 * When more of a leaf's rows are wanted: those whose bounds are up to this share above the least
 * one.
 */
#define REST_SHARE			0.25f

/*
 * Of inner products: a node is expected to have rows this share of its radius farther in the
 * query's direction.
 */
#define LEAN				0.2

/*
 * Of inner products: a query gets this many times a long row's length, but no length beyond the
 * second number.
 */
#define QUERY_LENGTH		4.0
#define LONGEST_QUERY		1e18

/*
 * From this length on a query's squared distances may leave float's range; below the second
 * length squares are too small for estimates.
 */
#define FARTHEST_QUERY		1e18
#define TINY_LENGTH			1e-15

/* Of a leaf's rows, fewer than this share are scored one by one. */
#define FEW_SHARE			8

/* How much of a page's codes is fetched ahead; the processor fetches the rest by itself. */
#define PREFETCH_CODES		2048

/*
 * The estimate of missed rows: it remembers this many of the nodes opened last; expects no row
 * beyond this many standard deviations; and assumes rows that pass in this many more leaves than
 * had one.
 */
#define REMEMBERED_NODES	64
#define FAR					6
#define DOUBTED_LEAVES		2

/* One of this many rows of a leaf is looked at for their distance from its center. */
#define NOTED_ROWS			8

/*
 * Standard deviations beyond which leaves differ in their shares of rows that pass by more than
 * chance.
 */
#define CLUMPED_DEVIATIONS	2.5

/* What an item of the frontier is; in the lowest bits of its id. */
enum
{
	ITEM_NODE,					/* a page that was not opened */
	ITEM_REST,					/* of a leaf: the rows whose bounds are above item.spread */
	ITEM_ROW
};
#define ITEM_BITS			2
#define BIRTH_BITS			(32 - ITEM_BITS)
#define BIRTH_MASK			((1U << BIRTH_BITS) - 1)

static uint64
pack_node(BlockNumber block, uint32 birth, int kind)
{
	return ((uint64) block << 32) | ((uint64) (birth & BIRTH_MASK) << ITEM_BITS) | kind;
}

static uint64
pack_row(ItemPointer tid)
{
	return (((uint64) ItemPointerGetBlockNumber(tid) << 16 | ItemPointerGetOffsetNumber(tid)) << ITEM_BITS) | ITEM_ROW;
}

static void
unpack_row(uint64 id, ItemPointer tid)
{
	id >>= ITEM_BITS;
	ItemPointerSet(tid, (BlockNumber) (id >> 16), (OffsetNumber) (id & 0xffff));
}

static int
kind_of(uint64 id)
{
	return (int) (id & ((1 << ITEM_BITS) - 1));
}

static int
compare_floats(const void *a, const void *b)
{
	float		left = *(const float *) a;
	float		right = *(const float *) b;

	return left < right ? -1 : left > right;
}

/*
 * The ninth decile of the squared lengths in the root. Long rows are the ones that are found, and
 * an outlier does not move it.
 */
static double
long_square(Relation index, const TreeShape *shape, const TreeMeta *meta)
{
	const TreeLayout *layout = tree_layout_of(shape, meta->root_level);
	float	   *squares = palloc((layout->room + 1) * sizeof(float));
	Buffer		buffer = ReadBuffer(index, meta->root);
	Page		page = BufferGetPage(buffer);
	double		result = 0;
	int			n;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	tree_check_reached(index, meta->root, page, shape, meta->root_birth);
	n = tree_special(page)->birth == meta->root_birth && tree_special(page)->level == meta->root_level ? tree_node(page)->n : 0;
	memcpy(squares, tree_squares(page, layout), n * sizeof(float));
	UnlockReleaseBuffer(buffer);
	if (n > 0)
	{
		qsort(squares, n, sizeof(float), compare_floats);
		result = squares[n - 1 - n / 10];
	}
	pfree(squares);
	return result;
}

double
tree_square(const TreeShape *shape, double distance, double factor, double query_square)
{
	switch (shape->metric)
	{
		case TREE_COSINE:
			return 2 * distance;
		case TREE_IP:
			return 2 * factor * distance + query_square;
		default:
			return distance * shape->rotation.scale * (distance * shape->rotation.scale);
	}
}

double
tree_rotate_query(const TreeShape *shape, const float *x, float *scratch, float *out, bool *far)
{
	AnnRotation rotation = shape->rotation;
	double		square = 0;

	*far = false;
	if (shape->metric == TREE_COSINE)
		return tree_rotate(shape, x, scratch, out) ? 1 : 0;
	for (int i = 0; i < shape->dims; i++)
	{
		double		d = x[i] - (shape->origin ? (double) shape->origin[i] : 0);

		square += d * d;
	}
	if (shape->metric == TREE_IP)
		rotation.scale = square > 0 ? ldexpf(1, Max(Min(-ilogb(sqrt(square)), 127), -126)) : 1;
	else if (sqrt(square) * rotation.scale > FARTHEST_QUERY)
	{
		rotation.scale = ldexpf(1, Max(ilogb(FARTHEST_QUERY / sqrt(square)), -126));
		*far = true;
	}
	ann_rotate(&rotation, x, shape->origin, out);
	return rotation.scale;
}

double
tree_scale_query(Relation index, const TreeShape *shape, const TreeMeta *meta, float *query)
{
	double		square = 0;
	double		factor;

	if (shape->metric != TREE_IP)
		return 1;
	for (int i = 0; i < shape->width; i++)
		square += (double) query[i] * query[i];
	factor = QUERY_LENGTH * sqrt(long_square(index, shape, meta) / square);
	if (!(factor > 0) || isinf(factor))
		return 1;
	factor = Min(factor, LONGEST_QUERY / sqrt(square));
	for (int i = 0; i < shape->width; i++)
		query[i] = (float) (query[i] * factor);
	return factor;
}

void
tree_walk_init(TreeWalk *walk, Relation index, const TreeShape *shape, const TreeMeta *meta,
			   const float *query, const TreeFilter *filter, TreeCounts *counts)
{
	int			room = Max(shape->leaf.room, shape->inner.room);
	char	   *memory = palloc(ann_scratch_bytes(shape->width, room) + 64);
	double		nodes = meta->leaves;

	memset(walk, 0, sizeof(*walk));
	walk->index = index;
	walk->shape = shape;
	walk->meta = meta;
	walk->query = query;
	walk->most_pages = FEW_PAGES;
	if (shape->metric == TREE_IP)
	{
		double		square = 0;

		for (int i = 0; i < shape->width; i++)
			square += (double) query[i] * query[i];
		walk->lean = (float) (2 * sqrt(square) * LEAN);
	}
	walk->counts = counts;
	walk->filter = filter;
	if (filter != NULL)
		walk->pass = palloc(room);
	ann_scratch_init(&walk->scratch, shape->width, room, (void *) TYPEALIGN(64, memory));
	for (int level = 1; level < TREE_MAX_HEIGHT; level++)
	{
		nodes /= shape->inner.room * 0.7;
		walk->least[level] = (int) Max(LEAST_OPENED, Min(MOST_OPENED, nodes / OPEN_SHARE));
	}
	for (int level = 0; level < TREE_MAX_HEIGHT; level++)
	{
		walk->queue[level].room = level > meta->root_level ? 0 : 256;
		walk->queue[level].items = palloc(sizeof(SearchItem) * Max(walk->queue[level].room, 1));
	}
	search_push(&walk->queue[meta->root_level], (SearchItem) {.key = 0, .id = pack_node(meta->root, meta->root_birth, ITEM_NODE)});
}

static void
push(SearchQueue *queue, SearchItem item)
{
	if (queue->n == queue->room)
	{
		if (queue->room > PG_INT32_MAX / 2)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many rows wait in a search of an index"),
					 errhint("Ask for fewer rows, or for a lower dml.recall.")));
		queue->room = Max(2 * queue->room, 256);
		queue->items = repalloc_huge(queue->items, sizeof(SearchItem) * (Size) queue->room);
	}
	search_push(queue, item);
}

/*
 * The node of an item, share-locked and checked. A node that was split since its parent was read
 * is still there, with its forwards. A page that was reused is not. That cannot happen while a
 * snapshot is held, except on a standby, where nobody waits for us.
 */
static Buffer
read_node(TreeWalk *walk, uint64 id)
{
	BlockNumber block = (BlockNumber) (id >> 32);
	uint32		birth = (uint32) (id >> ITEM_BITS) & BIRTH_MASK;
	Buffer		buffer;
	Page		page;

	CHECK_FOR_INTERRUPTS();
	buffer = tree_read_pointer(walk->index, block);
	page = BufferGetPage(buffer);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	tree_check_page(walk->index, block, page);
	if ((tree_special(page)->birth & BIRTH_MASK) == birth)
		tree_check_node(walk->index, block, page, walk->shape);
	else
	{
		if (!RecoveryInProgress())
			tree_corrupted(walk->index, block, "It is not the page that another one points to.");
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("index \"%s\" changed under a long search", RelationGetRelationName(walk->index)),
				 errdetail("Block %u was reused; on a standby nothing holds it for this search.", block),
				 errhint("Search again.")));
	}
	return buffer;
}

/* Where a split node's entries went takes its place in the queue. */
static bool
push_forwards(SearchQueue *queue, Page page, SearchItem item, int kind)
{
	const TreeNode *node = tree_node(page);

	/*
	 * one that forwards nowhere has what it had when it went, which is all that a snapshot from
	 * before can see
	 */
	if (tree_special(page)->kind != TREE_GONE ||
		(node->forward[0] == InvalidBlockNumber && node->forward[1] == InvalidBlockNumber))
		return false;
	for (int i = 0; i < 2; i++)
		if (node->forward[i] != InvalidBlockNumber)
		{
			item.id = pack_node(node->forward[i], node->forward_birth[i], kind);
			push(queue, item);
		}
	return true;
}

/* Have so few of the rows that were met passed the filter that they were scored alone? */
static bool
few_pass(const TreeWalk *walk)
{
	return walk->filter != NULL && walk->passed < walk->rows / FEW_SHARE;
}

/*
 * Fetch ahead what will be read of the page that is probably next. It is assumed to be like the
 * page at hand. Only what is read in any case is fetched (in a search by estimates, norm and
 * scale), and not the TIDs of all rows.
 */
static void
expect_node(const TreeWalk *walk, const SearchQueue *queue, Page at_hand, bool errors)
{
	const TreeLayout *layout = tree_layout_of(walk->shape, tree_special(at_hand)->level);
	int			factors = tree_node(at_hand)->n * (int) sizeof(float4);
	const char *page;

	if (queue->n == 0)
		return;
	page = tree_recent(walk->index, (BlockNumber) (queue->items[0].id >> 32));
	if (page == NULL)
		return;
	tree_prefetch(page, BLCKSZ - 1, 1);
	if (tree_special(at_hand)->level == 0 && few_pass(walk))
	{
		/* of most leaves no row is scored */
		tree_prefetch(page, 0, layout->frame);
		tree_filter_expect(walk->filter, page, tree_node(at_hand)->n);
		return;
	}
	tree_prefetch(page, 0, layout->frame + layout->width);
	tree_prefetch(page, layout->norm, factors);
	tree_prefetch(page, layout->scale, factors);
	if (errors)
		tree_prefetch(page, layout->error, factors);
	tree_prefetch(page, layout->codes, Min(tree_node(at_hand)->n * layout->code_bytes, PREFETCH_CODES));
}

static void
check_level(TreeWalk *walk, Buffer buffer, int level)
{
	if (tree_special(BufferGetPage(buffer))->level != level)
		tree_corrupted(walk->index, BufferGetBlockNumber(buffer), "It is not of the level that its parent says.");
}

/* Count a page.  No page is met twice, except through damaged forwards, which could form a loop. */
static void
count_page(TreeWalk *walk, int64 *count)
{
	++*count;
	if (++walk->pages <= walk->most_pages)
		return;
	walk->most_pages = RelationGetNumberOfBlocks(walk->index);
	if (walk->pages > walk->most_pages)
		tree_corrupted(walk->index, walk->meta->root, "A search from it met more pages than the index has: pointers form a loop.");
}

/* Of inner products: from squared distances to what rows are ordered by, walk.h. */
static void
shift(const TreeLayout *layout, Page page, int n, float *squares)
{
	const float4 *square = tree_squares(page, layout);

	for (int j = 0; layout->square != 0 && j < n; j++)
		squares[j] -= square[j];
}

static void open_enough(TreeWalk *walk, int level, int64 below);

/*
 * Note where the entries below one more node lie. Nodes opened earlier, nearer to the query,
 * count less and less.
 */
static void
note_offsets(TreeOffsets *offsets, const float *keys, int n, float node_key)
{
	double		kept = 1 - 1.0 / REMEMBERED_NODES;

	offsets->n *= kept;
	offsets->nodes = offsets->nodes * kept + 1;
	offsets->sum *= kept;
	offsets->squares *= kept;
	for (int j = 0; j < n; j++)
		if (keys[j] < INFINITY)
		{
			double		offset = (double) keys[j] - node_key;

			offsets->n++;
			offsets->sum += offset;
			offsets->squares += offset * offset;
		}
}

/*
 * Open the nearest unopened node of a level: its children join the queue below. False: there is
 * none.
 */
static bool
open_node(TreeWalk *walk, int level)
{
	SearchQueue *queue = &walk->queue[level];
	const TreeLayout *layout = &walk->shape->inner;
	SearchItem	item;
	Buffer		buffer;
	Page		page;

	if (level > walk->meta->root_level)
		return false;
	open_enough(walk, level + 1, walk->opened[level]);
	while (queue->n == 0)
		if (!open_node(walk, level + 1))
			return false;
	search_pop(queue, &item);
	count_page(walk, &walk->counts->inner);
	buffer = read_node(walk, item.id);
	page = BufferGetPage(buffer);
	check_level(walk, buffer, level);
	expect_node(walk, queue, page, false);
	if (!push_forwards(queue, page, item, ITEM_NODE))
	{
		const TreeChild *children = tree_children(page, layout);
		AnnBlock	block;

		tree_block(page, layout, &block);
		ann_score_block(walk->query, &block, &walk->scratch);
		shift(layout, page, block.n, walk->scratch.estimates);
		for (int j = 0; layout->square != 0 && j < block.n; j++)
			walk->scratch.estimates[j] -= walk->lean * tree_radii(page, layout)[j];
		if (walk->watch)
			note_offsets(&walk->offsets[level], walk->scratch.estimates, block.n, item.key);
		for (int j = 0; j < block.n; j++)
			push(&walk->queue[level - 1], (SearchItem)
			{
				.key = walk->scratch.estimates[j], .id = pack_node(children[j].block, children[j].birth, ITEM_NODE)
			});
		walk->opened[level]++;
	}
	UnlockReleaseBuffer(buffer);
	return true;
}

static void
open_enough(TreeWalk *walk, int level, int64 below)
{
	int64		enough;

	if (level > walk->meta->root_level)
		return;
	enough = walk->least[level] + below / NODES_PER_OPENED;
	while (walk->opened[level] < enough && open_node(walk, level))
		;
}

/*
 * Estimate the rows of a leaf that live and pass the filter, and leave the others at infinity.
 * Where few pass they are scored alone.
 */
static void
score_leaf(TreeWalk *walk, Page page, AnnBlock *block)
{
	int			passed;
	int			met;

	tree_block(page, &walk->shape->leaf, block);
	if (walk->filter == NULL)
	{
		ann_score_block(walk->query, block, &walk->scratch);
		walk->counts->codes += block->n;
		walk->rows += block->n;
		walk->passed += block->n;
		return;
	}
	passed = tree_filter_rows(walk->filter, page, walk->shape, walk->pass);
	met = block->n - tree_node(page)->dead;
	walk->rows += met;
	walk->passed += passed;
	walk->clumps += (double) passed * passed / Max(met, 1);
	if (passed == 0)
		block->n = 0;
	else if (passed < block->n / FEW_SHARE)
	{
		ann_score_some(walk->query, block, walk->pass, &walk->scratch);
		walk->counts->codes += passed;
	}
	else
	{
		ann_score_block(walk->query, block, &walk->scratch);
		walk->counts->codes += block->n;
		for (int j = 0; j < block->n; j++)
			if (!walk->pass[j])
				walk->scratch.estimates[j] = INFINITY;
	}
}

Buffer
tree_walk_leaf(TreeWalk *walk, AnnBlock *block)
{
	SearchQueue *queue = &walk->queue[0];

	for (;;)
	{
		SearchItem	item;
		Buffer		buffer;
		Page		page;

		open_enough(walk, 1, walk->opened[0]);
		while (queue->n == 0)
			if (!open_node(walk, 1))
				return InvalidBuffer;
		search_pop(queue, &item);
		count_page(walk, &walk->counts->leaves);
		buffer = read_node(walk, item.id);
		page = BufferGetPage(buffer);
		check_level(walk, buffer, 0);
		expect_node(walk, queue, page, false);
		if (push_forwards(queue, page, item, ITEM_NODE))
		{
			UnlockReleaseBuffer(buffer);
			continue;
		}
		walk->opened[0]++;
		walk->leaf_key = item.key;
		score_leaf(walk, page, block);
		shift(&walk->shape->leaf, page, block->n, walk->scratch.estimates);
		return buffer;
	}
}

bool
tree_walk_offer(const TreeWalk *walk, Page page, const AnnBlock *block, const ItemPointerData *self, uint16 visit,
				float beyond, SearchBest *best, SearchBest *nearest)
{
	const TreeRow *rows = tree_rows(page, &walk->shape->leaf);
	const float *estimates = walk->scratch.estimates;
	float		limit = Min(beyond, search_limit(best));
	bool		useful = false;

	for (int j = 0; j < block->n; j++)
		if (estimates[j] < limit && !rows[j].dead)
		{
			BlockNumber heap_block = ItemPointerGetBlockNumberNoCheck(&rows[j].tid);
			OffsetNumber place = ItemPointerGetOffsetNumberNoCheck(&rows[j].tid);
			SearchItem	item;

			if (self != NULL && ItemPointerEquals(unconstify(ItemPointerData *, self),
												  unconstify(ItemPointerData *, &rows[j].tid)))
				continue;
			item.key = estimates[j];
			item.spread = code_deviation(&walk->scratch.query, block->norm[j], block->error[j], walk->shape->width);
			item.id = ((uint64) heap_block << 16 | place) << 16 | visit;
			search_offer(best, item);
			limit = Min(beyond, search_limit(best));
			if (nearest->room == 0)
				useful = true;
			else if (estimates[j] < search_limit(nearest))
			{
				search_offer(nearest, item);
				useful = true;
			}
		}
	return useful;
}

void
tree_walk_note(TreeWalk *walk, const AnnBlock *block)
{
	double		before = walk->offsets[0].n;
	double		norms = 0;

	note_offsets(&walk->offsets[0], walk->scratch.estimates, block->n, walk->leaf_key);
	walk->passing_leaves += walk->offsets[0].n > before;
	for (int j = 0; j < block->n; j += NOTED_ROWS)
	{
		norms += block->norm[j];
		walk->spread_rows++;
	}
	walk->spread += norms;
	walk->wobble += 4 * Max((double) walk->leaf_key, 0) * norms / walk->shape->width;
}

/*
 * How much farther than its leaf a row that passes lies: the mean, and the variance.
 *
 * A row at r from its leaf's center, in no particular direction, has the squared distance
 * key + |r|^2 in the mean. The rows that pass in a few leaves may lie otherwise: a leaf of two
 * clusters may have all of them on its far side. So a few leaves count little against that mean,
 * and the doubt is part of the variance.
 */
static double
passing_offset(const TreeWalk *walk, double *variance)
{
	const TreeOffsets *offsets = &walk->offsets[0];
	double		doubt = (double) DOUBTED_LEAVES / (walk->passing_leaves + DOUBTED_LEAVES);
	double		own = offsets->sum / offsets->n;
	double		expected = walk->spread / walk->spread_rows;
	double		difference = expected - own;

	*variance = (1 - doubt) * Max(offsets->squares / offsets->n - own * own, 0) +
		doubt * (walk->wobble / walk->spread_rows + difference * difference);
	return own + doubt * difference;
}

double
tree_walk_missed(const TreeWalk *walk, double limit, double enough)
{
	double		mean = 0;
	double		variance = 0;
	double		rows;			/* that pass, below a node of the level */
	double		missed = 0;

	if (walk->passing_leaves == 0)
		return enough + 1;

	/* among the leaves visited, those with rows that pass may be rarer than elsewhere */
	rows = (double) walk->passed / walk->opened[0] * (walk->passing_leaves + DOUBTED_LEAVES) / walk->passing_leaves;
	for (int level = 0; level <= walk->meta->root_level; level++)
	{
		const TreeOffsets *offsets = &walk->offsets[level];
		const SearchQueue *queue = &walk->queue[level];
		double		deviation;

		if (level > 0)
			rows *= offsets->n / Max(offsets->nodes, 1);
		if (level == 0)
			mean = passing_offset(walk, &variance);
		else if (offsets->n > 0)
		{
			double		own = offsets->sum / offsets->n;

			mean += own;
			variance += Max(offsets->squares / offsets->n - own * own, 0);
		}
		deviation = sqrt(variance) + FLT_MIN;
		for (int i = 0; i < queue->n && missed <= enough; i++)
		{
			double		far = (queue->items[i].key + mean - limit) / deviation;

			if (far < FAR)
				missed += rows * 0.5 * erfc(far * M_SQRT1_2);
		}
	}
	return missed;
}

bool
tree_walk_is_even(const TreeWalk *walk)
{
	double		leaves = walk->opened[0];
	double		share = walk->passed / Max((double) walk->rows, 1);
	double		variance = share * (1 - share);	/* of whether a row passes */
	double		dispersion;

	if (leaves < 2 || walk->passed == 0)
		return false;
	if (variance == 0)
		return true;

	/*
	 * Pearson's chi-squared of the leaves, by its degrees of freedom: 1 on average, with this
	 * deviation
	 */
	dispersion = (walk->clumps - walk->passed * share) / variance / (leaves - 1);
	return dispersion <= 1 + CLUMPED_DEVIATIONS * sqrt((2 + leaves / (walk->passed * (1 - share))) / leaves);
}

void
tree_walk_free(TreeWalk *walk)
{
	for (int level = 0; level < TREE_MAX_HEIGHT; level++)
		pfree(walk->queue[level].items);
	if (walk->frontier.items)
		pfree(walk->frontier.items);
	if (walk->upper.items)
		pfree(walk->upper.items);
}

/* What may be within the limit waits for its turn. */
static void
push_frontier(TreeWalk *walk, SearchItem item)
{
	if (item.key <= walk->limit)
		push(&walk->frontier, item);
}

static double
length_of(const float *x, int n)
{
	double		square = 0;

	for (int i = 0; i < n; i++)
		square += (double) x[i] * x[i];
	return sqrt(square);
}

/* How far from zero the rows below the root reach. */
static double
root_reach(TreeWalk *walk)
{
	Buffer		buffer = read_node(walk, pack_node(walk->meta->root, walk->meta->root_birth, ITEM_NODE));
	Page		page = BufferGetPage(buffer);
	float	   *center = palloc(walk->shape->width * sizeof(float));
	double		reach;

	check_level(walk, buffer, walk->meta->root_level);
	tree_node_center(page, tree_layout_of(walk->shape, walk->meta->root_level), center);
	reach = length_of(center, walk->shape->width) + tree_node(page)->radius;
	UnlockReleaseBuffer(buffer);
	pfree(center);
	return reach;
}

bool
tree_is_tiny(Relation index, const TreeShape *shape, const TreeMeta *meta, const float *query)
{
	TreeWalk	walk = {.index = index, .shape = shape, .meta = meta};

	if (shape->metric == TREE_COSINE || (shape->metric == TREE_L2 && length_of(query, shape->width) > TINY_LENGTH))
		return false;
	return root_reach(&walk) < TINY_LENGTH;
}

void
tree_exact_begin(TreeWalk *walk, int k, double limit)
{
	uint64		root = pack_node(walk->meta->root, walk->meta->root_birth, ITEM_NODE);
	double		reach = root_reach(walk);
	double		length = length_of(walk->query, walk->shape->width);

	walk->slack = (float) (ROUNDING * (reach * reach + length * length) + CODE_TINY_SQUARE);

	walk->limit = limit;
	walk->frontier.items = palloc(sizeof(SearchItem));
	walk->frontier.room = 1;
	walk->upper.items = palloc(sizeof(SearchItem) * k);
	walk->upper.room = k;
	walk->length = (float) (length * (1 + ROUNDING));
	walk->least_key = walk->shape->metric == TREE_IP ? -FLT_MAX : 0;
	push_frontier(walk, (SearchItem) {.key = walk->least_key, .id = root});
}

float
tree_exact_bound(TreeWalk *walk)
{
	return walk->frontier.n > 0 ? walk->frontier.items[0].key : INFINITY;
}

/*
 * Of row j of the block that was scored last; roundings of rotations and of exact distances taken
 * off.
 */
static inline float
lower_bound(const TreeWalk *walk, int j)
{
	float		least = walk->scratch.lower[j] - walk->slack;

	return least > walk->least_key ? least : walk->least_key;
}

/* What no row below a child is before, by the bound of its center and by its radius. */
static float
node_bound(const TreeWalk *walk, float center, float radius)
{
	float		gap;

	if (walk->shape->metric == TREE_IP)
	{
		/* <q, x> is at most <q, c> + |q| radius; NaN, of damaged pages, is no bound */
		float		least = center - 2 * walk->length * radius * (1 + ROUNDING);

		return least > walk->least_key ? least : walk->least_key;
	}
	gap = sqrtf(center) - radius - CODE_TINY;
	return gap > 0 ? gap * gap * (1 - ROUNDING) : 0;
}

/* What is left of a leaf beyond a limit waits as one item, at the least of its bounds. */
static void
push_rest(TreeWalk *walk, SearchItem leaf, float least, float limit)
{
	leaf.key = least;
	leaf.spread = limit;
	leaf.id = (leaf.id & ~(uint64) ((1 << ITEM_BITS) - 1)) | ITEM_REST;
	push_frontier(walk, leaf);
}

/*
 * The rows of a leaf whose bounds are above `above`: the promising ones one by one, the rest as
 * one item.
 */
static void
open_leaf(TreeWalk *walk, Page page, SearchItem item, float above)
{
	const TreeLayout *layout = &walk->shape->leaf;
	const TreeRow *rows = tree_rows(page, layout);
	AnnBlock	block;
	float		limit;
	float		rest;

	score_leaf(walk, page, &block);
	limit = search_limit(&walk->upper);
	rest = ann_lower_bounds(&block, &walk->scratch) - walk->slack;

	/* of most leaves no row is near enough to be one of the next: no need to look at each */
	if (isinf(above) && layout->square == 0 && walk->filter == NULL && rest > limit)
	{
		if (rest < INFINITY)
			push_rest(walk, item, rest, limit);
		return;
	}
	rest = INFINITY;
	shift(layout, page, block.n, walk->scratch.lower);
	if (isinf(above))
	{
		for (int j = 0; j < block.n; j++)
		{
			float		square = layout->square == 0 ? 0 : tree_squares(page, layout)[j];

			if (walk->scratch.estimates[j] - square < limit && !rows[j].dead)
			{
				search_offer(&walk->upper, (SearchItem)
				{
					.key = walk->slack - square + code_upper_bound(&walk->scratch.query, walk->scratch.estimates[j],
																   block.norm[j], block.error[j])
				});
				limit = search_limit(&walk->upper);
			}
		}
	}
	else
		limit = Max(search_limit(&walk->upper), item.key + fabsf(item.key) * REST_SHARE);
	for (int j = 0; j < block.n; j++)
	{
		float		least = lower_bound(walk, j);

		if (!(least > above) || rows[j].dead || !(walk->scratch.estimates[j] < INFINITY))
			continue;
		if (least <= limit)
		{
			ItemPointerData tid = rows[j].tid;

			push_frontier(walk, (SearchItem) {.key = least, .id = pack_row(&tid)});
		}
		else if (least < rest)
			rest = least;
	}
	if (rest < INFINITY)
		push_rest(walk, item, rest, limit);
}

bool
tree_exact_step(TreeWalk *walk, ItemPointer tid)
{
	SearchItem	item;
	Buffer		buffer;
	Page		page;
	int			kind;

	if (!search_pop(&walk->frontier, &item))
		return false;
	kind = kind_of(item.id);
	if (kind == ITEM_ROW)
	{
		unpack_row(item.id, tid);
		return true;
	}

	buffer = read_node(walk, item.id);
	page = BufferGetPage(buffer);
	if (walk->frontier.n > 0 && kind_of(walk->frontier.items[0].id) != ITEM_ROW)
		expect_node(walk, &walk->frontier, page, true);
	if (kind == ITEM_REST)
	{
		/* a leaf that was split since keeps the rows that were scored */
		check_level(walk, buffer, 0);
		walk->counts->leaves++;
		open_leaf(walk, page, item, item.spread);
	}
	else if (push_forwards(&walk->frontier, page, item, ITEM_NODE))
		count_page(walk, &walk->counts->inner);
	else if (tree_special(page)->level == 0)
	{
		count_page(walk, &walk->counts->leaves);
		open_leaf(walk, page, item, -INFINITY);
	}
	else
	{
		const TreeLayout *layout = &walk->shape->inner;
		const TreeChild *children = tree_children(page, layout);
		const float4 *radii = tree_radii(page, layout);
		AnnBlock	block;

		count_page(walk, &walk->counts->inner);
		tree_block(page, layout, &block);
		ann_score_block(walk->query, &block, &walk->scratch);
		ann_lower_bounds(&block, &walk->scratch);
		shift(layout, page, block.n, walk->scratch.lower);
		for (int j = 0; j < block.n; j++)
			push_frontier(walk, (SearchItem)
			{
				.key = node_bound(walk, lower_bound(walk, j), radii[j]),
					.id = pack_node(children[j].block, children[j].birth, ITEM_NODE)
			});
	}
	UnlockReleaseBuffer(buffer);
	return false;
}

bool
tree_exact_front(const TreeWalk *walk, int i, ItemPointer tid)
{
	if (i >= walk->frontier.n || kind_of(walk->frontier.items[i].id) != ITEM_ROW)
		return false;
	unpack_row(walk->frontier.items[i].id, tid);
	return true;
}
