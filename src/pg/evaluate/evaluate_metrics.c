/*
 * evaluate_metrics.c
 *	  Names of metrics, and which measurement each needs.
 */
#include "compat.h"

#include "evaluate/evaluate.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"

#define RECALL			"recall_at_"
#define MACRO			"macro_"

/*
 * Every metric except recalls: the part of a measurement that it comes from, and whether it has a
 * mean over classes.
 */
static const struct
{
	const char *name;
	int			part;
	bool		macro;
}			metrics[] = {
	{"precision_at_1", ASSESS_NEAREST, true},
	{"r_precision", ASSESS_PLACES, true},
	{"map_at_r", ASSESS_PLACES, true},
	{"map", ASSESS_PLACES, true},
	{"mrr", ASSESS_PLACES, true},
	{"ndcg", ASSESS_PLACES, true},
	{"ndcg_at_10", ASSESS_PLACES, true},
	{"knn_accuracy", ASSESS_NEAREST, true},
	{"nmi", EVALUATE_CLUSTERS, false},
	{"ami", EVALUATE_CLUSTERS, false},
	{"silhouette", EVALUATE_CLUSTERS, false},
	{"centre_error", EVALUATE_CENTRES, true},
	{"class_margin", EVALUATE_CENTRES, false},
	{"class_scatter", EVALUATE_CENTRES, false},
	{"margin_ratio", EVALUATE_CENTRES, false},
	{"fisher_ratio", EVALUATE_CENTRES, false},
	{"genuine_pairs", ASSESS_PAIRS, false},
	{"impostor_pairs", ASSESS_PAIRS, false},
	{"roc_auc", ASSESS_PAIRS, false},
	{"average_precision", ASSESS_PAIRS, false},
	{"eer", ASSESS_PAIRS, false},
	{"tar_at_far_0.1", ASSESS_PAIRS, false},
	{"tar_at_far_0.01", ASSESS_PAIRS, false},
	{"tar_at_far_0.001", ASSESS_PAIRS, false},
	{"tar_at_far_0.0001", ASSESS_PAIRS, false},
	{"best_accuracy", ASSESS_PAIRS, false},
	{"best_accuracy_threshold", ASSESS_PAIRS, false},
	{"dir_at_far_0.1", ASSESS_NEAREST, false},
	{"dir_at_far_0.01", ASSESS_NEAREST, false},
	{"dir_at_far_0.001", ASSESS_NEAREST, false},
	{"effective_rank", EVALUATE_SPREAD, false},
	{"norm_spread", EVALUATE_SPREAD, false},
};

static void
add_recall(Wanted *wanted, int k)
{
	for (int i = 0; i < wanted->n_recall; i++)
		if (wanted->recall_at[i] == k)
			return;
	if (wanted->n_recall == ASSESS_MAX_RECALLS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("recall can be asked for at %d numbers of rows at most", ASSESS_MAX_RECALLS)));
	wanted->recall_at[wanted->n_recall++] = k;
}

/* The k of recall_at_k, or 0. */
static int
recall_of(const char *name)
{
	const char *digits = name + strlen(RECALL);
	int			k = 0;

	if (strncmp(name, RECALL, strlen(RECALL)) != 0 || strlen(digits) > 9 || strspn(digits, "0123456789") != strlen(digits))
		return 0;
	for (; *digits != '\0'; digits++)
		k = 10 * k + (*digits - '0');
	return k;
}

static void
unknown_metric(const char *name)
{
	StringInfoData valid;

	initStringInfo(&valid);
	for (int i = 0; i < lengthof(metrics); i++)
		appendStringInfo(&valid, ", %s", metrics[i].name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown metric \"%s\"", name),
			 errhint("Valid metrics are recall_at_1 (and any other number)%s; and macro_ before those that are means over queries.",
					 valid.data)));
}

static void
add_metric(Wanted *wanted, const char *name)
{
	bool		macro = strncmp(name, MACRO, strlen(MACRO)) == 0;
	const char *plain = name + (macro ? strlen(MACRO) : 0);
	int			k = recall_of(plain);

	wanted->names = lappend(wanted->names, pstrdup(name));
	if (k > 0)
	{
		add_recall(wanted, k);
		wanted->parts |= ASSESS_NEAREST;
		return;
	}
	for (int i = 0; i < lengthof(metrics); i++)
		if (strcmp(plain, metrics[i].name) == 0 && (metrics[i].macro || !macro))
		{
			wanted->parts |= metrics[i].part;
			return;
		}
	unknown_metric(name);
}

static void
read_recalls(ArrayType *array, Wanted *wanted)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, INT4OID, sizeof(int32), true, TYPALIGN_INT, &values, &nulls, &n);
	if (n < 1 || n > ASSESS_MAX_RECALLS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("recall_at must have 1 to %d numbers, not %d", ASSESS_MAX_RECALLS, n)));
	for (int i = 0; i < n; i++)
	{
		if (nulls[i] || DatumGetInt32(values[i]) < 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the numbers of recall_at must be at least 1")));
		add_recall(wanted, DatumGetInt32(values[i]));
	}
}

Wanted
wanted_metrics(ArrayType *recall_at, ArrayType *names)
{
	static const int usual[] = {1, 2, 4, 8, 10};
	Wanted		wanted = {0};
	Datum	   *values;
	bool	   *nulls;
	int			n;

	if (names == NULL)
	{
		wanted.parts = EVALUATE_ALL;
		if (recall_at != NULL)
			read_recalls(recall_at, &wanted);
		for (int i = 0; recall_at == NULL && i < lengthof(usual); i++)
			add_recall(&wanted, usual[i]);
		return wanted;
	}
	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a name in metrics is NULL")));
		add_metric(&wanted, TextDatumGetCString(values[i]));
	}
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("metrics must name at least one metric"),
				 errhint("Without metrics, all are measured.")));
	return wanted;
}

bool
is_wanted(const Wanted *wanted, const char *name)
{
	ListCell   *cell;

	if (wanted->names == NIL)
		return true;
	foreach(cell, wanted->names)
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	return false;
}
