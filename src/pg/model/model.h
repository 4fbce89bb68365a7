/*
 * model.h
 *	  The catalogue of models, for the rooms above: find a version (cached), embed with
 *	  it, add one, record a column.
 *
 * The name of a model is a pointer to its active version; "name@3" is version 3.  A model of two
 * inputs has sides, "name/a" and "name/b" or "name@3/b", each of which embeds as a model of its
 * own. Versions are immutable.  Catalogue tables live in the schema dml_catalog and nobody writes
 * them but the functions here, as the extension's owner.
 */
#ifndef DML_MODEL_H
#define DML_MODEL_H

#include "compat.h"

#include "access/attnum.h"
#include "utils/rel.h"

#include "learn/net/model.h"
#include "call/learn_env.h"
#include "vector/vector.h"

/* What a row of input is: one array of n numbers, or n named columns. */
typedef enum DmlInputKind
{
	DML_INPUT_ARRAY,
	DML_INPUT_COLUMNS
} DmlInputKind;

/* A version in the backend's cache.  Read only. */
typedef struct DmlVersion
{
	int64		model_id;
	int32		number;			/* from 1 */
	char	   *name;			/* the model's, as it was when cached */
	uint64		space;
	int			in;				/* numbers of input */
	int			out;			/* dimensions of the embedding */
	DmlInputKind input_kind;
	int			n_columns;		/* DML_INPUT_COLUMNS: == in */
	char	  **columns;		/* their names */
	char	   *features;		/* the text given to training */
	const Model *model;

	/*
	 * Two inputs: this is side a unless the input's width says b, and these are the two by name.
	 * NULL: one input, or one of the two.
	 */
	const struct DmlVersion *side[2];
	char		side_name;		/* 'a', 'b' of one of the two, else 0 */
	bool		adapter;		/* space is that of vectors stored before, or 0: plain */
	const struct DmlVersion *whole; /* what keeps it in the cache */
} DmlVersion;

/*
 * Find a version as the running statement's snapshot sees it, load it if it is not cached,
 * check that the current user may embed with it (owner, superuser, or granted "embed").
 * Some microseconds when it is cached.  The pointer is good until the next look-up; who keeps it
 * longer pins it.  Errors: no such model (the hint has one of a similar name), no such
 * version, permission denied, a space that no version in this database has.
 */
extern const DmlVersion *dml_version_by_name(const char *name);
extern const DmlVersion *dml_version_by_space(uint64 space);	/* any version with this content that the user may use */

/* Keep a version in memory until the context is reset or deleted. */
extern void dml_version_pin(const DmlVersion *version, MemoryContext context);

/* The same, where the version to keep changes: a pin that moves from one to the next. */
typedef struct DmlPin DmlPin;

extern DmlPin *dml_pin_new(MemoryContext context);
extern void dml_pin_move(DmlPin *pin, const DmlVersion *version);

/*
 * When and for whom something was looked up.  fn_extra may outlive the statement (PL/pgSQL
 * keeps that of simple expressions for the whole transaction) and the user (SET ROLE, SECURITY
 * DEFINER), so what is kept there holds only until its moment has passed: until the user
 * or the statement's snapshot is another one.  Start with zeros; each call sets the
 * moment anew.
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
 * Embed n rows of version->in floats into out (n x version->out); the same bits whether a
 * row comes alone or in a batch.  Errors: input with NaN or infinity, an embedding
 * that is not finite (huge values).
 */
extern void dml_version_embed(const DmlVersion *version, const float4 *x, int n, float4 *out);

/* Who owns the version's model now; InvalidOid: the role is gone, or the model. */
extern Oid	dml_version_owner(const DmlVersion *version);

/* "name@3", "name@3/b": what dml_version_by_name takes for this version for ever. */
extern char *dml_version_reference(const DmlVersion *version);

/* The side of a model that was named without one that takes dim numbers: b where only b does. */
extern const DmlVersion *dml_version_for_width(const DmlVersion *version, int dim);

/*
 * One row, as a value of the type, by the side that has its width; dim is checked against
 * version->in with an error that says both.
 */
extern DmlVector *dml_version_embed_vector(const DmlVersion *version, const float4 *x, int dim);

/* What training hands over to be stored. */
typedef struct DmlNewVersion
{
	const char *name;			/* the model's; created if it is not there (then owned by the user) */
	const char *method;			/* what was trained */
	const char *asked_method;	/* what the user asked for, e.g. auto */
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
	int64		skipped;		/* rows left out for a NULL */
	int			classes;
	const char *features_b;		/* of the second input; NULL: there is none */
	int			in_b;
	DmlInputKind input_kind_b;
	int			n_columns_b;
	char	  **columns_b;
	const char *supervision;	/* "labels", "pairs", ... */
	int64		constraints;	/* pairs, triplets, ... given; 0: none */
	int			epochs;
	double		seconds;
	int64		seed;
	const char *score_name;		/* "recall@1" or "MAP@R" on held-out rows; NULL: not measured */
	double		score_none;		/* NaN: not measured */
	double		score_whiten;
	double		score_model;
	const char *settings;		/* json: {"option": {"value": ..., "default": true}, ...} */
	const char *history;		/* json: [{"epoch": 1, "loss": ..., "recall@1": ..., ...}, ...] */
	const char *candidates;		/* json: what auto tried; "[]" */
	const char *reason;
} DmlNewVersion;

/*
 * Store it as the next version of its model and make it the active one.  Locks the model's
 * row, so trainings of one name that end together get numbers one after the other.
 * Errors: the name is another user's model.  Returns the number.
 */
extern int32 dml_version_add(const DmlNewVersion *version);

/* The checks of dml_version_add that can be made before training starts: the name, its owner. */
extern void dml_version_check_name(const char *name);

/*
 * The threshold that a version was calibrated to, and what it does on the rows that it was found
 * on.
 */
typedef struct DmlCalibration
{
	double		threshold;
	const char *criterion;		/* "false_accept_rate", "accuracy", "f_beta", "equal_error" */
	double		target;			/* the rate that was asked for, or beta; NaN: none */
	double		far;			/* rates, NaN: of no pair */
	double		tar;
	double		accuracy;
	double		precision;
	int64		genuine;		/* pairs */
	int64		impostor;
	const char *source;
} DmlCalibration;

/* Store it with a version, instead of what was stored before.  Errors: not the model's owner. */
extern void dml_calibration_record(const DmlVersion *version, const DmlCalibration *calibration);

/* The checks of it that can be made before rows are read: the owner. */
extern void dml_calibration_check(const DmlVersion *version);

/*
 * The threshold as the running statement's snapshot sees it; false: the version is not calibrated.
 */
extern bool dml_calibration_find(const DmlVersion *version, double *threshold);

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
 * Record a column, or forget it, and delete stale records of its table: of columns that are dropped
 * or have another type now.  The caller has locked the table.  dml_column_forget returns whether
 * there was a record of the column; stale: whether there was a stale one.
 */
extern void dml_column_record(const DmlColumn *column);
extern bool dml_column_forget(Oid relid, AttrNumber attnum, bool *stale);

/*
 * The features on record for a column, as they are committed now; NULL: the column has no record.
 */
extern char *dml_column_features(Oid relid, AttrNumber attnum);

/*
 * Record a column as another one is recorded, whose record stays.  False: that one has no record.
 */
extern bool dml_column_copy(Oid from_relid, AttrNumber from, Oid relid, AttrNumber attnum);

/*
 * The space of the vectors that an open index holds.  False: it is no dml index, or no vector
 * has been put into it.  The access method sets it, since it is in a room above.
 */
extern bool (*dml_index_space) (Relation index, uint64 *space);

#endif							/* DML_MODEL_H */
