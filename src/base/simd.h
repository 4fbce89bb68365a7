/*
 * simd.h
 *	  The choice of an instruction set among tables of kernels.
 *
 * A table of kernels (VmathKernels, DistanceKernels, ScoreKernels) is one instruction set's; its
 * first member says which.
 */
#ifndef SIMD_H
#define SIMD_H

#include <stdbool.h>
#include <stddef.h>

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
 * Of n tables, best first, the first one of this name ("auto": of any) that the processor and the
 * operating system can run; NULL: none.
 */
extern const SimdSet *simd_find(const SimdSet *const *tables, int n, const char *name);

/*
 * The choice of a file that has an array of such tables, best first, and a pointer to the one in
 * use: of type `const Kernels *`, at first the plain one.  Defines the extern function force(name),
 * which makes the pointer the set of this name, as simd_find() knows it, and returns false if there
 * is none; and calls it with "auto" when the library is loaded.
 */
#define SIMD_CHOICE(force, tables, Kernels, pointer) \
bool \
force(const char *name) \
{ \
	const SimdSet *found = simd_find(tables, (int) (sizeof(tables) / sizeof((tables)[0])), name); \
\
	if (found == NULL) \
		return false; \
	(pointer) = (const Kernels *) found; \
	return true; \
} \
\
static void __attribute__((constructor)) \
force##_auto(void) \
{ \
	force("auto"); \
} \
\
extern bool force(const char *name)

/* Is there a set of this name among the tables? */
#define simd_available(tables, name)	(simd_find(tables, (int) (sizeof(tables) / sizeof((tables)[0])), name) != NULL)

#endif							/* SIMD_H */
