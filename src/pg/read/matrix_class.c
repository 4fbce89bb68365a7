/*
 * matrix_class.c
 *	  Labels to class numbers: a hash table, or a sorted array for types that can be compared
 *	  but not hashed (records, bit strings).
 *
 * The result must not depend on the order in which rows come.  So classes are ranked by their text.
 * If equal labels have different texts (1.0 and 1.00, or 'a' and 'A' under a case-insensitive
 * collation), the smallest text stands for the class.
 */
#include "compat.h"

#include "read/matrix_class.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

typedef struct LabelClass
{
	Datum		value;			/* the label with the smallest text */
	char	   *text;
	uint32		hash;			/* by the type's hash function, mixed */
} LabelClass;

struct DmlClasses
{
	MemoryContext context;
	TypeCacheEntry *type;		/* NULL: not known yet */
	Oid			collation;
	FmgrInfo	output;
	bool		hashed;
	int			n;
	int			max;
	LabelClass *class;
	int32	   *sorted;			/* not hashed: classes by value */
	int32	   *bucket;			/* hashed: open addressing, -1 is free */
	uint32		bucket_mask;
};

DmlClasses *
dml_classes_new(void)
{
	DmlClasses *classes = palloc0(sizeof(DmlClasses));

	classes->context = CurrentMemoryContext;
	classes->max = 64;
	classes->class = palloc(sizeof(LabelClass) * classes->max);
	classes->sorted = palloc(sizeof(int32) * classes->max);
	classes->bucket_mask = 2 * classes->max - 1;
	classes->bucket = palloc(sizeof(int32) * (classes->bucket_mask + 1));
	memset(classes->bucket, 0xff, sizeof(int32) * (classes->bucket_mask + 1));
	return classes;
}

void
matrix_class_type(DmlClasses *classes, Oid type, Oid collation)
{
	Oid			base = getBaseType(type);
	Oid			function;
	bool		is_varlena;

	if (classes->type != NULL)
	{
		if (classes->type->type_id != base)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("labels are of type %s in one source and of type %s in another",
							format_type_be(classes->type->type_id), format_type_be(base)),
					 errhint("Cast one of them.")));
		return;
	}

	classes->type = lookup_type_cache(base, TYPECACHE_EQ_OPR_FINFO | TYPECACHE_HASH_PROC_FINFO |
									  TYPECACHE_CMP_PROC_FINFO);
	classes->collation = collation;
	classes->hashed = OidIsValid(classes->type->hash_proc_finfo.fn_oid) &&
		OidIsValid(classes->type->eq_opr_finfo.fn_oid);
	if (!classes->hashed && !OidIsValid(classes->type->cmp_proc_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("labels of type %s cannot be compared", format_type_be(type)),
				 errhint("Cast the label to a type with equality, e.g. to text, or json to jsonb.")));
	getTypeOutputInfo(base, &function, &is_varlena);
	fmgr_info_cxt(function, &classes->output, classes->context);
}

/* The label's text under fixed formats, so that classes are ranked alike in every session. */
static char *
label_text(DmlClasses *classes, Datum label)
{
	int			nest_level = NewGUCNestLevel();
	char	   *text;

	(void) set_config_option("datestyle", "ISO", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("intervalstyle", "postgres", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("timezone", "UTC", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	text = OutputFunctionCall(&classes->output, label);
	AtEOXact_GUC(true, nest_level);
	return text;
}

/* Make label, whose text is in the current context, stand for the class. */
static void
set_class_value(DmlClasses *classes, LabelClass *class, Datum label, const char *text)
{
	MemoryContext old = MemoryContextSwitchTo(classes->context);

	class->value = datumCopy(label, classes->type->typbyval, classes->type->typlen);
	class->text = pstrdup(text);
	MemoryContextSwitchTo(old);
}

/*
 * The label is equal to that of a class; if its text is different and smaller, it stands for the
 * class.
 */
static int32
matched(DmlClasses *classes, int32 found, Datum label)
{
	LabelClass *class = &classes->class[found];
	char	   *text;

	if (datum_image_eq(class->value, label, classes->type->typbyval, classes->type->typlen))
		return found;
	text = label_text(classes, label);
	if (strcmp(text, class->text) < 0)
		set_class_value(classes, class, label, text);
	return found;
}

static void
add_to_buckets(DmlClasses *classes, int32 number)
{
	uint32		at = classes->class[number].hash & classes->bucket_mask;

	while (classes->bucket[at] >= 0)
		at = (at + 1) & classes->bucket_mask;
	classes->bucket[at] = number;
}

/* Room for one class more. */
static void
grow(DmlClasses *classes)
{
	if (classes->n < classes->max)
		return;
	if (classes->max > PG_INT32_MAX / 4)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many classes")));
	classes->max *= 2;
	classes->class = repalloc_huge(classes->class, sizeof(LabelClass) * classes->max);
	classes->sorted = repalloc_huge(classes->sorted, sizeof(int32) * classes->max);
	classes->bucket_mask = 2 * classes->max - 1;
	classes->bucket = repalloc_huge(classes->bucket, sizeof(int32) * ((Size) classes->bucket_mask + 1));
	memset(classes->bucket, 0xff, sizeof(int32) * ((Size) classes->bucket_mask + 1));
	if (classes->hashed)
		for (int32 i = 0; i < classes->n; i++)
			add_to_buckets(classes, i);
}

static int32
add_class(DmlClasses *classes, Datum label, uint32 hash)
{
	grow(classes);
	set_class_value(classes, &classes->class[classes->n], label, label_text(classes, label));
	classes->class[classes->n].hash = hash;
	return classes->n++;
}

static int32
class_by_hash(DmlClasses *classes, Datum label)
{
	uint32		hash = murmurhash32(DatumGetUInt32(FunctionCall1Coll(&classes->type->hash_proc_finfo,
																	 classes->collation, label)));
	int32		number;

	for (uint32 at = hash & classes->bucket_mask; (number = classes->bucket[at]) >= 0;
		 at = (at + 1) & classes->bucket_mask)
	{
		if (classes->class[number].hash == hash &&
			DatumGetBool(FunctionCall2Coll(&classes->type->eq_opr_finfo, classes->collation,
										   classes->class[number].value, label)))
			return matched(classes, number, label);
	}
	number = add_class(classes, label, hash);
	add_to_buckets(classes, number);
	return number;
}

static int32
class_by_order(DmlClasses *classes, Datum label)
{
	int			low = 0;
	int			high = classes->n;
	int32		number;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		int32		order = DatumGetInt32(FunctionCall2Coll(&classes->type->cmp_proc_finfo, classes->collation,
															label, classes->class[classes->sorted[middle]].value));

		if (order == 0)
			return matched(classes, classes->sorted[middle], label);
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	number = add_class(classes, label, 0);
	memmove(&classes->sorted[low + 1], &classes->sorted[low], sizeof(int32) * (classes->n - 1 - low));
	classes->sorted[low] = number;
	return number;
}

int32
matrix_class_of(DmlClasses *classes, Datum label)
{
	return classes->hashed ? class_by_hash(classes, label) : class_by_order(classes, label);
}

void
matrix_class_clear(DmlClasses *classes)
{
	classes->n = 0;
	memset(classes->bucket, 0xff, sizeof(int32) * ((Size) classes->bucket_mask + 1));
}

uint64
matrix_class_hash(const DmlClasses *classes, int32 class)
{
	const char *text = classes->class[class].text;

	return hash_bytes_extended((const unsigned char *) text, strlen(text), 0);
}

int
matrix_class_count(const DmlClasses *classes)
{
	return classes->n;
}

static int
compare_texts(const void *a, const void *b, void *classes)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;
	const LabelClass *class = ((const DmlClasses *) classes)->class;
	int			order = strcmp(class[x].text, class[y].text);

	return order != 0 ? order : (x > y) - (x < y);
}

char **
matrix_class_rank(const DmlClasses *classes, int32 *rank)
{
	int32	   *order = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int32) * Max(classes->n, 1));
	char	  **texts = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(char *) * Max(classes->n, 1));

	for (int32 i = 0; i < classes->n; i++)
		order[i] = i;
	qsort_arg(order, classes->n, sizeof(int32), compare_texts, unconstify(DmlClasses *, classes));
	for (int32 i = 0; i < classes->n; i++)
	{
		rank[order[i]] = i;
		texts[i] = classes->class[order[i]].text;
	}
	pfree(order);
	return texts;
}
