/*
 * arguments.c
 *	  Arguments of SQL functions.
 */
#include "compat.h"

#include "utils/builtins.h"

#include "call/arguments.h"

char *
text_argument(FunctionCallInfo fcinfo, int i)
{
	return PG_ARGISNULL(i) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(i));
}

void
need_argument(const void *value, const char *name, const char *hint)
{
	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must be given", name),
				 errhint("%s", hint)));
}
