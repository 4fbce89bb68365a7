/*
 * index_search.h
 *	  The nearest rows of a source, one query at a time, by SQL that an index can serve.
 */
#ifndef DML_INDEX_SEARCH_H
#define DML_INDEX_SEARCH_H

#include "compat.h"

#include "answer/answer_source.h"

typedef struct IndexSearch IndexSearch;

/*
 * Begin searches for the k nearest rows that have an embedding, as the current user.  Connects to
 * SPI and takes a snapshot; index_search_end() gives both back.  The searches are in the memory
 * context that was the current one.
 */
extern IndexSearch *index_search_begin(AnswerSource *source, int k);

/*
 * Whether an index gives the rows in order of distance.  Else each search reads the whole source.
 */
extern bool index_search_indexed(const IndexSearch *search);

/* An embedding of the source, in the caller's memory context; NULL: no row has one. */
extern DmlVector *index_search_any(IndexSearch *search);

/*
 * The nearest rows of a vector: their embeddings and distances, nearest first.  Returns how many
 * there are, at most k.  Valid until the next search.
 */
extern int	index_search_nearest(IndexSearch *search, const DmlVector *query, const DmlVector **vector, double *distance);

extern void index_search_end(IndexSearch *search);

#endif							/* DML_INDEX_SEARCH_H */
