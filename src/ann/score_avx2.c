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

#define ROWS	4				/* scored together, so that their sums are added in one tree */

/*
 * Sums of 16 bits that hold one row of 1 bit: 32 elements a step, two to a sum of at most 2 *
 * 127.
 */
#define STEPS_OF_SHORTS	128

static inline int32_t
add_all(__m256i acc)
{
	__m128i		sum = _mm_add_epi32(_mm256_castsi256_si128(acc), _mm256_extracti128_si256(acc, 1));

	sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
	sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
	return _mm_cvtsi128_si32(sum);
}

/* out[0 .. 3] = the sums of the lanes of four vectors. */
static inline void
add_all_4(const __m256i *acc, int32_t *out)
{
	__m256i		pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(acc[0], acc[1]), _mm256_hadd_epi32(acc[2], acc[3]));

	_mm_storeu_si128((__m128i *) out,
					 _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1)));
}

/* acc plus the pairwise products of 32 unsigned levels below 128 with 32 signed ones. */
static inline __m256i
multiply_small(__m256i acc, __m256i u, __m256i q)
{
	return _mm256_add_epi32(acc, _mm256_madd_epi16(_mm256_maddubs_epi16(u, q), _mm256_set1_epi16(1)));
}

/* As above, for 16 elements that are bytes in memory, codes up to 255. */
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

/*
 * The query's levels where the code has a bit; every lane of bits holds the 32 bits of these
 * elements.
 */
static inline __m256i
selected(__m256i bits, __m256i q)
{
	__m256i		which = _mm256_set_epi64x(0x0303030303030303, 0x0202020202020202, 0x0101010101010101, 0);
	__m256i		bit = _mm256_set1_epi64x((long long) 0x8040201008040201);
	__m256i		spread = _mm256_and_si256(_mm256_shuffle_epi8(bits, which), bit);

	return _mm256_and_si256(_mm256_cmpeq_epi8(spread, bit), q);
}

/* rows codes together, 1 or ROWS: the compiler unrolls both. */
static inline __attribute__((always_inline)) void
rows_1(const uint8_t *codes, size_t stride, int rows, const int8_t *levels, int width, __m256i *acc)
{
	const __m256i one = _mm256_set1_epi8(1);
	const __m256i ones = _mm256_set1_epi16(1);
	int			i = 0;

	for (int r = 0; r < rows; r++)
		acc[r] = _mm256_setzero_si256();
	while (i + 32 <= width)
	{
		__m256i		shorts[ROWS];
		int			end = width - i > 32 * STEPS_OF_SHORTS ? i + 32 * STEPS_OF_SHORTS : width;

		for (int r = 0; r < rows; r++)
			shorts[r] = _mm256_setzero_si256();
		for (; i + 32 <= end; i += 32)
		{
			__m256i		q = load_32(levels + i);

			for (int r = 0; r < rows; r++)
			{
				int32_t		bits;

				memcpy(&bits, codes + r * stride + i / 8, 4);
				shorts[r] = _mm256_add_epi16(shorts[r], _mm256_maddubs_epi16(one, selected(_mm256_set1_epi32(bits), q)));
			}
		}
		for (int r = 0; r < rows; r++)
			acc[r] = _mm256_add_epi32(acc[r], _mm256_madd_epi16(shorts[r], ones));
	}
	if (i < width)
		for (int r = 0; r < rows; r++)
		{
			uint16_t	bits;

			memcpy(&bits, codes + r * stride + i / 8, 2);
			acc[r] = multiply_small(acc[r], one, selected(_mm256_set1_epi32(bits),
														  _mm256_zextsi128_si256(load_16(levels + i))));
		}
}

static inline __attribute__((always_inline)) void
rows_4(const uint8_t *codes, size_t stride, int rows, const int8_t *levels, int width, __m256i *acc)
{
	const __m256i nibble = _mm256_set1_epi8(15);
	int			half = width / 2;
	int			i = 0;

	for (int r = 0; r < rows; r++)
		acc[r] = _mm256_setzero_si256();
	for (; i + 32 <= half; i += 32)
	{
		__m256i		low = load_32(levels + i);
		__m256i		high = load_32(levels + half + i);

		for (int r = 0; r < rows; r++)
		{
			__m256i		bytes = load_32(codes + r * stride + i);

			acc[r] = multiply_small(acc[r], _mm256_and_si256(bytes, nibble), low);
			acc[r] = multiply_small(acc[r], _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble), high);
		}
	}
	/* eight bytes: their low nibbles in the low half of a vector of 16, their high ones above */
	for (; i < half; i += 8)
	{
		__m128i		q = _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *) (levels + i)),
										   _mm_loadl_epi64((const __m128i *) (levels + half + i)));

		for (int r = 0; r < rows; r++)
		{
			__m128i		bytes = _mm_loadl_epi64((const __m128i *) (codes + r * stride + i));
			__m128i		u = _mm_and_si128(_mm_unpacklo_epi64(bytes, _mm_srli_epi16(bytes, 4)),
										  _mm256_castsi256_si128(nibble));

			acc[r] = multiply_wide(acc[r], u, q);
		}
	}
}

static inline __attribute__((always_inline)) void
rows_8(const uint8_t *codes, size_t stride, int rows, const int8_t *levels, int width, __m256i *acc)
{
	for (int r = 0; r < rows; r++)
		acc[r] = _mm256_setzero_si256();
	for (int i = 0; i < width; i += 16)
	{
		__m256i		q = _mm256_cvtepi8_epi16(load_16(levels + i));

		for (int r = 0; r < rows; r++)
			acc[r] = _mm256_add_epi32(acc[r], _mm256_madd_epi16(_mm256_cvtepu8_epi16(load_16(codes + r * stride + i)), q));
	}
}

typedef void (*Rows) (const uint8_t *codes, size_t stride, int rows, const int8_t *levels, int width, __m256i *acc);

/* The loop that the three share. */
static inline __attribute__((always_inline)) void
score(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int32_t *out, Rows rows)
{
	__m256i		acc[ROWS];
	int			row = 0;

	for (; row + ROWS <= n; row += ROWS)
	{
		rows(codes + row * stride, stride, ROWS, levels, width, acc);
		add_all_4(acc, out + row);
	}
	for (; row < n; row++)
	{
		rows(codes + row * stride, stride, 1, levels, width, acc);
		out[row] = add_all(acc[0]);
	}
}

static void
dots_1(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int32_t *out)
{
	score(codes, stride, n, levels, width, out, rows_1);
}

static void
dots_4(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int32_t *out)
{
	score(codes, stride, n, levels, width, out, rows_4);
}

static void
dots_8(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int32_t *out)
{
	score(codes, stride, n, levels, width, out, rows_8);
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

const ScoreKernels score_avx2 = {SET_AVX2, dots_1, dots_4, dots_8, place, estimate, lower};

#else
typedef int score_avx2_is_empty;
#endif							/* __x86_64__ */
