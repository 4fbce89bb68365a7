/*
 * score.h
 *	  Distances of one query to a block of codes, estimated from integer products.
 *
 * A block is a frame (the centre that its codes are taken around) and n codes, row by row:
 *
 *	bits 1	element i is bit i % 8 of byte i / 8
 *	bits 4	byte j has element j in its low nibble, element j + width / 2 in its high one
 *	bits 8	byte i is element i
 *
 * An element is an unsigned level u; it stands for u - half, half = (2^bits - 1) / 2.  Only
 * the code's own bytes are read, wherever they lie.  No function here allocates.
 */
#ifndef ANN_SCORE_H
#define ANN_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The query as one block sees it: the difference to the block's frame, in 8 bits.
 * levels and the scratch difference are the caller's memory, width elements each.
 */
typedef struct ScoreQuery
{
	int8_t	   *levels;			/* -127 to 127 */
	float	   *difference;		/* query - frame */
	float		unit;			/* of one level */
	float		level_sum;		/* of the levels */
	float		distance2;		/* |query - frame|^2 */
	float		rounding2;		/* |difference - unit * levels|^2 */
} ScoreQuery;

/* out[j] = sum over i of u[j][i] * levels[i] for j < n; stride is the bytes from code to code. */
typedef void (*ScoreFunction) (const uint8_t *codes, size_t stride, int n,
							   const int8_t *levels, int width, int32_t *out);

/* Bytes of one code; width a multiple of 16, bits 1, 4 or 8. */
extern size_t score_code_bytes(int width, int bits);

/*
 * Round query (rotated, width elements) around the frame; frame element i is step * (frame[i] -
 * 127.5).
 */
extern void score_place(const float *query, const uint8_t *frame, float step, int width,
						ScoreQuery *result);

extern void score_dots(const uint8_t *codes, size_t stride, int n, int bits,
					   const ScoreQuery *query, int width, int32_t *dots);

/*
 * estimates[j] = the squared distance of the query to row j, unbiased over rotations;
 * norm[j] and scale[j] are what code_encode() gave.  May be below 0.
 */
extern void score_estimate(const ScoreQuery *query, int bits, const int32_t *dots,
						   const float *norm, const float *scale, int n, float *estimates);

/*
 * lower[j] = what the squared distance to row j, estimated at estimates[j], is not below,
 * whatever the rotation; 0 or more. code_upper_bound() is the other side. Returns the least of
 * them.
 */
extern float score_lower(const ScoreQuery *query, const float *estimates, const float *norm,
						const float *error, int n, float *lower);

/*
 * "plain", "avx2", "avx512" (here with VNNI), "neon", or "auto"; as distance_force().
 */
extern bool score_force(const char *name);
extern bool score_available(const char *name);
extern const char *score_current(void);

#endif							/* ANN_SCORE_H */
