"""What all parts share: the server, the peers' processes, data, the evaluator, tables."""
import csv
import gzip
import json
import os
import statistics
import subprocess
import time

import numpy as np
import psycopg

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
FASHION = "/usr/share/datasets/fashion-mnist"


class Peer:
    """A process of peer.py in one virtual environment."""

    def __init__(self, name, python, work):
        environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
        self.process = subprocess.Popen([python, os.path.join(HERE, "peer.py")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=environment, cwd=work)
        self.name = name
        self.about = self.ask(do="about")
        self.title = "PyTorch %s (%s)" % (self.about["torch"].split("a")[0], self.about["blas"])

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the peer %s ended while it did %s" % (self.name, request))
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def connect():
    return psycopg.connect(os.environ["BENCH_CONNECT"], autocommit=True)


def idx(name):
    with gzip.open(os.path.join(FASHION, name)) as file:
        data = file.read()
    dims = data[3]
    shape = [int.from_bytes(data[4 + 4 * i:8 + 4 * i], "big") for i in range(dims)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dims).reshape(shape)


def fashion(rows=None):
    x, y = idx("train-images-idx3-ubyte.gz").reshape(-1, 784), idx("train-labels-idx1-ubyte.gz")
    xt, yt = idx("t10k-images-idx3-ubyte.gz").reshape(-1, 784), idx("t10k-labels-idx1-ubyte.gz")
    return (x[:rows], y[:rows], xt[:rows], yt[:rows]) if rows else (x, y, xt, yt)


def small(name):
    """A data set of test/data."""
    with open(os.path.join(TOP, "test", "data", name + ".csv")) as file:
        table = np.array([[float(v) for v in row] for row in list(csv.reader(file))[1:]])
    return table[:, :-1].astype(np.float32), table[:, -1].astype(np.int64)


def split(x, y, seed, share=0.3):
    """A stratified split: (x, y, test x, test y)."""
    rng = np.random.default_rng(seed)
    test = np.zeros(len(y), bool)
    for c in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == c))
        test[rows[:int(round(share * len(rows)))]] = True
    return x[~test], y[~test], x[test], y[test]


def store(connection, table, x, y, kind):
    """(id, pixels, class) from a matrix by COPY BINARY."""
    connection.execute(f"DROP TABLE IF EXISTS {table}")
    connection.execute(f"CREATE TABLE {table} (id integer PRIMARY KEY, pixels {kind}[], class integer)")
    with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
        form = "%d" if kind == "smallint" else "%.9g"
        for i, row in enumerate(x):
            copy.write("%d\t{%s}\t%d\n" % (i, ",".join(form % v for v in row), y[i]))
    connection.execute(f"VACUUM ANALYZE {table}")


def embeddings(connection, model, table):
    """All rows of a table embedded by a model, in the order of id."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(f"SELECT dml_embed(%s, pixels)::real[] FROM {table} ORDER BY id", (model,))
        return np.array([row[0] for row in cursor], dtype=np.float32)


def nearest(gallery, queries, k):
    """Exact neighbours by Euclidean distance, nearest first."""
    norm = (gallery.astype(np.float32) ** 2).sum(1) / 2
    found = []
    for at in range(0, len(queries), 500):
        score = norm - queries[at:at + 500] @ gallery.T
        part = np.argpartition(score, k - 1, axis=1)[:, :k]
        order = np.take_along_axis(score, part, 1).argsort(1, kind="stable")
        found.append(np.take_along_axis(part, order, 1))
    return np.concatenate(found)


def recall(gallery, labels, queries, query_labels):
    return float((labels[nearest(gallery, queries, 1)[:, 0]] == query_labels).mean())


def knn_accuracy(gallery, labels, queries, query_labels, k=5):
    """Majority of k; ties go to the class of the nearest among them."""
    votes = labels[nearest(gallery, queries, k)]
    right = 0
    for row, truth in zip(votes, query_labels):
        count = [(row == c).sum() for c in row]
        right += row[int(np.argmax(count))] == truth
    return right / len(votes)


def processor(pid):
    """Seconds that a process had the processor."""
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e9


def timed(function, *arguments):
    began = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - began, result


median = statistics.median


class Report:
    """Markdown to a file and to the terminal at once."""

    def __init__(self, path):
        self.file = open(path, "w")

    def line(self, text=""):
        print(text, flush=True)
        self.file.write(text + "\n")
        self.file.flush()

    def table(self, head, row=None):
        """A heading, or one row beneath it."""
        if row is None:
            self.line("| " + " | ".join(head) + " |")
            self.line("|" + "---|" * len(head))
        else:
            self.line("| " + " | ".join(str(cell) for cell in row) + " |")
