/*
 * hard_negatives.c
 *	  Hard negatives from an index: each row's nearest rows that do not belong to it, in the whole table.
 *
 * The index is searched through its access method, by the vector that it has of the row, with the snapshot that the rows were
 * read with.  Rows are known by their place (ctid), so what the index answers is the matrix's row or, where
 * that row was skipped or is hidden from the caller by a policy, nothing.  The vectors themselves stay here: of what model and
 * space they are does not matter.
 */
#include "compat.h"

#include "train/hard_negatives.h"

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
#include "train/progress.h"

#define DISTANCE_STRATEGY	1
#define LOOKED_AT			10	/* nearest rows for each hard negative that is asked for */
#define REPORT_EVERY		256

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
				 ? errmsg("hard_negatives cannot be had from the partitioned table \"%s\"", source)
				 : errmsg("hard_negatives need a table as source"),
				 errdetail("An index answers with rows of its table; those of a query, a view or several tables are not known by it."),
				 errhint("Give the name of a table, a partition or a materialized view as source.")));
	hard->table = relation_open(relid, AccessShareLock);
	if (find_inheritance_children(relid, NoLock) != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("hard_negatives cannot be had from table \"%s\", which has child tables", source),
				 errdetail("Its index has none of their rows.")));

	/* the index's vector, and the places of rows, are the table's */
	acl = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, get_relkind_objtype(kind), RelationGetRelationName(hard->table));
	hard->source = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(hard->table)),
											  RelationGetRelationName(hard->table));
}

/* An index is in its table's schema, so its name alone will do. */
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
				 errhint("Name the index of the partition that is the source: SELECT relid FROM pg_partition_tree(...) WHERE isleaf.")));
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

	/* as the planner: broken HOT chains of before the index was made */
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

	snprintf(result->reason + used, sizeof(result->reason) - used, "; index %s proposed hard negatives of %lld rows",
			 RelationGetRelationName(hard->index), (long long) hard->rows);
}

void
hard_negatives_close(HardNegatives *hard)
{
	index_close(hard->index, NoLock);
	relation_close(hard->table, NoLock);
}

/* ---------- the search ---------- */

typedef struct Miner
{
	const HardRows *rows;
	int32	   *by_place;		/* rows in the order of their places */
	int			k;
	int32	   *hard;
	IndexScanDesc scan;
	ScanKeyData key;
	TupleTableSlot *found;
	int64		found_for;		/* rows with a hard negative */
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

/* Rows of the same features are no negatives: no model can tell them apart, and one of the two labels is wrong. */
bool
hard_negatives_by_label(const void *ctx, int32 row, int32 other)
{
	const DmlMatrix *matrix = ctx;

	return matrix->rows.label[row] != matrix->rows.label[other] && matrix->row_hash[row] != matrix->row_hash[other];
}

/* The nearest negatives to the vector that the key has. */
static void
propose(Miner *miner, int32 row)
{
	int32	   *hard = miner->hard + (int64) row * miner->k;
	int			n = 0;

	index_rescan(miner->scan, NULL, 0, &miner->key, 1);
	for (int looked = 0; n < miner->k && looked < LOOKED_AT * miner->k; looked++)
	{
		int32		other;

		CHECK_FOR_INTERRUPTS();
		if (!index_getnext_slot(miner->scan, ForwardScanDirection, miner->found))
			break;
		other = row_at(miner, &miner->found->tts_tid);
		if (other >= 0 && miner->rows->is_negative(miner->rows->ctx, row, other))
			hard[n++] = other;
	}
	miner->found_for += n > 0;
	while (n < miner->k)
		hard[n++] = -1;
}

/* A search for each row, in the order in which the table has them. */
static void
search_all(HardNegatives *hard, Training *training, Miner *miner)
{
	Oid			type = hard->index->rd_opcintype[0];
	Oid			operator = get_opfamily_member(hard->index->rd_opfamily[0], type, type, DISTANCE_STRATEGY);
	Snapshot	snapshot = GetActiveSnapshot();
	IndexInfo  *info = BuildIndexInfo(hard->index);
	EState	   *estate = CreateExecutorState();
	TupleTableSlot *slot = table_slot_create(hard->table, NULL);
	int64		n = miner->rows->n;

	if (!OidIsValid(operator))
		elog(ERROR, "index \"%s\" has no distance", RelationGetRelationName(hard->index));
	GetPerTupleExprContext(estate)->ecxt_scantuple = slot;
	miner->found = table_slot_create(hard->table, NULL);
#if PG_VERSION_NUM >= 180000
	miner->scan = index_beginscan(hard->table, hard->index, snapshot, NULL, 0, 1);
#else
	miner->scan = index_beginscan(hard->table, hard->index, snapshot, 0, 1);
#endif
	for (int64 i = 0; i < n; i++)
	{
		int32		row = miner->by_place[i];
		ItemPointerData tid;
		Datum		values[INDEX_MAX_KEYS];
		bool		nulls[INDEX_MAX_KEYS] = {true};

		if (i % REPORT_EVERY == 0)
			training_mining(training, i, n);
		ResetPerTupleExprContext(estate);
		dml_extra_place(miner->rows->place[row], &tid);
		if (table_tuple_fetch_row_version(hard->table, &tid, snapshot, slot))
			FormIndexDatum(info, slot, estate, values, nulls);
		ScanKeyEntryInitialize(&miner->key, SK_ORDER_BY | (nulls[0] ? SK_ISNULL : 0), 1, DISTANCE_STRATEGY, type, InvalidOid,
							   get_opcode(operator), nulls[0] ? (Datum) 0 : values[0]);
		propose(miner, row);
	}
	index_endscan(miner->scan);
	ExecDropSingleTupleTableSlot(miner->found);
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(estate);
}

int32 *
hard_negatives_find(HardNegatives *hard, Training *training, const HardRows *rows)
{
	Miner		miner = {rows};
	int64		n = rows->n;
	Size		memory = (Size) maintenance_work_mem * 1024;
	Size		needed;
	OwnerScope	scope;

	/* of a row: what is found, its turn, and its place */
	miner.k = training->options.hard_neighbors;
	needed = n * (sizeof(int32) * (miner.k + 1) + sizeof(double));
	if (needed > memory || n > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("not enough memory for %d hard negatives of each of %lld rows", miner.k, (long long) n),
				 errdetail("They take %zu MB, of %zu MB that maintenance_work_mem allows.", needed >> 20, memory >> 20),
				 errhint("Raise maintenance_work_mem, or lower the option hard_neighbors.")));
	progress_phase(PHASE_MINING);
	miner.hard = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * n * miner.k);
	miner.by_place = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * n);
	for (int64 i = 0; i < n; i++)
		miner.by_place[i] = (int32) i;
	qsort_arg(miner.by_place, n, sizeof(int32), compare_places, unconstify(double *, rows->place));

	/* expressions of the index are the owner's code */
	owner_scope_begin(&scope, hard->table->rd_rel->relowner, INDEX_PATH_RESTRICTED);
	dml_push_later_snapshot();	/* the rows were read on a later one than that of the statement */
	search_all(hard, training, &miner);
	PopActiveSnapshot();
	owner_scope_end(&scope);

	pfree(miner.by_place);
	hard->rows = miner.found_for;
	if (miner.found_for == 0)
		ereport(NOTICE,
				(errmsg("index \"%s\" proposes no hard negatives", RelationGetRelationName(hard->index)),
				 errdetail("The %d nearest of each row are rows that belong to it.", LOOKED_AT * miner.k)));
	return miner.hard;
}
