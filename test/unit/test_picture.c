/*
 * test_picture.c
 *	  Pictures: any bytes as a label stay text in ASCII, a PNG holds its pixels, labels have the order that a
 *	  reader expects, t-SNE keeps groups apart, and every kind takes the numbers that are at the edge.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "learn/picture/picture.h"
#include "learn/picture/png.h"
#include "learn/picture/project.h"
#include "learn/picture/tsne.h"
#include "unit_env.h"

static const PictureText text = {FIGURE_AUTO, "a <title> & \"more\"", "subtitle", "note"};

static char *
finish(UnitEnv *u, Svg *svg)
{
	char	   *out;
	size_t		length;

	ASSERT_OK(u, svg_finish(svg, &out, &length));
	assert_int_equal(strlen(out), length);
	return out;
}

static char *
escaped(UnitEnv *u, const char *utf8, double width)
{
	Svg			svg;

	svg_init(&svg, &u->env);
	if (width > 0)
		svg_text_within(&svg, utf8, 10, width);
	else
		svg_text(&svg, utf8);
	return finish(u, &svg);
}

static void
test_escaping(void **state)
{
	static const struct
	{
		const char *utf8;
		const char *want;
	}			cases[] = {
		{"plain", "plain"},
		{"<b>&'\"", "&lt;b&gt;&amp;&#39;&quot;"},
		{"a\x01\x1f\x7f", "a&#65533;&#65533;&#65533;"},
		{"tab\tline\n", "tab line "},
		{"\xc3\xb6", "&#246;"},
		{"\xf0\x9f\x98\x80", "&#128512;"},
		{"\xc2\x85", "&#65533;"},			/* a control of C1 */
		{"\xef\xbf\xbe", "&#65533;"},		/* U+FFFE */
		{"\xed\xa0\x80", "&#65533;"},		/* a surrogate */
		{"\xe2\x80\xae", "&#65533;"},		/* right-to-left override */
		{"\xc0\xbc", "&#65533;"},			/* '<' in two bytes */
		{"\xf4\x90\x80\x80", "&#65533;"},	/* beyond U+10FFFF */
		{"\xc3", "&#65533;"},				/* cut off */
		{"\xff<", "&#65533;&lt;"},
		{"\xe2\x82<", "&#65533;&#65533;&lt;"},
	};
	UnitEnv		u;

	unit_env_init(&u);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(escaped(&u, cases[i].utf8, 0), cases[i].want);
	assert_string_equal(escaped(&u, "a label that is long, class 17", 100), "a label tha&#8230;ass 17");
	assert_string_equal(escaped(&u, "short", 100), "short");
	unit_env_done(&u);
}

/* Random bytes: ASCII without markup, cut or not. */
static void
test_any_bytes(void **state)
{
	UnitEnv		u;
	Rng			rng;

	unit_env_init(&u);
	rng_seed(&rng, 1, 0);
	for (int round = 0; round < 2000; round++)
	{
		ArenaMark	mark = arena_mark(&u.arena);
		char		label[40];
		int			n = (int) rng_below(&rng, 39);
		char	   *out;

		for (int i = 0; i < n; i++)
			label[i] = (char) (1 + rng_below(&rng, 255));
		label[n] = '\0';
		out = escaped(&u, label, round % 2 ? 60 : 0);
		for (const char *c = out; *c; c++)
			assert_true(*c >= ' ' && *c < 0x7f && *c != '<' && *c != '>' && *c != '"' && *c != '\'');
		arena_reset(&u.arena, mark);
	}
	unit_env_done(&u);
}

static void
test_order_of_labels(void **state)
{
	char	   *label[] = {"kind 10", "b", "10", "kind 9", "B", "-2", "kind 009", "9", "A", ""};
	static const char *const want[] = {"-2", "9", "10", "", "A", "B", "b", "kind 009", "kind 9", "kind 10"};
	int32_t		order[10];

	picture_sort_labels(label, 10, order);
	for (int i = 0; i < 10; i++)
		assert_string_equal(label[order[i]], want[i]);
	picture_sort_labels(label, 0, order);
}

/* ---------- PNG ---------- */

static int
base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	return c == '=' ? 0 : (int) (strchr(digits, c) - digits);
}

static size_t
decode(const char *base64, unsigned char *out)
{
	size_t		n = 0;

	for (; *base64; base64 += 4)
	{
		unsigned	four = 0;

		for (int i = 0; i < 4; i++)
			four = four << 6 | base64_digit(base64[i]);
		out[n++] = four >> 16;
		out[n++] = four >> 8 & 255;
		out[n++] = four & 255;
	}
	return n;
}

static void
test_png(void **state)
{
	static const int sides[][2] = {{1, 1}, {8, 8}, {28, 28}, {3, 256}, {256, 256}};
	UnitEnv		u;

	unit_env_init(&u);
	for (size_t s = 0; s < sizeof(sides) / sizeof(sides[0]); s++)
	{
		int			width = sides[s][0];
		int			height = sides[s][1];
		unsigned char *pixel = malloc(width * height);
		unsigned char *png = malloc(200000);
		const char *prefix = "data:image/png;base64,";
		size_t		place = 8 + 25 + 8 + 2;	/* signature, IHDR, head of IDAT and of zlib */
		char	   *uri;
		Svg			svg;

		for (int i = 0; i < width * height; i++)
			pixel[i] = i * 7 & 255;
		svg_init(&svg, &u.env);
		png_data_uri(&svg, pixel, width, height);
		uri = finish(&u, &svg);
		assert_memory_equal(uri, prefix, strlen(prefix));
		decode(uri + strlen(prefix), png);
		assert_memory_equal(png, "\x89PNG\r\n\x1a\n", 8);
		assert_int_equal(png[18] * 256 + png[19], width);
		assert_int_equal(png[22] * 256 + png[23], height);
		/* the rows, with a filter byte in front of each, in stored blocks of 65,535 bytes */
		for (int i = 0, byte = 0; i < height; i++)
			for (int j = -1; j < width; j++, byte++)
			{
				if (byte % 65535 == 0)
					place += 5;
				assert_int_equal(png[place++], j < 0 ? 0 : pixel[i * width + j]);
			}
		free(pixel);
		free(png);
	}
	unit_env_done(&u);
}

/* ---------- t-SNE ---------- */

static void
test_tsne(void **state)
{
	enum { N = 150, D = 10 };
	static float x[N * D];
	float		at[2][2 * N];
	int			right = 0;
	UnitEnv		u;
	Rng			rng;

	unit_env_init(&u);
	rng_seed(&rng, 5, 0);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			x[i * D + k] = (float) (rng_normal(&rng) + (k == i % 3 ? 12 : 0));
	for (int run = 0; run < 2; run++)
	{
		for (int i = 0; i < 2 * N; i++)
			at[run][i] = x[i / 2 * D + i % 2];
		ASSERT_OK(&u, tsne(&u.env, x, N, D, 30, 9, at[run]));
	}
	assert_memory_equal(at[0], at[1], sizeof(at[0]));
	for (int i = 0; i < N; i++)
	{
		int			nearest = -1;
		double		least = INFINITY;

		for (int j = 0; j < N; j++)
		{
			double		d = pow(at[0][2 * i] - at[0][2 * j], 2) + pow(at[0][2 * i + 1] - at[0][2 * j + 1], 2);

			if (j != i && d < least)
			{
				least = d;
				nearest = j;
			}
		}
		right += nearest % 3 == i % 3;
	}
	assert_int_equal(right, N);

	/* equal rows, and very few: finite */
	memset(x, 0, sizeof(x));
	for (int n = 1; n < 8; n++)
	{
		memset(at[0], 0, sizeof(at[0]));
		ASSERT_OK(&u, tsne(&u.env, x, n, D, 30, 9, at[0]));
		for (int i = 0; i < 2 * n; i++)
			assert_true(isfinite(at[0][i]));
	}

	/* it stops when it is told to */
	u.cancel_at = u.polls + 100;
	assert_int_equal(tsne(&u.env, x, N, D, 30, 9, at[0]), LEARN_CANCELLED);
	unit_env_done(&u);
}

/* ---------- the kinds, at the edge ---------- */

static int
count(const char *in, const char *what)
{
	int			n = 0;

	for (const char *found = in; (found = strstr(found, what)) != NULL; found++)
		n++;
	return n;
}

static void
test_space(void **state)
{
	float		at[] = {0, 0, NAN, 1, INFINITY, 0, 3e38f, -3e38f, 1, 1, -3e38f, 3e38f};
	int32_t		class[] = {0, 0, 1, 1, -1, 0};
	char	   *label[] = {"a", "<b>"};
	SpacePicture p = {.n = 6,.class = class,.n_classes = 2,.label = label,.legend = "class",.nameless = "none",.many = "classes",.sizes = true,
	.n_panels = 1,.panel = {{.at = at,.x = "x",.y = "y"}}};
	UnitEnv		u;
	Svg			svg;
	char	   *out;

	unit_env_init(&u);
	svg_init(&svg, &u.env);
	ASSERT_OK(&u, picture_space(&u.env, &text, "space", &p, &svg));
	out = finish(&u, &svg);
	assert_int_equal(count(out, "<circle"), 4 + 3);	/* without two that are not finite; three in the legend */
	assert_int_equal(count(out, "nan") + count(out, "inf"), 0);
	assert_true(strstr(out, "&lt;b&gt;") != NULL && strstr(out, "<b>") == NULL);
	p.n = 0;
	svg_init(&svg, &u.env);
	ASSERT_OK(&u, picture_space(&u.env, &text, "space", &p, &svg));
	unit_env_done(&u);
}

static void
test_pairs(void **state)
{
	double		distance[] = {0, 0, 1e30, 5};
	bool		same[] = {true, false, true, false};
	Roc			roc;
	PairCurve	curve[2];
	UnitEnv		u;
	Svg			svg;

	unit_env_init(&u);
	for (int n = 2; n <= 4; n++)
	{
		char	   *out;

		ASSERT_OK(&u, roc_of_pairs(&u.env, distance, same, n, &roc));
		curve[0] = (PairCurve) {"learned", &roc, n == 3 ? 1e35 : n == 4 ? 0 : NAN};
		curve[1] = (PairCurve) {"none", &roc, NAN};
		svg_init(&svg, &u.env);
		ASSERT_OK(&u, picture_roc(&u.env, &text, curve, 2, &svg));
		ASSERT_OK(&u, picture_distances(&u.env, &text, curve, 2, &svg));
		out = finish(&u, &svg);
		assert_int_equal(count(out, "<svg"), 2);
		assert_int_equal(count(out, "nan\"") + count(out, "inf\""), 0);
		assert_int_equal(count(out, "class=\"strong"), n == 2 ? 0 : 3);
	}
	unit_env_done(&u);
}

static void
test_curve(void **state)
{
	EpochPoint	epoch[] = {{1, NAN, NAN}, {2, INFINITY, 0.5}, {7, 3, NAN}, {900000, 2, 0.25}};
	CurvePicture p = {.epoch = epoch,.score = "recall@1",.score_title = "score",.without_learning = NAN,.whitened = 0.1,.learned = NAN};
	UnitEnv		u;
	Svg			svg;

	unit_env_init(&u);
	for (p.n = 1; p.n <= 4; p.n++)
	{
		char	   *out;

		svg_init(&svg, &u.env);
		ASSERT_OK(&u, picture_curve(&u.env, &text, &p, &svg));
		out = finish(&u, &svg);
		assert_int_equal(count(out, "class=\"strong best\""), p.n > 1);
		assert_int_equal(count(out, "nan\"") + count(out, "inf\""), 0);
	}
	unit_env_done(&u);
}

static void
test_confusion(void **state)
{
	enum { N = 900, CLASSES = 300 };
	int32_t		is[N];
	int32_t		voted[N];
	char	   *label[CLASSES];
	char		names[CLASSES][16];
	ConfusionPicture p = {.n = N,.is = is,.voted = voted,.n_classes = CLASSES,.label = label};
	UnitEnv		u;
	Svg			svg;
	char	   *out;

	unit_env_init(&u);
	for (int c = 0; c < CLASSES; c++)
	{
		snprintf(names[c], sizeof(names[c]), "c%d", c);
		label[c] = names[c];
	}
	for (int i = 0; i < N; i++)
	{
		is[i] = i % CLASSES;
		voted[i] = i % 10 == 0 ? -1 : i % 7 == 0 ? (i + 1) % CLASSES : i % CLASSES;
	}
	svg_init(&svg, &u.env);
	ASSERT_OK(&u, picture_confusion(&u.env, &text, &p, &svg));
	out = finish(&u, &svg);
	assert_non_null(strstr(out, "269 other classes"));
	assert_non_null(strstr(out, "of 810 rows are right"));
	p.n = 0;
	svg_init(&svg, &u.env);
	ASSERT_OK(&u, picture_confusion(&u.env, &text, &p, &svg));
	unit_env_done(&u);
}

/* Running out of memory is a status. */
static void
test_no_memory(void **state)
{
	UnitEnv		u;
	Svg			svg;
	char	   *out;
	size_t		length;

	unit_env_init(&u);
	u.arena.limit = 300000;
	svg_init(&svg, &u.env);
	for (int i = 0; i < 1000000; i++)
		svg_put(&svg, "0123456789");
	assert_int_equal(svg_finish(&svg, &out, &length), LEARN_NO_MEMORY);
	unit_env_done(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escaping),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_order_of_labels),
		cmocka_unit_test(test_png),
		cmocka_unit_test(test_tsne),
		cmocka_unit_test(test_space),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_curve),
		cmocka_unit_test(test_confusion),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
