/*
 * report.c
 *	  dml_report: the model card of a version as one HTML page.
 *
 * The sections are those of Mitchell et al. 2019 (arXiv 1810.03993): details, intended use, data,
 * figures with intervals and by class, and caveats. What the page cannot know it says: it never
 * fills a gap with a guess.
 */
#include "compat.h"

#include "report.h"

#include <math.h>

#include "access/xact.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "catalogue.h"

#define HINT	"SELECT dml_report('model', 'table or query', label => 'column');"

PG_FUNCTION_INFO_V1(dml_report);

/* The arguments of dml_report, in the order of picture.sql. */
enum
{
	ARG_MODEL,
	ARG_SOURCE,
	ARG_FEATURES,
	ARG_LABEL,
	ARG_GALLERY,
	ARG_INTENDED_USE,
	ARG_LIMITATIONS,
	ARG_MAX_ROWS,
	ARG_SEED,
	ARG_THEME
};

/* What the sections need of the catalogue. */
typedef struct Facts
{
	char	   *source;			/* of the training */
	char	   *supervision;
	/* "recall@1 0.9705, without learning 0.9916"; NULL: none was measured */
	char	   *score;
	char	   *threshold;		/* NULL: none */
	char	   *calibrated_on;
} Facts;

/* ---------- the catalogue ---------- */

/* The rows of a query, whose two columns are names and values, as a table. */
static void
put_pairs(const ReportCall *call, Svg *page, const char *sql)
{
	CatalogueScope scope;
	uint64		rows;

	svg_put(page, "<table>");
	catalogue_begin(&scope);
	rows = catalogue_select(call->version, sql);
	for (uint64 i = 0; i < rows; i++)
		page_pair(page, catalogue_text(i, 1), catalogue_text(i, 2));
	catalogue_end(&scope);
	svg_put(page, "</table>\n");
}

static char *
copy_text(MemoryContext context, uint64 row, int column)
{
	char	   *text = catalogue_text(row, column);

	return text ? MemoryContextStrdup(context, text) : NULL;
}

static void
read_facts(const ReportCall *call, Facts *facts)
{
	MemoryContext caller = CurrentMemoryContext;
	CatalogueScope scope;

	*facts = (Facts) {0};
	catalogue_begin(&scope);
	if (catalogue_select(call->version,
						 "SELECT v.source, v.supervision, v.metric || ' ' || round(v.learned::numeric, 4) || coalesce(', without learning ' || round(v.without_learning::numeric, 4), '') "
						 "|| coalesce(', whitened ' || round(v.whitened::numeric, 4), ''), "
						 "to_char(c.threshold, 'FM999999990.099999'), c.source "
						 "FROM @dml_model_versions v LEFT JOIN @dml_calibrations c ON c.model = v.model AND c.version = v.version "
						 "WHERE v.model = $1 AND v.version = $2") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("version %d of model \"%s\" is gone", call->version->number, call->version->name)));
	facts->source = copy_text(caller, 0, 1);
	facts->supervision = copy_text(caller, 0, 2);
	facts->score = copy_text(caller, 0, 3);
	facts->threshold = copy_text(caller, 0, 4);
	facts->calibrated_on = copy_text(caller, 0, 5);
	catalogue_end(&scope);
}

/* ---------- sections ---------- */

static void
put_details(const ReportCall *call, Svg *page)
{
	page_section(page, "details", "Model");
	put_pairs(call, page,
			  "SELECT p.* FROM @dml_model_versions v LEFT JOIN @dml_methods m ON m.name = v.method, LATERAL (VALUES "
			  "('model', format('%s, version %s%s', v.model, v.version, CASE WHEN NOT v.active THEN ', not the active one' END)), "
			  "('owner', v.owner::text), "
			  "('trained', to_char(v.created, 'YYYY-MM-DD HH24:MI TZ')), "
			  "('method', v.method || coalesce(': ' || m.description, '')), "
			  "('paper', m.paper), "
			  "('why this method', v.reason), "
			  "('input', CASE WHEN v.columns IS NULL THEN format('an array of %s numbers', v.inputs) ELSE format('%s numbers: %s', v.inputs, array_to_string(v.columns, ', ')) END), "
			  "('second input', CASE WHEN v.inputs_b IS NOT NULL THEN format('%s numbers: %s', v.inputs_b, v.features_b) END), "
			  "('preprocessing', v.preprocessing), "
			  "('network', v.network), "
			  "('output', format('%s dimensions; rows are compared by Euclidean distance', v.dims)), "
			  "('size', format('%s kB of weights, space %s', v.weight_bytes / 1024, v.space)), "
			  "('made by', 'dml ' || v.library_version)) p (name, value) WHERE v.model = $1 AND v.version = $2");
	svg_put(page, "</section>\n");
}

static void
put_use(const ReportCall *call, Svg *page)
{
	page_section(page, "use", "Intended use");
	if (call->intended_use)
		page_paragraphs(page, call->intended_use);
	else
		page_say(page, "box warn", "The author of this report has not said what the model is for, or what it is not for (intended_use).");
	page_say(page, "muted", "What the model does: it maps a row of %d numbers to a point, so that rows that belong together by its supervision are near each other.",
			 call->version->in);
	svg_put(page, "</section>\n");
}

static void
put_training(const ReportCall *call, const Facts *facts, Svg *page)
{
	page_section(page, "training", "Training data and split");
	put_pairs(call, page,
			  "SELECT p.* FROM @dml_model_versions v, LATERAL (VALUES "
			  "('source', v.source), ('features', v.features), ('label', v.label), ('supervision', v.supervision), "
			  "('rows', format('%s learned from, %s left out for a NULL', v.rows, v.skipped)), "
			  "('classes', CASE WHEN v.label IS NOT NULL THEN v.classes::text END), "
			  "('constraints', CASE WHEN v.constraints > 0 THEN v.constraints::text END), "
			  "('held out', CASE WHEN v.metric IS NULL THEN 'nothing' WHEN v.settings #>> '{open_set,value}' = 'true' THEN 'whole classes' "
			  "ELSE 'what is held out is chosen by a hash of its content' END || coalesce('; a share of ' || (v.settings #>> '{validation,value}'), '')), "
			  "('epochs', CASE WHEN v.epochs > 0 THEN v.epochs::text END), ('seed', v.seed::text), ('seconds', round(v.seconds::numeric, 1)::text), "
			  "('settings', (SELECT string_agg(s.key || ' = ' || (s.value ->> 'value'), ', ' ORDER BY s.key) FROM jsonb_each(v.settings) s WHERE s.value ->> 'default' = 'false'))) "
			  "p (name, value) WHERE v.model = $1 AND v.version = $2");
	if (facts->score)
		page_say(page, "", "Score on the rows held out during training: %s.", facts->score);
	else
		page_say(page, "box warn", "No score was measured during training.");
	svg_put(page, "</section>\n");
}

static void
put_evaluation_data(const ReportCall *call, const Facts *facts, Svg *page)
{
	const PictureCall *p = &call->picture;

	page_section(page, "evaluation", "Evaluation data");
	svg_put(page, "<table>");
	page_pair(page, "source", p->source);
	page_pair(page, "label", p->label);
	page_pair(page, "features", p->features ? p->features : call->version->features);
	page_pair(page, "searched among", p->gallery ? p->gallery : "the other rows of the source");
	page_pair(page, "sample", psprintf("at most %lld rows ask, evenly spaced; seed %lld", (long long) p->max_rows, (long long) p->seed));
	svg_put(page, "</table>\n");
	if (facts->source && strcmp(facts->source, p->source) == 0)
		page_say(page, "box warn", "These are the rows that the model was trained on. On rows that it has not seen, figures are likely to be worse.");
	else
		page_say(page, "muted", "Figures are honest only if the model was not trained on these rows. The report cannot check that; it compares the names of the sources.");
	svg_put(page, "</section>\n");
}

static void
put_threshold(const ReportCall *call, const Facts *facts, Svg *page)
{
	page_section(page, "threshold", "Threshold");
	if (facts->threshold == NULL)
		page_say(page, "", "The version has none: dml_match cannot decide whether two rows are the same. dml_calibrate finds one.");
	else
	{
		page_say(page, "", "Two rows are the same if their distance is at most %s.", facts->threshold);
		put_pairs(call, page,
				  "SELECT p.* FROM @dml_calibrations c, LATERAL (VALUES "
				  "('found by', c.criterion || coalesce(', ' || c.target, '')), ('found on', c.source), "
				  "('pairs', format('%s of one class, %s of two', c.genuine_pairs, c.impostor_pairs)), "
				  "('same pairs accepted', round(100 * c.true_accept_rate::numeric, 3) || '%'), "
				  "('different pairs accepted', round(100 * c.false_accept_rate::numeric, 4) || '%'), "
				  "('right decisions', round(100 * c.accuracy::numeric, 3) || '%'), "
				  "('found at', to_char(c.created, 'YYYY-MM-DD HH24:MI TZ'))) p (name, value) WHERE c.model = $1 AND c.version = $2");
		page_say(page, "muted", "These rates are of the rows that the threshold was found on. The picture of distances shows what it does on the evaluation data.");
	}
	svg_put(page, "</section>\n");
}

static void
put_item(Svg *page, const char *text)
{
	svg_put(page, "<li>");
	page_text(page, text);
	svg_put(page, "</li>\n");
}

static void
put_untested(const ReportCall *call, const Facts *facts, const ReportFigures *figures, Svg *page)
{
	const PictureCall *p = &call->picture;

	page_section(page, "untested", "What was not tested, and caveats");
	if (call->limitations)
		page_paragraphs(page, call->limitations);
	svg_put(page, "<ul>\n");
	if (!figures->done)
		put_item(page, "Nothing was measured for this report: it was made without source and label. The only figure is the one of the training.");
	else
	{
		put_item(page, "New classes: all classes of the evaluation could be searched for, seen ones and unseen ones alike. dml_evaluate(..., protocol => 'open_set') measures classes that were kept out of the training.");
		put_item(page, "Groups and time: rows of one person, device or day may be both asked about and found. dml_evaluate(..., protocol => 'grouped') and 'temporal' hide them.");
		put_item(page, "Groups of people: figures are by class alone. If rows are about people, measure each group, such as dml_report(..., source => 'SELECT ... WHERE ...').");
		if (!p->gallery)
			put_item(page, "A larger gallery: the more rows are searched, the harder it is to find the right one first.");
		if (figures->queries < 100)
			put_item(page, psprintf("Few rows: %.0f rows asked, so that the figures are uncertain.", figures->queries));
	}
	put_item(page, "Other data: a row of another kind, with other units or of another source has an embedding, too, and nothing says that it is meaningless.");
	put_item(page, "Changes with time: the figures are of the data of one moment.");
	if (facts->threshold == NULL)
		put_item(page, "Decisions: without a threshold, only the order of distances was measured.");
	else if (figures->done && facts->calibrated_on && strcmp(facts->calibrated_on, p->source) == 0)
		put_item(page, "The threshold was found on the source of the evaluation: its error rates there are likely to be lower than on other rows.");
	put_item(page, "Attacks: nobody tried to make rows that deceive the model.");
	svg_put(page, "</ul></section>\n");
}

/* ---------- pictures ---------- */

static const struct
{
	const char *kind;
	const char *caption;
}			pictures[] = {
	{"space", "Each mark is a row, near the rows that are near it."},
	{"distances", "How far apart rows of one class and of two classes are."},
	{"roc", "What every threshold accepts."},
	{"confusion", "Which classes are taken for which."},
	{"neighbours", "Some rows, not chosen for their answers, and what is nearest to them."},
	{"curve", "The training, epoch by epoch."},
};

/*
 * Draw a picture, as text in the caller's context. If the data or the version do not have what it
 * shows, the error's message is written to the page in its place, and the result is NULL.
 */
static char *
try_picture(PictureCall *call, Svg *page)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext own = AllocSetContextCreate(caller, "dml picture", ALLOCSET_DEFAULT_SIZES);
	ResourceOwner owner = CurrentResourceOwner;
	char	   *volatile result = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(own);
	PG_TRY();
	{
		Svg			svg;
		char	   *text;
		size_t		length;

		svg_init(&svg, picture_env());
		picture_draw(call, &svg);
		dml_learn_check(svg.env, svg_finish(&svg, &text, &length));
		result = MemoryContextAllocHuge(caller, length + 1);
		memcpy(result, text, length + 1);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
		if (error->sqlerrcode != ERRCODE_DATA_EXCEPTION && error->sqlerrcode != ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE)
			ReThrowError(error);
		svg_put(page, "<p class=\"muted\">No picture of this kind: ");
		page_text(page, error->message);
		svg_put(page, ".</p>");
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextDelete(own);
	return result;
}

static void
put_pictures(const ReportCall *call, Svg *page)
{
	page_section(page, "pictures", "Pictures");
	for (int i = 0; i < lengthof(pictures); i++)
	{
		PictureCall picture = call->picture;
		char	   *text;

		picture.kind = picture_kind(pictures[i].kind);
		if (picture.kind->rows > 0 && picture.source == NULL)
			continue;
		picture.max_rows_given = picture.kind->draw != picture_draw_neighbours && picture.kind->rows > 0;
		svg_format(page, "<figure id=\"picture-%s\">", pictures[i].kind);
		text = try_picture(&picture, page);
		if (text)
		{
			svg_put(page, text);
			pfree(text);
		}
		svg_format(page, "<figcaption class=\"muted\">%s</figcaption></figure>\n", pictures[i].caption);
	}
	svg_put(page, "</section>\n");
}

/* ---------- the page ---------- */

static void
put_tile(Svg *page, const char *number, const char *what)
{
	svg_format(page, "<div class=\"tile\"><b>%s</b><span>%s</span></div>", number, what);
}

static void
put_head(const ReportCall *call, const Facts *facts, const ReportFigures *figures, Svg *page)
{
	svg_put(page, "<header><h1>Model card: ");
	page_text(page, psprintf("%s, version %d", call->version->name, call->version->number));
	svg_put(page, "</h1>");
	if (figures->done)
	{
		page_say(page, "lead", "Measured on %s: %.0f rows of %.0f classes.", call->picture.source, figures->queries, figures->classes);
		svg_put(page, "<div class=\"tiles\">");
		put_tile(page, psprintf("%.1f%%", 100 * figures->recall[1]), "nearest row of the same class, learned");
		put_tile(page, psprintf("%.1f%%", 100 * figures->recall[0]), "the same, without learning");
		put_tile(page, psprintf("%d", call->version->out), "dimensions");
		put_tile(page, facts->threshold ? facts->threshold : "none", "threshold of \"the same\"");
		svg_put(page, "</div>");
	}
	else
		page_say(page, "lead", "Nothing was measured for this report. Score of the training: %s.", facts->score ? facts->score : "none");
	svg_put(page, "<nav><a href=\"#details\">Model</a><a href=\"#use\">Intended use</a><a href=\"#training\">Training</a>");
	if (figures->done)
		svg_put(page, "<a href=\"#evaluation\">Evaluation</a><a href=\"#figures\">Figures</a>");
	svg_put(page, "<a href=\"#pictures\">Pictures</a><a href=\"#threshold\">Threshold</a><a href=\"#untested\">Not tested</a></nav></header>\n");
}

static void
put_page(const ReportCall *call, Svg *page)
{
	bool		measured = call->picture.source != NULL;
	ReportFigures figures = {0};
	Facts		facts;
	Svg			table;
	char	   *text;
	size_t		length;

	read_facts(call, &facts);
	svg_init(&table, picture_env());
	if (measured)
		report_figures(call, &table, &figures);
	dml_learn_check(table.env, svg_finish(&table, &text, &length));

	page_begin(page, psprintf("Model card: %s, version %d", call->version->name, call->version->number), call->picture.theme);
	put_head(call, &facts, &figures, page);
	put_details(call, page);
	put_use(call, page);
	put_training(call, &facts, page);
	if (measured)
	{
		put_evaluation_data(call, &facts, page);
		page_section(page, "figures", "Figures");
		svg_put(page, text);
		svg_put(page, "</section>\n");
	}
	put_pictures(call, page);
	put_threshold(call, &facts, page);
	put_untested(call, &facts, &figures, page);
	page_end(page);
}

/* dml_report(model, source, features, label, gallery, ...): see picture.sql, docs/plot.md. */
Datum
dml_report(PG_FUNCTION_ARGS)
{
	ReportCall	call = {{0}};
	PictureCall *p = &call.picture;
	char	   *theme = text_argument(fcinfo, ARG_THEME);
	char	   *text;
	size_t		length;
	Svg			page;

	p->model = text_argument(fcinfo, ARG_MODEL);
	p->source = text_argument(fcinfo, ARG_SOURCE);
	p->features = text_argument(fcinfo, ARG_FEATURES);
	p->label = text_argument(fcinfo, ARG_LABEL);
	p->gallery = text_argument(fcinfo, ARG_GALLERY);
	call.intended_use = text_argument(fcinfo, ARG_INTENDED_USE);
	call.limitations = text_argument(fcinfo, ARG_LIMITATIONS);
	p->max_rows = PG_ARGISNULL(ARG_MAX_ROWS) ? 2000 : PG_GETARG_INT64(ARG_MAX_ROWS);
	p->seed = PG_ARGISNULL(ARG_SEED) ? 0 : PG_GETARG_INT64(ARG_SEED);
	p->theme = theme ? picture_theme(theme) : FIGURE_AUTO;
	p->baseline = true;
	p->image_width = -1;
	need_argument(p->model, "model", HINT);
	if (p->source || p->label || p->gallery || p->features)
	{
		need_argument(p->source, "source", HINT);
		need_argument(p->label, "label", HINT);
	}
	if (p->max_rows < 1 || p->max_rows > REPORT_MAX_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_rows must be from 1 to %d, not %lld", REPORT_MAX_ROWS, (long long) p->max_rows)));

	call.version = dml_version_by_name(p->model);
	dml_version_pin(call.version, CurrentMemoryContext);
	svg_init(&page, picture_env());
	put_page(&call, &page);
	dml_learn_check(page.env, svg_finish(&page, &text, &length));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(text, length));
}
