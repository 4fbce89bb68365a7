/*
 * test_encode.c
 *	  The encoder of columns of several kinds: what it makes of values, and its stored form.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "learn/encode/encode.h"
#include "learn/encode/tally.h"
#include "base/rng.h"
#include "unit_env.h"

static UnitEnv unit;

static EncodeString
str(const char *text)
{
	return (EncodeString) {text, strlen(text)};
}

static double
distance(const float *a, const float *b, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += (double) (a[i] - b[i]) * (a[i] - b[i]);
	return sum;
}

static double
text_distance(const char *a, const char *b)
{
	float		x[ENCODE_BUCKETS] = {0};
	float		y[ENCODE_BUCKETS] = {0};

	encode_text(str(a), ENCODE_BUCKETS, x);
	encode_text(str(b), ENCODE_BUCKETS, y);
	return distance(x, y, ENCODE_BUCKETS);
}

/* Case, punctuation and marks of direction do not matter; near spellings are nearer than others. */
static void
text_is_compared_by_words_and_parts(void **state)
{
	float		x[ENCODE_BUCKETS] = {0};
	double		sum = 0;

	encode_text(str("Warm winter jacket"), ENCODE_BUCKETS, x);
	for (int i = 0; i < ENCODE_BUCKETS; i++)
		sum += x[i] * x[i];
	assert_float_equal(sum, 1, 1e-5);
	assert_true(text_distance("Warm WINTER, jacket!", "warm winter jacket") == 0);
	assert_true(text_distance("\xc3\x84PFEL \xce\xa3\xce\x9f\xce\xa6\xce\x9f\xce\xa3 \xd0\x9c\xd0\xb8\xd1\x80",
							  "\xc3\xa4pfel \xcf\x83\xce\xbf\xcf\x86\xce\xbf\xcf\x82 \xd0\xbc\xd0\xb8\xd1\x80") == 0);
	assert_true(text_distance("\xe2\x80\x8f\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d\x01") == 0);
	assert_true(text_distance("warm winter jacket", "warm winter jakcet") < 0.7 * text_distance("warm winter jacket", "strong work boots"));
	assert_true(text_distance("winter warm", "warm winter") == 0);
	assert_true(text_distance("", " \x01,-") == 0);
	assert_true(text_distance("\xf0\x9f\x98\x80", "\xf0\x9f\x98\xa1") > 1);

	/* characters that are not UTF-8 are characters of their own */
	assert_true(text_distance("\xff\xfe", "\xff\xfd") > 0);
	assert_true(text_distance("\xe2\x82", "\xe2\x83") > 0);
}

/* A text of any length ends within what is read of it. */
static void
long_text_is_cut(void **state)
{
	size_t		n = 1 << 20;
	char	   *text = malloc(n);
	float		x[64] = {0};
	float		y[64] = {0};

	for (size_t i = 0; i < n; i++)
		text[i] = 'a' + i * i % 23;
	encode_text((EncodeString) {text, n}, 64, x);
	text[n - 1] = '!';
	encode_text((EncodeString) {text, n}, 64, y);
	assert_true(distance(x, y, 64) == 0);
	free(text);
}

/* Columns of all kinds, fitted and applied to 400 rows. */
enum
{
	NUMBER, ARRAY, CATEGORY, OPEN_CATEGORY, OPEN_TEXT, BAG, TIME, COLUMNS
};

static const EncodeAsk asked[COLUMNS] = {
	[NUMBER] = {.kind = ENCODE_NUMBER},
	[ARRAY] = {.kind = ENCODE_ARRAY},
	[CATEGORY] = {.kind = ENCODE_CATEGORY,.size = 2},
	[OPEN_CATEGORY] = {.kind = ENCODE_TEXT,.open = true},
	[OPEN_TEXT] = {.kind = ENCODE_TEXT,.open = true},
	[BAG] = {.kind = ENCODE_BAG},
	[TIME] = {.kind = ENCODE_TIME,.cycles = ENCODE_CYCLES}
};

typedef struct Row
{
	EncodeValue value[COLUMNS];
	double		numbers[3];
	char		title[32];
	EncodeString one[3];
	EncodeString tags[2];
} Row;

static void
make_row(Row *row, int i)
{
	static const char *const colour[] = {"red", "red", "red", "red", "green", "green", "green", "blue", "blue", "black"};

	memset(row, 0, sizeof(*row));
	row->value[NUMBER].number = 1e9 + i % 7;
	row->value[NUMBER].missing = i % 10 == 0;
	for (int j = 0; j < 3; j++)
		row->numbers[j] = i % (j + 5);
	row->value[ARRAY].n = 3;
	row->value[ARRAY].numbers = row->numbers;
	row->one[0] = str(colour[i % 10]);
	row->one[1] = str(i % 2 ? "new" : "used");
	snprintf(row->title, sizeof(row->title), "title number %d", i);
	row->one[2] = str(row->title);
	row->value[CATEGORY].strings = &row->one[0];
	row->value[OPEN_CATEGORY].strings = &row->one[1];
	row->value[OPEN_TEXT].strings = &row->one[2];
	row->tags[0] = str(i % 3 ? "a" : "b");
	row->tags[1] = str(i % 5 ? "c" : "d");
	row->value[BAG].strings = row->tags;
	row->value[BAG].n = i % 4 == 0 ? 1 : 2;
	row->value[TIME].number = i * 3 * 86400.0 + i % 24 * 3600;
}

static Encoder *
fit(int rows, bool backwards, bool skip)
{
	EncodeFit  *f;
	Encoder    *encoder = NULL;

	assert_int_equal(encode_fit_start(&unit.env, asked, COLUMNS, &f), LEARN_OK);
	for (int r = 0; r < rows; r++)
	{
		Row			row;

		make_row(&row, backwards ? rows - 1 - r : r);
		if (skip && row.value[NUMBER].missing)
			continue;
		for (int c = 0; c < COLUMNS; c++)
			assert_int_equal(encode_fit_add(f, c, &row.value[c]), LEARN_OK);
	}
	assert_int_equal(encode_fit_missing(f, NUMBER), skip ? 0 : rows / 10);
	assert_int_equal(encode_fit_finish(f, skip, &encoder), LEARN_OK);
	return encoder;
}

static void
kinds_follow_from_the_values(void **state)
{
	Encoder    *e;
	Row			row;
	float	   *x;
	double		apart = 0;
	float	   *all;

	unit_env_init(&unit);
	e = fit(400, false, false);
	assert_int_equal(e->column[CATEGORY].n, 2);		/* red and green: two are kept */
	assert_true(e->column[CATEGORY].has_other);
	assert_int_equal(e->column[OPEN_CATEGORY].kind, ENCODE_CATEGORY);
	assert_int_equal(e->column[OPEN_CATEGORY].n, 2);
	assert_false(e->column[OPEN_CATEGORY].has_other);
	assert_int_equal(e->column[OPEN_TEXT].kind, ENCODE_TEXT);
	assert_int_equal(e->column[OPEN_TEXT].n, ENCODE_BUCKETS);
	assert_int_equal(e->column[BAG].n, 4);
	assert_int_equal(e->column[TIME].cycles, ENCODE_CYCLES);
	assert_true(e->column[NUMBER].has_missing);
	assert_false(e->column[ARRAY].has_missing);
	assert_int_equal(e->width, 2 + 3 + 3 + 2 + ENCODE_BUCKETS + 4 + 7);
	assert_int_equal(encode_numbers(e), 0);

	x = calloc(e->width, sizeof(float));
	make_row(&row, 9);			/* black: another value */
	assert_true(encode_row(e, row.value, x));
	assert_true(x[e->column[CATEGORY].first + 2] == 1 && x[e->column[CATEGORY].first] == 0);
	make_row(&row, 10);			/* a missing number is the mean */
	assert_true(encode_row(e, row.value, x));
	assert_true(x[0] == 0 && x[1] == 1);

	/* a missing value that training never met: no number says so */
	row.value[CATEGORY].missing = row.value[TIME].missing = row.value[BAG].missing = row.value[OPEN_TEXT].missing = true;
	assert_true(encode_row(e, row.value, x));
	assert_true(x[e->column[CATEGORY].first + 2] == 1 && x[e->column[TIME].first] == 0);

	/* each block has a mean squared distance of about 2 between rows */
	all = calloc((size_t) 400 * e->width, sizeof(float));
	for (int i = 0; i < 400; i++)
	{
		make_row(&row, i);
		encode_row(e, row.value, all + (size_t) i * e->width);
	}
	for (int c = 0; c < COLUMNS; c++)
	{
		apart = 0;
		for (int i = 0; i < 400; i++)
			apart += distance(all + (size_t) i * e->width + e->column[c].first,
							  all + (size_t) ((i * 7 + 131) % 400) * e->width + e->column[c].first, e->column[c].width) / 400;
		assert_true(apart > 0.4 && apart < 3);
	}
	free(all);
	free(x);
	unit_env_done(&unit);
}

/* The order of rows does not show, and what is stored is what comes back. */
static void
equal_rows_give_equal_bytes(void **state)
{
	unsigned char *bytes;
	unsigned char *again;
	size_t		size;
	size_t		size_again;
	Encoder    *loaded;

	unit_env_init(&unit);
	assert_int_equal(encode_save(&unit.env, fit(400, false, false), &bytes, &size), LEARN_OK);
	assert_int_equal(encode_save(&unit.env, fit(400, true, false), &again, &size_again), LEARN_OK);
	assert_int_equal(size % 8, 0);
	assert_int_equal(size, size_again);
	assert_memory_equal(bytes, again, size);
	assert_int_equal(encode_load(&unit.env, bytes, size, &loaded), LEARN_OK);
	assert_int_equal(encode_save(&unit.env, loaded, &again, &size_again), LEARN_OK);
	assert_int_equal(size, size_again);
	assert_memory_equal(bytes, again, size);
	unit_env_done(&unit);
}

static void
rows_with_a_missing_value_are_skipped(void **state)
{
	Encoder    *e;
	Row			row;
	float	   *x;

	unit_env_init(&unit);
	e = fit(400, false, true);
	x = calloc(e->width, sizeof(float));
	make_row(&row, 10);
	assert_false(encode_row(e, row.value, x));
	make_row(&row, 11);
	assert_true(encode_row(e, row.value, x));
	row.numbers[1] = NAN;
	assert_false(encode_row(e, row.value, x));
	free(x);
	unit_env_done(&unit);
}

/* Any change of the stored bytes is refused or gives an encoder that works. */
static void
damage_is_refused(void **state)
{
	unsigned char *bytes;
	unsigned char *copy;
	size_t		size;
	Encoder    *loaded;
	Rng			rng;
	int			refused = 0;

	unit_env_init(&unit);
	assert_int_equal(encode_save(&unit.env, fit(400, false, false), &bytes, &size), LEARN_OK);
	copy = malloc(size);
	for (size_t n = 0; n < size; n++)
	{
		memcpy(copy, bytes, n);
		assert_int_equal(encode_load(&unit.env, copy, n, &loaded), LEARN_CORRUPT);
	}
	rng_seed(&rng, 1, 0);
	for (int i = 0; i < 20000; i++)
	{
		ArenaMark	mark = arena_mark(&unit.arena);
		LearnStatus status;

		memcpy(copy, bytes, size);
		copy[rng_below(&rng, size)] ^= 1 << rng_below(&rng, 8);
		status = encode_load(&unit.env, copy, size, &loaded);
		assert_true(status == LEARN_OK || status == LEARN_CORRUPT);
		refused += status == LEARN_CORRUPT;
		if (status == LEARN_OK)
			assert_true(loaded->width <= ENCODE_MAX_WIDTH);
		arena_reset(&unit.arena, mark);
	}
	assert_true(refused > 0);
	free(copy);
	unit_env_done(&unit);
}

/* A million values: the memory is bounded, and the frequent ones are found. */
static void
many_values_are_counted_in_bounded_memory(void **state)
{
	Tally		tally;
	char		text[32];
	int			n;

	unit_env_init(&unit);
	assert_int_equal(tally_start(&unit.env, TALLY_MAX, &tally), LEARN_OK);
	for (int i = 0; i < 1000000; i++)
	{
		snprintf(text, sizeof(text), i % 10 == 0 ? "common %d" : "rare %d", i % 10 == 0 ? i / 10 % 20 : i);
		assert_int_equal(tally_add(&unit.env, &tally, str(text)), LEARN_OK);
	}
	assert_true(unit.arena.taken < (size_t) 100 << 20);
	n = tally_choose(&tally, 20, 2);
	assert_int_equal(n, 20);
	for (int v = 0; v < n; v++)
		assert_int_equal(strncmp(tally.entry[v].name, "common", 6), 0);
	unit_env_done(&unit);
}

static void
too_wide_a_row_is_refused(void **state)
{
	EncodeAsk	ask[3];
	EncodeFit  *f;
	Encoder    *e;
	EncodeString text = str("a b");
	EncodeValue value = {.strings = &text,.n = 1};

	unit_env_init(&unit);
	for (int i = 0; i < 3; i++)
		ask[i] = (EncodeAsk) {.kind = ENCODE_TEXT,.size = ENCODE_MAX_BUCKETS};
	assert_int_equal(encode_fit_start(&unit.env, ask, 3, &f), LEARN_OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(encode_fit_add(f, i, &value), LEARN_OK);
	assert_int_equal(encode_fit_finish(f, false, &e), LEARN_INVALID);
	assert_non_null(strstr(unit.env.message, "16000"));
	unit_env_done(&unit);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_compared_by_words_and_parts),
		cmocka_unit_test(long_text_is_cut),
		cmocka_unit_test(kinds_follow_from_the_values),
		cmocka_unit_test(equal_rows_give_equal_bytes),
		cmocka_unit_test(rows_with_a_missing_value_are_skipped),
		cmocka_unit_test(damage_is_refused),
		cmocka_unit_test(many_values_are_counted_in_bounded_memory),
		cmocka_unit_test(too_wide_a_row_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
