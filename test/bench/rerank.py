#!/usr/bin/env python3
"""Does k-reciprocal re-ranking (Zhong et al., CVPR 2017) gain?  Needs numpy and scikit-learn.

    test/bench/rerank.py DIRECTORY      of Fashion-MNIST's train-*-ubyte.gz

Digits and 6,000 rows of Fashion-MNIST, as they are and by linear discriminant analysis: of classes
that it has not seen (learned from classes 0 to 4, measured on 5 to 9), and of new rows of classes
that it has seen.  Each row asks, the others are the gallery.  Candidates are the 100 nearest of 300
queries, re-ranked among themselves.
"""
import gzip
import pathlib
import sys

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

K1, K2, LAMBDA = 20, 6, 0.3


def digits():
    rows = np.loadtxt(pathlib.Path(__file__).parents[1] / "data/digits.csv", delimiter=",", skiprows=1)
    return rows[:, :-1], rows[:, -1].astype(int)


def fashion(directory, n=6000):
    def read(name, offset):
        return np.frombuffer(gzip.open(f"{directory}/train-{name}-ubyte.gz").read(), np.uint8, offset=offset)

    x, y = read("images-idx3", 16).reshape(-1, 784) / 255, read("labels-idx1", 8).astype(int)
    chosen = np.random.RandomState(0).permutation(len(y))[:n]
    return x[chosen], y[chosen]


def distances(x):
    square = (x * x).sum(1)
    return np.sqrt(np.maximum(square[:, None] + square[None] - 2 * x @ x.T, 0))


def rerank(gap):
    """All new distances of a set of rows to each other."""
    n = len(gap)
    gap = gap / gap.max(axis=1, keepdims=True)
    order = np.argsort(gap, axis=1, kind="stable")

    def near(k):
        member = np.zeros((n, n), bool)
        member[np.arange(n)[:, None], order[:, : k + 1]] = True
        return member & member.T

    wide, narrow = near(K1), near(round(K1 / 2))
    weight = np.zeros((n, n), np.float32)
    for i in range(n):
        members = wide[i].copy()
        for j in np.nonzero(wide[i])[0]:
            if (narrow[j] & wide[i]).sum() > 2 / 3 * narrow[j].sum():
                members |= narrow[j]
        weight[i, members] = np.exp(-gap[i, members])
        weight[i] /= weight[i].sum()
    weight = np.stack([weight[order[i, :K2]].mean(0) for i in range(n)])
    common = np.stack([np.minimum(weight[i], weight).sum(1) for i in range(n)])
    return (1 - LAMBDA) * (1 - common / (2 - common)) + LAMBDA * gap


def scores(hit):
    """recall@1, precision@10, average precision: of each query's answers in order."""
    precision = np.cumsum(hit, 1) / np.arange(1, hit.shape[1] + 1)
    return hit[:, 0].mean(), hit[:, :10].mean(), ((precision * hit).sum(1) / np.maximum(hit.sum(1), 1)).mean()


def answers(gap, y, rows):
    order = [[j for j in np.argsort(gap[i], kind="stable") if j != i] for i in rows]
    return y[np.array(order)] == y[rows][:, None]


def candidates(gap, y, n=300, most=100):
    before, after = [], []
    for i in np.random.RandomState(1).permutation(len(y))[:n]:
        order = np.argsort(gap[i], kind="stable")
        order = order[order != i][:most]
        group = np.append(i, order)
        new = rerank(gap[np.ix_(group, group)])[0, 1:]
        before.append(y[order] == y[i])
        after.append(y[order[np.argsort(new, kind="stable")]] == y[i])
    return scores(np.array(before)), scores(np.array(after))


def embeddings(x, y):
    seen = y < 5
    even = np.arange(len(y)) % 2 == 0
    yield "as they are", x[~seen], y[~seen]
    for name, learn in ("LDA, unseen classes", seen), ("LDA, seen classes", even):
        lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(x[learn], y[learn])
        yield name, lda.transform(x[~learn]), y[~learn]


for data, (x, y) in ("digits", digits()), ("fashion", fashion(sys.argv[1])):
    for name, e, label in embeddings(x, y):
        e, label = e[:1500], label[:1500]
        gap = distances(e)
        every = np.arange(len(label))
        for what, before, after in (("all rows", scores(answers(gap, label, every)), scores(answers(rerank(gap), label, every))),
                                    ("100 candidates", *candidates(gap, label))):
            print(f"| {data}, {name} | {what} | " + " | ".join(f"{b:.3f} | {a:.3f}" for b, a in zip(before, after)) + " |", flush=True)
