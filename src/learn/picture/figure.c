/*
 * figure.c
 *	  Frame, colours, panels, axes and legend of pictures.
 */
#include "figure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---------- colours ---------- */

typedef struct Colours
{
	const char *background;
	const char *ink;
	const char *muted;
	const char *grid;
	const char *axis;
	const char *other;			/* of what has no class */
	const char *heat;			/* of cells, with the opacity that says how much */
	const char *wrong;
	const char *series[FIGURE_COLOURS];
} Colours;

static const Colours light = {"#ffffff", "#1f2328", "#57606a", "#e7eaee", "#8c959f", "#b4bac2", "#08519c", "#bd1f01",
{"#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"}};
static const Colours dark = {"#15181c", "#e6e9ed", "#a3acb6", "#2b3138", "#6b7580", "#59636e", "#4da3ea", "#ff7a5c",
{"#4da3ea", "#ffb733", "#f0654a", "#a9b8b6", "#c07be8", "#cf9483", "#ff8a3a", "#d6ca8d", "#9aa0ac", "#a5e6e9"}};

static void
put_colours(Svg *svg, const Colours *c)
{
	svg_format(svg, ".dml-plot .bg{fill:%s}.dml-plot .halo{stroke:%s}.dml-plot text{fill:%s}",
			   c->background, c->background, c->ink);
	svg_format(svg, ".dml-plot .muted{fill:%s}.dml-plot .grid{stroke:%s}.dml-plot .axis,.dml-plot .mark{stroke:%s}",
			   c->muted, c->grid, c->axis);
	svg_format(svg, ".dml-plot .cx{fill:%s}.dml-plot .lx{stroke:%s}.dml-plot .heat{fill:%s}.dml-plot .strong{stroke:%s}",
			   c->other, c->axis, c->heat, c->ink);
	svg_format(svg, ".dml-plot .wrong{stroke:%s}.dml-plot text.bad{fill:%s}", c->wrong, c->wrong);
	for (int i = 0; i < FIGURE_COLOURS; i++)
		svg_format(svg, ".dml-plot .c%d{fill:%s}.dml-plot .l%d{stroke:%s}", i, c->series[i], i, c->series[i]);
}

void
figure_style(Svg *svg, FigureTheme theme)
{
	svg_put(svg, "<style>.dml-plot text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}"
			".dml-plot .line{fill:none;stroke-width:2;stroke-linejoin:round}.dml-plot .dash{stroke-dasharray:5 4}"
			".dml-plot .grid,.dml-plot .axis{fill:none;stroke-width:1}.dml-plot .b{font-weight:600}"
			".dml-plot .strong{fill:none;stroke-width:1.5}.dml-plot .halo{stroke-width:3.5;stroke-linejoin:round;paint-order:stroke}"
			".dml-plot .wrong,.dml-plot .right{fill:none;stroke-width:2.5}.dml-plot .area{fill-opacity:.3}"
			".dml-plot .pts{fill-opacity:.75}.dml-plot .on{fill:#fff}.dml-plot .pixel{image-rendering:pixelated}");
	put_colours(svg, theme == FIGURE_DARK ? &dark : &light);
	if (theme == FIGURE_AUTO)
	{
		svg_put(svg, "@media (prefers-color-scheme:dark){");
		put_colours(svg, &dark);
		svg_put(svg, "}");
	}
	svg_put(svg, ".dml-plot text.on{fill:#fff}</style>");
}

void
figure_begin(Svg *svg, const Figure *f)
{
	svg_format(svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"dml-plot dml-%s\" role=\"img\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">",
			   f->kind, f->width, f->height, f->width, f->height);
	svg_put(svg, "<title>");
	svg_text(svg, f->title);
	svg_put(svg, "</title>");
	if (f->subtitle)
	{
		svg_put(svg, "<desc>");
		svg_text(svg, f->subtitle);
		svg_put(svg, "</desc>");
	}
	figure_style(svg, f->theme);
	svg_format(svg, "<rect class=\"bg\" width=\"%.0f\" height=\"%.0f\"/>\n", f->width, f->height);
	figure_text(svg, FIGURE_MARGIN, 28, FIGURE_TITLE, TEXT_START, "b title", f->title, f->width - 2 * FIGURE_MARGIN);
	if (f->subtitle)
		figure_text(svg, FIGURE_MARGIN, 47, FIGURE_TEXT, TEXT_START, "muted", f->subtitle, f->width - 2 * FIGURE_MARGIN);
	if (f->note)
		figure_text(svg, FIGURE_MARGIN, f->height - 13, FIGURE_SMALL, TEXT_START, "muted", f->note, f->width - 2 * FIGURE_MARGIN);
}

void
figure_end(Svg *svg)
{
	svg_put(svg, "</svg>");
}

/* ---------- text ---------- */

void
figure_text(Svg *svg, double x, double y, double size, TextAnchor anchor, const char *class, const char *text, double width)
{
	svg_put(svg, "<text");
	svg_attribute(svg, "x", x);
	svg_attribute(svg, "y", y);
	svg_attribute(svg, "font-size", size);
	if (anchor != TEXT_START)
		svg_format(svg, " text-anchor=\"%s\"", anchor == TEXT_MIDDLE ? "middle" : "end");
	if (class[0])
		svg_format(svg, " class=\"%s\"", class);
	svg_put(svg, ">");
	if (width > 0)				/* bold text is wider */
		svg_text_within(svg, text, size, class[0] == 'b' && (class[1] == ' ' || class[1] == '\0') ? width / 1.1 : width);
	else
		svg_text(svg, text);
	svg_put(svg, "</text>\n");
}

/* ---------- axes ---------- */

Axis
axis_around(const float *x, int64_t n, int stride, const char *label)
{
	double		low = INFINITY;
	double		high = -INFINITY;
	double		room;

	for (int64_t i = 0; i < n; i++)
	{
		double		value = x[i * stride];

		if (!isfinite(value))
			continue;
		low = value < low ? value : low;
		high = value > high ? value : high;
	}
	if (!(low <= high))
		low = high = 0;
	room = (high - low) * 0.04;
	if (!(room > 1e-9 * (fabs(low) + fabs(high))))
		room = 0.5 * (fabs(low) + fabs(high)) + (low == 0 && high == 0);
	return (Axis) {.low = low - room,.high = high + room,.label = label};
}

/* The round step (1, 2 or 5 times a power of ten) that makes at most most steps of a range. */
static double
round_step(double range, int most)
{
	double		power = pow(10, floor(log10(range / most)));
	double		ratio = range / most / power;

	return power * (ratio <= 1 ? 1 : ratio <= 2 ? 2 : ratio <= 5 ? 5 : 10);
}

int
axis_ticks(const Axis *axis, int most, double *tick)
{
	int			n = 0;
	double		step;
	double		first;

	if (axis->log)
	{
		for (double e = ceil(log10(axis->low) - 1e-9); e <= log10(axis->high) + 1e-9 && n < most; e++)
			tick[n++] = pow(10, e);
		return n;
	}
	if (!(axis->high > axis->low) || !isfinite(axis->high - axis->low))
		return 0;
	step = round_step(axis->high - axis->low, most - 1);
	first = ceil(axis->low / step - 1e-9);
	for (int i = 0; i < most; i++)
		if ((first + i) * step <= axis->high + 1e-9 * step)
			tick[n++] = (first + i) * step;
	return n;
}

void
axis_number(const Axis *axis, double value, double step, char *text, size_t size)
{
	double		factor = axis->percent > 0 ? axis->percent : 1;
	const char *unit = axis->percent > 0 ? "%" : "";
	int			digits = (int) ceil(-log10(step * factor) - 1e-9);

	value *= factor;
	if (fabs(value) < 1e-9 * step * factor)
		value = 0;
	if (axis->log)
		snprintf(text, size, "%g%s", value, unit);
	else if (digits > 6 || fabs(value) >= 1e6)
		snprintf(text, size, "%.3g%s", value, unit);
	else
		snprintf(text, size, "%.*f%s", digits > 0 ? digits : 0, value, unit);
}

static double
axis_share(const Axis *axis, double value)
{
	if (axis->log)
		return log10(value / axis->low) / log10(axis->high / axis->low);
	return (value - axis->low) / (axis->high - axis->low);
}

double
panel_x(const Panel *p, double value)
{
	return p->left + p->width * axis_share(&p->x, value);
}

double
panel_y(const Panel *p, double value)
{
	return p->top + p->height * (1 - axis_share(&p->y, value));
}

#define MOST_TICKS	9

static void
draw_grid_line(Svg *svg, const char *class, double x1, double y1, double x2, double y2)
{
	svg_format(svg, "<path class=\"%s\" d=\"M", class);
	svg_number(svg, x1);
	svg_put(svg, " ");
	svg_number(svg, y1);
	svg_put(svg, "L");
	svg_number(svg, x2);
	svg_put(svg, " ");
	svg_number(svg, y2);
	svg_put(svg, "\"/>");
}

void
panel_draw(Svg *svg, const Panel *p)
{
	double		tick[MOST_TICKS];
	double		right = p->left + p->width;
	double		bottom = p->top + p->height;
	double		room = 8;		/* of the numbers of y */
	char		text[40];
	int			n;

	n = axis_ticks(&p->x, p->width < 260 ? 6 : MOST_TICKS, tick);
	for (int i = 0; i < n && !p->x.bare; i++)
	{
		double		x = panel_x(p, tick[i]);

		draw_grid_line(svg, "grid", x, p->top, x, bottom);
		axis_number(&p->x, tick[i], n > 1 ? fabs(tick[1] - tick[0]) : 1, text, sizeof(text));
		figure_text(svg, x, bottom + 16, FIGURE_SMALL, TEXT_MIDDLE, "muted", text, 0);
	}
	n = axis_ticks(&p->y, p->height < 160 ? 5 : MOST_TICKS, tick);
	for (int i = 0; i < n && !p->y.bare; i++)
	{
		double		y = panel_y(p, tick[i]);
		double		width;

		draw_grid_line(svg, "grid", p->left, y, right, y);
		axis_number(&p->y, tick[i], n > 1 ? fabs(tick[1] - tick[0]) : 1, text, sizeof(text));
		figure_text(svg, p->left - 7, y + 4, FIGURE_SMALL, TEXT_END, "muted", text, 0);
		width = svg_text_width(text, FIGURE_SMALL) + 7;
		room = width > room ? width : room;
	}
	svg_put(svg, "<rect class=\"axis\"");
	svg_attribute(svg, "x", p->left);
	svg_attribute(svg, "y", p->top);
	svg_attribute(svg, "width", p->width);
	svg_attribute(svg, "height", p->height);
	svg_put(svg, "/>\n");
	if (p->title)
		figure_text(svg, p->left, p->top - 9, 13, TEXT_START, "b", p->title, p->width);
	if (p->x.label)
		figure_text(svg, p->left + p->width / 2, bottom + (p->x.bare ? 18 : 34), FIGURE_TEXT, TEXT_MIDDLE, "", p->x.label, p->width);
	if (p->y.label)
	{
		svg_put(svg, "<g transform=\"translate(");
		svg_number(svg, p->left - room - 8);
		svg_put(svg, " ");
		svg_number(svg, p->top + p->height / 2);
		svg_put(svg, ") rotate(-90)\">");
		figure_text(svg, 0, 0, FIGURE_TEXT, TEXT_MIDDLE, "", p->y.label, p->height);
		svg_put(svg, "</g>");
	}
}

/* ---------- marks ---------- */

const char *
mark_class(int style)
{
	static const char *const classes[] = {"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9"};

	return style < 0 ? "cx" : classes[style % FIGURE_COLOURS];
}

void
mark_draw(Svg *svg, int style, double x, double y, double r)
{
	int			form = style < 0 ? 0 : style / FIGURE_COLOURS % 3;

	switch (form)
	{
		case 0:
			svg_put(svg, "<circle");
			svg_attribute(svg, "cx", x);
			svg_attribute(svg, "cy", y);
			svg_attribute(svg, "r", r);
			break;
		case 1:
			svg_put(svg, "<rect");
			svg_attribute(svg, "x", x - 0.9 * r);
			svg_attribute(svg, "y", y - 0.9 * r);
			svg_attribute(svg, "width", 1.8 * r);
			svg_attribute(svg, "height", 1.8 * r);
			break;
		default:
			svg_put(svg, "<path d=\"M");
			svg_number(svg, x);
			svg_put(svg, " ");
			svg_number(svg, y - 1.2 * r);
			svg_put(svg, "l");
			svg_number(svg, 1.1 * r);
			svg_put(svg, " ");
			svg_number(svg, 2 * r);
			svg_put(svg, "h");
			svg_number(svg, -2.2 * r);
			svg_put(svg, "z\"");
	}
	svg_put(svg, "/>");
}

void
legend_draw(Svg *svg, double left, double top, double width, const char *title, const LegendEntry *entry, int n)
{
	double		y = top;

	if (title)
	{
		figure_text(svg, left, y + 10, FIGURE_TEXT, TEXT_START, "b", title, width);
		y += LEGEND_LINE_HEIGHT;
	}
	svg_put(svg, "<g class=\"legend\">");
	for (int i = 0; i < n; i++, y += LEGEND_LINE_HEIGHT)
	{
		double		middle = y + 6;
		double		note = entry[i].note ? svg_text_width(entry[i].note, FIGURE_SMALL) + 6 : 0;
		double		label = svg_text_width(entry[i].label, FIGURE_TEXT);
		double		room = width - 22 - note;

		switch (entry[i].form)
		{
			case LEGEND_MARK:
				svg_format(svg, "<g class=\"%s\">", mark_class(entry[i].style));
				mark_draw(svg, entry[i].style, left + 7, middle, 5);
				svg_put(svg, "</g>");
				break;
			case LEGEND_LINE:
			case LEGEND_DASHED:
				svg_put(svg, "<path class=\"line ");
				if (entry[i].style < 0)
					svg_put(svg, "lx");
				else
					svg_format(svg, "l%d", entry[i].style % FIGURE_COLOURS);
				svg_put(svg, entry[i].form == LEGEND_DASHED ? " dash\" d=\"M" : "\" d=\"M");
				svg_number(svg, left);
				svg_put(svg, " ");
				svg_number(svg, middle);
				svg_put(svg, "h16\"/>");
				break;
			case LEGEND_AREA:
				svg_format(svg, "<rect class=\"%s\" x=\"", mark_class(entry[i].style));
				svg_number(svg, left);
				svg_put(svg, "\" y=\"");
				svg_number(svg, middle - 6);
				svg_put(svg, "\" width=\"14\" height=\"12\" rx=\"2\"/>");
		}
		figure_text(svg, left + 22, y + 10, FIGURE_TEXT, TEXT_START, "", entry[i].label, room);
		if (entry[i].note)
			figure_text(svg, left + 22 + (label < room ? label : room) + 6, y + 10, FIGURE_SMALL, TEXT_START, "muted", entry[i].note, 0);
	}
	svg_put(svg, "</g>\n");
}
