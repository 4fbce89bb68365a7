/*
 * vector_simd.c
 *	  The GUC dml.simd: which instruction set the kernels use.
 */
#include "compat.h"

#include "vector/vector_simd.h"

#include "ann/code.h"
#include "ann/distance.h"
#include "ann/score.h"
#include "math/vmath.h"
#include "lib/stringinfo.h"
#include "utils/guc.h"

typedef enum Simd
{
	SIMD_AUTO,
	SIMD_PLAIN,
	SIMD_AVX2,
	SIMD_AVX512,
	SIMD_NEON
} Simd;

static const struct config_enum_entry simd_options[] = {
	{"auto", SIMD_AUTO, false},
	{"plain", SIMD_PLAIN, false},
	{"avx2", SIMD_AVX2, false},
	{"avx512", SIMD_AVX512, false},
	{"neon", SIMD_NEON, false},
	{NULL, 0, false}
};

static int	simd = SIMD_AUTO;

/* Check hook: whether this machine has the instruction set. */
static bool
check_simd(int *newval, void **extra, GucSource source)
{
	StringInfoData valid;

	if (distance_available(simd_options[*newval].name))
		return true;

	initStringInfo(&valid);
	for (const struct config_enum_entry *option = simd_options; option->name != NULL; option++)
		if (distance_available(option->name))
			appendStringInfo(&valid, "%s%s", valid.len > 0 ? ", " : "", option->name);
	GUC_check_errdetail("This machine, or this build of dml, has no %s kernels.", simd_options[*newval].name);
	GUC_check_errhint("Valid here: %s.", valid.data);
	return false;
}

/*
 * Assign hook.  The kernels of codes and of learning need not exist for every set that distances
 * have.
 */
static void
assign_simd(int newval, void *extra)
{
	const char *name = simd_options[newval].name;

	distance_force(name);
	if (!score_force(name))
		score_force("auto");
	if (!code_force(name))
		code_force("auto");
	if (!vm_force(name))
		vm_force("auto");
}

void
vector_simd_init(void)
{
	DefineCustomEnumVariable("dml.simd",
							 "Instruction set of the vector kernels.",
							 "auto takes the best that the machine has. Results differ by rounding.",
							 &simd, SIMD_AUTO, simd_options, PGC_USERSET, 0,
							 check_simd, assign_simd, NULL);
}
