/*
 * regroup.c
 *	  VACUUM's work on an index that has drifted from a new build: it divides badly placed
 *	  entries anew, and calibrates if the tree has changed.
 *
 * Splits alone leave rows in leaves that were the nearest when there were no nearer ones, and
 * nodes below such parents. Deletes leave leaves nearly empty. Both show in codes and centers,
 * without the table. Regrouping goes from the root down, a parent at a time.
 *
 * New nodes are written where nothing leads to them. Then, with the old nodes locked and found
 * unchanged, one record changes the parent, and the old nodes become gone. They forward nowhere:
 * a search that meets one, with a snapshot from before, reads what it held.
 */
#include "compat.h"

#include <math.h>

#include "access/table.h"
#include "catalog/index.h"
#include "commands/vacuum.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "postmaster/autovacuum.h"
#include "storage/lmgr.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "ann/distance.h"
#include "ann/kmeans.h"
#include "model/model.h"
#include "tree.h"

#define MOST_NODES		96		/* of one parent at a time; their page locks are held together */
#define PROBES			8		/* entries of a node that are looked at */
#define ROUNDS			3		/* at most: better parents make better leaves, and vice versa */

/*
 * Shares of entries nearer to another node from which on a division is tried. A build leaves 0.08
 * and 0.04.
 */
#define MISPLACED_ROWS	0.11
#define MISPLACED_NODES	0.06
#define LEAST_FILL		0.45	/* or where less of the nodes' room is filled */

/* It is done where no more is left of the squared distances to the nodes' centers ... */
#define WORTH_ROWS		0.93
#define WORTH_NODES		0.975
#define WORTH_PAGES		0.75	/* ... or of the nodes, if they were not filled */
/* Nothing is looked at again before this share of the entries came or went. */
#define CHANGED_SHARE	0.0625

#define WORTH_CALIBRATING 0.25	/* leaves more or less than when it was done last, of these */

typedef struct Regroup
{
	Relation	index;
	Relation	heap;
	const TreeShape *shape;
	LearnEnv   *env;
	Rng			rng;
	MemoryContext context;		/* of a parent */
	int64		visited;		/* parents ... */
	int64		looked;			/* ... whose children were looked at ... */
	int64		regrouped;		/* ... and divided anew */
} Regroup;

/* Nodes of one parent, and how many entries they have. */
typedef struct Family
{
	int			level;
	int			n;				/* nodes */
	TreeStep	step[MOST_NODES];
	Page		page[MOST_NODES];	/* copies */
	float	   *centers;
	int			entries;
} Family;

/*
 * The children of a parent, or as many of them as can be regrouped at once: those nearest to the
 * first.
 */
static void
find_family(Regroup *regroup, Page parent, Family *family)
{
	const TreeShape *shape = regroup->shape;
	const TreeLayout *layout;
	const TreeChild *children = tree_children(parent, &shape->inner);
	int			n = tree_node(parent)->n;
	int		   *order = palloc(n * sizeof(int));
	double	   *distance = palloc(n * sizeof(double));
	Page	   *pages = palloc(n * sizeof(Page));
	float	   *centers = palloc(mul_size(n, shape->width * sizeof(float)));

	family->level = tree_special(parent)->level - 1;
	layout = tree_layout_of(shape, family->level);
	for (int j = 0; j < n; j++)
	{
		TreeStep	step = {children[j].block, children[j].birth};

		/* a page that is locked twice would wait for itself */
		for (int i = 0; i < j; i++)
			if (children[i].block == step.block)
				tree_corrupted(regroup->index, step.block, "Its parent has it twice.");
		pages[j] = tree_copy_node(regroup->index, shape, &step, family->level);
		if (pages[j] == NULL)
			tree_corrupted(regroup->index, step.block, "It is not the child that its parent says.");
		tree_node_center(pages[j], layout, centers + (Size) j * shape->width);
		distance[j] = distance_l2_squared(centers, centers + (Size) j * shape->width, shape->width);
	}
	family->n = 0;
	family->entries = 0;
	family->centers = palloc(mul_size(Min(n, MOST_NODES), shape->width * sizeof(float)));
	for (int j = 0; j < n; j++)
	{
		int			at = j;

		for (; at > 0 && distance[order[at - 1]] > distance[j]; at--)
			order[at] = order[at - 1];
		order[at] = j;
	}
	for (int i = 0; i < n && family->n < MOST_NODES; i++)
	{
		int			j = order[i];

		family->step[family->n] = (TreeStep) {children[j].block, children[j].birth};
		family->page[family->n] = pages[j];
		memcpy(family->centers + (Size) family->n * shape->width, centers + (Size) j * shape->width,
			   shape->width * sizeof(float));
		family->entries += tree_node(pages[j])->n - tree_node(pages[j])->dead;
		family->n++;
	}
}

/*
 * Of a few entries of each node, as their codes know them, the share that is nearer to another of
 * the nodes.
 */
static double
misplaced(Regroup *regroup, const Family *family)
{
	const TreeShape *shape = regroup->shape;
	const TreeLayout *layout = tree_layout_of(shape, family->level);
	float	   *x = palloc(shape->width * sizeof(float));
	int			seen = 0;
	int			wrong = 0;

	for (int i = 0; i < family->n; i++)
	{
		Page		page = family->page[i];
		const float *own = family->centers + (Size) i * shape->width;
		AnnBlock	block;
		int			stride;

		tree_block(page, layout, &block);
		stride = Max(block.n / PROBES, 1);
		for (int j = stride / 2; j < block.n; j += stride)
		{
			double		mine;
			bool		nearer = false;

			if (family->level == 0 && tree_rows(page, layout)[j].dead)
				continue;
			code_decode(block.codes + (size_t) j * block.stride, layout->bits, shape->width, block.scale[j], x);
			for (int e = 0; e < shape->width; e++)
				x[e] += own[e];
			mine = distance_l2_squared(x, own, shape->width);
			for (int other = 0; other < family->n && !nearer; other++)
				nearer = distance_l2_squared(x, family->centers + (Size) other * shape->width, shape->width) < mine;
			seen++;
			wrong += nearer;
		}
	}
	return seen > 0 ? (double) wrong / seen : 0;
}

/* The sum of squared distances of rows to centers: the mean of a part, or given. */
static double
squares(const Regroup *regroup, const float *vectors, const int32_t *order, int n, const float *center)
{
	int			width = regroup->shape->width;
	float	   *mean = NULL;
	double		sum = 0;

	if (center == NULL)
	{
		center = mean = palloc0(width * sizeof(float));
		for (int i = 0; i < n; i++)
			for (int e = 0; e < width; e++)
				mean[e] += vectors[(Size) order[i] * width + e] / (float) n;
	}
	for (int i = 0; i < n; i++)
		sum += distance_l2_squared(vectors + (Size) order[i] * width, center, width);
	if (mean != NULL)
		pfree(mean);
	return sum;
}

/*
 * Mark pages as gone, four to a record, after a record that changes their parent (NULL: none).
 * The caller holds their locks. All memory is allocated before the first record: an error between
 * two records would release the locks, and rows could come into nodes that nothing leads to.
 */
static void
mark_gone(Regroup *regroup, GenericXLogState *before, const Buffer *buffers, int n)
{
	uint64		now = U64FromFullTransactionId(ReadNextFullTransactionId());
	GenericXLogState *states[(MOST_NODES + MAX_GENERIC_XLOG_PAGES - 1) / MAX_GENERIC_XLOG_PAGES];
	int			n_states = 0;

	for (int i = 0; i < n; i += MAX_GENERIC_XLOG_PAGES)
	{
		states[n_states] = GenericXLogStart(regroup->index);
		for (int j = i; j < Min(n, i + MAX_GENERIC_XLOG_PAGES); j++)
		{
			Page		page = GenericXLogRegisterBuffer(states[n_states], buffers[j], 0);

			tree_special(page)->kind = TREE_GONE;
			tree_node(page)->gone_at = now;
		}
		n_states++;
	}
	if (before != NULL)
		GenericXLogFinish(before);
	for (int i = 0; i < n_states; i++)
		GenericXLogFinish(states[i]);
}

/* Lock the pages of steps for writing; buffers gets them. */
static void
lock_pages(Regroup *regroup, const TreeStep *step, int n, Buffer *buffers)
{
	for (int i = 0; i < n; i++)
	{
		buffers[i] = ReadBuffer(regroup->index, step[i].block);
		LockBuffer(buffers[i], BUFFER_LOCK_EXCLUSIVE);
	}
}

static void
unlock_pages(const Buffer *buffers, int n)
{
	for (int i = 0; i < n; i++)
		UnlockReleaseBuffer(buffers[i]);
}

/*
 * In a parent the new nodes take the place of the family. False: one of the old ones has changed.
 */
static bool
replace_family(Regroup *regroup, const TreeStep *parent_step, const Family *family, const TreeStep *fresh,
			   PGAlignedBlock *images, int parts)
{
	const TreeShape *shape = regroup->shape;
	Buffer		buffers[MOST_NODES];
	Buffer		parent_buffer;
	GenericXLogState *state;
	Page		parent;

	lock_pages(regroup, family->step, family->n, buffers);
	for (int i = 0; i < family->n; i++)
		if (memcmp(BufferGetPage(buffers[i]), family->page[i], BLCKSZ) != 0)
		{
			unlock_pages(buffers, family->n);
			return false;
		}
	parent_buffer = ReadBuffer(regroup->index, parent_step->block);
	LockBuffer(parent_buffer, BUFFER_LOCK_EXCLUSIVE);
	state = GenericXLogStart(regroup->index);
	parent = GenericXLogRegisterBuffer(state, parent_buffer, 0);
	for (int i = 0; i < family->n; i++)
		tree_remove_child(parent, shape, tree_find_child(parent, shape, &family->step[i]));
	for (int i = 0; i < parts; i++)
	{
		TreeEntry	entry;

		tree_encode_child(parent, shape, images[i].data, fresh[i].block, &entry);
		tree_put(parent, &shape->inner, tree_node(parent)->n++, &entry, true);
		tree_node(parent)->changes++;
	}
	mark_gone(regroup, state, buffers, family->n);
	UnlockReleaseBuffer(parent_buffer);
	unlock_pages(buffers, family->n);
	return true;
}

/* What the nodes of a family hold, and how it is divided into new nodes. */
typedef struct Division
{
	float	   *vectors;		/* of each entry */
	TreeRow    *ids;			/* TreeRow or TreeChild of each entry */
	float	   *reach;			/* of rows the slack, of nodes the radius */
	char	   *packed;			/* of rows: their columns */
	int32_t    *order;			/* the entries, part by part */
	int64_t    *first;			/* where each part begins in order */
	int64_t		parts;
	double		before;			/* sum of squared distances to the centers of the old nodes ... */
	double		after;			/* ... and of the new ones */
} Division;

/* Read what the nodes of a family hold, and divide it by k-means.  Needs no lock. */
static void
plan_division(Regroup *regroup, const Family *family, Division *division)
{
	const TreeShape *shape = regroup->shape;
	int			width = shape->width;
	int			packed_bytes = shape->columns.packed_bytes;
	ArenaMark	mark = arena_mark(regroup->env->arena);
	LearnStatus status = kmeans_load(regroup->env);
	int			n = 0;

	division->vectors = MemoryContextAllocHuge(regroup->context, mul_size(family->entries, width * sizeof(float)) + 1);
	division->ids = palloc(family->entries * sizeof(TreeRow) + 1);
	division->reach = palloc(family->entries * sizeof(float) + 1);
	division->packed = palloc(mul_size(family->entries, packed_bytes) + 1);
	division->order = palloc(family->entries * sizeof(int32_t) + 1);
	division->first = palloc((family->entries + 1) * sizeof(int64_t));
	for (int i = 0; i < family->n; i++)
	{
		float	   *to = division->vectors + (Size) n * width;
		int			m = family->level == 0 ?
			tree_gather_rows(regroup->index, regroup->heap, shape, family->page[i], to, division->ids + n,
							 division->reach + n, division->packed + (Size) n * packed_bytes) :
			tree_gather_children(regroup->index, shape, family->page[i], to, (TreeChild *) division->ids + n,
								 division->reach + n);

		for (int j = n; j < n + m; j++)
			division->order[j] = j;
		division->before += squares(regroup, division->vectors, division->order + n, m,
									family->centers + (Size) i * width);
		n += m;
	}
	if (status == LEARN_OK)
		status = kmeans_divide(regroup->env, division->vectors, width, division->order, n,
							   tree_layout_of(shape, family->level)->room, &regroup->rng, division->first,
							   &division->parts);
	if (status != LEARN_OK)
		dml_learn_error(regroup->env, status);
	for (int p = 0; p < division->parts; p++)
		division->after += squares(regroup, division->vectors, division->order + division->first[p],
								   (int) (division->first[p + 1] - division->first[p]), NULL);
	arena_reset(regroup->env->arena, mark);
}

/*
 * Does a division have room in the parent, and is it enough of a gain? sparse: fewer nodes are a
 * gain, too.
 */
static bool
is_worth_it(const TreeShape *shape, Page parent, const Family *family, const Division *division, bool sparse)
{
	double		worth = family->level == 0 ? WORTH_ROWS : WORTH_NODES;

	if (division->parts == 0 || tree_node(parent)->n - family->n + division->parts > shape->inner.room)
		return false;
	return division->after <= worth * division->before ||
		(sparse && division->parts <= WORTH_PAGES * family->n);
}

/*
 * Write the new nodes of a division, one record each, where nothing leads to yet: images gets
 * their pages, fresh their places. Returns the radius that the parent needs to cover them.
 */
static float
write_parts(Regroup *regroup, Page parent, int level, const Division *division, PGAlignedBlock *images, TreeStep *fresh)
{
	const TreeShape *shape = regroup->shape;
	int			width = shape->width;
	float	   *centers = palloc(2 * width * sizeof(float));
	TreeMembers members = {.vectors = division->vectors, .ids = division->ids, .radii = division->reach,
		.slack = level == 0 ? division->reach : NULL, .packed = division->packed};
	float		need = 0;

	tree_node_center(parent, &shape->inner, centers);
	for (int p = 0; p < division->parts; p++)
	{
		TreeNewPage page;
		GenericXLogState *state;

		tree_node_make(regroup->index, images[p].data, shape, level, 0, &members, division->order + division->first[p],
					   (int) (division->first[p + 1] - division->first[p]));
		tree_node_center(images[p].data, tree_layout_of(shape, level), centers + width);
		need = fmaxf(need, (float) ((distance_l2(centers, centers + width, width) + tree_node(images[p].data)->radius) *
									TREE_RADIUS_ROUNDING));
		tree_new_page(regroup->index, &page);
		fresh[p] = (TreeStep) {BufferGetBlockNumber(page.buffer), page.birth};
		tree_special(images[p].data)->birth = page.birth;
		state = GenericXLogStart(regroup->index);
		memcpy(GenericXLogRegisterBuffer(state, page.buffer, GENERIC_XLOG_FULL_IMAGE), images[p].data, BLCKSZ);
		GenericXLogFinish(state);
		tree_new_page_done(regroup->index, &page);
	}
	return need;
}

/*
 * Divide the entries of a family anew, if that makes it better. The caller holds the structure
 * lock. For leaves the lock is released while rows are read and divided: that takes seconds if
 * the table is on disk, and an insert that waits so long cancels autovacuum.
 */
static void
divide_family(Regroup *regroup, const TreePath *path, Page *pages, const Family *family, bool sparse)
{
	const TreeShape *shape = regroup->shape;
	Relation	index = regroup->index;
	Page		parent;
	Division	division = {0};
	PGAlignedBlock *images;
	TreeStep   *fresh;
	float		need;

	/* the vectors, and a copy in the division */
	if (mul_size(family->entries, shape->width * sizeof(float)) > (Size) dml_vacuum_work_mem() * 1024 / 2)
		return;
	if (family->level == 0)
		UnlockPage(index, TREE_STRUCTURE_LOCK, ExclusiveLock);
	plan_division(regroup, family, &division);
	if (family->level == 0)
	{
		LockPage(index, TREE_STRUCTURE_LOCK, ExclusiveLock);
		if (!tree_copy_path(index, shape, path, pages))
			return;
		for (int i = 0; i < family->n; i++)
			if (tree_find_child(pages[path->n - 1], shape, &family->step[i]) < 0)
				return;
	}
	parent = pages[path->n - 1];
	if (!is_worth_it(shape, parent, family, &division, sparse))
		return;

	images = palloc(mul_size(division.parts, sizeof(PGAlignedBlock)));
	fresh = palloc(division.parts * sizeof(TreeStep));
	need = write_parts(regroup, parent, family->level, &division, images, fresh);
	if (need > tree_node(parent)->radius)
		tree_widen_path(index, shape, path, pages, need);
	if (replace_family(regroup, &path->step[path->n - 1], family, fresh, images, (int) division.parts))
	{
		TreeMeta	meta;

		if (family->level == 0)
			tree_count_leaves(index, division.parts - family->n, &meta);
		regroup->regrouped++;
	}
	else
		for (int p = 0; p < division.parts; p++)
		{
			Buffer		buffer;

			lock_pages(regroup, &fresh[p], 1, &buffer);
			mark_gone(regroup, NULL, &buffer, 1);
			unlock_pages(&buffer, 1);
		}
}

uint32
tree_children_hash(Page page, const TreeShape *shape)
{
	return hash_bytes((const unsigned char *) tree_children(page, &shape->inner),
					  tree_node(page)->n * (int) sizeof(TreeChild)) | 1;
}

/* What there is to remember of a parent's children, and how many entries they have. */
static TreeLook
look_at(Regroup *regroup, Page parent, int64 *entries)
{
	const TreeShape *shape = regroup->shape;
	const TreeChild *children = tree_children(parent, &shape->inner);
	TreeLook	look = {.children = tree_children_hash(parent, shape)};

	*entries = 0;
	for (int j = 0; j < tree_node(parent)->n; j++)
	{
		Buffer		buffer = tree_read_pointer(regroup->index, children[j].block);
		Page		page = BufferGetPage(buffer);

		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		tree_check_reached(regroup->index, children[j].block, page, shape, children[j].birth);
		look.changes += tree_node(page)->changes;
		*entries += tree_node(page)->n - tree_node(page)->dead;
		UnlockReleaseBuffer(buffer);
	}
	return look;
}

/*
 * Write down what a parent's children were when they were looked at. The caller holds the
 * structure lock.
 */
static void
remember_look(Regroup *regroup, const TreeStep *step, int level, const TreeLook *look)
{
	Buffer		buffer = ReadBuffer(regroup->index, step->block);
	Page		page = BufferGetPage(buffer);
	PGAlignedBlock image;		/* of the page, where it changes */
	TreePatch	patch = {0};

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	if (tree_is_still(regroup->index, page, regroup->shape, step, level))
	{
		tree_node(image.data)->look = *look;
		tree_patch_add(&patch, image.data, &tree_node(image.data)->look, sizeof(TreeLook));
		tree_patch_finish(regroup->index, buffer, image.data, &patch);
	}
	UnlockReleaseBuffer(buffer);
}

/* A parent: if what its children have is not where it should be, it is divided anew. */
static void
regroup_parent(Regroup *regroup, const TreePath *path)
{
	Page		pages[TREE_MAX_HEIGHT];
	MemoryContext old = MemoryContextSwitchTo(regroup->context);

	regroup->visited++;
	LockPage(regroup->index, TREE_STRUCTURE_LOCK, ExclusiveLock);
	if (tree_copy_path(regroup->index, regroup->shape, path, pages) && tree_node(pages[path->n - 1])->n > 1)
	{
		const TreeStep *step = &path->step[path->n - 1];
		Page		parent = pages[path->n - 1];
		int64		regrouped = regroup->regrouped;
		int64		entries;
		TreeLook	look = look_at(regroup, parent, &entries);
		Family		family;
		bool		sparse;

		if (look.children == tree_node(parent)->look.children &&
			look.changes - tree_node(parent)->look.changes <= CHANGED_SHARE * entries)
		{
			UnlockPage(regroup->index, TREE_STRUCTURE_LOCK, ExclusiveLock);
			MemoryContextSwitchTo(old);
			MemoryContextReset(regroup->context);
			return;
		}
		regroup->looked++;
		find_family(regroup, parent, &family);
		sparse = family.entries < LEAST_FILL * family.n * tree_layout_of(regroup->shape, family.level)->room;
		if (family.n > 1 && family.entries > 0 && (sparse || misplaced(regroup, &family) > (family.level == 0 ? MISPLACED_ROWS : MISPLACED_NODES)))
			divide_family(regroup, path, pages, &family, sparse);

		/* the parent may have been split while the structure lock was let go */
		parent = tree_copy_node(regroup->index, regroup->shape, step, family.level + 1);
		if (parent != NULL && regroup->regrouped > regrouped)
			look = look_at(regroup, parent, &entries);
		if (parent != NULL)
			remember_look(regroup, step, family.level + 1, &look);
	}
	UnlockPage(regroup->index, TREE_STRUCTURE_LOCK, ExclusiveLock);
	MemoryContextSwitchTo(old);
	MemoryContextReset(regroup->context);
}

/* The node at the end of a path, and those below it. */
static void
visit(Regroup *regroup, TreePath *path, int level)
{
	Page		page;

	dml_vacuum_delay_point();
	regroup_parent(regroup, path);
	if (level == 1)
		return;
	page = tree_copy_node(regroup->index, regroup->shape, &path->step[path->n - 1], level);
	if (page == NULL)
		return;
	path->n++;
	for (int j = 0; j < tree_node(page)->n; j++)
	{
		TreeChild	child = tree_children(page, &regroup->shape->inner)[j];

		path->step[path->n - 1] = (TreeStep) {child.block, child.birth};
		visit(regroup, path, level - 1);
	}
	path->n--;
	pfree(page);
}

void
tree_regroup(Relation index, int message_level)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "dml index regrouping", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Regroup		regroup = {.index = index};
	TreePath	path = {.n = 1};
	bool		pushed = !ActiveSnapshotSet();
	TreeMeta	meta;

	tree_meta_read(index, &meta);
	if (meta.root == InvalidBlockNumber || meta.root_level == 0)
	{
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
		return;
	}
	if (pushed)
		PushActiveSnapshot(GetTransactionSnapshot());
	regroup.heap = table_open(IndexGetRelation(RelationGetRelid(index), false), AccessShareLock);
	regroup.shape = tree_shape(index, &meta, context);
	regroup.env = dml_learn_env(0);
	regroup.context = AllocSetContextCreate(context, "dml index family", ALLOCSET_DEFAULT_SIZES);
	rng_seed(&regroup.rng, meta.seed, 3);
	for (int round = 0; round < ROUNDS; round++)
	{
		int64		before = regroup.regrouped;

		regroup.visited = 0;
		tree_meta_read(index, &meta);
		if (meta.planting != regroup.shape->planting)
			break;
		path.step[0] = (TreeStep) {meta.root, meta.root_birth};
		visit(&regroup, &path, meta.root_level);
		if (regroup.regrouped - before <= regroup.visited / 4)
			break;
	}

	ereport(message_level,
			(errmsg("index \"%s\": looked below " INT64_FORMAT " nodes, and divided anew below " INT64_FORMAT,
					RelationGetRelationName(index), regroup.looked, regroup.regrouped)));

	tree_meta_read(index, &meta);
	if (meta.calibration.leaves > 0 &&
		(regroup.regrouped > 0 || llabs(meta.leaves - meta.calibration.leaves) > WORTH_CALIBRATING * meta.calibration.leaves))
		tree_calibrate_again(index, regroup.heap);
	table_close(regroup.heap, AccessShareLock);
	if (pushed)
		PopActiveSnapshot();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
