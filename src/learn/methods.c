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
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "methods.h"

/* What the losses of pairs and triplets read besides: the miner with its settings, and the memory. */
#define MINED		",miner,mine_margin,mine_near,mine_far,mine_angle,mine_cutoff,epsilon,memory"
#define MINER(m)	.miner = (m), .mine_near = 0.2, .mine_far = 0.8, .mine_angle = 20, .mine_cutoff = 0.5, \
	.epsilon = 0.1, .distance = -1

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
		.name = "lfda",
		.kind = METHOD_CLOSED_FORM,
		.supervision = "labels",
		.description = "local discriminant analysis: rows of a class that are far apart need not come together",
		.paper = "Sugiyama 2007 (JMLR 8)",
		.parameters = "neighbors",
		.linear = {.neighbors = 7},
	},
	{
		.name = "lmnn",
		.kind = METHOD_LINEAR,
		.supervision = "labels",
		.description = "large margin: every row nearer to its neighbours of the class than to any other, by 1",
		.paper = "Weinberger, Blitzer and Saul 2005 (NIPS); Weinberger and Saul 2009 (JMLR 10)",
		.parameters = "neighbors,pull,iterations,tolerance,preprocess,components",
		.linear = {.neighbors = 3, .pull = 0.5, .iterations = 1000, .tolerance = 1e-5},
	},
	{
		.name = "nca_linear",
		.kind = METHOD_LINEAR,
		.supervision = "labels",
		.description = "neighbourhood components analysis over all rows, for a linear map, as the paper has it",
		.paper = "Goldberger, Roweis, Hinton and Salakhutdinov 2004 (NIPS)",
		.parameters = "iterations,tolerance,preprocess,components",
		.linear = {.iterations = 100, .tolerance = 1e-7},
	},
	{
		.name = "mlkr",
		.kind = METHOD_LINEAR,
		.supervision = "target",
		.description = "for a number to predict: the least error of a kernel regression that leaves each row out",
		.paper = "Weinberger and Tesauro 2007 (AISTATS)",
		.parameters = "iterations,tolerance,preprocess,components",
		.linear = {.iterations = 100, .tolerance = 1e-7},
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
		.name = "mmc",
		.kind = METHOD_LINEAR,
		.supervision = "pairs, labels",
		.description = "pairs that are the same near, the others far; full, or one weight a column",
		.paper = "Xing, Ng, Jordan and Russell 2002 (NIPS)",
		.parameters = "diagonal,constraints,iterations,tolerance,preprocess,components",
		.linear = {.iterations = 1000, .tolerance = 1e-7},
	},
	{
		.name = "sdml",
		.kind = METHOD_LINEAR,
		.supervision = "pairs, labels",
		.description = "sparse: a metric near a prior most of whose elements off the diagonal are zero",
		.paper = "Qi, Tang, Zha, Chua and Zhang 2009, doi:10.1145/1553374.1553482",
		.parameters = "eta,sparsity,prior,constraints,iterations,tolerance,preprocess,components",
		.linear = {.eta = 0.5, .sparsity = 0.01, .prior = PRIOR_IDENTITY, .iterations = 1000, .tolerance = 1e-6},
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
		.name = "scml",
		.kind = METHOD_LINEAR,
		.supervision = "triplets, labels",
		.description = "sparse compositional: few out of many locally discriminative directions, each with a weight",
		.paper = "Shi, Bellet and Sha 2014 (AAAI)",
		.parameters = "neighbors,impostors,bases,sparsity,iterations,tolerance,preprocess,components",
		.linear = {.neighbors = 3, .impostors = 10, .sparsity = 1e-5, .iterations = 1000, .tolerance = 1e-5},
	},
	{
		.name = "contrastive",
		.kind = METHOD_GRADIENT,
		.supervision = "labels, pairs",
		.description = "pulls pairs of one class together and pushes others beyond a margin",
		.paper = "Hadsell, Chopra and LeCun 2006, doi:10.1109/CVPR.2006.100",
		.loss = {loss_contrastive, LOSS_DISTANCE, LOSS_BATCH},
		.parameters = "pos_margin,neg_margin,distance" MINED,
		.defaults = {.pos_margin = 0, .neg_margin = 1, MINER(MINE_ALL)},
	},
	{
		.name = "triplet",
		.kind = METHOD_GRADIENT,
		.supervision = "labels, triplets",
		.description = "wants every negative farther than every positive by a margin; swap and smooth as options",
		.paper = "Schroff, Kalenichenko and Philbin 2015, arXiv:1503.03832; Hermans, Beyer and Leibe 2017, arXiv:1703.07737",
		.loss = {loss_triplet, LOSS_DISTANCE, LOSS_BATCH},
		.parameters = "margin,smooth,swap,distance" MINED,
		.defaults = {.margin = 0.05, MINER(MINE_ALL)},
	},
	{
		.name = "quadruplet",
		.kind = METHOD_GRADIENT,
		.supervision = "quadruplets",
		.description = "wants the nearer two of four rows nearer than the other two by a margin",
		.paper = "Law, Thome and Cord 2013, doi:10.1109/ICCV.2013.38",
		.parameters = "margin",
		.defaults = {.margin = 0.2},
	},
	{
		.name = "multi_similarity",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "weighs each pair by its own and its relative similarity, among pairs that its miner finds hard",
		.paper = "Wang et al. 2019, arXiv:1904.06627",
		.loss = {loss_multi_similarity, LOSS_COSINE, LOSS_BATCH},
		.parameters = "alpha,beta,base" MINED,
		.defaults = {.alpha = 2, .beta = 50, .base = 0.5, MINER(MINE_MULTI_SIMILARITY)},
	},
	{
		.name = "ntxent",
		.kind = METHOD_GRADIENT,
		.supervision = "labels, triplets, matches, unlabeled rows",
		.description = "softmax of each positive pair against the anchor's negatives",
		.paper = "Sohn 2016 (NIPS); Chen et al. 2020, arXiv:2002.05709",
		.loss = {loss_ntxent, LOSS_COSINE, LOSS_BATCH},
		.parameters = "temperature,distance" MINED,
		.defaults = {.temperature = 0.07, MINER(MINE_ALL)},
	},
	{
		.name = "supcon",
		.kind = METHOD_GRADIENT,
		.supervision = "labels, unlabeled rows",
		.description = "softmax of an anchor's positives against the whole batch",
		.paper = "Khosla et al. 2020, arXiv:2004.11362",
		.loss = {loss_supcon, LOSS_COSINE, LOSS_BATCH},
		.parameters = "temperature,distance" MINED,
		.defaults = {.temperature = 0.1, MINER(MINE_ALL)},
	},
	{
		.name = "nca",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "raises the probability that a row's random near neighbour is of its class",
		.paper = "Goldberger, Roweis, Hinton and Salakhutdinov 2004 (NIPS)",
		.loss = {loss_nca, LOSS_SQUARED, LOSS_BATCH},
		.parameters = "scale,distance" MINED,
		.defaults = {.scale = 8, MINER(MINE_ALL)},
	},
	{
		.name = "lifted_structure",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "pulls each pair of one class against all the negatives of both its rows at once",
		.paper = "Song, Xiang, Jegelka and Savarese 2016, arXiv:1511.06452",
		.loss = {loss_lifted_structure, LOSS_DISTANCE, LOSS_BATCH},
		.parameters = "pos_margin,neg_margin,distance" MINED,
		.defaults = {.pos_margin = 0, .neg_margin = 1, MINER(MINE_ALL)},
	},
	{
		.name = "generalized_lifted_structure",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "soft maxima over an anchor's positives and over its negatives against each other",
		.paper = "Hermans, Beyer and Leibe 2017, arXiv:1703.07737",
		.loss = {loss_generalized_lifted, LOSS_DISTANCE, LOSS_BATCH},
		.parameters = "pos_margin,neg_margin,distance" MINED,
		.defaults = {.pos_margin = 0, .neg_margin = 1, MINER(MINE_ALL)},
	},
	{
		.name = "margin",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "positives inside and negatives outside of a boundary that is learned, with a margin to either side",
		.paper = "Wu, Manmatha, Smola and Krähenbühl 2017, arXiv:1706.07567",
		.loss = {loss_margin, LOSS_DISTANCE, LOSS_BATCH, .scalars = loss_margin_scalars},
		.parameters = "margin,beta,nu,per_class,distance" MINED,
		.defaults = {.margin = 0.2, .beta = 1.2, MINER(MINE_DISTANCE_WEIGHTED)},
		.proxy_lr = 10,
	},
	{
		.name = "circle",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "weighs every pair by how far it is from where it should be",
		.paper = "Sun et al. 2020, arXiv:2002.10857",
		.loss = {loss_circle, LOSS_COSINE, LOSS_BATCH, .holds = true},
		.parameters = "margin,scale" MINED,
		.defaults = {.margin = 0.4, .scale = 80, MINER(MINE_ALL)},
	},
	{
		.name = "tuplet_margin",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "softmax of each positive pair against the anchor's negatives, with some slack in the positive's angle",
		.paper = "Yu and Tao 2019 (ICCV)",
		.loss = {loss_tuplet_margin, LOSS_COSINE, LOSS_BATCH},
		.parameters = "margin,scale" MINED,
		.defaults = {.margin = 5.73, .scale = 64, MINER(MINE_ALL)},
	},
	{
		.name = "ranked_list",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "each class inside a ball, all others outside of it, the nearest of them weighed most",
		.paper = "Wang et al. 2019, arXiv:1903.03238",
		.loss = {loss_ranked_list, LOSS_DISTANCE, LOSS_BATCH},
		.parameters = "margin,neg_margin,scale,nu,distance" MINED,
		.defaults = {.margin = 0.4, .neg_margin = 1.2, .scale = 10, .nu = 0.5, MINER(MINE_ALL)},
	},
	{
		.name = "npair",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "softmax of a pair against the pairs of the other classes",
		.paper = "Sohn 2016 (NIPS)",
		.loss = {loss_npair, LOSS_COSINE, LOSS_BATCH, .by_class = true},
		.parameters = "temperature,distance" MINED,
		.defaults = {.temperature = 0.1, MINER(MINE_ALL)},
	},
	{
		.name = "angular",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "bounds the angle at a negative under which a pair is seen",
		.paper = "Wang, Zhou, Wen, Liu and Lin 2017, arXiv:1708.01682",
		.loss = {loss_angular, LOSS_COSINE, LOSS_BATCH, .by_class = true},
		.parameters = "angle" MINED,
		.defaults = {.angle = 40, MINER(MINE_ALL)},
	},
	{
		.name = "snr",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "contrastive, with the ratio of noise to signal for a distance",
		.paper = "Yuan, Deng, Tang, Tang and Chen 2019, arXiv:1904.02616",
		.loss = {loss_contrastive, LOSS_SNR, LOSS_BATCH},
		.parameters = "pos_margin,neg_margin" MINED,
		.defaults = {.pos_margin = 0, .neg_margin = 1, MINER(MINE_ALL)},
	},
	{
		.name = "dynamic_soft_margin",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "triplets with the nearest negative, weighed by their rank among those of the last batches",
		.paper = "Zhang and Rusinkiewicz 2019 (ICCV)",
		.loss = {loss_dynamic_soft_margin, LOSS_DISTANCE, LOSS_BATCH, .holds = true,
		.states = loss_dynamic_soft_margin_states},
		.parameters = "bins" MINED,
		.defaults = {.bins = 10, MINER(MINE_ALL)},
	},
	{
		.name = "threshold_consistent_margin",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "positives above one cosine and negatives below another, the same for all classes",
		.paper = "Zhang et al. 2023, arXiv:2307.04047",
		.loss = {loss_threshold_consistent, LOSS_COSINE, LOSS_BATCH},
		.parameters = "pos_margin,neg_margin,alpha,beta" MINED,
		.defaults = {.pos_margin = 0.9, .neg_margin = 0.5, .alpha = 1, .beta = 1, MINER(MINE_ALL)},
	},
	{
		.name = "intra_pair_variance",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "narrows the spread of positive pairs and of negative pairs about their means",
		.paper = "Yu and Tao 2019 (ICCV)",
		.loss = {loss_intra_pair_variance, LOSS_COSINE, LOSS_BATCH},
		.parameters = "pos_margin,neg_margin" MINED,
		.defaults = {.pos_margin = 0.01, .neg_margin = 0.01, MINER(MINE_ALL)},
		.partial = true,
	},
	{
		.name = "instance",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "each row as a class of its own: pushes the rows of other classes away",
		.paper = "Zheng et al. 2020, arXiv:1711.05535",
		.loss = {loss_instance, LOSS_COSINE, LOSS_BATCH},
		.parameters = "scale" MINED,
		.defaults = {.scale = 64, MINER(MINE_ALL)},
		.partial = true,
	},
	{
		.name = "histogram",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "the probability that a negative pair is more similar than a positive pair, by histograms of the batch",
		.paper = "Ustinova and Lempitsky 2016, arXiv:1611.00822",
		.loss = {loss_histogram, LOSS_COSINE, LOSS_BATCH},
		.parameters = "bins,memory",
		.defaults = {.bins = 100, .distance = -1},
	},
	{
		.name = "fast_ap",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "average precision of the batch's neighbours, by histograms of distances",
		.paper = "Cakir, He, Xia, Kulis and Sclaroff 2019 (CVPR)",
		.loss = {loss_fast_ap, LOSS_COSINE, LOSS_BATCH},
		.parameters = "bins,memory",
		.defaults = {.bins = 10, .distance = -1},
	},
	{
		.name = "smooth_ap",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "average precision of the batch's neighbours, with smooth steps",
		.paper = "Brown, Xie, Kalogeiton and Zisserman 2020, arXiv:2007.12163",
		.loss = {loss_smooth_ap, LOSS_COSINE, LOSS_BATCH},
		.parameters = "temperature,memory",
		.defaults = {.temperature = 0.01, .distance = -1},
	},
	{
		.name = "pnp",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "penalises the negatives in front of each positive, by one of five forms",
		.paper = "Li et al. 2021, arXiv:2102.04640",
		.loss = {loss_pnp, LOSS_COSINE, LOSS_BATCH},
		.parameters = "temperature,variant,alpha,beta,memory",
		.defaults = {.temperature = 0.01, .variant = PNP_O, .alpha = 1, .beta = 2, .distance = -1},
	},
	{
		.name = "proxy_nca",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "NCA against one learned proxy a class",
		.paper = "Movshovitz-Attias et al. 2017, arXiv:1703.07464; Teh et al. 2020, arXiv:2004.01113",
		.loss = {loss_proxy_nca, LOSS_COSINE, LOSS_PROXY},
		.parameters = "scale",
		.defaults = {.scale = 4, .distance = -1},
		.proxy_lr = 10,
	},
	{
		.name = "proxy_anchor",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "each class's proxy pulls its hardest rows and pushes the nearest rows of others",
		.paper = "Kim, Kim, Cho and Kwak 2020, arXiv:2003.13911",
		.loss = {loss_proxy_anchor, LOSS_COSINE, LOSS_PROXY},
		.parameters = "margin,alpha",
		.defaults = {.margin = 0.1, .alpha = 32, .distance = -1},
		.proxy_lr = 10,
	},
	{
		.name = "normalized_softmax",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "classification by the cosine with each class's proxy",
		.paper = "Wang, Xiang, Cheng and Yuille 2017, arXiv:1704.06369; Zhai and Wu 2018, arXiv:1811.12649",
		.loss = {loss_normalized_softmax, LOSS_COSINE, LOSS_PROXY},
		.parameters = "temperature",
		.defaults = {.temperature = 0.05, .distance = -1},
		.proxy_lr = 10,
	},
	{
		.name = "cosface",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "normalised softmax with a margin on the own class's cosine",
		.paper = "Wang et al. 2018, arXiv:1801.09414",
		.loss = {loss_cosface, LOSS_COSINE, LOSS_PROXY},
		.parameters = "margin,scale",
		.defaults = {.margin = 0.35, .scale = 64, .distance = -1},
		.proxy_lr = 10,
	},
	{
		.name = "arcface",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "normalised softmax with a margin (in radians) on the angle to the own class's proxy",
		.paper = "Deng, Guo, Xue and Zafeiriou 2019, arXiv:1801.07698",
		.loss = {loss_arcface, LOSS_COSINE, LOSS_PROXY},
		.parameters = "margin,scale",
		.defaults = {.margin = 0.5, .scale = 64, .distance = -1},
		.proxy_lr = 10,
	},
	{
		.name = "subcenter_arcface",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "ArcFace with several proxies a class, of which the nearest counts",
		.paper = "Deng, Guo, Liu, Gong and Zafeiriou 2020 (ECCV)",
		.loss = {loss_arcface, LOSS_COSINE, LOSS_PROXY},
		.parameters = "margin,scale,proxies",
		.defaults = {.margin = 0.5, .scale = 64, .proxies = 3, .distance = -1},
		.proxy_lr = 10,
	},
	{
		.name = "sphereface",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "normalised softmax with the own class's angle multiplied",
		.paper = "Liu et al. 2017, arXiv:1704.08063",
		.loss = {loss_sphereface, LOSS_COSINE, LOSS_PROXY},
		.parameters = "margin,scale",
		.defaults = {.margin = 4, .scale = 16, .distance = -1},
		.proxy_lr = 10,
	},
	{
		.name = "large_margin_softmax",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "softmax with the own class's angle multiplied, proxies of any length",
		.paper = "Liu, Wen, Yu and Yang 2016, arXiv:1612.02295",
		.loss = {loss_large_margin_softmax, LOSS_COSINE, LOSS_PROXY},
		.parameters = "margin,scale",
		.defaults = {.margin = 4, .scale = 16, .distance = -1},
		.proxy_lr = 10,
	},
	{
		.name = "adacos",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "normalised softmax that chooses its scale by itself",
		.paper = "Zhang, Zhao, Qiao, Wang and Li 2019, arXiv:1905.00292",
		.loss = {loss_adacos, LOSS_COSINE, LOSS_PROXY, .holds = true, .states = loss_adacos_states},
		.parameters = "dynamic",
		.defaults = {.dynamic = 1, .distance = -1},
		.proxy_lr = 10,
	},
	{
		.name = "p2sgrad",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "the cosine with the own proxy to 1 and with all others to 0, by squares",
		.paper = "Zhang et al. 2019, arXiv:1905.02479",
		.loss = {loss_p2sgrad, LOSS_COSINE, LOSS_PROXY},
		.parameters = "",
		.defaults = {.distance = -1},
		.proxy_lr = 10,
	},
	{
		.name = "soft_triple",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "softmax over classes of several proxies each",
		.paper = "Qian et al. 2019, arXiv:1909.05235",
		.loss = {loss_soft_triple, LOSS_COSINE, LOSS_PROXY},
		.parameters = "scale,temperature,margin,proxies",
		.defaults = {.scale = 20, .temperature = 0.1, .margin = 0.01, .proxies = 10, .distance = -1},
		.proxy_lr = 10,
	},
	{
		.name = "centroid_triplet",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "triplets of a row with the centroids of the batch's classes",
		.paper = "Wieczorek, Rychalska and Dabrowski 2021, arXiv:2104.13643",
		.loss = {loss_centroid_triplet, LOSS_SQUARED, LOSS_BATCH, .by_class = true},
		.parameters = "margin",
		.defaults = {.margin = 0.2, .distance = -1},
	},
	{
		.name = "vicreg",
		.kind = METHOD_GRADIENT,
		.supervision = "labels, unlabeled rows",
		.description = "two views of a row alike, columns spread out and uncorrelated",
		.paper = "Bardes, Ponce and LeCun 2022, arXiv:2105.04906",
		.loss = {loss_vicreg, LOSS_COSINE, LOSS_EMBEDDING, .by_class = true, .scratch = loss_view_scratch},
		.parameters = "alpha,beta,nu",
		.defaults = {.alpha = 25, .beta = 25, .nu = 1, .distance = -1},
	},
	{
		.name = "barlow_twins",
		.kind = METHOD_GRADIENT,
		.supervision = "labels, unlabeled rows",
		.description = "correlations of two views' columns: 1 of the same, 0 of different ones",
		.paper = "Zbontar, Jing, Misra, LeCun and Deny 2021, arXiv:2103.03230",
		.loss = {loss_barlow_twins, LOSS_COSINE, LOSS_EMBEDDING, .by_class = true, .scratch = loss_view_scratch},
		.parameters = "nu",
		.defaults = {.nu = 0.005, .distance = -1},
	},
	{
		.name = "center",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "pulls each row to the running centre of its class",
		.paper = "Wen, Zhang, Li and Qiao 2016 (ECCV)",
		.loss = {loss_center, LOSS_COSINE, LOSS_EMBEDDING, .by_class = true, .holds = true,
		.states = loss_center_states, .scratch = loss_row_scratch},
		.parameters = "alpha",
		.defaults = {.alpha = 0.5, .distance = -1},
		.partial = true,
	},
	{
		.name = "norm",
		.kind = METHOD_GRADIENT,
		.supervision = "none",
		.description = "regulariser: the mean squared length of embeddings",
		.paper = "Sohn 2016 (NIPS)",
		.loss = {loss_norm, LOSS_COSINE, LOSS_EMBEDDING},
		.parameters = "",
		.defaults = {.distance = -1},
		.partial = true,
	},
	{
		.name = "zero_mean",
		.kind = METHOD_GRADIENT,
		.supervision = "none",
		.description = "regulariser: embeddings whose elements add up to 0",
		.paper = "Yuan, Deng, Tang, Tang and Chen 2019, arXiv:1904.02616",
		.loss = {loss_zero_mean, LOSS_COSINE, LOSS_EMBEDDING},
		.parameters = "",
		.defaults = {.distance = -1},
		.partial = true,
	},
	{
		.name = "center_invariant",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "regulariser: class centres of equal length",
		.paper = "Wu, Liu, Li and Fu 2017 (ACM Multimedia workshops)",
		.loss = {loss_center_invariant, LOSS_COSINE, LOSS_EMBEDDING, .by_class = true, .scratch = loss_row_scratch},
		.parameters = "",
		.defaults = {.distance = -1},
		.partial = true,
	},
	{
		.name = "orthogonal",
		.kind = METHOD_GRADIENT,
		.supervision = "labels",
		.description = "regulariser: cosines of negatives as those of random directions",
		.paper = "Zhang, Yu, Kumar and Chang 2017, arXiv:1708.06320",
		.loss = {loss_orthogonal, LOSS_COSINE, LOSS_BATCH},
		.parameters = "",
		.defaults = {.distance = -1},
		.partial = true,
	},
	{
		.name = "uniformity",
		.kind = METHOD_GRADIENT,
		.supervision = "none",
		.description = "regulariser: embeddings spread evenly over the sphere",
		.paper = "Wang and Isola 2020, arXiv:2005.10242",
		.loss = {loss_uniformity, LOSS_SQUARED, LOSS_BATCH},
		.parameters = "scale",
		.defaults = {.scale = 2, .distance = -1},
		.partial = true,
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
		(strcmp(supervision, "chunklets") == 0 && has_word(method->supervision, "labels")) ||
		(strcmp(supervision, "labels") == 0 && has_word(method->supervision, "target"));
}

/* Names with ", " between them, cut off where size does not allow more. */
void
method_names(const char *supervision, char *buf, size_t size)
{
	size_t		used = 0;

	if (size > 0)
		buf[0] = '\0';
	for (int i = 0; i < METHODS && used < size; i++)
		if (supervision == NULL || (method_learns_from(&methods[i], supervision) && !methods[i].partial))
			used += snprintf(buf + used, size - used, "%s%s", used > 0 ? ", " : "", methods[i].name);
}

/* The next term of a sum, from *text on, which moves behind it.  "0.5 * center", "center", "center * 0.5". */
static LearnStatus
parse_term(LearnEnv *env, const char *whole, const char **text, const char *supervision, MethodTerm *term)
{
	const char *p = *text;
	char		name[64];
	size_t		n;
	bool		weighted = false;

	memset(term, 0, sizeof(*term));
	term->weight = 1;
	p += strspn(p, " \t\n");
	if (isdigit((unsigned char) *p) || *p == '.')
	{
		char	   *end;

		term->weight = strtod(p, &end);
		p = end + strspn(end, " \t\n");
		if (*p++ != '*')
			return learn_fail(env, LEARN_INVALID, "a weight in method \"%s\" is not followed by *", whole);
		p += strspn(p, " \t\n");
		weighted = true;
	}
	n = strcspn(p, " \t\n+*");
	snprintf(name, sizeof(name), "%.*s", (int) n, p);
	p += n;
	p += strspn(p, " \t\n");
	if (*p == '*' && !weighted)
	{
		char	   *end;

		p++;
		term->weight = strtod(p, &end);
		if (end == p)
			return learn_fail(env, LEARN_INVALID, "in method \"%s\" there is no number behind *", whole);
		p = end + strspn(end, " \t\n");
	}
	term->method = method_by_name(name);
	if (term->method == NULL || (supervision && !method_learns_from(term->method, supervision)))
	{
		char		names[sizeof(env->hint) - 32];

		if (term->method == NULL)
			learn_fail(env, LEARN_INVALID, "unknown method \"%s\"", name);
		else
			learn_fail(env, LEARN_INVALID, "method \"%s\" does not learn from %s", name, supervision);
		method_names(supervision, names, sizeof(names));
		learn_hint(env, "Valid methods are: %s.", names);
		return LEARN_INVALID;
	}
	if (!(term->weight > 0 && term->weight <= 1e6))
		return learn_fail(env, LEARN_INVALID, "the weight of \"%s\" must be above 0 and at most 1e6, not %g",
						  name, term->weight);
	if (*p != '\0' && *p != '+')
		return learn_fail(env, LEARN_INVALID, "method \"%s\" is not understood from \"%s\" on", whole, p);
	*text = p;
	return LEARN_OK;
}

LearnStatus
method_parse(LearnEnv *env, const char *text, const char *supervision, MethodTerm *term, int *n_terms)
{
	const char *p = text;
	bool		whole = false;
	int			n = 0;

	for (;; p++)
	{
		if (n == METHOD_MAX_TERMS)
			return learn_fail(env, LEARN_INVALID, "a sum of methods has %d terms at most", METHOD_MAX_TERMS);
		LEARN_TRY(parse_term(env, text, &p, supervision, &term[n]));
		for (int i = 0; i < n; i++)
			if (term[i].method == term[n].method)
				return learn_fail(env, LEARN_INVALID, "method \"%s\" occurs twice in a sum", term[n].method->name);
		whole = whole || !term[n].method->partial;
		n++;
		if (*p == '\0')
			break;
	}
	if (n == 1 && term[0].weight != 1)
		return learn_fail(env, LEARN_INVALID, "a weight means nothing to method \"%s\" alone", term[0].method->name);
	for (int i = 0; i < n && n > 1; i++)
		if (term[i].method->loss.function == NULL)
		{
			learn_fail(env, LEARN_INVALID, "method \"%s\" cannot be a term of a sum", term[i].method->name);
			learn_hint(env, "Only losses can be added up.");
			return LEARN_INVALID;
		}
	if (!whole)
	{
		learn_fail(env, LEARN_INVALID, "method \"%s\" learns nothing by itself", term[0].method->name);
		learn_hint(env, "Add it to a loss, for example 'supcon + 0.1 * %s'.", term[0].method->name);
		return LEARN_INVALID;
	}
	*n_terms = n;
	return LEARN_OK;
}

void
method_print(const MethodTerm *term, int n_terms, char *buf, size_t size)
{
	size_t		used = 0;

	buf[0] = '\0';
	for (int i = 0; i < n_terms && used < size; i++)
	{
		if (term[i].weight != 1)
			used += snprintf(buf + used, size - used, "%s%g * %s", i > 0 ? " + " : "", term[i].weight, term[i].method->name);
		else
			used += snprintf(buf + used, size - used, "%s%s", i > 0 ? " + " : "", term[i].method->name);
	}
}
