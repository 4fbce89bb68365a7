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

#include "learn/methods.h"

#define ALL "auto, whiten, pca, lda, covariance, rca, itml, lsml, contrastive, triplet, multi_similarity, ntxent, supcon, nca, " \
	"proxy_nca, proxy_anchor, normalized_softmax, cosface, arcface"

static void
test_names(void **state)
{
	char		buf[sizeof(ALL)];

	method_names(NULL, buf, sizeof(buf));
	assert_string_equal(buf, ALL);

	/* too little room: cut off, closed by a zero, nothing written beyond */
	memset(buf, 'x', sizeof(buf));
	method_names(NULL, buf, 9);
	assert_memory_equal(buf, "auto, wh\0x", 10);
	method_names(NULL, buf, 1);
	assert_string_equal(buf, "");
}

static void
test_lookup(void **state)
{
	assert_int_equal(method_count(), 19);
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

		assert_true(method_learns_from(m, "labels"));
		assert_true(strlen(m->description) > 20 && strchr(m->description, '\n') == NULL);
		assert_non_null(m->parameters);
		assert_int_equal(m->kind == METHOD_GRADIENT, m->loss != NULL);
		assert_int_equal(m->kind == METHOD_GRADIENT || m->kind == METHOD_LINEAR, m->parameters[0] != '\0');
		assert_int_equal(m->kind == METHOD_AUTO, m->paper == NULL);
		assert_int_equal(m->side == LOSS_PROXY, m->proxy_lr > 0);
		if (m->side == LOSS_PROXY)
			assert_int_equal(m->input, LOSS_COSINE);
	}
}

/* The value of one of a loss's parameters, by the option's name. */
static double
parameter(const LossParams *p, const char *name, size_t n)
{
	const struct
	{
		const char *name;
		double		value;
	}			all[] = {
		{"margin", p->margin}, {"pos_margin", p->pos_margin}, {"neg_margin", p->neg_margin},
		{"temperature", p->temperature}, {"scale", p->scale}, {"alpha", p->alpha},
		{"beta", p->beta}, {"base", p->base}, {"epsilon", p->epsilon}, {"miner", p->miner},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strlen(all[i].name) == n && strncmp(all[i].name, name, n) == 0)
			return all[i].value;
	fail_msg("no such parameter: %s", name);
	return NAN;
}

/* Every parameter listed exists and, where 0 is not allowed, has a default. */
static void
test_parameters(void **state)
{
	for (int i = 0; i < method_count(); i++)
	{
		const Method *m = method_at(i);

		for (const char *p = m->parameters; *p != '\0' && m->kind == METHOD_GRADIENT;)
		{
			size_t		n = strcspn(p, ",");
			double		value = parameter(&m->defaults, p, n);

			assert_true(value > 0 || strncmp(p, "pos_margin", n) == 0 || strncmp(p, "miner", n) == 0);
			p += n + (p[n] == ',');
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
