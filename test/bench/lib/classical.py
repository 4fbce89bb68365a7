"""Classical methods beside metric-learn: objective and seconds of processor time on digits, by test/bench/classical."""
import statistics
import sys
import time
import warnings

import metric_learn
import numpy as np
import sklearn

import bench

warnings.filterwarnings("ignore")
X, Y = bench.small("digits")
X = X.astype(np.float64)
CONSTRAINTS = 2000


def square(z):
    norm = (z ** 2).sum(axis=1)
    return np.maximum(norm[:, None] + norm - 2 * z @ z.T, 0)


def soft(z):
    d = square(z)
    np.fill_diagonal(d, np.inf)
    p = np.exp(d.min(axis=1, keepdims=True) - d)
    return p / p.sum(axis=1, keepdims=True)


def nca(z, a):
    return (soft(z) * (Y[:, None] == Y)).sum()


def mlkr(z, a):
    return ((soft(z) @ Y - Y) ** 2).sum()


def lmnn(z, a, k=3, pull=0.5):
    before, d = square(X), square(z)
    value = 0
    for i in range(len(X)):
        own = np.flatnonzero((Y == Y[i]) & (np.arange(len(X)) != i))
        for j in own[np.argsort(before[i, own], kind="stable")[:k]]:
            value += pull * d[i, j] + (1 - pull) * np.maximum(0, 1 + d[i, j] - d[i, Y != Y[i]]).sum()
    return value


def make_constraints():
    """Pairs that are the same and as many that are not, drawn at random; triplets and quadruplets of them."""
    rng = np.random.default_rng(0)
    anchor = rng.integers(0, len(Y), CONSTRAINTS)
    same = np.array([rng.choice(np.flatnonzero((Y == Y[i]) & (np.arange(len(Y)) != i))) for i in anchor])
    other = np.array([rng.choice(np.flatnonzero(Y != Y[i])) for i in anchor])
    return anchor, same, other


ANCHOR, SAME, OTHER = make_constraints()
PAIRS = np.concatenate([np.stack([ANCHOR, SAME], 1), np.stack([ANCHOR, OTHER], 1)])
LABEL = np.repeat([1, -1], CONSTRAINTS)


def distances(a):
    """Squared, of the same and of the different pairs."""
    v = X[PAIRS[:, 0]] - X[PAIRS[:, 1]]
    d = np.maximum((v @ a * v).sum(axis=1), 0)
    return d[LABEL > 0], d[LABEL < 0]


def burg(a):
    return np.trace(a) - np.linalg.slogdet(a)[1]


def itml(z, a):
    points = np.unique(X[PAIRS].reshape(-1, X.shape[1]), axis=0)
    u, l = np.percentile(np.sqrt(square(points)), (5, 95))
    near, far = distances(a)

    def phi(t):
        return (t - np.log(t) - 1).sum()

    return burg(a) + phi(np.maximum(1, near / u)) + phi(np.minimum(1, far / l))


def mmc(z, a):
    near, far = distances(a)
    return np.log(near.sum()) - 2 * np.log(np.sqrt(far).sum())


def lsml(z, a):
    near, far = distances(a)
    return burg(a) + (np.maximum(0, np.sqrt(near) - np.sqrt(far)) ** 2).mean()


def scml(z, a):
    """Without the term of sparsity, which is 1e-5 times the weights."""
    near, far = distances(a)
    return np.maximum(0, 1 + near - far).mean()


def of_pairs(model):
    return model.fit(X[PAIRS], LABEL)


# the peer's fit, whose objective (None: a closed form), what is better, ours: its method, options, constraints or None
METHODS = {
    "nca_linear": (lambda: metric_learn.NCA().fit(X, Y), nca, "larger", "", None),
    "mlkr": (lambda: metric_learn.MLKR().fit(X, Y), mlkr, "smaller", "", None),
    "lmnn": (lambda: metric_learn.LMNN().fit(X, Y), lmnn, "smaller", "", None),
    "itml": (lambda: of_pairs(metric_learn.ITML()), itml, "smaller", "", "pairs"),
    "mmc": (lambda: of_pairs(metric_learn.MMC()), mmc, "smaller", "", "pairs"),
    "mmc, diagonal": (lambda: of_pairs(metric_learn.MMC(diagonal=True)), mmc, "smaller", ', "diagonal": true', "pairs"),
    "lsml": (lambda: metric_learn.LSML().fit(X[np.stack([ANCHOR, SAME, ANCHOR, OTHER], 1)]), lsml, "smaller", "", "quadruplets"),
    "scml": (lambda: metric_learn.SCML(random_state=0).fit(X[np.stack([ANCHOR, SAME, OTHER], 1)]), scml, "smaller", "", "triplets"),
    "scml, labels": (lambda: metric_learn.SCML_Supervised(random_state=0).fit(X, Y), None, "", "", None),
    "lfda": (lambda: metric_learn.LFDA().fit(X, Y), None, "", None, None),
    "rca": (lambda: metric_learn.RCA_Supervised(n_chunks=400).fit(X, Y), None, "", None, None),
}
CALLS = {
    None: "dml_train('bench_classical', 'bench_digits', 'x', 'class'",
    "pairs": "dml_train_pairs('bench_classical', 'SELECT a, b, true AS same FROM bench_constraints UNION ALL "
             "SELECT a, c, false FROM bench_constraints', 'a', 'b', 'same'",
    "triplets": "dml_train_triplets('bench_classical', 'bench_constraints', 'a', 'b', 'c'",
    "quadruplets": "dml_train_quadruplets('bench_classical', 'bench_constraints', 'a', 'b', 'a', 'c'",
}


class Ours:
    def __init__(self):
        self.connection = bench.connect()
        for command in ("SET client_min_messages = error", "CREATE EXTENSION IF NOT EXISTS dml", "SET dml.notice_interval = 0"):
            self.connection.execute(command)
        bench.store(self.connection, "bench_digits", X, Y, "real")
        self.connection.execute("ALTER TABLE bench_digits RENAME pixels TO x; DROP TABLE IF EXISTS bench_constraints")
        self.connection.execute("CREATE TABLE bench_constraints (a real[], b real[], c real[])")
        with self.connection.cursor().copy("COPY bench_constraints FROM STDIN") as copy:
            for rows in zip(ANCHOR, SAME, OTHER):
                copy.write_row(["{%s}" % ",".join("%g" % v for v in X[i]) for i in rows])
        self.train("rca")       # BLAS is loaded once a session

    def train(self, name, iterations=0):
        _, _, _, more, constraints = METHODS[name]
        options = '{"validation": 0%s%s}' % ("" if more is None else ', "preprocess": "none"' + more,
                                             ', "iterations": %d' % iterations if iterations else "")
        pid = self.connection.info.backend_pid
        began = bench.processor(pid)
        self.connection.execute(f"SELECT version FROM {CALLS[constraints]}, method => '{name.split(',')[0]}', options => '{options}')")
        return bench.processor(pid) - began

    def matrix(self):
        """Of the learned distance."""
        points = ["{%s}" % ",".join("%g" % v for v in row) for row in np.concatenate([np.zeros((1, X.shape[1])), np.eye(X.shape[1])])]
        rows = self.connection.execute("SELECT dml_embed('bench_classical', x::real[])::real[] FROM unnest(%s::text[]) x", (points,)).fetchall()
        z = np.array([row[0] for row in rows], dtype=np.float64)
        return (z[1:] - z[0]) @ (z[1:] - z[0]).T

    def objective(self, name):
        a = self.matrix()
        value, vector = np.linalg.eigh(a)
        return METHODS[name][1](X @ vector * np.sqrt(np.maximum(value, 0)), a)

    def soonest(self, name, value, repeats):
        """Seconds until the peer's objective is reached to a millionth, by running with more and more iterations."""
        sign = 1 if METHODS[name][2] == "smaller" else -1
        for iterations in (1, 2, 3, 4, 6, 8, 11, 15, 20, 30, 40, 80, 160, 320, 640):
            seconds = self.train(name, iterations)
            if sign * self.objective(name) <= sign * value + 1e-6 * abs(value):
                return statistics.median([seconds] + [self.train(name, iterations) for _ in range(repeats - 1)])
        return float("nan")


def compare(ours, name, repeats):
    peer, objective, better, _, _ = METHODS[name]
    mine, theirs = [], []
    model = failed = None
    for _ in range(repeats):
        mine.append(ours.train(name))
        began = time.process_time()
        try:
            model = peer()
        except Exception as error:
            failed = type(error).__name__
            break
        theirs.append(time.process_time() - began)
        if theirs[0] > 60:
            break
    seconds = statistics.median(mine)
    cells = ["`%s`" % name, failed or "%.3g" % statistics.median(theirs), "%.3g" % seconds,
             "" if failed else "%.1f" % (statistics.median(theirs) / seconds)]
    if objective and not failed:
        reached = objective(model.transform(X) if better == "larger" or name in ("mlkr", "lmnn") else None,
                            model.get_mahalanobis_matrix())
        value = ours.objective(name)
        soon = ours.soonest(name, reached, repeats)
        cells += ["%.6g" % reached, "%.6g" % value, better, "%.3g" % soon, "%.1f" % (statistics.median(theirs) / soon)]
    else:
        cells += [""] * 5
    print("| " + " | ".join(cells) + " |", flush=True)


def main(repeats, wanted):
    ours = Ours()
    print("metric-learn %s, scikit-learn %s, numpy %s; digits, %d x %d, pixels as they are; %d pairs, %d triplets or quadruplets; "
          "seconds of the processor, medians of %d (of one above a minute)\n" % (
              metric_learn.__version__, sklearn.__version__, np.__version__, *X.shape, len(PAIRS), CONSTRAINTS, repeats))
    print("| method | metric-learn, s | ours, s | ratio | objective: metric-learn | ours | better is | ours to its objective, s | ratio |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in wanted or METHODS:
        compare(ours, name, repeats)
    ours.connection.execute("SELECT dml_drop_model('bench_classical'); DROP TABLE bench_digits, bench_constraints")


main(int(sys.argv[1]), sys.argv[2:])
