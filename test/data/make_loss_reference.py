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
from pytorch_metric_learning import losses, miners
from pytorch_metric_learning.distances import LpDistance

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


def euclidean(power=1):
    return LpDistance(normalize_embeddings=False, p=2, power=power)


def semihard(margin):
    return miners.TripletMarginMiner(margin=margin, type_of_triplets="semihard", distance=euclidean())


def matrix(name, m):
    print(name, *m.shape)
    for row in m:
        print(*("%.12g" % x for x in row.tolist()))


def case(name, method, loss, label=uneven, mined_by=None, **params):
    x = z.clone().requires_grad_()
    weight = None
    for attribute in ("proxies", "W"):
        if hasattr(loss, attribute):
            weight = torch.nn.Parameter(proxies.t().clone() if attribute == "W" else proxies.clone())
            setattr(loss, attribute, weight)
            transposed = attribute == "W"
    value = loss(x, label, mined_by(x, label) if mined_by else None)
    value.backward()
    print("case", name, method)
    print("label", *label.tolist())
    if params:
        print("options", *("%s=%s" % p for p in params.items()))
    print("value", "%.15g" % value.item())
    matrix("dz", x.grad)
    if weight is not None:
        matrix("dlearned", weight.grad.t() if transposed else weight.grad)


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
