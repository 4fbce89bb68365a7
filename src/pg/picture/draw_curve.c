/*
 * draw_curve.c
 *	  The kind curve: the epochs that the catalogue stores with a version.
 */
#include "compat.h"

#include "picture.h"

#include <limits.h>
#include <math.h>

#include "executor/spi.h"
#include "utils/memutils.h"

#include "catalogue.h"

/*
 * The epochs of a version, in the given context. *judged: scores are those of the runs that were
 * judged.
 */
static EpochPoint *
read_epochs(const DmlVersion *version, MemoryContext context, int *n, bool *judged)
{
	uint64		rows = catalogue_select(version,
										"SELECT (e ->> 'epoch')::float8, (e ->> 'loss')::float8, "
										"(e ->> coalesce(v.metric, 'validation'))::float8, (e ->> 'judged')::float8 "
										"FROM @dml_model_versions v, LATERAL (SELECT h.place, CASE WHEN jsonb_typeof(h.e) = 'object' AND NOT EXISTS ("
										"SELECT FROM jsonb_each(CASE jsonb_typeof(h.e) WHEN 'object' THEN h.e END) f "
										"WHERE jsonb_typeof(f.value) NOT IN ('number', 'null')) THEN h.e END AS e "
										"FROM jsonb_array_elements(CASE jsonb_typeof(v.history) WHEN 'array' THEN v.history ELSE '[0]' END) "
										"WITH ORDINALITY AS h (e, place)) epochs WHERE v.model = $1 AND v.version = $2 ORDER BY place");
	EpochPoint *epoch = MemoryContextAllocHuge(context, sizeof(EpochPoint) * (rows + 1));

	*n = 0;
	*judged = false;
	for (uint64 i = 0; i < rows; i++)
	{
		double		after = catalogue_number(i, 1);
		double		score = catalogue_number(i, 3);

		if (!(after >= 1 && after < INT_MAX && (*n == 0 || after > epoch[*n - 1].epoch)))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("the history of version %d of model \"%s\" is damaged", version->number, version->name)));
		if (isnan(score))
		{
			score = catalogue_number(i, 4);
			*judged |= !isnan(score);
		}
		epoch[(*n)++] = (EpochPoint) {(int) after, catalogue_number(i, 2), score};
	}
	return epoch;
}

void
picture_draw_curve(const PictureCall *call, Svg *svg)
{
	MemoryContext caller = CurrentMemoryContext;
	PictureRows rows = {.env = svg->env};
	CurvePicture picture = {0};
	CatalogueScope scope;
	PictureText text;
	char	   *subtitle;
	char	   *method;
	bool		judged;

	rows.version = dml_version_by_name(call->model);
	dml_version_pin(rows.version, CurrentMemoryContext);
	catalogue_begin(&scope);
	if (catalogue_select(rows.version,
						 "SELECT format('%s, %s epochs of %s rows in %s s', v.method, v.epochs, v.rows, round(v.seconds::numeric, 1)), "
						 "coalesce(v.metric, 'score'), v.without_learning, v.whitened, v.learned, v.method "
						 "FROM @dml_model_versions v WHERE v.model = $1 AND v.version = $2") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("version %d of model \"%s\" is gone", rows.version->number, rows.version->name)));
	subtitle = MemoryContextStrdup(caller, catalogue_text(0, 1));
	picture.score = MemoryContextStrdup(caller, catalogue_text(0, 2));
	picture.without_learning = catalogue_number(0, 3);
	picture.whitened = catalogue_number(0, 4);
	picture.learned = catalogue_number(0, 5);
	method = catalogue_text(0, 6);
	picture.epoch = read_epochs(rows.version, caller, &picture.n, &judged);
	if (picture.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model \"%s\" has no epochs", rows.version->number, rows.version->name),
				 errdetail("Its method is %s, which does not learn in epochs.", method),
				 errhint("SELECT metric, without_learning, whitened, learned FROM dml_model_versions WHERE model = '%s'; has its scores.",
						 rows.version->name)));
	catalogue_end(&scope);

	picture.score = picture_utf8(picture.score);
	picture.score_title = judged ? "Score on held-out rows, of the runs that were judged" : "Score on held-out rows";
	text = picture_text(call, &rows, "Training", subtitle);
	if (judged)
		text.note = "The model itself was trained on all rows; the runs before it show after which epoch to stop.";
	dml_learn_check(svg->env, picture_curve(svg->env, &text, &picture, svg));
}
