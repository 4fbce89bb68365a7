/*
 * rows.h
 *	  A labelled matrix as src/learn sees it. Rows are fetched by number, from memory or from a
 *	  file; only the caller knows which. Rows without a label stand behind the others.
 */
#ifndef ROWS_H
#define ROWS_H

#include "base/learn.h"

#define ROWS_MAX_LEVELS	7

/*
 * For each row or constraint k others, -1 if there are no more. They are in memory (n x k), or read
 * fetches those of index[0..count); read may leave by longjmp. If list and read are NULL there are
 * none.
 */
typedef struct HardLists
{
	int			k;
	const int32_t *list;
	void		(*read) (void *ctx, const int64_t *index, int count, int32_t *out);
	void	   *ctx;
} HardLists;

/* How a view of a row may change a column (views.h). */
typedef enum RowsView
{
	ROWS_VIEW_NUMBER,			/* noise, and masked by itself */
	ROWS_VIEW_WORD,				/* masked by itself, without noise: words are dropped from a text */
	/* masked if the column before it is, without noise: one value of several columns */
	ROWS_VIEW_FOLLOWS
} RowsView;

typedef struct Rows
{
	int64_t		n;				/* rows */
	/* rows n .. n + n_unlabeled - 1 have no label; moments and views use them */
	int64_t		n_unlabeled;
	int			d;				/* features a row */
	/* the columns stand on scales that are to be kept: an encoder made them */
	bool		balanced;
	const uint8_t *view;		/* d RowsViews, or NULL: all are numbers */
	const int32_t *label;		/* n class numbers in [0, n_classes), or NULL */
	int			n_classes;
	bool		numbers;		/* the labels are numbers, which could be meant to be predicted */
	int			n_levels;		/* classes of classes (genus, family), from the finest up */
	const int32_t *const *level;	/* n_levels: of each class the class that it is in, from 0 */
	const int  *level_classes;	/* n_levels: how many there are */
	HardLists	hard_negatives; /* for each row, rows of other classes hardest to tell from it */
	const double *target;		/* n numbers to predict, all finite, or NULL */
	const uint64_t *hash;		/* n hashes of the rows' content, or NULL: equal rows have equal
								 * hashes and stay on one side of a split */

	/* Copy rows index[0..count) to out (count x d).  All values are finite. */
	LearnStatus (*fetch) (LearnEnv *env, void *ctx, const int64_t *index, int count, float *out);
	void	   *ctx;
} Rows;

#endif							/* ROWS_H */
