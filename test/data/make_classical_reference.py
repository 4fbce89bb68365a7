#!/usr/bin/env python3
"""Write classical_reference.txt: objectives that metric-learn reaches, as numpy computes them from its result.

    python3 make_classical_reference.py > classical_reference.txt

Features are rounded to float32 first, as dml sees them, and computed with in float64.  Methods that learn
from constraints get these, of n rows: pairs (7919 i mod n, 104729 i + 1 mod n) for i = 0 .. 999, without those of
a row and itself, the same if their classes are; quadruplets of the i-th same and the i-th different pair; triplets
(7919 i mod n, p, q) for i = 0 .. 1999 with p the first row behind the anchor that is of its class, and q the first behind
104729 i mod n that is not, both cyclic.

Format: "#" a comment; "data" NAME STRIDE: what follows is of every STRIDEth row of NAME.csv, from the first on.
METHOD OBJECTIVE: docs/methods.md says what it is.  nca and mlkr, whose target is the class's number, as L-BFGS
leaves them; lmnn with 3 targets.  lfda, rca N NUMBERS: distances of row 0 from the rows 1, 8, 15, ...: lfda as its
paper defines it, since metric-learn 0.7 takes another row for the local scale and another sign; of standardised
columns that vary, 7 neighbours.
"""
import pathlib
import warnings

import metric_learn
import numpy
import scipy.linalg
import sklearn

warnings.filterwarnings("ignore")
STEP = 7


def square(z):
    d = ((z[:, None] - z[None]) ** 2).sum(axis=2)
    numpy.fill_diagonal(d, 0)
    return d


def soft(x, l):
    d = square(x @ l.T)
    numpy.fill_diagonal(d, numpy.inf)
    p = numpy.exp(d.min(axis=1, keepdims=True) - d)
    return p / p.sum(axis=1, keepdims=True)


def nca(x, y):
    l = metric_learn.NCA().fit(x, y).components_
    return (soft(x, l) * (y[:, None] == y)).sum()


def mlkr(x, y):
    l = metric_learn.MLKR().fit(x, y.astype(float)).components_
    return ((soft(x, l) @ y - y) ** 2).sum()


def lmnn(x, y, k=3, pull=0.5):
    l = metric_learn.LMNN(n_neighbors=k).fit(x, y).components_
    before, d = square(x), square(x @ l.T)
    value = 0
    for i in range(len(x)):
        own = numpy.flatnonzero((y == y[i]) & (numpy.arange(len(x)) != i))
        for j in own[numpy.argsort(before[i, own], kind="stable")[:k]]:
            value += pull * d[i, j] + (1 - pull) * numpy.maximum(0, 1 + d[i, j] - d[i, y != y[i]]).sum()
    return value


def make_pairs(y):
    i = numpy.arange(1000)
    n = len(y)
    pairs = numpy.stack([7919 * i % n, (104729 * i + 1) % n], axis=1)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    return pairs, y[pairs[:, 0]] == y[pairs[:, 1]]


def make_triplets(y):
    n = len(y)
    triplets = []
    for i in range(2000):
        a, p, q = 7919 * i % n, (7919 * i + 1) % n, (104729 * i + 1) % n
        while y[p] != y[a]:
            p = (p + 1) % n
        while y[q] == y[a]:
            q = (q + 1) % n
        if p != a:
            triplets.append((a, p, q))
    return numpy.array(triplets)


def distances(x, pairs, a):
    v = x[pairs[:, 0]] - x[pairs[:, 1]]
    return (v @ a * v).sum(axis=1)


def itml(x, y):
    pairs, same = make_pairs(y)
    model = metric_learn.ITML(max_iter=2000, tol=1e-4)
    model.fit(x[pairs], numpy.where(same, 1, -1))
    points = numpy.unique(x[pairs].reshape(-1, x.shape[1]), axis=0)
    u, l = numpy.percentile(numpy.sqrt(square(points)), (5, 95))
    a = model.get_mahalanobis_matrix()
    d = distances(x, pairs, a)

    def phi(t):
        return (t - numpy.log(t) - 1).sum()

    return (numpy.trace(a) - numpy.linalg.slogdet(a)[1] + phi(numpy.maximum(1, d[same] / u)) +
            phi(numpy.minimum(1, d[~same] / l)))


def mmc(x, y, diagonal):
    pairs, same = make_pairs(y)
    a = metric_learn.MMC(diagonal=diagonal, max_iter=100, max_proj=1000, tol=1e-6).fit(x[pairs], numpy.where(same, 1, -1))
    d = numpy.maximum(distances(x, pairs, a.get_mahalanobis_matrix()), 0)
    return numpy.log(d[same].sum()) - 2 * numpy.log(numpy.sqrt(d[~same]).sum())


def sdml(x, y, eta, sparsity=0.01):
    pairs, same = make_pairs(y)
    sign = numpy.where(same, 1, -1)
    a = metric_learn.SDML(balance_param=eta, sparsity_param=sparsity).fit(x[pairs], sign).get_mahalanobis_matrix()
    v = x[pairs[:, 0]] - x[pairs[:, 1]]
    s = numpy.eye(x.shape[1]) + eta * (v.T * sign) @ v
    return ((s * a).sum() - numpy.linalg.slogdet(a)[1] +
            sparsity * (abs(a).sum() - abs(numpy.diag(a)).sum()))


def lsml(x, y):
    pairs, same = make_pairs(y)
    n = min(same.sum(), (~same).sum())
    quadruplets = numpy.concatenate([pairs[same][:n], pairs[~same][:n]], axis=1)
    a = metric_learn.LSML(max_iter=10000, tol=1e-6).fit(x[quadruplets]).get_mahalanobis_matrix()
    near = numpy.sqrt(distances(x, quadruplets[:, :2], a))
    far = numpy.sqrt(distances(x, quadruplets[:, 2:], a))
    return numpy.trace(a) - numpy.linalg.slogdet(a)[1] + (numpy.maximum(0, near - far) ** 2).mean()


def scml(x, y, sparsity=1e-5):
    triplets = make_triplets(y)
    model = metric_learn.SCML(beta=sparsity, random_state=0, n_basis=20 * x.shape[1])
    kept = {}
    components = model._components_from_basis_weights

    def keep(basis, w):
        kept["w"] = w
        return components(basis, w)

    model._components_from_basis_weights = keep
    a = model.fit(x[triplets]).get_mahalanobis_matrix()
    hinge = numpy.maximum(0, 1 + distances(x, triplets[:, [0, 1]], a) - distances(x, triplets[:, [0, 2]], a))
    return sparsity * kept["w"].sum() + hinge.mean()


def standardise(x):
    x = x[:, x.std(axis=0) > 0]
    return (x - x.mean(axis=0)) / x.std(axis=0)


def print_distances(name, z):
    z = numpy.sqrt(((z[1::STEP] - z[0]) ** 2).sum(axis=1))
    print(name, len(z), " ".join("%.9g" % value for value in z))


def rca(x, y):
    x = standardise(x)
    z = metric_learn.RCA().fit(x, y).transform(x)
    print_distances("rca", z)


def lfda(x, y, k=7):
    """Sugiyama 2007, (6) to (13), pair by pair."""
    x = standardise(x)
    n, d = x.shape
    within, between = numpy.zeros((n, n)), numpy.full((n, n), 1 / n)
    distance = square(x)
    for c in numpy.unique(y):
        rows = numpy.flatnonzero(y == c)
        own = distance[numpy.ix_(rows, rows)]
        scale = numpy.sqrt(numpy.sort(own, axis=1)[:, min(k, len(rows) - 1)])
        a = numpy.exp(-own / numpy.outer(scale, scale))
        within[numpy.ix_(rows, rows)] = a / len(rows)
        between[numpy.ix_(rows, rows)] = a * (1 / n - 1 / len(rows))
    scatters = [x.T @ (numpy.diag(w.sum(axis=1)) - w) @ x for w in (within, between)]
    value, vector = scipy.linalg.eigh(scatters[1], scatters[0])
    keep = value > 1e-9 * value.max()
    print_distances("lfda", x @ vector[:, keep] * numpy.sqrt(value[keep]))


def reference(name, stride, eta):
    table = numpy.loadtxt(pathlib.Path(__file__).parent / (name + ".csv"), delimiter=",", skiprows=1)
    x = table[::stride, :-1].astype(numpy.float32).astype(numpy.float64)
    y = table[::stride, -1].astype(int)
    print("data", name, stride)
    for method in (nca, mlkr, lmnn, itml, lsml, scml):
        print(method.__name__, "%.9g" % method(x, y), flush=True)
    print("sdml %g %.9g" % (eta, sdml(x, y, eta)))
    for diagonal in (False, True):
        try:
            print("mmc_diagonal" if diagonal else "mmc", "%.9g" % mmc(x, y, diagonal), flush=True)
        except Exception as error:
            print("# metric-learn's mmc, diagonal %s: %s" % (diagonal, type(error).__name__))
    if len(x) > 10 * x.shape[1]:
        rca(x, y)
        lfda(x, y)


print("# metric-learn %s, scikit-learn %s, numpy %s, scipy %s" %
      (metric_learn.__version__, sklearn.__version__, numpy.__version__, scipy.__version__))
reference("iris", 1, 1e-5)
reference("wine", 1, 1e-9)
reference("digits", 8, 1e-7)
