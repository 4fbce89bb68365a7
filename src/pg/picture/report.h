/*
 * report.h
 *	  The parts of the page of dml_report.
 */
#ifndef DML_REPORT_H
#define DML_REPORT_H

#include "compat.h"

#include "picture.h"

#define REPORT_MAX_ROWS	20000

typedef struct ReportCall
{
	PictureCall picture;		/* model, source, features, label, gallery, max_rows, seed, theme */
	const DmlVersion *version;
	char	   *intended_use;	/* NULL: not given */
	char	   *limitations;
} ReportCall;

/* ---------- report_page.c: markup ---------- */

extern void page_begin(Svg *page, const char *title, FigureTheme theme);
extern void page_end(Svg *page);
/* the caller writes "</section>" */
extern void page_section(Svg *page, const char *id, const char *title);

/* Text in the encoding of the database, escaped; a paragraph for each line that is not empty. */
extern void page_text(Svg *page, const char *text);
extern void page_paragraphs(Svg *page, const char *text);

/*
 * A paragraph of the program's own words, with text of users in it. class: "" or one of the style
 * sheet.
 */
extern void page_say(Svg *page, const char *class, const char *format,...) pg_attribute_printf(3, 4);

/* One line of a table of two columns. Nothing if value is NULL. */
extern void page_pair(Svg *page, const char *name, const char *value);

/* ---------- report_figures.c: what dml_evaluate says ---------- */

typedef struct ReportFigures
{
	bool		done;
	double		queries;
	double		gallery_rows;
	double		classes;
	double		recall[2];		/* recall@1 without learning, learned */
} ReportFigures;

/* The table of figures, and the classes with the lowest recall. */
extern void report_figures(const ReportCall *call, Svg *page, ReportFigures *figures);

#endif							/* DML_REPORT_H */
