/*
 * check_entry.c
 *	  dml_index_check(): is what a node says of its entries true?
 */
#include "compat.h"

#include <math.h>

#include "access/genam.h"
#include "fmgr.h"
#include "miscadmin.h"

#include "ann/distance.h"
#include "check.h"

/*
 * Roundings of sums of squares in float, relative; and of elements, relative to vectors' lengths.
 */
#define SUM_ROUNDING		2e-5
#define ELEMENT_ROUNDING	1e-6
#define LENGTH_ROUNDING		CODE_TINY	/* of a length, whatever its vector is */

static double
length_of(const float *x, int n)
{
	double		square = 0;

	for (int i = 0; i < n; i++)
		square += (double) x[i] * x[i];
	return sqrt(square);
}

bool
check_covers(const Check *check, const float *a, double radius, const float *b, double more)
{
	int			width = check->shape->width;
	double		reach = distance_l2(a, b, width) + more;

	return reach <= radius * (1 + SUM_ROUNDING) + reach * SUM_ROUNDING +
		ELEMENT_ROUNDING * (length_of(a, width) + length_of(b, width)) + LENGTH_ROUNDING;
}

void
check_factors(const Check *check, BlockNumber block, const AnnBlock *entries, int j)
{
	float		norm = entries->norm[j];
	float		scale = entries->scale[j];
	float		error = entries->error[j];

	if (!(norm >= 0) || !(error >= 0) || !isfinite(norm) || !isfinite(error) || !isfinite(scale))
		check_complain(check, block, "The factors of entry %d are not possible: norm %g, scale %g, error %g.", j, norm, scale, error);
}

void
check_code(const Check *check, BlockNumber block, const AnnBlock *entries, const float *center, int j,
		   const float *rotated)
{
	int			width = check->shape->width;
	double		rounding = ELEMENT_ROUNDING * (length_of(center, width) + length_of(rotated, width)) + LENGTH_ROUNDING;
	double		distance = distance_l2(center, rotated, width);
	double		norm = sqrt(entries->norm[j]);
	double		off = 0;

	/* of a vector that nobody saw when its page was split */
	if (entries->error[j] >= TREE_NOT_CERTAIN)
		return;
	if (fabs(norm - distance) > distance * SUM_ROUNDING + rounding)
		check_complain(check, block, "Entry %d is at distance %g from the center, not %g.", j, distance, norm);
	code_decode(entries->codes + (Size) j * entries->stride, entries->bits, width, entries->scale[j], check->scratch);
	for (int i = 0; i < width; i++)
	{
		double		d = (double) check->scratch[i] - ((double) rotated[i] - center[i]);

		off += d * d;
	}
	off = sqrt(off);
	if (off > entries->error[j] * (1 + 1e-3) + rounding + 1e-3 * distance)
		check_complain(check, block, "The code of entry %d is off by %g, and its error says %g.", j, off, entries->error[j]);
}

/*
 * The squared length that an index of inner products keeps: the vector's, or more where that was
 * not known.
 */
static void
check_square(const Check *check, BlockNumber block, Page page, int j, const float *rotated, bool at_least)
{
	const TreeLayout *layout = &check->shape->leaf;
	double		length = length_of(rotated, check->shape->width);
	double		square = layout->square == 0 ? length * length : tree_squares(page, layout)[j];

	if (square < length * length * (1 - SUM_ROUNDING) - CODE_TINY_SQUARE ||
		(!at_least && square > length * length * (1 + SUM_ROUNDING) + CODE_TINY_SQUARE))
		check_complain(check, block, "Entry %d has length %g, not %g.", j, length, sqrt(square));
}

/* What a leaf knows of its columns must be true of an entry. */
static void
check_ranges(const Check *check, BlockNumber block, Page page, int j)
{
	const TreeColumns *columns = &check->shape->columns;

	for (int i = 0; i < columns->n; i++)
	{
		const TreeColumn *column = &columns->column[i];
		FmgrInfo   *compare = index_getprocinfo(check->index, i + 2, TREE_COMPARE_PROC);
		Oid			collation = check->index->rd_indcollation[i + 1];
		Datum		value = tree_column_datum(column, tree_column_value(page, column, j));
		const TreeRange *range = tree_range(page, column);

		if (tree_column_isnull(page, column, j))
		{
			if (!range->has_nulls)
				check_complain(check, block, "Column %d of entry %d is NULL, and the page says that none is.", i + 2, j);
		}
		else if (!range->has_values ||
				 DatumGetInt32(FunctionCall2Coll(compare, collation, value,
												 tree_column_datum(column, tree_range_least(page, column)))) < 0 ||
				 DatumGetInt32(FunctionCall2Coll(compare, collation, value,
												 tree_column_datum(column, tree_range_most(page, column)))) > 0)
			check_complain(check, block, "Column %d of entry %d is not within the range that the page gives.", i + 2, j);
	}
}

void
check_leaf(Check *check, BlockNumber block, Page page, const float *center)
{
	const TreeLayout *layout = &check->shape->leaf;
	const TreeRow *rows = tree_rows(page, layout);
	const TreeNode *node = tree_node(page);
	AnnBlock	entries;
	int			dead = 0;

	tree_block(page, layout, &entries);
	for (int j = 0; j < entries.n; j++)
	{
		ItemPointerData tid = rows[j].tid;
		const DmlVector *vector;

		if (rows[j].dead > 1)
			check_complain(check, block, "Entry %d is neither dead nor alive.", j);
		dead += rows[j].dead;
		if (rows[j].dead)
			continue;
		check_factors(check, block, &entries, j);
		if (!ItemPointerIsValid(&tid) || ItemPointerGetBlockNumberNoCheck(&tid) == InvalidBlockNumber)
			check_complain(check, block, "Entry %d points to no row.", j);
		if (check->snapshot != NULL && ItemPointerGetBlockNumber(&tid) >= check->heap_blocks)
			check_complain(check, block, "Entry %d points to row (%u,%u), which is behind the end of the table.", j,
					 ItemPointerGetBlockNumber(&tid), ItemPointerGetOffsetNumber(&tid));
		if (sqrt(entries.norm[j]) > node->radius * (1 + SUM_ROUNDING) + LENGTH_ROUNDING)
			check_complain(check, block, "Entry %d is at distance %g from the center, and the radius is %g.", j,
					 sqrt(entries.norm[j]), node->radius);
		check_ranges(check, block, page, j);
		if (check->snapshot == NULL)
			continue;

		CHECK_FOR_INTERRUPTS();
		tree_columns_get(page, &check->shape->columns, j, VARDATA(check->packed));
		check_table_row(check, &tid, block);
		vector = tree_fetch(check->fetch, &tid, check->snapshot);
		if (vector == NULL)
			continue;			/* for vacuum to take, or nothing: the sort will tell */
		if (vector->dim != check->meta.dims || vector->space != check->meta.space ||
			!tree_rotate(check->shape, vector->x, check->scratch, check->rotated))
			check_complain(check, block, "Entry %d points to row (%u,%u), whose vector is not one of this index.", j,
					 ItemPointerGetBlockNumber(&tid), ItemPointerGetOffsetNumber(&tid));
		if (!check_covers(check, center, node->radius, check->rotated, 0))
			check_complain(check, block, "Row (%u,%u) of entry %d is at distance %g from the center, and the radius is %g.",
					 ItemPointerGetBlockNumber(&tid), ItemPointerGetOffsetNumber(&tid), j,
					 distance_l2(center, check->rotated, check->shape->width), node->radius);
		check_code(check, block, &entries, center, j, check->rotated);
		check_square(check, block, page, j, check->rotated, entries.error[j] >= TREE_NOT_CERTAIN);
	}
	if (dead != node->dead)
		check_complain(check, block, "It says that %d entries are dead, and %d are.", node->dead, dead);
	check->rows += entries.n - dead;
	check->dead += dead;
}
