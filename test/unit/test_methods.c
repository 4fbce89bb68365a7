/*
 * test_methods.c
 *	  The registry: its order, that entries are complete, and look-up by name.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "learn/methods/options.h"

static void
test_names(void **state)
{
	char		buf[4096];
	char		want[4096] = "";

	for (int i = 0; i < method_count(); i++)
	{
		if (method_at(i)->partial)
			continue;
		strcat(want, i > 0 ? ", " : "");
		strcat(want, method_at(i)->name);
	}
	method_names(NULL, false, buf, sizeof(buf));
	assert_string_equal(buf, want);
	assert_memory_equal(buf, "auto, whiten, pca, lda, ", 24);

	/* too little room: cut off, closed by a zero, nothing written beyond */
	memset(buf, 'x', sizeof(buf));
	method_names(NULL, false, buf, 9);
	assert_memory_equal(buf, "auto, wh\0x", 10);
	method_names(NULL, false, buf, 1);
	assert_string_equal(buf, "");
	method_names("quadruplets", true, buf, sizeof(buf));
	assert_string_equal(buf, "norm, zero_mean, uniformity");
}

static void
test_lookup(void **state)
{
	assert_true(method_count() >= 36);
	for (int i = 0; i < method_count(); i++)
		assert_ptr_equal(method_by_name(method_at(i)->name), method_at(i));
	assert_null(method_by_name("Triplet"));
	assert_null(method_by_name(""));
	assert_null(method_by_name("triplet "));
}

static void
test_entries(void **state)
{
	for (int i = 0; i < method_count(); i++)
	{
		const Method *m = method_at(i);

		assert_true(method_learns_from(m, "labels") || method_learns_from(m, "matches"));
		assert_true(strlen(m->description) > 20 && strchr(m->description, '\n') == NULL);
		assert_non_null(m->parameters);
		assert_int_equal(m->kind == METHOD_GRADIENT, m->loss.function != NULL);
		assert_true(m->kind != METHOD_AUTO || m->parameters[0] == '\0');
		assert_int_equal(m->kind == METHOD_AUTO, m->paper == NULL);
		assert_int_equal(m->loss.side == LOSS_PROXY || m->loss.side == LOSS_GRAPH || m->loss.scalars != NULL, m->proxy_lr > 0);
		if (m->loss.side == LOSS_PROXY || m->loss.side == LOSS_GRAPH)
			assert_int_equal(m->loss.input, LOSS_COSINE);
	}
}

/* The option of that name, which must be one of losses. */
static int
option(const char *name, size_t n)
{
	for (int i = 0; i < options_count(); i++)
		if (options_of_loss(i) && strlen(options_at(i)->name) == n && strncmp(options_at(i)->name, name, n) == 0)
			return i;
	fail_msg("no such option of a loss: %.*s", (int) n, name);
	return -1;
}

/* Every parameter listed exists, and its default is in the option's range. */
static void
test_parameters(void **state)
{
	for (int i = 0; i < method_count(); i++)
	{
		const Method *m = method_at(i);

		for (const char *p = m->parameters; *p != '\0' && m->kind == METHOD_GRADIENT;)
		{
			size_t		n = strcspn(p, ",");
			const OptionDef *def = options_at(option(p, n));
			TrainOptions options;
			const void *at;
			LossParams	params;
			double		value;

			options_init(&options);
			options.method = m;
			params = options_loss(&options, 0);
			at = (const char *) &params + (def->offset - offsetof(TrainOptions, term[0].params));
			value = def->type == OPTION_REAL ? *(const double *) at : *(const int *) at;
			if (def->type == OPTION_NAME)
				assert_true(value >= def->word_base || strcmp(def->name, "distance") == 0);
			else if (!(value >= def->min && value <= def->max))
				fail_msg("%s: %s is %g by default", m->name, def->name, value);
			p += n + (p[n] == ',');
		}
	}
}

static void
check_parse(const char *text, const char *want)
{
	LearnEnv	env = {0};
	TrainOptions options;
	char		buf[METHOD_TEXT_MAX];
	LearnStatus status;

	options_init(&options);
	status = options_set_method(&env, &options, text, "labels");
	if (status == LEARN_OK)
		options_method(&options, buf, sizeof(buf));
	if (strcmp(status == LEARN_OK ? buf : env.message, want) != 0)
		fail_msg("%s: %s, not %s", text, status == LEARN_OK ? buf : env.message, want);
}

static void
test_sums(void **state)
{
	check_parse("triplet", "triplet");
	check_parse("  triplet ", "triplet");
	check_parse("arcface+0.5*supcon", "arcface + 0.5 * supcon");
	check_parse("arcface * 2 + supcon * .25 + nca", "2 * arcface + 0.25 * supcon + nca");
	check_parse("", "unknown method \"\"");
	check_parse("arcface +", "a term is missing in method \"arcface +\"");
	check_parse("+ arcface", "a term is missing in method \"+ arcface\"");
	check_parse("proxy_nca++", "a term is missing in method \"proxy_nca++\"");
	check_parse("arcface + arcfase", "unknown method \"arcfase\"");
	check_parse("arcface supcon", "method \"arcface supcon\" is not understood from \"supcon\" on");
	check_parse("arcface + 0.5 supcon", "a weight in method \"arcface + 0.5 supcon\" is not followed by *");
	check_parse("arcface + supcon * x", "in method \"arcface + supcon * x\" there is no number behind *");
	check_parse("arcface + 0 * supcon", "the weight of \"supcon\" must be above 0 and at most 1e6, not 0");
	check_parse("arcface + supcon * -1", "the weight of \"supcon\" must be above 0 and at most 1e6, not -1");
	check_parse("arcface + supcon * nan", "the weight of \"supcon\" must be above 0 and at most 1e6, not nan");
	check_parse("arcface + 1e999 * supcon", "the weight of \"supcon\" must be above 0 and at most 1e6, not inf");
	check_parse("2 * arcface", "a weight means nothing to method \"arcface\" alone");
	check_parse("arcface + lda", "method \"lda\" cannot be a term of a sum");
	check_parse("log_ratio + 0.5*kernel_regression + norm", "log_ratio + 0.5 * kernel_regression + norm");
	check_parse("supcon + log_ratio", "method \"log_ratio\" learns from a number to predict, and \"supcon\" does not");
	check_parse("norm + log_ratio + center", "method \"log_ratio\" learns from a number to predict, and \"center\" does not");
	check_parse("supcon + auto", "method \"auto\" cannot be a term of a sum");
	check_parse("supcon + nca + supcon", "method \"supcon\" occurs twice in a sum");
	check_parse("supcon + nca + triplet + contrastive + ntxent + cosface + arcface + proxy_nca + proxy_anchor",
				"a sum of methods has 8 terms at most");
}

/* The hint's first words when text is asked for where supervision is given. */
static void
check_hint(const char *text, const char *supervision, const char *want)
{
	LearnEnv	env = {0};
	TrainOptions options;

	options_init(&options);
	assert_int_equal(options_set_method(&env, &options, text, supervision), LEARN_INVALID);
	if (strncmp(env.hint, want, strlen(want)) != 0)
		fail_msg("%s: %s", text, env.hint);
}

static void
test_hints(void **state)
{
	LearnEnv	env = {0};
	TrainOptions options;

	check_hint("arcfase", "labels", "Perhaps you meant \"arcface\". The view dml_methods has all methods.");
	check_hint("NT-Xent", "labels", "Perhaps you meant \"ntxent\".");
	check_hint("InfoNCE", "matches", "Perhaps you meant \"infonce\".");
	check_hint("supcon + 0.5 * centre", "labels", "Perhaps you meant \"center\".");
	check_hint("tripelt", "labels", "Perhaps you meant \"triplet\".");
	check_hint("magic", "quadruplets", "Valid methods are: auto, whiten, pca, covariance, lsml, quadruplet.");
	check_hint("quadruplet + 0.1 * norm", "quadruplets", "The loss of quadruplets that are given stands alone.");
	check_hint("", "quadruplets", "Valid methods are: auto, ");
	check_hint("quadruplet", "pairs", "It learns from quadruplets, labels: see dml_train_quadruplets. Valid methods are: auto, ");
	check_hint("arcface", "quadruplets", "It learns from labels: see dml_train. Valid methods are: auto, ");

	/* the longest hint, with every method in it, is whole */
	check_hint("magic", NULL, "Valid methods are: auto, ");
	options_init(&options);
	assert_int_equal(options_set_method(&env, &options, "magic", NULL), LEARN_INVALID);
	assert_string_equal(env.hint + strlen(env.hint) - strlen("orthogonal, uniformity."), "orthogonal, uniformity.");
	assert_non_null(strstr(env.hint, "log_ratio. As terms of a sum also: "));

	options_init(&options);
	assert_int_equal(options_set_number(&env, &options, "bach", 8), LEARN_INVALID);
	assert_string_equal(env.hint, "Perhaps you meant \"batch\". The view dml_options has all options.");
	assert_int_equal(options_set_number(&env, &options, "LearningRate", 8), LEARN_INVALID);
	assert_string_equal(env.hint, "Perhaps you meant \"learning_rate\". The view dml_options has all options.");
	assert_int_equal(options_set_number(&env, &options, "heat", 8), LEARN_INVALID);
	assert_memory_equal(env.hint, "Valid options are: network, ", 28);
}

/* Whose an option is. */
static void
test_sum_options(void **state)
{
	LearnEnv	env = {0};
	TrainOptions o;

	options_init(&o);
	assert_int_equal(options_set_method(&env, &o, "arcface + 0.5 * triplet", NULL), LEARN_OK);
	assert_int_equal(options_set_number(&env, &o, "margin", 0.3), LEARN_INVALID);
	assert_string_equal(env.message, "option \"margin\" is read by more than one term of the sum");
	assert_string_equal(env.hint, "Say whose it is: \"arcface.margin\" or \"triplet.margin\".");
	assert_int_equal(options_set_number(&env, &o, "triplet.margin", 0.3), LEARN_OK);
	assert_int_equal(options_set_number(&env, &o, "triplet.margin", 0.4), LEARN_INVALID);
	assert_string_equal(env.message, "option \"triplet.margin\" is given twice");
	assert_int_equal(options_set_number(&env, &o, "scale", 20), LEARN_OK);
	assert_int_equal(options_set_text(&env, &o, "triplet.miner", "hard"), LEARN_OK);
	assert_int_equal(options_set_number(&env, &o, "batch", 64), LEARN_OK);
	assert_int_equal(options_check(&env, &o), LEARN_OK);
	assert_true(options_loss(&o, 0).margin == 0.5 && options_loss(&o, 0).scale == 20);
	assert_true(options_loss(&o, 1).margin == 0.3 && options_loss(&o, 1).miner == MINE_HARD);

	assert_int_equal(options_set_number(&env, &o, "supcon.temperature", 0.3), LEARN_INVALID);
	assert_string_equal(env.message, "option \"supcon.temperature\" is of a method that is not asked for");
	assert_int_equal(options_set_number(&env, &o, "triplet.scale", 0.3), LEARN_INVALID);
	assert_string_equal(env.message, "method \"triplet\" does not read the option \"scale\"");
	assert_int_equal(options_set_number(&env, &o, "temperature", 0.3), LEARN_INVALID);
	assert_string_equal(env.message, "no term of the sum reads the option \"temperature\"");
	assert_int_equal(options_set_number(&env, &o, "triplet.batch", 8), LEARN_INVALID);
	assert_string_equal(env.message, "unknown option \"triplet.batch\"");
	assert_int_equal(options_set_number(&env, &o, "triplet.", 8), LEARN_INVALID);
	assert_int_equal(options_set_number(&env, &o, ".margin", 8), LEARN_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_sum_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
