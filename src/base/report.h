/*
 * report.h
 *	  Progress: the phases of a training, and what is reported of it several times a second.
 */
#ifndef REPORT_H
#define REPORT_H

#include "learn.h"

typedef enum TrainPhase
{
	PHASE_READING,				/* reported by the caller while it reads the rows */
	PHASE_MINING,				/* reported by the caller while it looks for hard negatives */
	PHASE_PREPARING,			/* split, preprocessing, baselines */
	PHASE_TRAINING,
	PHASE_VALIDATING,
	PHASE_CHOOSING,				/* auto: trying candidates */
	PHASE_SAVING				/* reported by the caller while it stores the model */
} TrainPhase;

struct LearnReport
{
	TrainPhase	phase;
	const char *method;			/* what is being trained now */
	int			epoch;			/* from 1 */
	int			epochs;			/* planned */
	int64_t		step;			/* in all */
	int64_t		steps;			/* planned */
	double		loss;			/* running mean; NaN before the first step */
	double		validation;		/* latest held-out score; NaN before the first */
	double		best;			/* best so far; NaN before the first */
	double		seconds_left;	/* estimate; NaN: unknown */
};

#endif							/* REPORT_H */
