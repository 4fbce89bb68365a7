/*
 * dml.h
 *	  The rooms' start-up: each defines its GUCs and hooks when the library is loaded.
 */
#ifndef DML_H
#define DML_H

extern void vector_init(void);
extern void model_init(void);
extern void train_init(void);
extern void evaluate_init(void);
extern void index_init(void);
extern void index_order_init(void);
extern void index_explain_init(void);

/* LearnEnv.threads in training and evaluation: GUC dml.threads, at most GUC dml.max_threads */
extern int	dml_thread_count(void);

/* GUC dml.notice_interval: seconds between two notices on progress; 0: none */
extern int	dml_notice_interval;

/*
 * GUC dml.max_comparisons: comparisons of a query with a row, above which evaluation takes a sample
 * of the queries
 */
extern double dml_max_comparisons;

#endif							/* DML_H */
