/*
 * methods.c
 *	  The registry: docs/methods.md says of each entry when to use it.
 *
 * Defaults are the papers', or pytorch-metric-learning's, with two exceptions.  The
 * scales of nca and proxy_nca are 1 in their papers, whose embeddings have any length;
 * ours lie on the unit sphere, where squared distances end at 4.  k-NN accuracy on
 * Fashion-MNIST (20,000 rows, four epochs of 784-256-64) by scale 1, 4, 8, 16: nca
 * 0.852, 0.876, 0.880, 0.878; proxy_nca 0.862, 0.874, 0.866, 0.853.
 */
#include <stdio.h>
#include <string.h>

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
		.parameters = "",
	},
	{
		.name = "pca",
		.kind = METHOD_CLOSED_FORM,
		.supervision = "none",
		.description = "the directions of the largest variance: fewer dimensions, nearly the same distances",
		.paper = "Pearson 1901, doi:10.1080/14786440109462720",
		.parameters = "",
	},
	{
		.name = "lda",
		.kind = METHOD_CLOSED_FORM,
		.supervision = "labels",
		.description = "the directions that separate the classes best against the spread within them",
		.paper = "Fisher 1936, doi:10.1111/j.1469-1809.1936.tb02137.x; Rao 1948, doi:10.1111/j.2517-6161.1948.tb00008.x",
		.parameters = "",
	},
	{
		.name = "covariance",
		.kind = METHOD_CLOSED_FORM,
		.supervision = "none",
		.description = "another name of whiten, by which metric-learn has it",
		.paper = "Mahalanobis 1936",
		.parameters = "",
	},
	{
		.name = "rca",
		.kind = METHOD_CLOSED_FORM,
		.supervision = "chunklets, labels",
		.description = "relevant component analysis: rows that belong together scatter equally in all directions",
		.paper = "Bar-Hillel, Hertz, Shental and Weinshall 2005 (JMLR 6)",
		.parameters = "",
	},
	{
		.name = "itml",
		.kind = METHOD_LINEAR,
		.supervision = "pairs, labels",
		.description = "information-theoretic: the metric nearest to a prior that keeps pairs within bounds",
		.paper = "Davis, Kulis, Jain, Sra and Dhillon 2007, doi:10.1145/1273496.1273523",
		.parameters = "gamma,prior,constraints,iterations,tolerance,preprocess,components",
		.linear = {.gamma = 1, .prior = PRIOR_IDENTITY, .iterations = 1000, .tolerance = 1e-6},
	},
	{
		.name = "lsml",
		.kind = METHOD_LINEAR,
		.supervision = "quadruplets, labels",
		.description = "the metric nearest to a prior under which relative comparisons of distances hold",
		.paper = "Liu, Guo, Xiong, Chen and Wang 2012, doi:10.1109/ICDM.2012.38",
		.parameters = "prior,constraints,iterations,tolerance,preprocess,components",
		.linear = {.prior = PRIOR_IDENTITY, .iterations = 1000, .tolerance = 1e-6},
	},
	{
		.name = "contrastive",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "pulls pairs of one class together and pushes others beyond a margin",
		.paper = "Hadsell, Chopra and LeCun 2006, doi:10.1109/CVPR.2006.100",
		.loss = loss_contrastive,
		.input = LOSS_DISTANCE,
		.side = LOSS_BATCH,
		.parameters = "pos_margin,neg_margin",
		.defaults = {.pos_margin = 0, .neg_margin = 1},
	},
	{
		.name = "triplet",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "wants every negative farther than every positive by a margin; miners all, hard, semihard",
		.paper = "Schroff, Kalenichenko and Philbin 2015, arXiv:1503.03832; Hermans, Beyer and Leibe 2017, arXiv:1703.07737",
		.loss = loss_triplet,
		.input = LOSS_DISTANCE,
		.side = LOSS_BATCH,
		.parameters = "margin,miner",
		.defaults = {.margin = 0.05, .miner = MINE_ALL},
	},
	{
		.name = "multi_similarity",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "weighs each pair by its own and its relative similarity, among pairs that its miner finds hard",
		.paper = "Wang et al. 2019, arXiv:1904.06627",
		.loss = loss_multi_similarity,
		.input = LOSS_COSINE,
		.side = LOSS_BATCH,
		.parameters = "alpha,beta,base,epsilon",
		.defaults = {.alpha = 2, .beta = 50, .base = 0.5, .epsilon = 0.1},
	},
	{
		.name = "ntxent",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "softmax of each positive pair against the anchor's negatives",
		.paper = "Sohn 2016 (NIPS); Chen et al. 2020, arXiv:2002.05709",
		.loss = loss_ntxent,
		.input = LOSS_COSINE,
		.side = LOSS_BATCH,
		.parameters = "temperature",
		.defaults = {.temperature = 0.07},
	},
	{
		.name = "supcon",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "softmax of an anchor's positives against the whole batch",
		.paper = "Khosla et al. 2020, arXiv:2004.11362",
		.loss = loss_supcon,
		.input = LOSS_COSINE,
		.side = LOSS_BATCH,
		.parameters = "temperature",
		.defaults = {.temperature = 0.1},
	},
	{
		.name = "nca",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "raises the probability that a row's random near neighbour is of its class",
		.paper = "Goldberger, Roweis, Hinton and Salakhutdinov 2004 (NIPS)",
		.loss = loss_nca,
		.input = LOSS_DISTANCE,
		.side = LOSS_BATCH,
		.parameters = "scale",
		.defaults = {.scale = 8},
	},
	{
		.name = "proxy_nca",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "NCA against one learned proxy a class",
		.paper = "Movshovitz-Attias et al. 2017, arXiv:1703.07464; Teh et al. 2020, arXiv:2004.01113",
		.loss = loss_proxy_nca,
		.input = LOSS_COSINE,
		.side = LOSS_PROXY,
		.parameters = "scale",
		.defaults = {.scale = 4},
		.proxy_lr = 10,
	},
	{
		.name = "proxy_anchor",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "each class's proxy pulls its hardest rows and pushes the nearest rows of others",
		.paper = "Kim, Kim, Cho and Kwak 2020, arXiv:2003.13911",
		.loss = loss_proxy_anchor,
		.input = LOSS_COSINE,
		.side = LOSS_PROXY,
		.parameters = "margin,alpha",
		.defaults = {.margin = 0.1, .alpha = 32},
		.proxy_lr = 10,
	},
	{
		.name = "normalized_softmax",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "classification by the cosine with each class's proxy",
		.paper = "Wang, Xiang, Cheng and Yuille 2017, arXiv:1704.06369; Zhai and Wu 2018, arXiv:1811.12649",
		.loss = loss_normalized_softmax,
		.input = LOSS_COSINE,
		.side = LOSS_PROXY,
		.parameters = "temperature",
		.defaults = {.temperature = 0.05},
		.proxy_lr = 10,
	},
	{
		.name = "cosface",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "normalised softmax with a margin on the own class's cosine",
		.paper = "Wang et al. 2018, arXiv:1801.09414",
		.loss = loss_cosface,
		.input = LOSS_COSINE,
		.side = LOSS_PROXY,
		.parameters = "margin,scale",
		.defaults = {.margin = 0.35, .scale = 64},
		.proxy_lr = 10,
	},
	{
		.name = "arcface",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "normalised softmax with a margin (in radians) on the angle to the own class's proxy",
		.paper = "Deng, Guo, Xue and Zafeiriou 2019, arXiv:1801.07698",
		.loss = loss_arcface,
		.input = LOSS_COSINE,
		.side = LOSS_PROXY,
		.parameters = "margin,scale",
		.defaults = {.margin = 0.5, .scale = 64},
		.proxy_lr = 10,
	},
};

#define METHODS ((int) (sizeof(methods) / sizeof(methods[0])))

int
method_count(void)
{
	return METHODS;
}

/* 0 <= i < method_count() */
const Method *
method_at(int i)
{
	return &methods[i];
}

/* The method of that name, case included, or NULL. */
const Method *
method_by_name(const char *name)
{
	for (int i = 0; i < METHODS; i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}

/* Is word in a list of words with ", " between them? */
static bool
has_word(const char *list, const char *word)
{
	size_t		length = strlen(word);

	for (const char *p = list; (p = strstr(p, word)) != NULL; p += length)
		if ((p == list || p[-1] == ' ') && (p[length] == ',' || p[length] == '\0'))
			return true;
	return false;
}

bool
method_learns_from(const Method *method, const char *supervision)
{
	return strcmp(method->supervision, "any") == 0 || strcmp(method->supervision, "none") == 0 ||
		has_word(method->supervision, supervision) ||
		(strcmp(supervision, "chunklets") == 0 && has_word(method->supervision, "labels"));
}

/* Names with ", " between them, cut off where size does not allow more. */
void
method_names(const char *supervision, char *buf, size_t size)
{
	size_t		used = 0;

	if (size > 0)
		buf[0] = '\0';
	for (int i = 0; i < METHODS && used < size; i++)
		if (supervision == NULL || method_learns_from(&methods[i], supervision))
			used += snprintf(buf + used, size - used, "%s%s", used > 0 ? ", " : "", methods[i].name);
}
