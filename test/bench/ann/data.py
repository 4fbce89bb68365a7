"""The data sets, as float32 rows with the exact neighbours of their queries.

f784  Fashion-MNIST's 60,000 training photographs, asked with test photographs
f64   their 64 principal components, scaled to length 1
m64   a million rows of 64 from 400 Gaussians, each with a spread and directions of its own, scaled
      to length 1: what a learned embedding of many classes looks like

Exact neighbours in a million rows take half a minute, so they are kept in a folder."""
import os
import tempfile

import numpy as np

import bench

QUERIES = 1000
K = 10
KEPT = os.path.join(tempfile.gettempdir(), "dml-data")


def principal(rows, others, dims):
    """Both on the leading principal components of rows, scaled to length 1."""
    mean = rows.mean(0)
    values, vectors = np.linalg.eigh(np.cov((rows - mean).T.astype(np.float64)))
    base = vectors[:, np.argsort(values)[::-1][:dims]].astype(np.float32)
    return [unit((x - mean) @ base) for x in (rows, others)]


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def mixture(rows, dims=64, classes=400, seed=20240607):
    """Rows of Gaussians: class sizes like 1 / sqrt(rank), spreads that fall along random directions."""
    rng = np.random.default_rng(seed)
    fall = np.arange(1, dims + 1) ** -0.5
    turn = np.linalg.qr(rng.standard_normal((dims, dims)))[0]
    centers = (rng.standard_normal((classes, dims)) * fall) @ turn
    share = 1 / np.sqrt(np.arange(1, classes + 1))
    label = rng.choice(classes, rows, p=share / share.sum())
    result = np.empty((rows, dims), np.float32)
    for c in range(classes):
        spread = np.arange(1, dims + 1) ** -rng.uniform(0.3, 0.8)
        spread *= np.sqrt((fall ** 2).sum() * rng.uniform(0.4, 1.2) / (spread ** 2).sum())
        shape = (spread[:, None] * np.linalg.qr(rng.standard_normal((dims, dims)))[0]).astype(np.float32)
        member = np.flatnonzero(label == c)
        result[member] = rng.standard_normal((len(member), dims), dtype=np.float32) @ shape + centers[c].astype(np.float32)
    return unit(result)


def tenth_distance(base, queries):
    """The exact distance to the K-th neighbour of each query."""
    found = np.concatenate([bench.nearest(base, queries[i:i + 100], 4 * K) for i in range(0, len(queries), 100)])
    result = np.empty(len(queries))
    for q, rows in enumerate(found):
        exact = np.sqrt(((base[rows].astype(np.float64) - queries[q].astype(np.float64)) ** 2).sum(1))
        result[q] = np.sort(exact)[K - 1]
    return result


class Data:
    """base (n x dims), queries (1,000), extra (rows to insert), limit (the K-th neighbour's distance)."""

    def __init__(self, name, base, queries, extra):
        self.name = name
        self.base, self.queries, self.extra = (np.ascontiguousarray(x, np.float32) for x in (base, queries, extra))
        self.dims = base.shape[1]
        os.makedirs(KEPT, exist_ok=True)
        path = os.path.join(KEPT, f"{name}-{len(base)}.npy")
        if not os.path.exists(path):
            np.save(path, tenth_distance(self.base, self.queries))
        self.limit = np.load(path)

    def recall(self, found):
        """The mean share of found[query] (lists of row numbers) that is as near as the K-th neighbour."""
        hits = 0
        for q, rows in enumerate(found):
            distance = np.sqrt(((self.base[rows].astype(np.float64) - self.queries[q].astype(np.float64)) ** 2).sum(1))
            hits += (distance <= self.limit[q] * (1 + 1e-6)).sum()
        return hits / (K * len(found))


def load(name, quick):
    x, _, xt, _ = bench.fashion(5000 if quick else None)
    x, xt = x.astype(np.float32), xt.astype(np.float32)
    if name == "f784":
        return Data(name, x, xt[:QUERIES], xt)
    if name == "f64":
        rows, others = principal(x, xt, 64)
        return Data(name, rows, others[:QUERIES], others)
    rows = mixture((20000 if quick else 1000000) + 10000 + QUERIES)
    return Data(name, rows[:-10000 - QUERIES], rows[-QUERIES:], rows[-10000 - QUERIES:-QUERIES])
