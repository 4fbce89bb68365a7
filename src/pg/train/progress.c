/*
 * progress.c
 *	  The view dml_training_progress. It needs no shared memory of our own: the numbers of a
 *	  training are in the slot that its backend has for the progress of commands
 *	  (call/progress_slot.c).
 */
#include "compat.h"

#include "train/progress.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "pgstat.h"
#if PG_VERSION_NUM >= 140000
#include "utils/backend_progress.h"
#endif
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "call/progress_slot.h"

/* "dml", far from PostgreSQL's own, which count from 0. */
#define PROGRESS_COMMAND_DML	((ProgressCommandType) 0x646d6c)

/* What the numbers are.  Doubles travel as their bits. */
enum
{
	PARAM_PHASE,
	PARAM_METHOD,				/* place in the registry, -1: none */
	PARAM_ROWS,
	PARAM_EPOCH,
	PARAM_EPOCHS,
	PARAM_STEP,
	PARAM_STEPS,
	PARAM_LOSS,
	PARAM_VALIDATION,
	PARAM_BEST,
	PARAM_SECONDS_LEFT,
	PARAM_STARTED,				/* TimestampTz */
	PARAM_NAME					/* the rest: the model's name, ended by a 0 */
};

#define NAME_PARAMS		(PGSTAT_NUM_PROGRESS_PARAM - PARAM_NAME)
#define NAME_BYTES		(NAME_PARAMS * (int) sizeof(int64))

#define PROGRESS_COLUMNS	16

static int64
double_bits(double x)
{
	int64		bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

static double
bits_double(int64 bits)
{
	double		x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

const char *
progress_phase_name(TrainPhase phase)
{
	switch (phase)
	{
		case PHASE_READING:
			return "reading";
		case PHASE_MINING:
			return "mining";
		case PHASE_PREPARING:
			return "preparing";
		case PHASE_TRAINING:
			return "training";
		case PHASE_VALIDATING:
			return "validating";
		case PHASE_CHOOSING:
			return "choosing";
		case PHASE_SAVING:
			return "saving";
	}
	return "unknown";
}

/* The index in the registry of methods; for a sum, that of its first term. */
static int
method_number(const char *name)
{
	size_t		length = name ? strcspn(name, " ") : 0;

	for (int i = 0; name != NULL && i < method_count(); i++)
		if (strlen(method_at(i)->name) == length && strncmp(method_at(i)->name, name, length) == 0)
			return i;
	return -1;
}

/* Write the numbers from first on in one change, which no reader sees half done. */
static void
update(int first, const int64 *values, int count)
{
	int			index[PGSTAT_NUM_PROGRESS_PARAM];

	for (int i = 0; i < count; i++)
		index[i] = first + i;
	pgstat_progress_update_multi_param(count, index, values);
}

void
progress_start(const char *model)
{
	int64		values[PGSTAT_NUM_PROGRESS_PARAM] = {0};
	int			length = pg_mbcliplen(model, strlen(model), NAME_BYTES - 1);

	values[PARAM_PHASE] = PHASE_READING;
	values[PARAM_METHOD] = -1;
	for (int i = PARAM_LOSS; i <= PARAM_SECONDS_LEFT; i++)
		values[i] = double_bits(NAN);
	values[PARAM_STARTED] = GetCurrentTimestamp();
	memcpy(&values[PARAM_NAME], model, length);

	pgstat_progress_start_command(PROGRESS_COMMAND_DML, InvalidOid);
	update(0, values, PGSTAT_NUM_PROGRESS_PARAM);
}

void
progress_rows(int64 rows)
{
	pgstat_progress_update_param(PARAM_ROWS, rows);
}

void
progress_phase(TrainPhase phase)
{
	pgstat_progress_update_param(PARAM_PHASE, phase);
}

void
progress_report(const LearnReport *report)
{
	int64		values[PARAM_STARTED - PARAM_EPOCH];

	values[PARAM_EPOCH - PARAM_EPOCH] = report->epoch;
	values[PARAM_EPOCHS - PARAM_EPOCH] = report->epochs;
	values[PARAM_STEP - PARAM_EPOCH] = report->step;
	values[PARAM_STEPS - PARAM_EPOCH] = report->steps;
	values[PARAM_LOSS - PARAM_EPOCH] = double_bits(report->loss);
	values[PARAM_VALIDATION - PARAM_EPOCH] = double_bits(report->validation);
	values[PARAM_BEST - PARAM_EPOCH] = double_bits(report->best);
	values[PARAM_SECONDS_LEFT - PARAM_EPOCH] = double_bits(report->seconds_left);
	update(PARAM_EPOCH, values, lengthof(values));

	values[0] = report->phase;
	values[1] = method_number(report->method);
	update(PARAM_PHASE, values, 2);
}

void
progress_end(void)
{
	pgstat_progress_end_command();
}

static void
set_double(Datum *value, bool *null, double x)
{
	*null = isnan(x);
	*value = Float8GetDatum(x);
}

/* ProgressFill: one backend's training. */
static void
fill_row(const int64 *param, Datum *values, bool *nulls)
{
	int			method = (int) param[PARAM_METHOD];
	char		name[NAME_BYTES];

	memcpy(name, &param[PARAM_NAME], sizeof(name));
	name[sizeof(name) - 1] = '\0';
	values[3] = CStringGetTextDatum(name);
	if (method >= 0 && method < method_count())
		values[4] = CStringGetTextDatum(method_at(method)->name);
	else
		nulls[4] = true;
	values[5] = CStringGetTextDatum(progress_phase_name((TrainPhase) param[PARAM_PHASE]));
	values[6] = Int64GetDatum(param[PARAM_ROWS]);
	for (int i = 0; i < 4; i++)
		values[7 + i] = Int64GetDatum(param[PARAM_EPOCH + i]);
	for (int i = 0; i < 4; i++)
		set_double(&values[11 + i], &nulls[11 + i], bits_double(param[PARAM_LOSS + i]));
	values[15] = TimestampTzGetDatum(param[PARAM_STARTED]);
}

PG_FUNCTION_INFO_V1(dml_get_training_progress);

/* A row for every training that runs in this cluster. */
Datum
dml_get_training_progress(PG_FUNCTION_ARGS)
{
	progress_slot_rows(fcinfo, PROGRESS_COMMAND_DML, PROGRESS_COLUMNS, fill_row);
	return (Datum) 0;
}
