/*
 * test_views.c
 *	  Views of a row: what noise and masks may change in columns of several kinds.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "learn/data/views.h"
#include "unit_env.h"

#define D		6
#define ROWS	64

static const uint8_t kinds[D] = {
	ROWS_VIEW_NUMBER, ROWS_VIEW_WORD, ROWS_VIEW_FOLLOWS, ROWS_VIEW_FOLLOWS, ROWS_VIEW_WORD, ROWS_VIEW_NUMBER
};

static float x[ROWS * D];

static LearnStatus
fetch(LearnEnv *env, void *ctx, const int64_t *index, int count, float *out)
{
	for (int i = 0; i < count; i++)
		memcpy(out + i * D, x + index[i] * D, sizeof(float) * D);
	return LEARN_OK;
}

/* Without noise a number is its own or the mean; one value's columns are masked together. */
static void
columns_of_one_value_are_masked_together(void **state)
{
	UnitEnv		u;
	Rows		rows = {.n = ROWS,.d = D,.fetch = fetch,.view = kinds};
	Views		views;
	Rng			rng;
	float		out[ROWS * D];
	int			masked[D] = {0};

	unit_env_init(&u);
	rng_seed(&rng, 1, 0);
	for (int i = 0; i < ROWS * D; i++)
		x[i] = (float) rng_normal(&rng);
	ASSERT_OK(&u, views_create(&u.env, &rows, NULL, 0, 0.5, 0.4, 0, &views));
	views_make(&views, &rng, x, ROWS, out);
	for (int i = 0; i < ROWS; i++)
	{
		bool		hidden[D];

		for (int j = 0; j < D; j++)
		{
			hidden[j] = out[i * D + j] == (float) views.mean[j];
			masked[j] += hidden[j];

			/* noise is for numbers only */
			if (!hidden[j])
				assert_true((out[i * D + j] == x[i * D + j]) == (kinds[j] != ROWS_VIEW_NUMBER));
		}
		assert_true(hidden[1] == hidden[2] && hidden[2] == hidden[3]);
	}
	for (int j = 0; j < D; j++)
		assert_true(masked[j] > ROWS / 5 && masked[j] < 3 * ROWS / 5);
	assert_true(masked[4] != masked[1] || masked[5] != masked[0]);
	unit_env_done(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_of_one_value_are_masked_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
