/*
 * png.h
 *	  A small grey picture as a PNG in a data URI.
 */
#ifndef PNG_H
#define PNG_H

#include "svg.h"

#define PNG_MAX_SIDE	256

/* width x height bytes from black to white, 1 to PNG_MAX_SIDE each: "data:image/png;base64,...". */
extern void png_data_uri(Svg *svg, const unsigned char *pixel, int width, int height);

#endif							/* PNG_H */
