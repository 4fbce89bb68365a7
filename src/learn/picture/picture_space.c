/*
 * picture_space.c
 *	  Rows as marks in the plane, coloured by class or by cluster.
 *
 * The largest classes have styles of their own, in the order of their labels; the others are grey.
 * If there are few classes, their names stand in the panels, too: readers who cannot tell the
 * colours apart need no legend.
 */
#include "picture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NAMED_CLASSES	12		/* with names in the panels, at most */
#define LEGEND_NARROW	80.0	/* the legend is as wide as its text, between these two */
#define LEGEND_WIDE		190.0
#define GAP				58.0

typedef struct Styles
{
	int		   *style;			/* n_classes: -1: grey */
	int64_t    *count;			/* n_classes */
	int32_t    *shown;			/* classes with a style, in the order of their labels */
	int			n_shown;
	int			others;			/* classes without */
	int64_t		other_rows;
	int64_t		nameless;
} Styles;

static LearnStatus
choose_styles(LearnEnv *env, const SpacePicture *p, Styles *s)
{
	int32_t    *order;
	int64_t		least = 0;
	int			used = 0;
	int			at_least = 0;

	*s = (Styles) {0};
	LEARN_ALLOC(env, s->style, p->n_classes);
	LEARN_ALLOC(env, s->count, p->n_classes);
	LEARN_ALLOC(env, s->shown, p->n_classes);
	LEARN_ALLOC(env, order, p->n_classes);
	memset(s->count, 0, sizeof(int64_t) * (size_t) p->n_classes);
	for (int64_t i = 0; i < p->n; i++)
	{
		if (p->class && p->class[i] >= 0)
			s->count[p->class[i]]++;
		else
			s->nameless++;
	}
	for (int c = 0; c < p->n_classes; c++)
		used += s->count[c] > 0;

	/* the least number of rows with which a class is among the largest, and how many have more */
	if (used > PICTURE_CLASSES)
		for (int64_t high = p->n; least < high;)
		{
			int64_t		middle = least + (high - least) / 2;
			int			more = 0;

			for (int c = 0; c < p->n_classes; c++)
				more += s->count[c] > middle;
			if (more >= PICTURE_CLASSES)
				least = middle + 1;
			else
				high = middle;
		}
	for (int c = 0; c < p->n_classes; c++)
		at_least += s->count[c] > least;
	picture_sort_labels(p->label, p->n_classes, order);
	for (int i = 0; i < p->n_classes; i++)
	{
		int			c = order[i];
		bool		show = s->count[c] > least;

		s->style[c] = -1;
		if (!show && s->count[c] == least && least > 0 && at_least < PICTURE_CLASSES)
		{
			at_least++;
			show = true;
		}
		if (show)
		{
			s->style[c] = s->n_shown;
			s->shown[s->n_shown++] = c;
		}
		else if (s->count[c] > 0)
		{
			s->others++;
			s->other_rows += s->count[c];
		}
	}
	return LEARN_OK;
}

/*
 * Both axes in one scale, since distances in the plane are to be compared. Rows that are along a
 * line would be hard to see: the narrow axis has at least a third of the range of the other.
 */
static void
equal_scale(Panel *panel)
{
	double		x = (panel->x.high - panel->x.low) / panel->width;
	double		y = (panel->y.high - panel->y.low) / panel->height;
	Axis	   *narrow = x < y ? &panel->x : &panel->y;
	double		range = narrow->high - narrow->low;
	double		wide = x < y ? y * panel->width : x * panel->height;
	double		more = ((3 * range < wide ? wide / 3 : wide) - range) / 2;

	narrow->low -= more;
	narrow->high += more;
}

static bool
is_drawn(const SpacePanel *panel, int64_t i)
{
	return isfinite(panel->at[2 * i]) && isfinite(panel->at[2 * i + 1]);
}

/* The marks of one class, -1: of all that have no style of their own. */
static LearnStatus
draw_class(LearnEnv *env, const SpacePicture *p, const Styles *s, const SpacePanel *panel, const Panel *frame, int class, Svg *svg)
{
	double		r = p->n > 5000 ? 1.5 : p->n > 1200 ? 2.2 : 3;
	bool		any = false;

	for (int64_t i = 0; i < p->n; i++)
	{
		int			of = p->class ? p->class[i] : -1;

		if (i % 4096 == 0)
			LEARN_TRY(learn_poll(env));
		if (class >= 0 ? of != class : of >= 0 && s->style[of] >= 0)
			continue;
		if (!is_drawn(panel, i))
			continue;
		if (!any)
		{
			svg_format(svg, "<g class=\"pts %s\"><title>", class < 0 && p->legend == NULL ? "c0" : mark_class(class < 0 ? -1 : s->style[class]));
			svg_text(svg, class >= 0 ? p->label[class] : s->nameless > 0 ? p->nameless : p->many);
			svg_put(svg, "</title>\n");
			any = true;
		}
		mark_draw(svg, class < 0 ? -1 : s->style[class], panel_x(frame, panel->at[2 * i]), panel_y(frame, panel->at[2 * i + 1]), r);
	}
	if (any)
		svg_put(svg, "</g>\n");
	return LEARN_OK;
}

/* The median of one coordinate of a class. */
static LearnStatus
median_of_class(LearnEnv *env, const SpacePicture *p, const SpacePanel *panel, int class, int coordinate, double *median)
{
	ArenaMark	mark = arena_mark(env->arena);
	double	   *x;
	int64_t		n = 0;

	LEARN_ALLOC(env, x, p->n);
	for (int64_t i = 0; i < p->n; i++)
		if (p->class[i] == class && is_drawn(panel, i))
			x[n++] = panel->at[2 * i + coordinate];
	learn_sort_rising(x, n);
	*median = n > 0 ? x[n / 2] : NAN;
	arena_reset(env->arena, mark);
	return LEARN_OK;
}

typedef struct Box
{
	double		left;
	double		top;
	double		right;
	double		bottom;
} Box;

/*
 * Write the names of the classes into a panel, at the medians of their rows, unless they overlap.
 */
static LearnStatus
name_classes(LearnEnv *env, const SpacePicture *p, const Styles *s, const SpacePanel *panel, const Panel *frame, Svg *svg)
{
	Box			taken[NAMED_CLASSES];
	double		at[NAMED_CLASSES][2];
	int			n = 0;

	if (s->n_shown > NAMED_CLASSES || s->n_shown < 2)
		return LEARN_OK;
	for (int i = 0; i < s->n_shown; i++)
		for (int c = 0; c < 2; c++)
			LEARN_TRY(median_of_class(env, p, panel, s->shown[i], c, &at[i][c]));
	svg_put(svg, "<g class=\"names\">");
	for (int i = 0; i < s->n_shown; i++)
	{
		const char *label = p->label[s->shown[i]];
		double		width = svg_text_width(label, FIGURE_TEXT);
		double		x;
		double		y;
		bool		free_place = false;

		if (isnan(at[i][0]))
			continue;
		width = width < 120 ? width : 120;
		x = panel_x(frame, at[i][0]);
		x = fmin(fmax(x, frame->left + width / 2 + 3), frame->left + frame->width - width / 2 - 3);
		for (int try = 0; try < 5 && !free_place; try++)
		{
			Box			box;

			y = panel_y(frame, at[i][1]) + (try % 2 ? 1 : -1) * (try + 1) / 2 * 15.0;
			y = fmin(fmax(y, frame->top + 12), frame->top + frame->height - 6);
			box = (Box) {x - width / 2, y - 9, x + width / 2, y + 5};
			free_place = true;
			for (int j = 0; j < n; j++)
				free_place = free_place && (box.right < taken[j].left || box.left > taken[j].right || box.bottom < taken[j].top || box.top > taken[j].bottom);
			if (free_place)
				taken[n++] = box;
		}
		if (free_place)
			figure_text(svg, x, y + 4, FIGURE_TEXT, TEXT_MIDDLE, "b halo", label, width + 1);
	}
	svg_put(svg, "</g>\n");
	return LEARN_OK;
}

LearnStatus
picture_space(LearnEnv *env, const PictureText *text, const char *kind, const SpacePicture *p, Svg *svg)
{
	double		size = p->n_panels > 1 ? 380 : 470;
	double		left = FIGURE_MARGIN + 46;
	double		after = left + p->n_panels * size + (p->n_panels - 1) * GAP + 22;
	double		legend = LEGEND_NARROW;
	double		top = FIGURE_TOP + (p->panel[0].title ? 20 : 4);
	LegendEntry entry[PICTURE_CLASSES + 2];
	char		notes[PICTURE_CLASSES + 2][48];
	char		others[80];
	int			entries = 0;
	double		height;
	Styles		styles;

	LEARN_TRY(choose_styles(env, p, &styles));
	for (int i = 0; i < styles.n_shown; i++)
	{
		int			c = styles.shown[i];

		snprintf(notes[entries], sizeof(notes[0]), "%lld", (long long) styles.count[c]);
		entry[entries] = (LegendEntry) {LEGEND_MARK, i, p->label[c], p->notes ? p->notes[c] : p->sizes ? notes[entries] : NULL};
		entries++;
	}
	if (styles.others > 0)
	{
		snprintf(others, sizeof(others), "%d other %s", styles.others, p->many);
		snprintf(notes[entries], sizeof(notes[0]), "%lld", (long long) styles.other_rows);
		entry[entries] = (LegendEntry) {LEGEND_MARK, -1, others, p->sizes ? notes[entries] : NULL};
		entries++;
	}
	if (styles.nameless > 0)
	{
		snprintf(notes[entries], sizeof(notes[0]), "%lld", (long long) styles.nameless);
		entry[entries] = (LegendEntry) {LEGEND_MARK, -1, p->nameless, p->sizes ? notes[entries] : NULL};
		entries++;
	}
	for (int i = 0; i < entries; i++)
		legend = fmax(legend, 24 + svg_text_width(entry[i].label, FIGURE_TEXT) + (entry[i].note ? 6 + svg_text_width(entry[i].note, FIGURE_SMALL) : 0));
	legend = p->legend ? fmin(legend, LEGEND_WIDE) : 0;
	height = top + size + 44 + FIGURE_BOTTOM - (text->note ? 0 : 18);
	if (p->legend && top + (entries + 1) * LEGEND_LINE_HEIGHT + FIGURE_BOTTOM > height)
		height = top + (entries + 1) * LEGEND_LINE_HEIGHT + FIGURE_BOTTOM;

	figure_begin(svg, &(Figure) {text->theme, kind, text->title, text->subtitle, text->note,
				 after + legend + (p->legend ? FIGURE_MARGIN : 0), height});
	for (int i = 0; i < p->n_panels; i++)
	{
		const SpacePanel *panel = &p->panel[i];
		Panel		frame = {.title = panel->title,.left = left + i * (size + GAP),.top = top,.width = size,.height = size};

		frame.x = axis_around(panel->at, p->n, 2, panel->x);
		frame.y = axis_around(panel->at + 1, p->n, 2, panel->y);
		frame.x.bare = frame.y.bare = panel->bare;
		equal_scale(&frame);
		svg_put(svg, "<g class=\"panel\">");
		panel_draw(svg, &frame);
		LEARN_TRY(draw_class(env, p, &styles, panel, &frame, -1, svg));
		for (int c = 0; c < styles.n_shown; c++)
			LEARN_TRY(draw_class(env, p, &styles, panel, &frame, styles.shown[c], svg));
		LEARN_TRY(name_classes(env, p, &styles, panel, &frame, svg));
		svg_put(svg, "</g>\n");
	}
	if (p->legend)
		legend_draw(svg, after, top, legend, p->legend, entry, entries);
	figure_end(svg);
	return LEARN_OK;
}
