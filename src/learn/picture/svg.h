/*
 * svg.h
 *	  A text buffer for markup (SVG, HTML): text of users is escaped, numbers are short.
 *
 * What is written is well-formed XML in ASCII whatever users' text contains: characters outside of
 * ASCII become references, and what XML forbids becomes U+FFFD. So the result is valid in every
 * encoding of a database.
 */
#ifndef SVG_H
#define SVG_H

#include "base/learn.h"

typedef struct SvgChunk SvgChunk;

typedef struct Svg
{
	LearnEnv   *env;
	SvgChunk   *first;
	SvgChunk   *last;
	size_t		length;
	bool		failed;			/* there was no memory: svg_finish says so */
} Svg;

/*
 * Begin an empty buffer. Its memory is env's arena: no mark taken before may be reset until
 * svg_finish.
 */
extern void svg_init(Svg *svg, LearnEnv *env);

/* Markup as it is. Never with text of a user. */
extern void svg_put(Svg *svg, const char *markup);
extern void svg_format(Svg *svg, const char *format,...) __attribute__((format(printf, 2, 3)));

/* A coordinate, rounded to a tenth; 0 if it is not finite. */
extern void svg_number(Svg *svg, double x);

/* " name="x"", a coordinate as an attribute. */
extern void svg_attribute(Svg *svg, const char *name, double x);

/* Text of a user, in UTF-8, as content of an element or of an attribute in double quotes. */
extern void svg_text(Svg *svg, const char *utf8);

/*
 * As svg_text(), with an ellipsis in its middle if it is wider than width: labels differ most at
 * their ends.
 */
extern void svg_text_within(Svg *svg, const char *utf8, double size, double width);

/* About how wide text of this size is, in the units of the size. */
extern double svg_text_width(const char *utf8, double size);

/* Bytes as base64. */
extern void svg_base64(Svg *svg, const unsigned char *bytes, size_t n);

/* All that was written, with a zero byte behind it. LEARN_NO_MEMORY. */
extern LearnStatus svg_finish(Svg *svg, char **text, size_t *length);

#endif							/* SVG_H */
