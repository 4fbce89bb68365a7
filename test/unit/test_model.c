/*
 * test_model.c
 *	  The stored form of a model and embedding: bytes that come back, bytes that are
 *	  refused, bytes at random; rows that do not depend on their batch.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/blas.h"
#include "learn/net/model.h"
#include "unit_env.h"

static const char *const lines[] = {
	"identity",
	"l2",
	"3, raw",
	"9 relu dropout 0.25, 4",
	"7 batchnorm gelu, 7 layernorm tanh residual, 5 linear, l2",
};

static const PrepKind kinds[] = {PREP_NONE, PREP_SCALE, PREP_STANDARDIZE, PREP_PCA, PREP_WHITEN};

#define N_LINES	(sizeof(lines) / sizeof(lines[0]))
#define N_KINDS	(sizeof(kinds) / sizeof(kinds[0]))

static float *
random_floats(UnitEnv *u, Rng *rng, size_t n)
{
	float	   *x = arena_alloc(&u->arena, n, sizeof(float));

	for (size_t i = 0; i < n; i++)
		x[i] = rng_normal(rng);
	return x;
}

/* A model of random numbers that reads in columns; a projection leaves 6 of them. */
static Model *
make_model(UnitEnv *u, PrepKind kind, int in, const char *line, uint64_t seed)
{
	Model	   *model = arena_alloc(&u->arena, 1, sizeof(Model));
	Prep	   *prep = arena_alloc_zero(&u->arena, 1, sizeof(Prep));
	NetSpec		spec;
	Rng			rng;

	rng_seed(&rng, seed, 0);
	prep->kind = kind;
	prep->in = in;
	prep->out = in;
	if (kind != PREP_NONE)
	{
		prep->mean = random_floats(u, &rng, in);
		prep->scale = random_floats(u, &rng, in);
	}
	if (kind == PREP_PCA || kind == PREP_WHITEN)
	{
		prep->out = 6;
		prep->proj = random_floats(u, &rng, 6 * in);
	}
	model->prep = prep;
	model->origin = NULL;
	model->encoder = NULL;
	assert_int_equal(netspec_parse(&u->env, line, prep->out, &spec), LEARN_OK);
	assert_int_equal(net_create(&u->env, &spec, &model->net), LEARN_OK);
	net_init(model->net, &rng);
	for (size_t i = 0; i < model->net->n_running; i++)
		model->net->running[i] = rng_uniform(&rng);
	return model;
}

static float *
embed(UnitEnv *u, const Model *model, const float *x, int n, int *bad)
{
	float	   *out = arena_alloc(&u->arena, (size_t) n * model_out(model), sizeof(float));
	float	   *scratch = arena_alloc(&u->arena, model_scratch(model, n), sizeof(float));

	model_embed(model, x, n, out, scratch, bad);
	return out;
}

static void
test_round_trip(void **state)
{
	for (size_t i = 0; i < N_LINES * N_KINDS; i++)
	{
		UnitEnv		u;
		Model	   *model;
		Model	   *again;
		void	   *blob;
		void	   *blob2;
		size_t		size;
		size_t		size2;
		float	   *x;
		int			bad;
		Rng			rng;

		unit_env_init(&u);
		rng_seed(&rng, i, 1);
		model = make_model(&u, kinds[i / N_LINES], 11, lines[i % N_LINES], i);
		assert_int_equal(model_save(&u.env, model, &blob, &size), LEARN_OK);
		assert_int_equal(model_load(&u.env, blob, size, &again), LEARN_OK);
		assert_int_equal(model_in(again), 11);
		assert_int_equal(model_out(again), model_out(model));
		assert_int_equal(again->prep->kind, model->prep->kind);
		assert_memory_equal(&again->net->spec, &model->net->spec, sizeof(NetSpec));
		assert_int_equal(model_bytes(again), model_bytes(model));
		assert_true(model_bytes(again) + 8192 >= size);

		assert_int_equal(model_save(&u.env, again, &blob2, &size2), LEARN_OK);
		assert_int_equal(size, size2);
		assert_memory_equal(blob, blob2, size);

		x = random_floats(&u, &rng, 20 * 11);
		assert_memory_equal(embed(&u, model, x, 20, &bad), embed(&u, again, x, 20, NULL),
							20 * model_out(model) * sizeof(float));
		assert_int_equal(bad, -1);
		unit_env_done(&u);
	}
}

/* Two inputs of different widths into one space; an adapter, whose side b is the identity. */
static void
test_sides(void **state)
{
	for (size_t i = 0; i < 2 * N_KINDS; i++)
	{
		UnitEnv		u;
		ModelSides	sides = {0};
		ModelSides	again;
		void	   *blob;
		void	   *blob2;
		size_t		size;
		size_t		size2;
		float	   *x;
		Rng			rng;

		unit_env_init(&u);
		rng_seed(&rng, i, 1);
		sides.adapter = i % 2;
		sides.a = make_model(&u, kinds[i / 2], 11, "9 batchnorm relu, 4", i);
		sides.b = sides.adapter ? make_model(&u, PREP_NONE, 4, "identity", i) : make_model(&u, kinds[i / 2], 8, "4, l2", i + 1);
		sides.target = sides.adapter ? UINT64_C(0xfedcba9876543210) : 0;
		assert_int_equal(model_save_sides(&u.env, &sides, &blob, &size), LEARN_OK);
		assert_int_equal(model_load_sides(&u.env, blob, size, &again), LEARN_OK);
		assert_int_equal(again.adapter, sides.adapter);
		assert_true(again.target == sides.target);
		assert_int_equal(model_in(again.a), 11);
		assert_int_equal(model_in(again.b), sides.adapter ? 4 : 8);
		assert_int_equal(model_save_sides(&u.env, &again, &blob2, &size2), LEARN_OK);
		assert_int_equal(size, size2);
		assert_memory_equal(blob, blob2, size);
		x = random_floats(&u, &rng, 20 * 11);
		assert_memory_equal(embed(&u, sides.a, x, 20, NULL), embed(&u, again.a, x, 20, NULL), 20 * 4 * sizeof(float));
		assert_memory_equal(embed(&u, sides.b, x, 20, NULL), embed(&u, again.b, x, 20, NULL), 20 * 4 * sizeof(float));

		/* one side alone is another function, and another file */
		assert_int_equal(model_save(&u.env, sides.a, &blob2, &size2), LEARN_OK);
		assert_true(size2 < size);
		unit_env_done(&u);
	}
}

/* An encoder comes back, belongs to its side, and fits the network's width. */
static void
test_encoder(void **state)
{
	double		mean = 5;
	double		scale = 0.25;
	uint64_t	hash[2] = {3, 7};
	const char *name[2] = {"red", "blue"};
	EncodeColumn column[2] = {
		{.kind = ENCODE_NUMBER,.has_missing = true,.n = 1,.mean = &mean,.scale = &scale},
		{.kind = ENCODE_CATEGORY,.has_other = true,.n = 2,.hash = hash,.name = name}
	};
	Encoder		encoder = {.n = 2,.column = column};
	UnitEnv		u;
	ModelSides	sides = {0};
	ModelSides	again;
	Model	   *model;
	void	   *blob;
	void	   *blob2;
	size_t		size;
	size_t		size2;

	unit_env_init(&u);
	assert_true(encode_layout(&encoder));
	assert_int_equal(encoder.width, 5);
	for (int which = 1; which < 4; which++)
	{
		sides.a = make_model(&u, PREP_WHITEN, 5, "9 relu, 4", 1);
		sides.b = make_model(&u, PREP_STANDARDIZE, 5, "4, l2", 2);
		sides.a->encoder = which & 1 ? &encoder : NULL;
		sides.b->encoder = which & 2 ? &encoder : NULL;
		assert_int_equal(model_save_sides(&u.env, &sides, &blob, &size), LEARN_OK);
		assert_int_equal(model_load_sides(&u.env, blob, size, &again), LEARN_OK);
		assert_true((again.a->encoder != NULL) == (which & 1) && (again.b->encoder != NULL) == (which >> 1));
		assert_int_equal(model_save_sides(&u.env, &again, &blob2, &size2), LEARN_OK);
		assert_int_equal(size, size2);
		assert_memory_equal(blob, blob2, size);
	}
	assert_string_equal(again.a->encoder->column[1].name[1], "blue");

	/* another width than the network's */
	model = make_model(&u, PREP_NONE, 6, "identity", 0);
	model->encoder = &encoder;
	assert_int_equal(model_save(&u.env, model, &blob, &size), LEARN_OK);
	assert_int_equal(model_load(&u.env, blob, size, &model), LEARN_CORRUPT);
	assert_non_null(strstr(u.env.message, "encoder makes 5 numbers"));
	unit_env_done(&u);
}

/* An origin is part of the function: it is stored in front of all, of either side, and read again. */
static void
test_origin(void **state)
{
	static const char header[] =
		"{\"__metadata__\":{\"format\":\"dml/1\",\"in\":\"2\",\"network\":\"identity\",\"prep\":\"none\"},"
		"\"prep.origin\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]}}";
	static const unsigned char data[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf8, 0xbf}; /* 0, -1.5 */
	static const double origin_a[11] = {1700000000.25, 0, -1e300};
	static const double origin_b[8] = {0, 0.1};
	static double wrong[2] = {0, INFINITY};
	double		origin[2] = {0, -1.5};
	size_t		padded = (strlen(header) + 7) / 8 * 8;
	UnitEnv		u;
	ModelSides	sides = {0};
	ModelSides	again;
	Model	   *model;
	unsigned char *saved;
	void	   *blob;
	void	   *blob2;
	size_t		size;
	size_t		size2;

	unit_env_init(&u);
	model = make_model(&u, PREP_NONE, 2, "identity", 0);
	model->origin = origin;
	assert_int_equal(model_save(&u.env, model, &blob, &size), LEARN_OK);
	saved = blob;
	assert_int_equal(size, 8 + padded + sizeof(data));
	assert_memory_equal(saved + 8, header, strlen(header));
	assert_memory_equal(saved + 8 + padded, data, sizeof(data));
	assert_int_equal(model_load(&u.env, blob, size, &model), LEARN_OK);
	assert_memory_equal(model->origin, origin, sizeof(origin));

	/* an infinite one is neither written nor read */
	saved[8 + padded + 14] = 0xf0;
	saved[8 + padded + 15] = 0x7f;
	assert_int_equal(model_load(&u.env, blob, size, &model), LEARN_CORRUPT);
	model = make_model(&u, PREP_NONE, 2, "identity", 0);
	model->origin = wrong;
	assert_int_equal(model_save(&u.env, model, &blob, &size), LEARN_DIVERGED);

	for (int which = 1; which < 4; which++)
	{
		sides.a = make_model(&u, PREP_WHITEN, 11, "9 relu, 4", 1);
		sides.b = make_model(&u, PREP_STANDARDIZE, 8, "4, l2", 2);
		sides.a->origin = which & 1 ? origin_a : NULL;
		sides.b->origin = which & 2 ? origin_b : NULL;
		assert_int_equal(model_save_sides(&u.env, &sides, &blob, &size), LEARN_OK);
		assert_int_equal(model_load_sides(&u.env, blob, size, &again), LEARN_OK);
		assert_true((again.a->origin != NULL) == (which & 1) && (again.b->origin != NULL) == (which >> 1));
		if (which & 1)
			assert_memory_equal(again.a->origin, origin_a, sizeof(origin_a));
		if (which & 2)
			assert_memory_equal(again.b->origin, origin_b, sizeof(origin_b));
		assert_true(model_bytes(again.a) == model_bytes(sides.a));
		assert_int_equal(model_save_sides(&u.env, &again, &blob2, &size2), LEARN_OK);
		assert_int_equal(size, size2);
		assert_memory_equal(blob, blob2, size);
	}
	unit_env_done(&u);
}

/* The bytes themselves: other programs read them, and so must later versions. */
static void
test_bytes(void **state)
{
	static const char header[] =
		"{\"__metadata__\":{\"format\":\"dml/1\",\"in\":\"2\",\"network\":\"1, raw\",\"prep\":\"scale\"},"
		"\"prep.mean\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
		"\"prep.scale\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]},"
		"\"layers.0.weight\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[16,24]},"
		"\"layers.0.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[24,28]}}";
	static const unsigned char data[] = {
		0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0,	/* 1, -2 */
		0, 0, 0, 0x3f, 0, 0, 0x80, 0x3e,	/* 0.5, 0.25 */
		0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40, /* 3, 4 */
		0, 0, 0xa0, 0x40		/* 5 */
	};
	size_t		padded = (strlen(header) + 7) / 8 * 8;
	UnitEnv		u;
	Model	   *model;
	unsigned char *blob;
	void	   *saved;
	size_t		size;
	float		x[2] = {2, 6};
	float	   *z;

	unit_env_init(&u);
	model = make_model(&u, PREP_SCALE, 2, "1, raw", 0);
	model->prep->mean[0] = 1;
	model->prep->mean[1] = -2;
	model->prep->scale[0] = 0.5;
	model->prep->scale[1] = 0.25;
	model->net->params[model->net->offset[0].weight] = 3;
	model->net->params[model->net->offset[0].weight + 1] = 4;
	model->net->params[model->net->offset[0].bias] = 5;
	assert_int_equal(model_save(&u.env, model, &saved, &size), LEARN_OK);
	blob = saved;
	assert_int_equal(size, 8 + padded + sizeof(data));
	assert_int_equal(blob[0] | blob[1] << 8, padded);
	for (int i = 2; i < 8; i++)
		assert_int_equal(blob[i], 0);
	assert_memory_equal(blob + 8, header, strlen(header));
	for (size_t i = strlen(header); i < padded; i++)
		assert_int_equal(blob[8 + i], ' ');
	assert_memory_equal(blob + 8 + padded, data, sizeof(data));

	z = embed(&u, model, x, 1, NULL);
	assert_true(z[0] == 3 * 0.5f + 4 * 2 + 5);
	unit_env_done(&u);
}

/* Load a copy that ends where its memory ends, so that a sanitizer sees a byte read beyond. */
static LearnStatus
load_copy(UnitEnv *u, const void *blob, size_t size, Model **model)
{
	unsigned char *copy = malloc(size > 0 ? size : 1);
	LearnStatus status;

	memcpy(copy, blob, size);
	u->env.message[0] = '\0';
	status = model_load(&u->env, copy, size, model);
	free(copy);
	if (status != LEARN_OK && (status != LEARN_CORRUPT || u->env.message[0] == '\0'))
		fail_msg("status %d, message \"%s\"", status, u->env.message);
	return status;
}

static void
test_truncated(void **state)
{
	UnitEnv		u;
	Model	   *model;
	void	   *blob;
	size_t		size;

	unit_env_init(&u);
	model = make_model(&u, PREP_WHITEN, 11, lines[4], 3);
	assert_int_equal(model_save(&u.env, model, &blob, &size), LEARN_OK);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(load_copy(&u, blob, i, &model), LEARN_CORRUPT);
	assert_int_equal(load_copy(&u, blob, size, &model), LEARN_OK);

	/* and one byte too many */
	{
		unsigned char *longer = arena_alloc_zero(&u.arena, size + 1, 1);

		memcpy(longer, blob, size);
		assert_int_equal(load_copy(&u, longer, size + 1, &model), LEARN_CORRUPT);
	}
	unit_env_done(&u);
}

/* What comes through the reader is a model that can be used. */
static void
use(UnitEnv *u, const Model *model, Rng *rng)
{
	float	   *x = random_floats(u, rng, 3 * (size_t) model_in(model));
	void	   *blob;
	size_t		size;
	int			bad;

	embed(u, model, x, 3, &bad);
	assert_int_equal(model_save(&u->env, model, &blob, &size), LEARN_OK);
}

static void
test_flipped(void **state)
{
	UnitEnv		u;
	Rng			rng;
	int			taken = 0;
	int			refused = 0;

	unit_env_init(&u);
	rng_seed(&rng, 1, 0);
	for (size_t i = 0; i < N_LINES * N_KINDS; i++)
	{
		Model	   *model = make_model(&u, kinds[i / N_LINES], 11, lines[i % N_LINES], i);
		void	   *blob;
		size_t		size;
		size_t		header;

		assert_int_equal(model_save(&u.env, model, &blob, &size), LEARN_OK);
		header = 8 + (((unsigned char *) blob)[0] | ((unsigned char *) blob)[1] << 8);
		for (int k = 0; k < 4000; k++)
		{
			ArenaMark	mark = arena_mark(&u.arena);
			unsigned char *copy = arena_alloc(&u.arena, size, 1);
			int			flips = 1 + rng_below(&rng, 3);

			memcpy(copy, blob, size);
			for (int f = 0; f < flips; f++)
			{
				/* most of them in the header, and there most within its alphabet */
				size_t		at = rng_below(&rng, rng_below(&rng, 4) > 0 ? header : size);

				if (rng_below(&rng, 2) > 0)
					copy[at] = rng_next(&rng);
				else
					copy[at] = "0123456789{}[]\",: "[rng_below(&rng, 18)];
			}
			if (load_copy(&u, copy, size, &model) == LEARN_OK)
			{
				taken++;
				use(&u, model, &rng);
			}
			else
				refused++;
			arena_reset(&u.arena, mark);
		}
	}
	assert_int_equal(taken + refused, 100000);
	assert_true(taken > 1000);
	assert_true(refused > 10000);
	unit_env_done(&u);
}

/* A copy in a chunk of its own, so that reads past its end are seen. */
static LearnStatus
import_copy(UnitEnv *u, const void *blob, size_t size, ModelSides *sides, const char **description)
{
	void	   *copy = malloc(size > 0 ? size : 1);
	LearnStatus status;

	memcpy(copy, blob, size);
	status = model_import(&u->env, copy, size, sides, description);
	free(copy);
	return status;
}

/*
 * A file with a description comes back as it went, is no stored model, and every damage of it is
 * found or harmless.
 */
static void
test_description(void **state)
{
	static const char text[] = "{\"a\": \"\\\\ \\\" /\", \"b\": [1, 2]}\n\t\x01 \303\244\342\202\254";
	UnitEnv		u;
	Rng			rng;
	Model	   *model;
	ModelSides	sides = {0};
	ModelSides	again;
	const char *description;
	void	   *plain;
	void	   *blob;
	size_t		plain_size;
	size_t		size;

	unit_env_init(&u);
	rng_seed(&rng, 5, 0);
	sides.a = make_model(&u, PREP_WHITEN, 11, lines[4], 3);
	assert_int_equal(model_save_sides(&u.env, &sides, &plain, &plain_size), LEARN_OK);
	assert_int_equal(import_copy(&u, plain, plain_size, &again, &description), LEARN_OK);
	assert_null(description);
	assert_int_equal(model_export(&u.env, &sides, text, &blob, &size), LEARN_OK);
	assert_int_equal(load_copy(&u, blob, size, &model), LEARN_CORRUPT);
	assert_int_equal(import_copy(&u, blob, size, &again, &description), LEARN_OK);
	assert_string_equal(description, text);
	{
		void	   *back;
		size_t		back_size;

		assert_int_equal(model_save_sides(&u.env, &again, &back, &back_size), LEARN_OK);
		assert_int_equal(back_size, plain_size);
		assert_memory_equal(back, plain, plain_size);
	}

	for (size_t i = 0; i < size; i++)
		assert_int_equal(import_copy(&u, blob, i, &again, &description), LEARN_CORRUPT);
	for (int k = 0; k < 30000; k++)
	{
		ArenaMark	mark = arena_mark(&u.arena);
		unsigned char *copy = arena_alloc(&u.arena, size, 1);
		size_t		at = rng_below(&rng, rng_below(&rng, 4) > 0 ? 700 : size);

		memcpy(copy, blob, size);
		copy[at] ^= 1 << rng_below(&rng, 8);
		if (rng_below(&rng, 3) == 0)
			copy[rng_below(&rng, 700)] = "\\u0\"{}[]:,"[rng_below(&rng, 10)];
		if (import_copy(&u, copy, size, &again, &description) == LEARN_OK)
			use(&u, again.a, &rng);
		arena_reset(&u.arena, mark);
	}

	/* longer than a header may be */
	{
		size_t		length = 17 * 1024 * 1024;
		char	   *long_text = arena_alloc(&u.arena, length + 1, 1);

		memset(long_text, 'x', length);
		long_text[length] = '\0';
		assert_int_equal(model_export(&u.env, &sides, long_text, &blob, &size), LEARN_INVALID);
	}
	unit_env_done(&u);
}

static void
set_length(unsigned char *blob, uint64_t length)
{
	for (int i = 0; i < 8; i++)
		blob[i] = length >> (8 * i);
}

/* Headers put together from pieces of headers. */
static void
test_random_headers(void **state)
{
	static const char *const pieces[] = {
		"{", "}", "[", "]", ",", ":", "\"", "\\", " ", "0", "1", "8", "18446744073709551615", "4611686018427387904",
		"-1", "1e3", "null", "true", "\"__metadata__\":{", "\"format\":\"dml/1\"", "\"in\":\"2\"",
		"\"network\":\"1, raw\"", "\"network\":\"16000, 16000, 16000\"", "\"prep\":\"none\"", "\"prep\":\"pca\"",
		"\"layers.0.weight\":{", "\"layers.0.bias\":{", "\"prep.proj\":{", "\"dtype\":\"F32\"", "\"dtype\":\"F64\"",
		"\"shape\":[1,2]", "\"shape\":[1]", "\"shape\":[]", "\"shape\":[4294967296,4294967296]",
		"\"data_offsets\":[0,8]", "\"data_offsets\":[8,12]", "\"data_offsets\":[8,0]", "\x80", "\xff",
	};
	const int	n_pieces = sizeof(pieces) / sizeof(pieces[0]);
	UnitEnv		u;
	Rng			rng;
	Model	   *model;

	unit_env_init(&u);
	rng_seed(&rng, 2, 0);
	for (int k = 0; k < 100000; k++)
	{
		ArenaMark	mark = arena_mark(&u.arena);
		unsigned char *blob = arena_alloc_zero(&u.arena, 4096, 1);
		size_t		size = 8;
		int			n = rng_below(&rng, 30);

		/* half of them begin as a header must */
		if (rng_below(&rng, 2) > 0)
			size += sprintf((char *) blob + size, "{\"__metadata__\":{");
		for (int i = 0; i < n; i++)
		{
			size += sprintf((char *) blob + size, "%s", pieces[rng_below(&rng, n_pieces)]);
			if (rng_below(&rng, 3) == 0)
				size += sprintf((char *) blob + size, ",");
		}
		set_length(blob, rng_below(&rng, 20) > 0 ? size - 8 : rng_next(&rng));
		size += rng_below(&rng, 2) * 12;
		assert_int_equal(load_copy(&u, blob, size, &model), LEARN_CORRUPT);
		arena_reset(&u.arena, mark);
	}
	unit_env_done(&u);
}

/* A blob of a header and data of zeros. */
static unsigned char *
make_blob(UnitEnv *u, const char *header, size_t data, size_t *size)
{
	unsigned char *blob;

	*size = 8 + strlen(header) + data;
	blob = arena_alloc_zero(&u->arena, *size, 1);
	set_length(blob, strlen(header));
	memcpy(blob + 8, header, strlen(header));
	return blob;
}

#define META(network) "\"__metadata__\":{\"format\":\"dml/1\",\"in\":\"2\",\"network\":\"" network "\",\"prep\":\"none\"}"
#define WEIGHT "\"layers.0.weight\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}"
#define BIAS "\"layers.0.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}"

#define SIDES(in_b, more) \
	"\"__metadata__\":{\"format\":\"dml/2\",\"in\":\"2\",\"network\":\"identity\",\"prep\":\"none\"," \
	"\"b.in\":\"" in_b "\",\"b.network\":\"identity\",\"b.prep\":\"none\"" more "}"

static void
test_refused(void **state)
{
	static const struct
	{
		const char *header;
		size_t		data;
		const char *reason;		/* NULL: is taken */
	}			cases[] = {
		{"{" META("1, raw") "," WEIGHT "," BIAS "}", 12, NULL},
		{" {\n\t" BIAS " , " WEIGHT "\r\n,\n" META("1, raw") " }  ", 12, NULL},
		{"{" META("identity") "}", 0, NULL},
		{"", 0, "JSON"},
		{"[]", 0, "JSON"},
		{"{}", 0, "JSON"},
		{"{" META("identity") "} x", 0, "follows"},
		{"{" META("identity") ",}", 0, "JSON"},
		{"{" META("identity") "," META("identity") "}", 0, "metadata twice"},
		{"{\"__metadata__\":{\"a\":\"b\",\"a\":\"c\"}}", 0, "name twice"},
		{"{\"__metadata__\":{}}", 0, "not those of a model"},
		{"{\"__metadata__\":{\"a\":1}}", 0, "JSON"},
		{"{\"__metadata__\":{\"a\\n\":\"1\"}}", 0, "character"},
		{"{\"__metadata__\":{\"format\":\"dml/1\",\"in\":\"2\",\"network\":\"identity\",\"prep\":\"none\",\"date\":\"today\"}}", 0,
		"not those of a model"},
		{"{\"__metadata__\":{\"format\":\"dml/3\",\"in\":\"2\",\"network\":\"identity\",\"prep\":\"none\"}}", 0, "format \"dml/3\""},
		{"{\"__metadata__\":{\"format\":\"dml/2\",\"in\":\"2\",\"network\":\"identity\",\"prep\":\"none\"}}", 0, "not those of a model"},
		{"{" SIDES("2", "") "}", 0, "two sides"},
		{"{" SIDES("3", "") "}", 0, "different dimensions"},
		{"{" SIDES("2", ",\"target\":\"00000000000000ff\"") "}", 0, "two sides"},
		{"{" SIDES("2", ",\"target\":\"ff\"") "}", 0, "target"},
		{"{" SIDES("2", ",\"tarjet\":\"00000000000000ff\"") "}", 0, "not those of a model"},
		{"{\"__metadata__\":{\"format\":\"dml/1\",\"in\":\"02\",\"network\":\"identity\",\"prep\":\"none\"}}", 0, "input width"},
		{"{\"__metadata__\":{\"format\":\"dml/1\",\"in\":\"0\",\"network\":\"identity\",\"prep\":\"none\"}}", 0, "input width"},
		{"{\"__metadata__\":{\"format\":\"dml/1\",\"in\":\"16001\",\"network\":\"identity\",\"prep\":\"none\"}}", 0, "input width"},
		{"{\"__metadata__\":{\"format\":\"dml/1\",\"in\":\"99999999999999999999\",\"network\":\"identity\",\"prep\":\"none\"}}", 0,
		"input width"},
		{"{\"__metadata__\":{\"format\":\"dml/1\",\"in\":\"2\",\"network\":\"identity\",\"prep\":\"magic\"}}", 0, "preprocessing"},
		{"{\"__metadata__\":{\"format\":\"dml/1\",\"in\":\"2\",\"network\":\"identity\",\"prep\":\"pca\"}}", 0, "projection"},
		{"{" META("1 sigmoid, raw") "," WEIGHT "," BIAS "}", 12, "unknown word"},
		{"{" META("1,raw") "," WEIGHT "," BIAS "}", 12, "canonical"},
		{"{" META("1, l2") "," WEIGHT "}", 8, "\"layers.0.bias\" is missing"},
		{"{" META("1, raw") "," WEIGHT "," BIAS ",\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]}}", 16, "has not"},
		{"{" META("identity") ",\"prep.origin\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]}}", 16, NULL},
		{"{" META("identity") ",\"prep.origin\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "one F64"},
		{"{" META("identity") ",\"prep.origin\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8, "one F64"},
		{"{" META("identity") ",\"prep.origin\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "shape and place"},
		{"{" META("identity") ",\"b.prep.origin\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]}}", 16, "has not"},
		{"{" META("1, raw") "," WEIGHT ",\"layers.0.bias\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[8,16]}}", 16, "not of type F32"},
		{"{" META("2, raw") "," WEIGHT "," BIAS "}", 12, "\"layers.0.weight\" has not the shape"},
		{"{" META("16000 relu, 16000 relu, 16000, raw") "," WEIGHT "," BIAS "}", 12, "shape"},
		{"{" META("1, raw") "," WEIGHT "," BIAS "}", 13, "overlap or leave"},
		{"{" META("1, raw") "," WEIGHT "," BIAS "}", 11, "shape and place"},
		{"{" META("1, raw") "," WEIGHT "," WEIGHT "}", 12, "tensor twice"},
		{"{" META("1, raw") "," WEIGHT ",\"layers.0.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "overlap"},
		{"{" META("1, raw") "," WEIGHT ",\"layers.0.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,8]}}", 12, "place"},
		{"{" META("1, raw") "," WEIGHT ",\"layers.0.bias\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[8,12]}}", 12, "shape"},
		{"{" META("1, raw") "," WEIGHT ",\"layers.0.bias\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[8,8]}}", 8, "shape"},
		{"{" META("1, raw") "," WEIGHT ",\"layers.0.bias\":{\"dtype\":\"F32\",\"shape\":[1,1,1],\"data_offsets\":[8,12]}}", 12, "too many numbers"},
		{"{" META("1, raw") "," WEIGHT ",\"layers.0.bias\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[8,12]}}", 12, "F32"},
		{"{" META("1, raw") "," WEIGHT ",\"layers.0.bias\":{\"dtype\":\"F32\",\"shape\":[1]}}", 8, "lacks"},
		{"{" META("1, raw") "," WEIGHT ",\"layers.0.bias\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", 8, "twice"},
		{"{" META("1, raw") "," WEIGHT ",\"layers.0.bias\":{\"dtype\":\"F32\",\"shape\":[4611686018427387905],\"data_offsets\":[8,12]}}", 12, "place"},
		{"{" META("1, raw") "," WEIGHT ",\"layers.0.bias\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967297],\"data_offsets\":[8,12]}}", 12, "place"},
		{"{" META("1, raw") "," WEIGHT ",\"layers.0.bias\":{\"dtype\":\"F32\",\"shape\":[18446744073709551616],\"data_offsets\":[8,12]}}", 12, "too large"},
		{"{" META("1, raw") "," WEIGHT ",\"layers.0.bias\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[8,12]}}", 12, "whole number"},
	};
	UnitEnv		u;

	unit_env_init(&u);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		size_t		size;
		unsigned char *blob = make_blob(&u, cases[i].header, cases[i].data, &size);
		Model	   *model;
		LearnStatus status = load_copy(&u, blob, size, &model);

		if (cases[i].reason == NULL ? status != LEARN_OK :
			status == LEARN_OK || strstr(u.env.message, cases[i].reason) == NULL)
			fail_msg("case %zu: status %d, \"%s\"", i, status, u.env.message);
	}
	unit_env_done(&u);
}

/* Weights that are not numbers, a variance that is none; on the way in and out. */
static void
test_values(void **state)
{
	static const float wrong[] = {NAN, INFINITY, -INFINITY};
	UnitEnv		u;
	Model	   *model;
	unsigned char *blob;
	void	   *saved;
	size_t		size;

	unit_env_init(&u);
	for (int i = 0; i < 3; i++)
	{
		model = make_model(&u, PREP_STANDARDIZE, 4, "3 batchnorm, raw", 1);
		assert_int_equal(model_save(&u.env, model, &saved, &size), LEARN_OK);
		blob = saved;

		/* the last tensor is the running variance */
		memcpy(blob + size - 4, &wrong[i], 4);
		assert_int_equal(load_copy(&u, blob, size, &model), LEARN_CORRUPT);
		assert_non_null(strstr(u.env.message, "\"layers.0.running_var\" has a value that is not a finite number"));

		model = make_model(&u, PREP_STANDARDIZE, 4, "3, raw", 1);
		model->net->params[2] = wrong[i];
		assert_int_equal(model_save(&u.env, model, &saved, &size), LEARN_DIVERGED);
		assert_non_null(strstr(u.env.message, "layers.0.weight"));
	}
	model = make_model(&u, PREP_NONE, 4, "3 batchnorm, raw", 1);
	model->net->running[4] = -1e-3;
	assert_int_equal(model_save(&u.env, model, &saved, &size), LEARN_OK);
	assert_int_equal(load_copy(&u, saved, size, &model), LEARN_CORRUPT);
	assert_non_null(strstr(u.env.message, "negative variance"));
	unit_env_done(&u);
}

static void
test_rows_alone(void **state)
{
	enum
	{
		N = 300
	};

	for (size_t i = 0; i < N_LINES * N_KINDS; i++)
	{
		UnitEnv		u;
		Model	   *model;
		Rng			rng;
		float	   *x;
		float	   *all;
		int			width;

		unit_env_init(&u);
		rng_seed(&rng, i, 3);
		model = make_model(&u, kinds[i / N_LINES], 37, lines[i % N_LINES], i);
		width = model_out(model);
		x = random_floats(&u, &rng, N * 37);
		all = embed(&u, model, x, N, NULL);
		for (int r = 0; r < N; r++)
			assert_memory_equal(embed(&u, model, x + r * 37, 1, NULL), all + r * width, width * sizeof(float));
		for (int begin = 0, n = 1; begin + n <= N; begin += n, n += 3)
			assert_memory_equal(embed(&u, model, x + begin * 37, n, NULL), all + begin * width,
								n * width * sizeof(float));
		unit_env_done(&u);
	}
	assert_false(blas_loaded());
}

/* Scratch and results are used to their end and not beyond it. */
static void
test_bounds(void **state)
{
	for (size_t i = 0; i < N_LINES * N_KINDS; i++)
		for (int n = 1; n <= 257; n += 64)
		{
			UnitEnv		u;
			Model	   *model;
			float	   *x;
			float	   *out;
			float	   *scratch;
			size_t		n_scratch;
			size_t		n_out;

			unit_env_init(&u);
			model = make_model(&u, kinds[i / N_LINES], 11, lines[i % N_LINES], i);
			n_scratch = model_scratch(model, n);
			n_out = (size_t) n * model_out(model);
			x = unit_guarded(n * 11);
			out = unit_guarded(n_out);
			scratch = unit_guarded(n_scratch);
			for (int j = 0; j < n * 11; j++)
				x[j] = j % 7 - 2;
			model_embed(model, x, n, out, scratch, NULL);
			unit_guarded_free(x, n * 11);
			unit_guarded_free(out, n_out);
			unit_guarded_free(scratch, n_scratch);
			unit_env_done(&u);
		}
}

static void
test_bad_row(void **state)
{
	UnitEnv		u;
	Model	   *model;
	float	   *x;
	Rng			rng;
	int			bad;

	unit_env_init(&u);
	rng_seed(&rng, 0, 0);
	x = random_floats(&u, &rng, 300 * 4);
	for (size_t i = 0; i < 2; i++)
	{
		model = make_model(&u, PREP_NONE, 4, i == 0 ? "3, raw" : "5 relu, 3, l2", 1);
		embed(&u, model, x, 300, &bad);
		assert_int_equal(bad, -1);
		for (int j = 0; j < 4; j++)
			x[200 * 4 + j] = model->net->params[j] > 0 ? 3e38f : -3e38f;
		for (int j = 0; j < (int) model->net->n_params; j++)
			model->net->params[j] *= 100;
		embed(&u, model, x, 300, &bad);
		assert_int_equal(bad, 200);
		rng_seed(&rng, 0, 0);
		x = random_floats(&u, &rng, 300 * 4);
	}
	unit_env_done(&u);
}

static void
test_no_memory(void **state)
{
	UnitEnv		u;
	UnitEnv		small;
	Model	   *model;
	void	   *blob;
	size_t		size;
	bool		done = false;

	unit_env_init(&u);
	model = make_model(&u, PREP_WHITEN, 11, lines[4], 3);
	assert_int_equal(model_save(&u.env, model, &blob, &size), LEARN_OK);
	for (size_t limit = 1; !done; limit += 200)
	{
		Model	   *again;
		LearnStatus status;

		unit_env_init(&small);
		small.arena.limit = limit;
		status = model_load(&small.env, blob, size, &again);
		done = status == LEARN_OK;
		if (!done)
			assert_int_equal(status, LEARN_NO_MEMORY);
		unit_env_done(&small);
		assert_int_equal(small.chunks, 0);
		assert_true(limit < 1000000);
	}
	unit_env_done(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_sides),
		cmocka_unit_test(test_encoder),
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_description),
		cmocka_unit_test(test_random_headers),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_rows_alone),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_bad_row),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
