/*
 * tree.h
 *	  The index: a tree of k-means clusters whose nodes are pages.
 *
 * Block 0 is the meta page, then come the pages of the origin (which vectors are rotated
 * around), then nodes in any order.  A node is a frame and entries with codes around it
 * (ann/code.h): children in an inner node, rows in a leaf.  README.md has the protocol.
 */
#ifndef DML_TREE_H
#define DML_TREE_H

#include "compat.h"

#include "access/generic_xlog.h"
#include "access/genam.h"
#include "access/tupmacs.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/itemptr.h"
#include "utils/rel.h"

#include "base/rng.h"
#include "ann/code.h"
#include "ann/rotate.h"
#include "ann/search.h"
#include "vector/vector.h"

#define TREE_MAGIC			0x444d4c01
#define TREE_VERSION		6
#define TREE_META_BLOCK		0
#define TREE_MAX_HEIGHT		16
#define TREE_LEAST_ROOM		4	/* entries that a page must be able to hold */

/* Heavyweight page locks (LockPage), by block; README.md, "Locks". */
#define TREE_STRUCTURE_LOCK	0	/* exclusive: whoever changes who is whose child */
#define TREE_RECYCLE_LOCK	1	/* exclusive: vacuum, and a split that takes a free page */
#define TREE_CALIBRATION_LOCK	2	/* exclusive: an insert that calibrates */

/* Support functions of the operator classes. */
#define TREE_METRIC_PROC	1	/* of the vector's column: the metric, an int4 */
#define TREE_COMPARE_PROC	2	/* of further columns: as btree's, -1, 0 or 1 */

/* Strategies of vectors' operators; those of further columns are btree's. */
#define TREE_DISTANCE_STRATEGY	1	/* to order by */
#define TREE_WITHIN_STRATEGY	2	/* in a ball */

/* Columns behind the vector's. */
#define TREE_MAX_COLUMNS	(INDEX_MAX_KEYS - 1)

typedef enum TreeMetric
{
	TREE_L2 = 1,
	TREE_COSINE = 2,			/* L2 of vectors scaled to length 1 */
	TREE_IP = 3					/* negative inner product; the tree is one of L2 */
} TreeMetric;

typedef enum TreePageKind
{
	TREE_META = 1,
	TREE_ORIGIN = 2,
	TREE_NODE = 3,				/* in use */
	TREE_GONE = 4				/* was split or emptied: forwards, until nobody can come by */
} TreePageKind;

/* At the end of every page. */
typedef struct TreeSpecial
{
	uint32		magic;
	uint32		birth;			/* which page of this block it is, from 1; a pointer has it too */
	uint16		kind;			/* TreePageKind */
	uint16		level;			/* of a node: 0 leaf */
	uint32		planting;		/* of a node: which tree of the index it belongs to (TreeMeta) */
} TreeSpecial;

/* What is needed to search for a recall, as calibration found it. */
#define TREE_TARGETS	7		/* tree_targets[] */
#define TREE_DEEP		1000

typedef struct TreeCalibration
{
	int64		leaves;			/* of the tree that was calibrated; 0: never */
	int32		probes[TREE_TARGETS];	/* leaves to visit for 10 rows */
	int32		exact[TREE_TARGETS];	/* rows to take exact distances of */
	int32		deep[TREE_TARGETS];	/* leaves to visit for TREE_DEEP rows */
	int32		proof_leaves;	/* an exact search for 10 rows: leaves to visit ... */
	int32		proof_rows;		/* ... and rows to measure; both 0: not known */
} TreeCalibration;

extern const double tree_targets[TREE_TARGETS];

typedef struct TreeMeta
{
	uint32		magic;
	uint32		version;
	uint64		space;			/* of the vectors; 0 plain */
	uint64		seed;			/* of the rotation */
	int32		dims;			/* 0: not known yet, there was no row */
	int32		metric;
	int16		leaf_bits;
	int16		inner_bits;
	int32		origin_blocks;	/* pages of the origin, from block 1; 0: the origin is zero */
	BlockNumber root;			/* InvalidBlockNumber: there was no row */
	uint32		root_birth;
	int32		root_level;
	int64		leaves;
	TreeCalibration calibration;

	/*
	 * A tree without a live row is given up for one of another space (replant.c).  Plantings count
	 * from 1.  Deleting transactions, as full transaction IDs, whose rows some snapshot could
	 * still see then: the oldest and the newest; 0: there was none.
	 */
	uint32		planting;
	uint32		leaving;		/* 1: it is being found out whether a row lives */
	uint64		gone_least;
	uint64		gone_most;

	/* what the places of everything on a page follow from */
	int16		leaf_room;		/* entries; 0 while dims is */
	int16		inner_room;
	int16		columns;		/* behind the vector */
	int16		column_bytes[TREE_MAX_COLUMNS];
	int32		exponent;		/* of the power of two that vectors are multiplied by */
} TreeMeta;

/* What regrouping remembers of the children of a node; README.md, "Regrouping". */
typedef struct TreeLook
{
	uint32		children;		/* a hash of who they are; 0: nobody has looked */
	uint32		changes;		/* the sum of their TreeNode.changes */
} TreeLook;

/* At the start of a node. */
typedef struct TreeNode
{
	float4		step;			/* of the frame */
	float4		radius;			/* every row below is within it of the frame's center */
	uint16		n;				/* entries, dead ones included */
	uint16		dead;
	uint32		changes;		/* entries that came or went since the node was made */
	BlockNumber forward[2];		/* TREE_GONE: where its entries went, or InvalidBlockNumber */
	union
	{
		uint32		forward_birth[2];	/* TREE_GONE */
		TreeLook	look;		/* TREE_NODE, inner: when regrouping looked at its children last */
	};
	uint64		gone_at;		/* TREE_GONE: the next transaction when it went */
} TreeNode;

/* Entries: what they point to. */
typedef struct TreeRow
{
	ItemPointerData tid;
	uint16		dead;			/* 1: free to be used again */
} TreeRow;

typedef struct TreeChild
{
	BlockNumber block;
	uint32		birth;
} TreeChild;

/* The places on a node of one level; all of them follow from width and bits. */
typedef struct TreeLayout
{
	int			width;
	int			bits;
	int			room;			/* entries */
	int			code_bytes;
	int			frame;			/* offsets on the page */
	int			ids;
	int			norm;
	int			scale;
	int			error;
	int			radius;			/* inner nodes: of each child; 0 in leaves */
	int			square;			/* for inner products: squared lengths; else 0 */
	int			codes;
} TreeLayout;

/*
 * A column behind the vector: its values lie in the leaves, column by column, with a bit for
 * each that is NULL, and the least and the largest of them.  On its way a row has its values
 * packed: a uint32 with a bit for each NULL, then all of them.
 */
typedef struct TreeColumn
{
	int16		bytes;			/* of a value with its alignment: from one to the next */
	int16		length;			/* of a value */
	bool		by_value;
	int			packed;			/* offset in a packed row */
	int			values;			/* offsets on a leaf; aligned for any type */
	int			nulls;
	int			range;			/* TreeRange, the least, the largest */
} TreeColumn;

typedef struct TreeColumns
{
	int			n;
	int			packed_bytes;	/* of a row; 0 without columns */
	TreeColumn	column[TREE_MAX_COLUMNS];
} TreeColumns;

/* What a leaf knows of a column without a look at the rows; rows that went may be counted still. */
typedef struct TreeRange
{
	uint8		has_values;		/* not NULL: then the least and the largest follow */
	uint8		has_nulls;
	uint8		unused[6];
} TreeRange;

/* What does not change while an index lives, and is kept with its relcache entry. */
typedef struct TreeShape
{
	int			dims;
	int			width;
	TreeMetric	metric;
	AnnRotation rotation;
	const float *origin;		/* dims, or NULL: zero */
	TreeLayout	leaf;
	TreeLayout	inner;
	TreeColumns columns;
	uint32		planting;		/* of the tree that this is the shape of */
	float		memory[FLEXIBLE_ARRAY_MEMBER];
} TreeShape;

/* A pointer to a node: the page of this block with this birth. */
typedef struct TreeStep
{
	BlockNumber block;
	uint32		birth;
} TreeStep;

/* An encoded entry on its way to a page. */
typedef struct TreeEntry
{
	CodeFactors factors;
	float		radius;			/* of a child */
	float		square;			/* of the length; where the layout has it */
	TreeChild	child;
	ItemPointerData tid;
	uint8_t    *code;
} TreeEntry;

/*
 * Memory for n floats, aligned so that loads of a vector register do not straddle cache lines; a
 * rotation takes a third less time. It goes with its context.
 */
#define tree_floats(n)	((float *) TYPEALIGN(64, palloc((Size) (n) * sizeof(float) + 64)))

/* ---------- handler.c, cost.c, validate.c ---------- */

/*
 * The recall that a search is to have: dml.recall if that is set, else the index's own; 1 is
 * exact.
 */
extern double tree_recall(Relation index);

extern void tree_cost(PlannerInfo *root, IndexPath *path, double loops, Cost *startup, Cost *total,
					  Selectivity *selectivity, double *correlation, double *index_pages);
extern bool tree_validate(Oid opclass);

/* ---------- columns.c ---------- */

/* The columns of an index; an error if they are not what an index can have. */
extern void tree_columns(Relation index, TreeColumns *columns);

/* A row's values, without the vector's, packed. */
extern void tree_columns_pack(const TreeColumns *columns, const Datum *values, const bool *isnull, char *packed);

/* Write a packed row at a place of a leaf, whose ranges take it in; read it back. */
extern void tree_columns_put(Relation index, Page page, const TreeColumns *columns, int slot, const char *packed);
extern void tree_columns_get(Page page, const TreeColumns *columns, int slot, char *packed);

#define tree_range(page, column)	((TreeRange *) ((char *) (page) + (column)->range))
#define tree_range_least(page, column)	((char *) (page) + (column)->range + sizeof(TreeRange))
#define tree_range_most(page, column)	(tree_range_least(page, column) + (column)->bytes)
#define tree_column_value(page, column, slot)	((char *) (page) + (column)->values + (slot) * (column)->bytes)
#define tree_column_datum(column, at)	fetch_att(at, (column)->by_value, (column)->length)
#define tree_column_isnull(page, column, slot) \
	((((const uint8 *) (page))[(column)->nulls + (slot) / 8] >> ((slot) % 8) & 1) != 0)

/* ---------- page.c ---------- */

/* Also where the columns of a leaf are; an inner node has none: NULL. */
extern void tree_layout(TreeLayout *layout, TreeMetric metric, int width, int bits, bool inner, TreeColumns *columns);

/* Bits for each dimension of the codes in leaves and in inner nodes. */
extern int	tree_leaf_bits(int dims);
extern int	tree_inner_bits(int dims);

extern void tree_page_init(Page page, TreePageKind kind, int level, uint32 birth);

#define tree_special(page)	((TreeSpecial *) PageGetSpecialPointer(page))
#define tree_node(page)		((TreeNode *) PageGetContents(page))
#define tree_rows(page, layout)	((TreeRow *) ((char *) (page) + (layout)->ids))
#define tree_children(page, layout)	((TreeChild *) ((char *) (page) + (layout)->ids))
#define tree_radii(page, layout)	((float4 *) ((char *) (page) + (layout)->radius))
#define tree_squares(page, layout)	((float4 *) ((char *) (page) + (layout)->square))
#define tree_frame(page, layout)	((uint8_t *) (page) + (layout)->frame)

#define tree_layout_of(shape, level)	((level) == 0 ? &(shape)->leaf : &(shape)->inner)

/* A page of the tree that may be trusted as far as memory goes, or ERRCODE_INDEX_CORRUPTED. */
extern void tree_check_page(Relation index, BlockNumber block, Page page);
extern void tree_check_node(Relation index, BlockNumber block, Page page, const TreeShape *shape);

/*
 * As tree_check_node(), of a page that a pointer names by its birth: a later birth may be of any
 * shape.
 */
extern void tree_check_reached(Relation index, BlockNumber block, Page page, const TreeShape *shape, uint32 birth);

/*
 * Is a locked page still the node in use that a pointer of its parent means? False if it was
 * split, emptied or reused since the pointer was read. Checks the page as tree_check_reached()
 * does.
 */
extern bool tree_is_still(Relation index, Page page, const TreeShape *shape, const TreeStep *step, int level);

/* Does a page belong to the tree that the shape is of?  The page passed tree_check_page(). */
#define tree_is_of(page, shape)	(tree_special(page)->planting == (shape)->planting)

/* TREE_META ... TREE_GONE, or 0: not a page of the tree. */
extern int	tree_page_kind(Page page);
extern void tree_corrupted(Relation index, BlockNumber block, const char *what) pg_attribute_noreturn();

/* The buffer of a block that a pointer names, which damage may have made none. */
extern Buffer tree_read_pointer(Relation index, BlockNumber block);

/* The node as src/ann reads it; points into the page. */
extern void tree_block(Page page, const TreeLayout *layout, AnnBlock *block);

/* Give an empty node its frame. */
extern bool tree_node_frame(Page page, const TreeLayout *layout, const float *center);
extern void tree_node_center(Page page, const TreeLayout *layout, float *center);

/*
 * Encode around a node's frame; scratch is width floats. Errors: a vector beyond floats' squares.
 */
extern void tree_encode(Page page, const TreeLayout *layout, const float *rotated, float *scratch,
						TreeEntry *entry);

/* Write an entry at a place, which is at most node->n; does not touch radius and counts. */
extern void tree_put(Page page, const TreeLayout *layout, int slot, const TreeEntry *entry, bool inner);

/* ---------- recent.c ---------- */

/*
 * The buffer of a block, not InvalidBlockNumber, of the index or its table; it was probably read
 * before.
 */
extern Buffer tree_read(Relation relation, BlockNumber block);

/*
 * Where a page that will be read soon probably is, or NULL. It is not pinned: what is read there
 * may be of any page, or half changed.
 */
extern const char *tree_recent(Relation relation, BlockNumber block);

/* A hint that some bytes of a page will be read soon. */
extern void tree_prefetch(const char *page, int from, int bytes);

/* ---------- node.c ---------- */

/*
 * The error of a code whose vector is not known exactly: its estimate is as good, its bound is
 * nothing.
 */
#define TREE_NOT_CERTAIN	CODE_NOT_CERTAIN

/* Roundings of a radius are taken up by this factor. */
#define TREE_RADIUS_ROUNDING	1.000001f

/* Vectors for nodes, in the order that order says. */
typedef struct TreeMembers
{
	const float *vectors;		/* rotated, width floats each */
	const void *ids;			/* TreeRow or TreeChild of each */
	const float *radii;			/* of children */
	const float *slack;			/* how far a vector may be from the true one; NULL: nowhere */
	const char *packed;			/* of rows: their columns, shape->columns.packed_bytes each */
} TreeMembers;

/* The page of a node of n members, order[0] to order[n - 1]: 1 to the layout's room. */
extern void tree_node_make(Relation index, Page page, const TreeShape *shape, int level, uint32 birth,
						   const TreeMembers *members, const int32_t *order, int n);

/* ---------- patch.c: a change whose places are known ---------- */

#define TREE_MOST_PATCHES	(7 + 3 * TREE_MAX_COLUMNS)	/* what an entry has on a leaf */

typedef struct TreePatch
{
	int			n;
	OffsetNumber at[TREE_MOST_PATCHES];
	OffsetNumber bytes[TREE_MOST_PATCHES];
} TreePatch;

/* Some bytes of a page's image will change; they do not overlap with others. */
extern void tree_patch_add(TreePatch *patch, Page image, const void *at, int bytes);

/* Make the image the page at these places, all of it that the change may look at. */
extern void tree_patch_begin(const TreePatch *patch, Page page, Page image);

/* Make the page, exclusively locked, what its image is at these places, by one WAL record. */
extern void tree_patch_finish(Relation index, Buffer buffer, Page image, const TreePatch *patch);

/* ---------- meta.c ---------- */

extern void tree_meta_read(Relation index, TreeMeta *meta);
extern void tree_meta_copy(Relation index, Page page, TreeMeta *meta);	/* of a locked page */

/* The index's shape, a copy in context; NULL while it has no row. */
extern const TreeShape *tree_shape(Relation index, const TreeMeta *meta, MemoryContext context);

/* The shape of an index that is not written yet. */
extern const TreeShape *tree_shape_new(Relation index, const TreeMeta *meta, const float *origin, MemoryContext context);

/* Make a page the meta page; write the meta page of an index that nobody else sees, unlogged. */
extern void tree_meta_page(Page page, const TreeMeta *meta);
extern void tree_meta_write(Relation index, const TreeMeta *meta);

/*
 * What a new index is to be: all of meta but the root; origin_blocks says how much origin it
 * needs.
 */
extern void tree_meta_init(TreeMeta *meta, Relation index, int dims, uint64 space, bool origin);
extern TreeMetric tree_metric(Relation index);

/* The distance that the metric's operator gives. */
extern DmlKernel tree_kernel(TreeMetric metric);

/* Blocks that an origin takes. */
extern int	tree_origin_blocks(int dims);
#define TREE_ORIGIN_FLOATS	((int) ((BLCKSZ - MAXALIGN(SizeOfPageHeaderData) - MAXALIGN(sizeof(TreeSpecial))) / sizeof(float4)))

/*
 * The vector as the tree has it (width floats): scaled to length 1 for cosine, then rotated
 * around the origin.  False for a zero vector under cosine, which has no direction.
 */
extern bool tree_rotate(const TreeShape *shape, const float *x, float *scratch, float *out);

/*
 * The exponent of the power of two that brings vectors of some length into the middle of the
 * range whose squares a float holds: 0, or more for vectors of less than 1e-9.  At most `most`.
 */
#define TREE_MOST_EXPONENT	127
#define TREE_FIRST_EXPONENT	52	/* of an index that knows one row; has room for length 1000 */

extern int	tree_exponent(double length, int most);

/* Is the vector, of a row or a query, one of this index?  An error that says what is wrong. */
extern void tree_check_vector(Relation index, const TreeMeta *meta, const DmlVector *vector, bool query);

/* ---------- toast.c: values out of line ---------- */

typedef struct TreeToast TreeToast;

/* PG_DETOAST_DATUM() that leaves the TOAST table open, in *toast (first NULL), made in context. */
extern struct varlena *tree_detoast(TreeToast **toast, MemoryContext context, Datum value);
extern void tree_toast_close(TreeToast *toast);

/* ---------- fetch.c: vectors from the table ---------- */

typedef struct TreeFetch TreeFetch;

extern TreeFetch *tree_fetch_begin(Relation heap, Relation index);

/*
 * The indexed vector of a row that the snapshot sees, good until the next call; NULL: it does
 * not see it, or its value is NULL.
 */
extern const DmlVector *tree_fetch(TreeFetch *fetch, const ItemPointerData *tid, Snapshot snapshot);
extern void tree_fetch_end(TreeFetch *fetch);

/*
 * Who deleted rows that are gone for good, but may be seen still: the oldest and the newest
 * transaction; 0: nobody.
 */
typedef struct TreeGone
{
	TransactionId horizon;		/* what transactions before it deleted no snapshot sees */
	uint64		next;			/* transaction when the first row was looked at; 0: none was */
	uint64		least;
	uint64		most;
} TreeGone;

/*
 * Is a row gone for good, in all its versions that the index leads to: rolled back, or deleted by
 * a transaction that has committed? What our own transaction deletes may come back. *gone begins
 * with zeros.
 */
extern bool tree_fetch_gone(TreeFetch *fetch, const ItemPointerData *tid, TreeGone *gone);

/*
 * Hints for rows that will be fetched after the next one: first for its page, then for the row in
 * it.
 */
extern void tree_fetch_expect_page(const TreeFetch *fetch, const ItemPointerData *tid);
extern void tree_fetch_expect_row(const TreeFetch *fetch, const ItemPointerData *tid);

/* ---------- build.c ---------- */

extern IndexBuildResult *tree_build(Relation heap, Relation index, IndexInfo *info);
extern void tree_build_empty(Relation index);
extern char *tree_phase_name(int64 phase);

/* ---------- calibrate.c ---------- */

/* What a search for `wanted` rows is to do. */
typedef struct TreeEffort
{
	int64		probes;			/* leaves to visit */
	int			survivors;		/* rows to keep by their estimates ... */
	int			exact;			/* ... and to measure, at most */
} TreeEffort;

extern void tree_effort(const TreeMeta *meta, const TreeShape *shape, double recall, int wanted,
						TreeEffort *effort);

/* How many standard deviations too high an estimate may be that is still waited for. */
extern float tree_deviations(double recall);

/*
 * Is a row one of calibration's questions? Such a row does not count for the centers
 * of clusters, so to them it is like a question from outside the table. One row in
 * TREE_QUESTION_SHARE is.
 */
#define TREE_QUESTION_SHARE	8

extern bool tree_is_question(const ItemPointerData *tid);

/*
 * A question: one of the rows that tree_is_question() names, each as likely as any other. False:
 * none was met.
 */
extern bool tree_draw_question(Relation index, const TreeShape *shape, BlockNumber blocks, Rng *rng,
							   ItemPointer tid);

/* Fill meta->calibration from searches for rows of the index itself. */
extern void tree_calibrate(Relation index, Relation heap, TreeMeta *meta);

/* ---------- insert.c, split.c ---------- */

/* A way from the root to a leaf. */
typedef struct TreePath
{
	int			n;				/* from the root, step[0], to the leaf, step[n - 1] */
	TreeStep	step[TREE_MAX_HEIGHT];
} TreePath;

extern bool tree_insert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
						IndexUniqueCheck unique,
#if PG_VERSION_NUM >= 140000
						bool unchanged,
#endif
						IndexInfo *info);

/* A page for a node, exclusively locked; tree_new_page_done() lets it go. */
typedef struct TreeNewPage
{
	Buffer		buffer;
	uint32		birth;
	bool		recycling;		/* the recycle lock is held */
} TreeNewPage;

extern void tree_new_page(Relation index, TreeNewPage *page);
extern void tree_new_page_done(Relation index, TreeNewPage *page);

/* Make room where the path ends.  The caller holds no lock, and finds its way again afterwards. */
extern void tree_split(Relation index, Relation heap, const TreeShape *shape, const TreePath *path);

/* See to it that every node of the path covers the vector.  The caller holds no lock. */
extern void tree_widen(Relation index, const TreeShape *shape, const TreePath *path, const float *rotated);

/*
 * Pieces of the above, for regroup.c; the caller of all but the first three holds the structure
 * lock.
 *
 * A copy of a node if it is in use and what the step says; else NULL.
 */
extern Page tree_copy_node(Relation index, const TreeShape *shape, const TreeStep *step, int level);

/* The entry of a child in its parent; -1: it is not there. */
extern int	tree_find_child(Page parent, const TreeShape *shape, const TreeStep *child);

/*
 * The rows of a leaf with their vectors, or what the codes know of them and how far that may be
 * off.
 */
extern int	tree_gather_rows(Relation index, Relation heap, const TreeShape *shape, Page page, float *vectors,
							 TreeRow *ids, float *slack, char *packed);

/* The children of an inner node with their centers and radii. */
extern int	tree_gather_children(Relation index, const TreeShape *shape, Page page, float *vectors, TreeChild *ids,
								 float *radii);

/* Copies of the nodes of a path (room for TREE_MAX_HEIGHT); false: it is none any more. */
extern bool tree_copy_path(Relation index, const TreeShape *shape, const TreePath *path, Page *pages);

/* Widen the last node of a path to `reach`, and the nodes above it so that they cover it. */
extern void tree_widen_path(Relation index, const TreeShape *shape, const TreePath *path, Page *pages, float reach);

/* The entry of a new child in its parent's frame; the entry's place is given to another. */
extern void tree_encode_child(Page parent, const TreeShape *shape, Page child, BlockNumber block, TreeEntry *entry);
extern void tree_remove_child(Page parent, const TreeShape *shape, int j);

/* Add to the number of leaves on the meta page; fills meta in. */
extern void tree_count_leaves(Relation index, int64 more, TreeMeta *meta);

/* Calibrate an index that others use. */
extern void tree_calibrate_again(Relation index, Relation heap);

/* ---------- replant.c: another tree for an index without a live row ---------- */

/* May vectors of this kind be put into the tree? */
extern bool tree_fits(const TreeMeta *meta, const DmlVector *vector);

/*
 * Write an empty tree for vectors like this one, as the index's root. The caller holds the
 * structure lock; *meta is the meta page, and is changed with it.
 */
extern void tree_plant(Relation index, TreeMeta *meta, const DmlVector *vector);

/* Give up the tree for one that the vector fits, if no row of it lives.  False: one may live. */
extern bool tree_give_up(Relation index, Relation heap, const DmlVector *vector);

/* Is the tree of this planting, into which a row was put, the index's tree still? */
extern bool tree_is_kept(Relation index, uint32 planting);

/* Does a snapshot see a row of the index? */
extern bool tree_any_visible(Relation index, Relation heap, const TreeMeta *meta, Snapshot snapshot);

/* Can a snapshot see rows that were in a tree that was given up? */
extern bool tree_misses_rows(const TreeMeta *meta, Snapshot snapshot);

/* ---------- regroup.c ---------- */

/* Divide anew, below each parent, what inserts and deletes have left badly divided. */
extern void tree_regroup(Relation index, int message_level);

/* A hash of the pointers to an inner node's children, not 0. */
extern uint32 tree_children_hash(Page page, const TreeShape *shape);

/* ---------- leaked.c: nodes that nothing leads to ---------- */

/* What a pass over the blocks met. */
typedef struct TreeCensus
{
	BlockNumber blocks;			/* that the index had when it began */
	bits8	   *used;			/* a bit a block: a node in use */
	int64		nodes[TREE_MAX_HEIGHT]; /* in use, by level */
	int64		children[TREE_MAX_HEIGHT];	/* of the nodes of the level above */
} TreeCensus;

extern void tree_census_begin(TreeCensus *census, Relation index);

/* A node in use that the pass has met. */
extern void tree_census_node(TreeCensus *census, BlockNumber block, Page page);

/* The nodes that nothing leads to are gone: how many, and the rows that they had. */
extern int64 tree_census_end(TreeCensus *census, Relation index, const TreeShape *shape, double *rows);

/* ---------- scan.c ---------- */

extern IndexScanDesc tree_begin_scan(Relation index, int nkeys, int norderbys);
extern void tree_rescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys);
extern bool tree_next(IndexScanDesc scan, ScanDirection direction);
extern void tree_end_scan(IndexScanDesc scan);

/* ---------- vacuum.c ---------- */

extern IndexBulkDeleteResult *tree_bulk_delete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
											   IndexBulkDeleteCallback callback, void *state);
/* Is a page gone and free to be used for another node? */
extern bool tree_page_is_free(Relation index, Page page);
extern IndexBulkDeleteResult *tree_vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats);

#endif							/* DML_TREE_H */
