"""Classical methods beside metric-learn: objective and seconds on digits, by test/bench/classical."""
import statistics
import subprocess
import os
import sys
import time
import warnings

import metric_learn
import numpy
import sklearn

warnings.filterwarnings("ignore")
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
TABLE = numpy.loadtxt(os.path.join(TOP, "test", "data", "digits.csv"), delimiter=",", skiprows=1)
X, Y = TABLE[:, :-1], TABLE[:, -1].astype(int)


def psql(sql):
    return subprocess.run(os.environ["BENCH_PSQL"].split() + ["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1"], input=sql, text=True,
                          capture_output=True, check=True).stdout.strip()


def square(z):
    norm = (z ** 2).sum(axis=1)
    return numpy.maximum(norm[:, None] + norm - 2 * z @ z.T, 0)


def soft(z):
    d = square(z)
    numpy.fill_diagonal(d, numpy.inf)
    p = numpy.exp(d.min(axis=1, keepdims=True) - d)
    return p / p.sum(axis=1, keepdims=True)


def nca(z):
    return (soft(z) * (Y[:, None] == Y)).sum()


def mlkr(z):
    return ((soft(z) @ Y - Y) ** 2).sum()


def lmnn(z, k=3, pull=0.5):
    before, d = square(X), square(z)
    value = 0
    for i in range(len(X)):
        own = numpy.flatnonzero((Y == Y[i]) & (numpy.arange(len(X)) != i))
        for j in own[numpy.argsort(before[i, own], kind="stable")[:k]]:
            value += pull * d[i, j] + (1 - pull) * numpy.maximum(0, 1 + d[i, j] - d[i, Y != Y[i]]).sum()
    return value


# the peer, the objective of an embedding (None: of other constraints on either side), and what is better
METHODS = {
    "nca_linear": (lambda: metric_learn.NCA(), nca, "larger"),
    "mlkr": (lambda: metric_learn.MLKR(), mlkr, "smaller"),
    "lmnn": (lambda: metric_learn.LMNN(), lmnn, "smaller"),
    "itml": (lambda: metric_learn.ITML_Supervised(), None, ""),
    "mmc": (lambda: metric_learn.MMC_Supervised(diagonal=True), None, ""),
    "lsml": (lambda: metric_learn.LSML_Supervised(), None, ""),
    "scml": (lambda: metric_learn.SCML_Supervised(), None, ""),
    "lfda": (lambda: metric_learn.LFDA(), None, ""),
    "rca": (lambda: metric_learn.RCA_Supervised(n_chunks=400), None, ""),
}


def ours(method, iterations=0):
    options = '{"validation": 0%s}' % (', "preprocess": "none"' if method not in ("lfda", "rca") else "") \
        if method != "mmc" else '{"validation": 0, "preprocess": "none", "diagonal": true}'
    if iterations:
        options = options[:-1] + ', "iterations": %d}' % iterations
    began = time.perf_counter()
    psql(f"SET dml.notice_interval = 0; SET client_min_messages = warning; "
         f"SELECT version FROM dml_train('bench_classical', 'bench_digits', 'x', 'class', method => '{method}', options => '{options}')")
    return time.perf_counter() - began


def embedding():
    rows = psql("SELECT dml_embed('bench_classical', x)::real[] FROM bench_digits ORDER BY id").splitlines()
    return numpy.array([row.strip("{}").split(",") for row in rows], dtype=numpy.float64)


def soonest(method, objective, better, value, repeats):
    """Seconds until the peer's objective is reached, by running with more and more iterations."""
    for iterations in (5, 10, 20, 40, 80, 160, 320, 640):
        seconds = ours(method, iterations)
        reached = objective(embedding())
        if reached <= value if better == "smaller" else reached >= value:
            return statistics.median([seconds] + [ours(method, iterations) for _ in range(repeats - 1)])
    return float("nan")


def main(repeats, wanted):
    psql("SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS dml; DROP TABLE IF EXISTS bench_digits; "
         "CREATE TABLE bench_digits (id int, x real[], class int)")
    rows = "\n".join("%d\t{%s}\t%d" % (i, ",".join("%g" % v for v in x), y) for i, (x, y) in enumerate(zip(X, Y)))
    psql("COPY bench_digits FROM STDIN;\n" + rows + "\n\\.\n")
    print("metric-learn %s, scikit-learn %s, numpy %s; digits, %d x %d, pixels as they are; medians of %d\n" %
          (metric_learn.__version__, sklearn.__version__, numpy.__version__, *X.shape, repeats))
    print("| method | metric-learn, s | ours, s | ratio | objective: metric-learn | ours | better is | ours to its objective, s | ratio |")
    print("|---|---|---|---|---|---|---|---|---|")
    for method in wanted or METHODS:
        peer, objective, better = METHODS[method]
        mine, theirs = [], []
        failed = None
        for _ in range(repeats):
            mine.append(ours(method))
            began = time.perf_counter()
            try:
                model = peer().fit(X, Y)
            except Exception as error:
                failed = type(error).__name__
                break
            theirs.append(time.perf_counter() - began)
        values, early = ("", ""), ("", "")
        seconds = statistics.median(mine)
        if objective and not failed:
            peers = objective(model.transform(X))
            values = ("%.6g" % peers, "%.6g" % objective(embedding()))
            soon = soonest(method, objective, better, peers, repeats)
            early = ("%.2f" % soon, "%.1f" % (statistics.median(theirs) / soon))
        print("| `%s` | %s | %.2f | %s | %s | %s | %s | %s | %s |" % (
            method, failed or "%.2f" % statistics.median(theirs), seconds,
            "" if failed else "%.1f" % (statistics.median(theirs) / seconds), *values, better, *early), flush=True)
    psql("SELECT dml_drop_model('bench_classical'); DROP TABLE bench_digits")


main(int(sys.argv[1]), sys.argv[2:])
