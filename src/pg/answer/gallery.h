/*
 * gallery.h
 *	  Rows that answer: the embeddings of a source with a text for each, and questions to them.
 */
#ifndef DML_GALLERY_H
#define DML_GALLERY_H

#include "compat.h"

#include "answer/answer_rows.h"
#include "answer/answer_source.h"
#include "answer/text_set.h"

typedef struct Gallery
{
	AnswerRows *gathered;
	const ClusterRows *rows;	/* those with an embedding, in the order of their content */
	const int32 *origin;		/* by row: the number of the call that read it */
	uint64		space;			/* if there are rows */
	TextSet    *texts;
	int32	   *text;			/* by call: the number of its text; -1: NULL */
	int64		room;
	size_t		most_memory;	/* what the texts take if no two are equal */
	bool		full;			/* they do not fit into work_mem */
	bool		labelled;
} Gallery;

/*
 * Read a source of vectors with texts.  labelled: without the rows that have no embedding or no
 * text.  Errors: texts that do not fit into work_mem, vectors of several spaces.
 */
extern void gallery_read(Gallery *gallery, AnswerSource *source, bool labelled);

/* The place of each row's text in the order of strcmp: ranks for nearest_rows(). */
extern int32 *gallery_ranks(const Gallery *gallery);

/*
 * Takes the answer to a question: its key, or NULL, and its n nearest rows, nearest first; n is 0
 * if the question is NULL.  Its memory context is reset afterwards.
 */
typedef void (*QuestionTake) (void *state, const char *key, const int32 *row, const double *distance, int n);

/*
 * For each row of questions, in the order in which they are read, the k nearest rows (n x d) of a
 * space.  rank: see NearestTask.  A chunk of questions takes half of work_mem.
 */
extern void questions_answer(AnswerSource *questions, const ClusterRows *rows, uint64 space, const int32 *rank,
							 int k, QuestionTake take, void *state);

#endif							/* DML_GALLERY_H */
