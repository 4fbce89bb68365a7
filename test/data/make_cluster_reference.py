#!/usr/bin/env python3
"""Write cluster_reference.txt: clusters by scikit-learn and hdbscan.

    python3 make_cluster_reference.py > cluster_reference.txt

Features are rounded to float32 first, as dml sees them, and computed with in float64.

Format: "#" a comment.  NAME is NAME.csv, METRIC l2 or cosine, LABELS a number for each row.
"kmeans" NAME K INERTIA: the lowest inertia of ten runs of KMeans with its defaults.
"dbscan" NAME METRIC EPS MIN_POINTS LABELS: -1 is noise, -2 a row that lies within the radius of core
rows of several clusters, so that its cluster is a matter of taste.  "hdbscan" NAME METRIC MIN_POINTS
MIN_CLUSTER_SIZE AGREEMENT LABELS: by scikit-learn; "hdbscan_package" by the package hdbscan.  Many
edges of the spanning tree have equal weights, and the order of rows decides among them.  AGREEMENT is
the least adjusted Rand index of scikit-learn's labels with its own labels of the rows in ten other
orders.
"""
import pathlib
import warnings

import hdbscan
import numpy
import sklearn
from sklearn.cluster import DBSCAN, HDBSCAN, KMeans
from sklearn.metrics import adjusted_rand_score, pairwise_distances

warnings.filterwarnings("ignore")


def rows(name):
    table = numpy.loadtxt(pathlib.Path(__file__).parent / (name + ".csv"), delimiter=",", skiprows=1)
    return table[:, :-1].astype(numpy.float32).astype(numpy.float64)


def distances(name, metric):
    return pairwise_distances(rows(name), metric={"l2": "euclidean", "cosine": "cosine"}[metric])


def text(labels):
    return " ".join("%d" % label for label in labels)


def kmeans(name, k):
    x = rows(name)
    inertia = min(KMeans(k, random_state=seed).fit(x).inertia_ for seed in range(10))
    print("kmeans", name, k, "%.12g" % inertia)


def dbscan(name, metric, eps, min_points):
    d = distances(name, metric)
    fit = DBSCAN(eps=eps, min_samples=min_points, metric="precomputed").fit(d)
    labels = fit.labels_.copy()
    core = numpy.zeros(len(d), bool)
    core[fit.core_sample_indices_] = True
    for i in numpy.flatnonzero(~core):
        if len(set(fit.labels_[core & (d[i] <= eps)])) > 1:
            labels[i] = -2
    print("dbscan", name, metric, eps, min_points, text(labels))


def fit_hierarchy(d, min_points, size):
    return HDBSCAN(min_samples=min_points, min_cluster_size=size, metric="precomputed", copy=True).fit_predict(d)


def hierarchical(name, metric, min_points, size):
    d = distances(name, metric)
    ours = fit_hierarchy(d, min_points, size)
    agreement = 1
    for seed in range(10):
        order = numpy.random.default_rng(seed).permutation(len(d))
        again = numpy.empty(len(d), int)
        again[order] = fit_hierarchy(d[numpy.ix_(order, order)], min_points, size)
        agreement = min(agreement, adjusted_rand_score(ours, again))
    print("hdbscan", name, metric, min_points, size, "%.6g" % agreement, text(ours))
    # the package does not count the row itself
    package = hdbscan.HDBSCAN(min_samples=min_points - 1, min_cluster_size=size, metric="precomputed").fit(d)
    print("hdbscan_package", name, metric, min_points, size, "%.6g" % agreement, text(package.labels_))


print("# scikit-learn %s, hdbscan 0.8, numpy %s" % (sklearn.__version__, numpy.__version__))
for name, k in (("iris", 3), ("wine", 3), ("breast_cancer", 8), ("digits", 10), ("digits", 50), ("digits", 200)):
    kmeans(name, k)
for case in (("iris", "l2", 0.4, 5), ("iris", "l2", 0.8, 5), ("iris", "cosine", 0.0003, 4), ("wine", "l2", 30, 4),
             ("breast_cancer", "l2", 60, 6), ("digits", "l2", 21.5, 6), ("digits", "cosine", 0.07, 5)):
    dbscan(*case)
for case in (("iris", "l2", 5, 5), ("iris", "cosine", 5, 10), ("wine", "l2", 4, 6), ("breast_cancer", "l2", 5, 15),
             ("digits", "l2", 5, 20), ("digits", "cosine", 8, 8)):
    hierarchical(*case)
