/*
 * build.h
 *	  What the files of CREATE INDEX share: build.c samples and clusters, build_sort.c brings
 *	  the rows into the order of their clusters, build_write.c makes pages of them.
 */
#ifndef DML_BUILD_H
#define DML_BUILD_H

#include "utils/tuplesort.h"

#include "ann/kmeans.h"
#include "tree.h"

/*
 * Shares of maintenance_work_mem.  While sampling: the sample, its copy by group, the centers.
 * While sorting: the sort, the centers, the batch.  While writing: the sort, a
 * cluster's rows and their copy, the nodes that have no parent yet and their copy.
 */
#define BUILD_SAMPLE_SHARE	0.375
#define BUILD_CENTERS_SHARE	0.125
#define BUILD_SORT_SHARE	0.5
#define BUILD_BATCH_SHARE	0.0625
#define BUILD_PIECE_SHARE	0.125
#define BUILD_LEVEL_SHARE	0.0625

#define build_bytes(share)	((Size) ((double) maintenance_work_mem * 1024 * (share)))

/* The nodes of a level that have no parent yet. */
typedef struct BuildLevel
{
	float	   *centers;
	float	   *radii;
	TreeChild  *children;
	int64		n;
	int64		room;
	int64		written;		/* with parents, or without */
} BuildLevel;

typedef struct Build
{
	Relation	heap;
	Relation	index;
	IndexInfo  *info;
	LearnEnv   *env;
	MemoryContext memory;		/* of what lives as long as the build */
	MemoryContext context;		/* of a row's value */
	TreeMeta	meta;
	const TreeShape *shape;
	TreeColumns columns;
	Rng			rng;

	/* build.c: what the sample is taken of */
	double		seen;			/* rows of the blocks that were read */
	double		sampled;		/* of these, with a vector ... */
	double		offered;		/* ... and of these, for the sample */
	float	   *sample;			/* dims floats each, then width */
	int			sample_room;
	int			sample_n;

	/* build_sort.c: clusters, and the rows on their way to them */
	KmeansGrid	grid;
	float	   *batch;			/* batch_room x width */
	ItemPointerData *batch_tids;
	char	   *batch_packed;	/* the rows' columns */
	int			batch_room;
	int			batch_n;
	float	   *scratch;
	Tuplesortstate *sort;
	TupleTableSlot *slot;
	double		rows;			/* of the index */
	bool		left_out;		/* a row that an older snapshot may see is not in the index */
	struct BuildParallel *parallel; /* NULL: this process alone */

	/* build_write.c */
	BuildLevel	level[TREE_MAX_HEIGHT];
	double		written;		/* rows */
} Build;

/* ---------- build.c ---------- */

extern void build_learn(Build *build, LearnStatus status);

/*
 * The vector of a row, in build->context; the first one says what the index holds. NULL: a row
 * that only older snapshots see, with a vector of another space or length, which the index is to
 * do without.
 */
extern const DmlVector *build_row_vector(Build *build, Datum value, bool alive);

/* Append a page to the index.  Logged later, all at once. */
extern BlockNumber build_append_page(Build *build, Page page);

/* ---------- build_sort.c ---------- */

/* Every row of the table into build->sort, by cluster and TID; returns how many the table has. */
extern double build_sort_rows(Build *build);

/* The next one, until false: its cluster, its TID, and its vector with its columns behind it. */
extern bool build_next_row(Build *build, int32 *cluster, ItemPointer tid, const char **bytes);
extern void build_sort_end(Build *build);

/* ---------- build_write.c ---------- */

/* The tree of the sorted rows; fills in meta's root, if there is a row. */
extern void build_write_tree(Build *build);

#endif							/* DML_BUILD_H */
