/*
 * methods.h
 *	  The one registry of methods: what each is, what it learns from, its defaults and
 *	  where it comes from.  dml_methods shows it.
 */
#ifndef METHODS_H
#define METHODS_H

#include "learn/loss/loss.h"

typedef enum MethodKind
{
	METHOD_AUTO,				/* chooses among the others */
	METHOD_CLOSED_FORM,			/* linear.h, classical.h: computed in one go */
	METHOD_GRADIENT,			/* a loss of loss.h under train.h's loop */
	METHOD_LINEAR				/* classical.h: a linear map by iterations */
} MethodKind;

/* What classical methods start from, or stay close to. */
typedef enum LinearPrior
{
	PRIOR_IDENTITY,
	PRIOR_COVARIANCE			/* the inverse of the covariance: Mahalanobis' distance */
} LinearPrior;

/* What a classical method may be set to.  Negative, or NaN: not set. */
typedef struct LinearParams
{
	/* lmnn, scml: of the own class; lfda: the one that sets a row's scale */
	int			neighbors;
	int			impostors;		/* scml: nearest rows of other classes */
	int			constraints;	/* drawn from labels */
	int			iterations;		/* at most */
	int			bases;			/* scml */
	int			prior;			/* itml, sdml, lsml: a LinearPrior */
	int			diagonal;		/* mmc: one weight a column */
	double		tolerance;		/* of convergence, relative */
	double		pull;			/* lmnn: share of the pull in the objective */
	double		gamma;			/* itml: what slack costs */
	double		sparsity;		/* sdml, scml: L1 penalty */
	double		eta;			/* sdml: weight of the pairs against the prior */
	double		shrink;			/* share of the metric of the rows as they are */
	int			l2;				/* the embedding is normalised */
} LinearParams;

typedef struct Method
{
	const char *name;
	MethodKind	kind;
	const char *supervision;	/* "any", "none", or what it learns from: "labels, pairs"; what
								 * it is defined on stands first */
	const char *description;	/* one line */
	const char *paper;			/* authors, year, arXiv or DOI; NULL: none */

	/* comma-separated names of the options that it alone reads; "": none */
	const char *parameters;
	LinearParams linear;		/* defaults of classical methods; 0 in what is not listed */

	/* gradient methods */
	Loss		loss;
	LossParams	defaults;
	/* learning rate of what the loss learns as a multiple of the network's; 0: it learns nothing */
	double		proxy_lr;
	bool		partial;		/* pulls one way only, and so has a meaning in a sum alone */
} Method;

/* One term of a weighted sum of losses. */
typedef struct MethodTerm
{
	const Method *method;
	double		weight;
	LossParams	params;
} MethodTerm;

#define METHOD_MAX_TERMS	8
#define METHOD_TEXT_MAX		256 /* of a sum as text */

/*
 * "triplet" or "arcface + 0.5 * center": the terms' methods and weights.  LEARN_INVALID names the
 * valid methods: of supervision, or all where it is NULL.  What a sum may not hold: what is not a
 * loss, one method twice, terms of a target beside terms of labels, or terms that pull one way
 * alone.
 */
extern LearnStatus method_parse(LearnEnv *env, const char *text, const char *supervision, MethodTerm *term, int *n_terms);

/* The sum as text, in one spelling. */
extern void method_print(const MethodTerm *term, int n_terms, char *buf, size_t size);

extern const Method *method_by_name(const char *name);	/* NULL: none */
extern int	method_count(void);
extern const Method *method_at(int i);	/* auto, the classical methods, then the losses */
/* the part of it before the losses, for method_at */
extern const Method *methods_classical(int *n);

/*
 * Can a method be used where this is given ("labels", "pairs", ...)?  What needs nothing, and auto,
 * always; a method of labels takes chunklets for them, and a method of a target takes labels that
 * are numbers.
 */
extern bool method_learns_from(const Method *method, const char *supervision);

/* Does it learn from a number to predict, and from nothing else? */
extern bool method_of_target(const Method *method);

/*
 * "auto, whiten, ..." for error messages: the methods that learn from supervision, or all if it is
 * NULL; by themselves, or (partial) in a sum alone.
 */
extern void method_names(const char *supervision, bool partial, char *buf, size_t size);

#endif							/* METHODS_H */
