/*
 * encode_store.c
 *	  The stored form of an encoder: little-endian, columns one behind the other.
 *
 *		u32 version, u32 columns, u8 skip, and for each column
 *		u8 kind, u8 has_missing, u8 has_other, u8 cycles, u32 n,
 *		number, time, array: f64 mean [n], f64 scale [n]
 *		category, bag: u64 hash [n], n times u8 length and a name
 *
 * padded with zeros to a multiple of 8.
 */
#include "encode.h"

#include <math.h>
#include <string.h>

#define VERSION		1
#define ALIGN		8

/* ---------- writing ---------- */

typedef struct Writer
{
	unsigned char *out;			/* NULL: the bytes are only counted */
	size_t		used;
} Writer;

static void
put(Writer *w, uint64_t value, int bytes)
{
	for (int b = 0; b < bytes; b++, w->used++)
		if (w->out)
			w->out[w->used] = (unsigned char) (value >> (8 * b));
}

static void
put_double(Writer *w, double value)
{
	uint64_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	put(w, bits, 8);
}

static bool
has_scale(EncodeKind kind)
{
	return kind == ENCODE_NUMBER || kind == ENCODE_ARRAY || kind == ENCODE_TIME;
}

static bool
has_vocabulary(EncodeKind kind)
{
	return kind == ENCODE_CATEGORY || kind == ENCODE_BAG;
}

static void
write_encoder(Writer *w, const Encoder *encoder)
{
	put(w, VERSION, 4);
	put(w, encoder->n, 4);
	put(w, encoder->skip, 1);
	for (int i = 0; i < encoder->n; i++)
	{
		const EncodeColumn *column = &encoder->column[i];

		put(w, column->kind, 1);
		put(w, column->has_missing, 1);
		put(w, column->has_other, 1);
		put(w, column->cycles, 1);
		put(w, column->n, 4);
		for (int j = 0; has_scale(column->kind) && j < column->n; j++)
			put_double(w, column->mean[j]);
		for (int j = 0; has_scale(column->kind) && j < column->n; j++)
			put_double(w, column->scale[j]);
		for (int v = 0; has_vocabulary(column->kind) && v < column->n; v++)
			put(w, column->hash[v], 8);
		for (int v = 0; has_vocabulary(column->kind) && v < column->n; v++)
		{
			size_t		length = strlen(column->name[v]);

			put(w, length, 1);
			for (size_t b = 0; b < length; b++)
				put(w, (unsigned char) column->name[v][b], 1);
		}
	}
	while (w->used % ALIGN != 0)
		put(w, 0, 1);
}

LearnStatus
encode_save(LearnEnv *env, const Encoder *encoder, unsigned char **bytes, size_t *size)
{
	Writer		w = {0};

	write_encoder(&w, encoder);
	*size = w.used;
	LEARN_ALLOC(env, w.out, w.used);
	w.used = 0;
	write_encoder(&w, encoder);
	*bytes = w.out;
	return LEARN_OK;
}

/* ---------- reading ---------- */

typedef struct Reader
{
	const unsigned char *p;
	const unsigned char *end;
	bool		wrong;
} Reader;

/* A number of some bytes, 0 once something is wrong. */
static uint64_t
take(Reader *r, int bytes)
{
	uint64_t	value = 0;

	if (r->wrong || r->end - r->p < bytes)
	{
		r->wrong = true;
		return 0;
	}
	for (int b = 0; b < bytes; b++)
		value |= (uint64_t) *r->p++ << (8 * b);
	return value;
}

/* A number of some bytes that is at most max. */
static int
take_small(Reader *r, int bytes, int max)
{
	uint64_t	value = take(r, bytes);

	if (value > (uint64_t) max)
	{
		r->wrong = true;
		return 0;
	}
	return (int) value;
}

static double
take_double(Reader *r)
{
	uint64_t	bits = take(r, 8);
	double		value;

	memcpy(&value, &bits, sizeof(value));
	if (!isfinite(value))
		r->wrong = true;
	return value;
}

/* Room for n items of some bytes each, which the rest of the bytes must hold. */
static bool
holds(Reader *r, int n, size_t bytes)
{
	if (!r->wrong && (size_t) (r->end - r->p) < n * bytes)
		r->wrong = true;
	return !r->wrong;
}

static LearnStatus
read_scale(LearnEnv *env, Reader *r, EncodeColumn *column)
{
	if (!holds(r, column->n, 16))
		return LEARN_OK;
	LEARN_ALLOC(env, column->mean, column->n);
	LEARN_ALLOC(env, column->scale, column->n);
	for (int j = 0; j < column->n; j++)
		column->mean[j] = take_double(r);
	for (int j = 0; j < column->n; j++)
	{
		column->scale[j] = take_double(r);
		if (column->scale[j] < 0)
			r->wrong = true;
	}
	return LEARN_OK;
}

/* A name, which is UTF-8 without zeros. */
static LearnStatus
read_name(LearnEnv *env, Reader *r, const char **name)
{
	EncodeString string = {.n = take_small(r, 1, ENCODE_NAME_MAX)};
	size_t		at = 0;
	char	   *copy;

	*name = "";
	if (!holds(r, (int) string.n, 1))
		return LEARN_OK;
	string.bytes = (const char *) r->p;
	while (at < string.n)
	{
		bool		valid;

		if (encode_next_char(string, &at, &valid) == 0 || !valid)
			r->wrong = true;
	}
	LEARN_ALLOC(env, copy, string.n + 1);
	memcpy(copy, string.bytes, string.n);
	copy[string.n] = '\0';
	r->p += string.n;
	*name = copy;
	return LEARN_OK;
}

static LearnStatus
read_vocabulary(LearnEnv *env, Reader *r, EncodeColumn *column)
{
	if (!holds(r, column->n, 9))
		return LEARN_OK;
	LEARN_ALLOC(env, column->hash, column->n);
	LEARN_ALLOC(env, column->name, column->n);
	for (int v = 0; v < column->n; v++)
	{
		column->hash[v] = take(r, 8);
		if (v > 0 && column->hash[v] <= column->hash[v - 1])
			r->wrong = true;
	}
	for (int v = 0; v < column->n; v++)
		LEARN_TRY(read_name(env, r, &column->name[v]));
	return LEARN_OK;
}

/* The most that n can be, and the least. */
static bool
size_fits(const EncodeColumn *column)
{
	switch (column->kind)
	{
		case ENCODE_NUMBER:
		case ENCODE_TIME:
			return column->n == 1;
		case ENCODE_ARRAY:
			return column->n >= 1 && column->n <= ENCODE_MAX_WIDTH;
		case ENCODE_TEXT:
			return column->n >= ENCODE_MIN_BUCKETS && column->n <= ENCODE_MAX_BUCKETS;
		case ENCODE_CATEGORY:
		case ENCODE_BAG:
			return column->n <= ENCODE_MAX_VALUES;
		case ENCODE_KINDS:
			break;
	}
	return false;
}

static LearnStatus
read_column(LearnEnv *env, Reader *r, EncodeColumn *column)
{
	memset(column, 0, sizeof(*column));
	column->kind = take_small(r, 1, ENCODE_KINDS - 1);
	column->has_missing = take_small(r, 1, 1);
	column->has_other = take_small(r, 1, 1);
	column->cycles = take_small(r, 1, ENCODE_CYCLES);
	column->n = take_small(r, 4, ENCODE_MAX_WIDTH);
	if (!size_fits(column) || (column->cycles != 0 && column->kind != ENCODE_TIME) ||
		(column->has_other && !has_vocabulary(column->kind)))
		r->wrong = true;
	if (has_scale(column->kind))
		return read_scale(env, r, column);
	return has_vocabulary(column->kind) ? read_vocabulary(env, r, column) : LEARN_OK;
}

LearnStatus
encode_load(LearnEnv *env, const unsigned char *bytes, size_t size, Encoder **encoder)
{
	Reader		r = {bytes, bytes + size, size % ALIGN != 0};
	Encoder    *e;

	LEARN_ALLOC(env, e, 1);
	if (take(&r, 4) != VERSION && !r.wrong)
	{
		learn_fail(env, LEARN_CORRUPT, "the stored model has an encoder of another format");
		learn_hint(env, "It may come from a later version of dml.");
		return LEARN_CORRUPT;
	}
	e->n = take_small(&r, 4, ENCODE_MAX_COLUMNS);
	e->skip = take_small(&r, 1, 1);
	if (e->n == 0)
		r.wrong = true;
	LEARN_ALLOC(env, e->column, e->n);
	for (int i = 0; i < e->n && !r.wrong; i++)
		LEARN_TRY(read_column(env, &r, &e->column[i]));
	if (r.end - r.p >= ALIGN)
		r.wrong = true;
	while (!r.wrong && r.p < r.end)
		r.wrong = *r.p++ != 0;
	if (r.wrong || !encode_layout(e))
		return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: its encoder");
	*encoder = e;
	return LEARN_OK;
}
