/*
 * filter.c
 *	  See filter.h.
 *
 * Conditions on whole numbers, dates and timestamps become one interval or one sorted list
 * of int64 each; anything else calls the operator.  All conditions must hold.  A value that
 * is NULL passes IS NULL alone.
 */
#include "compat.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "filter.h"

typedef enum TestKind
{
	TEST_NEVER,					/* the condition is NULL, or no value can pass */
	TEST_IS_NULL,
	TEST_IS_NOT_NULL,
	TEST_INTERVAL,				/* least <= value <= most */
	TEST_LIST,					/* one of values */
	TEST_OPERATOR				/* value operator argument, for one of the arguments */
} TestKind;

typedef struct Test
{
	TestKind	kind;
	const TreeColumn *column;
	int64		least;
	int64		most;
	int64	   *values;			/* sorted */
	Datum	   *arguments;
	int			n;				/* of values or arguments */
	int			strategy;
	Oid			collation;
	FmgrInfo	holds;
	FmgrInfo	at_most;		/* of "=": column <= argument, column >= argument */
	FmgrInfo	at_least;
} Test;

struct TreeFilter
{
	int			n;
	Test		test[FLEXIBLE_ARRAY_MEMBER];
};

/* Types whose order is that of whole numbers. */
static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* Whether a column's values can be compared with arguments of a type as whole numbers. */
static bool
compares_as_number(Relation index, int attno, Oid argument_type)
{
	Oid			type = index->rd_opcintype[attno - 1];
	PGFunction	compare = index_getprocinfo(index, attno, TREE_COMPARE_PROC)->fn_addr;

	if (is_integer(type))
		return is_integer(argument_type) && (compare == btint2cmp || compare == btint4cmp || compare == btint8cmp);
	return type == argument_type &&
		((type == DATEOID && compare == date_cmp) || (type == BOOLOID && compare == btboolcmp) ||
		 ((type == TIMESTAMPOID || type == TIMESTAMPTZOID) && compare == timestamp_cmp));
}

static int64
as_number(Oid type, Datum value)
{
	switch (type)
	{
		case BOOLOID:
			return DatumGetBool(value);
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
		case DATEOID:
			return DatumGetInt32(value);
	}
	return DatumGetInt64(value);	/* bigint and timestamps */
}

static int
compare_numbers(const void *a, const void *b)
{
	int64		left = *(const int64 *) a;
	int64		right = *(const int64 *) b;

	return left < right ? -1 : left > right;
}

/* An interval of numbers, or a list for "= ANY". */
static void
make_number_test(Test *test, Oid type)
{
	int64		least = 0;
	int64		most = 0;

	test->values = palloc(test->n * sizeof(int64));
	for (int i = 0; i < test->n; i++)
	{
		test->values[i] = as_number(type, test->arguments[i]);
		least = i == 0 ? test->values[i] : Min(least, test->values[i]);
		most = i == 0 ? test->values[i] : Max(most, test->values[i]);
	}
	test->kind = TEST_INTERVAL;
	test->least = PG_INT64_MIN;
	test->most = PG_INT64_MAX;
	switch (test->strategy)
	{
		case BTEqualStrategyNumber:
			test->least = least;
			test->most = most;
			if (least != most)
			{
				test->kind = TEST_LIST;
				qsort(test->values, test->n, sizeof(int64), compare_numbers);
			}
			break;
		case BTLessStrategyNumber:
			if (most == PG_INT64_MIN)
				test->kind = TEST_NEVER;
			else
				test->most = most - 1;
			break;
		case BTLessEqualStrategyNumber:
			test->most = most;
			break;
		case BTGreaterStrategyNumber:
			if (least == PG_INT64_MAX)
				test->kind = TEST_NEVER;
			else
				test->least = least + 1;
			break;
		default:
			test->least = least;
			break;
	}
}

static void
find_operator(Relation index, int attno, Oid argument_type, int strategy, FmgrInfo *function)
{
	Oid			operator = get_opfamily_member(index->rd_opfamily[attno - 1], index->rd_opcintype[attno - 1],
											   argument_type, strategy);

	if (!OidIsValid(operator))
		elog(ERROR, "missing operator %d(%u,%u) in opfamily %u", strategy, index->rd_opcintype[attno - 1],
			 argument_type, index->rd_opfamily[attno - 1]);
	fmgr_info(get_opcode(operator), function);
}

static void
make_test(Test *test, Relation index, const TreeColumns *columns, const ScanKeyData *key)
{
	int			attno = key->sk_attno;
	Oid			type = OidIsValid(key->sk_subtype) ? key->sk_subtype : index->rd_opcintype[attno - 1];

	memset(test, 0, sizeof(*test));
	test->column = &columns->column[attno - 2];
	if (key->sk_flags & SK_ISNULL)
	{
		test->kind = key->sk_flags & SK_SEARCHNULL ? TEST_IS_NULL :
			key->sk_flags & SK_SEARCHNOTNULL ? TEST_IS_NOT_NULL : TEST_NEVER;
		return;
	}
	test->strategy = key->sk_strategy;
	test->collation = key->sk_collation;
	if (key->sk_flags & SK_SEARCHARRAY)
	{
		ArrayType  *array = DatumGetArrayTypeP(key->sk_argument);
		int16		length;
		bool		by_value;
		char		align;
		Datum	   *elements;
		bool	   *nulls;
		int			n;

		type = ARR_ELEMTYPE(array);
		get_typlenbyvalalign(type, &length, &by_value, &align);
		deconstruct_array(array, type, length, by_value, align, &elements, &nulls, &n);
		test->arguments = elements;
		for (int i = 0; i < n; i++)
			if (!nulls[i])
				test->arguments[test->n++] = elements[i];
		type = OidIsValid(key->sk_subtype) ? key->sk_subtype : type;
		if (test->n == 0)
			return;				/* TEST_NEVER */
	}
	else
	{
		test->arguments = palloc(sizeof(Datum));
		test->arguments[0] = key->sk_argument;
		test->n = 1;
	}
	if (compares_as_number(index, attno, type))
	{
		make_number_test(test, type);
		return;
	}
	test->kind = TEST_OPERATOR;
	fmgr_info_copy(&test->holds, unconstify(FmgrInfo *, &key->sk_func), CurrentMemoryContext);
	if (test->strategy == BTEqualStrategyNumber)
	{
		find_operator(index, attno, type, BTLessEqualStrategyNumber, &test->at_most);
		find_operator(index, attno, type, BTGreaterEqualStrategyNumber, &test->at_least);
	}
}

TreeFilter *
tree_filter_make(Relation index, const TreeColumns *columns, const ScanKeyData *keys, int n)
{
	TreeFilter *filter = palloc(offsetof(TreeFilter, test) + Max(n, 1) * sizeof(Test));

	filter->n = 0;
	for (int i = 0; i < n; i++)
		if (keys[i].sk_attno > 1)
			make_test(&filter->test[filter->n++], index, columns, &keys[i]);
	return filter->n > 0 ? filter : NULL;
}

static bool
holds(const Test *test, FmgrInfo *function, const char *value, Datum argument)
{
	return DatumGetBool(FunctionCall2Coll(function, test->collation, tree_column_datum(test->column, value), argument));
}

/* A value of a column whose values are numbers. */
static int64
number_at(const TreeColumn *column, const char *value)
{
	switch (column->length)
	{
		case 1:
			return *(const uint8 *) value;	/* bool */
		case 2:
			return *(const int16 *) value;
		case 4:
			return *(const int32 *) value;
	}
	return *(const int64 *) value;
}

/* The first of sorted numbers that is not below another. */
static int
not_below(const int64 *values, int n, int64 value)
{
	int			low = 0;

	while (n > 0)
	{
		int			half = n / 2;

		if (values[low + half] < value)
		{
			low += half + 1;
			n -= half + 1;
		}
		else
			n = half;
	}
	return low;
}

/* Can a value of a leaf pass, as far as the leaf's range says? */
static bool
can_pass(Test *test, Page page)
{
	const TreeRange *range = tree_range(page, test->column);
	const char *least = tree_range_least(page, test->column);
	const char *most = tree_range_most(page, test->column);

	if (test->kind == TEST_IS_NULL)
		return range->has_nulls;
	if (test->kind == TEST_NEVER || !range->has_values)
		return false;
	switch (test->kind)
	{
		case TEST_INTERVAL:
			return number_at(test->column, least) <= test->most && number_at(test->column, most) >= test->least;
		case TEST_LIST:
			{
				int			at = not_below(test->values, test->n, number_at(test->column, least));

				return at < test->n && test->values[at] <= number_at(test->column, most);
			}
		case TEST_OPERATOR:
			for (int i = 0; i < test->n; i++)
			{
				Datum		argument = test->arguments[i];
				bool		can;

				if (test->strategy == BTEqualStrategyNumber)
					can = holds(test, &test->at_most, least, argument) && holds(test, &test->at_least, most, argument);
				else if (test->strategy < BTEqualStrategyNumber)
					can = holds(test, &test->holds, least, argument);
				else
					can = holds(test, &test->holds, most, argument);
				if (can)
					return true;
			}
			return false;
		default:
			return true;
	}
}

/* The rows whose numbers lie in an interval; the compiler makes vectors of this. */
#define TEST_NUMBERS(type, lowest, highest) \
	do { \
		const type *value = (const type *) tree_column_value(page, test->column, 0); \
		type least = (type) Max(test->least, (int64) (lowest)); \
		type most = (type) Min(test->most, (int64) (highest)); \
		for (int j = 0; j < n; j++) \
			pass[j] &= (value[j] >= least) & (value[j] <= most); \
	} while (0)

static void
test_interval(const Test *test, Page page, int n, uint8 *pass)
{
	switch (test->column->length)
	{
		case 1:
			TEST_NUMBERS(uint8, 0, PG_UINT8_MAX);
			break;
		case 2:
			TEST_NUMBERS(int16, PG_INT16_MIN, PG_INT16_MAX);
			break;
		case 4:
			TEST_NUMBERS(int32, PG_INT32_MIN, PG_INT32_MAX);
			break;
		default:
			TEST_NUMBERS(int64, PG_INT64_MIN, PG_INT64_MAX);
			break;
	}
}

static bool
passes(Test *test, const char *value)
{
	int64		number;
	int			at;

	if (test->kind == TEST_LIST)
	{
		number = number_at(test->column, value);
		at = not_below(test->values, test->n, number);
		return at < test->n && test->values[at] == number;
	}
	for (int i = 0; i < test->n; i++)
		if (holds(test, &test->holds, value, test->arguments[i]))
			return true;
	return false;
}

int
tree_filter_rows(const TreeFilter *filter, Page page, const TreeShape *shape, uint8 *pass)
{
	const TreeRow *rows = tree_rows(page, &shape->leaf);
	int			n = tree_node(page)->n;
	int			count = 0;

	for (int i = 0; i < filter->n; i++)
		if (!can_pass(unconstify(Test *, &filter->test[i]), page))
			return 0;
	if (tree_node(page)->dead == 0)
		memset(pass, true, n);
	else
		for (int j = 0; j < n; j++)
			pass[j] = !rows[j].dead;
	for (int i = 0; i < filter->n; i++)
	{
		Test	   *test = unconstify(Test *, &filter->test[i]);
		const TreeColumn *column = test->column;

		if (test->kind == TEST_INTERVAL)
			test_interval(test, page, n, pass);
		if (test->kind == TEST_IS_NULL || tree_range(page, column)->has_nulls)
			for (int j = 0; j < n; j++)
				pass[j] &= tree_column_isnull(page, column, j) == (test->kind == TEST_IS_NULL);
		if (test->kind == TEST_LIST || test->kind == TEST_OPERATOR)
			for (int j = 0; j < n; j++)
				if (pass[j])
					pass[j] = passes(test, tree_column_value(page, column, j));
	}
	for (int j = 0; j < n; j++)
		count += pass[j];
	return count;
}

void
tree_filter_expect(const TreeFilter *filter, const char *page, int n)
{
	for (int i = 0; i < filter->n; i++)
	{
		const TreeColumn *column = filter->test[i].column;

		tree_prefetch(page, column->range, (int) sizeof(TreeRange) + 2 * column->bytes);
		tree_prefetch(page, column->values, n * column->bytes);
	}
}
