/*
 * recall.c
 *	  dml_index_recall(): which share of the nearest rows searches in an index find.
 *
 * The questions are rows of the index that took no part in its clusters, as calibration's are
 * (calibrate.c). Each is asked twice, at the recall that a search of this session has and exactly.
 * The row itself does not count as an answer.
 */
#include "compat.h"

#include <math.h>

#include "access/genam.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "inspect.h"
#include "read/owner.h"
#include "walk.h"

#define MOST_QUESTIONS	1000000
#define MOST_NEIGHBOURS	1000
#define NORMAL_95		1.96	/* standard errors of a two-sided 95 % interval */

PG_FUNCTION_INFO_V1(dml_index_recall);

typedef struct Asker
{
	Relation	heap;
	Relation	index;
	const TreeShape *shape;
	TreeFetch  *fetch;
	IndexScanDesc scan;
	ScanKeyData key;
	TupleTableSlot *slot;
	int			k;
	int			questions;
	double		found;			/* sums over questions: of the share that is found ... */
	double		squares;		/* ... and of its square */
} Asker;

/*
 * The distances of the k rows that a search finds for x, without the row `self`, in ascending
 * order. Returns how many. The transaction's snapshot sees them.
 */
static int
search(Asker *asker, const ItemPointerData *self, const DmlVector *x, double *distance)
{
	DmlKernel	kernel = tree_kernel(asker->shape->metric);
	ItemPointer tid;
	int			n = 0;

	asker->key.sk_argument = PointerGetDatum(x);
	index_rescan(asker->scan, NULL, 0, &asker->key, 1);
	while (n < asker->k && (tid = index_getnext_tid(asker->scan, ForwardScanDirection)) != NULL)
	{
		ItemPointerData row = *tid;
		const DmlVector *vector;

		CHECK_FOR_INTERRUPTS();
		if (ItemPointerEquals(unconstify(ItemPointerData *, self), &row) ||
			!index_fetch_heap(asker->scan, asker->slot))
			continue;
		vector = tree_fetch(asker->fetch, &row, asker->scan->xs_snapshot);
		if (vector != NULL && vector->dim == x->dim)
			distance[n++] = kernel(vector->x, x->x, x->dim);
	}
	return n;
}

/* As search(), by an exact search. */
static int
search_exactly(Asker *asker, const ItemPointerData *self, const DmlVector *x, double *distance)
{
	int			level = NewGUCNestLevel();
	int			n;

	(void) set_config_option("dml.recall", "1", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	n = search(asker, self, x, distance);
	AtEOXact_GUC(true, level);
	return n;
}

/* Ask for the nearest rows of a row, and add the share of them that is found. */
static void
ask(Asker *asker, const ItemPointerData *self, const DmlVector *x)
{
	double	   *nearest = palloc(asker->k * sizeof(double));
	double	   *answer = palloc(asker->k * sizeof(double));
	int			n = search_exactly(asker, self, x, nearest);
	int			answers = search(asker, self, x, answer);
	int			hits = 0;

	if (n > 0)
	{
		/* of rows equally far any will do */
		for (int i = 0; i < answers; i++)
			hits += answer[i] <= nearest[n - 1];
		asker->questions++;
		asker->found += (double) Min(hits, n) / n;
		asker->squares += (double) Min(hits, n) / n * Min(hits, n) / n;
	}
	pfree(nearest);
	pfree(answer);
}

/*
 * Wilson's interval (1927) for the share that is found. Neighbours of one question are missed
 * together, so they count as fewer cases than there are neighbours: as many as have the standard
 * error that the questions show, between one for each question and one for each neighbour.
 */
static void
interval(const Asker *asker, double *low, double *high)
{
	double		n = asker->questions;
	double		share = asker->found / n;
	double		variance = Max(asker->squares / n - share * share, 0) / n;
	double		cases = variance > 0 ? Max(n, Min(share * (1 - share) / variance, n * asker->k)) : n;
	double		z = NORMAL_95 * NORMAL_95 / cases;
	double		middle = (share + z / 2) / (1 + z);
	double		reach = sqrt(share * (1 - share) * z + z * z / 4) / (1 + z);

	*low = Max(middle - reach, 0);
	*high = Min(middle + reach, 1);
}

static void
ask_all(Asker *asker, const TreeMeta *meta, int sample, double seconds)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dml index recall", ALLOCSET_DEFAULT_SIZES);
	BlockNumber blocks = RelationGetNumberOfBlocks(asker->index);
	Oid			type = asker->index->rd_opcintype[0];
	Oid			operator = get_opfamily_member(asker->index->rd_opfamily[0], type, type, TREE_DISTANCE_STRATEGY);
	TimestampTz start = GetCurrentTimestamp();
	Rng			rng;

	if (!OidIsValid(operator))
		elog(ERROR, "index \"%s\" has no distance", RelationGetRelationName(asker->index));
	asker->fetch = tree_fetch_begin(asker->heap, asker->index);
	asker->slot = table_slot_create(asker->heap, NULL);
#if PG_VERSION_NUM >= 180000
	asker->scan = index_beginscan(asker->heap, asker->index, GetActiveSnapshot(), NULL, 0, 1);
#else
	asker->scan = index_beginscan(asker->heap, asker->index, GetActiveSnapshot(), 0, 1);
#endif
	ScanKeyEntryInitialize(&asker->key, SK_ORDER_BY, 1, TREE_DISTANCE_STRATEGY, type, InvalidOid, get_opcode(operator), (Datum) 0);
	rng_seed(&rng, meta->seed ^ (uint64) start, 4);
	for (int i = 0; i < sample && !TimestampDifferenceExceeds(start, GetCurrentTimestamp(), (int) (1000 * seconds)); i++)
	{
		MemoryContext old;
		ItemPointerData self;
		const DmlVector *vector;

		if (!tree_draw_question(asker->index, asker->shape, blocks, &rng, &self))
			break;
		old = MemoryContextSwitchTo(context);
		vector = tree_fetch(asker->fetch, &self, GetActiveSnapshot());
		if (vector != NULL && vector->dim == asker->shape->dims)
		{
			DmlVector  *x = palloc(VARSIZE(vector));

			memcpy(x, vector, VARSIZE(vector));
			ask(asker, &self, x);
		}
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	index_endscan(asker->scan);
	ExecDropSingleTupleTableSlot(asker->slot);
	tree_fetch_end(asker->fetch);
	MemoryContextDelete(context);
}

/*
 * dml_index_recall(index regclass, sample integer, k integer, time_limit double precision): one
 * row. The shares are NULL if no question was asked.
 */
Datum
dml_index_recall(PG_FUNCTION_ARGS)
{
	int			sample = PG_GETARG_INT32(1);
	int			k = PG_GETARG_INT32(2);
	double		seconds = PG_GETARG_FLOAT8(3);
	Asker		asker = {.k = k};
	TupleDesc	desc;
	TreeMeta	meta;
	OwnerScope	scope;
	Datum		values[5];
	bool		nulls[5] = {false};
	double		low = 0;
	double		high = 0;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (sample < 1 || sample > MOST_QUESTIONS || k < 1 || k > MOST_NEIGHBOURS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("sample and k are out of range"),
				 errdetail("sample is %d and must be from 1 to %d; k is %d and must be from 1 to %d.", sample, MOST_QUESTIONS, k,
						   MOST_NEIGHBOURS)));
	if (!(seconds > 0 && seconds <= 86400))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time_limit is out of range"),
				 errdetail("It is %g and must be more than 0, and at most 86400 seconds.", seconds)));
	asker.index = tree_inspect_open(PG_GETARG_OID(0), AccessShareLock, &asker.heap);
	tree_check_may_look(asker.heap);
	values[1] = Float8GetDatum(tree_recall(asker.index));

	/* expressions of the index are the owner's code */
	owner_scope_begin(&scope, asker.heap->rd_rel->relowner, INDEX_PATH_RESTRICTED);
	tree_meta_read(asker.index, &meta);
	asker.shape = tree_shape(asker.index, &meta, CurrentMemoryContext);
	if (asker.shape != NULL && meta.root != InvalidBlockNumber)
		ask_all(&asker, &meta, sample, seconds);
	owner_scope_end(&scope);
	tree_inspect_close(asker.index, asker.heap, AccessShareLock);

	if (asker.questions > 0)
		interval(&asker, &low, &high);
	nulls[2] = nulls[3] = nulls[4] = asker.questions == 0;
	values[0] = Int32GetDatum(asker.questions);
	values[2] = Float8GetDatum(asker.questions == 0 ? 0 : asker.found / asker.questions);
	values[3] = Float8GetDatum(low);
	values[4] = Float8GetDatum(high);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
