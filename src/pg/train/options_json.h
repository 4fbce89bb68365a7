/*
 * options_json.h
 *	  Training's options, history and candidates as JSON.
 */
#ifndef DML_OPTIONS_JSON_H
#define DML_OPTIONS_JSON_H

#include "compat.h"

#include "utils/jsonb.h"

#include "learn/train/train.h"

/*
 * Set options from a JSON object: numbers, booleans and texts by option name; null
 * leaves the default.  Errors: not an object, nested values, an option that is set
 * already, and whatever options_set_* refuses.
 */
extern void options_from_json(LearnEnv *env, TrainOptions *options, Jsonb *json);

/* {"option": {"value": ..., "default": true}, ...} for every option. */
extern char *options_to_json(const TrainOptions *options);

/* [{"epoch": 1, "loss": 0.5, "recall@1": 0.9, "learning_rate": 0.001, "seconds": 0.1}, ...] */
extern char *history_to_json(const TrainResult *result);

/*
 * [{"method": "supcon", "network": "256 relu, 64, l2", "recall@1": 0.9, "seconds": 3.1, "note":
 * ""}, ...]
 */
extern char *candidates_to_json(const TrainResult *result);

#endif							/* DML_OPTIONS_JSON_H */
