/*
 * pages.c
 *	  See pages.h.  First the index as a test uses it, then what PostgreSQL would do.
 */
#include "compat.h"

#include <math.h>
#include <setjmp.h>

#include "access/genam.h"
#include "access/generic_xlog.h"
#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/index.h"
#include "catalog/pg_type.h"
#include "commands/vacuum.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "storage/bufmgr.h"
#include "storage/indexfsm.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "index/inspect.h"
#include "index/walk.h"
#include "read/owner.h"
#include "base/rng.h"
#include "server/pages.h"

#undef qsort
#undef vsnprintf
#undef snprintf

#define MOST_BLOCKS		4096
#define MOST_ROWS		20000
#define MOST_READS		200000	/* of pages in one run */
#define ROWS_A_BLOCK	100		/* of the table */

extern Datum dml_index_check(PG_FUNCTION_ARGS);

/* ---------- what stands for the relation ---------- */

static char *blocks[MOST_BLOCKS];
static int	n_blocks;
static bool is_free[MOST_BLOCKS];
static bool is_locked[MOST_BLOCKS];
static char *saved[MOST_BLOCKS];
static int	saved_n;
static bool saved_free[MOST_BLOCKS];

static DmlVector *rows[MOST_ROWS];
static int	n_rows;
static int	dims;
static int	metric;
static int	saved_rows;

static FormData_pg_class class;
static FormData_pg_index index_form;
static RelationData relation;
static RelationData table;
static Oid	collations[2];
static TupleDesc tuple_desc;

static int64 reads;
static sigjmp_buf on_error;
static bool endless;
static char message[512];

static int	met[MOST_ROWS];

/* ---------- memory: all of a run is let go at its end ---------- */

typedef struct Chunk
{
	struct Chunk *next;
	struct Chunk *before;
	Size		size;
	Size		pad;
} Chunk;

static Chunk chunks = {&chunks, &chunks};
static struct MemoryContextData context;
MemoryContext CurrentMemoryContext = &context;

void *
palloc(Size size)
{
	Chunk	   *chunk = malloc(sizeof(Chunk) + size);

	chunk->size = size;
	chunk->next = chunks.next;
	chunk->before = &chunks;
	chunks.next->before = chunk;
	chunks.next = chunk;
	return chunk + 1;
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

void
pfree(void *pointer)
{
	Chunk	   *chunk = (Chunk *) pointer - 1;

	chunk->before->next = chunk->next;
	chunk->next->before = chunk->before;
	free(chunk);
}

static void *
resize(void *pointer, Size size)
{
	Size		before = ((Chunk *) pointer - 1)->size;
	void	   *result = palloc(size);

	memcpy(result, pointer, Min(size, before));
	pfree(pointer);
	return result;
}

void *
repalloc(void *pointer, Size size)
{
	return resize(pointer, size);
}

void *
repalloc_huge(void *pointer, Size size)
{
	return resize(pointer, size);
}

void *
MemoryContextAlloc(MemoryContext unused, Size size)
{
	return palloc(size);
}

void *
MemoryContextAllocZero(MemoryContext unused, Size size)
{
	return palloc0(size);
}

void *
MemoryContextAllocHuge(MemoryContext unused, Size size)
{
	return palloc(size);
}

void *
MemoryContextAllocExtended(MemoryContext unused, Size size, int flags)
{
	return flags & MCXT_ALLOC_ZERO ? palloc0(size) : palloc(size);
}

MemoryContext
AllocSetContextCreateInternal(MemoryContext parent, const char *name, Size least, Size first, Size most)
{
	return &context;
}

void
MemoryContextReset(MemoryContext unused)
{
}

void
MemoryContextDelete(MemoryContext unused)
{
}

static void
free_memory(void)
{
	while (chunks.next != &chunks)
		pfree(chunks.next + 1);
	relation.rd_amcache = NULL;
}

/* ---------- errors ---------- */

bool
errstart(int elevel, const char *domain)
{
	return elevel >= ERROR;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return elevel >= ERROR;
}

void
errfinish(const char *file, int line, const char *function)
{
	siglongjmp(on_error, 1);
}

int
errcode(int code)
{
	return 0;
}

/* Formats are PostgreSQL's, but none here that C's own does not know. */
#define TEXT_OF(format) \
	do { \
		va_list		args; \
		size_t		at = strlen(message); \
		va_start(args, format); \
		vsnprintf(message + at, sizeof(message) - at, format, args); \
		va_end(args); \
	} while (0)

int
errmsg(const char *format,...)
{
	TEXT_OF(format);
	return 0;
}

int
errmsg_internal(const char *format,...)
{
	TEXT_OF(format);
	return 0;
}

int
errdetail(const char *format,...)
{
	strncat(message, " / ", sizeof(message) - strlen(message) - 1);
	TEXT_OF(format);
	return 0;
}

int
errhint(const char *format,...)
{
	return 0;
}

int
pg_vsnprintf(char *out, size_t size, const char *format, va_list args)
{
	return vsnprintf(out, size, format, args);
}

void
pg_qsort(void *base, size_t n, size_t size, int (*compare) (const void *, const void *))
{
	qsort(base, n, size, compare);
}

/* ---------- buffers: block b is local buffer b + 1, so that blocks may lie anywhere ---------- */

Block	   *LocalBufferBlockPointers = (Block *) blocks;
char	   *BufferBlocks = NULL;
volatile sig_atomic_t InterruptPending = false;
volatile uint32 CritSectionCount = 0;

static void
extend(void)
{
	if (n_blocks == MOST_BLOCKS)
		elog(ERROR, "no space left");
	blocks[n_blocks] = aligned_alloc(64, PAGES_BLOCK);
	memset(blocks[n_blocks], 0, PAGES_BLOCK);
	is_free[n_blocks] = false;
	is_locked[n_blocks] = false;
	n_blocks++;
}

Buffer
ReadBuffer(Relation rel, BlockNumber block)
{
	PageHeader	header;

	if (++reads > MOST_READS)
	{
		endless = true;
		siglongjmp(on_error, 1);
	}
	if (block == P_NEW)
		elog(ERROR, "a pointer was taken for a new page");
	if (block >= (BlockNumber) n_blocks)
		elog(ERROR, "could not read block %u", block);

	/* as PostgreSQL looks at a page that it reads */
	header = (PageHeader) blocks[block];
	if (!PageIsNew(blocks[block]) &&
		((header->pd_flags & ~PD_VALID_FLAG_BITS) != 0 || header->pd_lower > header->pd_upper ||
		 header->pd_upper > header->pd_special || header->pd_special > BLCKSZ ||
		 header->pd_special != MAXALIGN(header->pd_special)))
		elog(ERROR, "invalid page in block %u", block);
	return -(Buffer) block - 1;
}

Buffer
ReadBufferExtended(Relation rel, ForkNumber fork, BlockNumber block, ReadBufferMode mode, BufferAccessStrategy strategy)
{
	if (block != P_NEW)
		return ReadBuffer(rel, block);
	extend();
	if (mode == RBM_ZERO_AND_LOCK)
		is_locked[n_blocks - 1] = true;
	return -n_blocks;
}

BlockNumber
BufferGetBlockNumber(Buffer buffer)
{
	return (BlockNumber) (-buffer - 1);
}

/* One process: a wait for a lock that is held would never end. */
void
LockBuffer(Buffer buffer, int mode)
{
	bool	   *locked = &is_locked[BufferGetBlockNumber(buffer)];

	if (mode != BUFFER_LOCK_UNLOCK && *locked)
	{
		endless = true;
		siglongjmp(on_error, 1);
	}
	*locked = mode != BUFFER_LOCK_UNLOCK;
}

bool
ConditionalLockBuffer(Buffer buffer)
{
	bool	   *locked = &is_locked[BufferGetBlockNumber(buffer)];

	if (*locked)
		return false;
	return *locked = true;
}

void
ReleaseBuffer(Buffer buffer)
{
}

void
UnlockReleaseBuffer(Buffer buffer)
{
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
}

void
MarkBufferDirty(Buffer buffer)
{
}

BlockNumber
RelationGetNumberOfBlocksInFork(Relation rel, ForkNumber fork)
{
	return rel == &relation ? n_blocks : n_rows / ROWS_A_BLOCK + 1;
}

void
PageInit(Page page, Size size, Size special)
{
	PageHeader	header = (PageHeader) page;

	memset(page, 0, size);
	header->pd_lower = SizeOfPageHeaderData;
	header->pd_upper = header->pd_special = size - MAXALIGN(special);
	header->pd_pagesize_version = size | PG_PAGE_LAYOUT_VERSION;
}

/* ---------- WAL: copies that come into force together ---------- */

struct GenericXLogState
{
	int			n;
	Buffer		buffer[MAX_GENERIC_XLOG_PAGES];
	char	   *copy[MAX_GENERIC_XLOG_PAGES];
};

GenericXLogState *
GenericXLogStart(Relation rel)
{
	return palloc0(sizeof(GenericXLogState));
}

Page
GenericXLogRegisterBuffer(GenericXLogState *state, Buffer buffer, int flags)
{
	for (int i = 0; i < state->n; i++)
		if (state->buffer[i] == buffer)
			return state->copy[i];
	if (state->n == MAX_GENERIC_XLOG_PAGES)
		elog(ERROR, "too many pages in a record");
	state->buffer[state->n] = buffer;
	state->copy[state->n] = palloc(PAGES_BLOCK);
	return memcpy(state->copy[state->n++], BufferGetPage(buffer), PAGES_BLOCK);
}

XLogRecPtr
GenericXLogFinish(GenericXLogState *state)
{
	for (int i = 0; i < state->n; i++)
	{
		PageHeader	header = (PageHeader) state->copy[i];

		/* what lies between the two is not kept */
		if (header->pd_lower < header->pd_upper && header->pd_upper <= BLCKSZ)
			memset(state->copy[i] + header->pd_lower, 0, header->pd_upper - header->pd_lower);
		memcpy(BufferGetPage(state->buffer[i]), state->copy[i], PAGES_BLOCK);
		pfree(state->copy[i]);
	}
	pfree(state);
	return 0;
}

/* ---------- locks, transactions, free space ---------- */

void
LockPage(Relation rel, BlockNumber block, LOCKMODE mode)
{
}

bool
ConditionalLockPage(Relation rel, BlockNumber block, LOCKMODE mode)
{
	return true;
}

void
UnlockPage(Relation rel, BlockNumber block, LOCKMODE mode)
{
}

void
LockRelationForExtension(Relation rel, LOCKMODE mode)
{
}

void
UnlockRelationForExtension(Relation rel, LOCKMODE mode)
{
}

BlockNumber
GetFreeIndexPage(Relation rel)
{
	for (int block = 0; block < n_blocks; block++)
		if (is_free[block])
		{
			is_free[block] = false;
			return block;
		}
	return InvalidBlockNumber;
}

void
RecordFreeIndexPage(Relation rel, BlockNumber block)
{
	is_free[block] = true;
}

void
IndexFreeSpaceMapVacuum(Relation rel)
{
}

FullTransactionId
ReadNextFullTransactionId(void)
{
	return FullTransactionIdFromU64(1000);
}

bool
GlobalVisCheckRemovableFullXid(Relation rel, FullTransactionId xid)
{
	return true;
}

bool
RecoveryInProgress(void)
{
	return false;
}

void
vacuum_delay_point(
#if PG_VERSION_NUM >= 180000
				   bool analyze
#else
				   void
#endif
)
{
}

bool
ActiveSnapshotSet(void)
{
	return true;
}

void
ProcessInterrupts(void)
{
}

SnapshotData SnapshotSelfData;

/* ---------- catalogs and functions ---------- */

static FmgrInfo compare_int4;

RegProcedure
index_getprocid(Relation rel, AttrNumber attno, uint16 number)
{
	return attno == 1 ? number == TREE_METRIC_PROC : number == TREE_COMPARE_PROC;
}

FmgrInfo *
index_getprocinfo(Relation rel, AttrNumber attno, uint16 number)
{
	return &compare_int4;
}

Datum
FunctionCall0Coll(FmgrInfo *function, Oid collation)
{
	return Int32GetDatum(metric);
}

Datum
FunctionCall2Coll(FmgrInfo *function, Oid collation, Datum a, Datum b)
{
	int32		left = DatumGetInt32(a);
	int32		right = DatumGetInt32(b);

	return Int32GetDatum(left < right ? -1 : left > right);
}

struct varlena *
pg_detoast_datum(struct varlena *datum)
{
	return datum;
}

char *
dml_space_describe(uint64 space)
{
	return "a space";
}

bool
ItemPointerEquals(ItemPointer a, ItemPointer b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

BufferAccessStrategy
GetAccessStrategy(BufferAccessStrategyType type)
{
	return NULL;
}

void
FreeAccessStrategy(BufferAccessStrategy strategy)
{
}

/* ---------- what dml_index_check asks for ---------- */

Relation
tree_inspect_open(Oid oid, LOCKMODE lock, Relation *heap)
{
	*heap = &table;
	return &relation;
}

void
tree_inspect_close(Relation index, Relation heap, LOCKMODE lock)
{
}

char
get_rel_relkind(Oid oid)
{
	return '\0';
}

TypeFuncClass
get_call_result_type(FunctionCallInfo fcinfo, Oid *type, TupleDesc *desc)
{
	return TYPEFUNC_COMPOSITE;
}

TupleDesc
BlessTupleDesc(TupleDesc desc)
{
	return desc;
}

HeapTuple
heap_form_tuple(TupleDesc desc,
#if PG_VERSION_NUM >= 170000
				const Datum *values, const bool *isnull)
#else
				Datum *values, bool *isnull)
#endif
{
	return palloc0(sizeof(HeapTupleData));
}

Datum
HeapTupleHeaderGetDatum(HeapTupleHeader header)
{
	return 0;
}

void
owner_scope_begin(OwnerScope *scope, Oid owner, bool restrict_path)
{
}

void
owner_scope_end(OwnerScope *scope)
{
}

/* VACUUM's second half needs BLAS and a table to open: the tests of a server have it. */
void
tree_regroup(Relation index, int message_level)
{
}

/* ---------- the table ---------- */

struct TreeFetch
{
	int			unused;
};

TreeFetch *
tree_fetch_begin(Relation heap, Relation index)
{
	return palloc0(sizeof(TreeFetch));
}

const DmlVector *
tree_fetch(TreeFetch *fetch, const ItemPointerData *tid, Snapshot snapshot)
{
	int64		row = (int64) ItemPointerGetBlockNumberNoCheck(tid) * ROWS_A_BLOCK + ItemPointerGetOffsetNumberNoCheck(tid) - 1;

	return row >= 0 && row < n_rows ? rows[row] : NULL;
}

void
tree_fetch_expect_page(const TreeFetch *fetch, const ItemPointerData *tid)
{
}

void
tree_fetch_expect_row(const TreeFetch *fetch, const ItemPointerData *tid)
{
}

bool
tree_fetch_gone(TreeFetch *fetch, const ItemPointerData *tid, TreeGone *gone)
{
	return tree_fetch(fetch, tid, NULL) == NULL;
}

void
tree_fetch_end(TreeFetch *fetch)
{
	pfree(fetch);
}

static void
add_row(Rng *rng, float spread)
{
	Size		size = offsetof(DmlVector, x) + dims * sizeof(float);
	DmlVector  *vector = calloc(1, size);
	int			cluster = (int) rng_below(rng, 7);

	SET_VARSIZE(vector, size);
	vector->dim = dims;
	for (int i = 0; i < dims; i++)
		vector->x[i] = spread * (float) ((cluster + 1) * (i % 5 + 1) % 7) + (float) rng_normal(rng);
	rows[n_rows++] = vector;
}

static void
insert_row(IndexInfo *info, Rng *rng, float spread)
{
	ItemPointerData tid;
	Datum		values[2];
	bool		isnull[2] = {false, rng_below(rng, 5) == 0};

	add_row(rng, spread);
	ItemPointerSet(&tid, (n_rows - 1) / ROWS_A_BLOCK, (n_rows - 1) % ROWS_A_BLOCK + 1);
	values[0] = PointerGetDatum(rows[n_rows - 1]);
	values[1] = Int32GetDatum(n_rows % 10);
	tree_insert(&relation, values, isnull, &tid, &table, UNIQUE_CHECK_NO,
#if PG_VERSION_NUM >= 140000
				false,
#endif
				info);
}

/* ---------- what a test does ---------- */

/* A row that a walk met, if the table has it. */
static void
meet(const ItemPointerData *tid)
{
	int64		row = (int64) ItemPointerGetBlockNumberNoCheck(tid) * ROWS_A_BLOCK + ItemPointerGetOffsetNumberNoCheck(tid) - 1;

	if (row >= 0 && row < n_rows)
		met[row]++;
}

static void
search(PagesOp op, Rng *rng)
{
	TreeMeta	meta;
	TreeCounts	counts = {0};
	TreeWalk	walk;
	TreeEffort	effort;
	const TreeShape *shape;
	float	   *query;

	memset(met, 0, sizeof(met));
	tree_meta_read(&relation, &meta);
	shape = tree_shape(&relation, &meta, CurrentMemoryContext);
	if (meta.root == InvalidBlockNumber)
		return;
	if (meta.dims != dims)
		elog(ERROR, "other dimensions than the query");
	query = palloc(2 * shape->width * sizeof(float));
	add_row(rng, 1);
	n_rows--;
	tree_rotate(shape, rows[n_rows]->x, query + shape->width, query);
	free(rows[n_rows]);
	rows[n_rows] = NULL;
	tree_effort(&meta, shape, 0.9, 10, &effort);
	tree_walk_init(&walk, &relation, shape, &meta, query, NULL, &counts);
	if (op == PAGES_EXACT)
	{
		ItemPointerData tid;

		tree_exact_begin(&walk, 16, INFINITY);
		while (!isinf(tree_exact_bound(&walk)))
			if (tree_exact_step(&walk, &tid))
				meet(&tid);
	}
	else
		for (int64 leaves = 0; op == PAGES_ALL || leaves < effort.probes; leaves++)
		{
			AnnBlock	block;
			Buffer		buffer = tree_walk_leaf(&walk, &block);
			const TreeRow *entries;

			if (buffer == InvalidBuffer)
				break;
			entries = tree_rows(BufferGetPage(buffer), &shape->leaf);
			for (int j = 0; j < block.n; j++)
				if (!entries[j].dead)
					meet(&entries[j].tid);
			UnlockReleaseBuffer(buffer);
		}
	tree_walk_free(&walk);
}

static bool
is_third(ItemPointer tid, void *state)
{
	return ItemPointerGetOffsetNumberNoCheck(tid) % 3 == 0;
}

PagesResult
pages_run(PagesOp op, uint64_t seed)
{
	volatile PagesResult result = PAGES_OK;
	Rng			rng;

	rng_seed(&rng, seed, 3);
	reads = 0;
	endless = false;
	message[0] = '\0';
	memset(is_locked, 0, sizeof(is_locked));
	if (sigsetjmp(on_error, 0) == 0)
	{
		IndexInfo	info = {.ii_Context = &context};
		IndexVacuumInfo vacuum = {.index = &relation};

		switch (op)
		{
			case PAGES_INSERT:
				for (int i = 0; i < 5; i++)
					insert_row(&info, &rng, i < 3 ? 1 : 30);
				break;
			case PAGES_VACUUM:
				tree_vacuum_cleanup(&vacuum, tree_bulk_delete(&vacuum, NULL, is_third, NULL));
				break;
			case PAGES_CHECK:
				{
					LOCAL_FCINFO(fcinfo, 2);

					memset(fcinfo, 0, SizeForFunctionCallInfo(2));
					dml_index_check(fcinfo);
					break;
				}
			default:
				search(op, &rng);
		}
		for (int i = 0; i < n_blocks; i++)
			if (is_locked[i])
			{
				snprintf(message, sizeof(message), "block %d is left locked", i);
				abort();
			}
	}
	else
		result = endless ? PAGES_ENDLESS : PAGES_ERROR;
	CurrentMemoryContext = &context;
	free_memory();
	return result;
}

const char *
pages_message(void)
{
	return message;
}

int
pages_rows_met(int *twice)
{
	int			n = 0;

	*twice = 0;
	for (int i = 0; i < n_rows; i++)
	{
		n += met[i] > 0;
		*twice += met[i] > 1;
	}
	return n;
}

void
pages_make(int new_dims, int n, int new_metric, bool column, uint64_t seed)
{
	TreeMeta	meta;
	Rng			rng;

	class.relpersistence = RELPERSISTENCE_TEMP;	/* buffers of its own */
	relation.rd_rel = &class;
	relation.rd_index = &index_form;
	relation.rd_indcollation = collations;
	relation.rd_indexcxt = &context;
	table.rd_rel = &class;
	tuple_desc = calloc(1, sizeof(*tuple_desc) + 4096);
	tuple_desc->natts = column ? 2 : 1;
	TupleDescAttr(tuple_desc, 1)->attlen = 4;
	TupleDescAttr(tuple_desc, 1)->attbyval = true;
	TupleDescAttr(tuple_desc, 1)->attalign = 'i';
	relation.rd_att = tuple_desc;
	dims = new_dims;
	metric = new_metric;
	rng_seed(&rng, seed, 4);
	if (sigsetjmp(on_error, 0) != 0)
		abort();
	tree_meta_init(&meta, &relation, 0, 0, false);
	extend();
	tree_meta_page((Page) blocks[0], &meta);
	for (int i = 0; i < n; i++)
	{
		IndexInfo	info = {.ii_Context = &context};

		reads = 0;
		insert_row(&info, &rng, 1);
		free_memory();
	}
}

void
pages_free(void)
{
	for (int i = 0; i < n_blocks; i++)
		free(blocks[i]);
	for (int i = 0; i < saved_n; i++)
		free(saved[i]);
	for (int i = 0; i < n_rows; i++)
		free(rows[i]);
	free(tuple_desc);
	n_blocks = saved_n = n_rows = 0;
}

int
pages_count(void)
{
	return n_blocks;
}

uint8_t *
pages_block(int block)
{
	return (uint8_t *) blocks[block];
}

void
pages_save(void)
{
	for (int i = 0; i < saved_n; i++)
		free(saved[i]);
	saved_n = n_blocks;
	saved_rows = n_rows;
	memcpy(saved_free, is_free, sizeof(is_free));
	for (int i = 0; i < n_blocks; i++)
		saved[i] = memcpy(malloc(PAGES_BLOCK), blocks[i], PAGES_BLOCK);
}

void
pages_restore(void)
{
	while (n_blocks > saved_n)
		free(blocks[--n_blocks]);
	while (n_rows > saved_rows)
		free(rows[--n_rows]);
	memcpy(is_free, saved_free, sizeof(is_free));
	for (int i = 0; i < n_blocks; i++)
		memcpy(blocks[i], saved[i], PAGES_BLOCK);
}
