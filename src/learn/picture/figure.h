/*
 * figure.h
 *	  What all pictures share: the frame with title and colours, panels with axes, marks, and the
 *	  legend.
 *
 * Coordinates are pixels, from the upper left corner. Text that is handed over is UTF-8 and may be
 * a user's. Colours are classes of a style sheet within the picture: c0 ... c9 fill, l0 ... l9 draw
 * lines. The ten colours are those of Petroff 2021 (arXiv 2107.02270), which readers with
 * colour-blindness can tell apart; on a dark background some of them are lighter.
 */
#ifndef FIGURE_H
#define FIGURE_H

#include "svg.h"

typedef enum FigureTheme
{
	FIGURE_LIGHT,
	FIGURE_DARK,
	FIGURE_AUTO					/* as the reader's system prefers */
} FigureTheme;

typedef struct Figure
{
	FigureTheme theme;
	const char *kind;			/* "space", ...: the class dml-space of the svg element */
	const char *title;
	const char *subtitle;		/* NULL: none */
	const char *note;			/* at the bottom; NULL: none */
	double		width;
	double		height;
} Figure;

/* Sizes of text. */
#define FIGURE_TITLE	17.0
#define FIGURE_TEXT		12.0
#define FIGURE_SMALL	11.0

/* Where the contents of a figure begin and end. */
#define FIGURE_TOP		64.0	/* below title and subtitle */
#define FIGURE_MARGIN	20.0
#define FIGURE_BOTTOM	34.0	/* for the note */

/* The colours and markers that classes of a picture can have. */
#define FIGURE_COLOURS	10
#define FIGURE_STYLES	30

/* The style sheet, the svg element up to the note. */
extern void figure_style(Svg *svg, FigureTheme theme);
extern void figure_begin(Svg *svg, const Figure *figure);
extern void figure_end(Svg *svg);

/* ---------- text ---------- */

typedef enum TextAnchor
{
	TEXT_START,
	TEXT_MIDDLE,
	TEXT_END
} TextAnchor;

/*
 * A line of text at a baseline, cut to a width (0: not cut). class: style classes or ""; that of
 * bold text, b, comes first.
 */
extern void figure_text(Svg *svg, double x, double y, double size, TextAnchor anchor, const char *class, const char *text,
						double width);

/* ---------- panels ---------- */

typedef struct Axis
{
	double		low;
	double		high;
	bool		log;			/* powers of ten */
	bool		bare;			/* no numbers: distances mean something, coordinates do not */
	double		percent;		/* 100: numbers are shares, shown as percentages; else 0 */
	const char *label;
} Axis;

typedef struct Panel
{
	const char *title;			/* NULL: none */
	double		left;			/* the area of the data */
	double		top;
	double		width;
	double		height;
	Axis		x;
	Axis		y;
} Panel;

/* An axis with room around the finite ones of n values, every stride-th of x. */
extern Axis axis_around(const float *x, int64_t n, int stride, const char *label);

/* Its ticks: at most most multiples of a round step, all within the axis. Returns how many. */
extern int	axis_ticks(const Axis *axis, int most, double *tick);

/* A number as an axis writes it. */
extern void axis_number(const Axis *axis, double value, double step, char *text, size_t size);

/* Background, grid, ticks, labels, title. */
extern void panel_draw(Svg *svg, const Panel *panel);
extern double panel_x(const Panel *panel, double value);
extern double panel_y(const Panel *panel, double value);

/* ---------- marks and legend ---------- */

/* A mark of a style (colour and form); -1: grey, for what has no class. r: its radius. */
extern void mark_draw(Svg *svg, int style, double x, double y, double r);

/* The class of the style sheet that a mark of this style has. */
extern const char *mark_class(int style);

typedef enum LegendForm
{
	LEGEND_MARK,
	LEGEND_LINE,
	LEGEND_DASHED,
	LEGEND_AREA
} LegendForm;

typedef struct LegendEntry
{
	LegendForm	form;
	int			style;
	const char *label;
	const char *note;			/* behind the label, in grey; NULL: none */
} LegendEntry;

#define LEGEND_LINE_HEIGHT	19.0

/* Draws it below its upper left corner; labels are cut at the width. */
extern void legend_draw(Svg *svg, double left, double top, double width, const char *title, const LegendEntry *entry, int n);

#endif							/* FIGURE_H */
