"""Clusters beside scikit-learn and the package hdbscan: seconds of processor time and how alike, by test/bench/answers."""
import os
import sys
import time
import warnings

import hdbscan
import numpy as np
import psycopg
import sklearn
from sklearn.cluster import DBSCAN, HDBSCAN, KMeans
from sklearn.metrics import adjusted_rand_score

warnings.filterwarnings("ignore")
DIMS = 64
CLUSTERS = 200
NOISE = 0.05
EPS = 5.0
MIN_POINTS = 5


def rows(n):
    """Groups of unequal size and spread, and rows that belong to none."""
    rng = np.random.default_rng(0)
    center = rng.uniform(-4, 4, (CLUSTERS, DIMS))
    group = rng.choice(CLUSTERS, n, p=rng.dirichlet(np.full(CLUSTERS, 2)))
    x = center[group] + rng.normal(0, rng.uniform(0.3, 0.6, CLUSTERS)[group][:, None], (n, DIMS))
    lost = rng.random(n) < NOISE
    x[lost] = rng.uniform(-4, 4, (lost.sum(), DIMS))
    return x.astype(np.float32)


def processor(pid):
    fields = open("/proc/%d/stat" % pid).read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ours(connection, query):
    """Seconds, and the cluster of each row by id; -1 is none."""
    begin = processor(connection.info.backend_pid)
    found = connection.execute(query).fetchall()
    seconds = processor(connection.info.backend_pid) - begin
    labels = np.full(len(found), -1)
    for key, cluster in found:
        labels[int(key)] = -1 if cluster is None else cluster
    return seconds, labels


def theirs(model, x):
    begin = time.process_time()
    labels = model.fit_predict(x)
    return time.process_time() - begin, labels


def inertia(x, labels):
    x = x.astype(np.float64)
    return sum(((x[labels == c] - x[labels == c].mean(axis=0)) ** 2).sum() for c in set(labels))


def load(connection, name, x):
    connection.execute("DROP TABLE IF EXISTS %s" % name)
    connection.execute("CREATE TABLE %s (id integer PRIMARY KEY, embedding dml_vector(%d))" % (name, DIMS))
    with connection.cursor().copy("COPY %s FROM STDIN" % name) as copy:
        for i, row in enumerate(x):
            copy.write_row((i, "[" + ",".join(map(repr, row.tolist())) + "]"))


def line(what, n, seconds, peer, peer_seconds, note):
    print("| %s | %d | %.1f | %s | %.1f | %s |" % (what, n, seconds, peer, peer_seconds, note), flush=True)


def main():
    n, n_hdbscan = int(sys.argv[1]), int(sys.argv[2])
    connection = psycopg.connect(os.environ["BENCH_CONNECT"], autocommit=True)
    for statement in ("SET client_min_messages = warning", "CREATE EXTENSION IF NOT EXISTS dml", "SET work_mem = '128MB'",
                      "SET maintenance_work_mem = '256MB'", "SET dml.notice_interval = 0"):
        connection.execute(statement)
    x, few = rows(n), rows(n_hdbscan)
    load(connection, "bench_cluster", x)
    load(connection, "bench_cluster_few", few)
    begin = processor(connection.info.backend_pid)
    connection.execute("SET max_parallel_maintenance_workers = 0")
    connection.execute("CREATE INDEX ON bench_cluster USING dml (embedding)")
    build = processor(connection.info.backend_pid) - begin
    peer = "scikit-learn %s" % sklearn.__version__
    print("| | rows | dml, seconds | peer | its seconds | |\n|---|---|---|---|---|---|")

    dbscan = "SELECT key, cluster FROM dml_cluster('bench_cluster', 'embedding', eps => %g, min_points => %d)" % (EPS, MIN_POINTS)
    window = "SELECT id, dml_cluster_dbscan(embedding, %g, %d) OVER () FROM bench_cluster" % (EPS, MIN_POINTS)
    peer_seconds, want = theirs(DBSCAN(eps=EPS, min_samples=MIN_POINTS), x)
    for what, query in (("DBSCAN through an index, built in %.1f s" % build, dbscan), ("DBSCAN, window function", window)):
        seconds, labels = ours(connection, query)
        line(what, n, seconds, peer, peer_seconds, "adjusted Rand index %.4f" % adjusted_rand_score(want, labels))

    k = CLUSTERS // 2
    peer_seconds, want = theirs(KMeans(k, random_state=0), x)
    for starts in (1, 10):
        query = "SELECT id, dml_cluster_kmeans(embedding, %d, starts => %d) OVER () FROM bench_cluster" % (k, starts)
        seconds, labels = ours(connection, query)
        line("k-means, k %d, starts %d" % (k, starts), n, seconds, peer, peer_seconds,
             "inertia %.4f of the peer's" % (inertia(x, labels) / inertia(x, want)))

    seconds, labels = ours(connection, "SELECT id, dml_cluster_hdbscan(embedding, %d, 20) OVER () FROM bench_cluster_few" % MIN_POINTS)
    for name, model in ((peer, HDBSCAN(min_samples=MIN_POINTS, min_cluster_size=20, copy=True)),
                        ("hdbscan", hdbscan.HDBSCAN(min_samples=MIN_POINTS - 1, min_cluster_size=20, core_dist_n_jobs=1))):
        peer_seconds, want = theirs(model, few)
        line("HDBSCAN*, window function", n_hdbscan, seconds, name, peer_seconds,
             "adjusted Rand index %.4f" % adjusted_rand_score(want, labels))
    connection.execute("DROP TABLE bench_cluster, bench_cluster_few")


main()
