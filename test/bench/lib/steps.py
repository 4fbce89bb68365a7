"""Part 1: milliseconds a step and held-out recall@1, loss by loss, beside the peers."""
import json
import os

import numpy as np

import bench

LOSSES = ["contrastive", "triplet_all", "triplet_semihard", "triplet_hard", "multi_similarity", "ntxent", "supcon",
          "nca", "proxy_nca", "proxy_anchor", "normalized_softmax", "cosface", "arcface"]
# what pytorch-metric-learning enumerates: its steps take 10 to 1000 times as long, so it gets fewer of them
SLOW = {"triplet_all": 20, "triplet_semihard": 20, "ntxent": 1}
DIMS = {"fashion": (256, 64), "digits": (128, 32)}
BATCH = 250


def ours(connection, data, loss, epochs):
    """Train by dml_train; (milliseconds a step without the first epoch, processor seconds of the call)."""
    hidden, dims = DIMS[data]
    method, _, miner = loss.partition("_") if loss.startswith("triplet") else (loss, "", "")
    options = {"batch": BATCH, "rows_per_class": BATCH // 10, "balance": 0, "validation": 0, "clip": 0,
               "preprocess": "scale", "learning_rate": 1e-3}
    if method == "triplet":
        options["miner"] = miner
        options["margin"] = 0.05 if miner == "all" else 0.2
    connection.execute("SELECT dml_train('bench', %s, 'pixels', 'class', method => %s, network => %s, epochs => %s, "
                       "options => %s)", (data, method, f"{hidden} relu, {dims}", epochs, json.dumps(options)))
    history, rows = connection.execute("SELECT history, rows FROM dml_model_versions WHERE model = 'bench' "
                                       "ORDER BY version DESC LIMIT 1").fetchone()
    at = [epoch["seconds"] for epoch in history]
    steps = -(-rows // BATCH)
    return (at[-1] - at[0]) / (steps * (epochs - 1)) * 1e3


def run(report, connection, peers, sets, work, quick, repeats, only):
    for data, (x, y, xt, yt) in sets.items():
        file = os.path.join(work, data + ".npz")
        np.savez(file, x=x, y=y, xt=xt)
        hidden, dims = DIMS[data]
        epochs = 2 if quick else 5 if data == "fashion" else 100
        per_epoch = len(y) // BATCH
        raw = bench.recall(x.astype(np.float32), y, xt.astype(np.float32), yt)
        report.line(f"\n### {data}: {len(y):,} x {x.shape[1]}, network {x.shape[1]}-{hidden}-{dims}, batch {BATCH}, "
                    f"{epochs} epochs, one thread; recall@1 without learning {raw:.4f}\n")
        head = ["loss", "ours, ms a step"]
        for peer in peers:
            peer.ask(do="load", name=data, file=file)
            head += [peer.title, "ratio"]
        report.table(head + ["recall@1: ours"] + [peer.name for peer in peers])
        for loss in only or LOSSES:
            mine, others = [], {peer.name: [] for peer in peers}
            slow = SLOW.get(loss)
            for _ in range(repeats):
                # interleaved: what else the machine does hits all of them
                mine.append(ours(connection, data, loss, 2 if data == "fashion" else 30))
                for peer in peers:
                    if loss == "ntxent" and others[peer.name]:
                        continue
                    n = slow or (per_epoch if data == "fashion" else 120)
                    answer = peer.ask(do="train", data=data, loss=loss, hidden=hidden, dims=dims, batch=BATCH,
                                      epochs=1 + n // per_epoch, steps=min(n, 20) if quick else n)
                    others[peer.name].append(answer["seconds"] / answer["steps"] * 1e3)
            ours(connection, data, loss, epochs)
            train_z, test_z = (bench.embeddings(connection, "bench", t) for t in (data, data + "_test"))
            scores = [f"{bench.recall(train_z, y, test_z, yt):.4f}"]
            for peer in peers:
                # a peer that would train for hours has no recall here
                if loss == "ntxent" or quick and slow or slow and peer is not peers[-1]:
                    scores.append("-")
                    continue
                out = os.path.join(work, "embedded.npz")
                peer.ask(do="train", data=data, loss=loss, hidden=hidden, dims=dims, batch=BATCH, epochs=epochs,
                         out=out)
                z = np.load(out)
                scores.append(f"{bench.recall(z['train'], y, z['test'], yt):.4f}")
            row = [loss, f"{bench.median(mine):.2f}"]
            for peer in peers:
                value = bench.median(others[peer.name])
                row += [f"{value:.2f}", f"{value / bench.median(mine):.1f}"]
            report.table(None, row + scores)
        connection.execute("SELECT dml_drop_model('bench')")
