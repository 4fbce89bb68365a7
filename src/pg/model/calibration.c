/*
 * calibration.c
 *	  Thresholds of verification, stored for versions.
 *
 * They have a table of their own, since a version never changes and a calibration can be repeated.
 */
#include "compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "catalog.h"

/* Columns of dml_catalog.calibration, as far as they are read here. */
enum
{
	CALIBRATION_MODEL_ID = 1,
	CALIBRATION_NUMBER,
	CALIBRATION_THRESHOLD,
	CALIBRATION_FAR = 6
};

void
dml_calibration_check(const DmlVersion *version)
{
	CatalogModel model;

	if (!catalog_find_model(NULL, version->model_id, NULL, &model))
		catalog_no_model(version->name);
	catalog_check_owner(GetUserId(), &model);
}

static Datum
float_or_null(double value, char *null)
{
	*null = isnan(value) ? 'n' : ' ';
	return Float8GetDatum(value);
}

void
dml_calibration_record(const DmlVersion *version, const DmlCalibration *calibration)
{
	calibration_store(version->name, version->model_id, version->number, calibration);
}

void
calibration_store(const char *name, int64 id, int32 number, const DmlCalibration *calibration)
{
	CatalogAccess access;
	CatalogModel model;
	Oid			types[12] = {INT8OID, INT4OID, FLOAT8OID, TEXTOID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID,
	INT8OID, INT8OID, TEXTOID};
	Datum		values[12];
	char		nulls[12];

	memset(nulls, ' ', sizeof(nulls));
	values[1] = Int32GetDatum(number);
	values[2] = Float8GetDatum(calibration->threshold);
	values[3] = CStringGetTextDatum(calibration->criterion);
	values[4] = float_or_null(calibration->target, &nulls[4]);
	values[5] = float_or_null(calibration->far, &nulls[5]);
	values[6] = float_or_null(calibration->tar, &nulls[6]);
	values[7] = float_or_null(calibration->accuracy, &nulls[7]);
	values[8] = float_or_null(calibration->precision, &nulls[8]);
	values[9] = Int64GetDatum(calibration->genuine);
	values[10] = Int64GetDatum(calibration->impostor);
	values[11] = CStringGetTextDatum(calibration->source);
	catalog_begin(&access);
	if (!catalog_lock_model(name, &model) || (id != 0 && model.id != id))
		catalog_no_model(name);
	catalog_check_owner(access.user, &model);
	values[0] = Int64GetDatum(model.id);
	catalog_execute("INSERT INTO dml_catalog.calibration (model_id, number, threshold, criterion, target, false_accept_rate, "
					"true_accept_rate, accuracy, \"precision\", genuine_pairs, impostor_pairs, source) "
					"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (model_id, number) DO UPDATE SET "
					"threshold = excluded.threshold, criterion = excluded.criterion, target = excluded.target, "
					"false_accept_rate = excluded.false_accept_rate, true_accept_rate = excluded.true_accept_rate, "
					"accuracy = excluded.accuracy, \"precision\" = excluded.\"precision\", genuine_pairs = excluded.genuine_pairs, "
					"impostor_pairs = excluded.impostor_pairs, source = excluded.source, created = now()",
					12, types, values, nulls, false);
	catalog_end(&access);
}

bool
dml_calibration_find_rate(const DmlVersion *version, double *threshold, double *far)
{
	CatalogScan scan;
	HeapTuple	row;
	bool		isnull;
	Datum		value;

	catalog_key(&scan, 0, CALIBRATION_MODEL_ID, F_INT8EQ, Int64GetDatum(version->model_id));
	catalog_key(&scan, 1, CALIBRATION_NUMBER, F_INT4EQ, Int32GetDatum(version->number));
	catalog_scan_begin(&scan, "calibration", "calibration_pkey", 2, catalog_statement_snapshot());
	row = catalog_scan_next(&scan);
	if (HeapTupleIsValid(row))
	{
		*threshold = DatumGetFloat8(catalog_value(row, RelationGetDescr(scan.table), CALIBRATION_THRESHOLD, FLOAT8OID));
		if (!(*threshold >= 0))
			catalog_damaged("A threshold is not a number of at least 0.");
		value = catalog_value_or_null(row, RelationGetDescr(scan.table), CALIBRATION_FAR, FLOAT8OID, &isnull);
		*far = isnull ? NAN : DatumGetFloat8(value);
	}
	catalog_scan_end(&scan);
	return HeapTupleIsValid(row);
}

bool
dml_calibration_find(const DmlVersion *version, double *threshold)
{
	double		far;

	return dml_calibration_find_rate(version, threshold, &far);
}

void
dml_not_calibrated(const DmlVersion *version)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("version %d of model \"%s\" is not calibrated", version->number, version->name),
			 errhint("SELECT * FROM dml_calibrate('%s', 'table or query', label => 'column', false_accept_rate => 0.001);",
					 version->name)));
	pg_unreachable();
}
