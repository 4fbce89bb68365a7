/*
 * methods.h
 *	  The one registry of methods: what each is, what it learns from, its defaults and
 *	  where it comes from.  dml_methods shows it.
 */
#ifndef METHODS_H
#define METHODS_H

#include "loss.h"

typedef enum MethodKind
{
	METHOD_AUTO,				/* chooses among the others */
	METHOD_CLOSED_FORM,			/* linear.h */
	METHOD_GRADIENT				/* a loss of loss.h under train.h's loop */
} MethodKind;

typedef struct Method
{
	const char *name;
	MethodKind	kind;
	const char *supervision;	/* "any", "none", or what it learns from: "labels, pairs" */
	const char *description;	/* one line */
	const char *paper;			/* authors, year, arXiv or DOI; NULL: none */

	/* gradient methods */
	LossFunction loss;
	LossInput	input;
	LossSide	side;
	const char *parameters;		/* comma-separated names of the options the loss reads; "" for the others */
	LossParams	defaults;
	double		proxy_lr;		/* the proxies' learning rate as a multiple of the network's */
} Method;

extern const Method *method_by_name(const char *name);	/* NULL: none */
extern int	method_count(void);
extern const Method *method_at(int i);	/* auto, the closed forms, then the losses */

/*
 * Can a method be used where this is given ("labels", "pairs", ...)?  What needs nothing, and
 * auto, always; what learns from labels takes chunklets for them.
 */
extern bool method_learns_from(const Method *method, const char *supervision);

/* "auto, whiten, ..." for error messages: those that learn from supervision, or all where it is NULL. */
extern void method_names(const char *supervision, char *buf, size_t size);

#endif							/* METHODS_H */
