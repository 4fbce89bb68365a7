/*
 * tuples_impossible.c
 *	  Constraints that say nothing about a metric: they hold or fail under every one, or
 *	  contradict another constraint.
 *
 * The distance from a row to itself is 0 under every metric, so a pair of equal rows, or a triplet
 * whose anchor is its positive, is decided before anything is measured.  A pair that is given both
 * as the same and as different cannot be right, nor can a comparison that is given in both
 * directions.  Such constraints would count in a score as won or lost by the model.
 */
#include "compat.h"

#include "read/tuples.h"

#include "miscadmin.h"

/* The rows of a constraint and, for a pair, whether they are the same. */
typedef struct Statement
{
	int64		row[TUPLES_MAX_SIZE];
	int32		same;
} Statement;

/* Whether both sides of the comparison have the same rows, or a pair has one row twice. */
static bool
is_decided(const DmlTuples *tuples, ConstraintKind kind, const int64 *row)
{
	switch (kind)
	{
		case CONSTRAINT_PAIRS:
		case CONSTRAINT_MATCHES:
			return tuples->inputs == 1 && row[0] == row[1];
		case CONSTRAINT_TRIPLETS:
			return row[0] == row[1] || row[0] == row[2] || row[1] == row[2];
		case CONSTRAINT_QUADRUPLETS:
			return row[0] == row[1] || row[2] == row[3] ||
				(row[0] == row[2] && row[1] == row[3]) || (row[0] == row[3] && row[1] == row[2]);
		default:
			return false;
	}
}

/*
 * Whether this statement is among the constraints, which are ordered by their rows, then by same.
 */
static bool
is_given(const DmlTuples *tuples, int size, const Statement *wanted)
{
	int64		low = 0;
	int64		high = tuples->n;

	while (low < high)
	{
		int64		middle = low + (high - low) / 2;
		const int64 *row = tuples->row + middle * size;
		int			order = 0;

		for (int k = 0; k < size && order == 0; k++)
			order = (row[k] > wanted->row[k]) - (row[k] < wanted->row[k]);
		if (order == 0 && tuples->same)
			order = (tuples->same[middle] > wanted->same) - (tuples->same[middle] < wanted->same);
		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/*
 * Whether the opposite of constraint i is given, in any order of its rows that has the same
 * meaning.
 */
static bool
is_contradicted(const DmlTuples *tuples, ConstraintKind kind, int64 i)
{
	int			size = constraint_size(kind);
	const int64 *r = tuples->row + i * size;

	if (kind == CONSTRAINT_PAIRS)
		return is_given(tuples, size, &(Statement) {{r[0], r[1]}, !tuples->same[i]}) ||
			(tuples->inputs == 1 && is_given(tuples, size, &(Statement) {{r[1], r[0]}, !tuples->same[i]}));
	if (kind == CONSTRAINT_TRIPLETS)
		return is_given(tuples, size, &(Statement) {{r[0], r[2], r[1]}});
	if (kind == CONSTRAINT_QUADRUPLETS)
		return is_given(tuples, size, &(Statement) {{r[2], r[3], r[0], r[1]}}) ||
			is_given(tuples, size, &(Statement) {{r[3], r[2], r[0], r[1]}}) ||
			is_given(tuples, size, &(Statement) {{r[2], r[3], r[1], r[0]}}) ||
			is_given(tuples, size, &(Statement) {{r[3], r[2], r[1], r[0]}});
	return false;
}

/* Move constraint `from` to place `to`. */
static void
move(DmlTuples *tuples, int size, int64 from, int64 to)
{
	memmove(tuples->row + to * size, tuples->row + from * size, sizeof(int64) * size);
	if (tuples->same)
		tuples->same[to] = tuples->same[from];
	if (tuples->weight)
		tuples->weight[to] = tuples->weight[from];
	if (tuples->place)
		tuples->place[to] = tuples->place[from];
}

static void
tell(ConstraintKind kind, int64 all, int64 decided, int64 contradicted)
{
	static const char *const why[] = {
		[CONSTRAINT_PAIRS] = "They pair a row with itself.",
		[CONSTRAINT_TRIPLETS] = "They name one row twice.",
		[CONSTRAINT_QUADRUPLETS] = "They compare a row with itself, or a pair with itself.",
		[CONSTRAINT_MATCHES] = "They match a row with itself.",
	};

	if (decided > 0)
		ereport(NOTICE,
				(errmsg("%lld of %lld %s hold or fail under every metric, and were left out",
						(long long) decided, (long long) all, constraint_name(kind)),
				 errdetail("%s", why[kind])));
	if (contradicted > 0)
		ereport(NOTICE,
				(errmsg("%lld of %lld %s contradict each other, and were left out",
						(long long) contradicted, (long long) all, constraint_name(kind)),
				 kind == CONSTRAINT_PAIRS ? errdetail("A pair is given both as the same and as different.") :
				 errdetail("A comparison is given in both directions."),
				 errhint("Decide in the source which of them holds, for example by majority.")));
}

void
dml_tuples_drop_impossible(DmlTuples *tuples, ConstraintKind kind)
{
	int			size = constraint_size(kind);
	bool	   *out = MemoryContextAllocHuge(CurrentMemoryContext, tuples->n);
	int64		decided = 0;
	int64		contradicted = 0;
	int64		all = tuples->n;
	int64		n = 0;

	for (int64 i = 0; i < all; i++)
	{
		bool		is = is_decided(tuples, kind, tuples->row + i * size);
		bool		against = !is && is_contradicted(tuples, kind, i);

		if ((i & 0xfff) == 0)
			CHECK_FOR_INTERRUPTS();
		out[i] = is || against;
		decided += is;
		contradicted += against;
	}
	for (int64 i = 0; i < all; i++)
		if (!out[i])
			move(tuples, size, i, n++);
	pfree(out);
	tuples->n = n;
	tell(kind, all, decided, contradicted);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("none of the %s says anything about a metric", constraint_name(kind))));
}
