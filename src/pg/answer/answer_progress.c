/*
 * answer_progress.c
 *	  Progress of the functions of this room: the view dml_answer_progress, and NOTICEs.
 */
#include "compat.h"

#include "answer/answer_progress.h"

#include "mb/pg_wchar.h"
#include "pgstat.h"
#if PG_VERSION_NUM >= 140000
#include "utils/backend_progress.h"
#endif
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "call/progress_slot.h"
#include "dml.h"

/* "dma", beside the "dml" of trainings and the "dme" of evaluations. */
#define PROGRESS_COMMAND_ANSWER	((ProgressCommandType) 0x646d61)

/* What the numbers of the slot are. */
enum
{
	PARAM_FUNCTION,
	PARAM_DONE,
	PARAM_FOUND,
	PARAM_ROWS,
	PARAM_STARTED,				/* TimestampTz */
	PARAM_NAME					/* the rest: the source, ended by a 0 */
};

#define NAME_BYTES		((PGSTAT_NUM_PROGRESS_PARAM - PARAM_NAME) * (int) sizeof(int64))

#define PROGRESS_COLUMNS	9

static const char *const function_names[] = {"dml_pairs", "dml_duplicates", "dml_groups", "dml_cluster"};

/* For the NOTICEs of this backend. */
static AnswerFunction current;
static int64 current_rows;
static TimestampTz last_notice;

void
answer_progress_start(AnswerFunction function, const char *source, double rows)
{
	int64		values[PGSTAT_NUM_PROGRESS_PARAM] = {0};
	int			index[PGSTAT_NUM_PROGRESS_PARAM];

	for (int i = 0; i < PGSTAT_NUM_PROGRESS_PARAM; i++)
		index[i] = i;
	current = function;
	current_rows = (int64) Min(rows, 1e18);
	last_notice = GetCurrentTimestamp();
	values[PARAM_FUNCTION] = function;
	values[PARAM_ROWS] = current_rows;
	values[PARAM_STARTED] = last_notice;
	memcpy(&values[PARAM_NAME], source, pg_mbcliplen(source, strlen(source), NAME_BYTES - 1));
	pgstat_progress_start_command(PROGRESS_COMMAND_ANSWER, InvalidOid);
	pgstat_progress_update_multi_param(PGSTAT_NUM_PROGRESS_PARAM, index, values);
}

void
answer_progress_rows(int64 rows)
{
	current_rows = rows;
	pgstat_progress_update_param(PARAM_ROWS, rows);
}

void
answer_progress(int64 done, int64 found)
{
	const int	index[] = {PARAM_DONE, PARAM_FOUND};
	const int64 values[] = {done, found};
	TimestampTz now = GetCurrentTimestamp();

	pgstat_progress_update_multi_param(lengthof(index), index, values);
	if (dml_notice_interval == 0 || !TimestampDifferenceExceeds(last_notice, now, dml_notice_interval * 1000))
		return;
	last_notice = now;
	ereport(NOTICE,
			(errmsg("%s: %lld of about %lld rows, %lld results", function_names[current], (long long) done,
					(long long) Max(current_rows, done), (long long) found)));
}

void
answer_progress_end(void)
{
	pgstat_progress_end_command();
}

/* ProgressFill */
static void
fill_row(const int64 *param, Datum *values, bool *nulls)
{
	char		name[NAME_BYTES];
	int64		function = param[PARAM_FUNCTION];

	memcpy(name, &param[PARAM_NAME], sizeof(name));
	name[sizeof(name) - 1] = '\0';
	values[3] = CStringGetTextDatum(function >= 0 && function < lengthof(function_names) ? function_names[function] : "unknown");
	values[4] = CStringGetTextDatum(name);
	values[5] = Int64GetDatum(param[PARAM_DONE]);
	values[6] = Int64GetDatum(param[PARAM_ROWS]);
	values[7] = Int64GetDatum(param[PARAM_FOUND]);
	values[8] = TimestampTzGetDatum(param[PARAM_STARTED]);
}

PG_FUNCTION_INFO_V1(dml_get_answer_progress);

/* A row for every function of this room that runs in this cluster. */
Datum
dml_get_answer_progress(PG_FUNCTION_ARGS)
{
	progress_slot_rows(fcinfo, PROGRESS_COMMAND_ANSWER, PROGRESS_COLUMNS, fill_row);
	return (Datum) 0;
}
