/*
 * result_store.h
 *	  The result of a set-returning function as a tuplestore.
 */
#ifndef DML_RESULT_STORE_H
#define DML_RESULT_STORE_H

#include "compat.h"

#include "access/tupdesc.h"
#include "fmgr.h"
#include "utils/tuplestore.h"

/*
 * Make a tuplestore the result of the call.  The caller puts its rows there and returns 0.  desc is
 * set to the row type as declared in SQL.
 */
extern Tuplestorestate *result_store(FunctionCallInfo fcinfo, TupleDesc *desc);

#endif							/* DML_RESULT_STORE_H */
