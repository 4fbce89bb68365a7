/*
 * code_float.h
 *	  The kernels of code_kernels.h in plain C, compiled once with each set's flags.  Included
 *	  by code_*.c only; one that has transform_16() and write_1() of its own defines OWN_LANES
 *	  first.
 */
#ifndef ANN_CODE_FLOAT_H
#define ANN_CODE_FLOAT_H

#include "ann/code_kernels.h"
#include "ann/lanes.h"

/* One level of butterflies at distance half. */
static inline void
butterflies(float *restrict a, float *restrict b, int half)
{
	for (int i = 0; i < half; i++)
	{
		float		x = a[i];
		float		y = b[i];

		a[i] = x + y;
		b[i] = x - y;
	}
}

#ifndef OWN_LANES
/* Levels of distance 1, 2, 4 and 8 over one run of 16, kept in registers. */
static inline void
transform_16(float *x)
{
	for (int i = 0; i < 16; i += 4)
	{
		float		a = x[i] + x[i + 1];
		float		b = x[i] - x[i + 1];
		float		c = x[i + 2] + x[i + 3];
		float		d = x[i + 2] - x[i + 3];

		x[i] = a + c;
		x[i + 1] = b + d;
		x[i + 2] = a - c;
		x[i + 3] = b - d;
	}
	butterflies(x, x + 4, 4);
	butterflies(x + 8, x + 12, 4);
	butterflies(x, x + 8, 8);
}

static void
write_1(const float *r, int width, float t, uint8_t *code)
{
	for (int i = 0; i < width; i += 8)
	{
		int			byte = 0;

		/* level_of() without its branches, which nothing could foresee */
		for (int j = 0; j < 8; j++)
			byte |= (r[i + j] * t + 1 >= 1) << j;
		code[i / 8] = (uint8_t) byte;
	}
}
#endif							/* OWN_LANES */

/* Two levels of butterflies, at distances half and 2 half. */
static inline void
butterflies_of_4(float *restrict a, float *restrict b, float *restrict c, float *restrict d, int half)
{
	for (int i = 0; i < half; i += LANES)
		for (int j = i; j < i + LANES; j++)
		{
			float		ab = a[j] + b[j];
			float		a_b = a[j] - b[j];
			float		cd = c[j] + d[j];
			float		c_d = c[j] - d[j];

			a[j] = ab + cd;
			b[j] = a_b + c_d;
			c[j] = ab - cd;
			d[j] = a_b - c_d;
		}
}

static void
flip(float *restrict x, const float *restrict signs, int n)
{
	for (int i = 0; i < n; i++)
		x[i] *= signs[i];
}

static void
transform(float *x, int n, float scale)
{
	int			half = 16;

	for (int i = 0; i < n; i += 16)
		transform_16(x + i);
	for (; half * 4 <= n; half *= 4)
		for (int i = 0; i < n; i += 4 * half)
			butterflies_of_4(x + i, x + i + half, x + i + 2 * half, x + i + 3 * half, half);
	if (half < n)
		butterflies(x, x + half, half);
	for (int i = 0; i < n; i++)
		x[i] *= scale;
}

static void
difference(const float *restrict rotated, const uint8_t *restrict frame, float step, int width,
		   float *restrict r, float *largest, float *norm)
{
	float		most[LANES] = {0};
	float		sum[LANES] = {0};
	float		biggest = 0;

	for (int i = 0; i < width; i += LANES)
		for (int j = 0; j < LANES; j++)
		{
			float		x = rotated[i + j] - step * ((float) frame[i + j] - 127.5f);
			float		size = x < 0 ? -x : x;

			r[i + j] = x;
			most[j] = size > most[j] ? size : most[j];
			sum[j] += x * x;
		}
	for (int j = 0; j < LANES; j++)
		biggest = most[j] > biggest ? most[j] : biggest;
	*largest = biggest;
	*norm = add_lanes(sum);
}

/* The level of one element; top is 2^bits - 1, t the levels in a unit. */
static inline int
level_of(float r, float t, float top)
{
	float		level = r * t + (top + 1) / 2;

	level = level > 0 ? level : 0;
	level = level < top ? level : top;
	return (int) level;
}

static void
try_levels(const float *r, int width, float t, float top, float *product, float *square)
{
	float		ur[LANES] = {0};
	float		uu[LANES] = {0};

	for (int i = 0; i < width; i += LANES)
		for (int j = 0; j < LANES; j++)
		{
			float		u = (float) level_of(r[i + j], t, top) - top / 2;

			ur[j] += u * r[i + j];
			uu[j] += u * u;
		}
	*product = add_lanes(ur);
	*square = add_lanes(uu);
}

static void
write_4(const float *restrict r, int width, float t, uint8_t *restrict code)
{
	int			half = width / 2;

	for (int i = 0; i < half; i++)
		code[i] = (uint8_t) (level_of(r[i], t, 15) | level_of(r[i + half], t, 15) << 4);
}

static void
write_8(const float *restrict r, int width, float t, uint8_t *restrict code)
{
	for (int i = 0; i < width; i++)
		code[i] = (uint8_t) level_of(r[i], t, 255);
}

#endif							/* ANN_CODE_FLOAT_H */
