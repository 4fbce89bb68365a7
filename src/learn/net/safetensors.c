/*
 * safetensors.c
 *	  Writer and strict reader of the safetensors format.
 */
#include "safetensors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LENGTH_BYTES	8
#define HEADER_ALIGN	8
#define METADATA		"__metadata__"

/*
 * Of a header that has all that may be in one, written compactly, it is some four times the size.
 */
#define HEADER_MAX		((size_t) 256 * 1024)
#define DESCRIBED_MAX	((size_t) 16 * 1024 * 1024)	/* with a description */

/* ---------- numbers as little-endian bytes ---------- */

static void
put_u64(unsigned char *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = v >> (8 * i);
}

static uint64_t
get_u64(const unsigned char *p)
{
	uint64_t	v = 0;

	for (int i = 0; i < 8; i++)
		v |= (uint64_t) p[i] << (8 * i);
	return v;
}

static void
put_float(unsigned char *p, float value)
{
	uint32_t	v;

	memcpy(&v, &value, sizeof(v));
	p[0] = v;
	p[1] = v >> 8;
	p[2] = v >> 16;
	p[3] = v >> 24;
}

static float
get_float(const unsigned char *p)
{
	uint32_t	v = p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
	float		value;

	memcpy(&value, &v, sizeof(value));
	return value;
}

static void
put_double(unsigned char *p, double value)
{
	uint64_t	v;

	memcpy(&v, &value, sizeof(v));
	put_u64(p, v);
}

static double
get_double(const unsigned char *p)
{
	uint64_t	v = get_u64(p);
	double		value;

	memcpy(&value, &v, sizeof(value));
	return value;
}

size_t
st_count(const StTensor *tensor)
{
	return tensor->n_dims == 2 ? tensor->shape[0] * tensor->shape[1] : tensor->shape[0];
}

/* Bytes of one number. */
static size_t
number_bytes(const StTensor *tensor)
{
	return tensor->bytes ? 1 : tensor->wide ? sizeof(double) : sizeof(float);
}

/* ---------- writing ---------- */

/*
 * A string of JSON without the quotes around it, into out (size bytes), unless out is NULL.
 * Returns its length.
 */
static size_t
print_escaped(const char *text, char *out, size_t size)
{
	size_t		used = 0;

#define PUT(...) \
	(used += snprintf(out != NULL ? out + used : NULL, out != NULL ? size - used : 0, __VA_ARGS__))

	for (; *text != '\0'; text++)
	{
		if (*text == '"' || *text == '\\')
			PUT("\\%c", *text);
		else if ((unsigned char) *text < ' ')
			PUT("\\u%04x", *text);
		else
			PUT("%c", *text);
	}
#undef PUT
	return used;
}

/*
 * The header's text into out (size bytes), unless out is NULL.  Returns its length.
 */
static size_t
print_header(const StFile *file, char *out, size_t size)
{
	size_t		used = 0;
	const char *comma = "";

#define PRINT(...) \
	(used += snprintf(out != NULL ? out + used : NULL, out != NULL ? size - used : 0, __VA_ARGS__))

	PRINT("{\"" METADATA "\":{");
	for (int i = 0; i < file->n_strings; i++)
	{
		PRINT("%s\"%s\":\"%s\"", comma, file->string[i].name, file->string[i].value);
		comma = ",";
	}
	if (file->description != NULL)
	{
		PRINT("%s\"" ST_DESCRIPTION "\":\"", comma);
		used += print_escaped(file->description, out != NULL ? out + used : NULL, out != NULL ? size - used : 0);
		PRINT("\"");
	}
	PRINT("}");
	for (int i = 0; i < file->n_tensors; i++)
	{
		const StTensor *t = &file->tensor[i];

		PRINT(",\"%s\":{\"dtype\":\"%s\",\"shape\":[%zu", t->name,
			  t->bytes ? "U8" : t->wide ? "F64" : "F32", t->shape[0]);
		if (t->n_dims == 2)
			PRINT(",%zu", t->shape[1]);
		PRINT("],\"data_offsets\":[%zu,%zu]}", t->begin, t->end);
	}
	PRINT("}");
#undef PRINT
	return used;
}

LearnStatus
st_write(LearnEnv *env, StFile *file, void **blob, size_t *size)
{
	unsigned char *bytes;
	size_t		length;
	size_t		padded;
	size_t		data = 0;

	for (int i = 0; i < file->n_tensors; i++)
	{
		StTensor   *t = &file->tensor[i];

		t->begin = data;
		data += st_count(t) * number_bytes(t);
		t->end = data;
	}
	length = print_header(file, NULL, 0);
	padded = (length + HEADER_ALIGN - 1) / HEADER_ALIGN * HEADER_ALIGN;
	if (padded > DESCRIBED_MAX)
		return learn_fail(env, LEARN_INVALID, "the description of the model is too long: the header would have %zu bytes", padded);

	/*
	 * one byte more: snprintf ends its text with a zero, which the padding or the data overwrites
	 */
	*size = LENGTH_BYTES + padded + data;
	LEARN_ALLOC(env, bytes, *size + 1);
	put_u64(bytes, padded);
	print_header(file, (char *) bytes + LENGTH_BYTES, padded + 1);
	memset(bytes + LENGTH_BYTES + length, ' ', padded - length);
	for (int i = 0; i < file->n_tensors; i++)
	{
		const StTensor *t = &file->tensor[i];
		unsigned char *p = bytes + LENGTH_BYTES + padded + t->begin;
		size_t		n = st_count(t);

		for (size_t j = 0; j < n; j++)
		{
			if (t->bytes)
				p[j] = ((const unsigned char *) t->values)[j];
			else if (t->wide)
				put_double(p + sizeof(double) * j, ((const double *) t->values)[j]);
			else
				put_float(p + sizeof(float) * j, ((const float *) t->values)[j]);
		}
	}
	*blob = bytes;
	return LEARN_OK;
}

/* ---------- reading ---------- */

typedef struct Reader
{
	const char *p;
	const char *end;
	const char *wrong;			/* what is wrong, from the first error on */
	Arena	   *arena;			/* for a description; NULL: there must be none */
} Reader;

static bool
fail(Reader *r, const char *what)
{
	if (r->wrong == NULL)
		r->wrong = what;
	return false;
}

static void
skip_space(Reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

/* Take c if it comes next. */
static bool
accept(Reader *r, char c)
{
	skip_space(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool
expect(Reader *r, char c)
{
	return accept(r, c) || fail(r, "the header is not the JSON that was expected");
}

/*
 * After an element of an object or array: true, and *more says whether a comma or the
 * closing character came.
 */
static bool
element_end(Reader *r, char closing, bool *more)
{
	*more = accept(r, ',');
	return *more || expect(r, closing);
}

/* A string of printable ASCII without escapes: all that names and network lines need. */
static bool
read_string(Reader *r, char *out, size_t size)
{
	size_t		n = 0;

	if (!expect(r, '"'))
		return false;
	for (; r->p < r->end && *r->p != '"'; r->p++)
	{
		unsigned char c = *r->p;

		if (c < ' ' || c > '~' || c == '\\')
			return fail(r, "the header has a string with a character that models do not use");
		if (n + 1 >= size)
			return fail(r, "the header has a string that is too long");
		out[n++] = c;
	}
	out[n] = '\0';
	return expect(r, '"');
}

/* The value of four hexadecimal digits, or -1. */
static int
read_hex(Reader *r)
{
	int			value = 0;

	for (int i = 0; i < 4; i++)
	{
		char		c = r->p < r->end ? *r->p++ : '\0';
		int			digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
			c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* What follows a backslash: an ASCII character, or '\0' if it is none. */
static char
read_escape(Reader *r)
{
	static const char plain[] = "\"\\/";
	static const char named[] = "bfnrt";
	static const char meant[] = "\b\f\n\r\t";
	char		c = r->p < r->end ? *r->p++ : '\0';
	int			code;

	if (c != '\0' && strchr(plain, c) != NULL)
		return c;
	if (c != '\0' && strchr(named, c) != NULL)
		return meant[strchr(named, c) - named];
	code = c == 'u' ? read_hex(r) : -1;
	return code > 0 && code < 128 ? (char) code : '\0';
}

/*
 * A string with escapes, into the arena.  Its bytes beyond ASCII are taken as they are; the caller
 * checks the encoding.
 */
static bool
read_description(Reader *r, const char **out)
{
	char	   *text;
	size_t		n = 0;

	if (!expect(r, '"'))
		return false;
	text = arena_alloc(r->arena, r->end - r->p + 1, 1);
	if (text == NULL)
		return fail(r, "there is not enough memory for its description");
	while (r->p < r->end && *r->p != '"')
	{
		char		c = *r->p++;

		if ((unsigned char) c < ' ')
			return fail(r, "the description has a control character");
		if (c == '\\')
			c = read_escape(r);
		if (c == '\0')
			return fail(r, "the description has an escape that is not known");
		text[n++] = c;
	}
	text[n] = '\0';
	*out = text;
	return expect(r, '"');
}

static bool
read_size(Reader *r, size_t *out)
{
	size_t		value = 0;
	const char *first;

	skip_space(r);
	first = r->p;
	for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++)
	{
		size_t		digit = *r->p - '0';

		if (value > (SIZE_MAX - digit) / 10)
			return fail(r, "the header has a number that is too large");
		value = value * 10 + digit;
	}
	if (r->p == first || (*first == '0' && r->p - first > 1))
		return fail(r, "the header has something else where a whole number belongs");
	*out = value;
	return true;
}

/* An array of 1 to max numbers. */
static bool
read_sizes(Reader *r, size_t *out, int max, int *n)
{
	bool		more = true;

	if (!expect(r, '['))
		return false;
	for (*n = 0; more; (*n)++)
	{
		if (*n == max)
			return fail(r, "the header has an array with too many numbers");
		if (!read_size(r, &out[*n]) || !element_end(r, ']', &more))
			return false;
	}
	return true;
}

/*
 * {"dtype": "F32", "F64" or "U8", "shape": [...], "data_offsets": [...]}, in any order, each once.
 */
static bool
read_tensor(Reader *r, StTensor *t)
{
	static const char *const fields[] = {"dtype", "shape", "data_offsets"};
	bool		seen[3] = {false};
	bool		more = true;

	if (!expect(r, '{'))
		return false;
	while (more)
	{
		char		name[16];
		char		dtype[8];
		size_t		offsets[2];
		int			n;
		int			field = 0;

		if (!read_string(r, name, sizeof(name)) || !expect(r, ':'))
			return false;
		while (field < 3 && strcmp(name, fields[field]) != 0)
			field++;
		if (field == 3 || seen[field])
			return fail(r, "a tensor has an unknown member or one twice");
		seen[field] = true;
		switch (field)
		{
			case 0:
				if (!read_string(r, dtype, sizeof(dtype)))
					return false;
				t->wide = strcmp(dtype, "F64") == 0;
				t->bytes = strcmp(dtype, "U8") == 0;
				if (!t->wide && !t->bytes && strcmp(dtype, "F32") != 0)
					return fail(r, "a tensor is neither of type F32 nor F64 nor U8");
				break;
			case 1:
				if (!read_sizes(r, t->shape, ST_MAX_DIMS, &t->n_dims))
					return false;
				break;
			default:
				if (!read_sizes(r, offsets, 2, &n))
					return false;
				if (n != 2)
					return fail(r, "a tensor has not two offsets");
				t->begin = offsets[0];
				t->end = offsets[1];
				break;
		}
		if (!element_end(r, '}', &more))
			return false;
	}
	return (seen[0] && seen[1] && seen[2]) || fail(r, "a tensor lacks its type, shape or offsets");
}

static bool
read_metadata(Reader *r, StFile *file)
{
	bool		more = true;

	if (!expect(r, '{'))
		return false;
	if (accept(r, '}'))
		return true;
	while (more)
	{
		StString   *s = &file->string[file->n_strings];
		char		name[ST_NAME_MAX];

		if (!read_string(r, name, sizeof(name)) || !expect(r, ':'))
			return false;
		if (r->arena != NULL && file->description == NULL && strcmp(name, ST_DESCRIPTION) == 0)
		{
			if (!read_description(r, &file->description) || !element_end(r, '}', &more))
				return false;
			continue;
		}
		if (file->n_strings == ST_MAX_STRINGS)
			return fail(r, "there are too many strings in the metadata");
		memcpy(s->name, name, sizeof(name));
		if (!read_string(r, s->value, sizeof(s->value)) || !element_end(r, '}', &more))
			return false;
		if (st_string(file, s->name) != NULL)
			return fail(r, "the metadata has a name twice");
		file->n_strings++;
	}
	return true;
}

static bool
read_header(Reader *r, StFile *file)
{
	bool		more = true;
	bool		metadata = false;

	if (!expect(r, '{'))
		return false;
	while (more)
	{
		char		name[ST_NAME_MAX];

		if (!read_string(r, name, sizeof(name)) || !expect(r, ':'))
			return false;
		if (strcmp(name, METADATA) == 0)
		{
			if (metadata)
				return fail(r, "the header has its metadata twice");
			metadata = true;
			if (!read_metadata(r, file))
				return false;
		}
		else
		{
			StTensor   *t = &file->tensor[file->n_tensors];

			if (file->n_tensors == ST_MAX_TENSORS)
				return fail(r, "there are too many tensors");
			if (st_tensor(file, name) != NULL)
				return fail(r, "the header has a tensor twice");
			memcpy(t->name, name, sizeof(name));
			if (!read_tensor(r, t))
				return false;
			file->n_tensors++;
		}
		if (!element_end(r, '}', &more))
			return false;
	}
	skip_space(r);
	return r->p == r->end || fail(r, "something follows the header's JSON");
}

/* Each tensor has the bytes that its shape asks for, inside the data. */
static bool
sizes_agree(const StTensor *t, size_t data)
{
	size_t		most = SIZE_MAX / number_bytes(t);

	for (int i = 0; i < t->n_dims; i++)
	{
		if (t->shape[i] == 0 || t->shape[i] > most)
			return false;
		most /= t->shape[i];
	}
	return t->begin <= t->end && t->end <= data && t->end - t->begin == st_count(t) * number_bytes(t);
}

/* The tensors, in the order of their offsets, follow one another from 0 to the data's end. */
static bool
fills_data(const StFile *file, size_t data)
{
	int			order[ST_MAX_TENSORS];
	size_t		at = 0;

	for (int i = 0; i < file->n_tensors; i++)
	{
		int			j = i;

		for (; j > 0 && file->tensor[order[j - 1]].begin > file->tensor[i].begin; j--)
			order[j] = order[j - 1];
		order[j] = i;
	}
	for (int i = 0; i < file->n_tensors; i++)
	{
		if (file->tensor[order[i]].begin != at)
			return false;
		at = file->tensor[order[i]].end;
	}
	return at == data;
}

/* arena: for a description; NULL: there must be none. */
static LearnStatus
read_file(LearnEnv *env, const void *blob, size_t size, Arena *arena, StFile *file)
{
	const unsigned char *bytes = blob;
	Reader		reader = {.arena = arena};
	uint64_t	length;
	size_t		data;

	file->n_tensors = 0;
	file->n_strings = 0;
	file->description = NULL;
	if (size < LENGTH_BYTES)
		return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: it has %zu bytes", size);
	length = get_u64(bytes);
	if (length > (arena != NULL ? DESCRIBED_MAX : HEADER_MAX) || length > size - LENGTH_BYTES)
		return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: its header would have %llu of its %zu bytes",
						  (unsigned long long) length, size);
	reader.p = (const char *) bytes + LENGTH_BYTES;
	reader.end = reader.p + length;
	if (!read_header(&reader, file))
		return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: %s (byte %zu)",
						  reader.wrong, (size_t) (reader.p - (const char *) bytes));

	file->data = bytes + LENGTH_BYTES + length;
	data = size - LENGTH_BYTES - length;
	for (int i = 0; i < file->n_tensors; i++)
		if (!sizes_agree(&file->tensor[i], data))
			return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: shape and place of tensor \"%s\" do not agree",
							  file->tensor[i].name);
	if (!fills_data(file, data))
		return learn_fail(env, LEARN_CORRUPT, "the stored model is damaged: its tensors overlap or leave bytes over");
	return LEARN_OK;
}

LearnStatus
st_read(LearnEnv *env, const void *blob, size_t size, StFile *file)
{
	return read_file(env, blob, size, NULL, file);
}

LearnStatus
st_read_described(LearnEnv *env, const void *blob, size_t size, StFile *file)
{
	return read_file(env, blob, size, env->arena, file);
}

const StTensor *
st_tensor(const StFile *file, const char *name)
{
	for (int i = 0; i < file->n_tensors; i++)
		if (strcmp(file->tensor[i].name, name) == 0)
			return &file->tensor[i];
	return NULL;
}

const char *
st_string(const StFile *file, const char *name)
{
	for (int i = 0; i < file->n_strings; i++)
		if (strcmp(file->string[i].name, name) == 0)
			return file->string[i].value;
	return NULL;
}

bool
st_copy(const StFile *file, const StTensor *tensor, void *out)
{
	const unsigned char *p = file->data + tensor->begin;
	size_t		n = st_count(tensor);
	bool		finite = true;

	for (size_t i = 0; i < n; i++)
	{
		double		value = tensor->wide ? get_double(p + sizeof(double) * i) : get_float(p + sizeof(float) * i);

		if (tensor->wide)
			((double *) out)[i] = value;
		else
			((float *) out)[i] = (float) value;
		finite &= isfinite(value) != 0;
	}
	return finite;
}
