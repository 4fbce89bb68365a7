"""A user's training in Python: PyTorch and pytorch-metric-learning, told what to do over a pipe.

Each line of standard input is a JSON request, each line of standard output its answer:
{"seconds": wall clock of the work alone, "cpu": processor time of it, ...}.  One process
serves many requests, so that starting Python and importing PyTorch is in no figure.
The losses have the settings that docs/methods.md gives to ours, and everything that is not the
loss is the quickest that plain PyTorch offers: data converted once, batches by indexing and
not by a DataLoader.
"""
import json
import math
import resource
import sys
import time

import numpy as np
import torch
from pytorch_metric_learning import losses, miners, samplers

torch.set_num_threads(1)
torch.set_num_interop_threads(1)


def loss_and_miner(name, classes, dims):
    """The loss, its miner or None."""
    if name == "triplet_all":
        return losses.TripletMarginLoss(margin=0.05), None
    if name == "triplet_hard":
        return losses.TripletMarginLoss(margin=0.2), miners.BatchHardMiner()
    if name == "triplet_semihard":
        return losses.TripletMarginLoss(margin=0.2), miners.TripletMarginMiner(margin=0.2, type_of_triplets="semihard")
    if name == "multi_similarity":
        return losses.MultiSimilarityLoss(alpha=2, beta=50, base=0.5), miners.MultiSimilarityMiner(epsilon=0.1)
    return {
        "contrastive": lambda: losses.ContrastiveLoss(pos_margin=0, neg_margin=1),
        "ntxent": lambda: losses.NTXentLoss(temperature=0.07),
        "supcon": lambda: losses.SupConLoss(temperature=0.1),
        "nca": lambda: losses.NCALoss(softmax_scale=8),
        "proxy_nca": lambda: losses.ProxyNCALoss(classes, dims, softmax_scale=4),
        "proxy_anchor": lambda: losses.ProxyAnchorLoss(classes, dims, margin=0.1, alpha=32),
        "normalized_softmax": lambda: losses.NormalizedSoftmaxLoss(classes, dims, temperature=0.05),
        "cosface": lambda: losses.CosFaceLoss(classes, dims, margin=0.35, scale=64),
        "arcface": lambda: losses.ArcFaceLoss(classes, dims, margin=math.degrees(0.5), scale=64),
    }[name](), None


def network(width, hidden, dims):
    return torch.nn.Sequential(torch.nn.Linear(width, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, dims))


def embed(net, x):
    with torch.no_grad():
        return torch.cat([torch.nn.functional.normalize(net(part)) for part in x.split(1024)]).numpy()


def train(x, y, loss, hidden, dims, batch, epochs, seed=0, steps=None):
    """AdamW at 0.001 with warm-up and cosine, as dml_train does it; returns network, steps, seconds of them."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    classes = int(y.max()) + 1
    net = network(x.shape[1], hidden, dims)
    criterion, miner = loss_and_miner(loss, classes, dims)
    groups = [{"params": net.parameters(), "lr": 1e-3}]
    if list(criterion.parameters()):
        groups.append({"params": criterion.parameters(), "lr": 1e-2, "weight_decay": 0})
    optimizer = torch.optim.AdamW(groups, weight_decay=1e-4)
    sampler = samplers.MPerClassSampler(y, m=batch // classes, batch_size=batch, length_before_new_iter=len(y))
    total = epochs * (len(y) // batch)
    warm = int(0.05 * total)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (
        (step + 1) / (warm + 1) if step < warm else
        0.01 + 0.99 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm))) / 2))
    target = torch.from_numpy(y).long()
    done = 0
    began = None
    # the first step of all has one-time costs; ours leaves them out, too
    warm_up = 1
    for _ in range(epochs):
        rows = torch.as_tensor(list(sampler))
        for at in range(0, len(rows), batch):
            if done == warm_up:
                began = clock()
            index = rows[at:at + batch]
            label = target[index]
            z = torch.nn.functional.normalize(net(x[index]))
            value = criterion(z, label, miner(z, label)) if miner else criterion(z, label)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            schedule.step()
            done += 1
            if steps and done >= steps + warm_up:
                return net, done - warm_up, took(began)
    return net, done - warm_up, took(began)


def clock():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), usage.ru_utime + usage.ru_stime


def took(began):
    now = clock()
    return {"seconds": now[0] - began[0], "cpu": now[1] - began[1]}


data = {}


def handle(request):
    what = request.pop("do")
    if what == "about":
        config = torch.__config__.show()
        blas = "MKL" if "BLAS_INFO=mkl" in config else "OpenBLAS" if torch.backends.mkl.is_available() is False else "?"
        return {"torch": torch.__version__.split("+")[0], "blas": blas, "metric_learning": __import__(
            "pytorch_metric_learning").__version__}
    if what == "load":
        file = np.load(request["file"])
        x = file["x"].astype(np.float32)
        mean, deviation = x.mean(0), float(np.sqrt(x.var(0).mean()))
        data[request["name"]] = (torch.from_numpy((x - mean) / deviation), file["y"].astype(np.int64),
                                 torch.from_numpy((file["xt"].astype(np.float32) - mean) / deviation))
        return {}
    if what == "train":
        x, y, xt = data[request.pop("data")]
        out = request.pop("out", None)
        net, steps, answer = train(x, y, **request)
        answer["steps"] = steps
        if out:
            np.savez(out, train=embed(net, x), test=embed(net, xt))
        answer["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return answer
    if what == "embed":
        x = data[request["data"]][0]
        net = network(x.shape[1], request["hidden"], request["dims"])
        embed(net, x[:1024])
        began = clock()
        if request["batch"] == 1:
            with torch.no_grad():
                for i in range(request["rows"]):
                    torch.nn.functional.normalize(net(x[i:i + 1]))
        else:
            embed(net, x[:request["rows"]])
        return took(began)
    if what == "whole":
        import whole_peer
        return whole_peer.run(train, embed, **request)
    raise ValueError(what)


def main():
    answers = sys.stdout
    sys.stdout = sys.stderr
    for line in sys.stdin:
        print(json.dumps(handle(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
