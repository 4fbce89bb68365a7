"""Part 3: closed forms beside scikit-learn, small tables beside metric-learn."""
import time

import metric_learn
import numpy as np
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.preprocessing import StandardScaler

import bench

SEEDS = 5


def dml(connection, table, method, **parameters):
    """Seconds of dml_train, reading included."""
    names = "".join(f", {name} => %s" for name in parameters)
    began = time.perf_counter()
    connection.execute(f"SELECT dml_train('closed', %s, 'pixels', 'class', method => %s{names})",
                       [table, method, *parameters.values()])
    return time.perf_counter() - began


def sklearn_models(classes):
    return {
        "whiten": lambda x, y: PCA(whiten=True, svd_solver="full").fit(x),
        "pca": lambda x, y: PCA(n_components=64, svd_solver="full").fit(x),
        "lda": lambda x, y: LinearDiscriminantAnalysis(solver="eigen", n_components=classes - 1,
                                                       shrinkage=1e-4).fit(x, y),
    }


def closed_forms(report, connection, fashion, repeats):
    x, y, xt, yt = fashion
    xf, xtf = x.astype(np.float32), xt.astype(np.float32)
    report.line(f"\n### fashion, {len(y):,} x 784: fit alone; ours reads the table, too\n")
    report.table(["method", "ours, s", "of it reading", "scikit-learn, s", "ratio", "recall@1: ours", "scikit-learn"])
    reading = bench.median([bench.timed(lambda: connection.execute(
        "SELECT sum(array_length(pixels, 1)) FROM fashion").fetchone())[0] for _ in range(repeats)])
    for method, fit in sklearn_models(10).items():
        parameters = {"pca": {"dims": 64}}.get(method, {})
        mine, other = [], []
        for _ in range(repeats):
            mine.append(dml(connection, "fashion", method, options='{"validation": 0}', **parameters))
            seconds, model = bench.timed(fit, xf, y)
            other.append(seconds)
        z = [bench.embeddings(connection, "closed", t) for t in ("fashion", "fashion_test")]
        theirs = [model.transform(part).astype(np.float32) for part in (xf, xtf)]
        report.table(None, [method, f"{bench.median(mine):.2f}", f"{reading:.2f} (scan alone)",
                            f"{bench.median(other):.2f}", f"{bench.median(other) / bench.median(mine):.1f}",
                            f"{bench.recall(z[0], y, z[1], yt):.4f}",
                            f"{bench.recall(theirs[0], y, theirs[1], yt):.4f}"])


def classical(report, connection, quick):
    """k-NN accuracy (5) and seconds: mean over stratified 70/30 splits."""
    peers = {
        "LMNN": lambda: metric_learn.LMNN(), "NCA": lambda: metric_learn.NCA(max_iter=100),
        "MLKR": lambda: metric_learn.MLKR(), "ITML": lambda: metric_learn.ITML_Supervised(),
        "MMC": lambda: metric_learn.MMC_Supervised(), "SCML": lambda: metric_learn.SCML_Supervised(),
    }
    for name in ("iris", "wine", "breast_cancer", "digits"):
        x, y = bench.small(name)
        seeds = 1 if quick or name == "digits" else SEEDS
        result = {}

        def note(method, seconds, z, zt, y, yt):
            result.setdefault(method, []).append((bench.knn_accuracy(z, y, zt, yt), seconds))

        for seed in range(seeds):
            x0, y0, x1, y1 = bench.split(x, y, seed)
            bench.store(connection, "small", x0, y0, "real")
            bench.store(connection, "small_test", x1, y1, "real")
            note("no learning", 0, x0, x1, y0, y1)
            scaler = StandardScaler().fit(x0)
            s0, s1 = scaler.transform(x0), scaler.transform(x1)
            note("standardised", 0, s0, s1, y0, y1)
            for method, parameters in (("lda", {}), ("nca", {"network": f"{min(x.shape[1], 32)} linear, raw"}),
                                       ("supcon", {}), ("auto", {"time_limit": 5.0 if quick else 60.0})):
                seconds = dml(connection, "small", method, **parameters)
                z = [bench.embeddings(connection, "closed", t) for t in ("small", "small_test")]
                note("dml " + method, seconds, *z, y0, y1)
            for method, make in peers.items():
                if method == "MMC" and name not in ("iris", "wine") or quick and name == "digits":
                    continue    # some minutes, and no better
                try:
                    seconds, model = bench.timed(make().fit, s0, y0)
                    note("metric-learn " + method, seconds, model.transform(s0).astype(np.float32),
                         model.transform(s1).astype(np.float32), y0, y1)
                except Exception as error:
                    result["metric-learn " + method] = [(float("nan"), float("nan"))]
                    print(f"metric-learn {method} on {name}: {error}")
        report.line(f"\n### {name}, {len(y):,} x {x.shape[1]}; mean of {seeds} splits\n")
        report.table(["method", "k-NN accuracy", "seconds"])
        for method, values in result.items():
            accuracy, seconds = np.mean(values, axis=0)
            report.table(None, [method, f"{accuracy:.4f}", f"{seconds:.2f}" if seconds else ""])


def run(report, connection, fashion, quick, repeats):
    closed_forms(report, connection, fashion, repeats)
    classical(report, connection, quick)
    connection.execute("SELECT dml_drop_model('closed')")
