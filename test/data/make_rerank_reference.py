"""Writes rerank_reference.csv: re-ranking by k-reciprocal neighbours (Zhong et al., CVPR 2017).

The query is row 1 of wine.csv, the candidates are rows 2 to 178.  Columns are divided by their
standard deviation.  The algorithm is written down from the paper with numpy, in double precision,
with matrices for all of it.  A line has the number of a row and its new distance.
"""
import pathlib

import numpy as np

here = pathlib.Path(__file__).parent
K1, K2, LAMBDA = 20, 6, 0.3

x = np.loadtxt(here / "wine.csv", delimiter=",", skiprows=1)[:, :-1]
x = (x / x.std(axis=0)).astype(np.float32).astype(np.float64)
gap = np.linalg.norm(x[:, None] - x[None], axis=2)
gap = gap / gap.max(axis=1, keepdims=True)
order = np.argsort(gap, axis=1, kind="stable")


def reciprocal(i, k):
    return {j for j in order[i, : k + 1] if i in order[j, : k + 1]}


weights = np.zeros_like(gap)
for i in range(len(x)):
    near = reciprocal(i, K1)
    members = set(near)
    for j in near:
        theirs = reciprocal(j, K1 // 2)
        if len(theirs & near) * 3 > len(theirs) * 2:
            members |= theirs
    members = sorted(members)
    weights[i, members] = np.exp(-gap[i, members])
    weights[i] /= weights[i].sum()
weights = np.stack([weights[order[i, :K2]].mean(axis=0) for i in range(len(x))])
common = np.minimum(weights[0], weights).sum(axis=1)
result = (1 - LAMBDA) * (1 - common / (2 - common)) + LAMBDA * gap[0]
with open(here / "rerank_reference.csv", "w") as out:
    out.write("id,distance\n")
    for i in range(1, len(x)):
        out.write(f"{i + 1},{result[i]:.9f}\n")
