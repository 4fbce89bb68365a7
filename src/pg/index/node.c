/*
 * node.c
 *	  A node made of vectors: its frame, its codes, its radius, its rows' columns.
 */
#include "compat.h"

#include <math.h>

#include "tree.h"

/*
 * The center of a node: the mean of its members. Of rows, calibration's questions count only if
 * no others are left.
 */
static void
node_mean(const TreeMembers *members, int level, const int32_t *order, int n, int width, float *center)
{
	int32_t    *kept = palloc(n * sizeof(int32_t));
	int			n_kept = 0;

	for (int j = 0; level == 0 && j < n; j++)
		if (!tree_is_question(&((const TreeRow *) members->ids)[order[j]].tid))
			kept[n_kept++] = order[j];
	if (n_kept > 0)
		code_mean(members->vectors, kept, n_kept, width, center);
	else
		code_mean(members->vectors, order, n, width, center);
	pfree(kept);
}

void
tree_node_make(Relation index, Page page, const TreeShape *shape, int level, uint32 birth, const TreeMembers *members,
			   const int32_t *order, int n)
{
	const TreeLayout *layout = tree_layout_of(shape, level);
	int			width = shape->width;
	float	   *center = palloc(2 * width * sizeof(float));
	float	   *scratch = center + width;
	TreeNode   *node;
	TreeEntry	entry;

	Assert(n > 0 && n <= layout->room);
	tree_page_init(page, TREE_NODE, level, birth);
	tree_special(page)->planting = shape->planting;
	node = tree_node(page);
	node_mean(members, level, order, n, width, center);
	if (!tree_node_frame(page, layout, center))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("vectors of an index are too far apart"),
				 errhint("Scale the vectors.")));
	entry.square = 0;
	entry.code = palloc(layout->code_bytes);
	for (int j = 0; j < n; j++)
	{
		int			m = order[j];
		float		slack = members->slack ? members->slack[m] : 0;
		float		reach;

		tree_encode(page, layout, members->vectors + (size_t) m * width, scratch, &entry);
		reach = sqrtf(entry.factors.norm) + slack;
		if (slack > 0)
		{
			entry.factors.error = TREE_NOT_CERTAIN;

			/* not less than the true one */
			entry.square = (sqrtf(entry.square) + slack) * (sqrtf(entry.square) + slack);
		}
		if (level > 0)
		{
			entry.child = ((const TreeChild *) members->ids)[m];
			entry.radius = members->radii[m];
			reach += entry.radius;
		}
		else
			entry.tid = ((const TreeRow *) members->ids)[m].tid;
		tree_put(page, layout, j, &entry, level > 0);
		if (level == 0 && shape->columns.n > 0)
			tree_columns_put(index, page, &shape->columns, j, members->packed + (size_t) m * shape->columns.packed_bytes);
		node->radius = fmaxf(node->radius, reach * TREE_RADIUS_ROUNDING);
	}
	node->n = n;
	pfree(entry.code);
	pfree(center);
}
