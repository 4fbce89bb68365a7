/*
 * columns.c
 *	  Columns behind the vector: values of a fixed width that lie in the leaves, so that a
 *	  WHERE clause is answered there.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "tree.h"

static void
column_error(Relation index, int attno, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("column \"%s\" cannot be column %d of a dml index",
					NameStr(TupleDescAttr(RelationGetDescr(index), attno - 1)->attname), attno),
			 errdetail("%s", detail),
			 errhint("%s", hint)));
}

/* How CREATE INDEX would write a column of the index: its name, or x where it is an expression. */
static const char *
column_text(Relation index, int i)
{
	AttrNumber	attnum = index->rd_index->indkey.values[i];

	return attnum == 0 ? "x" : quote_identifier(get_attname(index->rd_index->indrelid, attnum, false));
}

/* The error for an array in the vector's place, if it is one. */
static void
array_error(Relation index)
{
	Oid			type = TupleDescAttr(RelationGetDescr(index), 0)->atttypid;

	if (!OidIsValid(get_element_type(type)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("a dml index is on a dml_vector, not on %s", format_type_be(type)),
			 errhint("Index an expression, with the arrays' length for n, and search by it: CREATE INDEX ON %s USING dml ((%s::dml_vector(n))).",
					 quote_identifier(get_rel_name(index->rd_index->indrelid)), column_text(index, 0))));
}

/* INCLUDE is accepted (amcaninclude) to say here what to write instead. */
static void
check_included(Relation index)
{
	StringInfoData columns;

	if (index->rd_index->indnkeyatts == index->rd_index->indnatts)
		return;
	initStringInfo(&columns);
	for (int i = 0; i < index->rd_index->indnatts; i++)
		appendStringInfo(&columns, "%s%s", i > 0 ? ", " : "", column_text(index, i));
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("access method \"dml\" does not support included columns"),
			 errhint("Make it a further key column: USING dml (%s).", columns.data)));
}

/* A value's place is aligned for its type, and so is the next one's. */
void
tree_columns(Relation index, TreeColumns *columns)
{
	TupleDesc	desc = RelationGetDescr(index);
	int			at = MAXALIGN(sizeof(uint32));

	check_included(index);
	if (!OidIsValid(index_getprocid(index, 1, TREE_METRIC_PROC)))
		array_error(index);
	if (!OidIsValid(index_getprocid(index, 1, TREE_METRIC_PROC)))
		column_error(index, 1, "The first column is the one that is searched by distance.",
					 "Put the dml_vector first: USING dml (embedding, tenant).");
	memset(columns, 0, sizeof(*columns));
	columns->n = desc->natts - 1;
	for (int i = 0; i < columns->n; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i + 1);
		TreeColumn *column = &columns->column[i];

		if (OidIsValid(index_getprocid(index, i + 2, TREE_METRIC_PROC)))
			column_error(index, i + 2, "A dml index has one column of vectors, the first.",
						 "Make an index of its own for each vector.");
		if (att->attlen < 1 || !OidIsValid(index_getprocid(index, i + 2, TREE_COMPARE_PROC)))
			column_error(index, i + 2, "Further columns are of types of a fixed width, with an operator class for dml.",
						 "Use the number or date behind it, or a number for each value.");
		column->bytes = att_align_nominal(att->attlen, att->attalign);
		column->length = att->attlen;
		column->by_value = att->attbyval;
		column->packed = at;
		at += MAXALIGN(column->bytes);
	}
	columns->packed_bytes = columns->n > 0 ? at : 0;
}

void
tree_columns_pack(const TreeColumns *columns, const Datum *values, const bool *isnull, char *packed)
{
	uint32		nulls = 0;

	if (columns->n == 0)
		return;
	memset(packed, 0, columns->packed_bytes);
	for (int i = 0; i < columns->n; i++)
	{
		const TreeColumn *column = &columns->column[i];

		if (isnull[i + 1])
			nulls |= (uint32) 1 << i;
		else if (column->by_value)
			store_att_byval(packed + column->packed, values[i + 1], column->length);
		else
			memcpy(packed + column->packed, DatumGetPointer(values[i + 1]), column->length);
	}
	memcpy(packed, &nulls, sizeof(nulls));
}

/* The range takes a value in. */
static void
widen(Relation index, Page page, const TreeColumn *column, int attno, const char *value)
{
	TreeRange  *range = tree_range(page, column);
	char	   *least = tree_range_least(page, column);
	char	   *most = tree_range_most(page, column);
	FmgrInfo   *compare = index_getprocinfo(index, attno, TREE_COMPARE_PROC);
	Oid			collation = index->rd_indcollation[attno - 1];
	Datum		datum = tree_column_datum(column, value);

	if (!range->has_values ||
		DatumGetInt32(FunctionCall2Coll(compare, collation, datum, tree_column_datum(column, least))) < 0)
		memcpy(least, value, column->bytes);
	if (!range->has_values ||
		DatumGetInt32(FunctionCall2Coll(compare, collation, datum, tree_column_datum(column, most))) > 0)
		memcpy(most, value, column->bytes);
	range->has_values = 1;
}

void
tree_columns_put(Relation index, Page page, const TreeColumns *columns, int slot, const char *packed)
{
	uint32		nulls;

	if (columns->n == 0)
		return;
	memcpy(&nulls, packed, sizeof(nulls));
	for (int i = 0; i < columns->n; i++)
	{
		const TreeColumn *column = &columns->column[i];
		uint8	   *bits = (uint8 *) page + column->nulls + slot / 8;
		uint8		bit = (uint8) (1 << (slot % 8));

		memcpy(tree_column_value(page, column, slot), packed + column->packed, column->bytes);
		if (nulls >> i & 1)
		{
			*bits |= bit;
			tree_range(page, column)->has_nulls = 1;
		}
		else
		{
			*bits &= (uint8) ~bit;
			widen(index, page, column, i + 2, packed + column->packed);
		}
	}
}

void
tree_columns_get(Page page, const TreeColumns *columns, int slot, char *packed)
{
	uint32		nulls = 0;

	if (columns->n == 0)
		return;
	memset(packed, 0, columns->packed_bytes);
	for (int i = 0; i < columns->n; i++)
	{
		const TreeColumn *column = &columns->column[i];

		memcpy(packed + column->packed, tree_column_value(page, column, slot), column->bytes);
		if (tree_column_isnull(page, column, slot))
			nulls |= (uint32) 1 << i;
	}
	memcpy(packed, &nulls, sizeof(nulls));
}
