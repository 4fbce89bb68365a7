#!/usr/bin/env python3
"""Write linear_reference.txt: closed forms by scikit-learn.

    python3 make_linear_reference.py > linear_reference.txt

Features are rounded to float32 first, as dml sees them, and computed with in float64.

Format: "#" a comment; "data" NAME STRIDE: what follows is of every STRIDEth row of NAME.csv,
from the first on.  "variance" K NUMBERS: the eigenvalues of the covariance.  "component" I
NUMBERS: eigenvector I, the largest element positive.  "shrinkage" NUMBER: Ledoit and Wolf's, of
the standardised rows about their class means.  "whiten" and "lda" N NUMBERS: distances of
row 0 from the rows 1, 8, 15, ... of the data, Mahalanobis and after discriminant analysis.
"""
import pathlib

import numpy
import scipy.linalg
import sklearn
from sklearn.covariance import ledoit_wolf_shrinkage, shrunk_covariance
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

STEP = 7


def numbers(values):
    return " ".join("%.12g" % value for value in values)


def distances(z):
    others = z[1::STEP]
    return numpy.sqrt(((others - z[0]) ** 2).sum(axis=1))


def reference(name, stride):
    table = numpy.loadtxt(pathlib.Path(__file__).parent / (name + ".csv"), delimiter=",", skiprows=1)
    x = table[::stride, :-1].astype(numpy.float32).astype(numpy.float64)
    y = table[::stride, -1].astype(int)
    n, classes = len(x), len(set(y))
    print("data", name, stride)

    pca = PCA(svd_solver="full").fit(x)
    rank = (pca.explained_variance_ > 1e-12 * pca.explained_variance_[0]).sum()
    print("variance", rank, numbers(pca.explained_variance_[:rank]))
    for i in range(min(rank, 4)):
        v = pca.components_[i]
        print("component", i, numbers(v * numpy.sign(v[abs(v).argmax()])))

    varying = x.std(axis=0) > 0
    standard = (x[:, varying] - x[:, varying].mean(axis=0)) / x[:, varying].std(axis=0)
    if n > 2 * x.shape[1]:
        z = PCA(svd_solver="full").fit_transform(standard)
        keep = z.var(axis=0) > 1e-6 * z.var(axis=0)[0]
        z = distances(z[:, keep] / z[:, keep].std(axis=0, ddof=1))
        print("whiten", len(z), numbers(z))

    centred = standard - numpy.array([standard[y == label].mean(axis=0) for label in y])
    shrinkage = ledoit_wolf_shrinkage(centred, assume_centered=True)
    print("shrinkage %.12g" % shrinkage)
    if n - classes >= 10 * varying.sum():
        z = LinearDiscriminantAnalysis(solver="svd").fit(x, y).transform(x)
    else:
        # scikit-learn would shrink the total covariance, too, and so change the scatter between
        within = shrunk_covariance(centred.T @ centred / (n - classes), shrinkage=shrinkage)
        between = (standard - centred).T @ (standard - centred)
        z = standard @ scipy.linalg.eigh(between, within)[1][:, : -classes : -1]
    z = distances(z)
    print("lda", len(z), numbers(z))


print("# scikit-learn %s, numpy %s, scipy %s" % (sklearn.__version__, numpy.__version__, scipy.__version__))
for name, stride in (("iris", 1), ("wine", 1), ("breast_cancer", 1), ("digits", 1), ("digits", 16), ("wine", 3)):
    reference(name, stride)
