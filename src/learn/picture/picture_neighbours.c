/*
 * picture_neighbours.c
 *	  Rows and their nearest rows, as pictures or by their labels, right and wrong ones marked.
 *
 * Right and wrong differ by form and not by colour alone: a wrong neighbour has a cross, and its
 * label is written below it.
 */
#include "picture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "png.h"

#define GAP		26.0			/* between spaces */

typedef struct Layout
{
	double		tile;
	double		image_height;
	double		line;			/* height of a line */
	double		label;			/* width of the labels of what is asked about */
} Layout;

static void
draw_image(Svg *svg, const NeighbourPicture *p, const NeighbourCell *cell, double x, double y, double w, double h)
{
	svg_put(svg, "<image class=\"pixel\" preserveAspectRatio=\"none\"");
	svg_attribute(svg, "x", x);
	svg_attribute(svg, "y", y);
	svg_attribute(svg, "width", w);
	svg_attribute(svg, "height", h);
	svg_put(svg, " href=\"");
	png_data_uri(svg, cell->pixel, p->image_width, p->image_height);
	svg_put(svg, "\"/>");
}

static void
draw_found(Svg *svg, const NeighbourPicture *p, const Layout *l, const NeighbourCell *cell, int32_t asked, double x, double y)
{
	bool		right = cell->class == asked;
	char		number[32];

	svg_format(svg, "<g class=\"%s\"><title>", right ? "is-right" : "is-wrong");
	svg_text(svg, p->label[cell->class]);
	snprintf(number, sizeof(number), ", distance %.4g", cell->distance);
	svg_text(svg, number);
	svg_put(svg, "</title>");
	if (p->image_width > 0)
		draw_image(svg, p, cell, x + 2, y + 2, l->tile - 4, l->image_height - 4);
	svg_format(svg, "<rect class=\"%s\" rx=\"2\"", right ? "right l0" : "wrong");
	svg_attribute(svg, "x", x + 1);
	svg_attribute(svg, "y", y + 1);
	svg_attribute(svg, "width", l->tile - 2);
	svg_attribute(svg, "height", l->image_height - 2);
	svg_put(svg, "/>");
	if (p->image_width == 0)
		figure_text(svg, x + l->tile / 2 - (right ? 0 : 6), y + l->image_height / 2 + 4, FIGURE_SMALL, TEXT_MIDDLE, right ? "" : "bad b",
					p->label[cell->class], l->tile - (right ? 14 : 32));
	if (!right)
	{
		svg_put(svg, "<path class=\"wrong\" d=\"M");
		svg_number(svg, x + l->tile - 11);
		svg_put(svg, " ");
		svg_number(svg, y + 4);
		svg_put(svg, "l7 7m0 -7l-7 7\"/>");
		if (p->image_width > 0)
			figure_text(svg, x + l->tile / 2, y + l->image_height + 10, 9.5, TEXT_MIDDLE, "bad", p->label[cell->class], l->tile + 2);
	}
	if (p->image_width == 0)
	{
		snprintf(number, sizeof(number), "%.3g", cell->distance);
		figure_text(svg, x + l->tile / 2, y + l->image_height + 11, 9.5, TEXT_MIDDLE, "muted", number, 0);
	}
	svg_put(svg, "</g>\n");
}

LearnStatus
picture_neighbours(LearnEnv *env, const PictureText *text, const NeighbourPicture *p, Svg *svg)
{
	Layout		l = {.tile = p->image_width > 0 ? 46 : 88};
	double		begin[2];
	double		top = FIGURE_TOP + 28;
	double		width;
	double		height;
	int			right[2] = {0};
	int			shown[2] = {0};

	l.image_height = p->image_width > 0 ? fmin(fmax(l.tile * p->image_height / p->image_width, 12), 120) : 26;
	l.line = l.image_height + 15;
	for (int r = 0; r < p->rows; r++)
		l.label = fmax(l.label, svg_text_width(p->label[p->asked[r].class], FIGURE_TEXT));
	l.label = fmin(fmax(l.label, p->image_width > 0 ? 40 : 80), 140);
	width = FIGURE_MARGIN + l.label + 10 + (p->image_width > 0 ? l.tile : 0);
	for (int s = 0; s < p->n_panels; s++)
	{
		begin[s] = width + GAP;
		width = begin[s] + p->k * (l.tile + 3);
		for (int i = 0; i < p->rows * p->k; i++)
			if (p->found[s][i].class >= 0)
			{
				shown[s]++;
				right[s] += p->found[s][i].class == p->asked[i / p->k].class;
			}
	}
	width += FIGURE_MARGIN;
	width = width < 560 ? 560 : width;
	height = top + p->rows * l.line + 34 + (text->note ? FIGURE_BOTTOM - 12 : 0);
	figure_begin(svg, &(Figure) {text->theme, "neighbours", text->title, text->subtitle, text->note, width, height});
	figure_text(svg, FIGURE_MARGIN, top - 10, FIGURE_TEXT, TEXT_START, "b", "asked about", 0);
	for (int s = 0; s < p->n_panels; s++)
	{
		char		head[96];

		snprintf(head, sizeof(head), "nearest, %s: %d of %d right", p->name[s], right[s], shown[s]);
		figure_text(svg, begin[s], top - 10, FIGURE_TEXT, TEXT_START, "b", head, fmax(p->k * (l.tile + 3), 200));
	}
	for (int r = 0; r < p->rows; r++)
	{
		double		y = top + r * l.line;
		const NeighbourCell *asked = &p->asked[r];

		LEARN_TRY(learn_poll(env));
		svg_put(svg, "<g class=\"question\">");
		figure_text(svg, FIGURE_MARGIN, y + l.image_height / 2 + 4, FIGURE_TEXT, TEXT_START, "", p->label[asked->class], l.label);
		if (p->image_width > 0)
			draw_image(svg, p, asked, FIGURE_MARGIN + l.label + 10, y, l.tile, l.image_height);
		for (int s = 0; s < p->n_panels; s++)
			for (int i = 0; i < p->k; i++)
				if (p->found[s][r * p->k + i].class >= 0)
					draw_found(svg, p, &l, &p->found[s][r * p->k + i], asked->class, begin[s] + i * (l.tile + 3), y);
		svg_put(svg, "</g>\n");
	}
	figure_text(svg, FIGURE_MARGIN, top + p->rows * l.line + 18, FIGURE_SMALL, TEXT_START, "muted",
				"Nearest first. A blue frame: of the same class. A red frame with a cross: of another class, which is named.", width - 2 * FIGURE_MARGIN);
	figure_end(svg);
	return LEARN_OK;
}
