/*
 * dataset.h
 *	  Rows for tests: a matrix in memory, or a CSV file of test/data.
 */
#ifndef DATASET_H
#define DATASET_H

#include <stdio.h>

#include "learn/data/rows.h"

typedef struct Dataset
{
	Rows		rows;
	const float *x;				/* n x d */
} Dataset;

/* Over x and label (or NULL), which stay the caller's; the struct is in env's arena. */
extern Dataset *dataset_make(LearnEnv *env, const float *x, const int32_t *label, int64_t n, int d, int n_classes);

/*
 * Every stride-th row of NAME.csv in $DML_TEST_DATA, from the first on: features, and the
 * last column as the label.  Ends the program if there is none.
 */
extern Dataset *dataset_load(LearnEnv *env, const char *name, int stride);

/* A file of test/data ($DML_TEST_DATA); ends the program if there is none. */
extern FILE *dataset_open(const char *file_name);

#endif							/* DATASET_H */
