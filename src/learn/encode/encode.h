/*
 * encode.h
 *	  From the values of a row's columns, which are of several kinds, to the numbers that a model
 *	  takes.
 *
 * An encoder has one column for each feature.  It is fitted on the rows of a training and is stored
 * with the model.  Each column becomes a block of numbers whose squared distance between two rows
 * drawn at random is about 2, so that no feature outweighs another before anything is learned:
 *
 *	number		(x - mean) / deviation
 *	array		the same for each element, divided by the root of the length
 *	category	one number for each value of the vocabulary, 1 for the row's own
 *	text		words and character n-grams, hashed with signs into buckets, of length 1
 *	bag			as a category, for several values, of length 1
 *	time		a number, and sine and cosine of the day, the week and the year
 *
 * A category has one further number for values outside of the vocabulary, if training met any.  A
 * column has one for a missing value, if training met one there.  A missing number is the mean.
 */
#ifndef ENCODE_H
#define ENCODE_H

#include "base/learn.h"

#define ENCODE_MAX_COLUMNS	1664
#define ENCODE_MAX_WIDTH	16000	/* numbers of a row */
#define ENCODE_MAX_VALUES	4096	/* of a vocabulary */
#define ENCODE_MAX_BUCKETS	8192
#define ENCODE_MIN_BUCKETS	16
#define ENCODE_VALUES		256		/* of a vocabulary, unless more are asked for */
#define ENCODE_BUCKETS		512		/* of a text */
#define ENCODE_TEXT_BYTES	65536	/* of a text are read; the rest is ignored */
#define ENCODE_NAME_MAX		48		/* bytes of a value that are kept, to be shown */

typedef enum EncodeKind
{
	ENCODE_NUMBER,
	ENCODE_ARRAY,
	ENCODE_CATEGORY,
	ENCODE_TEXT,
	ENCODE_BAG,
	ENCODE_TIME,
	ENCODE_KINDS
} EncodeKind;

/* Cycles of a time, as bits. */
#define ENCODE_DAY		1
#define ENCODE_WEEK		2
#define ENCODE_YEAR		4
#define ENCODE_CYCLES	7

/* UTF-8; any other bytes are taken as characters of their own. */
typedef struct EncodeString
{
	const char *bytes;
	size_t		n;
} EncodeString;

/* The value of one column. */
typedef struct EncodeValue
{
	bool		missing;
	double		number;			/* a number; a time: seconds from 2000-01-01 00:00 on; finite */
	int			n;				/* numbers of an array, strings of a bag */
	const double *numbers;		/* finite, or NaN for a missing element */
	const EncodeString *strings;	/* one of a category or a text, n of a bag */
} EncodeValue;

typedef struct EncodeColumn
{
	EncodeKind	kind;
	bool		has_missing;	/* there is a number for a missing value */
	bool		has_other;		/* there is one for values outside of the vocabulary */
	int			cycles;			/* of a time */
	/* elements of an array, buckets of a text, values of a vocabulary; else 1 */
	int			n;
	double	   *mean;			/* number and time: 1; array: n; else NULL */
	double	   *scale;			/* as many; 0 where training met one value only */
	uint64_t   *hash;			/* the vocabulary, rising */
	const char **name;			/* its values in UTF-8, each cut at ENCODE_NAME_MAX bytes */
	int			first;			/* place of the block in a row */
	int			width;			/* numbers of the block */
} EncodeColumn;

typedef struct Encoder
{
	bool		skip;			/* rows with a missing value have no numbers */
	int			n;
	int			width;
	EncodeColumn *column;
} Encoder;

/*
 * The numbers of a row: values has one for each column, out gets encoder->width.  False: a value is
 * missing, and the encoder skips such rows.  An array has as many numbers as its column.
 */
extern bool encode_row(const Encoder *encoder, const EncodeValue *values, float *out);

/* How many numbers a row is made of if all columns are numbers and arrays; else 0. */
extern int	encode_numbers(const Encoder *encoder);

/* What place j of a row's numbers is, into buf: "price", "colour = red", "title[17]". */
extern void encode_place_name(const Encoder *encoder, int j, const char *const *columns, char *buf, size_t size);

/* The column that place j of a row belongs to. */
extern int	encode_place_column(const Encoder *encoder, int j);

/* ---------- fitting ---------- */

/* What a column is to become. */
typedef struct EncodeAsk
{
	EncodeKind	kind;
	bool		open;			/* a text, or a category if it has few values */
	int			size;			/* of vocabulary or buckets; 0: the default */
	int			cycles;			/* that a time may have */
} EncodeAsk;

typedef struct EncodeFit EncodeFit;

/* Memory comes from env's arena, which must live until the encoder is no longer needed. */
extern LearnStatus encode_fit_start(LearnEnv *env, const EncodeAsk *ask, int n, EncodeFit **fit);

/* Whether an array has the length of those before it; the first one decides. */
extern bool encode_fit_length(const EncodeFit *fit, int column, int n);

/* Take a value.  Counting distinct values of a column takes 64 MB at most. */
extern LearnStatus encode_fit_add(EncodeFit *fit, int column, const EncodeValue *value);

/* How many values a column has had that were not missing, and how many that were. */
extern int64_t encode_fit_seen(const EncodeFit *fit, int column);
extern int64_t encode_fit_missing(const EncodeFit *fit, int column);

/* LEARN_INVALID: the row would be too wide.  skip: as in Encoder. */
extern LearnStatus encode_fit_finish(EncodeFit *fit, bool skip, Encoder **encoder);

/* ---------- the stored form ---------- */

/* Into the arena; size is a multiple of 8.  Equal encoders have equal bytes. */
extern LearnStatus encode_save(LearnEnv *env, const Encoder *encoder, unsigned char **bytes, size_t *size);

/* Any bytes may come in: LEARN_CORRUPT, never a crash. */
extern LearnStatus encode_load(LearnEnv *env, const unsigned char *bytes, size_t size, Encoder **encoder);

/* ---------- shared by the files of this room ---------- */

/* A hash of a category's value. */
extern uint64_t encode_hash(EncodeString string);

/* Words and n-grams of a text into buckets numbers, which are 0. */
extern void encode_text(EncodeString text, int buckets, float *out);

/* The next character; at is below string.n.  *valid, if not NULL: whether it is UTF-8. */
extern uint32_t encode_next_char(EncodeString string, size_t *at, bool *valid);

/* Set the places and widths of the columns; false: the row is too wide. */
extern bool encode_layout(Encoder *encoder);

#endif							/* ENCODE_H */
