/*
 * progress.h
 *	  What a training shows to other sessions.
 */
#ifndef DML_PROGRESS_H
#define DML_PROGRESS_H

#include "compat.h"

#include "learn/train/train.h"

/*
 * From start to end this backend has a row in dml_training_progress.  An error ends it
 * too: PostgreSQL ends every command's progress when a (sub)transaction aborts.
 */
extern void progress_start(const char *model);
extern void progress_rows(int64 rows);	/* read so far; the phase is PHASE_READING */
extern void progress_phase(TrainPhase phase);
extern void progress_report(const LearnReport *report);
extern void progress_end(void);

/* "reading", "training", ... */
extern const char *progress_phase_name(TrainPhase phase);

#endif							/* DML_PROGRESS_H */
