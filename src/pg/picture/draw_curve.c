/*
 * draw_curve.c
 *	  The kind curve: the epochs that the catalogue stores with a version.
 */
#include "compat.h"

#include "picture.h"

#include <math.h>

#include "executor/spi.h"
#include "utils/builtins.h"

#include "catalogue.h"

/* A number of a row of SPI's result, NaN for NULL. */
static double
number(uint64 row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? NAN : DatumGetFloat8(value);
}

void
picture_draw_curve(const PictureCall *call, Svg *svg)
{
	MemoryContext caller = CurrentMemoryContext;
	PictureRows rows = {.env = svg->env};
	CurvePicture picture = {0};
	PictureText text;
	EpochPoint *epoch;
	char	   *subtitle;
	char	   *score;
	char	   *method;
	bool		judged = false;

	rows.version = dml_version_by_name(call->model);
	dml_version_pin(rows.version, CurrentMemoryContext);
	catalogue_begin();
	catalogue_select(rows.version,
					 "pg_catalog.format('%s, %s epochs of %s rows in %s s', v.method, v.epochs, v.rows, pg_catalog.round(v.seconds::pg_catalog.numeric, 1)), "
					 "coalesce(v.metric, 'validation'), v.without_learning, v.whitened, v.learned, v.method", "");
	subtitle = MemoryContextStrdup(caller, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	score = MemoryContextStrdup(caller, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2));
	picture.without_learning = number(0, 3);
	picture.whitened = number(0, 4);
	picture.learned = number(0, 5);
	method = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 6);
	catalogue_select(rows.version,
					 "(e OPERATOR(pg_catalog.->>) 'epoch')::pg_catalog.float8, (e OPERATOR(pg_catalog.->>) 'loss')::pg_catalog.float8, "
					 "(e OPERATOR(pg_catalog.->>) coalesce(v.metric, 'validation'))::pg_catalog.float8, (e OPERATOR(pg_catalog.->>) 'judged')::pg_catalog.float8",
					 ", pg_catalog.jsonb_array_elements(v.history) WITH ORDINALITY AS h (e, place) ORDER BY place");
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model \"%s\" has no epochs", rows.version->number, rows.version->name),
				 errdetail("Its method is %s, which does not learn in epochs.", method),
				 errhint("SELECT metric, without_learning, whitened, learned FROM dml_model_versions WHERE model = '%s'; has its scores.",
						 rows.version->name)));
	epoch = MemoryContextAllocHuge(caller, sizeof(EpochPoint) * SPI_processed);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		double		after = number(i, 1);
		double		score = number(i, 3);

		if (!(after >= 1 && after < INT_MAX && (picture.n == 0 || after > epoch[picture.n - 1].epoch)))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("the history of version %d of model \"%s\" is damaged", rows.version->number, rows.version->name)));
		if (isnan(score))
		{
			score = number(i, 4);
			judged |= !isnan(score);
		}
		epoch[picture.n++] = (EpochPoint) {(int) after, number(i, 2), score};
	}
	catalogue_end();

	picture.epoch = epoch;
	picture.score = picture_utf8(score);
	picture.score_title = judged ? "Score on held-out rows, of the runs that were judged" : "Score on held-out rows";
	text = picture_text(call, &rows, "Training", subtitle);
	if (judged)
		text.note = "The model itself was trained on all rows; the runs before it show after which epoch to stop.";
	dml_learn_check(svg->env, picture_curve(svg->env, &text, &picture, svg));
}
