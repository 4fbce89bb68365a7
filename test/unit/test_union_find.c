/*
 * test_union_find.c
 *	  Sets that are joined pair by pair are those that a search of the pairs finds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "learn/cluster/union_find.h"

enum
{
	N = 300
};

/* Components by letting the least number of each spread until nothing changes. */
static void
spread(const int32_t *pair, int pairs, int32_t *least)
{
	int			changed = 1;

	for (int i = 0; i < N; i++)
		least[i] = i;
	while (changed)
	{
		changed = 0;
		for (int i = 0; i < pairs; i++)
		{
			int32_t    *a = &least[pair[2 * i]];
			int32_t    *b = &least[pair[2 * i + 1]];

			if (*a == *b)
				continue;
			*a = *b = *a < *b ? *a : *b;
			changed = 1;
		}
	}
}

static void
test_sets(void **state)
{
	static int32_t pair[2 * N];
	int32_t		parent[N];
	int32_t		least[N];
	Rng			rng;

	rng_seed(&rng, 7, 0);
	for (int pairs = 0; pairs <= N; pairs += 50)
	{
		/* elements may come in two portions */
		union_find_init(parent, 0, N / 3);
		union_find_init(parent, N / 3, N);
		for (int i = 0; i < 2 * pairs; i++)
			pair[i] = (int32_t) rng_below(&rng, N);
		for (int i = 0; i < pairs; i++)
			union_find_join(parent, pair[2 * i], pair[2 * i + 1]);
		spread(pair, pairs, least);
		for (int i = 0; i < N; i++)
		{
			int32_t		size = 0;

			for (int j = 0; j < N; j++)
			{
				assert_int_equal(union_find_root(parent, i) == union_find_root(parent, j), least[i] == least[j]);
				size += least[i] == least[j];
			}
			assert_int_equal(union_find_size(parent, union_find_root(parent, i)), size);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
