/*
 * near.h
 *	  The nearest rows of the own class, or of the others, of every row: n * k numbers, found in
 *	  blocks.
 */
#ifndef NEAR_H
#define NEAR_H

#include "base/learn.h"

/*
 * x (n x d), class by class: class c has the rows start[c] .. start[c + 1] - 1.  near (n x k) gets
 * the k nearest rows of each row's class (itself not among them), or of other classes, nearest
 * first; -1 behind the last where there are fewer. Candidates, eight more than k, come from float
 * products; they are put in order by exact distances, ties by number.  Time n^2 d (own: the sum of
 * squared class sizes); memory as much as x again, and 8 MB.  blas_load() first.
 */
extern LearnStatus near_rows(LearnEnv *env, const real *x, int64_t n, int d, const int64_t *start, int n_classes,
							 bool own, int k, int32_t *near);

#endif							/* NEAR_H */
