/*
 * build_write.c
 *	  Pages of the sorted rows: leaves cluster by cluster, and the nodes above them as soon as
 *	  enough nodes wait for a parent.
 *
 * So the nodes that wait never take more memory than their share.
 */
#include "compat.h"

#include "commands/progress.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "build.h"

static void make_parents(Build *build, int level);

/* A node that was written, on the list of those without a parent. */
static void
remember_node(Build *build, Page page, BlockNumber block, int level)
{
	BuildLevel *at = &build->level[level];
	Size		bytes = build->shape->width * sizeof(float);

	if (at->n == at->room)
	{
		int64		most = Max((int64) (build_bytes(BUILD_LEVEL_SHARE) / bytes), 4 * build->shape->inner.room);

		if (at->room >= most)
			make_parents(build, level);
		else
		{
			bool		first = at->room == 0;

			at->room = Min(most, first ? 4 * build->shape->inner.room : 2 * at->room);
			at->centers = first ? MemoryContextAllocHuge(build->memory, mul_size(at->room, bytes))
				: repalloc_huge(at->centers, mul_size(at->room, bytes));
			at->radii = first ? MemoryContextAllocHuge(build->memory, mul_size(at->room, sizeof(float)))
				: repalloc_huge(at->radii, mul_size(at->room, sizeof(float)));
			at->children = first ? MemoryContextAllocHuge(build->memory, mul_size(at->room, sizeof(TreeChild)))
				: repalloc_huge(at->children, mul_size(at->room, sizeof(TreeChild)));
		}
	}
	tree_node_center(page, tree_layout_of(build->shape, level), at->centers + at->n * build->shape->width);
	at->radii[at->n] = tree_node(page)->radius;
	at->children[at->n].block = block;
	at->children[at->n].birth = tree_special(page)->birth;
	at->n++;
	at->written++;
}

/* Nodes of one level over n members. */
static void
write_nodes(Build *build, int level, const TreeMembers *members, int64 n)
{
	const TreeLayout *layout = tree_layout_of(build->shape, level);
	PGAlignedBlock block;
	int32_t    *order = MemoryContextAllocHuge(build->memory, mul_size(n, sizeof(int32_t)));
	int64_t    *first = MemoryContextAllocHuge(build->memory, mul_size(n + 1, sizeof(int64_t)));
	int64_t		parts;

	for (int64 i = 0; i < n; i++)
		order[i] = (int32_t) i;
	build_learn(build, kmeans_divide(build->env, members->vectors, build->shape->width, order, n, layout->room,
									 &build->rng, first, &parts));

	/* clusters of one or two would make a tree of any height: then rather even runs */
	if (level > 0 && parts > 1 && parts > n / 2)
	{
		parts = (n + layout->room - 1) / layout->room;
		for (int64 p = 0; p <= parts; p++)
			first[p] = p * n / parts;
	}
	for (int64 p = 0; p < parts; p++)
	{
		CHECK_FOR_INTERRUPTS();
		tree_node_make(build->index, block.data, build->shape, level, 1, members, order + first[p],
					   (int) (first[p + 1] - first[p]));
		/* what was just built need not be divided anew */
		if (level > 0)
			tree_node(block.data)->look.children = tree_children_hash(block.data, build->shape);
		remember_node(build, block.data, build_append_page(build, block.data), level);
	}
	pfree(order);
	pfree(first);
}

/* The level above, for the nodes that have no parent yet. */
static void
make_parents(Build *build, int level)
{
	BuildLevel *at = &build->level[level];
	TreeMembers members = {.vectors = at->centers, .ids = at->children, .radii = at->radii};

	if (level + 1 == TREE_MAX_HEIGHT)
		elog(ERROR, "tree of index \"%s\" is too high", RelationGetRelationName(build->index));
	write_nodes(build, level + 1, &members, at->n);
	at->n = 0;
}

/* Leaves: cluster by cluster, a large one in pieces that memory holds. */
static void
write_leaves(Build *build)
{
	Size		vector_bytes = build->shape->width * sizeof(float);
	int			packed_bytes = build->columns.packed_bytes;
	int64		room = Max((int64) (build_bytes(BUILD_PIECE_SHARE) / (vector_bytes + packed_bytes + sizeof(TreeRow))),
						   2 * build->shape->leaf.room);
	int64		n = 0;
	int32		cluster = -1;
	char	   *vectors;
	TreeRow    *rows;
	char	   *packed;
	TreeMembers members = {0};

	room = Min(room, (int64) build->rows + 1);
	vectors = MemoryContextAllocHuge(build->memory, mul_size(room, vector_bytes));
	rows = MemoryContextAllocHuge(build->memory, mul_size(room, sizeof(TreeRow)));
	packed = MemoryContextAllocHuge(build->memory, mul_size(room, packed_bytes) + 1);
	members.vectors = (float *) vectors;
	members.ids = rows;
	members.packed = packed;
	for (;;)
	{
		int32		next = -1;
		ItemPointerData tid;
		const char *bytes;
		bool		more = build_next_row(build, &next, &tid, &bytes);

		CHECK_FOR_INTERRUPTS();
		if (n > 0 && (!more || n == room || next != cluster))
		{
			write_nodes(build, 0, &members, n);
			build->written += (double) n;
			pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, (int64) build->written);
			n = 0;
		}
		if (!more)
			break;
		cluster = next;
		rows[n].tid = tid;
		rows[n].dead = 0;
		memcpy(vectors + n * vector_bytes, bytes, vector_bytes);
		memcpy(packed + n * packed_bytes, bytes + vector_bytes, packed_bytes);
		n++;
	}
	pfree(vectors);
	pfree(rows);
	pfree(packed);
}

void
build_write_tree(Build *build)
{
	int			level = 0;

	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, (int64) build->rows);
	write_leaves(build);
	if (build->level[0].written == 0)
		return;
	for (; build->level[level].written > 1; level++)
		if (build->level[level].n > 0)
			make_parents(build, level);
	build->meta.leaves = build->level[0].written;
	build->meta.root = build->level[level].children[0].block;
	build->meta.root_birth = build->level[level].children[0].birth;
	build->meta.root_level = level;
	for (level = 0; level < TREE_MAX_HEIGHT; level++)
		if (build->level[level].room > 0)
		{
			pfree(build->level[level].centers);
			pfree(build->level[level].radii);
			pfree(build->level[level].children);
		}
}
