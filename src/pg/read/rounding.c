/*
 * rounding.c
 *	  Which features lose distinct values when their numbers become real.
 *
 * Each number is compared with the real that it became.  A column has lost values if the rounding
 * error is more than a hundredth of the column's standard deviation.  The distance of neighbouring
 * reals is then about a thirtieth of the standard deviation.
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
	double		sum;
	double		square;
	double		error;			/* sum of squared rounding errors */
	float4		largest;		/* largest magnitude */
} Column;

struct DmlRounding
{
	const DmlFeatures *features;
	const Oid  *types;
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

DmlRounding *
dml_rounding_start(const DmlFeatures *features, const Oid *types)
{
	for (int i = 0; i < features->n; i++)
		if (may_round(types[i]))
		{
			DmlRounding *rounding = palloc0(sizeof(DmlRounding));

			rounding->features = features;
			rounding->types = types;
			rounding->context = CurrentMemoryContext;
			return rounding;
		}
	return NULL;
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

/* Write the row's numbers before rounding to rounding->exact; for other types the float itself. */
static void
set_exact(DmlRounding *rounding, const Datum *values, const float4 *row)
{
	double	   *exact = rounding->exact;

	for (int j = 0; j < rounding->d; j++)
		exact[j] = row[j];
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
		double		exact = rounding->exact[j];
		double		error = exact - row[j];
		double		deviation;

		if (rounding->n == 0)
			column->first = column->least = exact;
		deviation = exact - column->first;
		column->least = Min(column->least, exact);
		column->largest = Max(column->largest, fabsf(row[j]));
		column->sum += deviation;
		column->square += deviation * deviation;
		column->error += error * error;
	}
	rounding->n++;
}

/* The standard deviation of a column if it has lost values, else 0. */
static double
lost(const DmlRounding *rounding, const Column *column)
{
	double		n = (double) rounding->n;
	double		variance = column->square / n - (column->sum / n) * (column->sum / n);

	if (!(variance > 0) || !(column->error / n > LOST_SHARE * LOST_SHARE * variance))
		return 0;
	return sqrt(variance);
}

/* The name of a feature that is a plain column, as SQL writes it; else NULL. */
static const char *
plain_column(const DmlFeatures *features, int i)
{
	const ResTarget *target = list_nth(features->targets, i);

	return target->name == NULL && IsA(target->val, ColumnRef) ? quote_identifier(features->names[i]) : NULL;
}

void
dml_rounding_report(const DmlRounding *rounding)
{
	const DmlFeatures *features = rounding->features;
	int			count = 0;
	int			which = 0;
	double		deviation = 0;
	const Column *column;
	const char *plain;
	bool		is_array = rounding->d != features->n;

	for (int j = 0; j < rounding->d; j++)
	{
		double		sd = lost(rounding, &rounding->column[j]);

		if (sd > 0 && count++ == 0)
		{
			which = j;
			deviation = sd;
		}
	}
	if (count == 0)
		return;
	column = &rounding->column[which];
	plain = is_array ? NULL : plain_column(features, which);
	ereport(NOTICE,
			(is_array ? errmsg("feature \"%s\" loses distinct values in element %d", features->names[0], which + 1) :
			 errmsg("feature \"%s\" loses distinct values", features->names[which]),
			 errdetail("Features become real. The values are near %.9g with a standard deviation of %.3g, "
					   "and two neighbouring reals there differ by %.3g.%s",
					   column->least, deviation, nextafterf(column->largest, INFINITY) - column->largest,
					   count > 1 ? psprintf(" The same holds for %d features or elements in all.", count) : ""),
			 plain != NULL ? errhint("Subtract a number near its values in the features: %s - %.15g AS %s.", plain,
									 column->least, plain) :
			 errhint("Subtract a number near its values, such as %.15g, before they become real.", column->least)));
}
