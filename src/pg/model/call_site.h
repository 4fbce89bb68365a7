/*
 * call_site.h
 *	  The model that a call site keeps between rows.
 */
#ifndef DML_CALL_SITE_H
#define DML_CALL_SITE_H

#include "compat.h"

#include "fmgr.h"

#include "model.h"

/*
 * The version that the first argument (text) names.  It is looked up once for each statement and
 * call site, and pinned until the call site looks up another one.  Uses fn_extra.
 */
extern const DmlVersion *dml_call_version(FunctionCallInfo fcinfo);

/*
 * What the caller keeps between rows: data, in context.  Looking the version up anew sets data to
 * NULL and resets the context.  dml_call_version must have been called before.
 */
typedef struct DmlCallData
{
	MemoryContext context;
	void	   *data;
} DmlCallData;

extern DmlCallData *dml_call_data(FunctionCallInfo fcinfo);

/*
 * The threshold of the version that dml_call_version, which must have been called before, returned.
 * It is looked up as often as the version.  Returns false if the version is not calibrated.
 */
extern bool dml_call_threshold(FunctionCallInfo fcinfo, double *threshold);

/*
 * The version that embeds the second of two inputs: side b if both sides have equal widths, else
 * the version itself, because then the width of the input selects the side.
 */
extern const DmlVersion *dml_second_side(const DmlVersion *version);

#endif							/* DML_CALL_SITE_H */
