/*
 * cmocka.h
 *	  As much of cmocka as the kernels' tests use, for emulated machines that have no
 *	  cmocka: the first failure ends the program with status 1.  See test/emulated.
 */
#ifndef EMULATED_CMOCKA_H
#define EMULATED_CMOCKA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest
{
	const char *name;
	void		(*run) (void **state);
};

#define cmocka_unit_test(f)				{#f, f}
#define cmocka_run_group_tests(t, setup, teardown) \
	emulated_run((t), (int) (sizeof(t) / sizeof((t)[0])))

#define assert_true(c) \
	do { \
		if (!(c)) \
		{ \
			printf("%s:%d: %s\n", __FILE__, __LINE__, #c); \
			exit(1); \
		} \
	} while (0)
#define assert_false(c)					assert_true(!(c))
#define assert_non_null(p)				assert_true((p) != NULL)
#define assert_null(p)					assert_true((p) == NULL)
#define assert_int_equal(a, b)			assert_true((a) == (b))
#define assert_string_equal(a, b)		assert_true(strcmp((a), (b)) == 0)
#define assert_string_not_equal(a, b)	assert_true(strcmp((a), (b)) != 0)
#define assert_memory_equal(a, b, n)	assert_true(memcmp((a), (b), (n)) == 0)

static inline int
emulated_run(const struct CMUnitTest *test, int n)
{
	for (int i = 0; i < n; i++)
	{
		printf("%s\n", test[i].name);
		test[i].run(NULL);
	}
	return 0;
}

#endif							/* EMULATED_CMOCKA_H */
