/*
 * vmath_neon.c
 *	  The kernels of vmath_body.h for 64-bit ARM.
 */
#if defined(__aarch64__) && !defined(LEARN_DOUBLE)

#include <arm_neon.h>
#include <stddef.h>
#include <string.h>

#define LANES			4
#define TILE_ROWS		6
#define KERNELS			vmath_neon
#define KERNELS_SET	SET_NEON

#define fma_v(a, b, c)	((VF) vfmaq_f32((float32x4_t) (c), (float32x4_t) (a), (float32x4_t) (b)))
#define sqrt_v(a)		((VF) vsqrtq_f32((float32x4_t) (a)))

static inline float32x4_t
load_first(const float *p, size_t n)
{
	float32x4_t v = vdupq_n_f32(0);

	memcpy(&v, p, n * sizeof(float));
	return v;
}

static inline void
store_first(float *p, float32x4_t v, size_t n)
{
	memcpy(p, &v, n * sizeof(float));
}

static inline void
sum4(float *out, float32x4_t a, float32x4_t b, float32x4_t c, float32x4_t d)
{
	vst1q_f32(out, vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d)));
}

#include "vmath_body.h"

#else
typedef int vmath_neon_is_empty;	/* ISO C forbids an empty file */
#endif
