/*
 * classes.c
 *	  Rows grouped by class, by counting.
 */
#include "classes.h"

#include <string.h>

LearnStatus
classes_group(LearnEnv *env, const Rows *rows, const int64_t *index, int64_t n, Classes *classes)
{
	int64_t    *row;
	int64_t    *start;

	if (index == NULL)
		n = rows->n;
	LEARN_ALLOC(env, row, n);
	LEARN_ALLOC(env, start, rows->n_classes + 1);
	*classes = (Classes) {.n = n, .n_classes = rows->n_classes, .row = row, .start = start};

	memset(start, 0, (rows->n_classes + 1) * sizeof(*start));
	if (rows->label == NULL)
		return LEARN_OK;
	for (int64_t i = 0; i < n; i++)
		start[rows->label[index != NULL ? index[i] : i] + 1]++;
	for (int c = 0; c < rows->n_classes; c++)
	{
		classes->used += start[c + 1] > 0;
		classes->largest = start[c + 1] > classes->largest ? start[c + 1] : classes->largest;
		start[c + 1] += start[c];
	}
	for (int64_t i = 0; i < n; i++)
	{
		int64_t		place = index != NULL ? index[i] : i;

		row[start[rows->label[place]]++] = place;
	}
	for (int c = rows->n_classes; c > 0; c--)
		start[c] = start[c - 1];
	start[0] = 0;
	return LEARN_OK;
}

LearnStatus
classes_check(LearnEnv *env, const Classes *classes, const char *what)
{
	if (classes->used < 2)
	{
		learn_fail(env, LEARN_DATA, "%s needs two classes, the rows have %d", what, classes->used);
		learn_hint(env, "It learns from what tells classes apart. Without labels use whiten or pca.");
		return LEARN_DATA;
	}
	if (classes->largest < 2)
	{
		learn_fail(env, LEARN_DATA, "%s needs a class with two rows, each class has one", what);
		learn_hint(env, "It learns from rows that belong together: some label must occur twice.");
		return LEARN_DATA;
	}
	return LEARN_OK;
}
