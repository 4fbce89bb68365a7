/*
 * classes.h
 *	  Rows grouped by class.
 */
#ifndef CLASSES_H
#define CLASSES_H

#include "base/learn.h"
#include "rows.h"

typedef struct Classes
{
	int64_t		n;				/* rows */
	int			n_classes;		/* numbers of classes; some may have no rows */
	int			used;			/* classes that have rows */
	int64_t		largest;		/* rows of the largest */
	int64_t    *row;			/* n: those of class c are row[start[c]] .. row[start[c + 1] - 1] */
	int64_t    *start;			/* n_classes + 1 */
} Classes;

/* Of rows index[0..n) (NULL: all), in the order of index.  Rows without labels have no class. */
extern LearnStatus classes_group(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n, Classes *classes);

/*
 * LEARN_DATA, with a hint: fewer than two classes, or no class of two rows. what: the method, such
 * as "linear discriminant analysis".
 */
extern LearnStatus classes_check(LearnEnv *env, const Classes *classes, const char *what);

#endif							/* CLASSES_H */
