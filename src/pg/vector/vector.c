/*
 * vector.c
 *	  What every room needs of dml_vector: making a vector, the checks with their errors, the
 *	  name of a space, and the type's OID.
 */
#include "compat.h"

#include "dml.h"
#include "vector/vector.h"
#include "vector/vector_simd.h"

#include <math.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#define EMBED_THE_PLAIN	"Embed the plain vector with the model of the other one."

char	   *(*dml_space_name_hook) (uint64 space) = NULL;

static Oid	type_oid = InvalidOid;

/* Syscache callback: a type changed, so the extension may have been dropped and created again. */
static void
forget_type_oid(Datum arg, int cacheid, uint32 hashvalue)
{
	type_oid = InvalidOid;
}

void
vector_init(void)
{
	vector_simd_init();
	CacheRegisterSyscacheCallback(TYPEOID, forget_type_oid, (Datum) 0);
}

DmlVector *
dml_vector_new(int dim, uint64 space)
{
	DmlVector  *result;

	if (dim < 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("dml_vector must have at least 1 dimension")));
	if (dim > DML_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("dml_vector cannot have more than %d dimensions", DML_MAX_DIM),
				 errdetail("It would have %d.", dim)));

	result = palloc(DML_VECTOR_SIZE(dim));
	SET_VARSIZE(result, DML_VECTOR_SIZE(dim));
	result->dim = dim;
	result->flags = 0;
	result->space = space;
	return result;
}

/*
 * Are all elements finite?  Two at a time: the exponent of NaN and of infinity is all ones, so that
 * one more in its last bit carries into the bit of the sign.
 */
static bool
all_finite(const float4 *x, int dim)
{
	uint64		carried = 0;
	int			i;

	for (i = 0; i + 2 <= dim; i += 2)
	{
		uint64		two;

		memcpy(&two, x + i, sizeof(two));
		carried |= (two & UINT64CONST(0x7f8000007f800000)) + UINT64CONST(0x0080000000800000);
	}
	return (carried & UINT64CONST(0x8000000080000000)) == 0 && (i == dim || isfinite(x[i]));
}

void
dml_vector_check_elements(const float4 *x, int dim)
{
	if (all_finite(x, dim))
		return;
	for (int i = 0; i < dim; i++)
	{
		if (isfinite(x[i]))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 isnan(x[i]) ? errmsg("NaN is not allowed in a dml_vector")
				 : errmsg("infinite value is not allowed in a dml_vector"),
				 errdetail("It is element %d of %d.", i + 1, dim)));
	}
}

DmlVector *
dml_vector_check_range(DmlVector *result)
{
	for (int i = 0; i < result->dim; i++)
		if (!isfinite(result->x[i]))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("value out of range: overflow"),
					 errdetail("Element %d of the resulting dml_vector does not fit into a float4.", i + 1)));
	return result;
}

static void
check_same(const DmlVector *a, const DmlVector *b, const char *hint_of_plain)
{
	if (a->space != b->space)
	{
		char	   *space_a = dml_space_describe(a->space);
		char	   *space_b = dml_space_describe(b->space);

		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("vectors of different spaces cannot be compared or combined"),
				 errdetail("The left one is of %s, the right one of %s.", space_a, space_b),
				 a->space != 0 && b->space != 0
				 ? errhint("Embed both with the same version of one model.")
				 : errhint("%s", hint_of_plain)));
	}
	if (a->dim != b->dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different dml_vector dimensions %d and %d", a->dim, b->dim),
				 errhint("Use dml_subvector for a part of a vector. A column of type dml_vector(n) accepts one length only.")));
}

void
dml_vector_check_same(const DmlVector *a, const DmlVector *b)
{
	check_same(a, b, EMBED_THE_PLAIN);
}

void
dml_vector_check_beside(const DmlVector *a, const DmlVector *b)
{
	check_same(a, b, DML_HINT_ARRAY " " EMBED_THE_PLAIN);
}

char *
dml_space_describe(uint64 space)
{
	char	   *name;

	if (space == 0)
		return pstrdup("no model (a plain vector)");
	name = dml_space_name_hook != NULL ? dml_space_name_hook(space) : NULL;
	return name != NULL ? name : psprintf("space %016llx", (unsigned long long) space);
}

/* The schema of the extension dml; InvalidOid: the extension does not exist. */
static Oid
extension_schema(void)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			result = InvalidOid;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("dml"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		result = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

Oid
dml_vector_type_oid(void)
{
	if (!OidIsValid(type_oid))
	{
		Oid			found = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
											CStringGetDatum("dml_vector"),
											ObjectIdGetDatum(extension_schema()));

		if (!OidIsValid(found))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("type dml_vector does not exist"),
					 errhint("Run CREATE EXTENSION dml.")));
		type_oid = found;
	}
	return type_oid;
}

char *
dml_vector_schema(void)
{
	HeapTuple	type = SearchSysCache1(TYPEOID, ObjectIdGetDatum(dml_vector_type_oid()));
	char	   *name;

	if (!HeapTupleIsValid(type))
		elog(ERROR, "cache lookup failed for type dml_vector");
	name = get_namespace_name(((Form_pg_type) GETSTRUCT(type))->typnamespace);
	ReleaseSysCache(type);
	return name;
}
