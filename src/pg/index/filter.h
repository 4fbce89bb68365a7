/*
 * filter.h
 *	  The conditions of a search on columns behind the vector, tested in the leaves.
 */
#ifndef DML_FILTER_H
#define DML_FILTER_H

#include "tree.h"

typedef struct TreeFilter TreeFilter;

/*
 * The conditions on columns, in the current context; what they point to is the keys'. NULL: there
 * is none.
 */
extern TreeFilter *tree_filter_make(Relation index, const TreeColumns *columns, const ScanKeyData *keys, int n);

/*
 * Which rows of a leaf live and pass: 1 or 0 in pass[0] to pass[n - 1].  Returns how many; a
 * leaf whose ranges say that none can pass is not looked at.
 */
extern int	tree_filter_rows(const TreeFilter *filter, Page page, const TreeShape *shape, uint8 *pass);

/* Have on its way what the conditions read of a leaf of some n rows (recent.c). */
extern void tree_filter_expect(const TreeFilter *filter, const char *page, int n);

#endif							/* DML_FILTER_H */
