#!/usr/bin/env python3
"""Write evaluate_reference.csv: retrieval metrics by scikit-learn and numpy.

    python3 make_evaluate_reference.py > evaluate_reference.csv

Of column i of the data (from 0) x is made x (1 + i / 97) + x^2 / 89, so that no two distances are
equal by chance: the data have few different numbers.  Features are rounded to float32, as dml sees them, and
computed with in float64.  Neighbours come from scikit-learn's brute force; the metrics are those of
Musgrave, Belongie and Lim 2020 (arXiv 2003.08505), by definition, a query at a time.  Whitening is
scikit-learn's PCA with whiten=True on the gallery, less directions without variance;
there rows may be equally far away to the last digits, so its figures hold to about 0.001.

data: iris or digits.  gallery: "self", every row asks for its neighbours among the others; "rest",
rows 0, 3, 6, ... ask for theirs among all other rows.  k: of the kNN accuracy.
"""
import pathlib

import numpy
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

COLUMNS = ("data", "gallery", "k", "embedding", "dims", "queries", "lone", "gallery_rows", "classes",
           "recall_at_1", "recall_at_2", "recall_at_4", "recall_at_8", "r_precision", "map_at_r", "knn_accuracy")


def load(name):
    table = numpy.loadtxt(pathlib.Path(__file__).parent / (name + ".csv"), delimiter=",", skiprows=1)
    x = table[:, :-1] * (1 + numpy.arange(table.shape[1] - 1) / 97) + table[:, :-1] ** 2 / 89
    return x.astype(numpy.float32).astype(numpy.float64), table[:, -1].astype(int)


def whiten(gallery, x):
    pca = PCA(whiten=True, svd_solver="full").fit(gallery)
    kept = pca.explained_variance_ > 1e-10 * pca.explained_variance_[0]
    return pca.transform(x)[:, kept]


def check_no_ties(distance, same):
    """Rows of the query's class and others are never equally far away."""
    gap = numpy.diff(distance)
    assert not numpy.any((gap <= 1e-12 * distance[1:]) & (same[1:] != same[:-1]))


def majority(labels):
    """The commonest label, among equals the one that comes first."""
    counts = {}
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
    return max(counts, key=lambda label: counts[label])


def measure(query, query_y, gallery, gallery_y, itself, k, ties_checked):
    neighbours = NearestNeighbors(n_neighbors=len(gallery), algorithm="brute").fit(gallery)
    rows = []
    right = lone = 0
    for i in range(len(query)):
        order = neighbours.kneighbors(query[i:i + 1], return_distance=False)[0]
        if itself:
            order = order[order != i]
        distance = numpy.sqrt(((gallery[order] - query[i]) ** 2).sum(axis=1))
        exact = numpy.argsort(distance, kind="stable")
        order, distance = order[exact], distance[exact]
        same = gallery_y[order] == query_y[i]
        if ties_checked:
            check_no_ties(distance, same)
        right += majority(gallery_y[order[:k]].tolist()) == query_y[i]
        r = int(same.sum())
        if r == 0:
            lone += 1
            continue
        precision = numpy.cumsum(same[:r]) / numpy.arange(1, r + 1)
        rows.append([same[:at].any() for at in (1, 2, 4, 8)] +
                    [same[:r].mean(), (precision * same[:r]).sum() / r])
    return [len(query), lone, len(gallery), len(set(query_y))] + \
        numpy.mean(numpy.array(rows, dtype=float), axis=0).tolist() + [right / len(query)]


def main():
    print(",".join(COLUMNS))
    for name in ("iris", "digits"):
        x, y = load(name)
        third = numpy.arange(len(x)) % 3 == 0
        for gallery, k in (("self", 5), ("rest", 3)):
            itself = gallery == "self"
            query, query_y = (x, y) if itself else (x[third], y[third])
            others, others_y = (x, y) if itself else (x[~third], y[~third])
            for embedding in ("no learning", "whitened"):
                if embedding == "whitened":
                    query, others = whiten(others, query), whiten(others, others)
                figures = measure(query, query_y, others, others_y, itself, k, embedding == "no learning")
                print(",".join([name, gallery, str(k), embedding, str(others.shape[1])] +
                               ["%.12g" % figure for figure in figures]))


main()
