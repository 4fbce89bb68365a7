/*
 * loss_reference.c
 *	  See loss_reference.h.
 */
#include "loss_reference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_ROWS 64

/* A matrix of the file. */
typedef struct Matrix
{
	int			rows;
	int			cols;
	double	   *x;
} Matrix;

static double
read_number(FILE *f)
{
	double		x;

	assert_int_equal(fscanf(f, "%lf", &x), 1);
	return x;
}

static Matrix
read_matrix(LearnEnv *env, FILE *f)
{
	Matrix		m;

	assert_int_equal(fscanf(f, "%d %d", &m.rows, &m.cols), 2);
	m.x = arena_alloc(env->arena, (size_t) m.rows * m.cols, sizeof(double));
	for (int k = 0; k < m.rows * m.cols; k++)
		m.x[k] = read_number(f);
	return m;
}

static void
check_matrix(const LossCase *c, const char *what, const real *got, const Matrix *want, double tolerance)
{
	double		largest = 0;

	for (int k = 0; k < want->rows * want->cols; k++)
		largest = fmax(largest, fabs(want->x[k]));
	assert_true(largest > 0);
	for (int k = 0; k < want->rows * want->cols; k++)
		if (!(fabs(got[k] - want->x[k]) <= tolerance * largest))
			fail_msg("%s: %s[%d] is %.10g, not %.10g", c->name, what, k, got[k], want->x[k]);
}

/* What the file says of one case. */
typedef struct Reference
{
	char		name[64];
	char		method[64];
	char		options[256];
	LossCase	c;
	int32_t		label[MAX_ROWS];
	double		value;
	double		tolerance;		/* where the other program differs by more than rounding */
	Matrix		dz;
	Matrix		learned;
	Matrix		dlearned;
} Reference;

static void
check_reference(LearnEnv *env, const Reference *r, const Matrix *z, const Matrix *proxies, double tolerance)
{
	LossCase	c = r->c;
	int			classes = proxies->rows;
	Batch		b = {.rows = z->rows, .dims = z->cols, .n_classes = classes, .label = (int32_t *) r->label};
	int			n;
	real	   *learned;
	real	   *dx = arena_alloc(env->arena, z->rows * z->cols, sizeof(real));
	real	   *dp;
	double		value;

	tolerance = fmax(tolerance, r->tolerance);
	c.params = loss_options(r->method, r->options);
	for (int i = 0; i < z->rows; i++)
		b.n_classes = r->label[i] >= b.n_classes ? r->label[i] + 1 : b.n_classes;
	n = fixture_n_learned(&c, b.n_classes, b.dims);
	b.z = arena_alloc(env->arena, z->rows * z->cols, sizeof(real));
	learned = arena_alloc(env->arena, n + 1, sizeof(real));
	dp = arena_alloc(env->arena, n + 1, sizeof(real));
	for (int k = 0; k < z->rows * z->cols; k++)
		b.z[k] = z->x[k];

	/* proxies as the case has them, else as all have them; then scalars */
	if (r->learned.x)
		proxies = &r->learned;
	for (int k = 0; k < n; k++)
		learned[k] = proxies->x[k];
	value = fixture_evaluate(env, &c, false, &b, learned, dx, dp);
	if (!(fabs(value - r->value) <= tolerance * fabs(r->value)))
		fail_msg("%s: value %.10g, not %.10g", r->name, value, r->value);
	if (r->dz.x)
		check_matrix(&r->c, "dz", dx, &r->dz, tolerance);
	assert_int_equal(n > 0, r->dlearned.x != NULL);
	if (n > 0)
	{
		assert_int_equal(n, r->dlearned.rows * r->dlearned.cols);
		check_matrix(&r->c, "dlearned", dp, &r->dlearned, tolerance);
	}
}

int
check_loss_reference(LearnEnv *env, double tolerance)
{
	const char *data = getenv("DML_TEST_DATA");
	char		path[1024];
	char		word[64];
	FILE	   *f;
	Matrix		z = {0};
	Matrix		proxies = {0};
	Reference	r;
	int			cases = 0;
	bool		pending = false;	/* a case has been read and not yet checked */

	snprintf(path, sizeof(path), "%s/loss_reference.txt", data != NULL ? data : "../data");
	f = fopen(path, "r");
	if (f == NULL)
		fail_msg("cannot open %s", path);

	while (fscanf(f, "%63s", word) == 1)
	{
		if (strcmp(word, "#") == 0)
			assert_int_equal(fscanf(f, "%*[^\n]"), 0);
		else if (strcmp(word, "z") == 0)
		{
			if (pending)
				check_reference(env, &r, &z, &proxies, tolerance);
			pending = false;
			z = read_matrix(env, f);
		}
		else if (strcmp(word, "proxies") == 0)
			proxies = read_matrix(env, f);
		else if (strcmp(word, "case") == 0)
		{
			if (pending)
				check_reference(env, &r, &z, &proxies, tolerance);
			pending = true;
			cases++;
			memset(&r, 0, sizeof(r));
			assert_int_equal(fscanf(f, "%63s %63s", r.name, r.method), 2);
			r.c.name = r.name;
			r.c.method = r.method;
			assert_non_null(method_by_name(r.method));
		}
		else if (strcmp(word, "label") == 0)
		{
			assert_true(z.rows <= MAX_ROWS);
			for (int i = 0; i < z.rows; i++)
				r.label[i] = (int32_t) read_number(f);
		}
		else if (strcmp(word, "options") == 0)
		{
			assert_int_equal(fscanf(f, "%255[^\n]", r.options), 1);
		}
		else if (strcmp(word, "value") == 0)
			r.value = read_number(f);
		else if (strcmp(word, "dz") == 0)
			r.dz = read_matrix(env, f);
		else if (strcmp(word, "tolerance") == 0)
			r.tolerance = read_number(f);
		else if (strcmp(word, "learned") == 0)
			r.learned = read_matrix(env, f);
		else if (strcmp(word, "dlearned") == 0)
			r.dlearned = read_matrix(env, f);
		else
			fail_msg("%s: unknown word %s", path, word);
	}
	if (pending)
		check_reference(env, &r, &z, &proxies, tolerance);
	fclose(f);
	return cases;
}
