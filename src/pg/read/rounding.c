/*
 * rounding.c
 *	  Which features lose distinct values when their numbers become real.
 *
 * Each number, without its origin, is compared with the real that it became.  A column has lost
 * values if the rounding error is more than a hundredth of the column's standard deviation.  The
 * distance of neighbouring reals is then about a thirtieth of the standard deviation.
 *
 * An origin is the middle of the least and the largest value, rounded to a multiple of a power of
 * two that is larger than their difference.  So it does not depend on the order of rows, and
 * subtracting it from a double is exact.
 */
#include "compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "read/rounding.h"

#define LOST_SHARE		0.01

/* The sums of one column; deviations are from its first value. */
typedef struct Column
{
	double		first;
	double		least;
	double		most;
	double		sum;
	double		square;
	double		error;			/* sum of squared rounding errors */
	float4		largest;		/* largest magnitude */
} Column;

struct DmlRounding
{
	const DmlFeatures *features;
	const Oid  *types;
	const double *origin;		/* or NULL */
	int64		n;
	int			d;
	double	   *exact;			/* d: the current row */
	Column	   *column;
	MemoryContext context;
};

/* Whether numbers of the type can have more bits than a real holds. */
static bool
may_round(Oid type)
{
	switch (type)
	{
		case INT4OID:
		case INT8OID:
		case FLOAT8OID:
		case NUMERICOID:
		case INT4ARRAYOID:
		case INT8ARRAYOID:
		case FLOAT8ARRAYOID:
		case NUMERICARRAYOID:
			return true;
		default:
			return false;
	}
}

bool
dml_rounding_may(const DmlFeatures *features, const Oid *types)
{
	for (int i = 0; i < features->n; i++)
		if (may_round(types[i]))
			return true;
	return false;
}

DmlRounding *
dml_rounding_start(const DmlFeatures *features, const Oid *types, const double *origin)
{
	DmlRounding *rounding = palloc0(sizeof(DmlRounding));

	rounding->features = features;
	rounding->types = types;
	rounding->origin = origin;
	rounding->context = CurrentMemoryContext;
	return rounding;
}

static double
exact_of_numeric(Datum value)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8, value));
}

/* The elements of an array without NULLs, at most max. */
static void
exact_of_array(ArrayType *array, double *exact, int max)
{
	int			n = Min(ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)), max);
	const void *data = ARR_DATA_PTR(array);

	if (ARR_ELEMTYPE(array) == NUMERICOID)
	{
		Datum	   *values;

		deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &values, NULL, &n);
		for (int i = 0; i < Min(n, max); i++)
			exact[i] = exact_of_numeric(values[i]);
		pfree(values);
		return;
	}
	for (int i = 0; i < n; i++)
		exact[i] = ARR_ELEMTYPE(array) == FLOAT8OID ? ((const float8 *) data)[i] :
			ARR_ELEMTYPE(array) == INT4OID ? ((const int32 *) data)[i] : (double) ((const int64 *) data)[i];
}

/*
 * Write the row's numbers before rounding and with the origin to rounding->exact; for other types
 * from the float.
 */
static void
set_exact(DmlRounding *rounding, const Datum *values, const float4 *row)
{
	double	   *exact = rounding->exact;

	for (int j = 0; j < rounding->d; j++)
		exact[j] = row[j] + (rounding->origin ? rounding->origin[j] : 0);
	for (int i = 0; i < rounding->features->n; i++)
		switch (rounding->types[i])
		{
			case INT4OID:
				exact[i] = DatumGetInt32(values[i]);
				break;
			case INT8OID:
				exact[i] = (double) DatumGetInt64(values[i]);
				break;
			case FLOAT8OID:
				exact[i] = DatumGetFloat8(values[i]);
				break;
			case NUMERICOID:
				exact[i] = exact_of_numeric(values[i]);
				break;
			default:
				if (may_round(rounding->types[i]))
					exact_of_array(DatumGetArrayTypeP(values[i]), exact, rounding->d);
				break;
		}
}

void
dml_rounding_add(DmlRounding *rounding, const Datum *values, const float4 *row, int d)
{
	if (rounding->n == 0)
	{
		rounding->d = d;
		rounding->exact = MemoryContextAlloc(rounding->context, sizeof(double) * d);
		rounding->column = MemoryContextAllocZero(rounding->context, sizeof(Column) * d);
	}
	if (d != rounding->d)
		return;
	set_exact(rounding, values, row);
	for (int j = 0; j < d; j++)
	{
		Column	   *column = &rounding->column[j];
		double		exact = rounding->exact[j] - (rounding->origin ? rounding->origin[j] : 0);
		double		error = exact - row[j];
		double		deviation;

		if (rounding->n == 0)
			column->first = column->least = column->most = exact;
		deviation = exact - column->first;
		column->least = Min(column->least, exact);
		column->most = Max(column->most, exact);
		column->largest = Max(column->largest, fabsf(row[j]));
		column->sum += deviation;
		column->square += deviation * deviation;
		column->error += error * error;
	}
	rounding->n++;
}

/* The standard deviation of a column of n rows if it has lost values, else 0. */
static double
lost(const Column *column, int64 rows)
{
	double		n = (double) rows;
	double		variance = column->square / n - (column->sum / n) * (column->sum / n);

	if (!(variance > 0) || !(column->error / n > LOST_SHARE * LOST_SHARE * variance))
		return 0;
	return sqrt(variance);
}

/* Add the sums of n more rows of a column, whose deviations are from another value. */
static void
merge(Column *column, const Column *more, int64 n)
{
	double		shift = more->first - column->first;

	column->least = Min(column->least, more->least);
	column->most = Max(column->most, more->most);
	column->largest = Max(column->largest, more->largest);
	column->square += more->square + 2 * shift * more->sum + (double) n * shift * shift;
	column->sum += more->sum + (double) n * shift;
	column->error += more->error;
}

/* The middle of a column's values, if it is far from 0 beside their differences; else 0. */
static double
middle(const Column *column)
{
	double		between = column->most - column->least;
	double		step = ldexp(1, ilogb(between) + 1);
	double		origin = step * rint((column->least / 2 + column->most / 2) / step);

	return fabs(origin) >= 2 * step ? origin : 0;
}

double *
dml_rounding_origin(DmlRounding *const *rounding, int n, int d)
{
	double	   *origin = palloc0(sizeof(double) * d);
	bool		any = false;

	for (int j = 0; j < d; j++)
	{
		Column		column = rounding[0]->column[j];
		int64		rows = rounding[0]->n;

		for (int i = 1; i < n; i++)
		{
			merge(&column, &rounding[i]->column[j], rounding[i]->n);
			rows += rounding[i]->n;
		}
		if (lost(&column, rows) > 0)
			origin[j] = middle(&column);
		any = any || origin[j] != 0;
	}
	if (any)
		return origin;
	pfree(origin);
	return NULL;
}

/* The name of a feature that is a plain column, as SQL writes it; else NULL. */
static const char *
plain_column(const DmlFeatures *features, int i)
{
	const ResTarget *target = list_nth(features->targets, i);

	return target->name == NULL && IsA(target->val, ColumnRef) ? quote_identifier(features->names[i]) : NULL;
}

void
dml_rounding_report(const DmlRounding *rounding, bool trained)
{
	const DmlFeatures *features = rounding->features;
	int			count = 0;
	int			which = 0;
	double		deviation = 0;
	double		near;
	const Column *column;
	const char *plain;
	bool		is_array = rounding->d != features->n;

	for (int j = 0; j < rounding->d; j++)
	{
		double		sd = lost(&rounding->column[j], rounding->n);

		if (sd > 0 && count++ == 0)
		{
			which = j;
			deviation = sd;
		}
	}
	if (count == 0)
		return;
	column = &rounding->column[which];
	near = column->least + (rounding->origin ? rounding->origin[which] : 0);
	plain = is_array ? NULL : plain_column(features, which);
	ereport(NOTICE,
			(is_array ? errmsg("feature \"%s\" loses distinct values in element %d", features->names[0], which + 1) :
			 errmsg("feature \"%s\" loses distinct values", features->names[which]),
			 errdetail("Features become real. The values are near %.9g with a standard deviation of %.3g, "
					   "and two neighbouring reals there differ by %.3g.%s",
					   near, deviation, nextafterf(column->largest, INFINITY) - column->largest,
					   count > 1 ? psprintf(" The same holds for %d features or elements in all.", count) : ""),
			 trained ? errhint("The model was trained on other numbers. A model trained on rows like these tells them apart.") :
			 plain != NULL ? errhint("Subtract a number near its values in the features: %s - %.15g AS %s.", plain, near, plain) :
			 errhint("Subtract a number near its values, such as %.15g, before they become real.", near)));
}
