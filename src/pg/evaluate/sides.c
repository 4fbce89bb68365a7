/*
 * sides.c
 *	  Which network of a model embeds which side of a pair.
 */
#include "compat.h"

#include "evaluate/sides.h"

#include "miscadmin.h"

void
sides_of_model(const char *model, PairSides *sides)
{
	const DmlVersion *version = dml_version_by_name(model);

	dml_version_pin(version, CurrentMemoryContext);
	sides->version = sides->side[0] = sides->side[1] = version;
	if (version->side[0] && version->side[1])
	{
		sides->side[0] = version->side[0];
		sides->side[1] = version->side[1];
	}
	else if (version->adapter)
		sides->side[1] = NULL;
	sides->width[0] = sides->side[0]->in;
	sides->width[1] = sides->side[1] ? sides->side[1]->in : version->out;
}

bool
sides_are_one(const PairSides *sides)
{
	return sides->side[0] == sides->side[1];
}

static void
check_width(const PairSides *sides, const DmlTupleSource *source, const DmlTuples *tuples, int side)
{
	int			d = tuples->input[tuples->inputs == 2 ? side : 0].rows.d;

	if (d != sides->width[side])
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("model \"%s\" takes %d numbers, and %s has %d",
						sides->version->name, sides->width[side], source->name[side], d),
				 sides->side[side] ? errdetail("The model was trained with the features %s.", sides->side[side]->features) : 0));
}

DmlTuples *
sides_read(const PairSides *sides, DmlTupleSource *source)
{
	DmlTuples  *tuples;

	source->inputs = sides_are_one(sides) ? 1 : 2;
	source->embedded = sides->version->adapter;
	for (int k = 0; k < 2; k++)
		if (sides->side[k])
		{
			source->origin[k] = sides->side[k]->model->origin;
			source->n_origin[k] = sides->width[k];
			source->encoder[k] = sides->side[k]->model->encoder;
		}
	tuples = dml_tuples_read(source, (size_t) maintenance_work_mem * 1024 / 4, NULL, NULL);
	check_width(sides, source, tuples, 0);
	check_width(sides, source, tuples, 1);
	if (sides->version->adapter && tuples->space != sides->version->space)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s has vectors of another space than those that model \"%s\" learned to meet",
						source->name[1], sides->version->name)));
	return tuples;
}
