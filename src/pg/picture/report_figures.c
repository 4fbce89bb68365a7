/*
 * report_figures.c
 *	  What dml_evaluate says, as tables.
 */
#include "compat.h"

#include "report.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "catalogue.h"
#include "vector/vector.h"

#define WORST_CLASSES	10

/* What is shown, in this order. */
static const struct
{
	const char *metric;
	const char *meaning;
}			shown[] = {
	{"recall_at_1", "rows whose nearest row is of the same class"},
	{"knn_accuracy", "rows whose 5 nearest rows vote for the right class"},
	{"r_precision", "of as many nearest rows as the class has, those of the class"},
	{"map_at_r", "as r_precision, but the order counts"},
	{"roc_auc", "how often a same pair is nearer than a different pair"},
	{"eer", "errors if false accepts and false rejects are equally frequent; lower is better"},
	{"tar_at_far_0.01", "same pairs accepted when 1% of the different pairs are"},
	{"tar_at_far_0.001", "same pairs accepted when 0.1% of the different pairs are"},
	{"centre_error", "rows that are nearer to the centre of another class; lower is better"},
};

/* Columns of the query below. */
enum
{
	METRIC = 1,
	CLASS,
	NONE,
	WHITENED,
	LEARNED,
	LOW,
	HIGH,
	DIFFERENCE_LOW,
	DIFFERENCE_HIGH
};

static void
put_number(Svg *page, double value)
{
	if (isnan(value))
		svg_put(page, "<td class=\"n muted\">-</td>");
	else
		svg_format(page, "<td class=\"n\">%.4f</td>", value);
}

static void
put_interval(Svg *page, double low, double high)
{
	if (isnan(low) || isnan(high))
		svg_put(page, "<td class=\"n muted\">-</td>");
	else
		svg_format(page, "<td class=\"n\">%.3f to %.3f</td>", low, high);
}

/* Of the rows of a metric, that of all classes; -1: there is none. */
static int64
row_of(const char *metric)
{
	for (uint64 i = 0; i < SPI_processed; i++)
		if (catalogue_text(i, CLASS) == NULL && strcmp(catalogue_text(i, METRIC), metric) == 0)
			return (int64) i;
	return -1;
}

static double
figure_of(const char *metric, int column)
{
	int64		row = row_of(metric);

	return row < 0 ? NAN : catalogue_number(row, column);
}

static void
put_figures(Svg *page)
{
	svg_put(page, "<table class=\"figures\"><tr><th>metric</th><th class=\"n\">no learning</th><th class=\"n\">whitened</th><th class=\"n\">learned</th>"
			"<th class=\"n\">95% interval</th><th class=\"n\">difference, 95% interval</th><th>share of</th></tr>\n");
	for (int i = 0; i < lengthof(shown); i++)
	{
		int64		row = row_of(shown[i].metric);

		if (row < 0)
			continue;
		svg_format(page, "<tr><td class=\"k\">%s</td>", shown[i].metric);
		put_number(page, catalogue_number(row, NONE));
		put_number(page, catalogue_number(row, WHITENED));
		put_number(page, catalogue_number(row, LEARNED));
		put_interval(page, catalogue_number(row, LOW), catalogue_number(row, HIGH));
		put_interval(page, catalogue_number(row, DIFFERENCE_LOW), catalogue_number(row, DIFFERENCE_HIGH));
		svg_format(page, "<td class=\"muted\">%s</td></tr>\n", shown[i].meaning);
	}
	svg_put(page, "</table>\n");
}

/* The rows of recall_at_1 by class, the lowest first. */
static int
compare_recall(const void *a, const void *b)
{
	double		x = catalogue_number(*(const uint64 *) a, LEARNED);
	double		y = catalogue_number(*(const uint64 *) b, LEARNED);

	if (x != y)
		return x < y ? -1 : 1;
	return strcmp(catalogue_text(*(const uint64 *) a, CLASS), catalogue_text(*(const uint64 *) b, CLASS));
}

static void
put_worst(Svg *page)
{
	uint64	   *row = palloc(sizeof(uint64) * (SPI_processed + 1));
	int			n = 0;

	for (uint64 i = 0; i < SPI_processed; i++)
		if (catalogue_text(i, CLASS) != NULL && strcmp(catalogue_text(i, METRIC), "recall_at_1") == 0 && !isnan(catalogue_number(i, LEARNED)))
			row[n++] = i;
	if (n == 0)
		return;
	qsort(row, n, sizeof(uint64), compare_recall);
	svg_format(page, "<h3>By class</h3><p>recall_at_1 of %s.</p>\n", n <= WORST_CLASSES ? "each class, the lowest first" :
			   psprintf("the %d classes with the lowest, of %d", WORST_CLASSES, n));
	svg_put(page, "<table class=\"worst\"><tr><th>class</th><th class=\"n\">no learning</th><th class=\"n\">learned</th></tr>\n");
	for (int i = 0; i < n && i < WORST_CLASSES; i++)
	{
		svg_put(page, "<tr><td class=\"v\">");
		page_text(page, catalogue_text(row[i], CLASS));
		svg_put(page, "</td>");
		put_number(page, catalogue_number(row[i], NONE));
		put_number(page, catalogue_number(row[i], LEARNED));
		svg_put(page, "</tr>\n");
	}
	svg_put(page, "</table>\n");
}

void
report_figures(const ReportCall *call, Svg *page, ReportFigures *figures)
{
	const PictureCall *p = &call->picture;
	Oid			types[7] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, INT8OID};
	Datum		values[7] = {CStringGetTextDatum(p->model), CStringGetTextDatum(p->source), (Datum) 0, CStringGetTextDatum(p->label), (Datum) 0,
	Int64GetDatum(p->max_rows), Int64GetDatum(p->seed)};
	char		nulls[8] = "  n n  ";
	StringInfoData metrics;

	initStringInfo(&metrics);
	for (int i = 0; i < lengthof(shown); i++)
		appendStringInfo(&metrics, "%s%s", i > 0 ? "," : "", shown[i].metric);
	if (p->features)
	{
		values[2] = CStringGetTextDatum(p->features);
		nulls[2] = ' ';
	}
	if (p->gallery)
	{
		values[4] = CStringGetTextDatum(p->gallery);
		nulls[4] = ' ';
	}
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	/*
	 * In the caller's search_path, by which the caller's names are looked up.  All arguments are
	 * given, with their types, so that a function of the same name with fewer does not make the
	 * call ambiguous.
	 */
	if (SPI_execute_with_args(psprintf("SELECT metric, class, no_learning, whitened, learned, learned_low, learned_high, difference_low, difference_high "
									   "FROM %s.dml_evaluate($1, $2, $3, $4, 'closed_set'::pg_catalog.text, $5, 5, 0.5::pg_catalog.float8, $7, $6, NULL::pg_catalog.text, "
									   "NULL::pg_catalog.text, NULL::pg_catalog.text, '{1}'::pg_catalog.int4[], true, false, '{%s}'::pg_catalog.text[], true)",
									   quote_identifier(dml_vector_schema()), metrics.data), 7, types, values, nulls, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_with_args failed");
	figures->done = true;
	figures->queries = figure_of("queries", LEARNED);
	figures->gallery_rows = figure_of("gallery_rows", LEARNED);
	figures->classes = figure_of("classes", LEARNED);
	figures->recall[0] = figure_of("recall_at_1", NONE);
	figures->recall[1] = figure_of("recall_at_1", LEARNED);
	put_figures(page);
	page_say(page, "muted", "Each of %.0f rows searched among %.0f, without itself and without rows of its class that equal it. Intervals are of a bootstrap "
			 "over classes. The difference is of learned and no learning: if its interval contains 0, chance may explain it.", figures->queries, figures->gallery_rows);
	put_worst(page);
	SPI_finish();
}
