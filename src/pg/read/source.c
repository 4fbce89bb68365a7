/*
 * source.c
 *	  Tells a relation's name from a query, and checks either.
 */
#include "compat.h"

#include "read/source.h"

#include <ctype.h>

#include "access/sysattr.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "parser/analyze.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/varlena.h"

#include "read/feature.h"

#define SOURCE_HINT	"A source is the name of a table or view, or a query: 'SELECT ... FROM ...'."

/* Skip white space and comments; C-style comments nest, as in SQL. */
static const char *
skip_blank(const char *p)
{
	for (;;)
	{
		if (isspace((unsigned char) *p))
			p++;
		else if (p[0] == '-' && p[1] == '-')
			p += strcspn(p, "\r\n");
		else if (p[0] == '/' && p[1] == '*')
		{
			int			depth = 0;

			do
			{
				if (p[0] == '/' && p[1] == '*')
				{
					depth++;
					p += 2;
				}
				else if (p[0] == '*' && p[1] == '/')
				{
					depth--;
					p += 2;
				}
				else
					p++;
			} while (depth > 0 && *p);
		}
		else
			return p;
	}
}

static bool
is_query(const char *source)
{
	static const char *const words[] = {"select", "with", "values", "table"};
	const char *p = skip_blank(source);

	if (*p == '(')
		return true;
	for (int i = 0; i < lengthof(words); i++)
	{
		size_t		length = strlen(words[i]);
		unsigned char next;

		if (pg_strncasecmp(p, words[i], length) != 0)
			continue;
		next = p[length];
		if (!isalnum(next) && next != '_' && next != '$' && next != '.' && !IS_HIGHBIT_SET(next))
			return true;
	}
	return false;
}

static char *
from_query(const char *source)
{
	List	   *parsed = dml_raw_parse("", source);
	RawStmt    *raw;

	if (list_length(parsed) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("source must be one query, not %d", list_length(parsed))));
	raw = linitial_node(RawStmt, parsed);
	if (!IsA(raw->stmt, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("source must be a table, a view or a SELECT")));
	for (SelectStmt *select = (SelectStmt *) raw->stmt; select; select = select->larg)
	{
		if (select->intoClause != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_SYNTAX_ERROR),
					 errmsg("source cannot be SELECT INTO")));
		if (select->lockingClause != NIL)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("source cannot lock rows (%s)",
							LCS_asString(linitial_node(LockingClause, select->lockingClause)->strength))));
	}

	/* A statement that a semicolon ends has a length, without the semicolon. */
	source += raw->stmt_location;
	return psprintf("(%s\n) AS source",
					raw->stmt_len > 0 ? pnstrdup(source, raw->stmt_len) : source);
}

static void missing_relation(const char *source) pg_attribute_noreturn();

static void
missing_relation(const char *source)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("source \"%s\" does not exist", source),
			 errhint(SOURCE_HINT)));
	pg_unreachable();
}

/* The table, view or the like that a source names. */
static Oid
find_relation(const char *source)
{
	List	   *names;
	Oid			relid;

	if (!SplitIdentifierString(pstrdup(source), '.', &names) || names == NIL || list_length(names) > 3)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("source \"%s\" is neither a name nor a query", source),
				 errhint(SOURCE_HINT)));
#if PG_VERSION_NUM >= 160000
	names = stringToQualifiedNameList(source, NULL);
#else
	names = stringToQualifiedNameList(source);
#endif
	relid = RangeVarGetRelid(makeRangeVarFromNameList(names), NoLock, true);

	if (!OidIsValid(relid))
		missing_relation(source);
	switch (get_rel_relkind(relid))
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("source \"%s\" is not a table or view", source)));
	}
	return relid;
}

static char *
from_relation(const char *source)
{
	Oid			relid = find_relation(source);
	char	   *name = get_rel_name(relid);

	/* the relation may be dropped between any two of these look-ups */
	if (name == NULL)
		missing_relation(source);
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), name);
}

static void
check_not_empty(const char *source)
{
	if (*skip_blank(source) == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source must not be empty"),
				 errhint(SOURCE_HINT)));
}

char *
dml_source_from(const char *source)
{
	check_not_empty(source);
	return is_query(source) ? from_query(source) : from_relation(source);
}

Oid
dml_source_relation(const char *source)
{
	check_not_empty(source);
	return is_query(source) ? InvalidOid : find_relation(source);
}

char *
dml_source_key(const char *source, int *n)
{
	Oid			relation = dml_source_relation(source);
	Oid			constraint;
	Bitmapset  *columns;
	StringInfoData key;
	int			column = -1;

	*n = 0;
	initStringInfo(&key);
	columns = OidIsValid(relation) ? get_primary_key_attnos(relation, false, &constraint) : NULL;
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		AttrNumber	number = column + FirstLowInvalidHeapAttributeNumber;

		if (pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
			pg_attribute_aclcheck(relation, number, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		{
			*n = 0;
			return pstrdup("");
		}
		appendStringInfo(&key, ", %s", quote_identifier(get_attname(relation, number, false)));
		(*n)++;
	}
	return key.data;
}
