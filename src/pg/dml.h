/*
 * dml.h
 *	  The rooms' start-up: each defines its GUCs and hooks when the library is loaded.
 */
#ifndef DML_H
#define DML_H

extern void vector_init(void);
extern void model_init(void);
extern void train_init(void);

#endif							/* DML_H */
