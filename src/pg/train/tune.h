/*
 * tune.h
 *	  The arguments of dml_tune.
 */
#ifndef DML_TUNE_H
#define DML_TUNE_H

#include "compat.h"

#include "fmgr.h"

#include "learn/train/tune.h"

/*
 * The plan of a search from the arguments search (jsonb or NULL), trials and folds, in the current
 * memory context. Argument number `first` is search. Errors: what tune_check refuses, and JSON that
 * holds neither lists nor ranges.
 */
extern TunePlan *tune_plan(FunctionCallInfo fcinfo, int first, const TrainOptions *options);

#endif							/* DML_TUNE_H */
