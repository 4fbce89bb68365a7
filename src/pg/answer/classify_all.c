/*
 * classify_all.c
 *	  dml_classify_all and dml_match_all: answers to many questions, with one reading of the
 *	  gallery.
 *
 * Distances, the order of equally distant rows and the vote are those of dml_classify, so the
 * answers are, too.
 */
#include "compat.h"

#include <math.h>

#include "funcapi.h"
#include "utils/builtins.h"

#include "answer/gallery.h"
#include "answer/vote.h"
#include "call/arguments.h"
#include "call/result_store.h"
#include "model/model.h"

#define MOST_COLUMNS	5

#define CLASSIFY_HINT	"SELECT * FROM dml_classify_all('gallery table', 'embedding column', 'label column', 'table of questions', 'vector column', key => 'id column');"
#define MATCH_HINT		"SELECT * FROM dml_match_all('gallery table', 'embedding column', 'id column', 'table of questions', 'vector column', key => 'id column');"

PG_FUNCTION_INFO_V1(dml_classify_all);
PG_FUNCTION_INFO_V1(dml_match_all);

typedef struct Answering
{
	Gallery		gallery;
	VoteRule	rule;
	bool		matches;		/* dml_match_all: the result has no confidence and no neighbours */
	Tuplestorestate *store;
	TupleDesc	desc;
} Answering;

/* QuestionTake: the row of the result. */
static void
put_answer(void *state, const char *key, const int32 *row, const double *distance, int n)
{
	Answering  *a = state;
	Datum		values[MOST_COLUMNS] = {0};
	bool		nulls[MOST_COLUMNS] = {false, true, true, true, true};
	int			column = 0;

	nulls[column] = key == NULL;
	if (key)
		values[column] = CStringGetTextDatum(key);
	column++;
	if (n > 0)
	{
		int32		label[MAX_NEIGHBOURS];
		double		confidence;
		int32		winner;

		for (int i = 0; i < n; i++)
			label[i] = a->gallery.text[a->gallery.origin[row[i]]];
		winner = vote_winner(&a->rule, label, distance, n, &confidence);
		nulls[column] = vote_unknown(&a->rule, distance[0], confidence);
		values[column++] = CStringGetTextDatum(text_set_get(a->gallery.texts, winner));
		if (!a->matches)
		{
			nulls[column] = false;
			values[column++] = Float8GetDatum(confidence);
		}
		nulls[column] = false;
		values[column] = Float8GetDatum(distance[0]);
	}
	if (!a->matches)
	{
		nulls[4] = false;
		values[4] = Int32GetDatum(n);
	}
	tuplestore_putvalues(a->store, a->desc, values, nulls);
}

static void
answer_all(Answering *a, AnswerSource *questions)
{
	const int32 *rank = gallery_ranks(&a->gallery);

	questions_answer(questions, a->gallery.rows, a->gallery.space, rank, a->rule.k, put_answer, a);
	answer_rows_end(a->gallery.gathered);
}

/* What both have: the gallery (arguments 0 to 2), the questions (3 to 5). */
static void
read_sources(FunctionCallInfo fcinfo, const char *label_name, const char *hint, AnswerSource *gallery, AnswerSource *questions)
{
	char	   *text[6];
	const char *const names[] = {"source", "embedding", label_name, "questions", "query"};

	for (int i = 0; i < lengthof(text); i++)
		text[i] = text_argument(fcinfo, i);
	for (int i = 0; i < lengthof(names); i++)
		need_argument(text[i], names[i], hint);
	*gallery = answer_source(text[0], text[1], "embedding", text[2], label_name);
	*questions = answer_source(text[3], text[4], "query", text[5] ? text[5] : answer_source_key(text[3], "key", hint), "key");
}

/*
 * dml_classify_all(source, embedding, label, questions, query, key, k, max_distance,
 * min_confidence, weights)
 */
Datum
dml_classify_all(PG_FUNCTION_ARGS)
{
	Answering	a = {.matches = false};
	AnswerSource source;
	AnswerSource questions;

	a.rule = vote_rule(fcinfo, 6);
	read_sources(fcinfo, "label", CLASSIFY_HINT, &source, &questions);
	a.store = result_store(fcinfo, &a.desc);
	gallery_read(&a.gallery, &source, true);
	answer_all(&a, &questions);
	return (Datum) 0;
}

/* The calibrated threshold of the version that made the gallery's vectors. */
static double
calibrated_threshold(const Gallery *gallery)
{
	const DmlVersion *version;
	double		threshold;

	if (gallery->rows->n == 0)
		return INFINITY;
	if (gallery->space == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("max_distance must be given"),
				 errdetail("Only a model has a calibrated threshold, and the vectors are plain ones.")));
	version = dml_version_calibrated(gallery->space);
	if (!dml_calibration_find(version, &threshold))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model \"%s\" is not calibrated", version->number, version->name),
				 errhint("Give max_distance, or calibrate: SELECT * FROM dml_calibrate(%s, 'table or query', label => 'column', false_accept_rate => 0.001);",
						 quote_literal_cstr(dml_version_reference(version)))));
	return threshold;
}

/* dml_match_all(source, embedding, id, questions, query, key, max_distance) */
Datum
dml_match_all(PG_FUNCTION_ARGS)
{
	Answering	a = {.rule = {.k = 1},.matches = true};
	AnswerSource source;
	AnswerSource questions;

	a.rule.max_distance = PG_ARGISNULL(6) ? NAN : PG_GETARG_FLOAT8(6);
	if (!PG_ARGISNULL(6))
		vote_check_distance(a.rule.max_distance);
	read_sources(fcinfo, "id", MATCH_HINT, &source, &questions);
	a.store = result_store(fcinfo, &a.desc);
	gallery_read(&a.gallery, &source, true);
	if (PG_ARGISNULL(6))
		a.rule.max_distance = calibrated_threshold(&a.gallery);
	answer_all(&a, &questions);
	return (Datum) 0;
}
