#!/usr/bin/env python3
"""Write adapter_reference.csv: ridge regression towards the identity and orthogonal Procrustes, by numpy.

    python3 make_adapter_reference.py

Sixty matches of 5 columns with 5 or 4, which sql/train_adapter.sql makes by the same formulas.  A line: method, columns of
side b, shrinkage, and the image of the row (1, -2, 3, 0.5, -1).
"""
import csv
import pathlib

import numpy as np

i = np.arange(1, 61)[:, None]
a = np.sin(i * np.arange(1, 6) * 0.7) + 0.3
probe = np.array([1, -2, 3, 0.5, -1.0])
here = pathlib.Path(__file__).parent
with open(here / "adapter_reference.csv", "w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    for width in (5, 4):
        j = np.arange(1, width + 1)
        b = np.cos(i * j * 0.7) + 0.5 * a[:, :width]
        identity = np.eye(width, 5)
        scale = np.trace(a.T @ a) / 5
        for shrink in (0, 0.2, 0.7):
            p = (1 - shrink) * a.T @ a + shrink * scale * np.eye(5)
            q = (1 - shrink) * b.T @ a + shrink * scale * identity
            u, _, v = np.linalg.svd(q, full_matrices=False)
            for method, w in (("ridge", q @ np.linalg.inv(p)), ("procrustes", u @ v)):
                image = np.append(w @ probe, [0] * (5 - width))
                writer.writerow([method, width, shrink] + ["%.9g" % value for value in image])
