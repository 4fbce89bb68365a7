/*
 * check.h
 *	  dml_index_check(): what its files share.
 */
#ifndef DML_CHECK_H
#define DML_CHECK_H

#include "compat.h"

#include "utils/tuplesort.h"

#include "inspect.h"

typedef struct Check
{
	Relation	index;
	Relation	heap;
	TreeMeta	meta;
	const TreeShape *shape;
	BlockNumber blocks;
	bits8	   *met;			/* a bit a block: it was reached from the root */
	BufferAccessStrategy strategy;
	PGAlignedBlock *pages;		/* of the node at hand, a page a level */
	float	   *center;			/* of that node, width floats a level */
	float	   *rotated;		/* width floats */
	float	   *scratch;		/* width floats */

	/* with the table */
	Snapshot	snapshot;		/* NULL: without */
	BlockNumber heap_blocks;
	TreeFetch  *fetch;
	Tuplesortstate *sort;
	TupleTableSlot *slot;
	struct varlena *packed;
	MemoryContext row;			/* reset with each row of the table */

	int64		nodes;
	int64		rows;
	int64		dead;
	int64		gone;
	int64		free;
	int64		leaked;
} Check;

/* ---------- check.c ---------- */

extern void check_complain(const Check *check, BlockNumber block, const char *format,...) pg_attribute_printf(3, 4) pg_attribute_noreturn();

/* ---------- check_entry.c ---------- */

/* Does a ball around a reach so far as b and beyond it by `more`? */
extern bool check_covers(const Check *check, const float *a, double radius, const float *b, double more);

/* The factors of an entry: what scoring multiplies with. */
extern void check_factors(const Check *check, BlockNumber block, const AnnBlock *entries, int j);

/* The code of an entry is that of the vector (rotated) as far as its error says. */
extern void check_code(const Check *check, BlockNumber block, const AnnBlock *entries, const float *center, int j,
					   const float *rotated);

/* The entries of a leaf, and with the table their rows. */
extern void check_leaf(Check *check, BlockNumber block, Page page, const float *center);

/* ---------- check_table.c ---------- */

/* Before the index is walked: a snapshot, and a sort for the rows of both. */
extern void check_table_begin(Check *check);

/* A row of the index, with its columns in check->packed. */
extern void check_table_row(Check *check, ItemPointer tid, BlockNumber block);

/* Every row of the table is in the index once. */
extern void check_table_compare(Check *check);

#endif							/* DML_CHECK_H */
