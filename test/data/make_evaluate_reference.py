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
rows 0, 3, 6, ... ask for theirs among all other rows.  k: of the kNN accuracy.  Rows: a metric and its value.
AP and NDCG of each query are average_precision_score and ndcg_score of the negative places; the silhouette
is that of the queries; ROC AUC, average precision and the curve that EER and TAR are read off are
roc_auc_score, average_precision_score and roc_curve of all pairs, each once.  dir_at_far_F: by definition, see
learn/measure/assess.h.  Margin and scatter of classes: by definition, see learn/measure/separation.h.
"""
import pathlib

import numpy
from sklearn.decomposition import PCA
from sklearn.metrics import (average_precision_score, ndcg_score, roc_auc_score, roc_curve,
                             silhouette_score)
from sklearn.neighbors import NearestNeighbors


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


def by_class(values, labels):
    return numpy.mean([numpy.mean(values[labels == label]) for label in numpy.unique(labels)])


def equal_error_rate(far, tar):
    """Where FAR and 1 - TAR meet, on the line between two points of the curve."""
    gap = far - (1 - tar)
    i = numpy.argmax(gap >= 0)
    share = -gap[i - 1] / (gap[i] - gap[i - 1])
    return far[i - 1] + share * (far[i] - far[i - 1])


def verification(distance, genuine):
    far, tar, _ = roc_curve(genuine, -distance, drop_intermediate=False)
    impostors = int((~genuine).sum())
    figures = {"genuine_pairs": int(genuine.sum()), "impostor_pairs": impostors,
               "roc_auc": roc_auc_score(genuine, -distance),
               "average_precision": average_precision_score(genuine, -distance),
               "eer": equal_error_rate(far, tar),
               "best_accuracy": numpy.max(tar * genuine.sum() + (1 - far) * impostors) / len(genuine)}
    for limit in (0.1, 0.01, 0.001, 0.0001):
        if impostors * limit >= 10:
            figures["tar_at_far_%g" % limit] = tar[far <= limit].max()
    return figures


def identification(first, right, other, lone):
    figures = {}
    for limit in (0.1, 0.01, 0.001):
        allowed = int(limit * len(other) * (1 + 1e-12))
        if allowed >= 10:
            threshold = numpy.sort(other)[allowed]
            figures["dir_at_far_%g" % limit] = numpy.mean((right & (first < threshold))[~lone])
    return figures


def separation(query, query_y, gallery, gallery_y, itself):
    """Margin and scatter of classes, Fisher's ratio, and errors of the nearest centre."""
    classes = numpy.unique(gallery_y)
    centre = numpy.array([gallery[gallery_y == c].mean(axis=0) for c in classes])
    size = numpy.array([(gallery_y == c).sum() for c in classes])
    apart = gallery - centre[numpy.searchsorted(classes, gallery_y)]
    within = (apart ** 2).sum()
    between = (size * ((centre - gallery.mean(axis=0)) ** 2).sum(axis=1)).sum()
    distance = numpy.linalg.norm(centre[:, None] - centre[None, :], axis=2)
    numpy.fill_diagonal(distance, numpy.inf)
    wrong = []
    for i in range(len(query)):
        own = numpy.searchsorted(classes, query_y[i])
        mine = centre.copy()
        if itself:
            mine[own] = gallery[(gallery_y == query_y[i]) & (numpy.arange(len(gallery)) != i)].mean(axis=0)
        to = numpy.linalg.norm(mine - query[i], axis=1)
        wrong.append(numpy.delete(to, own).min() < to[own])
    wrong = numpy.array(wrong, dtype=float)
    margin, scatter = distance.min(axis=1).mean(), numpy.sqrt(within / len(gallery))
    return {"centre_error": wrong.mean(), "macro_centre_error": by_class(wrong, query_y),
            "class_margin": margin, "class_scatter": scatter, "margin_ratio": margin / scatter,
            "fisher_ratio": between / within}


def measure(query, query_y, gallery, gallery_y, itself, k, ties_checked):
    neighbours = NearestNeighbors(n_neighbors=len(gallery), algorithm="brute").fit(gallery)
    n = len(query)
    rows = []
    labels = []
    right = numpy.zeros(n)
    first, other = numpy.zeros(n), numpy.zeros(n)
    lone, hit = numpy.zeros(n, dtype=bool), numpy.zeros(n, dtype=bool)
    distances, genuine = [], []
    for i in range(n):
        order = neighbours.kneighbors(query[i:i + 1], return_distance=False)[0]
        if itself:
            order = order[order != i]
        distance = numpy.sqrt(((gallery[order] - query[i]) ** 2).sum(axis=1))
        exact = numpy.argsort(distance, kind="stable")
        order, distance = order[exact], distance[exact]
        same = gallery_y[order] == query_y[i]
        if ties_checked:
            check_no_ties(distance, same)
        once = order > i if itself else slice(None)
        distances.append(distance[once])
        genuine.append(same[once])
        right[i] = majority(gallery_y[order[:k]].tolist()) == query_y[i]
        first[i], hit[i], other[i] = distance[0], same[0], distance[~same][0]
        r = int(same.sum())
        if r == 0:
            lone[i] = True
            continue
        precision = numpy.cumsum(same[:r]) / numpy.arange(1, r + 1)
        place = -numpy.arange(len(same), dtype=float)
        rows.append([same[:at].any() for at in (1, 2, 4, 8, 10)] +
                    [same[0], same[:r].mean(), (precision * same[:r]).sum() / r,
                     average_precision_score(same, place), 1 / (1 + numpy.argmax(same)),
                     ndcg_score([same], [place]), ndcg_score([same], [place], k=10)])
        labels.append(query_y[i])
    names = ["recall_at_%d" % at for at in (1, 2, 4, 8, 10)] + \
        ["precision_at_1", "r_precision", "map_at_r", "map", "mrr", "ndcg", "ndcg_at_10"]
    figures = {"queries": n, "lone_queries": int(lone.sum()), "gallery_rows": len(gallery),
               "classes": len(set(query_y)), "dims": gallery.shape[1]}
    columns = numpy.array(rows, dtype=float).T
    for name, column in zip(names, columns):
        figures[name] = column.mean()
        figures["macro_" + name] = by_class(column, numpy.array(labels))
    figures["knn_accuracy"] = right.mean()
    figures["macro_knn_accuracy"] = by_class(right, query_y)
    figures["silhouette"] = silhouette_score(query, query_y)
    figures.update(separation(query, query_y, gallery, gallery_y, itself))
    figures.update(verification(numpy.concatenate(distances), numpy.concatenate(genuine)))
    figures.update(identification(first, hit, other, lone))
    return figures


def main():
    print("data,gallery,k,embedding,metric,value")
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
                for metric, value in figures.items():
                    print("%s,%s,%d,%s,%s,%.12g" % (name, gallery, k, embedding, metric, value))


main()
