/*
 * simd.h
 *	  The choice of an instruction set among tables of kernels.
 *
 * A table of kernels (VmathKernels, DistanceKernels, ScoreKernels) is one instruction set's; its first member
 * says which.
 */
#ifndef SIMD_H
#define SIMD_H

typedef enum SimdSet
{
	SET_PLAIN,
	SET_NEON,
	SET_AVX2,					/* with FMA */
	SET_AVX512,					/* F, BW, VL and DQ */
	SET_AVX512_VNNI				/* and VNNI, beside AVX2 */
} SimdSet;

/* "plain", "neon", "avx2", "avx512" (with VNNI, too). */
extern const char *simd_name(SimdSet set);

/*
 * Of n tables, best first, the first one of this name ("auto": of any) that the processor and the operating system can
 * run; NULL: none.
 */
extern const SimdSet *simd_find(const SimdSet *const *tables, int n, const char *name);

#endif							/* SIMD_H */
