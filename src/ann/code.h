/*
 * code.h
 *	  Codes of vectors: 1, 4 or 8 bits an element around a centre, without a codebook, so
 *	  that a vector is encoded alone.
 *
 * After RaBitQ (Gao and Long, arXiv 2405.12497; with more bits 2409.09913).  The rotated
 * difference r = x - c to the centre is written as levels; u is the vector of the levels
 * less their mean.  With scale = |r|^2 / <u, r> the vector scale * u has r as its
 * projection onto r, and <scale * u, p> estimates <r, p> for any p without bias over
 * random rotations.  What is left, scale * u - r, is orthogonal to r; its length is kept,
 * and bounds the error of every estimate:
 *
 *		|q - x|^2 = |q - c|^2 + |r|^2 - 2 <r, q - c>,
 *		| <scale * u, q - c> - <r, q - c> | <= error * |q - c|		always,
 *		about error * |q - c| / sqrt(width) as a standard deviation	over rotations.
 *
 * Nothing here allocates.
 */
#ifndef ANN_CODE_H
#define ANN_CODE_H

#include "ann/rotate.h"
#include "ann/score.h"

/* Kept beside a code.  Finite, none below 0. */
typedef struct CodeFactors
{
	float		norm;			/* |r|^2 */
	float		scale;			/* of the levels */
	float		error;			/* |scale * u - r|, rounded up */
} CodeFactors;

/*
 * A block's frame: center (rotated, width elements) in one byte an element.  The frame,
 * and not the center, is what codes are taken around, so its rounding costs no precision.
 * False if a difference of elements leaves float's range.
 */
extern bool code_frame(const float *center, int width, uint8_t *frame, float *step);

/* What a frame stands for: out, width elements. */
extern void code_frame_center(const uint8_t *frame, float step, int width, float *out);

/*
 * Encode a rotated vector around a frame; scratch is width floats, code is
 * score_code_bytes().  False, with nothing written that may be used, if it is too far away
 * for squares in float: some 1e18.
 */
extern bool code_encode(const float *rotated, const uint8_t *frame, float step, int width, int bits,
						float *scratch, uint8_t *code, CodeFactors *factors);

/* What a code says of the difference to its frame: scale * u, width elements. */
extern void code_decode(const uint8_t *code, int bits, int width, float scale, float *out);

/*
 * How far a score_estimate() of this query can be from the squared distance of the rotated
 * vectors.  The first holds always, roundings included; the second is a standard deviation
 * over rotations.
 */
extern float code_error_bound(const ScoreQuery *query, float norm, float error);
extern float code_deviation(const ScoreQuery *query, float norm, float error, int width);

#endif							/* ANN_CODE_H */
