/*
 * report_page.c
 *	  Markup of the page of dml_report: one XHTML document that loads nothing and runs nothing.
 *
 * The policy in its head makes browsers refuse scripts even if markup of a user got into the page.
 */
#include "compat.h"

#include "report.h"

#include <stdarg.h>

#include "lib/stringinfo.h"

static const char *const style =
"body{font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;margin:0 auto;max-width:1100px;padding:24px}"
"h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:34px 0 8px;padding-top:14px;border-top:1px solid}"
"h3{font-size:15px;margin:20px 0 6px}p{margin:6px 0;max-width:760px}"
"table{border-collapse:collapse;margin:10px 0;font-size:14px}td,th{padding:4px 14px 4px 0;text-align:left;vertical-align:top;border-bottom:1px solid}"
"td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}th{font-weight:600}td.k{white-space:nowrap}"
"td.v{overflow-wrap:anywhere;white-space:pre-wrap}.lead{font-size:16px}.box{padding:10px 14px;border-left:4px solid}"
".tiles{display:flex;flex-wrap:wrap;gap:14px;margin:18px 0}.tile{padding:12px 18px;border-radius:8px;min-width:130px}"
".tile b{display:block;font-size:24px;line-height:1.3}.tile span{font-size:13px}figure{margin:18px 0}"
"svg{max-width:100%;height:auto;border-radius:6px}ul{margin:6px 0;padding-left:22px;max-width:780px}li{margin:4px 0}"
"nav a{margin-right:14px;white-space:nowrap}@media print{h2{break-after:avoid}figure{break-inside:avoid}nav{display:none}}";

static const char *const light = "body{background:#fff;color:#1f2328}h2,td,th{border-color:#e1e5ea}.muted,.tile span,td.k{color:#57606a}"
".tile{background:#f3f5f8}.box{background:#f3f5f8;border-color:#3f90da}.warn{background:#fdf1ee;border-color:#bd1f01}a{color:#0a5cad}";
static const char *const dark = "body{background:#15181c;color:#e6e9ed}h2,td,th{border-color:#2b3138}.muted,.tile span,td.k{color:#a3acb6}"
".tile{background:#1e2329}.box{background:#1e2329;border-color:#4da3ea}.warn{background:#2d1d1a;border-color:#ff7a5c}a{color:#6cb6ff}";

void
page_begin(Svg *page, const char *title, FigureTheme theme)
{
	svg_put(page, "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\"><head><meta charset=\"utf-8\"/>"
			"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\"/>"
			"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/><title>");
	page_text(page, title);
	svg_put(page, "</title><style>");
	svg_put(page, style);
	svg_put(page, theme == FIGURE_DARK ? dark : light);
	if (theme == FIGURE_AUTO)
	{
		svg_put(page, "@media (prefers-color-scheme:dark){");
		svg_put(page, dark);
		svg_put(page, "}");
	}
	svg_put(page, "</style></head>\n<body>");
}

void
page_end(Svg *page)
{
	svg_put(page, "</body></html>\n");
}

void
page_section(Svg *page, const char *id, const char *title)
{
	svg_format(page, "\n<section id=\"%s\"><h2>%s</h2>\n", id, title);
}

void
page_text(Svg *page, const char *text)
{
	svg_text(page, picture_utf8(text));
}

void
page_paragraphs(Svg *page, const char *text)
{
	char	   *copy = pstrdup(text);
	char	   *rest = copy;
	char	   *line;

	while ((line = strsep(&rest, "\n")) != NULL)
	{
		if (line[strspn(line, " \t\r")] == '\0')
			continue;
		svg_put(page, "<p>");
		page_text(page, line);
		svg_put(page, "</p>");
	}
	svg_put(page, "\n");
}

void
page_say(Svg *page, const char *class, const char *format,...)
{
	StringInfoData text;

	initStringInfo(&text);
	for (;;)
	{
		va_list		args;
		int			more;

		va_start(args, format);
		more = appendStringInfoVA(&text, format, args);
		va_end(args);
		if (more == 0)
			break;
		enlargeStringInfo(&text, more);
	}
	if (class[0])
		svg_format(page, "<p class=\"%s\">", class);
	else
		svg_put(page, "<p>");
	page_text(page, text.data);
	svg_put(page, "</p>\n");
	pfree(text.data);
}

void
page_pair(Svg *page, const char *name, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	svg_format(page, "<tr><td class=\"k\">%s</td><td class=\"v\">", name);
	page_text(page, value);
	svg_put(page, "</td></tr>\n");
}
