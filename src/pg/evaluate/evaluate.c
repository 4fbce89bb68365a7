/*
 * evaluate.c
 *	  dml_evaluate: an embedding is assessed without learning, whitened and learned, on the same
 *	  rows and under one protocol.
 */
#include "compat.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "dml.h"
#include "evaluate/evaluate.h"
#include "call/float_store.h"
#include "evaluate/held_out.h"
#include "evaluate/space.h"
#include "read/matrix.h"
#include "model/model.h"
#include "call/result_store.h"

#include "learn/measure/cluster.h"
#include "learn/classical/linear.h"

/*
 * Memory that src/learn takes beside its input, for scores, pairs, bins and k-means, and for each
 * row.
 */
#define LEARN_MEMORY	((size_t) 384 * 1024 * 1024)
#define ROW_MEMORY		((size_t) 96)

#define CLUSTER_ROWS	10000	/* queries that clusters are measured on */
#define HINT			"SELECT * FROM dml_evaluate('model', 'table or query', label => 'column');"

double		dml_max_comparisons = 1e9;

void
evaluate_init(void)
{
	DefineCustomRealVariable("dml.max_comparisons",
							 "Comparisons of a query with a row above which an evaluation asks with a sample of its queries.",
							 "max_queries of the evaluation overrides it.",
							 &dml_max_comparisons, 1e9, 1, 1e15, PGC_USERSET, 0, NULL, NULL, NULL);
}

PG_FUNCTION_INFO_V1(dml_evaluate);

/* The arguments of dml_evaluate, in the order of evaluate.sql. */
enum
{
	ARG_MODEL,
	ARG_SOURCE,
	ARG_FEATURES,
	ARG_LABEL,
	ARG_PROTOCOL,
	ARG_GALLERY,
	ARG_K,
	ARG_SHARE,
	ARG_SEED,
	ARG_MAX_QUERIES,
	ARG_GROUP_BY,
	ARG_TIME_BY,
	ARG_GRADE,
	ARG_RECALL_AT,
	ARG_PER_CLASS,
	ARG_KEEP_DUPLICATES,
	ARG_METRICS,
	ARG_WHITEN
};

typedef struct Arguments
{
	char	   *model;
	char	   *source;
	char	   *features;
	char	   *label;
	bool		open_set;
	char	   *gallery;		/* NULL: leave one out */
	int			k;
	double		share;
	int64		seed;
	int64		max_queries;	/* 0: all */
	char	   *group;
	char	   *time;
	char	   *grade;
	Wanted		wanted;
	bool		per_class;
	bool		keep_duplicates;
	bool		whiten;
} Arguments;

/*
 * Values of rows beside features and label, by number of the row in the matrix; NULL if not asked
 * for.
 */
typedef struct Extras
{
	DmlExtra	extra[3];
	int			n;
	DmlExtra   *group;
	DmlExtra   *time;
	DmlExtra   *grade;
} Extras;

/* One side of a search. */
typedef struct Side
{
	Selection	rows;
	Extras	   *extras;
} Side;

/* The protocols, and which other argument each needs. */
static void
read_protocol(const char *protocol, Arguments *arguments)
{
	static const struct
	{
		const char *name;
		const char *needs;
	}			protocols[] = {
		{"closed_set", NULL},
		{"open_set", NULL},
		{"query_gallery", "gallery"},
		{"grouped", "group_by"},
		{"temporal", "time_by"},
	};

	for (int i = 0; i < lengthof(protocols); i++)
	{
		const char *constraints[] = {arguments->gallery, arguments->group, arguments->time};

		if (protocol == NULL || strcmp(protocol, protocols[i].name) != 0)
			continue;
		arguments->open_set = i == 1;
		if (i >= 2 && constraints[i - 2] == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("protocol %s needs %s", protocol, protocols[i].needs),
					 errhint("SELECT * FROM dml_evaluate('model', 'table', label => 'column', protocol => '%s', %s => '...');",
							 protocol, protocols[i].needs)));
		return;
	}
	if (protocol != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown protocol \"%s\"", protocol),
				 errhint("Valid protocols are closed_set, open_set, query_gallery, grouped and temporal.")));
}

static void
read_arguments(FunctionCallInfo fcinfo, Arguments *arguments)
{
	arguments->model = text_argument(fcinfo, ARG_MODEL);
	arguments->source = text_argument(fcinfo, ARG_SOURCE);
	arguments->features = text_argument(fcinfo, ARG_FEATURES);
	arguments->label = text_argument(fcinfo, ARG_LABEL);
	arguments->gallery = text_argument(fcinfo, ARG_GALLERY);
	arguments->k = PG_ARGISNULL(ARG_K) ? 5 : PG_GETARG_INT32(ARG_K);
	arguments->share = PG_ARGISNULL(ARG_SHARE) ? 0.5 : PG_GETARG_FLOAT8(ARG_SHARE);
	arguments->seed = PG_ARGISNULL(ARG_SEED) ? 0 : PG_GETARG_INT64(ARG_SEED);
	arguments->max_queries = PG_ARGISNULL(ARG_MAX_QUERIES) ? 0 : PG_GETARG_INT64(ARG_MAX_QUERIES);
	arguments->group = text_argument(fcinfo, ARG_GROUP_BY);
	arguments->time = text_argument(fcinfo, ARG_TIME_BY);
	arguments->grade = text_argument(fcinfo, ARG_GRADE);
	arguments->per_class = !PG_ARGISNULL(ARG_PER_CLASS) && PG_GETARG_BOOL(ARG_PER_CLASS);
	arguments->keep_duplicates = !PG_ARGISNULL(ARG_KEEP_DUPLICATES) && PG_GETARG_BOOL(ARG_KEEP_DUPLICATES);
	need_argument(arguments->model, "model", HINT);
	need_argument(arguments->source, "source", HINT);
	need_argument(arguments->label, "label", HINT);

	read_protocol(text_argument(fcinfo, ARG_PROTOCOL), arguments);
	arguments->wanted = wanted_metrics(PG_ARGISNULL(ARG_RECALL_AT) ? NULL : PG_GETARG_ARRAYTYPE_P(ARG_RECALL_AT),
									   PG_ARGISNULL(ARG_METRICS) ? NULL : PG_GETARG_ARRAYTYPE_P(ARG_METRICS));
	arguments->whiten = PG_ARGISNULL(ARG_WHITEN) || PG_GETARG_BOOL(ARG_WHITEN);
	if (arguments->k < 1 || arguments->k > 1000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be from 1 to 1000, not %d", arguments->k)));
	held_out_check_share(arguments->share);
	if (!PG_ARGISNULL(ARG_MAX_QUERIES) && arguments->max_queries < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_queries must be at least 1, not %lld", (long long) arguments->max_queries)));
}

/* ---------- rows ---------- */

static Extras *
make_extras(const Arguments *arguments, DmlClasses *groups)
{
	Extras	   *extras = palloc0(sizeof(Extras));

	if (arguments->group)
	{
		extras->group = &extras->extra[extras->n++];
		*extras->group = (DmlExtra) {.text = arguments->group,.what = "group_by",.classes = groups};
	}
	if (arguments->time)
	{
		extras->time = &extras->extra[extras->n++];
		*extras->time = (DmlExtra) {.text = arguments->time,.what = "time_by"};
	}
	if (arguments->grade)
	{
		extras->grade = &extras->extra[extras->n++];
		*extras->grade = (DmlExtra) {.text = arguments->grade,.what = "grade"};
	}
	return extras;
}

static int32 *
classes_of(const Side *side, const DmlExtra *extra)
{
	int32	   *class;

	if (extra == NULL)
		return NULL;
	class = huge_array(side->rows.n, sizeof(int32));
	for (int64 i = 0; i < side->rows.n; i++)
		class[i] = extra->class[side->rows.index[i]];
	return class;
}

static double *
numbers_of(const Side *side, const DmlExtra *extra)
{
	double	   *number;

	if (extra == NULL)
		return NULL;
	number = huge_array(side->rows.n, sizeof(double));
	for (int64 i = 0; i < side->rows.n; i++)
		number[i] = extra->number[side->rows.index[i]];
	return number;
}

static double *
grades_of(const Side *side, const DmlExtra *extra)
{
	double	   *grade = numbers_of(side, extra);

	for (int64 i = 0; grade != NULL && i < side->rows.n; i++)
		if (!(grade[i] >= 0 && grade[i] < HUGE_VAL))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a grade must be a finite number of at least 0, not %g", grade[i])));
	return grade;
}

/* Returns how many classes have a row among the first n. */
static int
count_classes(const Selection *selection, int64 n, int n_classes)
{
	bool	   *seen = palloc0(Max(n_classes, 1));
	int			count = 0;

	for (int64 i = 0; i < n; i++)
	{
		if (!seen[selection->label[i]])
			count++;
		seen[selection->label[i]] = true;
	}
	pfree(seen);
	return count;
}

/* ---------- one space ---------- */

/* Take evenly spaced rows of x for clusters, and their classes, numbered without gaps. */
static int64
cluster_sample(const Evaluation *evaluation, const float4 *x, int d, float4 **sample, int32 **label, int32 *class_of, int *k)
{
	const AssessTask *task = &evaluation->task;
	int64		n = Min(task->nq, CLUSTER_ROWS);
	int32	   *number = huge_array(task->n_classes, sizeof(int32));

	*sample = huge_array(n * d, sizeof(float4));
	*label = huge_array(n, sizeof(int32));
	*k = 0;
	for (int c = 0; c < task->n_classes; c++)
		number[c] = -1;
	for (int64 i = 0; i < n; i++)
	{
		int64		row = (int64) ((double) i * task->nq / n);
		int32		class = task->query_label[row];

		memcpy(*sample + i * d, x + row * d, sizeof(float4) * d);
		if (number[class] < 0)
		{
			class_of[*k] = class;
			number[class] = (*k)++;
		}
		(*label)[i] = number[class];
	}
	pfree(number);
	return n;
}

/* Measure the classes of the queries as clusters. */
static void
measure_clusters(const Evaluation *evaluation, const float4 *x, int d, Measured *measured)
{
	LearnEnv   *env = evaluation->env;
	float4	   *sample;
	int32	   *label;
	int32	   *class_of = huge_array(evaluation->task.n_classes, sizeof(int32));
	int32	   *cluster;
	double	   *silhouette;
	int			k;
	int64		n = cluster_sample(evaluation, x, d, &sample, &label, class_of, &k);

	if (k >= 2)
	{
		cluster = huge_array(n, sizeof(int32));
		silhouette = huge_array(n, sizeof(double));
		dml_learn_check(env, cluster_kmeans(env, sample, n, d, k, (uint64) evaluation->seed, cluster));
		dml_learn_check(env, cluster_information(env, label, k, cluster, k, n, &measured->nmi, &measured->ami));
		dml_learn_check(env, cluster_silhouette(env, sample, label, n, d, k, silhouette));
		for (int64 i = 0; i < n; i++)
		{
			size_t		cell = (size_t) class_of[label[i]] * ASSESS_METRICS + ASSESS_SILHOUETTE;

			measured->assessment.sum[cell] += silhouette[i];
			measured->assessment.weight[cell]++;
		}
		pfree(cluster);
		pfree(silhouette);
	}
	pfree(sample);
	pfree(label);
	pfree(class_of);
}

/* Measure how compact classes are and how far apart. */
static void
measure_centres(const Evaluation *evaluation, Measured *measured)
{
	const AssessTask *task = &evaluation->task;
	double	   *misplaced = huge_array(task->nq, sizeof(double));

	dml_learn_check(evaluation->env, separation_measure(evaluation->env, task, &measured->separation, misplaced));
	if (measured->separation.scatter > 0)
		measured->margin_ratio = measured->separation.margin / measured->separation.scatter;
	for (int64_t q = 0; q < task->nq; q++)
	{
		size_t		cell = (size_t) task->query_label[q] * ASSESS_METRICS + ASSESS_CENTRE_ERROR;

		if (isnan(misplaced[q]))
			continue;
		measured->assessment.sum[cell] += misplaced[q];
		measured->assessment.weight[cell]++;
	}
	pfree(misplaced);
}

/* AssessTask.progress */
static void
say_progress(void *ctx, int64_t done)
{
	evaluate_progress(ctx, done, ((Evaluation *) ctx)->task.nq);
}

static void
measure_space(Evaluation *evaluation, const Space *space, Measured *measured)
{
	LearnEnv   *env = evaluation->env;
	const Selection *query = evaluation->query;
	const Selection *gallery = evaluation->gallery;
	AssessTask *task = &evaluation->task;
	size_t		rows = (size_t) gallery->n + (task->self ? 0 : query->n);
	bool		in_file = rows * space->out * sizeof(float4) > evaluation->memory;
	FloatStore *gallery_store = space_rows(env, space, gallery, in_file);
	FloatStore *query_store = task->self ? NULL : space_rows(env, space, query, in_file);

	evaluate_progress_space(evaluation, (int) (measured - evaluation->space), task->nq, task->ng);
	task->d = space->out;
	task->gallery = float_store_map(gallery_store);
	task->query = query_store ? float_store_map(query_store) : task->gallery;
	dml_learn_check(env, assess(env, task, &measured->assessment));
	evaluate_clear(measured);
	if (evaluation->wanted.parts & EVALUATE_CLUSTERS)
		measure_clusters(evaluation, task->query, task->d, measured);
	if (evaluation->wanted.parts & EVALUATE_SPREAD)
		dml_learn_check(env, cluster_spread(env, task->gallery, task->ng, task->d, &measured->effective_rank, &measured->norm_spread));
	if (evaluation->wanted.parts & EVALUATE_CENTRES)
		measure_centres(evaluation, measured);
	measured->dims = space->out;
	measured->done = true;
	float_store_free(gallery_store);
	if (query_store)
		float_store_free(query_store);
}

/* Fit whitening to rows and measure it, if they can be whitened. */
static void
measure_whitened(Evaluation *evaluation, int in, const Selection *fitted_on, Measured *measured)
{
	Space		space;

	if (space_whitened(evaluation->env, &fitted_on->matrix->rows, fitted_on->index, fitted_on->n, in, &space))
		measure_space(evaluation, &space, measured);
}

/* ---------- which classes ---------- */

/* Which classes are held out. An error if search among them cannot be measured. */
static bool *
hold_out_classes(char **labels, int n_classes, const Arguments *arguments)
{
	bool	   *held_out = palloc(sizeof(bool) * Max(n_classes, 1));
	int			count = 0;

	for (int i = 0; i < n_classes; i++)
	{
		held_out[i] = held_out_label(labels[i], arguments->share, arguments->seed);
		count += held_out[i];
	}
	if (count < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("open_set needs at least two held-out classes, and has %d of %d", count, n_classes),
				 errhint("Raise share or take another seed, for training as well.")));
	ereport(NOTICE,
			(errmsg("%d of %d classes are held out", count, n_classes),
			 errdetail("The figures are about unseen classes only if the model was trained on "
					   "rows WHERE NOT dml_held_out(%s, %g, %lld).",
					   arguments->label, arguments->share, (long long) arguments->seed)));
	return held_out;
}

/*
 * The rows that whitening is fitted to: the gallery, for open_set those of the classes that are not
 * held out, which is what a learner may see.
 */
static Selection
whitening_rows(const DmlMatrix *matrix, const bool *held_out)
{
	Selection	result = select_rows(matrix, held_out, false);

	if (held_out == NULL || result.n >= 2)
		return result;
	ereport(NOTICE,
			(errmsg("every class is held out: whitening is fitted on the rows that are searched")));
	return select_rows(matrix, NULL, false);
}

/* ---------- the function ---------- */

/*
 * dml_evaluate(model, source, features, label, protocol, ...): see evaluate.sql, docs/evaluate.md.
 */
Datum
dml_evaluate(PG_FUNCTION_ARGS)
{
	size_t		memory = (size_t) maintenance_work_mem * 1024;
	Arguments	arguments = {0};
	Evaluation	evaluation = {0};
	AssessTask *task = &evaluation.task;
	const DmlVersion *version;
	DmlClasses *classes = dml_classes_new();
	DmlClasses *groups = dml_classes_new();
	DmlMatrix  *matrices[2];
	DmlMatrixSource what;
	Side		query = {{0}};
	Side		gallery = {{0}};
	int			n_matrices = 1;
	bool	   *held_out = NULL;
	Selection	fitted_on;
	Space		space = {0};
	Model	   *model;

	read_arguments(fcinfo, &arguments);
	evaluation.store = result_store(fcinfo, &evaluation.desc);
	version = dml_version_by_name(arguments.model);
	dml_version_pin(version, CurrentMemoryContext);
	evaluate_progress_start(arguments.model);

	query.extras = make_extras(&arguments, groups);
	what = (DmlMatrixSource) {.source = arguments.source,.features = arguments.features,.version = version,
	.label = arguments.label,.classes = classes,.extra = query.extras->extra,.n_extra = query.extras->n,.limit = memory / 4};
	matrices[0] = dml_matrix_read(&what);
	space_check_dims(matrices[0], version, arguments.source);
	gallery.extras = query.extras;
	if (arguments.gallery)
	{
		gallery.extras = make_extras(&arguments, groups);
		what.source = arguments.gallery;
		what.extra = gallery.extras->extra;
		matrices[1] = dml_matrix_read(&what);
		space_check_dims(matrices[1], version, arguments.gallery);
		n_matrices = 2;
	}
	evaluation.labels = dml_matrix_label(matrices, n_matrices, classes, &task->n_classes);
	if (arguments.open_set)
		held_out = hold_out_classes(evaluation.labels, task->n_classes, &arguments);

	task->self = arguments.gallery == NULL;
	query.rows = select_rows(matrices[0], held_out, true);
	if (query.rows.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("no row of \"%s\" is of a held-out class", arguments.source)));
	if (!task->self)
		gallery.rows = select_rows(matrices[1], held_out, true);
	if (arguments.max_queries == 0)
		arguments.max_queries = evaluate_queries(query.rows.n, task->self ? query.rows.n : gallery.rows.n);
	if (arguments.max_queries < query.rows.n)
		select_to_front(&query.rows, arguments.max_queries);
	if (task->self)
		gallery.rows = query.rows;
	if (gallery.rows.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("no row of \"%s\" is of a held-out class", arguments.gallery)));
	query.rows.n = Min(query.rows.n, arguments.max_queries);

	evaluation.query = &query.rows;
	evaluation.gallery = &gallery.rows;
	evaluation.memory = memory / 2;
	evaluation.seed = arguments.seed;
	evaluation.classes = count_classes(&query.rows, query.rows.n, task->n_classes);
	evaluation.per_class = arguments.per_class;
	evaluation.env = dml_learn_env(memory + LEARN_MEMORY + ROW_MEMORY * (query.rows.n + gallery.rows.n));
	evaluation.env->threads = dml_thread_count();
	task->query_label = query.rows.label;
	task->nq = query.rows.n;
	task->gallery_label = gallery.rows.label;
	task->ng = gallery.rows.n;
	task->query_group = classes_of(&query, query.extras->group);
	task->gallery_group = classes_of(&gallery, gallery.extras->group);
	task->query_time = numbers_of(&query, query.extras->time);
	task->gallery_time = numbers_of(&gallery, gallery.extras->time);
	task->gallery_grade = grades_of(&gallery, gallery.extras->grade);
	if (!arguments.keep_duplicates)
	{
		task->query_hash = select_hashes(&query.rows);
		task->gallery_hash = select_hashes(&gallery.rows);
	}
	task->progress = say_progress;
	task->progress_ctx = &evaluation;
	evaluation.last_notice = evaluation.env->now(evaluation.env->ctx);
	task->knn_k = arguments.k;
	task->n_recall = arguments.wanted.n_recall;
	memcpy(task->recall_at, arguments.wanted.recall_at, sizeof(task->recall_at));
	task->skip = ~arguments.wanted.parts;
	evaluation.wanted = arguments.wanted;
	evaluation.impostors = "pairs of two classes";

	space.in = version->in;
	space.name = "no learning";
	dml_learn_check(evaluation.env, linear_none(evaluation.env, version->in, &model));
	space.model = model;
	space.out = model_out(model);
	measure_space(&evaluation, &space, &evaluation.space[NO_LEARNING]);

	if (arguments.whiten)
	{
		fitted_on = whitening_rows(matrices[n_matrices - 1], held_out);
		measure_whitened(&evaluation, version->in, &fitted_on, &evaluation.space[WHITENED]);
	}

	space = space_learned(version);
	measure_space(&evaluation, &space, &evaluation.space[LEARNED]);
	for (int i = 0; i < n_matrices; i++)
		dml_matrix_free(matrices[i]);
	evaluate_put(&evaluation);
	evaluate_progress_end();
	PG_RETURN_NULL();
}
