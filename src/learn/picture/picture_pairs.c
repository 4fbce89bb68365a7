/*
 * picture_pairs.c
 *	  Pairs of rows: the curve of a threshold, and how far apart same and different pairs are.
 */
#include "picture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PANEL			380.0
#define GAP				74.0
#define LEFT			(FIGURE_MARGIN + 58)
#define BINS			60
#define POLL			65536
#define LEAST_FAR		1e-5	/* where a logarithmic axis begins at the least */

/* ---------- roc ---------- */

/* The rates at a step; step -1 accepts no pair. */
static void
rates(const Roc *roc, int64_t step, double *far, double *tar)
{
	*far = step < 0 ? 0 : roc->impostor[step] / roc_impostor(roc);
	*tar = step < 0 ? 0 : roc->genuine[step] / roc_genuine(roc);
}

static void
put_point(Svg *svg, double x, double y, bool first)
{
	svg_put(svg, first ? "M" : "L");
	svg_number(svg, x);
	svg_put(svg, " ");
	svg_number(svg, y);
}

/* The curve of one space, without the points that are less than a pixel from the last one. */
static LearnStatus
draw_curve(LearnEnv *env, const Panel *panel, const PairCurve *curve, int style, Svg *svg)
{
	double		last_x = -INFINITY;
	double		last_y = -INFINITY;

	svg_format(svg, "<path class=\"line l%d%s\" d=\"", style % FIGURE_COLOURS, style == 1 ? " dash" : "");
	for (int64_t step = -1; step < curve->roc->steps; step++)
	{
		double		far;
		double		tar;
		double		x;
		double		y;

		if ((step + 1) % POLL == 0)
			LEARN_TRY(learn_poll(env));
		rates(curve->roc, step, &far, &tar);
		x = panel_x(panel, panel->x.log && far < panel->x.low ? panel->x.low : far);
		y = panel_y(panel, tar);
		if (fabs(x - last_x) < 1 && fabs(y - last_y) < 1 && step + 1 < curve->roc->steps)
			continue;
		put_point(svg, x, y, isinf(last_x));
		last_x = x;
		last_y = y;
	}
	svg_put(svg, "\"><title>");
	svg_text(svg, curve->name);
	svg_put(svg, "</title></path>\n");
	return LEARN_OK;
}

/* The step up to which a threshold accepts; -1: none. */
static int64_t
step_of(const Roc *roc, double threshold)
{
	int64_t		low = -1;
	int64_t		high = roc->steps - 1;

	while (low < high)
	{
		int64_t		middle = low + (high - low + 1) / 2;

		if (roc->distance[middle] <= threshold)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

static void
draw_threshold_point(const Panel *panel, const PairCurve *curve, Svg *svg)
{
	double		far;
	double		tar;

	if (isnan(curve->threshold))
		return;
	rates(curve->roc, step_of(curve->roc, curve->threshold), &far, &tar);
	if (panel->x.log && far < panel->x.low)
		far = panel->x.low;
	svg_put(svg, "<circle class=\"strong threshold\" r=\"6\" cx=\"");
	svg_number(svg, panel_x(panel, far));
	svg_put(svg, "\" cy=\"");
	svg_number(svg, panel_y(panel, tar));
	svg_put(svg, "\"><title>the calibrated threshold</title></circle>\n");
}

static void
draw_diagonal(const Panel *panel, Svg *svg)
{
	svg_put(svg, "<path class=\"line lx dash\" d=\"");
	for (int i = 0; i <= 64; i++)
	{
		double		far = panel->x.log ? panel->x.low * pow(1 / panel->x.low, i / 64.0) : i / 64.0;

		put_point(svg, panel_x(panel, far), panel_y(panel, far), i == 0);
	}
	svg_put(svg, "\"/>\n");
}

LearnStatus
picture_roc(LearnEnv *env, const PictureText *text, const PairCurve *curve, int n, Svg *svg)
{
	double		low = 0.1;
	double		top = FIGURE_TOP + 20;
	double		legend = top + PANEL + 56;
	double		width = LEFT + 2 * PANEL + GAP + FIGURE_MARGIN + 6;
	double		height;
	LegendEntry entry[8];
	char		notes[8][96];
	char		threshold[192] = "";
	int			entries = 0;

	for (int i = 0; i < n; i++)
	{
		double		least = 1 / roc_impostor(curve[i].roc);

		least = pow(10, floor(log10(least > LEAST_FAR ? least : LEAST_FAR)));
		low = least < low ? least : low;
		snprintf(notes[entries], sizeof(notes[0]), "area %.4f, equal error rate %.2f%%", roc_auc(curve[i].roc), 100 * roc_eer(curve[i].roc));
		entry[entries] = (LegendEntry) {i == 1 ? LEGEND_DASHED : LEGEND_LINE, i, curve[i].name, notes[entries]};
		entries++;
	}
	entry[entries++] = (LegendEntry) {LEGEND_DASHED, -1, "by chance", "area 0.5"};
	for (int i = 0; i < n; i++)
		if (!isnan(curve[i].threshold))
		{
			double		far;
			double		tar;

			rates(curve[i].roc, step_of(curve[i].roc, curve[i].threshold), &far, &tar);
			snprintf(threshold, sizeof(threshold), "Circle: the calibrated threshold %.4g. Here it accepts %.2f%% of the same pairs and %.3g%% of the different pairs.",
					 curve[i].threshold, 100 * tar, 100 * far);
		}
	height = legend + entries * LEGEND_LINE_HEIGHT + (threshold[0] ? LEGEND_LINE_HEIGHT : 0) + 10 + (text->note ? FIGURE_BOTTOM - 8 : 0);

	figure_begin(svg, &(Figure) {text->theme, "roc", text->title, text->subtitle, text->note, width, height});
	for (int i = 0; i < 2; i++)
	{
		Panel		panel = {.left = LEFT + i * (PANEL + GAP),.top = top,.width = PANEL,.height = PANEL};

		panel.title = i == 0 ? "All rates" : "Low false accept rates";
		panel.x = (Axis) {.low = i == 0 ? 0 : low,.high = 1,.log = i == 1,.percent = 100,
		.label = i == 0 ? "false accept rate (different pairs accepted)" : "false accept rate, logarithmic"};
		panel.y = (Axis) {.low = 0,.high = 1,.percent = 100,.label = "true accept rate (same pairs accepted)"};
		svg_put(svg, "<g class=\"panel\">");
		panel_draw(svg, &panel);
		draw_diagonal(&panel, svg);
		for (int c = n - 1; c >= 0; c--)
			LEARN_TRY(draw_curve(env, &panel, &curve[c], c, svg));
		for (int c = 0; c < n; c++)
			draw_threshold_point(&panel, &curve[c], svg);
		svg_put(svg, "</g>\n");
	}
	legend_draw(svg, LEFT, legend, width - LEFT - FIGURE_MARGIN, NULL, entry, entries);
	if (threshold[0])
		figure_text(svg, LEFT, legend + entries * LEGEND_LINE_HEIGHT + 10, FIGURE_TEXT, TEXT_START, "muted", threshold,
					width - LEFT - FIGURE_MARGIN);
	figure_end(svg);
	return LEARN_OK;
}

/* ---------- distances ---------- */

/* The distance below which all but a thousandth of the pairs of either kind are. */
static double
reach(const Roc *roc)
{
	double		all_but = 0.999;
	int64_t		step = roc->steps - 1;

	while (step > 0 && roc->genuine[step - 1] >= all_but * roc_genuine(roc) && roc->impostor[step - 1] >= all_but * roc_impostor(roc))
		step--;
	return roc->distance[step];
}

/* share[b]: of the pairs of one kind, those in bin b. */
static LearnStatus
count_bins(LearnEnv *env, const Roc *roc, const double *cumulative, double high, double *share)
{
	double		all = cumulative[roc->steps - 1];
	double		before = 0;

	memset(share, 0, sizeof(double) * BINS);
	for (int64_t step = 0; step < roc->steps; step++)
	{
		double		bin = roc->distance[step] / high * BINS;

		if (step % POLL == 0)
			LEARN_TRY(learn_poll(env));
		if (bin < BINS + 1e-9)
			share[bin < BINS ? (int) bin : BINS - 1] += (cumulative[step] - before) / all;
		before = cumulative[step];
	}
	return LEARN_OK;
}

static void
draw_bins(const Panel *panel, const double *share, int style, Svg *svg)
{
	double		step = (panel->x.high - panel->x.low) / BINS;

	for (int outline = 0; outline <= 1; outline++)
	{
		if (outline)
			svg_format(svg, "<path class=\"line l%d%s\" d=\"", style, style == 1 ? " dash" : "");
		else
			svg_format(svg, "<path class=\"area c%d\" d=\"", style);
		put_point(svg, panel_x(panel, 0), panel_y(panel, 0), true);
		for (int b = 0; b < BINS; b++)
		{
			put_point(svg, panel_x(panel, b * step), panel_y(panel, share[b]), false);
			put_point(svg, panel_x(panel, (b + 1) * step), panel_y(panel, share[b]), false);
		}
		put_point(svg, panel_x(panel, panel->x.high), panel_y(panel, 0), false);
		svg_put(svg, outline ? "\"/>\n" : "Z\"/>");
	}
}

static void
draw_threshold_line(const Panel *panel, const PairCurve *curve, Svg *svg)
{
	double		x = panel_x(panel, curve->threshold);
	bool		right = x < panel->left + panel->width / 2;
	char		line[96];
	double		far;
	double		tar;

	rates(curve->roc, step_of(curve->roc, curve->threshold), &far, &tar);
	svg_put(svg, "<path class=\"strong dash threshold\" d=\"");
	put_point(svg, x, panel->top, true);
	put_point(svg, x, panel->top + panel->height, false);
	svg_put(svg, "\"/>");
	snprintf(line, sizeof(line), "threshold %.4g", curve->threshold);
	x += right ? 7 : -7;
	figure_text(svg, x, panel->top + 18, FIGURE_TEXT, right ? TEXT_START : TEXT_END, "b halo", line, 0);
	snprintf(line, sizeof(line), "accepts %.2f%% of same", 100 * tar);
	figure_text(svg, x, panel->top + 34, FIGURE_TEXT, right ? TEXT_START : TEXT_END, "halo", line, 0);
	snprintf(line, sizeof(line), "and %.3g%% of different", 100 * far);
	figure_text(svg, x, panel->top + 50, FIGURE_TEXT, right ? TEXT_START : TEXT_END, "halo", line, 0);
}

LearnStatus
picture_distances(LearnEnv *env, const PictureText *text, const PairCurve *curve, int n, Svg *svg)
{
	double		size = n > 1 ? PANEL : 560;
	double		tall = 300;
	double		top = FIGURE_TOP + 20;
	double		legend = top + tall + 50;
	double		width = LEFT + n * size + (n - 1) * GAP + FIGURE_MARGIN + 6;
	double		height = legend + 2 * LEGEND_LINE_HEIGHT + 8 + (text->note ? FIGURE_BOTTOM - 8 : 0);
	LegendEntry entry[2];
	char		notes[2][64];

	snprintf(notes[0], sizeof(notes[0]), "%.0f pairs of one class", roc_genuine(curve[0].roc));
	snprintf(notes[1], sizeof(notes[1]), "%.0f pairs of two classes", roc_impostor(curve[0].roc));
	entry[0] = (LegendEntry) {LEGEND_AREA, 0, "same", notes[0]};
	entry[1] = (LegendEntry) {LEGEND_AREA, 1, "different", notes[1]};

	figure_begin(svg, &(Figure) {text->theme, "distances", text->title, text->subtitle, text->note, width, height});
	for (int i = 0; i < n; i++)
	{
		Panel		panel = {.title = curve[i].name,.left = LEFT + i * (size + GAP),.top = top,.width = size,.height = tall};
		double		high = reach(curve[i].roc) * 1.02;
		double		same[BINS];
		double		different[BINS];
		double		most = 0;

		if (!isnan(curve[i].threshold) && curve[i].threshold * 1.05 > high)
			high = curve[i].threshold * 1.05;
		if (!(high > 0))
			high = 1;
		LEARN_TRY(count_bins(env, curve[i].roc, curve[i].roc->genuine, high, same));
		LEARN_TRY(count_bins(env, curve[i].roc, curve[i].roc->impostor, high, different));
		for (int b = 0; b < BINS; b++)
			most = fmax(most, fmax(same[b], different[b]));
		panel.x = (Axis) {.low = 0,.high = high,.label = "distance of the two rows"};
		panel.y = (Axis) {.low = 0,.high = most > 0 ? most * (isnan(curve[i].threshold) ? 1.08 : 1.3) : 1,.percent = 100,.label = "share of the pairs, by bin"};
		svg_put(svg, "<g class=\"panel\">");
		panel_draw(svg, &panel);
		draw_bins(&panel, different, 1, svg);
		draw_bins(&panel, same, 0, svg);
		if (!isnan(curve[i].threshold))
			draw_threshold_line(&panel, &curve[i], svg);
		svg_put(svg, "</g>\n");
	}
	legend_draw(svg, LEFT, legend, width - LEFT - FIGURE_MARGIN, NULL, entry, 2);
	figure_end(svg);
	return LEARN_OK;
}
