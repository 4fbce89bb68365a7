"""The peers' methods: metric-learn, scikit-learn, pytorch-metric-learning, told what to do over a pipe.

A line of standard input is a request, a line of standard output its answer.  Each training is a child
process of its own, so that its memory can be read and bounded and a slow one be ended: {"seconds" of processor time,
"peak_mb"} and the embeddings in a file, or {"error"}.
"""
import json
import os
import resource
import signal
import statistics
import sys
import time
import traceback

import metric_learn
import numpy as np
import pytorch_metric_learning
import sklearn
import torch
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
    "ranked list": lambda c, d: (losses.RankedListLoss(margin=0.4, Tn=10), None),
    "histogram": lambda c, d: (losses.HistogramLoss(), None),
    "NCA": lambda c, d: (losses.NCALoss(softmax_scale=8), None),
    "normalized softmax": lambda c, d: (losses.NormalizedSoftmaxLoss(c, d), None),
    "SphereFace": lambda c, d: (losses.SphereFaceLoss(c, d), None),
    "CosFace": lambda c, d: (losses.CosFaceLoss(c, d), None),
    "ArcFace": lambda c, d: (losses.ArcFaceLoss(c, d), None),
    "sub-center ArcFace": lambda c, d: (losses.SubCenterArcFaceLoss(num_classes=c, embedding_size=d), None),
    "large-margin softmax": lambda c, d: (losses.LargeMarginSoftmaxLoss(c, d), None),
    "P2SGrad": lambda c, d: (losses.P2SGradLoss(descriptors_dim=d, num_classes=c), None),
    "proxy-NCA": lambda c, d: (losses.ProxyNCALoss(c, d, softmax_scale=4), None),
    "proxy-anchor": lambda c, d: (losses.ProxyAnchorLoss(c, d), None),
    "SoftTriple": lambda c, d: (losses.SoftTripleLoss(c, d), None),
    "manifold proxy": lambda c, d: (losses.ManifoldLoss(l=d, K=c), None),
    "smooth AP": lambda c, d: (losses.SmoothAPLoss(), None),
}

# which of them are what a method of dml is
PEERS = {
    "whiten": ["metric-learn Covariance"],
    "rca": ["metric-learn RCA"],
    "lfda": ["metric-learn LFDA"],
    "lmnn": ["metric-learn LMNN"],
    "nca_linear": ["metric-learn NCA", "scikit-learn NCA"],
    "mlkr": ["metric-learn MLKR"],
    "itml": ["metric-learn ITML"],
    "mmc": ["metric-learn MMC"],
    "sdml": ["metric-learn SDML"],
    "lsml": ["metric-learn LSML"],
    "scml": ["metric-learn SCML"],
    "lda": ["scikit-learn LDA"],
}
PEERS.update({name: ["PML " + peers_name for peers_name in names] for name, names in {
    "contrastive": ["contrastive"],
    "triplet": ["triplet semi-hard", "triplet hard"],
    "npair": ["N-pairs"],
    "lifted_structure": ["lifted structure"],
    "generalized_lifted_structure": ["generalized lifted structure"],
    "margin": ["margin"],
    "multi_similarity": ["multi-similarity"],
    "circle": ["circle"],
    "tuplet_margin": ["tuplet margin"],
    "supcon": ["SupCon"],
    "ntxent": ["NT-Xent"],
    "angular": ["angular"],
    "snr": ["signal-to-noise"],
    "fast_ap": ["FastAP"],
    "smooth_ap": ["smooth AP"],
    "pnp": ["PNP"],
    "dynamic_soft_margin": ["dynamic soft margin"],
    "ranked_list": ["ranked list"],
    "histogram": ["histogram"],
    "nca": ["NCA"],
    "normalized_softmax": ["normalized softmax"],
    "sphereface": ["SphereFace"],
    "cosface": ["CosFace"],
    "arcface": ["ArcFace"],
    "subcenter_arcface": ["sub-center ArcFace"],
    "large_margin_softmax": ["large-margin softmax"],
    "p2sgrad": ["P2SGrad"],
    "proxy_nca": ["proxy-NCA"],
    "proxy_anchor": ["proxy-anchor"],
    "soft_triple": ["SoftTriple"],
    "manifold_proxy": ["manifold proxy"],
}.items()})

MEMORY = 6 << 30    # bytes that a training may take


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def classical(name, x, y, xt, short):
    scaler = StandardScaler().fit(x)
    seconds = []
    while not seconds or seconds[0] < short and len(seconds) < 3:
        model = CLASSICAL[name]()
        # not the process's time, which a limit of it makes as coarse as the clock's ticks
        began = time.thread_time()
        model.fit(scaler.transform(x), y)
        seconds.append(time.thread_time() - began)
    return statistics.median(seconds), model.transform(scaler.transform(x)), model.transform(scaler.transform(xt))


def deep(name, x, y, xt, pixels, hidden, dims, batch, epochs):
    x, xt = x.astype(np.float32), xt.astype(np.float32)
    mean = x.mean(0)
    deviation = float(np.sqrt(x.var(0).mean())) if pixels else np.where(x.std(0) > 0, x.std(0), 1)
    rows = [torch.from_numpy((part - mean) / deviation) for part in (x, xt)]
    peer.loss_and_miner = lambda loss, classes, dims: DEEP[loss](classes, dims)
    batch = min(batch, len(y))
    batch -= batch % (int(y.max()) + 1)
    net, _, answer = peer.train(rows[0], y, name, hidden, dims, batch, epochs)
    return answer["cpu"], peer.embed(net, rows[0]), peer.embed(net, rows[1])


def work(request):
    data = np.load(request["file"])
    x, y, xt = data["x"].astype(np.float64), data["y"].astype(np.int64), data["xt"].astype(np.float64)
    before = peak()
    name = request["name"]
    if name in CLASSICAL:
        seconds, train, test = classical(name, x, y, xt, request["short"])
    else:
        seconds, train, test = deep(name.split(" ", 1)[1], x, y, xt, request["pixels"], request["hidden"], request["dims"],
                                    request["batch"], request["epochs"])
    if not (np.isfinite(train).all() and np.isfinite(test).all()):
        raise ValueError("the embeddings are not finite")
    np.savez(request["out"], train=train.astype(np.float32), test=test.astype(np.float32))
    return {"seconds": seconds, "peak_mb": peak() - before}


def bound(limit):
    """The process ends after limit seconds of processor time from now, and gets no more than MEMORY."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(usage.ru_utime + usage.ru_stime) + limit + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))


def attempt(request):
    """work() in a child with its bounds."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            bound(request["limit"])
            answer = work(request)
        except MemoryError:
            answer = {"error": "over %d GB" % (MEMORY >> 30), "slow": True}
        except BaseException as error:
            traceback.print_exc(file=sys.stderr)
            answer = {"error": str(error).split("\n")[0].split(". ")[0][:80] or type(error).__name__}
            if "can't allocate memory" in str(error):
                answer = {"error": "over %d GB" % (MEMORY >> 30), "slow": True}
        os.write(write, json.dumps(answer).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    status = os.waitpid(child, 0)[1]
    if text:
        return json.loads(text)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL):
        return {"error": "over %d s" % request["limit"], "slow": True}
    return {"error": "ended without an answer"}


def about():
    return {"Python": sys.version.split()[0], "numpy": np.__version__, "scikit-learn": sklearn.__version__,
            "metric-learn": metric_learn.__version__, "PyTorch": torch.__version__.split("a")[0],
            "pytorch-metric-learning": pytorch_metric_learning.__version__}


def main():
    answers = sys.stdout
    sys.stdout = sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(about() if request["name"] == "about" else attempt(request)), file=answers, flush=True)


if __name__ == "__main__":
    main()
