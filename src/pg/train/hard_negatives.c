/*
 * hard_negatives.c
 *	  Hard negatives from an index: for each row, the nearest rows of the whole table that do
 *	  not belong to it.
 *
 * The index is searched through its access method, by the vector that the index has of the row,
 * with the snapshot with which the rows were read. A row is known by its place (ctid). So an
 * answer of the index is a row of the matrix, or nothing if that row was skipped or a policy hides
 * it from the caller. The vectors themselves stay here: it does not matter of which model and
 * space they are.
 */
#include "compat.h"

#include "train/hard_negatives.h"

#include <math.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/tablespace.h"
#include "commands/defrem.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"

#include "read/owner.h"
#include "read/query.h"
#include "read/source.h"
#include "read/temp_file.h"
#include "train/progress.h"

#define DISTANCE_STRATEGY	1
#define LOOKED_AT			10	/* nearest rows for each hard negative that is asked for */
#define REPORT_EVERY		256
#define MINING				0.3 /* share of the option time_limit that the search may take */
#define PASSES				8

#define INDEX_HINT	"It is the name of an index on the source: CREATE INDEX ... ON table USING dml (embedding)."

/* ---------- the table and the index ---------- */

static void
open_table(HardNegatives *hard, const char *source)
{
	Oid			relid = dml_source_relation(source);
	char		kind = OidIsValid(relid) ? get_rel_relkind(relid) : '\0';
	AclResult	acl;

	if (kind != RELKIND_RELATION && kind != RELKIND_MATVIEW)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 kind == RELKIND_PARTITIONED_TABLE
				 ? errmsg("hard_negatives cannot be taken from the partitioned table \"%s\"", source)
				 : errmsg("hard_negatives need a table as source"),
				 errdetail("An index knows only rows of its table, not those of a query, a view or several tables."),
				 errhint("Give the name of a table, a partition or a materialized view as source.")));
	hard->table = relation_open(relid, AccessShareLock);
	if (find_inheritance_children(relid, NoLock) != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("hard_negatives cannot be taken from table \"%s\", which has child tables", source),
				 errdetail("Its index has none of their rows.")));

	/* the index's vector, and the places of rows, are the table's */
	acl = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, get_relkind_objtype(kind), RelationGetRelationName(hard->table));
	hard->source = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(hard->table)),
											  RelationGetRelationName(hard->table));
}

/* An index is in the schema of its table, so its name is enough. */
static Oid
find_index(const char *name, Relation table)
{
	List	   *names;
	Oid			schema = RelationGetNamespace(table);
	Oid			index = InvalidOid;

	if (!SplitIdentifierString(pstrdup(name), '.', &names) || names == NIL || list_length(names) > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("option \"hard_negatives\" is not the name of an index: \"%s\"", name),
				 errhint(INDEX_HINT)));
	if (list_length(names) == 2)
		schema = LookupExplicitNamespace(linitial(names), true);
	if (OidIsValid(schema))
		index = get_relname_relid(llast(names), schema);
	if (!OidIsValid(index))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("index \"%s\" does not exist", name),
				 errhint(INDEX_HINT)));
	if (get_rel_relkind(index) == RELKIND_PARTITIONED_INDEX)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("index \"%s\" is partitioned", name),
				 errhint("Name the index of the partition that is the source: SELECT relid FROM pg_partition_tree(%s) WHERE isleaf.",
						 quote_literal_cstr(DatumGetCString(DirectFunctionCall1(regclassout, ObjectIdGetDatum(index)))))));
	if (get_rel_relkind(index) != RELKIND_INDEX)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not an index", name),
				 errhint(INDEX_HINT)));
	return index;
}

static void
open_index(HardNegatives *hard, const char *name)
{
	Relation	index = hard->index = index_open(find_index(name, hard->table), AccessShareLock);

	if (index->rd_index->indrelid != RelationGetRelid(hard->table))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("index \"%s\" is not on table \"%s\"", name, RelationGetRelationName(hard->table)),
				 errhint(INDEX_HINT)));
	if (index->rd_rel->relam != get_index_am_oid("dml", false))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("index \"%s\" is of access method %s, not dml", name, get_am_name(index->rd_rel->relam)),
				 errhint(INDEX_HINT)));
	if (!index->rd_index->indisvalid || !index->rd_index->indisready)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" is not valid", name),
				 errdetail("It is being built, or CREATE INDEX CONCURRENTLY failed."),
				 errhint("REINDEX it, or drop it.")));

	/* as the planner does: HOT chains may be broken that are older than the index */
	if (index->rd_index->indcheckxmin &&
		!TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), TransactionXmin))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" cannot be used by this transaction yet", name),
				 errdetail("Rows were updated while older transactions could still see what they were before."),
				 errhint("Try again in a new transaction, when older ones have ended.")));
}

void
hard_negatives_open(HardNegatives *hard, const Training *training)
{
	open_table(hard, training->source);
	open_index(hard, training->options.hard_negatives);
}

void
hard_negatives_reason(const HardNegatives *hard, TrainResult *result)
{
	size_t		used = strlen(result->reason);

	used += snprintf(result->reason + used, sizeof(result->reason) - used, "; index %s proposed hard negatives of %lld rows",
					 RelationGetRelationName(hard->index), (long long) hard->rows);
	if (hard->guarded > 0 && used < sizeof(result->reason))
		used += snprintf(result->reason + used, sizeof(result->reason) - used, ", %lld as near as a positive passed over",
						 (long long) hard->guarded);
	if (hard->searched < hard->all && used < sizeof(result->reason))
		snprintf(result->reason + used, sizeof(result->reason) - used, ", sought for %lld of %lld: the time limit ended the search",
				 (long long) hard->searched, (long long) hard->all);
}

void
hard_negatives_close(HardNegatives *hard)
{
	if (hard->list == NULL)
		FileClose(hard->file);
	index_close(hard->index, NoLock);
	relation_close(hard->table, NoLock);
}

typedef struct Miner
{
	const HardRows *rows;
	int32	   *by_place;		/* rows in the order of their places */
	IndexScanDesc scan;
	ScanKeyData key;
	TupleTableSlot *found;
	int32	   *proposed;		/* k: those of one row, */
	float4	   *apart;			/* and their distances */
	/* n: the distance beyond which a row is a negative of a row; NULL: any */
	float4	   *bound;
	const TrainOptions *options;
	IndexInfo  *info;
	EState	   *estate;			/* evaluates the index's expressions */
	FmgrInfo	distance;		/* the index's */
} Miner;

static int
compare_places(const void *a, const void *b, void *arg)
{
	const double *place = arg;
	double		left = place[*(const int32 *) a];
	double		right = place[*(const int32 *) b];

	CHECK_FOR_INTERRUPTS();
	return left < right ? -1 : left > right;
}

/* The row at a place; -1: none that was read. */
static int32
row_at(const Miner *miner, const ItemPointerData *tid)
{
	double		place = dml_extra_number(tid);
	int64		low = 0;
	int64		high = miner->rows->n;

	while (low < high)
	{
		int64		mid = low + (high - low) / 2;

		if (miner->rows->place[miner->by_place[mid]] < place)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < miner->rows->n && miner->rows->place[miner->by_place[low]] == place)
		return miner->by_place[low];
	return -1;
}

/*
 * Rows with equal features are no negatives: no model can tell them apart, and one of the two
 * labels is wrong.
 */
bool
hard_negatives_by_label(const void *ctx, int32 row, int32 other)
{
	const DmlMatrix *matrix = ctx;

	return matrix->rows.label[row] != matrix->rows.label[other] && matrix->row_hash[row] != matrix->row_hash[other];
}

bool
hard_positives_by_label(const void *ctx, int32 row, int32 other)
{
	const DmlMatrix *matrix = ctx;

	return matrix->rows.label[row] == matrix->rows.label[other] && matrix->row_hash[row] != matrix->row_hash[other];
}

/* ---------- the lists ---------- */

static off_t
list_offset(const HardNegatives *hard, int64 row)
{
	return (off_t) (row * hard->k * (int64) sizeof(int32));
}

static void
set_list(HardNegatives *hard, int64 row, const int32 *proposed)
{
	if (hard->list)
		memcpy(hard->list + row * hard->k, proposed, sizeof(int32) * hard->k);
	else
		temp_file_write(hard->file, proposed, sizeof(int32) * hard->k, list_offset(hard, row));
}

static void
set_distances(HardNegatives *hard, int64 row, const float4 *apart)
{
	if (hard->list)
		memcpy(hard->distance + row * hard->k, apart, sizeof(float4) * hard->k);
	else
		temp_file_write(hard->distance_file, apart, sizeof(float4) * hard->k, list_offset(hard, row));
}

/* HardLists.read */
static void
read_lists(void *ctx, const int64_t *index, int count, int32_t *out)
{
	const HardNegatives *hard = ctx;

	for (int i = 0; i < count; i++)
		temp_file_read(hard->file, out + (int64) i * hard->k, sizeof(int32) * hard->k, list_offset(hard, index[i]));
}

/* ---------- the search ---------- */

/* The vector that the index has of the row in a slot. */
static Datum
indexed_vector(const Miner *miner, TupleTableSlot *slot, bool *isnull)
{
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];

	GetPerTupleExprContext(miner->estate)->ecxt_scantuple = slot;
	FormIndexDatum(miner->info, slot, miner->estate, values, nulls);
	*isnull = nulls[0];
	return values[0];
}

/* The distance, in the index, of the row that the scan has found. */
static double
found_distance(Miner *miner)
{
	MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(miner->estate));
	bool		isnull;
	Datum		vector = indexed_vector(miner, miner->found, &isnull);
	double		distance = isnull ? INFINITY : DatumGetFloat8(FunctionCall2(&miner->distance, vector, miner->key.sk_argument));

	MemoryContextSwitchTo(old);
	return distance;
}

/*
 * The nearest negatives to the vector that the key has.  One that is as near as a positive, or
 * nearer, is often a wrong label or a match that nobody has written down, so it is passed over:
 * those count that are farther than the nearest positive by the margins.  guard_other_side asks the
 * negative, too.
 */
static void
propose(HardNegatives *hard, Miner *miner, int32 row)
{
	const TrainOptions *o = miner->options;
	int			ranks = o->hard_ranks > 0 ? o->hard_ranks : LOOKED_AT * hard->k;
	int			skip = o->hard_skip;
	bool		guards = miner->bound != NULL;
	bool		measures = guards || o->hard_near > 0;
	/* of the distance of a negative; none is known before a positive is found */
	double		bound = guards ? INFINITY : -INFINITY;
	int			n = 0;

	index_rescan(miner->scan, NULL, 0, &miner->key, 1);
	for (int looked = 0; n < hard->k && looked < ranks; looked++)
	{
		int32		other;
		double		distance = 0;

		CHECK_FOR_INTERRUPTS();
		if (!index_getnext_slot(miner->scan, ForwardScanDirection, miner->found))
			break;
		other = row_at(miner, &miner->found->tts_tid);
		if (other < 0)
			continue;
		if (guards && bound == INFINITY && miner->rows->is_positive(miner->rows->ctx, row, other))
		{
			distance = found_distance(miner);
			bound = distance + fabs(distance) * o->hard_margin + o->hard_gap;
			continue;
		}
		if (!miner->rows->is_negative(miner->rows->ctx, row, other))
			continue;
		if (measures)
			distance = found_distance(miner);
		if (distance < o->hard_near || (guards && distance <= bound))
		{
			hard->guarded++;
			continue;
		}
		if (skip-- > 0)
			continue;
		miner->apart[n] = (float4) distance;
		miner->proposed[n++] = other;
	}
	hard->rows += n > 0;
	while (n < hard->k)
		miner->proposed[n++] = -1;
	set_list(hard, row, miner->proposed);
	if (miner->bound)
	{
		miner->bound[row] = (float4) bound;
		set_distances(hard, row, miner->apart);
	}
}

/*
 * A row with a wrong label lies among rows of its true class, whose negative it seems to be, and
 * its own positives are far.  So a proposal must be farther than the nearest positive of the row
 * that is proposed, too.
 */
static void
guard_other_side(HardNegatives *hard, Miner *miner)
{
	Size		size = sizeof(int32) * hard->k;

	for (int64 row = 0; row < hard->all; row++)
	{
		int			n = 0;

		CHECK_FOR_INTERRUPTS();
		if (hard->list)
		{
			memcpy(miner->proposed, hard->list + row * hard->k, size);
			memcpy(miner->apart, hard->distance + row * hard->k, size);
		}
		else
		{
			temp_file_read(hard->file, miner->proposed, size, list_offset(hard, row));
			if (miner->proposed[0] >= 0)
				temp_file_read(hard->distance_file, miner->apart, size, list_offset(hard, row));
		}
		if (miner->proposed[0] < 0)
			continue;
		for (int i = 0; i < hard->k && miner->proposed[i] >= 0; i++)
			if (miner->apart[i] > miner->bound[miner->proposed[i]])
				miner->proposed[n++] = miner->proposed[i];
			else
				hard->guarded++;
		hard->rows -= n == 0;
		while (n < hard->k)
			miner->proposed[n++] = -1;
		set_list(hard, row, miner->proposed);
	}
}

/*
 * Search for each row, in the order of the table. With a time limit there are several passes, each
 * over rows from all parts of the table, so that the rows that get a search are spread over it.
 */
static void
search_all(HardNegatives *hard, Training *training, Miner *miner)
{
	Oid			type = hard->index->rd_opcintype[0];
	Oid			operator = get_opfamily_member(hard->index->rd_opfamily[0], type, type, DISTANCE_STRATEGY);
	Snapshot	snapshot = GetActiveSnapshot();
	EState	   *estate = CreateExecutorState();
	TupleTableSlot *slot = table_slot_create(hard->table, NULL);
	double		limit = training->options.time_limit > 0 ? MINING * training->options.time_limit : INFINITY;
	double		start = training_seconds(training);
	int			passes = limit < INFINITY ? PASSES : 1;
	bool		late = false;
	int32	   *none = palloc(sizeof(int32) * hard->k);

	memset(none, -1, sizeof(int32) * hard->k);
	if (!OidIsValid(operator))
		elog(ERROR, "index \"%s\" has no distance", RelationGetRelationName(hard->index));
	miner->options = &training->options;
	miner->info = BuildIndexInfo(hard->index);
	miner->estate = estate;
	fmgr_info(get_opcode(operator), &miner->distance);
	miner->found = table_slot_create(hard->table, NULL);
#if PG_VERSION_NUM >= 180000
	miner->scan = index_beginscan(hard->table, hard->index, snapshot, NULL, 0, 1);
#else
	miner->scan = index_beginscan(hard->table, hard->index, snapshot, 0, 1);
#endif
	hard->searched = 0;
	for (int pass = 0; pass < passes; pass++)
		for (int64 i = pass; i < hard->all; i += passes)
		{
			int32		row = miner->by_place[i];
			ItemPointerData tid;
			Datum		vector = (Datum) 0;
			bool		isnull = true;

			CHECK_FOR_INTERRUPTS();
			if (hard->searched % REPORT_EVERY == 0)
				training_mining(training, hard->searched, hard->all);
			late = late || training_seconds(training) - start > limit;
			if (late)
			{
				set_list(hard, row, none);
				continue;
			}
			hard->searched++;
			ResetPerTupleExprContext(estate);
			dml_extra_place(miner->rows->place[row], &tid);
			if (table_tuple_fetch_row_version(hard->table, &tid, snapshot, slot))
				vector = indexed_vector(miner, slot, &isnull);
			ScanKeyEntryInitialize(&miner->key, SK_ORDER_BY | (isnull ? SK_ISNULL : 0), 1, DISTANCE_STRATEGY, type, InvalidOid,
								   get_opcode(operator), isnull ? (Datum) 0 : vector);
			propose(hard, miner, row);
		}
	index_endscan(miner->scan);
	ExecDropSingleTupleTableSlot(miner->found);
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(estate);
}

void
hard_negatives_find(HardNegatives *hard, Training *training, const HardRows *rows, HardLists *lists)
{
	Miner		miner = {rows};
	int64		n = rows->n;
	Size		lists_size;
	bool		guards = rows->is_positive && training->options.hard_margin > -1;
	double		start = training_seconds(training);
	OwnerScope	scope;

	hard->k = training->options.hard_neighbors;
	hard->all = n;
	hard->rows = hard->guarded = 0;
	if (n > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("hard_negatives work for %d rows at most, and there are %lld", PG_INT32_MAX, (long long) n)));
	progress_phase(PHASE_MINING);
	lists_size = sizeof(int32) * (Size) n * hard->k;
	/* a row's turn, its place and its bound stay in memory */
	if (lists_size * (guards ? 2 : 1) + (sizeof(int32) + sizeof(float4) + sizeof(double)) * (Size) n <= (Size) maintenance_work_mem * 1024)
	{
		hard->list = MemoryContextAllocHuge(CurrentMemoryContext, lists_size);
		hard->distance = guards ? MemoryContextAllocHuge(CurrentMemoryContext, lists_size) : NULL;
	}
	else
	{
		hard->list = NULL;
		PrepareTempTablespaces();
		hard->file = OpenTemporaryFile(false);
		if (guards)
			hard->distance_file = OpenTemporaryFile(false);
	}
	miner.proposed = palloc(sizeof(int32) * hard->k);
	miner.apart = palloc0(sizeof(float4) * hard->k);
	if (guards)
	{
		miner.bound = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(float4) * n);
		for (int64 i = 0; i < n; i++)
			miner.bound[i] = -INFINITY;	/* of rows that the search does not reach */
	}
	miner.by_place = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * n);
	for (int64 i = 0; i < n; i++)
		miner.by_place[i] = (int32) i;
	qsort_arg(miner.by_place, n, sizeof(int32), compare_places, unconstify(double *, rows->place));

	/* expressions of the index are the owner's code */
	owner_scope_begin(&scope, hard->table->rd_rel->relowner, INDEX_PATH_RESTRICTED);
	search_all(hard, training, &miner);
	owner_scope_end(&scope);
	if (guards)
	{
		guard_other_side(hard, &miner);
		pfree(miner.bound);
		if (hard->list)
			pfree(hard->distance);
		else
			FileClose(hard->distance_file);
	}

	pfree(miner.by_place);
	pfree(miner.proposed);
	pfree(miner.apart);
	training->mined = training_seconds(training) - start;
	lists->k = hard->k;
	lists->list = hard->list;
	lists->read = hard->list ? NULL : read_lists;
	lists->ctx = hard;
	if (hard->searched < n)
		ereport(NOTICE,
				(errmsg("hard negatives were searched for %lld of %lld rows: the time limit ended the search",
						(long long) hard->searched, (long long) n)));
	if (hard->rows == 0)
		ereport(NOTICE,
				(errmsg("index \"%s\" proposes no hard negatives", RelationGetRelationName(hard->index)),
				 errdetail("The %d nearest of each row are rows that belong to it, or as near as these.",
						   training->options.hard_ranks > 0 ? training->options.hard_ranks : LOOKED_AT * hard->k)));
}
