/*
 * test_arena.c
 *	  The arena: alignment, marks, the limit, and that everything is given back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "unit_env.h"

static void
test_aligned_and_apart(void **state)
{
	UnitEnv		u;
	unsigned char *p[200];

	unit_env_init(&u);
	for (int i = 0; i < 200; i++)
	{
		size_t		size = 1 + i * i * 7;

		p[i] = arena_alloc(&u.arena, size, 1);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t) p[i] % 64, 0);
		memset(p[i], i, size);
	}
	for (int i = 0; i < 200; i++)
		for (int j = 0; j < 1 + i * i * 7; j++)
			assert_int_equal(p[i][j], i);
	assert_true(u.chunks > 1);
	unit_env_done(&u);
	assert_int_equal(u.chunks, 0);
	assert_int_equal(u.arena.taken, 0);
}

static void
test_zero(void **state)
{
	UnitEnv		u;
	ArenaMark	mark;
	char	   *p;

	unit_env_init(&u);
	mark = arena_mark(&u.arena);
	p = arena_alloc(&u.arena, 1000, 1);
	memset(p, 1, 1000);
	arena_reset(&u.arena, mark);
	p = arena_alloc_zero(&u.arena, 1000, 1);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(p[i], 0);
	assert_non_null(arena_alloc(&u.arena, 0, 8));
	assert_non_null(arena_alloc(&u.arena, 8, 0));
	unit_env_done(&u);
}

static void
test_marks(void **state)
{
	UnitEnv		u;
	ArenaMark	empty,
				mark;
	char	   *kept;
	size_t		taken;

	unit_env_init(&u);
	empty = arena_mark(&u.arena);
	kept = arena_alloc(&u.arena, 100, 1);
	memset(kept, 5, 100);
	mark = arena_mark(&u.arena);
	taken = u.arena.taken;
	for (int i = 0; i < 50; i++)
		memset(arena_alloc(&u.arena, 100000, 1), 6, 100000);
	assert_true(u.arena.taken >= 5000000);
	arena_reset(&u.arena, mark);
	assert_int_equal(u.arena.taken, taken);
	for (int i = 0; i < 100; i++)
		assert_int_equal(kept[i], 5);
	arena_reset(&u.arena, empty);
	assert_int_equal(u.chunks, 0);
	assert_int_equal(u.arena.taken, 0);
	unit_env_done(&u);
}

static void
test_limit(void **state)
{
	UnitEnv		u;
	int			got = 0;

	unit_env_init(&u);
	u.arena.limit = 100000;
	while (arena_alloc(&u.arena, 1000, 1) != NULL)
		got++;
	assert_true(got >= 60 && got < 100);
	assert_true(u.arena.taken <= 100000);
	assert_null(arena_alloc(&u.arena, 200000, 1));
	unit_env_done(&u);
}

/* Sizes whose product, or whose product and header, do not fit. */
static void
test_overflow(void **state)
{
	UnitEnv		u;

	unit_env_init(&u);
	assert_null(arena_alloc(&u.arena, SIZE_MAX, 2));
	assert_null(arena_alloc(&u.arena, SIZE_MAX / 2, 3));
	assert_null(arena_alloc(&u.arena, SIZE_MAX, 1));
	assert_null(arena_alloc_zero(&u.arena, SIZE_MAX / 4 + 2, 4));
	assert_int_equal(u.chunks, 0);
	unit_env_done(&u);
}

static void *
no_memory(void *ctx, size_t bytes)
{
	return NULL;
}

static LearnStatus
allocate_much(LearnEnv *env)
{
	double	   *p;

	LEARN_ALLOC(env, p, 1000);
	p[0] = 0;
	return LEARN_OK;
}

static void
test_hook_fails(void **state)
{
	UnitEnv		u;

	unit_env_init(&u);
	u.arena.hooks.alloc = no_memory;
	learn_hint(&u.env, "left over");
	assert_int_equal(allocate_much(&u.env), LEARN_NO_MEMORY);
	assert_string_equal(u.env.message, "not enough memory for 8000 bytes more");
	assert_string_equal(u.env.hint, "");
	unit_env_done(&u);
}

static void
test_poll(void **state)
{
	UnitEnv		u;

	unit_env_init(&u);
	u.cancel_at = 3;
	assert_int_equal(learn_poll(&u.env), LEARN_OK);
	assert_int_equal(learn_poll(&u.env), LEARN_OK);
	assert_int_equal(learn_poll(&u.env), LEARN_CANCELLED);
	assert_true(strlen(u.env.message) > 0);
	u.env.cancelled = NULL;
	assert_int_equal(learn_poll(&u.env), LEARN_OK);
	learn_notice(&u.env, "nobody %s", "listens");
	unit_env_done(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aligned_and_apart),
		cmocka_unit_test(test_zero),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_hook_fails),
		cmocka_unit_test(test_poll),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
