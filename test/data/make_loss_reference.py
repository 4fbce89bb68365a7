#!/usr/bin/env python3
"""Write loss_reference.txt: values and gradients of the losses by an independent program.

Needs PyTorch and, from PyPI, pytorch-metric-learning; everything is computed in
float64.  The embeddings are not normalised: losses of distances are asked for
distances of the embeddings as they are, losses of cosines normalise by themselves.

    python3 make_loss_reference.py > loss_reference.txt

Format: lines of words.  "#" a comment; "z", "proxies" ROWS COLS, then that many lines of
numbers; "case" NAME METHOD, then "options" NAME=VALUE ..., "label" and its numbers, "learned" (proxies
and other numbers, where they are not the proxies above), "value" NUMBER, "dz" and, for losses that learn
numbers, "dlearned" as the matrices above.
"""
import math
import sys

import pytorch_metric_learning
import torch
from pytorch_metric_learning import losses, miners, regularizers
from pytorch_metric_learning.distances import CosineSimilarity, DotProductSimilarity, LpDistance, SNRDistance

ROWS, DIMS, CLASSES = 24, 6, 5

generator = torch.Generator().manual_seed(20)
z = torch.randn(ROWS, DIMS, generator=generator, dtype=torch.float64) * 0.6
proxies = torch.randn(CLASSES, DIMS, generator=generator, dtype=torch.float64)

# class 4 has one row: an anchor without a positive
uneven = torch.tensor([0] * 8 + [1] * 6 + [2] * 6 + [3] * 3 + [4])
uneven = uneven[torch.randperm(ROWS, generator=generator)]
even = torch.tensor([0, 1, 2, 3] * 6)

# the rows lean towards their class, as they do once training has begun
centres = torch.randn(CLASSES, DIMS, generator=generator, dtype=torch.float64)
z += centres[uneven] * 0.5


def many(n):
    """n proxies: those above for one a class, else others."""
    if n == CLASSES:
        return proxies
    return torch.randn(n, DIMS, generator=torch.Generator().manual_seed(n), dtype=torch.float64)


def euclidean(power=1):
    return LpDistance(normalize_embeddings=False, p=2, power=power)


def semihard(margin):
    return miners.TripletMarginMiner(margin=margin, type_of_triplets="semihard", distance=euclidean())


def triplets_of(d):
    """Of each anchor the first positive behind it, going round, and the nearest negative."""
    def mine(x, label):
        mat = d(x.detach(), x.detach())
        found = []
        for i in range(len(label)):
            behind = [(i + k) % len(label) for k in range(1, len(label))]
            positive = [j for j in behind if label[j] == label[i]]
            negative = [j for j in range(len(label)) if label[j] != label[i]]
            if positive and negative:
                found.append((i, positive[0], min(negative, key=lambda j: mat[i, j].item())))
        return tuple(torch.tensor(t) for t in zip(*found))
    return mine


def matrix(name, m):
    print(name, *m.shape)
    for row in m:
        print(*("%.12g" % x for x in row.tolist()))


def case(name, method, loss, label=uneven, mined_by=None, unit=False, tolerance=None, value_only=False, **options):
    """unit: on normalised rows, where the loss asks for the length of an embedding, or normalises where ours does not."""
    x = torch.nn.functional.normalize(z) if unit else z.clone()
    x.requires_grad_()
    learned = []
    for attribute in ("proxies", "W", "fc", "weight", "beta"):
        if isinstance(getattr(loss, attribute, None), torch.nn.Parameter):
            given = getattr(loss, attribute)
            if attribute in ("W", "fc", "weight"):
                value = many(given.shape[1]).t()
            elif attribute == "proxies":
                value = many(given.shape[0])
            else:
                value = torch.linspace(0.9, 1.3, len(given), dtype=torch.float64)
            parameter = torch.nn.Parameter(value.clone())
            setattr(loss, attribute, parameter)
            learned.append((parameter, attribute))
    value = loss(x, label, mined_by(x, label) if mined_by else None)
    value.backward()
    if unit:
        matrix("z", x.detach())
    print("case", name, method)
    print("label", *label.tolist())
    if options:
        print("options", *("%s=%s" % (k, str(v).lower() if isinstance(v, bool) else v) for k, v in options.items()))
    if tolerance:
        print("tolerance", tolerance)
    for parameter, attribute in learned:
        shown = parameter.detach()
        shown = shown.t() if attribute in ("W", "fc", "weight") else shown.reshape(-1, 1) if attribute == "beta" else shown
        if shown.shape != proxies.shape:
            matrix("learned", shown)
    print("value", "%.15g" % value.item())
    if not value_only:
        matrix("dz", x.grad)
    for parameter, attribute in learned:
        grad = parameter.grad
        matrix("dlearned", grad.t() if attribute in ("W", "fc", "weight") else grad.reshape(-1, 1) if attribute == "beta" else grad)
    if unit:
        matrix("z", z)


print("# Made by make_loss_reference.py with Python %d.%d, torch %s, pytorch-metric-learning %s."
      % (*sys.version_info[:2], torch.__version__.split("+")[0], pytorch_metric_learning.__version__))
matrix("z", z)
matrix("proxies", proxies)

case("contrastive", "contrastive", losses.ContrastiveLoss(pos_margin=0, neg_margin=1, distance=euclidean()))
case("contrastive_margins", "contrastive",
     losses.ContrastiveLoss(pos_margin=0.7, neg_margin=2, distance=euclidean()), pos_margin=0.7, neg_margin=2)
for margin in (0.05, 0.5):
    for number, kind, miner in (("all", "all", None), ("hard", "hard", miners.BatchHardMiner(distance=euclidean())),
                                ("semihard", "semihard", semihard(margin))):
        case("triplet_%s_%g" % (kind, margin), "triplet",
             losses.TripletMarginLoss(margin=margin, distance=euclidean()),
             mined_by=miner, margin=margin, miner=number)
case("multi_similarity", "multi_similarity", losses.MultiSimilarityLoss(),
     mined_by=miners.MultiSimilarityMiner(epsilon=0.1))
case("multi_similarity_all_pairs", "multi_similarity", losses.MultiSimilarityLoss(alpha=3, beta=20, base=0.4),
     label=even, alpha=3, beta=20, base=0.4, miner="all")
case("ntxent", "ntxent", losses.NTXentLoss())
case("ntxent_warm", "ntxent", losses.NTXentLoss(temperature=0.5), temperature=0.5)
case("supcon", "supcon", losses.SupConLoss())
case("supcon_warm", "supcon", losses.SupConLoss(temperature=0.5), temperature=0.5)
case("nca", "nca", losses.NCALoss(softmax_scale=1, distance=euclidean(2)), scale=1)
case("nca_sharp", "nca", losses.NCALoss(softmax_scale=4, distance=euclidean(2)), scale=4)
case("proxy_nca", "proxy_nca", losses.ProxyNCALoss(CLASSES, DIMS, softmax_scale=1), scale=1)
case("proxy_nca_sharp", "proxy_nca", losses.ProxyNCALoss(CLASSES, DIMS, softmax_scale=8), scale=8)
case("proxy_anchor", "proxy_anchor", losses.ProxyAnchorLoss(CLASSES, DIMS))
case("normalized_softmax", "normalized_softmax", losses.NormalizedSoftmaxLoss(CLASSES, DIMS))
case("cosface", "cosface", losses.CosFaceLoss(CLASSES, DIMS))
case("cosface_soft", "cosface", losses.CosFaceLoss(CLASSES, DIMS, margin=0.2, scale=8), margin=0.2, scale=8)
case("arcface", "arcface", losses.ArcFaceLoss(CLASSES, DIMS, margin=math.degrees(0.5)))
# so wide a margin that for some rows theta + margin is beyond pi
case("arcface_wide", "arcface", losses.ArcFaceLoss(CLASSES, DIMS, margin=math.degrees(1.6), scale=8),
     margin=1.6, scale=8)
case("triplet_swap_hard", "triplet", losses.TripletMarginLoss(margin=0.5, swap=True, distance=euclidean()),
     mined_by=miners.BatchHardMiner(distance=euclidean()), margin=0.5, swap=True, miner="hard")
case("triplet_smooth_hard", "triplet", losses.TripletMarginLoss(margin=0.1, smooth_loss=True, distance=euclidean()),
     mined_by=miners.BatchHardMiner(distance=euclidean()), margin=0.1, smooth=True, miner="hard")
case("triplet_easy_positive", "triplet", losses.TripletMarginLoss(margin=0.5, distance=euclidean()),
     mined_by=miners.BatchEasyHardMiner(pos_strategy="easy", neg_strategy="semihard", distance=euclidean()),
     label=even, margin=0.5, miner="easy_positive")
case("triplet_squares", "triplet", losses.TripletMarginLoss(margin=0.5, distance=euclidean(2)), margin=0.5, distance="l2_squared")
# a loss of distances takes 1 - cosine for the cosine
case("triplet_cosine", "triplet", losses.TripletMarginLoss(margin=0.2, distance=CosineSimilarity()), margin=0.2, distance="cosine")
case("contrastive_snr", "snr", losses.ContrastiveLoss(pos_margin=0.1, neg_margin=1.5, distance=SNRDistance(normalize_embeddings=False)),
     pos_margin=0.1, neg_margin=1.5)
case("contrastive_pair_margin", "contrastive", losses.ContrastiveLoss(pos_margin=0, neg_margin=2, distance=euclidean()),
     mined_by=miners.PairMarginMiner(pos_margin=1, neg_margin=1.5, distance=euclidean()), neg_margin=2, miner="pair_margin",
     mine_near=1, mine_far=1.5)
case("ntxent_inner", "ntxent", losses.NTXentLoss(temperature=0.5, distance=DotProductSimilarity(normalize_embeddings=False)),
     temperature=0.5, distance="inner")
case("lifted_structure", "lifted_structure", losses.LiftedStructureLoss(distance=euclidean()))
case("lifted_structure_margins", "lifted_structure",
     losses.LiftedStructureLoss(pos_margin=0.3, neg_margin=2, distance=euclidean()), pos_margin=0.3, neg_margin=2)
case("generalized_lifted", "generalized_lifted_structure", losses.GeneralizedLiftedStructureLoss(distance=euclidean()), label=even)
case("margin_hard", "margin", losses.MarginLoss(learn_beta=True, distance=euclidean()),
     mined_by=miners.BatchHardMiner(distance=euclidean()), miner="hard")
case("margin_per_class", "margin", losses.MarginLoss(margin=0.5, learn_beta=True, num_classes=CLASSES, distance=euclidean()),
     mined_by=miners.BatchHardMiner(distance=euclidean()), miner="hard", margin=0.5, per_class=True)
case("circle", "circle", losses.CircleLoss())
case("circle_faces", "circle", losses.CircleLoss(m=0.25, gamma=256), margin=0.25, scale=256)
case("tuplet_margin", "tuplet_margin", losses.TupletMarginLoss())
case("tuplet_margin_wide", "tuplet_margin", losses.TupletMarginLoss(margin=20, scale=8), margin=20, scale=8)
# it adds 1e-5 to every weight
case("ranked_list", "ranked_list", losses.RankedListLoss(margin=0.4, alpha=1.2, Tn=2, distance=euclidean()),
     tolerance=2e-3, scale=2)
two_each = torch.arange(ROWS) // 2
case("intra_pair_variance", "intra_pair_variance", losses.IntraPairVarianceLoss())
case("threshold_consistent", "threshold_consistent_margin", losses.ThresholdConsistentMarginLoss(margin_minus=0.1), neg_margin=0.1)
# it lets the gradient through its weights, which the paper does not
case("dynamic_soft_margin", "dynamic_soft_margin", losses.DynamicSoftMarginLoss(), unit=True, value_only=True,
     mined_by=triplets_of(LpDistance()), miner="all", bins=10)
first, second, none = torch.arange(0, ROWS, 2), torch.arange(1, ROWS, 2), torch.zeros(0, dtype=torch.long)
case("npair", "npair", losses.NPairsLoss(distance=DotProductSimilarity(normalize_embeddings=False)), label=two_each, mined_by=lambda x, label: (first, second, none, none),
     temperature=1, distance="inner")
# it normalises pairs and takes negatives as they are
case("angular", "angular", losses.AngularLoss(), label=two_each, unit=True, value_only=True)
case("instance", "instance", losses.InstanceLoss(), label=torch.arange(ROWS))
# it finds bins in float32
case("histogram", "histogram", losses.HistogramLoss(), label=even, tolerance=1e-5)
case("histogram_coarse", "histogram", losses.HistogramLoss(n_bins=10), label=even, tolerance=1e-5, bins=10)
case("fast_ap", "fast_ap", losses.FastAPLoss())
case("subcenter_arcface", "subcenter_arcface",
     losses.SubCenterArcFaceLoss(num_classes=CLASSES, embedding_size=DIMS, margin=math.degrees(0.5)))
# the length of an embedding is 1 here: ours takes it for the scale
case("sphereface", "sphereface", losses.SphereFaceLoss(CLASSES, DIMS, margin=4, scale=4), unit=True, value_only=True, scale=4)
case("large_margin_softmax", "large_margin_softmax", losses.LargeMarginSoftmaxLoss(CLASSES, DIMS, margin=3, scale=2),
     unit=True, value_only=True, margin=3, scale=2)
case("soft_triple", "soft_triple", losses.SoftTripleLoss(CLASSES, DIMS), nu=0)
case("soft_triple_soft", "soft_triple", losses.SoftTripleLoss(CLASSES, DIMS, centers_per_class=2, la=5, gamma=0.5, margin=0.2),
     scale=5, temperature=0.5, margin=0.2, proxies=2, nu=0)
case("soft_triple_regular", "soft_triple",
     losses.SoftTripleLoss(CLASSES, DIMS, weight_regularizer=regularizers.SparseCentersRegularizer(CLASSES, 10), weight_reg_weight=0.2))
case("soft_triple_regular_two", "soft_triple",
     losses.SoftTripleLoss(CLASSES, DIMS, centers_per_class=2, weight_regularizer=regularizers.SparseCentersRegularizer(CLASSES, 2), weight_reg_weight=3),
     proxies=2, nu=3)


class Assigned(torch.nn.Module):
    """ManifoldLoss takes the rows' proxies where other losses take what a miner has found, and no labels."""

    def __init__(self, **settings):
        super().__init__()
        self.loss = losses.ManifoldLoss(l=DIMS, K=CLASSES, **settings)
        self.proxies = self.loss.proxies

    def forward(self, x, label, mined=None):
        self.loss.proxies = self.proxies
        return self.loss(x, indices_tuple=label)


# it inverts in float32
case("manifold_proxy", "manifold_proxy", Assigned(), tolerance=1e-3)
case("manifold_proxy_short", "manifold_proxy", Assigned(alpha=0.4, margin=0.02, lambdaC=0.5), tolerance=1e-3, walk=0.4, margin=0.02, nu=0.5)


class Views(torch.nn.Module):
    """VICReg takes the views as two matrices."""

    def forward(self, x, label, mined=None):
        return losses.VICRegLoss()(x[0::2], ref_emb=x[1::2])


case("vicreg", "vicreg", Views(), label=two_each)


class Regulariser(torch.nn.Module):
    def __init__(self, regulariser):
        super().__init__()
        self.regulariser = regulariser

    def forward(self, x, label, mined=None):
        return self.regulariser(x)


case("norm", "norm", Regulariser(regularizers.LpRegularizer(power=2)))
case("zero_mean", "zero_mean", Regulariser(regularizers.ZeroMeanRegularizer()))
# of weights there, of class centres here: with one row a class they are the rows
case("center_invariant", "center_invariant", Regulariser(regularizers.CenterInvariantRegularizer()), label=torch.arange(ROWS))
