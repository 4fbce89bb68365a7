/*
 * spelling.h
 *	  Which of some words a misspelt one was meant to be.
 */
#ifndef SPELLING_H
#define SPELLING_H

/* word is the misspelt name; the best so far is NULL until a name that is near is offered. */
typedef struct Spelling
{
	const char *word;
	const char *best;
	int			distance;		/* of best; one more than what counts as near at first */
} Spelling;

extern void spelling_begin(Spelling *s, const char *word);

/* The nearest word stays, of equally near ones the first. */
extern void spelling_offer(Spelling *s, const char *candidate);

#endif							/* SPELLING_H */
