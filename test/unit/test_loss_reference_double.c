/*
 * test_loss_reference_double.c
 *	  Values and gradients against pytorch-metric-learning, both in float64.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loss_reference.h"

static void
test_reference(void **state)
{
	LearnEnv	env;

	fixture_start(&env);
	assert_true(check_loss_reference(&env, 1e-9) > 62);
	fixture_end(&env);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
