/*
 * separation.h
 *	  How compact classes are and how far apart: margin, scatter, Fisher's ratio, and rows that are
 *	  nearer to the centre of another class.
 *
 * Of the gallery, n rows x in classes c of n_c rows with the centre (mean) m_c, and the mean m of
 * all rows:
 *	scatter		sqrt(tr(S_w) / n), where tr(S_w) = sum over rows of |x - m_c|^2: the root mean
 *				square distance of a row to its class's centre
 *	margin		the mean over classes of the distance of m_c to the nearest other centre; at most
 *				10,000 classes, evenly spaced, are asked
 *	fisher		tr(S_b) / tr(S_w), where tr(S_b) = sum over classes of n_c |m_c - m|^2 (Fukunaga
 *				1990, chapter 10)
 */
#ifndef SEPARATION_H
#define SEPARATION_H

#include "assess.h"

/* Numbers that the centres of all classes may have together; with more there are no figures. */
#define SEPARATION_MAX	(32 * 1024 * 1024)

/* NaN: fewer than two classes, too many of them, or, for fisher, no scatter. */
typedef struct Separation
{
	double		scatter;
	double		margin;
	double		fisher;
} Separation;

/*
 * Measure the rows of a task.  misplaced (nq): 1 if the query is nearer to the centre of another
 * class than to that of its own, else 0; NaN if there is no centre to compare with.  A query that
 * is a row of the gallery (self) is taken out of its centre first.  Loads BLAS.
 */
extern LearnStatus separation_measure(LearnEnv *env, const AssessTask *task, Separation *out, double *misplaced);

#endif							/* SEPARATION_H */
