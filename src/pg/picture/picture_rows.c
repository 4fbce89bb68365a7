/*
 * picture_rows.c
 *	  The rows of a picture, their classes, and their vectors without learning and learned.
 */
#include "compat.h"

#include "picture.h"

#include <math.h>

#include "miscadmin.h"

#include "learn/classical/linear.h"

static DmlMatrix *
read_matrix(const PictureCall *call, const DmlVersion *version, const char *source, const char *label, bool partly,
			DmlClasses *classes)
{
	DmlMatrix  *matrix = dml_matrix_read(&(DmlMatrixSource) {.source = source,.features = call->features,.version = version,
	.label = label,.partly = partly,.classes = classes,.limit = (size_t) maintenance_work_mem * 1024 / 4});

	if (version)
		space_check_dims(matrix, version, source);
	return matrix;
}

/* All rows of a matrix, those without a label (class -1) behind the others. */
static Selection
select_all(const DmlMatrix *matrix)
{
	int64		n = matrix->rows.n + matrix->rows.n_unlabeled;
	Selection	all = {matrix, n, huge_array(n, sizeof(int64)), huge_array(n, sizeof(int32))};

	for (int64 i = 0; i < n; i++)
	{
		all.index[i] = i;
		all.label[i] = matrix->rows.label && i < matrix->rows.n ? matrix->rows.label[i] : -1;
	}
	return all;
}

static void
add_space(PictureRows *rows, const char *name, Space space)
{
	rows->name[rows->n_spaces] = name;
	rows->space[rows->n_spaces++] = space;
}

void
picture_read(const PictureCall *call, const char *label, bool partly, bool spread, PictureRows *rows)
{
	DmlClasses *classes = dml_classes_new();
	DmlMatrix  *matrices[2];
	int			n = 1;
	Model	   *none;

	*rows = (PictureRows) {0};
	if (call->model)
	{
		rows->version = dml_version_by_name(call->model);
		dml_version_pin(rows->version, CurrentMemoryContext);
	}
	rows->env = picture_env();
	matrices[0] = rows->matrix = read_matrix(call, rows->version, call->source, label, partly && label, classes);
	if (call->gallery && !spread)
	{
		matrices[n++] = rows->searched = read_matrix(call, rows->version, call->gallery, label, false, classes);
		if (rows->searched->rows.d != rows->matrix->rows.d)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("rows of the source have %d numbers, and those of the gallery %d", rows->matrix->rows.d, rows->searched->rows.d)));
	}
	if (label)
	{
		rows->label = dml_matrix_label(matrices, n, classes, &rows->n_classes);
		for (int c = 0; c < rows->n_classes; c++)
			rows->label[c] = picture_utf8(rows->label[c]);
	}
	rows->rows = select_all(rows->matrix);
	rows->drawn = Min(rows->rows.n, call->max_rows);
	if (rows->drawn < rows->rows.n)
		select_to_front(&rows->rows, rows->drawn);
	if (spread)
		rows->rows.n = rows->drawn;
	if (rows->searched)
		rows->gallery = select_all(rows->searched);

	if (call->baseline || rows->version == NULL)
	{
		dml_learn_check(rows->env, linear_none(rows->env, rows->matrix->rows.d, &none));
		add_space(rows, "without learning", (Space) {.model = none,.name = "no learning",.in = rows->matrix->rows.d,.out = model_out(none)});
	}
	if (rows->version)
		add_space(rows, "learned", space_learned(rows->version));
}

const float4 *
picture_vectors(PictureRows *rows, int s, const Selection *selection)
{
	size_t		bytes = (size_t) selection->n * rows->space[s].out * sizeof(float4);
	FloatStore *store = space_rows(rows->env, &rows->space[s], selection, bytes > (size_t) maintenance_work_mem * 1024 / 4);

	rows->stores = lappend(rows->stores, store);
	return float_store_map(store);
}

void
picture_free(PictureRows *rows)
{
	ListCell   *cell;

	foreach(cell, rows->stores)
		float_store_free(lfirst(cell));
	rows->stores = NIL;
	dml_matrix_free(rows->matrix);
	if (rows->searched)
		dml_matrix_free(rows->searched);
}

double
picture_threshold(const PictureRows *rows, int s)
{
	double		threshold;

	if (rows->space[s].version == NULL || !dml_calibration_find(rows->version, &threshold))
		return NAN;
	return threshold;
}

PictureText
picture_text(const PictureCall *call, const PictureRows *rows, const char *what, const char *subtitle)
{
	const char *title = call->title;

	if (title == NULL)
		title = rows->version ? psprintf("%s, model %s", what, dml_version_reference(rows->version)) : psprintf("%s, no learning", what);
	return (PictureText) {.theme = call->theme,.title = picture_utf8(title),.subtitle = subtitle ? picture_utf8(subtitle) : NULL};
}

char *
picture_rows_text(const PictureCall *call, const PictureRows *rows)
{
	int64		all = rows->matrix->rows.n + rows->matrix->rows.n_unlabeled;

	if (rows->drawn == all)
		return psprintf("%lld %s of %s", (long long) all, all == 1 ? "row" : "rows", call->source);
	return psprintf("%lld of %lld rows of %s", (long long) rows->drawn, (long long) all, call->source);
}
