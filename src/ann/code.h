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
 * The first of these is the bound of a plane; that of the sphere is tighter.  Let p = q - c,
 * b the angle between u and r, whose tangent is error / |r|, and a that between u and p,
 * which the estimate gives: the angle between r and p is in [a - b, a + b], so
 *
 *		<r, p> <= |r| |p| cos(max(a - b, 0))
 *			= (e |r|^2 + |r| error sqrt(s |p|^2 - e^2)) / s,	s = |r|^2 + error^2,
 *
 * with e = <scale * u, p>, as far as a > b.  It is computed in units of |p|, since fourth powers
 * of lengths leave float's range long before squares do.
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

/* An error from which on the vector is not known: its distance may be anything. */
#define CODE_NOT_CERTAIN	1e18f

/*
 * Roundings of an estimate, relative to the two squared lengths that it is made of (the
 * products' sum is at most some four times as large, and is rounded a few times); what a
 * difference of squares may lose of them.  Below CODE_TINY a length has no square that float
 * can hold with its usual precision; what a squared length may lose by that is CODE_TINY_SQUARE.
 */
#define CODE_ROUNDING		8e-6f
#define CODE_CANCELLED		1e-6f
#define CODE_TINY			1e-17f
#define CODE_TINY_SQUARE	1e-34f

/* The mean of n vectors of width elements: order names them by their numbers in vectors. */
extern void code_mean(const float *vectors, const int32_t *order, int n, int width, float *mean);

/*
 * A block's frame: center (rotated, width elements) in one byte an element.  The frame,
 * and not the center, is what codes are taken around, so its rounding costs no precision.
 * False if it is so long, about 1e18, that squares of distances might leave float's range.
 */
extern bool code_frame(const float *center, int width, uint8_t *frame, float *step);

/* What a frame stands for: out, width elements. */
extern void code_frame_center(const uint8_t *frame, float step, int width, float *out);

/*
 * Encode a rotated vector around a frame; scratch is width floats, code is
 * score_code_bytes().  False, with nothing written that may be used, if it is too far away
 * for squares in float: about 1e18.
 */
extern bool code_encode(const float *rotated, const uint8_t *frame, float step, int width, int bits,
						float *scratch, uint8_t *code, CodeFactors *factors);

/* What a code says of the difference to its frame: scale * u, width elements. */
extern void code_decode(const uint8_t *code, int bits, int width, float scale, float *out);

/*
 * What the squared distance of the rotated vectors is not above, given score_estimate() of
 * it: holds always, roundings included.  score_lower() is the other side, for many codes.
 */
extern float code_upper_bound(const ScoreQuery *query, float estimate, float norm, float error);

/* The standard deviation over rotations of an estimate. */
extern float code_deviation(const ScoreQuery *query, float norm, float error, int width);

/*
 * The set of kernels of rotation and encoding: "plain", "avx2", "avx512" or "auto"; as
 * distance_force().
 */
extern bool code_force(const char *name);

#endif							/* ANN_CODE_H */
