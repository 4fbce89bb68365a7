/*
 * validate.c
 *	  amvalidate: is an operator class for dml complete, and nothing else?
 *
 * A class is of vectors (support function 1, the metric; distances to order by) or of a
 * column behind them (support function 2, a comparison; the five operators of btree).
 */
#include "compat.h"

#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "tree.h"

/* What is wrong with a class, as INFO. */
static bool
complain(Form_pg_opclass class, const char *what, const char *name)
{
	ereport(INFO,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("operator class \"%s\" of access method dml %s%s", NameStr(class->opcname), what, name)));
	return false;
}

static bool
check_functions(Form_pg_opclass class, CatCList *functions)
{
	bool		result = true;

	for (int i = 0; i < functions->n_members; i++)
	{
		Form_pg_amproc proc = (Form_pg_amproc) GETSTRUCT(&functions->members[i]->tuple);
		bool		fits;

		if (proc->amprocnum == TREE_METRIC_PROC)
			fits = check_amproc_signature(proc->amproc, INT4OID, true, 0, 0);
		else
			fits = proc->amprocnum == TREE_COMPARE_PROC &&
				check_amproc_signature(proc->amproc, INT4OID, true, 2, 2, proc->amproclefttype, proc->amprocrighttype);
		if (!fits)
			result = complain(class, "has a support function of a wrong number or signature: ",
							  format_procedure(proc->amproc));
	}
	return result;
}

static bool
check_operators(Form_pg_opclass class, CatCList *operators, bool vectors)
{
	bool		result = true;

	for (int i = 0; i < operators->n_members; i++)
	{
		Form_pg_amop op = (Form_pg_amop) GETSTRUCT(&operators->members[i]->tuple);
		bool		order = op->amoppurpose == AMOP_ORDER;
		bool		fits = check_amop_signature(op->amopopr, order ? FLOAT8OID : BOOLOID,
												op->amoplefttype, op->amoprighttype);

		if (vectors)
			fits = fits && (order ? op->amopstrategy == TREE_DISTANCE_STRATEGY && opfamily_can_sort_type(op->amopsortfamily, FLOAT8OID) :
							op->amopstrategy == TREE_WITHIN_STRATEGY);
		else
			fits = fits && !order && op->amopstrategy >= BTLessStrategyNumber && op->amopstrategy <= BTMaxStrategyNumber;
		if (!fits)
			result = complain(class, "has an operator of a wrong strategy or signature: ", format_operator(op->amopopr));
	}
	return result;
}

bool
tree_validate(Oid opclass)
{
	HeapTuple	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
	Form_pg_opclass class;
	CatCList   *operators;
	CatCList   *functions;
	Oid			type;
	bool		vectors;
	bool		result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator class %u", opclass);
	class = (Form_pg_opclass) GETSTRUCT(tuple);
	type = class->opcintype;
	vectors = OidIsValid(get_opfamily_proc(class->opcfamily, type, type, TREE_METRIC_PROC));
	operators = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(class->opcfamily));
	functions = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(class->opcfamily));
	result = check_functions(class, functions);
	result &= check_operators(class, operators, vectors);

	if (vectors && !OidIsValid(get_opfamily_member(class->opcfamily, type, type, TREE_DISTANCE_STRATEGY)))
		result = complain(class, "lacks its distance", "");
	if (!vectors && !OidIsValid(get_opfamily_proc(class->opcfamily, type, type, TREE_COMPARE_PROC)))
		result = complain(class, "lacks support function 1, the metric of vectors, or 2, the comparison of columns", "");
	for (int strategy = BTLessStrategyNumber; !vectors && strategy <= BTMaxStrategyNumber; strategy++)
		if (!OidIsValid(get_opfamily_member(class->opcfamily, type, type, strategy)))
			result = complain(class, "lacks one of the five comparisons of its type", "");
	ReleaseCatCacheList(functions);
	ReleaseCatCacheList(operators);
	ReleaseSysCache(tuple);
	return result;
}
