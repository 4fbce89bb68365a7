/*
 * score_avx512.c
 *	  The kernels for AVX-512 with VNNI: dpbusd multiplies unsigned levels of codes by
 *	  signed levels of the query, 64 at a time; what is left of a code is loaded masked.
 */
#if defined(__x86_64__)

#include "ann/score_float.h"

#include <immintrin.h>
#include <string.h>

#define ROWS	4				/* scored together, so that their sums are added in one tree */

/* The first n bytes of 64, or all. */
static inline __mmask64
first_bytes(int n)
{
	return n >= 64 ? ~(__mmask64) 0 : ((__mmask64) 1 << n) - 1;
}

/* out[0 .. 3] = the sums of the lanes of four vectors. */
static inline void
store_sums(const __m512i *acc, int32_t *out)
{
	__m256i		a[ROWS];
	__m256i		pairs;

	for (int r = 0; r < ROWS; r++)
		a[r] = _mm256_add_epi32(_mm512_castsi512_si256(acc[r]), _mm512_extracti64x4_epi64(acc[r], 1));
	pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(a[0], a[1]), _mm256_hadd_epi32(a[2], a[3]));
	_mm_storeu_si128((__m128i *) out,
					 _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1)));
}

/* acc plus the products of one row's bytes at offset with the query's. */
typedef __m512i (*Step) (__m512i acc, const uint8_t *code, const int8_t *levels, int width, int offset);

static inline __m512i
step_1(__m512i acc, const uint8_t *code, const int8_t *levels, int width, int offset)
{
	uint64_t	bits = 0;
	int			left = width - offset;

	/* 16 elements are two bytes: what is left is 2, 4 or 6 bytes, and those alone are read */
	if (left >= 64)
		memcpy(&bits, code + offset / 8, 8);
	else
	{
		uint16_t	part;

		for (int i = 0; i < left; i += 16)
		{
			memcpy(&part, code + (offset + i) / 8, 2);
			bits |= (uint64_t) part << i;
		}
	}
	return _mm512_dpbusd_epi32(acc, _mm512_set1_epi8(1),
							   _mm512_maskz_loadu_epi8((__mmask64) bits, levels + offset));
}

static inline __m512i
step_4(__m512i acc, const uint8_t *code, const int8_t *levels, int width, int offset)
{
	int			half = width / 2;
	__mmask64	mask = first_bytes(half - offset);
	__m512i		nibble = _mm512_set1_epi8(15);
	__m512i		bytes = _mm512_maskz_loadu_epi8(mask, code + offset);

	acc = _mm512_dpbusd_epi32(acc, _mm512_and_si512(bytes, nibble),
							  _mm512_maskz_loadu_epi8(mask, levels + offset));
	return _mm512_dpbusd_epi32(acc, _mm512_and_si512(_mm512_srli_epi16(bytes, 4), nibble),
							   _mm512_maskz_loadu_epi8(mask, levels + half + offset));
}

static inline __m512i
step_8(__m512i acc, const uint8_t *code, const int8_t *levels, int width, int offset)
{
	__mmask64	mask = first_bytes(width - offset);

	return _mm512_dpbusd_epi32(acc, _mm512_maskz_loadu_epi8(mask, code + offset),
							   _mm512_maskz_loadu_epi8(mask, levels + offset));
}

/* The loop that the three share; elements is what one pass of step walks over. */
static inline __attribute__((always_inline)) void
score(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int elements,
	  int32_t *out, Step step)
{
	int			row = 0;

	for (; row + ROWS <= n; row += ROWS)
	{
		__m512i		acc[ROWS];

		for (int r = 0; r < ROWS; r++)
			acc[r] = _mm512_setzero_si512();
		for (int offset = 0; offset < elements; offset += 64)
			for (int r = 0; r < ROWS; r++)
				acc[r] = step(acc[r], codes + (row + r) * stride, levels, width, offset);
		store_sums(acc, out + row);
	}
	for (; row < n; row++)
	{
		__m512i		acc = _mm512_setzero_si512();

		for (int offset = 0; offset < elements; offset += 64)
			acc = step(acc, codes + row * stride, levels, width, offset);
		out[row] = _mm512_reduce_add_epi32(acc);
	}
}

static void
dots_1(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int32_t *out)
{
	score(codes, stride, n, levels, width, width, out, step_1);
}

static void
dots_4(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int32_t *out)
{
	score(codes, stride, n, levels, width, width / 2, out, step_4);
}

static void
dots_8(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int32_t *out)
{
	score(codes, stride, n, levels, width, width, out, step_8);
}

const ScoreKernels score_avx512 = {"avx512", dots_1, dots_4, dots_8, place, estimate};

#else
typedef int score_avx512_is_empty;
#endif							/* __x86_64__ */
