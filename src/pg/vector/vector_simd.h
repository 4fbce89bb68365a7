/*
 * vector_simd.h
 *	  Start-up of the GUC dml.simd, called by vector_init.
 */
#ifndef DML_VECTOR_SIMD_H
#define DML_VECTOR_SIMD_H

extern void vector_simd_init(void);

#endif							/* DML_VECTOR_SIMD_H */
