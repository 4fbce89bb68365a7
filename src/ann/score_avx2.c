/*
 * score_avx2.c
 *	  The kernels for AVX2: 16 elements at a time, widened to 16 bits where products of two
 *	  8-bit levels would not fit, and multiplied by madd.
 */
#if defined(__x86_64__)

#define OWN_PLACE
#include "ann/score_float.h"

#include <immintrin.h>
#include <string.h>

static inline int32_t
add_all(__m256i acc)
{
	__m128i		sum = _mm_add_epi32(_mm256_castsi256_si128(acc), _mm256_extracti128_si256(acc, 1));

	sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
	sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
	return _mm_cvtsi128_si32(sum);
}

/* acc plus the pairwise products of 32 unsigned levels below 128 with 32 signed ones. */
static inline __m256i
multiply_small(__m256i acc, __m256i u, __m256i q)
{
	return _mm256_add_epi32(acc, _mm256_madd_epi16(_mm256_maddubs_epi16(u, q), _mm256_set1_epi16(1)));
}

/* The same for 16 elements that are bytes in memory, codes up to 255. */
static inline __m256i
multiply_wide(__m256i acc, __m128i u, __m128i q)
{
	return _mm256_add_epi32(acc, _mm256_madd_epi16(_mm256_cvtepu8_epi16(u), _mm256_cvtepi8_epi16(q)));
}

static inline __m256i
load_32(const void *p)
{
	return _mm256_loadu_si256((const __m256i *) p);
}

static inline __m128i
load_16(const void *p)
{
	return _mm_loadu_si128((const __m128i *) p);
}

/* The query's levels where the code has a bit; every lane of bits holds the 32 bits of these elements. */
static inline __m256i
selected(__m256i bits, __m256i q)
{
	__m256i		which = _mm256_set_epi64x(0x0303030303030303, 0x0202020202020202, 0x0101010101010101, 0);
	__m256i		bit = _mm256_set1_epi64x((long long) 0x8040201008040201);
	__m256i		spread = _mm256_and_si256(_mm256_shuffle_epi8(bits, which), bit);

	return _mm256_and_si256(_mm256_cmpeq_epi8(spread, bit), q);
}

static void
dots_1(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int32_t *out)
{
	const __m256i one = _mm256_set1_epi8(1);

	for (int row = 0; row < n; row++)
	{
		const uint8_t *code = codes + row * stride;
		__m256i		acc = _mm256_setzero_si256();
		int			i = 0;

		for (; i + 32 <= width; i += 32)
		{
			int32_t		bits;

			memcpy(&bits, code + i / 8, 4);
			acc = multiply_small(acc, one, selected(_mm256_set1_epi32(bits), load_32(levels + i)));
		}
		if (i < width)
		{
			uint16_t	bits;

			memcpy(&bits, code + i / 8, 2);
			acc = multiply_small(acc, one, selected(_mm256_set1_epi32(bits),
													_mm256_zextsi128_si256(load_16(levels + i))));
		}
		out[row] = add_all(acc);
	}
}

static void
dots_4(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int32_t *out)
{
	const __m256i nibble = _mm256_set1_epi8(15);
	int			half = width / 2;

	for (int row = 0; row < n; row++)
	{
		const uint8_t *code = codes + row * stride;
		__m256i		acc = _mm256_setzero_si256();
		int			i = 0;

		for (; i + 32 <= half; i += 32)
		{
			__m256i		bytes = load_32(code + i);

			acc = multiply_small(acc, _mm256_and_si256(bytes, nibble), load_32(levels + i));
			acc = multiply_small(acc, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble),
								 load_32(levels + half + i));
		}
		/* eight bytes: their low nibbles in the low half of a vector of 16, their high ones above */
		for (; i < half; i += 8)
		{
			__m128i		bytes = _mm_loadl_epi64((const __m128i *) (code + i));
			__m128i		q = _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *) (levels + i)),
											   _mm_loadl_epi64((const __m128i *) (levels + half + i)));
			__m128i		u = _mm_and_si128(_mm_unpacklo_epi64(bytes, _mm_srli_epi16(bytes, 4)),
										  _mm256_castsi256_si128(nibble));

			acc = multiply_wide(acc, u, q);
		}
		out[row] = add_all(acc);
	}
}

static void
dots_8(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int32_t *out)
{
	for (int row = 0; row < n; row++)
	{
		const uint8_t *code = codes + row * stride;
		__m256i		acc = _mm256_setzero_si256();

		for (int i = 0; i < width; i += 16)
			acc = multiply_wide(acc, load_16(code + i), load_16(levels + i));
		out[row] = add_all(acc);
	}
}

/* 16 lanes are two vectors. */
static float
add_vectors(const __m256 *v)
{
	float		lanes[LANES];

	_mm256_storeu_ps(lanes, v[0]);
	_mm256_storeu_ps(lanes + 8, v[1]);
	return add_lanes(lanes);
}

static void
place(const float *query, const uint8_t *frame, float step, int width, ScoreQuery *result)
{
	const __m256 middle = _mm256_set1_ps(127.5f);
	const __m256 unsigned_bits = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
	__m256		square[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
	__m256		largest[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
	__m256		sum[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
	__m256		lost[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
	float		lanes[8];
	float		most = 0;
	float		unit;
	float		inverse;

	for (int i = 0; i < width; i += LANES)
		for (int h = 0; h < 2; h++)
		{
			__m128i		bytes = _mm_loadl_epi64((const __m128i *) (frame + i + 8 * h));
			__m256		level = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
			__m256		d = _mm256_sub_ps(_mm256_loadu_ps(query + i + 8 * h),
										  _mm256_mul_ps(_mm256_set1_ps(step), _mm256_sub_ps(level, middle)));

			_mm256_storeu_ps(result->difference + i + 8 * h, d);
			square[h] = _mm256_add_ps(square[h], _mm256_mul_ps(d, d));
			largest[h] = _mm256_max_ps(largest[h], _mm256_and_ps(d, unsigned_bits));
		}
	_mm256_storeu_ps(lanes, _mm256_max_ps(largest[0], largest[1]));
	for (int j = 0; j < 8; j++)
		most = lanes[j] > most ? lanes[j] : most;
	unit = unit_of(most, &inverse);
	for (int i = 0; i < width; i += LANES)
	{
		__m256i		whole[2];
		__m128i		words[2];

		for (int h = 0; h < 2; h++)
		{
			__m256		d = _mm256_loadu_ps(result->difference + i + 8 * h);
			__m256		level;
			__m256		left;

			whole[h] = _mm256_cvtps_epi32(_mm256_mul_ps(d, _mm256_set1_ps(inverse)));
			level = _mm256_cvtepi32_ps(whole[h]);
			left = _mm256_sub_ps(d, _mm256_mul_ps(_mm256_set1_ps(unit), level));
			sum[h] = _mm256_add_ps(sum[h], level);
			lost[h] = _mm256_add_ps(lost[h], _mm256_mul_ps(left, left));
			words[h] = _mm_packs_epi32(_mm256_castsi256_si128(whole[h]), _mm256_extracti128_si256(whole[h], 1));
		}
		_mm_storeu_si128((__m128i *) (result->levels + i), _mm_packs_epi16(words[0], words[1]));
	}
	result->unit = unit;
	result->distance2 = add_vectors(square);
	result->level_sum = add_vectors(sum);
	result->rounding2 = add_vectors(lost);
}

const ScoreKernels score_avx2 = {"avx2", dots_1, dots_4, dots_8, place, estimate};

#else
typedef int score_avx2_is_empty;
#endif							/* __x86_64__ */
