/*
 * matches.c
 *	  Queries, gallery and right answers of matches.
 */
#include "compat.h"

#include "evaluate/evaluate.h"
#include "evaluate/matches.h"

#include "miscadmin.h"

#include "evaluate/space.h"
#include "read/matrix.h"

/* Does match i say that a row belongs to itself? */
static bool
of_itself(const Constraints *matches, int64 i)
{
	return constraint_twin(matches, matches->row[2 * i]) == matches->row[2 * i + 1];
}

/* ---------- the gallery ---------- */

/* The row with this hash among n with rising ones, or -1. */
static int64
find_hash(const uint64 *hash, int64 n, uint64 wanted)
{
	int64		low = 0;
	int64		high = n;

	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (hash[middle] < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && hash[low] == wanted ? low : -1;
}

/*
 * Take rows of a source. place[row] = 0 for rows that are rows of the side of the constraints. The
 * others, each once, become further rows of the side.
 */
static void
add_gallery(const char *gallery, const char *features, const DmlTupleInput *input, SideRows *side, int32 *place)
{
	DmlMatrix  *matrix = dml_matrix_read(&(DmlMatrixSource) {.source = gallery,.features = features,
	.origin = input->origin,.n_origin = input->rows.d,.encoder = input->encoder,
	.limit = (size_t) maintenance_work_mem * 1024 / 4});
	const uint64 *hash = matrix->row_hash;

	if (matrix->rows.d != side->rows->d)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("b has %d numbers, and the rows of \"%s\" have %d", side->rows->d, gallery, matrix->rows.d)));
	side->more = matrix;
	side->more_index = huge_array(matrix->rows.n, sizeof(int64));
	for (int64 i = 0; i < matrix->rows.n; i++)
	{
		int64		row = find_hash(side->rows->hash, side->rows->n, hash[i]);

		if (row >= 0)
			place[row] = 0;
		else if (i == 0 || hash[i] != hash[i - 1])
			side->more_index[side->n_more++] = i;
	}
}

/*
 * Which rows are searched. place[row] is the number among them of a row of the side of the
 * constraints, or -1.
 */
static int32 *
choose_gallery(const Constraints *matches, const char *gallery, const char *features, const DmlTupleInput *input,
			   SideRows *side)
{
	const Rows *rows = matches->rows_b;
	int32	   *place = huge_array(rows->n, sizeof(int32));

	side->rows = rows;
	for (int64 i = 0; i < rows->n; i++)
		place[i] = -1;
	for (int64 i = 0; i < matches->n; i++)
		if (!of_itself(matches, i))
			place[matches->row[2 * i + 1]] = 0;
	if (gallery)
		add_gallery(gallery, features, input, side, place);
	side->index = huge_array(rows->n, sizeof(int64));
	for (int64 i = 0; i < rows->n; i++)
		if (place[i] >= 0)
		{
			place[i] = (int32) side->n;
			side->index[side->n++] = i;
		}
	if (side->n + side->n_more > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d rows to search", PG_INT32_MAX)));
	return place;
}

/* ---------- the queries ---------- */

/* The distinct first rows of constraints, without constraints of a row with itself. */
static int64
count_queries(const Constraints *matches, int64 *of_themselves)
{
	int64		last = -1;
	int64		n = 0;

	*of_themselves = 0;
	for (int64 i = 0; i < matches->n; i++)
	{
		if (of_itself(matches, i))
		{
			(*of_themselves)++;
			continue;
		}
		n += matches->row[2 * i] != last;
		last = matches->row[2 * i];
	}
	return n;
}

/* The place in the gallery of side a's row, by its numbers, or -1. */
static int32
place_in_gallery(const Constraints *matches, const SideRows *side, const int32 *place, int64 row)
{
	uint64		wanted = matches->rows->hash[row];
	int64		low = 0;
	int64		high = side->n_more;
	int64		twin;

	if (matches->rows->d != matches->rows_b->d)
		return -1;
	twin = constraint_two_towers(matches) ? find_hash(matches->rows_b->hash, matches->rows_b->n, wanted) : row;
	if (twin >= 0 && place[twin] >= 0)
		return place[twin];
	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (side->more->row_hash[side->more_index[middle]] < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low < side->n_more && side->more->row_hash[side->more_index[low]] == wanted ? (int32) (side->n + low) : -1;
}

/*
 * A NOTICE that counts the queries that are in the gallery, and says whether they can find
 * themselves.
 */
static void
tell_in_gallery(int64 found, int64 queries, bool hidden)
{
	if (found > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld of %lld queries is in the gallery", "%lld of %lld queries are in the gallery",
							   (unsigned long) found, (long long) found, (long long) queries),
				 hidden ? errdetail("A query does not find itself.") :
				 errdetail("Two towers embed rows of two kinds, so a query may find the row that has its numbers.")));
}

void
matches_choose(const DmlTuples *tuples, bool adapter, const char *gallery, const char *features,
			   int64 max_queries, SideRows side[2], MatchTask *task)
{
	const Constraints matches = {.kind = CONSTRAINT_MATCHES,.rows = &tuples->input[0].rows,
	.rows_b = &tuples->input[tuples->inputs - 1].rows,.n = tuples->n,.row = tuples->row,.adapter = adapter};
	bool		hidden = adapter || tuples->inputs == 1;
	int32	   *place = choose_gallery(&matches, gallery, features, &tuples->input[tuples->inputs - 1], &side[1]);
	int64		of_themselves;
	int64		all = count_queries(&matches, &of_themselves);
	int64		nq = max_queries < PG_INT64_MAX ? Min(all, max_queries) : evaluate_queries(all, side[1].n + side[1].n_more);
	int64	   *begin = huge_array(nq + 1, sizeof(int64));
	int32	   *right = huge_array(tuples->n, sizeof(int32));
	double	   *grade = tuples->weight ? huge_array(tuples->n, sizeof(double)) : NULL;
	int32	   *self = huge_array(nq, sizeof(int32));
	int64		found_selves = 0;
	int64		seen = 0;		/* queries */
	int64		taken = 0;
	int64		n = 0;
	int64		last = -1;
	bool		wanted = false;

	if (of_themselves > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld match of a row with itself was left out", "%lld matches of a row with itself were left out",
							   (unsigned long) of_themselves, (long long) of_themselves)));
	if (nq == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("source has no match of two rows")));
	if (nq > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d queries", PG_INT32_MAX),
				 errhint("Lower max_queries.")));
	side[0].rows = &tuples->input[0].rows;
	side[0].index = huge_array(nq, sizeof(int64));
	for (int64 i = 0; i < tuples->n; i++)
	{
		int64		row = tuples->row[2 * i];
		int32		found = place[tuples->row[2 * i + 1]];

		if (of_itself(&matches, i))
			continue;
		if (row != last)
		{
			wanted = taken < nq && seen == (int64) ((double) taken * all / nq);
			seen++;
			last = row;
			if (wanted)
			{
				begin[taken] = n;
				self[taken] = place_in_gallery(&matches, &side[1], place, row);
				found_selves += self[taken] >= 0;
				side[0].index[taken++] = row;
			}
		}
		if (!wanted)
			continue;
		if (n > begin[taken - 1] && right[n - 1] == found)
		{
			if (grade)
				grade[n - 1] = Max(grade[n - 1], tuples->weight[i]);
			continue;
		}
		if (grade)
			grade[n] = tuples->weight[i];
		right[n++] = found;
	}
	begin[taken] = n;
	side[0].n = taken;
	tell_in_gallery(found_selves, taken, hidden);
	*task = (MatchTask) {.nq = taken,.ng = side[1].n + side[1].n_more,.begin = begin,.right = right,.grade = grade,.self = hidden ? self : NULL};
}
