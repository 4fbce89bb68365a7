/*
 * code_plain.c
 *	  The kernels of codes in plain C: what the others are held against.
 */
#include "ann/code_float.h"

const CodeKernels code_plain = {SET_PLAIN, flip, transform, difference, try_levels, write_1, write_4, write_8};
