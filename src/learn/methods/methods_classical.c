/*
 * methods_classical.c
 *	  The registry's first part: auto, closed forms, and linear maps by iterations.
 */
#include "methods.h"

static const Method methods[] = {
	{
		.name = "auto",
		.kind = METHOD_AUTO,
		.supervision = "any",
		.description = "tries closed forms and losses that suit the data, and keeps what is best on held-out rows",
		.parameters = "",
	},
	{
		.name = "whiten",
		.kind = METHOD_CLOSED_FORM,
		.supervision = "none",
		.description = "principal directions, each divided by its standard deviation: Mahalanobis distance",
		.paper = "Mahalanobis 1936; Kessy, Lewin and Strimmer 2018, arXiv:1512.00809",
		.parameters = "shrink,l2",
	},
	{
		.name = "pca",
		.kind = METHOD_CLOSED_FORM,
		.supervision = "none",
		.description = "the directions of the largest variance: fewer dimensions, nearly the same distances",
		.paper = "Pearson 1901, doi:10.1080/14786440109462720",
		.parameters = "l2",
	},
	{
		.name = "lda",
		.kind = METHOD_CLOSED_FORM,
		.supervision = "labels",
		.description = "the directions that separate the classes best against the spread within them",
		.paper = "Fisher 1936, doi:10.1111/j.1469-1809.1936.tb02137.x; Rao 1948, doi:10.1111/j.2517-6161.1948.tb00008.x",
		.parameters = "shrink,l2",
	},
	{
		.name = "covariance",
		.kind = METHOD_CLOSED_FORM,
		.supervision = "none",
		.description = "another name of whiten, by which metric-learn has it",
		.paper = "Mahalanobis 1936",
		.parameters = "shrink,l2",
	},
	{
		.name = "rca",
		.kind = METHOD_CLOSED_FORM,
		.supervision = "chunklets, labels",
		.description = "relevant component analysis: rows that belong together scatter equally in all directions",
		.paper = "Bar-Hillel, Hertz, Shental and Weinshall 2005 (JMLR 6)",
		.parameters = "shrink,l2",
	},
	{
		.name = "ridge",
		.kind = METHOD_CLOSED_FORM,
		.supervision = "matches",
		.description = "for two sides: the linear map of the first that meets the second best, drawn towards the identity",
		.paper = "Hoerl and Kennard 1970, doi:10.1080/00401706.1970.10488634",
		.parameters = "shrink,l2",
		.linear = {.shrink = 0.2},
	},
	{
		.name = "procrustes",
		.kind = METHOD_CLOSED_FORM,
		.supervision = "matches",
		.description = "for two sides: the rotation of the first that meets the second best",
		.paper = "Schoenemann 1966, doi:10.1007/BF02289451",
		.parameters = "shrink,l2",
	},
	{
		.name = "lfda",
		.kind = METHOD_CLOSED_FORM,
		.supervision = "labels",
		.description = "local discriminant analysis: rows of a class that are far apart need not come together",
		.paper = "Sugiyama 2007 (JMLR 8)",
		.parameters = "neighbors,shrink,l2",
		.linear = {.neighbors = 7},
	},
	{
		.name = "lmnn",
		.kind = METHOD_LINEAR,
		.supervision = "labels",
		.description = "large margin: every row nearer to its neighbours of the class than to any other, by 1",
		.paper = "Weinberger, Blitzer and Saul 2005 (NIPS); Weinberger and Saul 2009 (JMLR 10)",
		.parameters = "neighbors,pull,iterations,tolerance,preprocess,components,shrink,l2",
		.linear = {.neighbors = 3, .pull = 0.5, .iterations = 1000, .tolerance = 1e-5},
	},
	{
		.name = "nca_linear",
		.kind = METHOD_LINEAR,
		.supervision = "labels",
		.description = "neighbourhood components analysis over all rows, for a linear map, as the paper has it",
		.paper = "Goldberger, Roweis, Hinton and Salakhutdinov 2004 (NIPS)",
		.parameters = "iterations,tolerance,preprocess,components,shrink,l2",
		.linear = {.iterations = 100, .tolerance = 1e-7},
	},
	{
		.name = "mlkr",
		.kind = METHOD_LINEAR,
		.supervision = "target",
		.description = "for a number to predict: the least error of a kernel regression that leaves each row out",
		.paper = "Weinberger and Tesauro 2007 (AISTATS)",
		.parameters = "iterations,tolerance,preprocess,components,shrink,l2",
		.linear = {.iterations = 100, .tolerance = 1e-7},
	},
	{
		.name = "itml",
		.kind = METHOD_LINEAR,
		.supervision = "pairs, labels",
		.description = "information-theoretic: the metric nearest to a prior that keeps pairs within bounds",
		.paper = "Davis, Kulis, Jain, Sra and Dhillon 2007, doi:10.1145/1273496.1273523",
		.parameters = "gamma,prior,constraints,iterations,tolerance,preprocess,components,shrink,l2",
		.linear = {.gamma = 1, .prior = PRIOR_IDENTITY, .iterations = 1000, .tolerance = 1e-6},
	},
	{
		.name = "mmc",
		.kind = METHOD_LINEAR,
		.supervision = "pairs, labels",
		.description = "pairs that are the same near, the others far; full, or one weight a column",
		.paper = "Xing, Ng, Jordan and Russell 2002 (NIPS)",
		.parameters = "diagonal,constraints,iterations,tolerance,preprocess,components,shrink,l2",
		.linear = {.iterations = 1000, .tolerance = 1e-7},
	},
	{
		.name = "sdml",
		.kind = METHOD_LINEAR,
		.supervision = "pairs, labels",
		.description = "sparse: a metric near a prior most of whose elements off the diagonal are zero",
		.paper = "Qi, Tang, Zha, Chua and Zhang 2009, doi:10.1145/1553374.1553482",
		.parameters = "eta,sparsity,prior,constraints,iterations,tolerance,preprocess,components,shrink,l2",
		.linear = {.eta = 0.5, .sparsity = 0.01, .prior = PRIOR_IDENTITY, .iterations = 1000, .tolerance = 1e-6},
	},
	{
		.name = "lsml",
		.kind = METHOD_LINEAR,
		.supervision = "quadruplets, labels",
		.description = "the metric nearest to a prior under which relative comparisons of distances hold",
		.paper = "Liu et al. 2012 (ICDM), doi:10.1109/ICDM.2012.38",
		.parameters = "prior,constraints,iterations,tolerance,preprocess,components,shrink,l2",
		.linear = {.prior = PRIOR_IDENTITY, .iterations = 1000, .tolerance = 1e-6},
	},
	{
		.name = "scml",
		.kind = METHOD_LINEAR,
		.supervision = "triplets, labels",
		.description = "sparse compositional: few out of many locally discriminative directions, each with a weight",
		.paper = "Shi, Bellet and Sha 2014 (AAAI)",
		.parameters = "neighbors,impostors,bases,sparsity,iterations,tolerance,preprocess,components,shrink,l2",
		.linear = {.neighbors = 3, .impostors = 10, .sparsity = 1e-5, .iterations = 1000, .tolerance = 1e-5},
	},
};

const Method *
methods_classical(int *n)
{
	*n = (int) (sizeof(methods) / sizeof(methods[0]));
	return methods;
}
