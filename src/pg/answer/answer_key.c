/*
 * answer_key.c
 *	  Keys: the values by which a caller knows rows.
 */
#include "compat.h"

#include "answer/answer_key.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#define KEY_OPERATORS	(TYPECACHE_EQ_OPR | TYPECACHE_GT_OPR | TYPECACHE_EQ_OPR_FINFO | \
						 TYPECACHE_CMP_PROC_FINFO | TYPECACHE_HASH_PROC_FINFO)

/*
 * Whether keys of a type can be sorted, hashed and put into an array.  unnest makes columns of a
 * composite type, and no keys.
 */
static bool
is_usable(Oid type)
{
	TypeCacheEntry *cache = lookup_type_cache(type, KEY_OPERATORS);
	char		kind = get_typtype(getBaseType(type));

	return kind != TYPTYPE_PSEUDO && kind != TYPTYPE_COMPOSITE && OidIsValid(get_array_type(type)) && OidIsValid(cache->gt_opr) &&
		OidIsValid(cache->eq_opr) && OidIsValid(cache->cmp_proc) && OidIsValid(cache->hash_proc);
}

void
answer_key_settle(AnswerKey *key, Oid native)
{
	Oid			output;
	bool		varlena;

	key->type = is_usable(native) ? native : TEXTOID;
	key->cache = lookup_type_cache(key->type, KEY_OPERATORS);
	key->collation = type_is_collatable(key->type) ? C_COLLATION_OID : InvalidOid;
	get_typlenbyvalalign(key->type, &key->len, &key->byval, &key->align);
	getTypeOutputInfo(key->type, &output, &varlena);
	fmgr_info(output, &key->output);
}

/* format_type_be_qualified calls bpchar "character", which in a cast is character(1). */
static char *
type_name(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Form_pg_type form;
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	form = (Form_pg_type) GETSTRUCT(tuple);
	name = quote_qualified_identifier(get_namespace_name(form->typnamespace), NameStr(form->typname));
	ReleaseSysCache(tuple);
	return name;
}

char *
answer_key_sql(const AnswerKey *key, const char *expression)
{
	return psprintf("CAST((%s\n) AS %s)%s", expression, type_name(key->type),
					OidIsValid(key->collation) ? " COLLATE pg_catalog.\"C\"" : "");
}

Datum
answer_key_result(AnswerKey *key, Datum value)
{
	return CStringGetTextDatum(OutputFunctionCall(&key->output, value));
}

char *
answer_key_greater(const AnswerKey *key)
{
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(key->cache->gt_opr));
	Form_pg_operator form;
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", key->cache->gt_opr);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	name = psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)), NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return name;
}
