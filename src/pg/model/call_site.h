/*
 * call_site.h
 *	  What a function that is called row by row keeps of its model.
 */
#ifndef DML_CALL_SITE_H
#define DML_CALL_SITE_H

#include "compat.h"

#include "fmgr.h"

#include "model.h"

/*
 * The version that the first argument (text) names.  It is looked up once per statement and call
 * site, and pinned until the call site looks up another; fn_extra is taken.
 */
extern const DmlVersion *dml_call_version(FunctionCallInfo fcinfo);

/*
 * The threshold that the version was calibrated to, looked up as often as dml_call_version looks up the version,
 * which was called before.  false: it was not.
 */
extern bool dml_call_threshold(FunctionCallInfo fcinfo, double *threshold);

/*
 * What embeds the second of two inputs: of a model of two inputs side b, unless their widths
 * tell.
 */
extern const DmlVersion *dml_second_side(const DmlVersion *version);

#endif							/* DML_CALL_SITE_H */
