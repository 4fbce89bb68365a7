/*
 * model.h
 *	  The catalogue of models, for the rooms above: find a version, embed with it, add one,
 *	  record a column.
 *
 * The name of a model means its active version; "name@3" is version 3.  A model of two inputs has
 * sides, "name/a" and "name/b" or "name@3/b", each of which embeds as a model of its own.  Versions
 * never change.  The tables are in the schema dml_catalog.  Only the functions here write them, as
 * the extension's owner.
 */
#ifndef DML_MODEL_H
#define DML_MODEL_H

#include "compat.h"

#include "access/attnum.h"
#include "utils/array.h"
#include "utils/rel.h"

#include "learn/net/model.h"
#include "call/learn_env.h"
#include "vector/vector.h"

/* The kind of input: one array of n numbers, or n named columns. */
typedef enum DmlInputKind
{
	DML_INPUT_ARRAY,
	DML_INPUT_COLUMNS
} DmlInputKind;

/* A version in the session's cache.  Read only. */
typedef struct DmlVersion
{
	int64		model_id;
	int32		number;			/* from 1 */
	char	   *name;			/* the model's name when the version was cached */
	uint64		space;
	uint64		weights_space;	/* as the catalogue has it; of an adapter another one than space */
	int			in;				/* how many numbers the network takes */
	int			out;			/* dimensions of the embedding */
	DmlInputKind input_kind;
	/* with DML_INPUT_COLUMNS: of the encoder if the model has one, else in */
	int			n_columns;
	char	  **columns;		/* their names */
	char	   *features;		/* the features' text, as given to training */
	bool		imported;		/* the features were written by whoever made an imported file */
	const Model *model;

	/*
	 * Two inputs: this version embeds as side a, or as side b if only b's width fits; the sides are
	 * here by name.  NULL: one input, or this is a side.
	 */
	const struct DmlVersion *side[2];
	char		side_name;		/* 'a' or 'b' if this is a side, else 0 */
	bool		adapter;		/* space is that of the stored vectors, 0: plain */
	const struct DmlVersion *whole; /* what a pin holds: this, or the whole of this side */
} DmlVersion;

/*
 * Find a version as the running statement's snapshot sees it, load it if it is not cached, and
 * check that the current user may embed with it (owner, superuser, or granted "embed").  Takes a
 * few microseconds if it is cached.  The pointer is valid until the next look-up; a caller that
 * keeps it longer pins it.  Errors: no such model (the hint has a similar name), no such version,
 * permission denied, a space that no version in this database has.
 */
extern const DmlVersion *dml_version_by_name(const char *name);
extern const DmlVersion *dml_version_by_space(uint64 space);	/* any one that the user may use */

/*
 * Versions of equal content share a space, and each may have a threshold.  The last one of a space
 * that is calibrated, or any one if none is.
 */
extern const DmlVersion *dml_version_calibrated(uint64 space);

/*
 * The version that dml_version_reference named, if what it names is of this weights_space still;
 * else any version of weights_space that the user may use: the model may have come from another
 * database, where it had another name or number.  weights_space 0: the name alone.  Errors: as
 * above; none is here.
 */
extern const DmlVersion *dml_version_by_reference(const char *reference, uint64 weights_space);

/* Keep a version in the cache until the context is reset or deleted. */
extern void dml_version_pin(const DmlVersion *version, MemoryContext context);

/* A pin that moves from one version to the next. */
typedef struct DmlPin DmlPin;

extern DmlPin *dml_pin_new(MemoryContext context);
extern void dml_pin_move(DmlPin *pin, const DmlVersion *version);

/*
 * When and for whom something was looked up.  fn_extra can outlive the statement, since PL/pgSQL
 * keeps it for the whole transaction in simple expressions.  It can outlive the user, too (SET
 * ROLE, SECURITY DEFINER).  So what it holds is valid only until the user or the statement's
 * snapshot changes.  Start with zeros; each call of dml_moment_passed sets the moment to now.
 */
typedef struct DmlMoment
{
	Oid			user;
	TransactionId xmin;
	TransactionId xmax;
	uint32		n_running;
	CommandId	command;
} DmlMoment;

extern bool dml_moment_passed(DmlMoment *moment);

/*
 * Embed n rows of version->in floats, without the model's origin, into out (n x version->out).  A
 * row has the same bits alone and in a batch.  Errors: input with NaN or infinity, an embedding
 * that is not finite (huge values).
 */
extern void dml_version_embed(const DmlVersion *version, const float4 *x, int n, float4 *out);

/* The current owner of the version's model; InvalidOid: the role or the model was dropped. */
extern Oid	dml_version_owner(const DmlVersion *version);

/* "name@3" or "name@3/b": the text by which dml_version_by_name always finds this version. */
extern char *dml_version_reference(const DmlVersion *version);

/* How many numbers a row of the version is made of; 0: it has features of other kinds. */
extern int	dml_version_numbers(const DmlVersion *version);

/*
 * The version itself, or, if it was named without a side and only side b takes dim numbers, side b.
 */
extern const DmlVersion *dml_version_for_width(const DmlVersion *version, int dim);

/* One such row, as a value of the type. */
extern DmlVector *dml_version_embed_row(const DmlVersion *version, const float4 *x);

/*
 * Embed one row as the user gives it, a plain vector or an array without NULLs, by the side that
 * has its width.  The origin is taken off in double.  Errors: a width that the model does not take,
 * a model of features that are not all numbers, and those of dml_floats_from_array.
 */
extern DmlVector *dml_version_embed_vector(const DmlVersion *version, const float4 *x, int dim);
extern DmlVector *dml_version_embed_array(const DmlVersion *version, ArrayType *array);

/* The result of a training, to be stored. */
typedef struct DmlNewVersion
{
	const char *name;			/* the model's name; a new model is owned by the user */
	const char *method;			/* the method that was trained */
	const char *asked_method;	/* the method that the user asked for, such as auto */
	const char *network;
	const char *preprocessing;
	int			in;
	int			dims;
	DmlInputKind input_kind;
	int			n_columns;
	char	  **columns;
	const void *weights;		/* safetensors */
	size_t		weights_size;
	const char *source;			/* as the user typed them */
	const char *features;
	const char *label;
	int64		rows;
	int64		skipped;		/* rows with a NULL, left out */
	int			classes;
	const char *features_b;		/* the second input's; NULL: there is none */
	int			in_b;
	DmlInputKind input_kind_b;
	int			n_columns_b;
	char	  **columns_b;
	const char *supervision;	/* "labels", "pairs", ... */
	int64		constraints;	/* number of pairs, triplets, ...; 0: none */
	int			epochs;
	double		seconds;
	int64		seed;
	const char *score_name;		/* "recall@1" or "MAP@R" on held-out rows; NULL: not measured */
	double		score_none;		/* NaN: not measured */
	double		score_whiten;
	double		score_model;
	const char *settings;		/* json: {"option": {"value": ..., "default": true}, ...} */
	const char *history;		/* json: [{"epoch": 1, "loss": ..., "recall@1": ..., ...}, ...] */
	const char *candidates;		/* json: the candidates of auto, or "[]" */
	const char *reason;
	bool		imported;		/* the features come from a file */
	bool		inactive;		/* the active version stays, if there is one */
} DmlNewVersion;

/*
 * Store it as the next version of its model and make that the active one, unless it is inactive.
 * Locks the model's row until the transaction ends, so trainings of one name that end together get
 * successive numbers. Errors: the name is another user's model.  Returns the number.
 */
extern int32 dml_version_add(const DmlNewVersion *version);

/* The checks of dml_version_add that are possible before training: the name and its owner. */
extern void dml_version_check_name(const char *name);

/* The threshold of a version, and its figures on the rows that it was found on. */
typedef struct DmlCalibration
{
	double		threshold;
	const char *criterion;		/* "false_accept_rate", "accuracy", "f_beta", "equal_error" */
	double		target;			/* the requested rate, or beta; NaN: none */
	double		far;			/* rates; NaN: there was no pair */
	double		tar;
	double		accuracy;
	double		precision;
	int64		genuine;		/* pairs */
	int64		impostor;
	const char *source;
} DmlCalibration;

/*
 * Store it for a version, in place of an earlier one.  Errors: the user is not the model's owner.
 */
extern void dml_calibration_record(const DmlVersion *version, const DmlCalibration *calibration);

/* The check of dml_calibration_store that is possible before rows are read: the owner. */
extern void dml_calibration_check(const DmlVersion *version);

/*
 * The threshold as the running statement's snapshot sees it.  Returns false if the version is not
 * calibrated.  far: the false accept rate that it had (NaN: not known).
 */
extern bool dml_calibration_find(const DmlVersion *version, double *threshold);
extern bool dml_calibration_find_rate(const DmlVersion *version, double *threshold, double *far);

/* Raise the error for a version that is not calibrated. */
extern void dml_not_calibrated(const DmlVersion *version) pg_attribute_noreturn();

/* A materialised column, to be recorded in the catalogue (dml_columns). */
typedef struct DmlColumn
{
	Oid			relid;
	AttrNumber	attnum;
	int64		model_id;
	int32		number;			/* of the version */
	const char *features;		/* expressions over the table's columns */
} DmlColumn;

/*
 * Record a column, or delete its record; both delete stale records of its table, those of columns
 * that are dropped or have another type now.  The caller has locked the table.  dml_column_forget
 * returns whether the column had a record.  stale: whether there was a stale one.
 */
extern void dml_column_record(const DmlColumn *column);
extern bool dml_column_forget(Oid relid, AttrNumber attnum, bool *stale);

/* The features on record for a column, as committed now; NULL: the column has no record. */
extern char *dml_column_features(Oid relid, AttrNumber attnum);

/* Give a column a copy of another column's record.  Returns false if that one has no record. */
extern bool dml_column_copy(Oid from_relid, AttrNumber from, Oid relid, AttrNumber attnum);

/*
 * The space of the vectors in an open index.  Returns false if it is no dml index or holds no
 * vector.  The access method sets this hook, since it is in a room above.
 */
extern bool (*dml_index_space) (Relation index, uint64 *space);

#endif							/* DML_MODEL_H */
