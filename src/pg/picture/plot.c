/*
 * plot.c
 *	  dml_plot: the arguments, and which kind draws.
 */
#include "compat.h"

#include "picture.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "dml.h"
#include "learn/picture/tsne.h"

#define HINT	"SELECT dml_plot('space', 'model', 'table or query', label => 'column');"

/* of scores, pairs and bins, beside maintenance_work_mem */
#define MEMORY	((size_t) 512 * 1024 * 1024)

PG_FUNCTION_INFO_V1(dml_plot);

/* The arguments of dml_plot, in the order of picture.sql. */
enum
{
	ARG_KIND,
	ARG_MODEL,
	ARG_SOURCE,
	ARG_FEATURES,
	ARG_LABEL,
	ARG_GALLERY,
	ARG_CLUSTER,
	ARG_PROJECTION,
	ARG_K,
	ARG_MAX_ROWS,
	ARG_SEED,
	ARG_BASELINE,
	ARG_IMAGE_WIDTH,
	ARG_TITLE,
	ARG_THEME
};

static const PictureKind kinds[] = {
	{"space", false, 2000, 20000, 0, 0, picture_draw_space},
	{"clusters", false, 2000, 20000, 8, 1000, picture_draw_clusters},
	{"distances", true, 2000, 20000, 0, 0, picture_draw_distances},
	{"roc", true, 2000, 20000, 0, 0, picture_draw_roc},
	{"confusion", true, 10000, 100000, 5, 1000, picture_draw_confusion},
	{"neighbours", true, 10, 50, 8, 20, picture_draw_neighbours},
	{"curve", false, 0, 0, 0, 0, picture_draw_curve},
};

const PictureKind *
picture_kind(const char *name)
{
	for (int i = 0; i < lengthof(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown kind \"%s\"", name),
			 errhint("Valid kinds are space, clusters, distances, roc, confusion, neighbours and curve.")));
	pg_unreachable();
}

/* One of some words, by its place; what: the argument's name. */
static int
one_of(const char *word, const char *what, const char *const *words, int n, const char *hint)
{
	for (int i = 0; i < n; i++)
		if (strcmp(word, words[i]) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown %s \"%s\"", what, word),
			 errhint("%s", hint)));
	pg_unreachable();
}

FigureTheme
picture_theme(const char *name)
{
	static const char *const themes[] = {"light", "dark", "auto"};

	return (FigureTheme) one_of(name, "theme", themes, lengthof(themes), "Valid themes are light, dark and auto.");
}

LearnEnv *
picture_env(void)
{
	LearnEnv   *env = dml_learn_env((size_t) maintenance_work_mem * 1024 + MEMORY);

	env->threads = dml_thread_count();
	return env;
}

char *
picture_utf8(const char *text)
{
	if (GetDatabaseEncoding() == PG_SQL_ASCII)
		return pstrdup(text);
	return pstrdup(pg_server_to_any(text, strlen(text), PG_UTF8));
}

/* What a kind cannot do without, and bounds. */
static void
check(PictureCall *call)
{
	const PictureKind *kind = call->kind;
	int64		most = kind->most_rows;
	int64		rows = kind->rows;

	if (kind->rows > 0)
	{
		need_argument(call->source, "source", HINT);
		if (call->model == NULL && call->features == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("model or features must be given"),
					 errhint("SELECT dml_plot('%s', source => 'table or query', features => 'column', label => 'column');", kind->name)));
	}
	else
		need_argument(call->model, "model", "SELECT dml_plot('curve', 'model');");
	if (kind->needs_label)
		need_argument(call->label, "label", psprintf("SELECT dml_plot('%s', 'model', 'table or query', label => 'column');", kind->name));
	if (kind->draw == picture_draw_space && call->projection == PROJECT_LDA)
		need_argument(call->label, "label", "Linear discriminant analysis needs classes; projection => 'pca' does not.");
	if (call->cluster && call->label && kind->draw == picture_draw_clusters)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cluster and label exclude each other"),
				 errhint("Leave out label to draw the clusters of a column, or cluster to have them made by k-means.")));
	if (call->projection == PROJECT_TSNE)
	{
		most = Min(most, TSNE_MAX_ROWS);
		rows = Min(rows, 1000);
	}
	if (!call->max_rows_given)
		call->max_rows = rows;
	if (kind->rows > 0 && (call->max_rows < 1 || call->max_rows > most))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_rows must be from 1 to %lld for this picture, not %lld", (long long) most, (long long) call->max_rows)));
	if (!call->k_given)
		call->k = kind->k;
	if (kind->k > 0 && (call->k < 1 || call->k > kind->most_k))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be from 1 to %d, not %d", kind->most_k, call->k)));
}

void
picture_draw(PictureCall *call, Svg *svg)
{
	check(call);
	call->kind->draw(call, svg);
}

/* dml_plot(kind, model, source, features, label, ...): see picture.sql, docs/plot.md. */
Datum
dml_plot(PG_FUNCTION_ARGS)
{
	static const char *const projections[] = {"pca", "lda", "tsne"};
	PictureCall call = {0};
	char	   *kind = text_argument(fcinfo, ARG_KIND);
	char	   *projection = text_argument(fcinfo, ARG_PROJECTION);
	char	   *theme = text_argument(fcinfo, ARG_THEME);
	char	   *text;
	size_t		length;
	Svg			svg;

	need_argument(kind, "kind", HINT);
	call.kind = picture_kind(kind);
	call.model = text_argument(fcinfo, ARG_MODEL);
	call.source = text_argument(fcinfo, ARG_SOURCE);
	call.features = text_argument(fcinfo, ARG_FEATURES);
	call.label = text_argument(fcinfo, ARG_LABEL);
	call.gallery = text_argument(fcinfo, ARG_GALLERY);
	call.cluster = text_argument(fcinfo, ARG_CLUSTER);
	if (projection)
		call.projection = (Projection) one_of(projection, "projection", projections, lengthof(projections), "Valid projections are pca, lda and tsne.");
	if (theme)
		call.theme = picture_theme(theme);
	call.k_given = !PG_ARGISNULL(ARG_K);
	if (call.k_given)
		call.k = PG_GETARG_INT32(ARG_K);
	call.max_rows_given = !PG_ARGISNULL(ARG_MAX_ROWS);
	if (call.max_rows_given)
		call.max_rows = PG_GETARG_INT64(ARG_MAX_ROWS);
	call.seed = PG_ARGISNULL(ARG_SEED) ? 0 : PG_GETARG_INT64(ARG_SEED);
	call.baseline = PG_ARGISNULL(ARG_BASELINE) || PG_GETARG_BOOL(ARG_BASELINE);
	call.image_width = PG_ARGISNULL(ARG_IMAGE_WIDTH) ? -1 : PG_GETARG_INT32(ARG_IMAGE_WIDTH);
	if (!PG_ARGISNULL(ARG_IMAGE_WIDTH) && call.image_width < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("image_width must be at least 0, not %d", call.image_width)));
	call.title = text_argument(fcinfo, ARG_TITLE);

	svg_init(&svg, picture_env());
	picture_draw(&call, &svg);
	dml_learn_check(svg.env, svg_finish(&svg, &text, &length));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(text, length));
}
