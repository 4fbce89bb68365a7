/*
 * score.c
 *	  Which kernels score.h uses.
 */
#include "ann/score.h"

#include <string.h>

#include "ann/score_kernels.h"

/* Best first. */
static const ScoreKernels *const all_kernels[] = {
#if defined(__x86_64__)
	&score_avx512,
	&score_avx2,
#elif defined(__aarch64__)
	&score_neon,
#endif
	&score_plain
};

#define N_KERNELS	((int) (sizeof(all_kernels) / sizeof(all_kernels[0])))

static const ScoreKernels *kernels = &score_plain;

/* Does the processor (and the operating system) know the instructions of this set? */
static bool
machine_has(const ScoreKernels *set)
{
#if defined(__x86_64__)
	if (set == &score_avx512)
		return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
			__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
			__builtin_cpu_supports("avx512vnni") &&
			__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
	if (set == &score_avx2)
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
	return set != NULL;
}

/* The set of this name ("auto": the best), or NULL if the machine has not got it. */
static const ScoreKernels *
find_kernels(const char *name)
{
	for (int i = 0; i < N_KERNELS; i++)
	{
		if (strcmp(name, "auto") != 0 && strcmp(name, all_kernels[i]->name) != 0)
			continue;
		if (machine_has(all_kernels[i]))
			return all_kernels[i];
	}
	return NULL;
}

bool
score_available(const char *name)
{
	return find_kernels(name) != NULL;
}

bool
score_force(const char *name)
{
	const ScoreKernels *found = find_kernels(name);

	if (found == NULL)
		return false;
	kernels = found;
	return true;
}

const char *
score_current(void)
{
	return kernels->name;
}

/* Runs when the library is loaded. */
static void __attribute__((constructor))
choose_kernels(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
#endif
	score_force("auto");
}

size_t
score_code_bytes(int width, int bits)
{
	return (size_t) width * bits / 8;
}

void
score_place(const float *query, const uint8_t *frame, float step, int width, ScoreQuery *result)
{
	kernels->place(query, frame, step, width, result);
}

void
score_dots(const uint8_t *codes, size_t stride, int n, int bits, const ScoreQuery *query, int width,
		   int32_t *dots)
{
	ScoreFunction function = bits == 1 ? kernels->dots_1 : bits == 4 ? kernels->dots_4 : kernels->dots_8;

	function(codes, stride, n, query->levels, width, dots);
}

void
score_estimate(const ScoreQuery *query, int bits, const int32_t *dots, const float *norm,
			   const float *scale, int n, float *estimates)
{
	kernels->estimate(query, (float) ((1 << bits) - 1) / 2, dots, norm, scale, n, estimates);
}

void
score_lower(const ScoreQuery *query, const float *estimates, const float *norm, const float *error,
			int n, float *lower)
{
	kernels->lower(query, estimates, norm, error, n, lower);
}
