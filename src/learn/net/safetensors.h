/*
 * safetensors.h
 *	  The safetensors file format, as far as a model needs it: vectors and matrices of float32
 *	  and float64, vectors of bytes, and a few strings.
 *
 *		8 bytes		length of the header, little-endian
 *		header		a JSON object: "NAME": {"dtype": "F32", "F64" or "U8", "shape": [...],
 *					"data_offsets": [begin, end]} for each tensor, and "__metadata__",
 *					strings by name; padded with spaces to a multiple of 8
 *		data		the tensors without gaps, little-endian; offsets count from here
 *
 * The reader is strict: what the writer would not write is refused, save for white space
 * and the order of members, which other programs choose for themselves.
 *
 * A file that leaves the database may also have a description: one more string, of any characters
 * of UTF-8.
 */
#ifndef SAFETENSORS_H
#define SAFETENSORS_H

#include "base/learn.h"

#define ST_NAME_MAX		64		/* bytes of a tensor's or a string's name, with the final zero */
#define ST_VALUE_MAX	1024	/* bytes of a string, with the final zero */
#define ST_MAX_TENSORS	400
#define ST_MAX_STRINGS	8
#define ST_MAX_DIMS		2
#define ST_DESCRIPTION	"description"	/* the name of that string */

typedef struct StTensor
{
	char		name[ST_NAME_MAX];
	int			n_dims;			/* 1 or 2 */
	size_t		shape[ST_MAX_DIMS];
	size_t		begin;			/* offsets in the data; st_write sets them itself */
	size_t		end;
	bool		wide;			/* F64 */
	bool		bytes;			/* U8 */
	const void *values;			/* st_write: what to store, floats, doubles or bytes */
} StTensor;

typedef struct StString
{
	char		name[ST_NAME_MAX];
	char		value[ST_VALUE_MAX];
} StString;

typedef struct StFile
{
	int			n_tensors;
	int			n_strings;
	StTensor	tensor[ST_MAX_TENSORS];
	StString	string[ST_MAX_STRINGS];
	const unsigned char *data;	/* the blob's tensors, not aligned; st_read sets it */
	const char *description;	/* NULL: none */
} StFile;

/*
 * Write in the order given, into the arena: the same file gives the same bytes.  Names
 * and strings are printable ASCII without quotes and backslashes.  A description that does not
 * fit a header is LEARN_INVALID.
 */
extern LearnStatus st_write(LearnEnv *env, StFile *file, void **blob, size_t *size);

/*
 * Take the header apart; any bytes may come in.  LEARN_CORRUPT: not a file as above, a
 * name twice, or tensors that do not fill the data exactly.  file->data points into blob.
 */
extern LearnStatus st_read(LearnEnv *env, const void *blob, size_t size, StFile *file);

/* As above, of a file that may have a description, which goes into the arena. */
extern LearnStatus st_read_described(LearnEnv *env, const void *blob, size_t size, StFile *file);

/* NULL: there is none of this name. */
extern const StTensor *st_tensor(const StFile *file, const char *name);
extern const char *st_string(const StFile *file, const char *name);

/* Numbers of a tensor; they fit size_t and are what begin and end span. */
extern size_t st_count(const StTensor *tensor);

/*
 * Copy a tensor's numbers, to doubles if it is wide, else to floats; false if one of them is not
 * finite.  The bytes of a tensor of bytes are at file->data + tensor->begin.
 */
extern bool st_copy(const StFile *file, const StTensor *tensor, void *out);

#endif							/* SAFETENSORS_H */
