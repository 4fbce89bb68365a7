/*
 * test_index_pages.c
 *	  The index's own code over pages in memory: whole ones, on which every row is met once and every
 *	  invariant holds, and damaged ones, which end in an error or in an answer, never in a crash or
 *	  an endless loop.
 *
 * DML_FUZZ=n damages n images a kind of index (default 6000), DML_SEED=n others than usual.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "server/pages.h"

static const char *const op_names[] = {"near", "all", "exact", "insert", "vacuum", "check"};

/* The kinds of index: leaves of 4 and of 1 bits, with and without a column, many levels, each metric. */
static const struct
{
	int			dims;
	int			rows;
	int			metric;			/* TreeMetric: 1 L2, 2 cosine, 3 inner product */
	bool		column;
}			kinds[] = {{8, 2500, 1, false}, {8, 1200, 2, true}, {300, 400, 1, true}, {1100, 60, 1, false}, {4000, 60, 1, false}, {12, 1000, 3, false}};

#define KINDS	((int) (sizeof(kinds) / sizeof(kinds[0])))

static void
must(PagesOp op, uint64_t seed)
{
	PagesResult result = pages_run(op, seed);

	if (result != PAGES_OK)
		fail_msg("%s: %s", op_names[op], result == PAGES_ENDLESS ? "endless" : pages_message());
}

static void
must_meet(int n)
{
	int			twice;

	must(PAGES_ALL, 1);
	assert_int_equal(pages_rows_met(&twice), n);
	assert_int_equal(twice, 0);
	must(PAGES_EXACT, 2);
	assert_int_equal(pages_rows_met(&twice), n);
	assert_int_equal(twice, 0);
}

static void
test_whole(void **state)
{
	for (int kind = 0; kind < KINDS; kind++)
	{
		int			blocks;

		pages_make(kinds[kind].dims, kinds[kind].rows, kinds[kind].metric, kinds[kind].column, 1);
		must(PAGES_CHECK, 0);
		must(PAGES_NEAR, 0);
		must_meet(kinds[kind].rows);
		must(PAGES_INSERT, 3);
		must(PAGES_CHECK, 0);
		must_meet(kinds[kind].rows + 5);
		must(PAGES_VACUUM, 0);
		must(PAGES_CHECK, 0);
		must_meet(kinds[kind].rows + 5 - (kinds[kind].rows + 5) / 100 * 33 - (kinds[kind].rows + 5) % 100 / 3);

		/* pages that were split are free now, and are used before the index grows */
		blocks = pages_count();
		for (int i = 0; i < kinds[kind].rows / 20; i++)
			must(PAGES_INSERT, 10 + i);
		must(PAGES_CHECK, 0);
		assert_in_range(pages_count(), blocks, blocks + 4);
		pages_free();
	}
}

/* Change some bytes of a page: anywhere, or where its numbers and pointers are. */
static void
damage(Rng *rng, uint8_t *page, int block, char *what, size_t size)
{
	static const uint8_t favourite[] = {0, 1, 2, 4, 127, 128, 254, 255};
	int			n = 1 + (int) rng_below(rng, rng_below(rng, 4) == 0 ? 64 : 4);
	int			at = snprintf(what, size, "block %d:", block);

	for (int i = 0; i < n; i++)
	{
		int			where;
		uint8_t		byte = rng_below(rng, 2) ? (uint8_t) rng_below(rng, 256) : favourite[rng_below(rng, 8)];

		switch (rng_below(rng, 5))
		{
			case 0:
				where = (int) rng_below(rng, PAGES_BLOCK);
				break;
			case 1:
				where = (int) rng_below(rng, 24);
				break;
			case 2:
				where = 24 + (int) rng_below(rng, 200);
				break;
			case 3:
				where = 64 + (int) rng_below(rng, 2500);
				break;
			default:
				where = PAGES_BLOCK - 16 + (int) rng_below(rng, 16);
				break;
		}
		page[where] = byte;
		if (at < (int) size)
			at += snprintf(what + at, size - at, " %d=%d", where, byte);
	}
}

static void
test_damaged(void **state)
{
	const char *count = getenv("DML_FUZZ");
	const char *seed = getenv("DML_SEED");
	int			images = count ? atoi(count) : 6000;
	Rng			rng;

	rng_seed(&rng, seed ? strtoull(seed, NULL, 10) : 1, 0);
	for (int kind = 0; kind < KINDS; kind++)
	{
		int			errors[PAGES_OPS] = {0};
		int			runs[PAGES_OPS] = {0};

		pages_make(kinds[kind].dims, kinds[kind].rows, kinds[kind].metric, kinds[kind].column, 1);
		must(PAGES_VACUUM, 0);
		pages_save();
		for (int image = 0; image < images; image++)
		{
			int			block = rng_below(&rng, 8) == 0 ? 0 : (int) rng_below(&rng, pages_count());
			PagesOp		op = (PagesOp) rng_below(&rng, PAGES_OPS);
			char		what[400];
			PagesResult result;

			switch (rng_below(&rng, 20))
			{
				case 0:
					{
						int			other = (int) rng_below(&rng, pages_count());

						if (other != block)
							memcpy(pages_block(block), pages_block(other), PAGES_BLOCK);
						snprintf(what, sizeof(what), "block %d overwritten by block %d", block, other);
						break;
					}
				case 1:
					memset(pages_block(block), 0, PAGES_BLOCK);
					snprintf(what, sizeof(what), "block %d zeroed", block);
					break;
				default:
					damage(&rng, pages_block(block), block, what, sizeof(what));
					break;
			}
			result = pages_run(op, image);
			if (result == PAGES_ENDLESS)
				fail_msg("index %d, image %d, %s does not end: %s", kind, image, op_names[op], what);
			runs[op]++;
			errors[op] += result == PAGES_ERROR;
			pages_restore();
		}

		/* what is behind the damage is as it was */
		must(PAGES_CHECK, 0);
		for (int op = 0; op < PAGES_OPS; op++)
			assert_true(errors[op] > 0 && errors[op] < runs[op]);
		pages_free();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
