/*
 * score_avx512.c
 *	  The kernels for AVX-512 with VNNI: dpbusd multiplies unsigned levels of codes by
 *	  signed levels of the query, 64 at a time; what is left of a code is loaded masked.
 */
#if defined(__x86_64__)

#define OWN_PLACE
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

/* The loop that two share; elements is what one pass of step walks over. */
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

/* The first n bits, less than 64 and a multiple of 16; no byte behind them is read. */
static inline __mmask64
last_bits(const uint8_t *code, int n)
{
	uint16_t	part[3] = {0};

	if (n > 0)
		memcpy(&part[0], code, 2);
	if (n > 16)
		memcpy(&part[1], code + 2, 2);
	if (n > 32)
		memcpy(&part[2], code + 4, 2);
	return (__mmask64) (part[0] | (uint64_t) part[1] << 16 | (uint64_t) part[2] << 32);
}

static inline __mmask64
next_bits(const uint8_t *code)
{
	uint64_t	bits;

	memcpy(&bits, code, 8);
	return (__mmask64) bits;
}

/* acc plus the levels where a code has ones. */
static inline __m512i
add_levels(__m512i acc, __mmask64 bits, __m512i levels)
{
	return _mm512_dpbusd_epi32(acc, _mm512_set1_epi8(1), _mm512_maskz_mov_epi8(bits, levels));
}

/* A code is a mask; four at a time, so that the levels are loaded once for them. */
static void
dots_1(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int32_t *out)
{
	int			whole = width / 64 * 64;
	int			left = width - whole;
	__m512i		tail = _mm512_maskz_loadu_epi8(first_bytes(left), levels + whole);
	int			row = 0;

	for (; row + ROWS <= n; row += ROWS)
	{
		const uint8_t *a = codes + row * stride;
		const uint8_t *b = a + stride;
		const uint8_t *c = b + stride;
		const uint8_t *d = c + stride;
		__m512i		acc[ROWS];

		acc[0] = add_levels(_mm512_setzero_si512(), last_bits(a + whole / 8, left), tail);
		acc[1] = add_levels(_mm512_setzero_si512(), last_bits(b + whole / 8, left), tail);
		acc[2] = add_levels(_mm512_setzero_si512(), last_bits(c + whole / 8, left), tail);
		acc[3] = add_levels(_mm512_setzero_si512(), last_bits(d + whole / 8, left), tail);
		for (int at = 0; at < whole / 8; at += 8)
		{
			__m512i		part = _mm512_loadu_si512(levels + at * 8);

			acc[0] = add_levels(acc[0], next_bits(a + at), part);
			acc[1] = add_levels(acc[1], next_bits(b + at), part);
			acc[2] = add_levels(acc[2], next_bits(c + at), part);
			acc[3] = add_levels(acc[3], next_bits(d + at), part);
		}
		store_sums(acc, out + row);
	}
	for (; row < n; row++)
	{
		const uint8_t *code = codes + row * stride;
		__m512i		acc = add_levels(_mm512_setzero_si512(), last_bits(code + whole / 8, left), tail);

		for (int at = 0; at < whole / 8; at += 8)
			acc = add_levels(acc, next_bits(code + at), _mm512_loadu_si512(levels + at * 8));
		out[row] = _mm512_reduce_add_epi32(acc);
	}
}

/*
 * dots_4 for 64 elements, codes without gaps: two codes to a vector, eight to a tree of
 * sums.  Returns how many were scored; the few that are left are the caller's.
 */
static int
pairs_of_32_bytes(const uint8_t *codes, int n, const int8_t *levels, int32_t *out)
{
	const __m512i nibble = _mm512_set1_epi8(15);
	const __m512i low = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *) levels));
	const __m512i high = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *) (levels + 32)));
	int			row = 0;

	for (; row + 8 <= n; row += 8)
	{
		__m512i		acc[4];
		__m512i		sums;

		for (int r = 0; r < 4; r++)
		{
			__m512i		bytes = _mm512_loadu_si512(codes + (row + 2 * r) * 32);

			acc[r] = _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_and_si512(bytes, nibble), low);
			acc[r] = _mm512_dpbusd_epi32(acc[r], _mm512_and_si512(_mm512_srli_epi16(bytes, 4), nibble), high);
		}

		/* lanes of 128 bits: rows 0 2 4 6 twice, then 1 3 5 7 twice */
		acc[0] = _mm512_add_epi32(_mm512_unpacklo_epi32(acc[0], acc[1]), _mm512_unpackhi_epi32(acc[0], acc[1]));
		acc[2] = _mm512_add_epi32(_mm512_unpacklo_epi32(acc[2], acc[3]), _mm512_unpackhi_epi32(acc[2], acc[3]));
		sums = _mm512_add_epi32(_mm512_unpacklo_epi64(acc[0], acc[2]), _mm512_unpackhi_epi64(acc[0], acc[2]));
		sums = _mm512_add_epi32(sums, _mm512_shuffle_i32x4(sums, sums, 0xb1));
		sums = _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 8, 1, 9, 2, 10, 3, 11, 0, 0, 0, 0, 0, 0, 0, 0), sums);
		_mm256_storeu_si256((__m256i *) (out + row), _mm512_castsi512_si256(sums));
	}
	return row;
}

static void
dots_4(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int32_t *out)
{
	if (width == 64 && stride == 32)
	{
		int			done = pairs_of_32_bytes(codes, n, levels, out);

		codes += done * stride;
		out += done;
		n -= done;
	}
	score(codes, stride, n, levels, width, width / 2, out, step_4);
}

static void
dots_8(const uint8_t *codes, size_t stride, int n, const int8_t *levels, int width, int32_t *out)
{
	score(codes, stride, n, levels, width, width, out, step_8);
}

static float
add_vector(__m512 v)
{
	float		lanes[LANES];

	_mm512_storeu_ps(lanes, v);
	return add_lanes(lanes);
}

static void
place(const float *query, const uint8_t *frame, float step, int width, ScoreQuery *result)
{
	const __m512 middle = _mm512_set1_ps(127.5f);
	__m512		square = _mm512_setzero_ps();
	__m512		largest = _mm512_setzero_ps();
	__m512		sum = _mm512_setzero_ps();
	__m512		lost = _mm512_setzero_ps();
	float		unit;
	float		inverse;

	for (int i = 0; i < width; i += LANES)
	{
		__m512		level = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *) (frame + i))));
		__m512		d = _mm512_sub_ps(_mm512_loadu_ps(query + i),
									  _mm512_mul_ps(_mm512_set1_ps(step), _mm512_sub_ps(level, middle)));

		_mm512_storeu_ps(result->difference + i, d);
		square = _mm512_add_ps(square, _mm512_mul_ps(d, d));
		largest = _mm512_max_ps(largest, _mm512_abs_ps(d));
	}
	unit = unit_of(_mm512_reduce_max_ps(largest), &inverse);
	for (int i = 0; i < width; i += LANES)
	{
		__m512		d = _mm512_loadu_ps(result->difference + i);
		__m512i		whole = _mm512_cvtps_epi32(_mm512_mul_ps(d, _mm512_set1_ps(inverse)));
		__m512		level = _mm512_cvtepi32_ps(whole);
		__m512		left = _mm512_sub_ps(d, _mm512_mul_ps(_mm512_set1_ps(unit), level));

		_mm_storeu_si128((__m128i *) (result->levels + i), _mm512_cvtsepi32_epi8(whole));
		sum = _mm512_add_ps(sum, level);
		lost = _mm512_add_ps(lost, _mm512_mul_ps(left, left));
	}
	result->unit = unit;
	result->distance2 = add_vector(square);
	result->level_sum = add_vector(sum);
	result->rounding2 = add_vector(lost);
}

const ScoreKernels score_avx512 = {SET_AVX512_VNNI, dots_1, dots_4, dots_8, place, estimate, lower};

#else
typedef int score_avx512_is_empty;
#endif							/* __x86_64__ */
