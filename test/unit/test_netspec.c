/*
 * test_netspec.c
 *	  The network line: what is read, how it is written out, what is refused and with
 *	  which words; and lines made at random.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "learn/net/net.h"
#include "unit_env.h"

static void
test_canonical(void **state)
{
	static const char *const lines[][2] = {
		{"", "identity"},
		{"  \t\n", "identity"},
		{"identity", "identity"},
		{"Identity ", "identity"},
		{"raw", "identity"},
		{"l2", "l2"},
		{"64", "64, l2"},
		{"64, raw", "64, raw"},
		{"256 relu, 64", "256 relu, 64, l2"},
		{"256, 64", "256 relu, 64, l2"},
		{"256, 64, l2", "256 relu, 64, l2"},
		{"256,64,raw", "256 relu, 64, raw"},
		{" 256\trelu ,\n64 ", "256 relu, 64, l2"},
		{"256 linear, 64 relu", "256 linear, 64 relu, l2"},
		{"256 GELU BatchNorm, 64 Tanh, RAW", "256 batchnorm gelu, 64 tanh, raw"},
		{"128 residual dropout 0.5 gelu layernorm, 8", "128 layernorm gelu dropout 0.5 residual, 8, l2"},
		{"32 dropout 0.10, 8", "32 relu dropout 0.1, 8, l2"},
		{"32 dropout .25, 8", "32 relu dropout 0.25, 8, l2"},
		{"32 dropout 0, 8", "32 relu, 8, l2"},
		{"32 dropout 0.123456789, 8", "32 relu dropout 0.123457, 8, l2"},
		{"32 dropout 0.999999, 8", "32 relu dropout 0.999999, 8, l2"},
		{"0016000", "16000, l2"},
	};
	UnitEnv		u;

	unit_env_init(&u);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
	{
		NetSpec		spec,
					again;
		char		line[NET_LINE_MAX];

		assert_int_equal(netspec_parse(&u.env, lines[i][0], 128, &spec), LEARN_OK);
		netspec_print(&spec, line, sizeof(line));
		assert_string_equal(line, lines[i][1]);
		assert_int_equal(netspec_parse(&u.env, line, 128, &again), LEARN_OK);
		assert_memory_equal(&spec, &again, sizeof(spec));
	}
	unit_env_done(&u);
}

static void
test_fields(void **state)
{
	UnitEnv		u;
	NetSpec		spec;

	unit_env_init(&u);
	assert_int_equal(netspec_parse(&u.env, "20 gelu layernorm dropout 0.25, 20 residual batchnorm, 5 tanh, raw", 7, &spec), LEARN_OK);
	assert_int_equal(spec.in, 7);
	assert_int_equal(spec.n_layers, 3);
	assert_int_equal(netspec_out(&spec), 5);
	assert_false(spec.l2);
	assert_int_equal(spec.layer[0].act, ACT_GELU);
	assert_int_equal(spec.layer[0].norm, NORM_LAYER);
	assert_true(spec.layer[0].dropout == 0.25f);
	assert_false(spec.layer[0].residual);
	assert_int_equal(spec.layer[1].act, ACT_RELU);
	assert_int_equal(spec.layer[1].norm, NORM_BATCH);
	assert_true(spec.layer[1].residual);
	assert_int_equal(spec.layer[2].act, ACT_TANH);
	assert_int_equal(netspec_parse(&u.env, "", 7, &spec), LEARN_OK);
	assert_int_equal(spec.n_layers, 0);
	assert_false(spec.l2);
	assert_int_equal(netspec_out(&spec), 7);
	unit_env_done(&u);
}

/* The message has the wrong word and its position, the hint what would be right. */
static void
test_errors(void **state)
{
	static const char *const lines[][3] = {
		{"256 rleu, 64", "unknown word at position 5: \"rleu\"", "relu, gelu, tanh, linear, batchnorm, layernorm, dropout P, residual"},
		{"relu, 64", "a layer does not begin with its width at position 1: \"relu\"", "A layer is a width"},
		{"256, l2 64", "something after the end word at position 9: \"64\"", ""},
		{"256, l2, 64", "something after the end word at position 8: \",\"", ""},
		{"256 relu 64", "unexpected number at position 10: \"64\"", "commas"},
		{"256 l2", "a comma is missing before the end word at position 5", "raw"},
		{"256,", "a layer is missing at its end", ""},
		{",256", "a layer is missing at position 1: \",\"", ""},
		{"256,,64", "a layer is missing at position 5: \",\"", ""},
		{"0", "not a width at position 1: \"0\"", "from 1 to 16000"},
		{"16001", "not a width", "from 1 to 16000"},
		{"99999999999999999999999", "not a width", "from 1 to 16000"},
		{"2.5", "not a width", "from 1 to 16000"},
		{"64x", "not a width", "from 1 to 16000"},
		{"-64", "does not begin with its width", "A layer is a width"},
		{"64 relu gelu", "a second activation at position 9: \"gelu\"", ""},
		{"64 relu relu", "a second activation", ""},
		{"64 batchnorm layernorm", "a second normalisation", ""},
		{"64 dropout 0.1 dropout 0.1", "a second dropout", ""},
		{"64 residual residual", "a second residual", ""},
		{"64 dropout, 8", "dropout needs a number from 0 to below 1 at position 11: \",\"", "dropout 0.1"},
		{"64 dropout", "dropout needs a number from 0 to below 1 at its end", "dropout 0.1"},
		{"64 dropout 1, 8", "dropout needs a number", ""},
		{"64 dropout 0.9999999, 8", "dropout needs a number", ""},
		{"64 dropout -0.1, 8", "dropout needs a number", ""},
		{"64 dropout 0.1.2, 8", "dropout needs a number", ""},
		{"64 dropout ., 8", "dropout needs a number", ""},
		{"64 dropout nan, 8", "dropout needs a number", ""},
		{"64 dropout 1e-3, 8", "dropout needs a number", ""},
		{"64 residual", "layer 1 cannot be residual: it is 64 wide and its input 10", "widths must agree"},
		{"10 residual, 9 residual", "layer 2 cannot be residual: it is 9 wide and its input 10", ""},
		{"identity, l2", "\"identity\" stands alone", ""},
		{"64 identity", "unknown word", ""},
		{"1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "more than 32 layers", ""},
		{"8 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\"", ""},
		{"8 abc\xc3\xa4xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "\"abc...\"", ""},
	};
	UnitEnv		u;

	unit_env_init(&u);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
	{
		NetSpec		spec;

		assert_int_equal(netspec_parse(&u.env, lines[i][0], 10, &spec), LEARN_INVALID);
		if (strstr(u.env.message, lines[i][1]) == NULL || strstr(u.env.hint, lines[i][2]) == NULL)
			fail_msg("\"%s\": message \"%s\", hint \"%s\"", lines[i][0], u.env.message, u.env.hint);
	}
	unit_env_done(&u);
}

static void
test_limits(void **state)
{
	UnitEnv		u;
	NetSpec		spec;
	char		line[4000] = "";
	int			widths[] = {0, -1, NET_MAX_WIDTH + 1};

	unit_env_init(&u);
	for (int i = 0; i < 3; i++)
		assert_int_equal(netspec_parse(&u.env, "8", widths[i], &spec), LEARN_INVALID);
	assert_int_equal(netspec_parse(&u.env, "8", NET_MAX_WIDTH, &spec), LEARN_OK);

	/* 32 layers are allowed, but not all of them with every word: the line must stay short */
	for (int i = 0; i < 32; i++)
		strcat(line, i < 31 ? "8," : "8");
	assert_int_equal(netspec_parse(&u.env, line, 8, &spec), LEARN_OK);
	line[0] = '\0';
	for (int i = 0; i < 32; i++)
		strcat(line, i < 31 ? "8 dropout .123456 residual layernorm," : "8");
	assert_int_equal(netspec_parse(&u.env, line, 8, &spec), LEARN_INVALID);
	assert_non_null(strstr(u.env.message, "longer than 1023 characters"));

	/* printing into too little room cuts and closes */
	assert_int_equal(netspec_parse(&u.env, "256 gelu, 64", 8, &spec), LEARN_OK);
	memset(line, 'x', 20);
	netspec_print(&spec, line, 10);
	assert_memory_equal(line, "256 gelu,\0x", 11);
	unit_env_done(&u);
}

/* Random words and random bytes: an answer, and what is taken survives printing. */
static void
test_fuzz(void **state)
{
	static const char *const words[] = {"8", "16", "1", "0", "relu", "gelu", "tanh", "linear", "batchnorm",
		"layernorm", "dropout", "0.5", ".1", "1.5", "residual", "l2", "raw", "identity", ",", ",", ",", ",",
	" ", "\t", "16000", "99999", "-", "\xff", "xyz", "dropout 0.3", ", l2", ", raw"};
	UnitEnv		u;
	Rng			rng;
	int			taken = 0;

	unit_env_init(&u);
	rng_seed(&rng, 11, 1);
	for (int rep = 0; rep < 60000; rep++)
	{
		char		line[600] = "";
		char		canonical[NET_LINE_MAX];
		NetSpec		spec,
					again;
		int			n = rng_below(&rng, 14);

		for (int i = 0; i < n; i++)
			if (rep % 3 == 2)
			{
				line[i] = rng_next(&rng) >> 56;
				line[i + 1] = '\0';
			}
			else
			{
				if (rng_below(&rng, 8) != 0)
					strcat(line, " ");
				strcat(line, words[rng_below(&rng, sizeof(words) / sizeof(words[0]))]);
			}
		if (netspec_parse(&u.env, line, 8, &spec) == LEARN_OK)
		{
			netspec_print(&spec, canonical, sizeof(canonical));
			assert_int_equal(netspec_parse(&u.env, canonical, 8, &again), LEARN_OK);
			assert_memory_equal(&spec, &again, sizeof(spec));
			taken++;
		}
		else
			assert_true(u.env.message[0] != '\0');
	}
	assert_true(taken > 1000);
	unit_env_done(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
