/*
 * scan.c
 *	  ORDER BY distance: rows in order of their exact distance, as many as are asked for.
 *
 * Here is what all searches share: the query, the balls that rows must lie in, exact distances.
 * scan_near.c looks for the nearest rows at a recall below 1, scan_exact.c for all of them. A
 * search that would take more than work_mem ends by measuring and sorting all rows that are left
 * (rest.c).
 */
#include "compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "model/model.h"
#include "scan.h"

/* Roundings of distances that the reach of a ball is made of. */
#define BALL_ROUNDING		1e-5

/* Rows that there always is room for. */
#define LEAST_ROWS			1000

IndexScanDesc
tree_begin_scan(Relation index, int nkeys, int norderbys)
{
	IndexScanDesc scan = RelationGetIndexScan(index, nkeys, norderbys);
	TreeScan   *state = palloc0(sizeof(TreeScan));

	state->context = AllocSetContextCreate(CurrentMemoryContext, "dml index scan", ALLOCSET_DEFAULT_SIZES);
	scan->opaque = state;
	return scan;
}

void
tree_rescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys)
{
	TreeScan   *state = scan->opaque;
	MemoryContext context = state->context;
	TreeFetch  *fetch = state->fetch;
	TreeCounts	counts = state->counts;

	if (orderbys && scan->numberOfOrderBys > 0)
		memmove(scan->orderByData, orderbys, scan->numberOfOrderBys * sizeof(ScanKeyData));
	if (keys && scan->numberOfKeys > 0)
		memmove(scan->keyData, keys, scan->numberOfKeys * sizeof(ScanKeyData));
	if (state->rest)
		tree_rest_end(state->rest);
	MemoryContextReset(context);
	memset(state, 0, sizeof(*state));
	state->context = context;
	state->fetch = fetch;
	state->counts = counts;
}

const TreeCounts *
tree_scan_counts(IndexScanDesc scan)
{
	return &((TreeScan *) scan->opaque)->counts;
}

void
tree_end_scan(IndexScanDesc scan)
{
	TreeScan   *state = scan->opaque;

	if (state->counts.leaves > 0)
		tree_note_search(scan->indexRelation, &state->counts);
	if (state->rest)
		tree_rest_end(state->rest);
	if (state->fetch)
		tree_fetch_end(state->fetch);
	MemoryContextDelete(state->context);
	pfree(state);
}

/*
 * The query as a vector of the index's space; the index's own model embeds raw input. NULL: the
 * query is of another space, and the snapshot sees no row of the index.
 */
static const DmlVector *
query_vector(IndexScanDesc scan, Oid type, Datum value)
{
	Relation	index = scan->indexRelation;
	const TreeMeta *meta = &((TreeScan *) scan->opaque)->meta;
	const DmlVector *vector;

	if (OidIsValid(get_element_type(type)))
	{
		ArrayType  *array = DatumGetArrayTypeP(value);
		int			dim;
		float4	   *x = dml_floats_from_array(array, NULL, &dim);
		DmlVector  *plain;

		/* the model of an index of one page without a row may be gone with the rows */
		if (meta->space != 0 && meta->root_level == 0 &&
			!tree_any_visible(index, scan->heapRelation, meta, scan->xs_snapshot))
			return NULL;
		if (meta->space != 0)
			return dml_version_embed_array(dml_version_by_space(meta->space), array);
		plain = dml_vector_new(dim, 0);
		memcpy(plain->x, x, sizeof(float4) * dim);
		vector = plain;
	}
	else
		vector = DatumGetDmlVectorP(value);
	if (!tree_fits(meta, vector) && !tree_any_visible(index, scan->heapRelation, meta, scan->xs_snapshot))
		return NULL;
	tree_check_vector(index, meta, vector, true);
	return vector;
}

double
tree_scan_square(const TreeScan *state, double distance)
{
	return tree_square(state->shape, distance, state->query_factor, state->query_square);
}

int
tree_compare_found(const void *a, const void *b)
{
	const Found *left = a;
	const Found *right = b;

	if (left->distance != right->distance)
		return left->distance < right->distance ? -1 : 1;
	return ItemPointerCompare(unconstify(ItemPointerData *, &left->tid), unconstify(ItemPointerData *, &right->tid));
}

int
tree_compare_tids(const void *a, const void *b)
{
	return ItemPointerCompare((ItemPointer) a, (ItemPointer) b);
}

/*
 * What the keys on the vector's column say: balls to lie in.  False: nothing does, as one is
 * NULL, of a radius below 0 or of another space than an empty index, or IS NULL is asked for.
 */
static bool
read_balls(IndexScanDesc scan)
{
	TreeScan   *state = scan->opaque;

	state->balls = palloc(sizeof(Ball) * Max(scan->numberOfKeys, 1));
	state->n_balls = 0;
	for (int i = 0; i < scan->numberOfKeys; i++)
	{
		const ScanKeyData *key = &scan->keyData[i];
		Ball	   *ball = &state->balls[state->n_balls];
		Datum		center;

		if (key->sk_attno != 1 || key->sk_flags & SK_SEARCHNOTNULL)
			continue;			/* all rows of the index have a vector */
		if (key->sk_flags & SK_ISNULL ||
			!dml_ball_parts(DatumGetHeapTupleHeader(key->sk_argument), &center, &ball->radius) || ball->radius < 0)
			return false;
		ball->center = query_vector(scan, get_atttype(get_typ_typrelid(key->sk_subtype), 1), center);
		if (ball->center == NULL)
			return false;
		state->n_balls++;
	}
	return true;
}

/*
 * How far, squared and in the tree, a row in all balls can be from the query: by the triangle
 * inequality, with the roundings of two distances.  NaN: a center has no direction.
 */
static double
reach_of_balls(const TreeScan *state)
{
	double		limit = INFINITY;

	for (int i = 0; i < state->n_balls; i++)
	{
		const Ball *ball = &state->balls[i];
		double		gap = ball->center == state->vector ? 0 :
			sqrt(tree_scan_square(state, state->distance(ball->center->x, state->vector->x, state->vector->dim)));
		double		reach = gap + sqrt(tree_scan_square(state, ball->radius));
		double		square = reach * reach * (1 + BALL_ROUNDING) + (state->shape->metric == TREE_COSINE ? BALL_ROUNDING : 0);

		if (isnan(square))
			return square;
		limit = Min(limit, square);
	}
	return limit;
}

bool
tree_measure(IndexScanDesc scan, ItemPointer tid, double *distance)
{
	TreeScan   *state = scan->opaque;
	const DmlVector *vector = tree_fetch(state->fetch, tid, scan->xs_snapshot);

	state->counts.exact++;
	if (vector == NULL)
		return false;
	tree_check_vector(scan->indexRelation, &state->meta, vector, false);
	*distance = state->distance(vector->x, state->vector->x, vector->dim);
	for (int i = 0; i < state->n_balls; i++)
	{
		const Ball *ball = &state->balls[i];
		double		gap = ball->center == state->vector ? *distance :
			state->distance(vector->x, ball->center->x, vector->dim);

		if (!(gap <= ball->radius))
			return false;
	}
	return true;
}

static void
start(IndexScanDesc scan)
{
	TreeScan   *state = scan->opaque;
	Relation	index = scan->indexRelation;
	MemoryContext old;
	float	   *scratch;
	bool		far;

	state->started = true;
	pgstat_count_index_scan(index);
#if PG_VERSION_NUM >= 180000
	if (scan->instrument)
		scan->instrument->nsearches++;
#endif
	if (scan->numberOfOrderBys > 1)
		elog(ERROR, "a dml index answers ORDER BY one distance");
	if (!IsMVCCSnapshot(scan->xs_snapshot))
		elog(ERROR, "a dml index answers queries with an MVCC snapshot");
	tree_meta_read(index, &state->meta);
	state->nothing = state->meta.root == InvalidBlockNumber ||
		(scan->numberOfOrderBys > 0 && scan->orderByData->sk_flags & SK_ISNULL);
	if (tree_misses_rows(&state->meta, scan->xs_snapshot))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("index \"%s\" lacks rows that this transaction may still see", RelationGetRelationName(index)),
				 errdetail("All rows were deleted, and the index holds vectors of another space since."),
				 errhint("Search again in a new transaction.")));
	if (state->nothing)
		return;

	old = MemoryContextSwitchTo(GetMemoryChunkContext(state));
	if (state->fetch == NULL)
		state->fetch = tree_fetch_begin(scan->heapRelation, index);
	MemoryContextSwitchTo(state->context);
	state->shape = tree_shape(index, &state->meta, state->context);
	if (!read_balls(scan))
	{
		state->nothing = true;
		MemoryContextSwitchTo(old);
		return;
	}
	if (scan->numberOfOrderBys > 0)
		state->vector = query_vector(scan, scan->orderByData->sk_subtype, scan->orderByData->sk_argument);
	else if (state->n_balls > 0)
		state->vector = state->balls[0].center;
	else
		elog(ERROR, "a dml index answers ORDER BY distance and dml_within");
	if (state->vector == NULL)
	{
		state->nothing = true;
		MemoryContextSwitchTo(old);
		return;
	}
	state->query = palloc(state->shape->width * sizeof(float));
	scratch = palloc(state->shape->width * sizeof(float));
	state->distance = tree_kernel(state->shape->metric);
	state->recall = tree_recall(index);
	state->filter = tree_filter_make(index, &state->shape->columns, scan->keyData, scan->numberOfKeys);

	state->limit = reach_of_balls(state);

	/*
	 * a query without a direction is at no distance from anything: like a NULL one it finds
	 * nothing
	 */
	state->query_factor = tree_rotate_query(state->shape, state->vector->x, scratch, state->query, &far);
	state->nothing = state->query_factor == 0 || isnan(state->limit);
	state->query_factor *= tree_scale_query(index, state->shape, &state->meta, state->query) * state->shape->rotation.scale;
	for (int i = 0; i < state->shape->width; i++)
		state->query_square += (double) state->query[i] * state->query[i];
	state->stage_context = AllocSetContextCreate(state->context, "dml index stage", ALLOCSET_DEFAULT_SIZES);

	/* estimates that say nothing find nothing: then all rows that may be near are measured */
	if (far || (!state->nothing && tree_is_tiny(index, state->shape, &state->meta, state->query)))
		state->recall = 1;
	if (!state->nothing && state->recall >= 1)
		tree_exact_search(scan);
	if (!state->nothing && far)
		tree_sort_rest(scan);
	MemoryContextSwitchTo(old);
}

int64
tree_rows_in_memory(void)
{
	return Max(work_mem * (int64) 1024 / (int64) TREE_ROW_BYTES, LEAST_ROWS);
}

bool
tree_next(IndexScanDesc scan, ScanDirection direction)
{
	TreeScan   *state = scan->opaque;

	if (!state->started)
		start(scan);
	scan->xs_recheck = false;
	scan->xs_recheckorderby = false;
	if (state->nothing)
		return false;
	if (state->rest != NULL)
		return tree_rest_next(state->rest, &scan->xs_heaptid);
	return state->recall >= 1 ? tree_next_exact(scan, &scan->xs_heaptid) : tree_next_near(scan, &scan->xs_heaptid);
}
