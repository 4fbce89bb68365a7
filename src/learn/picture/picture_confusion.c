/*
 * picture_confusion.c
 *	  The matrix of classes: what rows are, and what their neighbours vote for.
 *
 * With more classes than fit, those with the most errors have a line each, and the others share
 * the last one.
 */
#include "picture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Which line of the matrix a class has. */
typedef struct Lines
{
	int			n;
	int		   *line;			/* n_classes */
	char	  **label;			/* n */
	char		others[48];
} Lines;

static LearnStatus
choose_lines(LearnEnv *env, const ConfusionPicture *p, Lines *lines)
{
	int32_t    *order;
	int64_t    *rows;
	int64_t    *errors;
	bool	   *chosen;
	int			used = 0;
	int			own;

	LEARN_ALLOC(env, lines->line, p->n_classes);
	LEARN_ALLOC(env, lines->label, PICTURE_CONFUSION);
	LEARN_ALLOC(env, order, p->n_classes);
	LEARN_ALLOC(env, rows, p->n_classes);
	LEARN_ALLOC(env, errors, p->n_classes);
	LEARN_ALLOC(env, chosen, p->n_classes);
	for (int c = 0; c < p->n_classes; c++)
	{
		rows[c] = errors[c] = 0;
		chosen[c] = false;
		lines->line[c] = -1;
	}
	for (int64_t i = 0; i < p->n; i++)
	{
		rows[p->is[i]]++;
		if (p->voted[i] < 0)
			continue;
		rows[p->voted[i]]++;
		if (p->voted[i] != p->is[i])
		{
			errors[p->is[i]]++;
			errors[p->voted[i]]++;
		}
	}
	for (int c = 0; c < p->n_classes; c++)
		used += rows[c] > 0;
	picture_sort_labels(p->label, p->n_classes, order);
	own = used <= PICTURE_CONFUSION ? used : PICTURE_CONFUSION - 1;
	for (int i = 0; i < own; i++)
	{
		int			most = -1;

		LEARN_TRY(learn_poll(env));
		for (int j = 0; j < p->n_classes; j++)
		{
			int			c = order[j];

			if (rows[c] > 0 && !chosen[c] && (most < 0 || errors[c] > errors[most]))
				most = c;
		}
		chosen[most] = true;
	}
	lines->n = 0;
	for (int j = 0; j < p->n_classes; j++)
		if (chosen[order[j]])
		{
			lines->label[lines->n] = p->label[order[j]];
			lines->line[order[j]] = lines->n++;
		}
	if (own < used)
	{
		snprintf(lines->others, sizeof(lines->others), "%d other classes", used - own);
		lines->label[lines->n] = lines->others;
		for (int c = 0; c < p->n_classes; c++)
			if (!chosen[c])
				lines->line[c] = lines->n;
		lines->n++;
	}
	return LEARN_OK;
}

/* A cell of the matrix: its opacity is its share of the line, its number the count. */
static void
draw_cell(Svg *svg, double x, double y, double size, int64_t count, double share, bool right, const char *title)
{
	char		number[32];
	double		opacity = count > 0 ? 0.06 + 0.94 * share : 0;

	svg_put(svg, "<rect class=\"heat\" x=\"");
	svg_number(svg, x + 0.5);
	svg_put(svg, "\" y=\"");
	svg_number(svg, y + 0.5);
	svg_put(svg, "\" width=\"");
	svg_number(svg, size - 1);
	svg_put(svg, "\" height=\"");
	svg_number(svg, size - 1);
	svg_format(svg, "\" fill-opacity=\"%.2f\"><title>", opacity);
	svg_text(svg, title);
	svg_put(svg, "</title></rect>");
	snprintf(number, sizeof(number), "%lld", (long long) count);
	if (svg_text_width(number, 10) <= size - 2)
		figure_text(svg, x + size / 2, y + size / 2 + 4, size >= 28 ? FIGURE_SMALL : 9, TEXT_MIDDLE,
					opacity > 0.5 ? (right ? "on b" : "on") : right ? "b" : "", number, 0);
}

LearnStatus
picture_confusion(LearnEnv *env, const PictureText *text, const ConfusionPicture *p, Svg *svg)
{
	Lines		lines = {0};
	int64_t    *count;
	int64_t		right = 0;
	int64_t		lonely = 0;
	double		size;
	double		room = 0;		/* of the labels at the left */
	double		left;
	double		top;
	double		side;
	double		width;
	double		height;
	double		tall;
	char		line[192];

	LEARN_TRY(choose_lines(env, p, &lines));
	LEARN_ALLOC(env, count, lines.n * lines.n + 1);
	memset(count, 0, sizeof(int64_t) * (size_t) (lines.n * lines.n));
	for (int64_t i = 0; i < p->n; i++)
	{
		if (p->voted[i] < 0)
		{
			lonely++;
			continue;
		}
		count[lines.line[p->is[i]] * lines.n + lines.line[p->voted[i]]]++;
		right += p->voted[i] == p->is[i];
	}
	size = lines.n <= 6 ? 56 : lines.n <= 12 ? 42 : lines.n <= 20 ? 30 : 23;
	for (int c = 0; c < lines.n; c++)
		room = fmax(room, svg_text_width(lines.label[c], FIGURE_TEXT));
	room = fmin(fmax(room, 24), 150);
	side = size * lines.n;
	left = FIGURE_MARGIN + 22 + room + 10;
	/* labels above: slanted if they are wide */
	tall = lines.n > 0 && room > size - 4 ? fmin(room * 0.72 + 14, 124) : 20;
	top = FIGURE_TOP + 14 + tall;
	width = left + side + 74 + FIGURE_MARGIN + (tall > 20 ? 36 : 0);
	width = width < 460 ? 460 : width;
	height = top + side + 54 + (text->note ? FIGURE_BOTTOM - 10 : 0);

	figure_begin(svg, &(Figure) {text->theme, "confusion", text->title, text->subtitle, text->note, width, height});
	figure_text(svg, left, FIGURE_TOP + 8, FIGURE_TEXT, TEXT_START, "", "class that the neighbours vote for", 0);
	svg_put(svg, "<g transform=\"translate(");
	svg_number(svg, FIGURE_MARGIN + 8);
	svg_put(svg, " ");
	svg_number(svg, top + side);
	svg_put(svg, ") rotate(-90)\">");
	figure_text(svg, 0, 0, FIGURE_TEXT, TEXT_START, "", "class of the row", 0);
	svg_put(svg, "</g>");
	if (tall <= 20)
		figure_text(svg, left + side + 12, top - 8, FIGURE_SMALL, TEXT_START, "muted", "right", 0);
	svg_put(svg, "<g class=\"matrix\">\n");
	for (int r = 0; r < lines.n; r++)
	{
		double		y = top + r * size;
		int64_t		all = 0;

		LEARN_TRY(learn_poll(env));
		for (int c = 0; c < lines.n; c++)
			all += count[r * lines.n + c];
		figure_text(svg, left - 8, y + size / 2 + 4, FIGURE_TEXT, TEXT_END, "", lines.label[r], room);
		if (tall > 20)
		{
			svg_put(svg, "<g transform=\"translate(");
			svg_number(svg, left + (r + 0.5) * size + 4);
			svg_put(svg, " ");
			svg_number(svg, top - 7);
			svg_put(svg, ") rotate(-45)\">");
			figure_text(svg, 0, 0, FIGURE_SMALL, TEXT_START, "", lines.label[r], room);
			svg_put(svg, "</g>");
		}
		else
			figure_text(svg, left + (r + 0.5) * size, top - 8, FIGURE_SMALL, TEXT_MIDDLE, "", lines.label[r], size - 2);
		for (int c = 0; c < lines.n; c++)
		{
			int64_t		cell = count[r * lines.n + c];

			if (cell == 0)
				continue;
			snprintf(line, sizeof(line), "%lld rows", (long long) cell);
			draw_cell(svg, left + c * size, y, size, cell, (double) cell / all, r == c, line);
		}
		/* among the others of the last line, not all of the diagonal is right */
		if (all > 0 && (lines.others[0] == '\0' || r + 1 < lines.n))
		{
			snprintf(line, sizeof(line), "%.1f%%", 100.0 * count[r * lines.n + r] / all);
			figure_text(svg, left + side + 12, y + size / 2 + 4, FIGURE_SMALL, TEXT_START, "muted", line, 0);
		}
		svg_put(svg, "\n");
	}
	svg_put(svg, "</g><rect class=\"axis\" x=\"");
	svg_number(svg, left);
	svg_put(svg, "\" y=\"");
	svg_number(svg, top);
	svg_format(svg, "\" width=\"%.0f\" height=\"%.0f\"/>\n", side, side);
	snprintf(line, sizeof(line), "%lld of %lld rows are right: %.2f%%.", (long long) right, (long long) (p->n - lonely),
			 p->n > lonely ? 100.0 * right / (p->n - lonely) : 0);
	figure_text(svg, left, top + side + 24, FIGURE_TEXT, TEXT_START, "b", line, 0);
	figure_text(svg, left, top + side + 41, FIGURE_SMALL, TEXT_START, "muted", "Numbers are rows. The colour of a cell is the stronger, the larger its share of its line.",
				width - left - 8);
	figure_end(svg);
	return LEARN_OK;
}
