/*
 * vmath_plain.c
 *	  The kernels of vmath_body.h in what every machine has: vectors of four floats,
 *	  which the compiler takes apart where there are none.
 */
#ifndef LEARN_DOUBLE

#include <math.h>
#include <string.h>

#define LANES			4
#define TILE_ROWS		2
#define KERNELS			vmath_plain
#define KERNELS_SET	SET_PLAIN

#define fma_v(a, b, c)	((a) * (b) + (c))

typedef float Four __attribute__((vector_size(16)));

static inline Four
sqrt_v(Four a)
{
	return (Four) {sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3])};
}

static inline Four
load_first(const float *p, size_t n)
{
	Four		v = {0};

	memcpy(&v, p, n * sizeof(float));
	return v;
}

static inline void
store_first(float *p, Four v, size_t n)
{
	memcpy(p, &v, n * sizeof(float));
}

static inline void
sum4(float *out, Four a, Four b, Four c, Four d)
{
	out[0] = (a[0] + a[2]) + (a[1] + a[3]);
	out[1] = (b[0] + b[2]) + (b[1] + b[3]);
	out[2] = (c[0] + c[2]) + (c[1] + c[3]);
	out[3] = (d[0] + d[2]) + (d[1] + d[3]);
}

#include "vmath_body.h"

#else
typedef int vmath_plain_is_empty;	/* ISO C forbids an empty file */
#endif
