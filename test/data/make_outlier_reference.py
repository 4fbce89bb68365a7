#!/usr/bin/env python3
"""Local outlier factors by scikit-learn, for sql/outlier.sql.

Three sets of rows without ties.  300 rows of each are in clusters; the last 20 are outliers: spread
over a box, or around the same centres but farther away.  Written to outlier_reference.csv: set, id,
whether it is an outlier, the row, its factor among all rows, and as a new row among the even
rows (novelty), both with k = 20, and the distance of the 20th neighbour.  ROC AUC of the former goes to standard
error.

    python3 test/data/make_outlier_reference.py > test/data/outlier_reference.csv
"""
import sys
import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor

print("set,id,outlier,x,lof,novelty,distance")
for number, (dims, clusters, factor) in enumerate([(2, 3, 0), (8, 4, 1.8), (30, 2, 1.2)]):
    rng = np.random.default_rng(number)
    centre = rng.normal(0, 6, (clusters, dims))
    width = 0.3 + rng.random(clusters)
    which = rng.integers(clusters, size=300)
    rows = centre[which] + width[which, None] * rng.normal(size=(300, dims))
    if factor == 0:
        far = rng.uniform(-8, 8, (20, dims))
    else:
        far = centre[which[:20]] + factor * width[which[:20], None] * rng.normal(size=(20, dims))
    rows = np.round(np.concatenate([rows, far]), 4).astype(np.float32).astype(np.float64)
    outlier = np.arange(320) >= 300
    model = LocalOutlierFactor(n_neighbors=20, algorithm="brute").fit(rows)
    lof = -model.negative_outlier_factor_
    even = LocalOutlierFactor(n_neighbors=20, algorithm="brute", novelty=True).fit(rows[::2])
    novelty = -even.score_samples(rows)
    distance = model.kneighbors()[0][:, -1]
    sys.stderr.write("set %d: ROC AUC %.4f\n" % (number, roc_auc_score(outlier, lof)))
    for i, row in enumerate(rows):
        print('%d,%d,%d,"{%s}",%.9f,%.9f,%.9f' % (number, i, outlier[i], ",".join("%.4f" % v for v in row),
                                                  lof[i], novelty[i], distance[i]))
