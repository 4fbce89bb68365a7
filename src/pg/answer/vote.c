/*
 * vote.c
 *	  The vote of a row's neighbours.
 */
#include "compat.h"

#include "answer/vote.h"

#include <math.h>

#include "call/arguments.h"

void
vote_check_distance(double max_distance)
{
	if (!(max_distance >= 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_distance must be at least 0, not %g", max_distance)));
}

VoteRule
vote_rule(FunctionCallInfo fcinfo, int first)
{
	char	   *weights = text_argument(fcinfo, first + 3);
	VoteRule	rule = {
		.k = PG_ARGISNULL(first) ? 5 : PG_GETARG_INT32(first),
		.max_distance = PG_ARGISNULL(first + 1) ? INFINITY : PG_GETARG_FLOAT8(first + 1),
	.min_confidence = PG_ARGISNULL(first + 2) ? 0 : PG_GETARG_FLOAT8(first + 2)};

	if (rule.k < 1 || rule.k > MAX_NEIGHBOURS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be from 1 to %d, not %d", MAX_NEIGHBOURS, rule.k)));
	vote_check_distance(rule.max_distance);
	if (!(rule.min_confidence >= 0 && rule.min_confidence <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("min_confidence must be from 0 to 1, not %g", rule.min_confidence)));
	if (weights != NULL && strcmp(weights, "distance") != 0 && strcmp(weights, "uniform") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown weights \"%s\"", weights),
				 errhint("Valid weights are distance and uniform.")));
	rule.weighted = weights == NULL || strcmp(weights, "distance") == 0;
	return rule;
}

int32
vote_winner(const VoteRule *rule, const int32 *label, const double *distance, int n, double *confidence)
{
	bool		exact = rule->weighted && distance[0] == 0;
	int32		best = label[0];
	double		best_weight = 0;
	double		total = 0;

	for (int i = 0; i < n; i++)
	{
		double		weight = 0;
		bool		seen = false;

		for (int j = 0; j < i && !seen; j++)
			seen = label[j] == label[i];
		for (int j = i; j < n && !seen; j++)
		{
			double		one = !rule->weighted ? 1 : exact ? distance[j] == 0 : distance[0] / distance[j];

			if (i == 0)
				total += one;
			if (label[i] == label[j])
				weight += one;
		}
		if (weight > best_weight * (1 + 1e-12))
		{
			best = label[i];
			best_weight = weight;
		}
	}
	*confidence = best_weight / total;
	return best;
}

bool
vote_unknown(const VoteRule *rule, double distance, double confidence)
{
	return distance > rule->max_distance || confidence < rule->min_confidence;
}
