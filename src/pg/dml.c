/*
 * dml.c
 *	  The library's entry.
 */
#include "compat.h"

#include "dml.h"

#include "fmgr.h"
#include "utils/guc.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	vector_init();
	model_init();
	train_init();
	evaluate_init();
	index_init();
	index_order_init();
#if PG_VERSION_NUM >= 180000
	index_explain_init();
#endif

#if PG_VERSION_NUM >= 150000
	MarkGUCPrefixReserved("dml");
#else
	EmitWarningsOnPlaceholders("dml");
#endif
}
