/*
 * page.c
 *	  The layout of a node, and the checks without which no byte of a page is believed.
 */
#include "compat.h"

#include <math.h>

#include "tree.h"

/* Up to these dimensions codes are fine enough to need few exact distances. */
#define FINE_DIMS			256

int
tree_leaf_bits(int dims)
{
	return dims <= FINE_DIMS ? 4 : 1;
}

int
tree_inner_bits(int dims)
{
	return dims <= FINE_DIMS ? 8 : 1;
}

/* Set the offsets of a node with layout->room entries; returns where the last one ends. */
static int
lay_out(TreeLayout *layout, TreeMetric metric, bool inner, TreeColumns *columns)
{
	int			at = MAXALIGN(SizeOfPageHeaderData) + MAXALIGN(sizeof(TreeNode));

	layout->frame = at;
	at += layout->width;
	layout->ids = at;
	at += layout->room * sizeof(TreeRow);
	layout->norm = at;
	at += layout->room * sizeof(float4);
	layout->scale = at;
	at += layout->room * sizeof(float4);
	layout->error = at;
	at += layout->room * sizeof(float4);
	layout->radius = inner ? at : 0;
	at += inner ? layout->room * sizeof(float4) : 0;
	layout->square = metric == TREE_IP ? at : 0;
	at += metric == TREE_IP ? layout->room * sizeof(float4) : 0;
	layout->codes = at;
	at += layout->room * layout->code_bytes;
	for (int i = 0; columns != NULL && i < columns->n; i++)
	{
		TreeColumn *column = &columns->column[i];

		at = MAXALIGN(at);
		column->range = at;
		at += sizeof(TreeRange) + 2 * column->bytes;
		at = MAXALIGN(at);
		column->values = at;
		at += layout->room * column->bytes;
		column->nulls = at;
		at += (layout->room + 7) / 8;
	}
	return at;
}

void
tree_layout(TreeLayout *layout, TreeMetric metric, int width, int bits, bool inner, TreeColumns *columns)
{
	int			start = MAXALIGN(SizeOfPageHeaderData) + MAXALIGN(sizeof(TreeNode));
	int			end = BLCKSZ - MAXALIGN(sizeof(TreeSpecial));
	int			factors = 3 + (inner ? 1 : 0) + (metric == TREE_IP ? 1 : 0);
	int			entry;

	StaticAssertStmt(sizeof(TreeRow) == sizeof(TreeChild), "entries of leaves and inner nodes have one size");
	layout->width = width;
	layout->bits = bits;
	layout->code_bytes = (int) score_code_bytes(width, bits);
	entry = sizeof(TreeRow) + factors * sizeof(float4) + layout->code_bytes;
	for (int i = 0; columns != NULL && i < columns->n; i++)
		entry += columns->column[i].bytes;
	layout->room = Max((end - start - width) / entry, 0);
	while (lay_out(layout, metric, inner, columns) > end && layout->room > 0)
		layout->room--;
}

/*
 * No hole between pd_lower and pd_upper: generic WAL does not keep what is in one, and
 * compares all of the rest.
 */
void
tree_page_init(Page page, TreePageKind kind, int level, uint32 birth)
{
	TreeSpecial *special;

	PageInit(page, BLCKSZ, sizeof(TreeSpecial));
	((PageHeader) page)->pd_lower = ((PageHeader) page)->pd_upper;
	special = tree_special(page);
	special->magic = TREE_MAGIC;
	special->birth = birth;
	special->kind = kind;
	special->level = level;
	if (kind == TREE_NODE)
	{
		tree_node(page)->forward[0] = InvalidBlockNumber;
		tree_node(page)->forward[1] = InvalidBlockNumber;
	}
}

void
tree_corrupted(Relation index, BlockNumber block, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("index \"%s\" is damaged in block %u", RelationGetRelationName(index), block),
			 errdetail("%s", what),
			 errhint("REINDEX it.")));
}

Buffer
tree_read_pointer(Relation index, BlockNumber block)
{
	if (block == InvalidBlockNumber)
		tree_corrupted(index, TREE_META_BLOCK, "A pointer of the index points to nothing.");

	/* what was read before is there */
	if (tree_recent(index, block) == NULL && block >= RelationGetNumberOfBlocks(index))
		tree_corrupted(index, block, "A pointer leads there, and the index has no such block.");
	return tree_read(index, block);
}

static bool
is_ours(Page page)
{
	return !PageIsNew(page) && PageGetSpecialSize(page) == MAXALIGN(sizeof(TreeSpecial)) &&
		tree_special(page)->magic == TREE_MAGIC;
}

int
tree_page_kind(Page page)
{
	return is_ours(page) ? tree_special(page)->kind : 0;
}

void
tree_check_page(Relation index, BlockNumber block, Page page)
{
	if (PageIsNew(page))
		tree_corrupted(index, block, "The page is all zeros.");
	if (!is_ours(page))
		tree_corrupted(index, block, "It is not a page of a dml index.");
}

void
tree_check_reached(Relation index, BlockNumber block, Page page, const TreeShape *shape, uint32 birth)
{
	tree_check_page(index, block, page);
	if (tree_special(page)->birth == birth)
		tree_check_node(index, block, page, shape);
}

bool
tree_is_still(Relation index, Page page, const TreeShape *shape, const TreeStep *step, int level)
{
	tree_check_reached(index, step->block, page, shape, step->birth);
	return tree_special(page)->kind == TREE_NODE && tree_special(page)->birth == step->birth &&
		tree_special(page)->level == level;
}

void
tree_check_node(Relation index, BlockNumber block, Page page, const TreeShape *shape)
{
	const TreeSpecial *special;
	const TreeNode *node;

	tree_check_page(index, block, page);
	special = tree_special(page);
	if (!tree_is_of(page, shape))
		tree_corrupted(index, block, "It belongs to another tree of the index.");
	if (special->kind != TREE_NODE && special->kind != TREE_GONE)
		tree_corrupted(index, block, "It is not a node.");
	if (special->level >= TREE_MAX_HEIGHT)
		tree_corrupted(index, block, "Its level is too high.");
	node = tree_node(page);
	if (node->n > tree_layout_of(shape, special->level)->room || node->dead > node->n)
		tree_corrupted(index, block, "Its number of entries is not possible.");
	if (!(node->step >= 0) || !(node->radius >= 0) || isinf(node->step) || isinf(node->radius))
		tree_corrupted(index, block, "Its frame is not finite.");
}

void
tree_block(Page page, const TreeLayout *layout, AnnBlock *block)
{
	const char *base = (const char *) page;

	block->frame = tree_frame(page, layout);
	block->step = tree_node(page)->step;
	block->bits = layout->bits;
	block->n = tree_node(page)->n;
	block->codes = (const uint8_t *) base + layout->codes;
	block->stride = layout->code_bytes;
	block->norm = (const float *) (base + layout->norm);
	block->scale = (const float *) (base + layout->scale);
	block->error = (const float *) (base + layout->error);
}

bool
tree_node_frame(Page page, const TreeLayout *layout, const float *center)
{
	return code_frame(center, layout->width, tree_frame(page, layout), &tree_node(page)->step);
}

void
tree_node_center(Page page, const TreeLayout *layout, float *center)
{
	code_frame_center(tree_frame(page, layout), tree_node(page)->step, layout->width, center);
}

void
tree_encode(Page page, const TreeLayout *layout, const float *rotated, float *scratch, TreeEntry *entry)
{
	if (!code_encode(rotated, tree_frame(page, layout), tree_node(page)->step, layout->width, layout->bits,
					 scratch, entry->code, &entry->factors))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a vector is too large for an index"),
				 errdetail("The square of its length, in the index's unit about 1e36 or more, is too large for a real."),
				 errhint("Scale the vectors. If the index began with tiny vectors, create it again with this one in the table.")));
	if (layout->square != 0)
	{
		double		square = 0;

		for (int i = 0; i < layout->width; i++)
			square += (double) rotated[i] * rotated[i];
		entry->square = (float) square;
	}
}

void
tree_put(Page page, const TreeLayout *layout, int slot, const TreeEntry *entry, bool inner)
{
	char	   *base = (char *) page;

	if (inner)
	{
		tree_children(page, layout)[slot] = entry->child;
		tree_radii(page, layout)[slot] = entry->radius;
	}
	else
	{
		tree_rows(page, layout)[slot].tid = entry->tid;
		tree_rows(page, layout)[slot].dead = 0;
	}
	if (layout->square != 0)
		tree_squares(page, layout)[slot] = entry->square;
	((float4 *) (base + layout->norm))[slot] = entry->factors.norm;
	((float4 *) (base + layout->scale))[slot] = entry->factors.scale;
	((float4 *) (base + layout->error))[slot] = entry->factors.error;
	memcpy(base + layout->codes + (size_t) slot * layout->code_bytes, entry->code, layout->code_bytes);
}
