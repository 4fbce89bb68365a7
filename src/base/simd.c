/*
 * simd.c
 *	  The choice of an instruction set among tables of kernels.
 */
#include "simd.h"

#include <string.h>

const char *
simd_name(SimdSet set)
{
	switch (set)
	{
		case SET_PLAIN:
			return "plain";
		case SET_NEON:
			return "neon";
		case SET_AVX2:
			return "avx2";
		case SET_AVX512:
		case SET_AVX512_VNNI:
			return "avx512";
	}
	return "";
}

/* Kernels of another architecture are not built, so plain code and NEON always run. */
static bool
machine_has(SimdSet set)
{
#if defined(__x86_64__)
	bool		avx2;
	bool		avx512;

	__builtin_cpu_init();
	avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
	avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
	if (set == SET_AVX2)
		return avx2;
	if (set == SET_AVX512)
		return avx512;
	if (set == SET_AVX512_VNNI)
		return avx512 && avx2 && __builtin_cpu_supports("avx512vnni");
#endif
	return true;
}

const SimdSet *
simd_find(const SimdSet *const *tables, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if ((strcmp(name, "auto") == 0 || strcmp(name, simd_name(*tables[i])) == 0) && machine_has(*tables[i]))
			return tables[i];
	return NULL;
}
