/*
 * arguments.h
 *	  Arguments of SQL functions.
 */
#ifndef DML_ARGUMENTS_H
#define DML_ARGUMENTS_H

#include "compat.h"

#include "fmgr.h"

/* A text argument, or NULL. */
extern char *text_argument(FunctionCallInfo fcinfo, int i);

/* Raise ERRCODE_NULL_VALUE_NOT_ALLOWED if the argument is NULL. */
extern void need_argument(const void *value, const char *name, const char *hint);

#endif							/* DML_ARGUMENTS_H */
