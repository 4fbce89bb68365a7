/*
 * picture_curve.c
 *	  A training by epoch: loss above, score on held-out rows below.
 */
#include "picture.h"

#include <math.h>
#include <stdio.h>

#define PANEL_WIDTH		600.0
#define PANEL_HEIGHT	190.0
#define LEFT			(FIGURE_MARGIN + 62)

/* The range of an axis that holds all given values, NaNs left out; with some room. */
static void
widen(Axis *axis, double value)
{
	if (!isfinite(value))
		return;
	axis->low = value < axis->low ? value : axis->low;
	axis->high = value > axis->high ? value : axis->high;
}

static void
add_room(Axis *axis)
{
	double		room;

	if (!(axis->low <= axis->high))
		axis->low = axis->high = 0;
	room = 0.06 * (axis->high - axis->low);
	if (!(room > 1e-9 * (fabs(axis->low) + fabs(axis->high))))
		room = axis->low == 0 ? 1 : 0.1 * fabs(axis->low);
	axis->low -= room;
	axis->high += room;
}

/*
 * One value of each epoch as a line, and a mark at each that is there if they are few or some are
 * not there.
 */
static void
draw_values(const CurvePicture *p, const Panel *panel, bool score, int style, Svg *svg)
{
	bool		pen = false;
	int			there = 0;

	svg_format(svg, "<path class=\"line l%d\" d=\"", style);
	for (int i = 0; i < p->n; i++)
	{
		double		value = score ? p->epoch[i].score : p->epoch[i].loss;

		if (isfinite(value))
		{
			svg_put(svg, pen ? "L" : "M");
			svg_number(svg, panel_x(panel, p->epoch[i].epoch));
			svg_put(svg, " ");
			svg_number(svg, panel_y(panel, value));
			pen = true;
			there++;
		}
	}
	svg_format(svg, "\"/><g class=\"pts c%d\">", style);
	for (int i = 0; i < p->n && (p->n <= 60 || there < p->n); i++)
	{
		double		value = score ? p->epoch[i].score : p->epoch[i].loss;

		if (isfinite(value))
			mark_draw(svg, style, panel_x(panel, p->epoch[i].epoch), panel_y(panel, value), 2.6);
	}
	svg_put(svg, "</g>\n");
}

static void
draw_level(const Panel *panel, double value, const char *class, Svg *svg)
{
	if (!isfinite(value))
		return;
	svg_format(svg, "<path class=\"line dash %s\" d=\"M", class);
	svg_number(svg, panel->left);
	svg_put(svg, " ");
	svg_number(svg, panel_y(panel, value));
	svg_put(svg, "h");
	svg_number(svg, panel->width);
	svg_put(svg, "\"/>\n");
}

LearnStatus
picture_curve(LearnEnv *env, const PictureText *text, const CurvePicture *p, Svg *svg)
{
	double		width = LEFT + PANEL_WIDTH + FIGURE_MARGIN + 10;
	double		top = FIGURE_TOP + 20;
	double		second = top + PANEL_HEIGHT + 46;
	double		legend = second + PANEL_HEIGHT + 50;
	Axis		epochs = {.low = p->epoch[0].epoch,.high = p->epoch[p->n - 1].epoch,.label = "epoch"};
	Panel		loss = {.title = "Loss",.left = LEFT,.top = top,.width = PANEL_WIDTH,.height = PANEL_HEIGHT};
	Panel		score = {.title = p->score_title,.left = LEFT,.top = second,.width = PANEL_WIDTH,.height = PANEL_HEIGHT};
	LegendEntry entry[5];
	char		notes[5][48];
	int			entries = 0;
	int			best = -1;

	LEARN_TRY(learn_poll(env));
	epochs.low -= 0.5;
	epochs.high += 0.5;
	loss.x = score.x = epochs;
	loss.x.label = NULL;
	loss.y = score.y = (Axis) {.low = INFINITY,.high = -INFINITY};
	loss.y.label = "loss";
	score.y.label = p->score;
	for (int i = 0; i < p->n; i++)
	{
		widen(&loss.y, p->epoch[i].loss);
		widen(&score.y, p->epoch[i].score);
		if (isfinite(p->epoch[i].score) && (best < 0 || p->epoch[i].score > p->epoch[best].score))
			best = i;
	}
	widen(&score.y, p->without_learning);
	widen(&score.y, p->whitened);
	widen(&score.y, p->learned);
	add_room(&loss.y);
	add_room(&score.y);

	entry[entries++] = (LegendEntry) {LEGEND_LINE, 0, "loss, mean of the epoch", NULL};
	if (best >= 0)
	{
		snprintf(notes[entries], sizeof(notes[0]), "best %.4g after epoch %d", p->epoch[best].score, p->epoch[best].epoch);
		entry[entries] = (LegendEntry) {LEGEND_LINE, 4, p->score, notes[entries]};
		entries++;
	}
	if (isfinite(p->learned))
	{
		snprintf(notes[entries], sizeof(notes[0]), "%.4g", p->learned);
		entry[entries] = (LegendEntry) {LEGEND_DASHED, 4, "learned, as reported", notes[entries]};
		entries++;
	}
	if (isfinite(p->without_learning))
	{
		snprintf(notes[entries], sizeof(notes[0]), "%.4g", p->without_learning);
		entry[entries] = (LegendEntry) {LEGEND_DASHED, -1, "without learning", notes[entries]};
		entries++;
	}
	if (isfinite(p->whitened))
	{
		snprintf(notes[entries], sizeof(notes[0]), "%.4g", p->whitened);
		entry[entries] = (LegendEntry) {LEGEND_DASHED, 6, "whitened", notes[entries]};
		entries++;
	}
	figure_begin(svg, &(Figure) {text->theme, "curve", text->title, text->subtitle, text->note, width,
				 legend + entries * LEGEND_LINE_HEIGHT + 8 + (text->note ? FIGURE_BOTTOM - 8 : 0)});
	svg_put(svg, "<g class=\"panel\">");
	panel_draw(svg, &loss);
	draw_values(p, &loss, false, 0, svg);
	svg_put(svg, "</g><g class=\"panel\">");
	panel_draw(svg, &score);
	draw_level(&score, p->without_learning, "lx", svg);
	draw_level(&score, p->whitened, "l6", svg);
	draw_level(&score, p->learned, "l4", svg);
	draw_values(p, &score, true, 4, svg);
	if (best >= 0)
	{
		svg_put(svg, "<circle class=\"strong best\" r=\"6\" cx=\"");
		svg_number(svg, panel_x(&score, p->epoch[best].epoch));
		svg_put(svg, "\" cy=\"");
		svg_number(svg, panel_y(&score, p->epoch[best].score));
		svg_put(svg, "\"><title>best score</title></circle>");
	}
	else
		figure_text(svg, LEFT + PANEL_WIDTH / 2, second + PANEL_HEIGHT / 2, FIGURE_TEXT, TEXT_MIDDLE, "muted",
					"no score was measured after an epoch", PANEL_WIDTH);
	svg_put(svg, "</g>\n");
	legend_draw(svg, LEFT, legend, PANEL_WIDTH, NULL, entry, entries);
	figure_end(svg);
	return LEARN_OK;
}
