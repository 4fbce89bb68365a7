"""The peers' methods: metric-learn, scikit-learn, pytorch-metric-learning, told what to do over a pipe.

A line of standard input is a request, a line of standard output its answer.  Each training is a child
process of its own, so that its memory can be read and a slow one be ended: {"seconds", "peak_mb"}
and the embeddings in a file, or {"error"}.
"""
import json
import os
import resource
import signal
import sys
import time
import traceback

import metric_learn
import numpy as np
from pytorch_metric_learning import losses, miners
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.preprocessing import StandardScaler

import peer

CLASSICAL = {
    "metric-learn Covariance": lambda: metric_learn.Covariance(),
    "metric-learn RCA": lambda: metric_learn.RCA_Supervised(),
    "metric-learn LFDA": lambda: metric_learn.LFDA(),
    "metric-learn LMNN": lambda: metric_learn.LMNN(),
    "metric-learn NCA": lambda: metric_learn.NCA(max_iter=100),
    "metric-learn MLKR": lambda: metric_learn.MLKR(),
    "metric-learn ITML": lambda: metric_learn.ITML_Supervised(),
    "metric-learn MMC": lambda: metric_learn.MMC_Supervised(),
    "metric-learn MMC diagonal": lambda: metric_learn.MMC_Supervised(diagonal=True),
    "metric-learn SDML": lambda: metric_learn.SDML_Supervised(),
    "metric-learn LSML": lambda: metric_learn.LSML_Supervised(),
    "metric-learn SCML": lambda: metric_learn.SCML_Supervised(),
    "scikit-learn LDA": lambda: LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto"),
    "scikit-learn NCA": lambda: NeighborhoodComponentsAnalysis(max_iter=100, random_state=0),
}

# with the library's own settings: (loss from classes and dims, miner or None)
DEEP = {
    "contrastive": lambda c, d: (losses.ContrastiveLoss(), None),
    "triplet semi-hard": lambda c, d: (losses.TripletMarginLoss(margin=0.2),
                                       miners.TripletMarginMiner(margin=0.2, type_of_triplets="semihard")),
    "triplet hard": lambda c, d: (losses.TripletMarginLoss(margin=0.2), miners.BatchHardMiner()),
    "N-pairs": lambda c, d: (losses.NPairsLoss(), None),
    "lifted structure": lambda c, d: (losses.LiftedStructureLoss(), None),
    "generalized lifted structure": lambda c, d: (losses.GeneralizedLiftedStructureLoss(), None),
    "margin": lambda c, d: (losses.MarginLoss(), miners.DistanceWeightedMiner()),
    "multi-similarity": lambda c, d: (losses.MultiSimilarityLoss(), miners.MultiSimilarityMiner()),
    "circle": lambda c, d: (losses.CircleLoss(), None),
    "tuplet margin": lambda c, d: (losses.TupletMarginLoss(), None),
    "SupCon": lambda c, d: (losses.SupConLoss(), None),
    "NT-Xent": lambda c, d: (losses.NTXentLoss(), None),
    "angular": lambda c, d: (losses.AngularLoss(), None),
    "signal-to-noise": lambda c, d: (losses.SignalToNoiseRatioContrastiveLoss(), None),
    "FastAP": lambda c, d: (losses.FastAPLoss(), None),
    "PNP": lambda c, d: (losses.PNPLoss(), None),
    "dynamic soft margin": lambda c, d: (losses.DynamicSoftMarginLoss(), None),
    "intra-pair variance": lambda c, d: (losses.IntraPairVarianceLoss(), None),
    "instance": lambda c, d: (losses.InstanceLoss(), None),
    "ranked list": lambda c, d: (losses.RankedListLoss(margin=0.4, Tn=10), None),
    "histogram": lambda c, d: (losses.HistogramLoss(), None),
    "NCA": lambda c, d: (losses.NCALoss(softmax_scale=8), None),
    "normalized softmax": lambda c, d: (losses.NormalizedSoftmaxLoss(c, d), None),
    "SphereFace": lambda c, d: (losses.SphereFaceLoss(c, d), None),
    "CosFace": lambda c, d: (losses.CosFaceLoss(c, d), None),
    "ArcFace": lambda c, d: (losses.ArcFaceLoss(c, d), None),
    "sub-center ArcFace": lambda c, d: (losses.SubCenterArcFaceLoss(c, d), None),
    "large-margin softmax": lambda c, d: (losses.LargeMarginSoftmaxLoss(c, d), None),
    "P2SGrad": lambda c, d: (losses.P2SGradLoss(c, d), None),
    "proxy-NCA": lambda c, d: (losses.ProxyNCALoss(c, d, softmax_scale=4), None),
    "proxy-anchor": lambda c, d: (losses.ProxyAnchorLoss(c, d), None),
    "SoftTriple": lambda c, d: (losses.SoftTripleLoss(c, d), None),
    "manifold proxy": lambda c, d: (losses.ManifoldLoss(l=d, K=c), None),
}


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def classical(name, x, y, xt):
    scaler = StandardScaler().fit(x)
    model = CLASSICAL[name]()
    began = time.perf_counter()
    model.fit(scaler.transform(x), y)
    seconds = time.perf_counter() - began
    return seconds, model.transform(scaler.transform(x)), model.transform(scaler.transform(xt))


def deep(name, x, y, xt, hidden, dims, batch, epochs):
    import torch
    x, xt = x.astype(np.float32), xt.astype(np.float32)
    mean, deviation = x.mean(0), float(np.sqrt(x.var(0).mean()))
    rows = [torch.from_numpy((part - mean) / deviation) for part in (x, xt)]
    peer.loss_and_miner = lambda loss, classes, dims: DEEP[loss](classes, dims)
    batch = min(batch, len(y))
    batch -= batch % (int(y.max()) + 1)
    net, _, answer = peer.train(rows[0], y, name, hidden, dims, batch, epochs)
    return answer["seconds"], peer.embed(net, rows[0]), peer.embed(net, rows[1])


def work(request):
    data = np.load(request["file"])
    x, y, xt = data["x"].astype(np.float64), data["y"].astype(np.int64), data["xt"].astype(np.float64)
    before = peak()
    name = request["name"]
    if name in CLASSICAL:
        seconds, train, test = classical(name, x, y, xt)
    else:
        seconds, train, test = deep(name.split(" ", 1)[1], x, y, xt, request["hidden"], request["dims"], request["batch"],
                                    request["epochs"])
    np.savez(request["out"], train=train.astype(np.float32), test=test.astype(np.float32))
    return {"seconds": seconds, "peak_mb": peak() - before}


def attempt(request):
    """work() in a child with a time limit."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            answer = work(request)
        except BaseException as error:
            traceback.print_exc(file=sys.stderr)
            answer = {"error": str(error).split("\n")[0][:80] or type(error).__name__}
        os.write(write, json.dumps(answer).encode())
        os._exit(0)
    os.close(write)
    ended = time.monotonic() + request["limit"]
    while time.monotonic() < ended:
        if os.waitpid(child, os.WNOHANG)[0]:
            text = os.read(read, 65536)
            os.close(read)
            return json.loads(text) if text else {"error": "ended without an answer"}
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(read)
    return {"error": "over %d s" % request["limit"]}


def main():
    answers = sys.stdout
    sys.stdout = sys.stderr
    for line in sys.stdin:
        print(json.dumps(attempt(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
