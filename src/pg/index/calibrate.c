/*
 * calibrate.c
 *	  How much of the tree a search must visit for a recall.
 *
 * Some rows of the index are questions: calibration looks for their 10 nearest rows, with far
 * more effort than any search makes. A row that took part in the clustering would be too easy a
 * question, since the center of its leaf leans towards it. So one row in TREE_QUESTION_SHARE, by
 * a hash of its TID, takes no part: it is neither in the sample of a build nor in the mean that a
 * leaf's center is. Questions are drawn from these rows only, each as likely as any other.
 *
 * For each question the candidates are kept: estimate, distance, and the visit of a leaf that
 * found them. From these count_misses() tells which rows a search misses that visits fewer leaves
 * and stops measuring as scan_near.c does. For each target the fewest leaves are chosen with
 * which the misses, plus their standard error, are below what the target allows.
 *
 * A condition that few rows pass, or a large LIMIT, asks for many more rows. How fast the leaves
 * grow with the rows depends on the data: for 100 times the rows about 10 times as many in tight
 * clusters, 4 times for images. So a few questions are followed to 1000 rows, by the estimates
 * alone.
 *
 * A small table has few questions, as calibration must not cost more than its share of the build:
 * the standard error that is added to the misses then takes more leaves, and the recall is kept.
 */
#include "compat.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/rng.h"
#include "walk.h"

#define LEAST_QUERIES		300		/* one for LEAVES_PER_QUERY leaves, within these bounds */
#define MOST_QUERIES		1000
#define LEAVES_PER_QUERY	4
#define DEEP_QUERIES		30	/* of them */
#define PROOF_QUERIES		4	/* of them, by exact search ... */
#define PROOF_LEAVES		10000	/* ... until this many leaves */
#define PROOF_ROWS			20000	/* or rows; beyond, all leaves are assumed */
#define TRIES				1000	/* blocks looked at for one query */
#define LEAST_ON_PAGE		4	/* questions that a page is thought to have at most, or more */
#define NEAREST				10
#define DEPTH				256	/* rows that are measured at most ... */
#define DEPTH_DEVIATIONS	4	/* ... while they may be among the nearest */

/*
 * Rows that many deviations of the last wanted row behind it are not kept: the errors of both
 * rows, each DEPTH_DEVIATIONS, and half as much again as errors differ between leaves.
 */
#define BEYOND_DEVIATIONS	(3 * DEPTH_DEVIATIONS)

/* Leaves visited for a query, and of these, how many more than were of use. */
#define MOST_LEAVES			1000
#define USELESS_LEAVES		24
#define USELESS_TIMES		4

/* Of the misses allowed, the share that the limit of exact distances may cause. */
#define LIMIT_MISSES		0.05

/*
 * The most of the misses allowed that is held back for the sampling error, which is one standard
 * error.
 */
#define MOST_HELD_BACK		(1 / 3.0)

/*
 * If fewer misses than this decide a number of leaves, it is extrapolated from two that more
 * misses decide.
 */
#define TAIL				30
#define TAIL_TIMES			4

/*
 * What the share of leaves visited adds to the exponent of growth. From a tenth on, growth is
 * proportional.
 */
#define SHARE_GROWTH		5

/* Beyond the table: a recall above its last target. */
#define BEYOND_TARGETS		2

void
tree_effort(const TreeMeta *meta, const TreeShape *shape, double recall, int wanted, TreeEffort *effort)
{
	const TreeCalibration *known = &meta->calibration;
	double		more = Max(wanted, NEAREST) / (double) NEAREST;
	double		growth;			/* of the leaves with the rows: an exponent */
	double		probes;
	double		share;
	double		exact;
	int			target = 0;

	while (target < TREE_TARGETS - 1 && tree_targets[target] < recall)
		target++;
	if (known->leaves == 0)
	{
		/* a tree of a few pages */
		probes = (double) meta->leaves;
		exact = 4 * NEAREST * more;
	}
	else
	{
		growth = log(Max((double) known->deep[target] / known->probes[target], 1)) / log((double) TREE_DEEP / NEAREST);
		if (wanted <= TREE_DEEP)
			probes = known->probes[target] * pow(more, growth);
		else
			probes = known->deep[target] * pow((double) wanted / TREE_DEEP, (1 + growth) / 2);

		/*
		 * The tree has grown. Where few leaves are visited their number grows slowly with it;
		 * where many are, since all leaves are about as far from a query, they are a share.
		 */
		share = probes / (double) known->leaves;
		probes *= pow(Max((double) meta->leaves / known->leaves, 1), Min(0.5 + SHARE_GROWTH * share, 1));
		exact = known->exact[target] * more;
	}
	if (recall > tree_targets[TREE_TARGETS - 1])
	{
		probes *= BEYOND_TARGETS;
		exact *= BEYOND_TARGETS;
	}
	probes = Max(probes, wanted / (shape->leaf.room * 0.5));
	effort->probes = (int64) Min(ceil(probes), (double) MaxBlockNumber);
	effort->exact = (int) Min(ceil(exact), (double) PG_INT32_MAX / 64);
	effort->exact = Max(effort->exact, wanted);
	effort->survivors = effort->exact + wanted;
}

bool
tree_is_question(const ItemPointerData *tid)
{
	uint64		bits = (uint64) ItemPointerGetBlockNumberNoCheck(tid) << 16 | ItemPointerGetOffsetNumberNoCheck(tid);

	/* the second half of murmur3's finalizer */
	bits = (bits ^ bits >> 33) * UINT64CONST(0xff51afd7ed558ccd);
	bits = (bits ^ bits >> 33) * UINT64CONST(0xc4ceb9fe1a85ec53);
	return (bits ^ bits >> 33) % TREE_QUESTION_SHARE == 0;
}

/* A page is drawn until one is taken, with a chance in proportion to the questions on it. */
bool
tree_draw_question(Relation index, const TreeShape *shape, BlockNumber blocks, Rng *rng, ItemPointer tid)
{
	int			most = Max(2 * shape->leaf.room / TREE_QUESTION_SHARE, LEAST_ON_PAGE);

	for (int i = 0; i < TRIES; i++)
	{
		Buffer		buffer = ReadBuffer(index, 1 + (BlockNumber) rng_below(rng, blocks - 1));
		Page		page = BufferGetPage(buffer);
		int			wanted = (int) rng_below(rng, most);
		bool		found = false;

		CHECK_FOR_INTERRUPTS();
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		if (tree_page_kind(page) == TREE_NODE && tree_special(page)->level == 0 && tree_is_of(page, shape))
		{
			const TreeRow *rows = tree_rows(page, &shape->leaf);

			tree_check_node(index, BufferGetBlockNumber(buffer), page, shape);
			for (int j = 0; j < tree_node(page)->n && !found; j++)
				if (!rows[j].dead && tree_is_question(&rows[j].tid) && wanted-- == 0)
				{
					*tid = rows[j].tid;
					found = true;
				}
		}
		UnlockReleaseBuffer(buffer);
		if (found)
			return true;
	}
	return false;
}

/*
 * How many standard deviations too high an estimate may be that is waited for: fewer if more rows
 * may be missed. 1.1 at a recall of 0.9, 2.3 at 0.99, 3.2 at 0.999. At 0.999 codes of one bit
 * lose 0.02 per cent of the rows by it, others less.
 */
float
tree_deviations(double recall)
{
	double		beyond = sqrt(-2 * log(Max(1 - recall, 1e-9)));

	return (float) Max(beyond - 1, 1.32 * beyond - 1.69);
}

static int
compare_ints(const void *a, const void *b)
{
	int			left = *(const int *) a;
	int			right = *(const int *) b;

	return left < right ? -1 : left > right;
}

/* A row that a question met, in the order of the estimates. */
typedef struct Candidate
{
	float		key;
	float		spread;
	float		square;			/* its distance, as the keys are; NaN: not measured */
	int			leaf;			/* the visit that found it, from 0 */
} Candidate;

typedef struct Question
{
	int			n;
	Candidate	candidate[DEPTH];
	int			n_nearest;
	int16		nearest[NEAREST];	/* which of the candidates */
} Question;

/*
 * The leaf loop of a search. Offers the rows of leaves, without `self`, to best by their
 * estimates; the lowest 16 bits of an item's id are the visit that found it. Ends when many more
 * visits than were of use to the `wanted` nearest rows were of no use. If best has room for more
 * rows, the rows beyond the wanted ones are kept only as far as errors of the estimates may make
 * them one of the wanted.
 */
static void
collect(TreeWalk *walk, ItemPointer self, int wanted, SearchBest *best)
{
	int			most = (int) Min(walk->meta->leaves, MOST_LEAVES);
	int			useful = 0;		/* the last visit that changed the wanted ones by their estimates */
	SearchBest	nearest = {0};

	if (wanted < best->room)
	{
		nearest.room = wanted;
		nearest.items = palloc(wanted * sizeof(SearchItem));
	}
	for (int leaf = 0; leaf < most && leaf < USELESS_LEAVES + USELESS_TIMES * useful; leaf++)
	{
		AnnBlock	block;
		Buffer		buffer = tree_walk_leaf(walk, &block);
		float		beyond = INFINITY;

		if (buffer == InvalidBuffer)
			break;
		if (nearest.room > 0 && nearest.n == nearest.room)
			beyond = nearest.items[0].key + BEYOND_DEVIATIONS * nearest.items[0].spread;
		if (tree_walk_offer(walk, BufferGetPage(buffer), &block, self, (uint16) leaf, beyond, best, &nearest))
			useful = leaf;
		UnlockReleaseBuffer(buffer);
	}
	if (nearest.room > 0)
		pfree(nearest.items);
}

static int
compare_nearest(const void *a, const void *b)
{
	float		left = ((const SearchItem *) a)->key;
	float		right = ((const SearchItem *) b)->key;

	return left < right ? -1 : left > right;
}

/*
 * Ask for the nearest rows of x, a row of the index that is not found itself; query is x rotated.
 * factor is tree_square()'s. deep, if it is not NULL: the question is followed further, to its
 * TREE_DEEP nearest by the estimates, and deep gets the visits that find them. Returns how many.
 */
static int
ask(Relation index, TreeFetch *fetch, const TreeMeta *meta, const TreeShape *shape, ItemPointer self,
	const float *x, const float *query, double factor, Question *question, int *deep)
{
	TreeCounts	counts = {0};
	TreeWalk	walk;
	SearchBest	best = {.room = deep == NULL ? DEPTH : TREE_DEEP};
	SearchItem	measured[NEAREST];
	SearchBest	distances = {.room = NEAREST, .items = measured};
	DmlKernel	kernel = tree_kernel(shape->metric);
	double		query_square = 0;

	for (int i = 0; i < shape->width; i++)
		query_square += (double) query[i] * query[i];
	best.items = palloc(best.room * sizeof(SearchItem));
	tree_walk_init(&walk, index, shape, meta, query, NULL, &counts);
	collect(&walk, self, deep == NULL ? NEAREST : TREE_DEEP, &best);
	search_sort(&best);
	question->n = Min(best.n, DEPTH);
	for (int i = 0; i < question->n; i++)
	{
		const SearchItem *item = &best.items[i];
		Candidate  *candidate = &question->candidate[i];
		const DmlVector *vector;
		ItemPointerData tid;

		*candidate = (Candidate) {.key = item->key, .spread = item->spread, .square = NAN, .leaf = TREE_ITEM_VISIT(item)};
		if (distances.n == NEAREST && item->key - DEPTH_DEVIATIONS * item->spread > search_limit(&distances))
			continue;
		CHECK_FOR_INTERRUPTS();
		tree_item_tid(item, &tid);
		vector = tree_fetch(fetch, &tid, SnapshotSelf);
		if (vector == NULL || vector->dim != shape->dims)
			continue;
		candidate->square = (float) tree_square(shape, kernel(vector->x, x, shape->dims), factor, query_square);
		search_offer(&distances, (SearchItem) {.key = candidate->square, .id = i});
	}
	qsort(measured, distances.n, sizeof(SearchItem), compare_nearest);
	question->n_nearest = distances.n;
	for (int i = 0; i < distances.n; i++)
		question->nearest[i] = (int16) measured[i].id;
	for (int i = 0; deep != NULL && i < best.n; i++)
		deep[i] = TREE_ITEM_VISIT(&best.items[i]);
	tree_walk_free(&walk);
	pfree(best.items);
	return deep == NULL ? 0 : best.n;
}

/*
 * How many of the nearest a search misses that visits `leaves` leaves, and measures as
 * scan_near.c does.
 */
static int
count_misses(const Question *question, int leaves, int exact, float deviations)
{
	SearchItem	items[NEAREST];
	SearchBest	distances = {.room = NEAREST, .items = items};
	bool		measured[DEPTH] = {false};
	int			misses = 0;
	int			n = 0;

	for (int i = 0; i < question->n; i++)
	{
		const Candidate *candidate = &question->candidate[i];

		if (candidate->leaf >= leaves)
			continue;
		if (distances.n == NEAREST &&
			(n >= exact || candidate->key - deviations * candidate->spread > search_limit(&distances)))
			break;
		n++;
		measured[i] = true;
		if (!isnan(candidate->square))
			search_offer(&distances, (SearchItem) {.key = candidate->square});
	}
	for (int i = 0; i < question->n_nearest; i++)
		misses += !measured[question->nearest[i]];
	return misses;
}

/* What the questions say of a search. */
typedef struct Answers
{
	const Question *question;
	int			n;
	int			nearest;		/* of all questions together */
	int			leaves;			/* no question had a candidate in a later visit */
} Answers;

/*
 * The share of the nearest rows that searches miss, and its standard error. Neighbours of one
 * question are missed together, so the error is that of a mean over questions, not over
 * neighbours.
 */
static double
share_missed(const Answers *answers, int leaves, int exact, double recall, double *error)
{
	double		sum = 0;
	double		squares = 0;
	double		share;

	for (int q = 0; q < answers->n; q++)
	{
		double		misses = count_misses(&answers->question[q], leaves, exact, tree_deviations(recall));

		sum += misses;
		squares += misses * misses;
	}
	share = sum / answers->nearest;
	*error = sqrt(Max(squares - sum * sum / answers->n, 0)) / answers->nearest;
	return share;
}

/*
 * The fewest leaves with which no more than a share is missed; hold_back: with the standard error
 * added to it.
 */
static int
fewest_leaves(const Answers *answers, int exact, double recall, double misses, bool hold_back)
{
	int			too_few = 0;
	int			enough = answers->leaves;

	while (enough - too_few > 1)
	{
		int			middle = too_few + (enough - too_few) / 2;
		double		error;
		double		share = share_missed(answers, middle, exact, recall, &error);

		if (share + (hold_back ? Min(error, misses * MOST_HELD_BACK) : 0) <= misses)
			enough = middle;
		else
			too_few = middle;
		CHECK_FOR_INTERRUPTS();
	}
	return enough;
}

/*
 * Extrapolates linearly on logarithmic scales: from far, with TAIL_TIMES as many misses as near,
 * through near, to `fewer` times fewer misses than near.
 */
static double
prolong(double near, double far, double fewer)
{
	return near * pow(fewer, log(near / far) / log(TAIL_TIMES));
}

/*
 * Leaves to visit for a target.  If only a few misses decide, the number is extrapolated from those
 * that more misses decide.
 */
static int
leaves_for(const Answers *answers, int exact, double recall)
{
	double		misses = 1 - recall;
	double		tail = (double) TAIL / answers->nearest;
	double		enough = fewest_leaves(answers, exact, recall, misses, true);

	if (misses < tail && tail * TAIL_TIMES < 0.5)
	{
		double		near = fewest_leaves(answers, exact, recall, tail, false);
		double		far = fewest_leaves(answers, exact, recall, tail * TAIL_TIMES, false);

		enough = Max(enough, prolong(near, far, tail / (misses * (1 - MOST_HELD_BACK))));
	}
	return (int) Min(ceil(enough), (double) PG_INT32_MAX / 64);
}

/*
 * How many rows, or visits, are enough for all but a share of n sorted numbers, which count from
 * 0. Extrapolated as in leaves_for().
 */
static int
enough_for(const int *sorted, int n, double misses)
{
	double		tail = (double) TAIL / n;
	double		enough = sorted[Max(0, Min(n - 1, (int) ceil((1 - misses) * n) - 1))] + 1;

	if (misses < tail && tail * TAIL_TIMES < 0.5)
		enough = Max(enough, prolong(sorted[n - 1 - TAIL] + 1, sorted[n - 1 - TAIL * TAIL_TIMES] + 1, tail / misses));
	return (int) Min(ceil(enough), (double) PG_INT32_MAX / 64);
}

/*
 * What an exact search for the NEAREST rows of a question reads, added to *leaves and *rows. How
 * good the bounds are depends on the data: in many dimensions they may exclude hardly a leaf.
 */
static void
ask_exact(Relation index, TreeFetch *fetch, const TreeMeta *meta, const TreeShape *shape, const float *x, const float *query,
		  double factor, double *leaves, double *rows)
{
	DmlKernel	kernel = tree_kernel(shape->metric);
	TreeCounts	counts = {0};
	TreeWalk	walk;
	SearchItem	items[NEAREST];
	SearchBest	distances = {.room = NEAREST, .items = items};
	double		query_square = 0;
	int			measured = 0;
	double		more = 1;

	for (int i = 0; i < shape->width; i++)
		query_square += (double) query[i] * query[i];
	tree_walk_init(&walk, index, shape, meta, query, NULL, &counts);
	tree_exact_begin(&walk, NEAREST, INFINITY);
	while (tree_exact_bound(&walk) <= search_limit(&distances) && !isinf(tree_exact_bound(&walk)))
	{
		ItemPointerData tid;
		const DmlVector *vector;

		CHECK_FOR_INTERRUPTS();
		if (counts.leaves >= PROOF_LEAVES || measured >= PROOF_ROWS)
		{
			more = Max((double) meta->leaves / counts.leaves, 1);
			break;
		}
		if (!tree_exact_step(&walk, &tid))
			continue;
		measured++;
		vector = tree_fetch(fetch, &tid, SnapshotSelf);
		if (vector != NULL && vector->dim == shape->dims)
			search_offer(&distances, (SearchItem)
			{
				.key = (float) tree_square(shape, kernel(vector->x, x, shape->dims), factor, query_square)
			});
	}
	*leaves += (double) counts.leaves * more;
	*rows += measured * more;
	tree_walk_free(&walk);
}

void
tree_calibrate(Relation index, Relation heap, TreeMeta *meta)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dml index calibration", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	const TreeShape *shape = tree_shape(index, meta, context);
	TreeFetch  *fetch = tree_fetch_begin(heap, index);
	BlockNumber blocks = RelationGetNumberOfBlocks(index);
	int			queries = (int) Max(LEAST_QUERIES, Min(MOST_QUERIES, meta->leaves / LEAVES_PER_QUERY));
	Question   *questions = MemoryContextAllocHuge(context, queries * sizeof(Question));
	int		   *places = palloc(queries * NEAREST * sizeof(int));
	int		   *deep = palloc(DEEP_QUERIES * TREE_DEEP * sizeof(int));
	float	   *x = palloc(shape->dims * sizeof(float));
	float	   *query = palloc(2 * shape->width * sizeof(float));
	bool		pushed = !ActiveSnapshotSet();
	Answers		answers = {.question = questions};
	int			n_deep = 0;
	int			n_proof = 0;
	double		proof_leaves = 0;
	double		proof_rows = 0;
	Rng			rng;

	/* values out of line are read under a snapshot that keeps them */
	if (pushed)
		PushActiveSnapshot(GetTransactionSnapshot());
	rng_seed(&rng, meta->seed, 2);
	for (int q = 0; q < queries; q++)
	{
		Question   *question = &questions[answers.n];
		ItemPointerData tid;
		const DmlVector *vector;
		double		factor;

		if (!tree_draw_question(index, shape, blocks, &rng, &tid))
			break;
		vector = tree_fetch(fetch, &tid, SnapshotSelf);
		if (vector == NULL || vector->dim != shape->dims)
			continue;
		memcpy(x, vector->x, shape->dims * sizeof(float));
		if (!tree_rotate(shape, x, query + shape->width, query))
			continue;
		factor = tree_scale_query(index, shape, meta, query) * shape->rotation.scale * shape->rotation.scale;
		n_deep += ask(index, fetch, meta, shape, &tid, x, query, factor, question, q < DEEP_QUERIES ? deep + n_deep : NULL);
		if (question->n_nearest == 0)
			continue;
		for (int i = 0; i < question->n_nearest; i++)
			places[answers.nearest++] = question->nearest[i];
		for (int i = 0; i < question->n; i++)
			answers.leaves = Max(answers.leaves, question->candidate[i].leaf + 1);
		answers.n++;
		if (n_proof < PROOF_QUERIES)
		{
			ask_exact(index, fetch, meta, shape, x, query, factor, &proof_leaves, &proof_rows);
			n_proof++;
		}
	}
	if (answers.n > 0)
	{
		qsort(places, answers.nearest, sizeof(int), compare_ints);
		qsort(deep, n_deep, sizeof(int), compare_ints);
		for (int t = 0; t < TREE_TARGETS; t++)
		{
			double		misses = 1 - tree_targets[t];
			int			exact = Max(NEAREST, enough_for(places, answers.nearest, LIMIT_MISSES * misses));

			meta->calibration.exact[t] = exact;
			meta->calibration.probes[t] = leaves_for(&answers, exact, tree_targets[t]);
			meta->calibration.deep[t] = n_deep == 0 ? meta->calibration.probes[t] :
				enough_for(deep, n_deep, misses * (1 - MOST_HELD_BACK));
		}
		meta->calibration.proof_leaves = (int32) Min(ceil(proof_leaves / n_proof), (double) PG_INT32_MAX);
		meta->calibration.proof_rows = (int32) Min(ceil(proof_rows / n_proof), (double) PG_INT32_MAX);
		meta->calibration.leaves = meta->leaves;
	}
	if (pushed)
		PopActiveSnapshot();
	tree_fetch_end(fetch);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
