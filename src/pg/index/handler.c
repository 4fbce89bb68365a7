/*
 * handler.c
 *	  The access method as PostgreSQL sees it: what it can do, and its options.
 */
#include "compat.h"

#include "access/amapi.h"
#include "access/reloptions.h"
#include "access/stratnum.h"
#include "commands/vacuum.h"
#include "utils/guc.h"
#include "utils/plancache.h"

#include "dml.h"
#include "model/model.h"
#include "tree.h"

PG_FUNCTION_INFO_V1(dml_handler);
PG_FUNCTION_INFO_V1(dml_index_metric_l2);
PG_FUNCTION_INFO_V1(dml_index_metric_cosine);
PG_FUNCTION_INFO_V1(dml_index_metric_ip);

#define DEFAULT_RECALL		0.95
#define LEAST_RECALL		0.5

/* GUC dml.recall, and whether somebody has set it: then it is above the index's own */
static double dml_index_recall = DEFAULT_RECALL;
static bool recall_is_set = false;

static relopt_kind options_kind;

/*
 * Where the value comes from travels with it: RESET and the end of a transaction bring both back.
 */
static bool
check_recall(double *value, void **extra, GucSource source)
{
	bool	   *set = dml_guc_malloc(sizeof(bool));

	if (set == NULL)
		return false;
	*set = source > PGC_S_DYNAMIC_DEFAULT;
	*extra = set;
	return true;
}

static void
assign_recall(double value, void *extra)
{
	recall_is_set = *(bool *) extra;

	/* whether a plan may rely on the order of a search depends on it (order.c) */
	if (value != dml_index_recall)
		ResetPlanCache();
}

/* dml_index_space (model/model.h) */
static bool
index_space(Relation index, uint64 *space)
{
	TreeMeta	meta;

	if (index->rd_rel->relkind != RELKIND_INDEX || index->rd_indam->ambuild != tree_build || RELATION_IS_OTHER_TEMP(index))
		return false;
	tree_meta_read(index, &meta);
	*space = meta.space;
	return meta.dims > 0;
}

void
index_init(void)
{
	dml_index_space = index_space;
	options_kind = add_reloption_kind();
	add_real_reloption(options_kind, "recall", "The share of the true nearest rows that a search is to find, unless dml.recall is set.",
					   DEFAULT_RECALL, LEAST_RECALL, 1, ShareUpdateExclusiveLock);
	DefineCustomRealVariable("dml.recall",
							 "The share of the true nearest rows that a search with a dml index is to find.",
							 "1 is exact: the same rows as a sequential scan. An index's own recall holds where this is not set.",
							 &dml_index_recall, DEFAULT_RECALL, LEAST_RECALL, 1, PGC_USERSET, 0, check_recall, assign_recall, NULL);
}

/* Support function 1 of the operator classes: which distance the index is of */
Datum
dml_index_metric_l2(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(TREE_L2);
}

Datum
dml_index_metric_cosine(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(TREE_COSINE);
}

Datum
dml_index_metric_ip(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(TREE_IP);
}

typedef struct TreeOptions
{
	int32		vl_len_;
	double		recall;
} TreeOptions;

/* amoptions */
static bytea *
tree_options(Datum reloptions, bool validate)
{
	static const relopt_parse_elt table[] = {{"recall", RELOPT_TYPE_REAL, offsetof(TreeOptions, recall)}};

	return (bytea *) build_reloptions(reloptions, validate, options_kind, sizeof(TreeOptions), table, lengthof(table));
}

double
tree_recall(Relation index)
{
	if (recall_is_set || index->rd_options == NULL)
		return dml_index_recall;
	return ((TreeOptions *) index->rd_options)->recall;
}

/* amproperty: ORDER BY distance is what its first column is for; included columns are refused */
static bool
tree_property(Oid index, int attno, IndexAMProperty prop, const char *name, bool *res, bool *isnull)
{
	if (prop == AMPROP_CAN_INCLUDE)
	{
		*res = false;
		*isnull = false;
		return true;
	}
	if (prop != AMPROP_DISTANCE_ORDERABLE || attno == 0)
		return false;
	*res = attno == 1;
	*isnull = false;
	return true;
}

/* dml_handler(internal) */
Datum
dml_handler(PG_FUNCTION_ARGS)
{
	IndexAmRoutine *am = makeNode(IndexAmRoutine);

	am->amstrategies = BTMaxStrategyNumber;
	am->amsupport = TREE_COMPARE_PROC;
	am->amcanorderbyop = true;
	am->amcanmulticol = true;
	am->amsearcharray = true;
	am->amsearchnulls = true;
	am->amoptionalkey = true;
	am->amcaninclude = true;	/* refused with a hint (columns.c) */
#if PG_VERSION_NUM >= 170000
	am->amcanbuildparallel = true;
#endif
	am->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL | VACUUM_OPTION_PARALLEL_CLEANUP;
	am->amkeytype = InvalidOid;
	am->ambuild = tree_build;
	am->ambuildempty = tree_build_empty;
	am->aminsert = tree_insert;
	am->ambulkdelete = tree_bulk_delete;
	am->amvacuumcleanup = tree_vacuum_cleanup;
	am->amcostestimate = tree_cost;
	am->amoptions = tree_options;
	am->amproperty = tree_property;
	am->ambuildphasename = tree_phase_name;
	am->amvalidate = tree_validate;
	am->ambeginscan = tree_begin_scan;
	am->amrescan = tree_rescan;
	am->amgettuple = tree_next;
	am->amendscan = tree_end_scan;
	PG_RETURN_POINTER(am);
}
