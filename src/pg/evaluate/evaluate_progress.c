/*
 * evaluate_progress.c
 *	  Progress of an evaluation: the view dml_evaluation_progress, NOTICEs, and the bound on the
 *	  work.
 */
#include "compat.h"

#include "evaluate/evaluate.h"

#include "mb/pg_wchar.h"
#include "pgstat.h"
#if PG_VERSION_NUM >= 140000
#include "utils/backend_progress.h"
#endif
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "call/progress_slot.h"
#include "dml.h"

/* "dme", beside the "dml" of trainings and far from PostgreSQL's own commands. */
#define PROGRESS_COMMAND_EVALUATE	0x646d65

/* The least number of queries to use, however many rows are searched. */
#define LEAST_QUERIES	100

/* What the numbers of the slot are. */
enum
{
	PARAM_SPACE,				/* -1: rows are being read */
	PARAM_DONE,
	PARAM_QUERIES,
	PARAM_GALLERY,
	PARAM_STARTED,				/* TimestampTz */
	PARAM_NAME					/* the rest: the model's name, ended by a 0 */
};

#define NAME_BYTES		((PGSTAT_NUM_PROGRESS_PARAM - PARAM_NAME) * (int) sizeof(int64))

#define PROGRESS_COLUMNS	9

static const char *const space_names[N_SPACES] = {"no learning", "whitened", "learned"};

void
evaluate_progress_start(const char *model)
{
	int64		values[PGSTAT_NUM_PROGRESS_PARAM] = {0};
	int			index[PGSTAT_NUM_PROGRESS_PARAM];

	for (int i = 0; i < PGSTAT_NUM_PROGRESS_PARAM; i++)
		index[i] = i;
	values[PARAM_SPACE] = -1;
	values[PARAM_STARTED] = GetCurrentTimestamp();
	memcpy(&values[PARAM_NAME], model, pg_mbcliplen(model, strlen(model), NAME_BYTES - 1));
	pgstat_progress_start_command((ProgressCommandType) PROGRESS_COMMAND_EVALUATE, InvalidOid);
	pgstat_progress_update_multi_param(PGSTAT_NUM_PROGRESS_PARAM, index, values);
}

void
evaluate_progress_space(Evaluation *evaluation, int space, int64 queries, int64 gallery)
{
	const int	index[] = {PARAM_SPACE, PARAM_DONE, PARAM_QUERIES, PARAM_GALLERY};
	const int64 values[] = {space, 0, queries, gallery};

	evaluation->measuring = space_names[space];
	pgstat_progress_update_multi_param(lengthof(index), index, values);
}

void
evaluate_progress(Evaluation *evaluation, int64 done, int64 all)
{
	double		now = evaluation->env->now(evaluation->env->ctx);

	pgstat_progress_update_param(PARAM_DONE, done);
	if (dml_notice_interval == 0 || now - evaluation->last_notice < dml_notice_interval)
		return;
	evaluation->last_notice = now;
	ereport(NOTICE,
			(errmsg("%s: %lld of %lld queries", evaluation->measuring, (long long) done, (long long) all)));
}

void
evaluate_progress_end(void)
{
	pgstat_progress_end_command();
}

int64
evaluate_queries(int64 queries, int64 gallery)
{
	int64		most = Max((int64) (dml_max_comparisons / Max(gallery, 1)), LEAST_QUERIES);

	if (queries <= most)
		return queries;
	ereport(NOTICE,
			(errmsg("%lld of %lld queries are used, evenly spaced", (long long) most, (long long) queries),
			 errdetail("Each is compared with %lld rows, and dml.max_comparisons is %g.", (long long) gallery, dml_max_comparisons),
			 errhint("With max_queries => %lld all are used.", (long long) queries)));
	return most;
}

/* ProgressFill */
static void
fill_row(const int64 *param, Datum *values, bool *nulls)
{
	char		name[NAME_BYTES];
	int64		space = param[PARAM_SPACE];

	memcpy(name, &param[PARAM_NAME], sizeof(name));
	name[sizeof(name) - 1] = '\0';
	values[3] = CStringGetTextDatum(name);
	values[4] = CStringGetTextDatum(space >= 0 && space < N_SPACES ? space_names[space] : "reading");
	for (int i = 0; i < 3; i++)
		values[5 + i] = Int64GetDatum(param[PARAM_DONE + i]);
	values[8] = TimestampTzGetDatum(param[PARAM_STARTED]);
}

PG_FUNCTION_INFO_V1(dml_get_evaluation_progress);

/* A row for every evaluation that runs in this cluster. */
Datum
dml_get_evaluation_progress(PG_FUNCTION_ARGS)
{
	progress_slot_rows(fcinfo, PROGRESS_COMMAND_EVALUATE, PROGRESS_COLUMNS, fill_row);
	return (Datum) 0;
}
