"""The indexes that are compared, each on a table of its own, and how a search is asked of it."""
import os
import re
import subprocess

import numpy as np

import bench

RECALLS = [0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9995]
EF = [10, 20, 40, 80, 160, 320, 640]
PROBES = [1, 2, 4, 8, 16, 32, 64, 128]


class Contender:
    """kind: the column's type; build: what follows USING; settings: (label, {parameter: value}) from fast to exact."""

    def __init__(self, name, kind, build, settings, cast="", filtered=None, columns=""):
        self.name, self.kind, self.build, self.settings, self.cast = name, kind, build, settings, cast
        self.filtered = filtered or {}      # settings that a filter wants besides
        self.columns = columns              # further columns of the index

    def table(self, data):
        return f"{data.name}_{re.sub('[^a-z]', '', self.name.lower())}"

    def index(self, data):
        return self.table(data) + "_index"

    def load(self, connection, data):
        table = self.table(data)
        connection.execute(f"DROP TABLE IF EXISTS {table}")
        connection.execute(f"CREATE TABLE {table} (id integer, a integer, v {self.kind}({data.dims}))")
        connection.execute(f"INSERT INTO {table} SELECT id, a, x::{self.kind} FROM {data.name}_base ORDER BY id")
        connection.execute(f"VACUUM ANALYZE {table}")
        connection.execute(f"SELECT pg_prewarm('{table}')")

    def create(self, connection, data, workers):
        """Seconds that CREATE INDEX takes."""
        connection.execute(f"SET max_parallel_maintenance_workers = {workers}")
        connection.execute(f"DROP INDEX IF EXISTS {self.index(data)}")
        connection.execute("CHECKPOINT")
        column = f"(v::{self.cast}({data.dims}))" if self.cast else "v"
        build = self.build.format(column=column, lists=max(10, len(data.base) // 1000), columns=self.columns)
        return bench.timed(connection.execute,
                           f"CREATE INDEX {self.index(data)} ON {self.table(data)} USING {build}")[0]

    def size(self, connection, data):
        return connection.execute("SELECT pg_relation_size(%s)", (self.index(data),)).fetchone()[0]

    def query(self, data, number, where="", k=10):
        cast = f"::{self.cast}({data.dims})" if self.cast else ""
        return (f"SELECT id FROM {self.table(data)} {where} ORDER BY v{cast} <-> "
                f"(SELECT x::{self.kind}{cast} FROM {data.name}_{self.kind}_query WHERE id = {number}) LIMIT {k}")

    def found(self, connection, data, setting, where="", queries=None):
        """The rows that each query finds."""
        with connection.transaction():
            for name, value in setting.items():
                connection.execute(f"SET LOCAL {name} = {value}")
            statement = self.query(data, "%s", where)
            return [[row[0] for row in connection.execute(statement, (q,), prepare=True)]
                    for q in range(queries or len(data.queries))]

    def rate(self, data, setting, seconds, where=""):
        """Queries a second, prepared, of one client."""
        script = f"/tmp/dml-data/{self.table(data)}.sql"
        with open(script, "w") as file:
            file.write(f"\\set q random(0, {len(data.queries) - 1})\n" + self.query(data, ":q", where) + ";\n")
        return pgbench(script, setting, seconds=seconds)


def pgbench(script, setting, seconds=None, transactions=None):
    """Transactions a second of one client, for so long or so many."""
    options = " ".join(f"-c {name}={value}" for name, value in setting.items())
    much = ["-T", str(seconds)] if seconds else ["-t", str(transactions)]
    done = subprocess.run([os.environ["BENCH_PGBENCH"], "-n", "-M", "prepared", "-f", script] + much,
                          env=dict(os.environ, PGOPTIONS=options), capture_output=True, text=True)
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if not found:
        raise SystemExit(done.stdout + done.stderr)
    return float(found.group(1))


def contenders():
    return [
        Contender("dml", "dml_vector", "dml ({column}{columns})", [(f"recall {r}", {"dml.recall": r}) for r in RECALLS],
                  columns=", a"),
        Contender("HNSW", "vector", "hnsw ({column} vector_l2_ops)", [(f"ef {e}", {"hnsw.ef_search": e}) for e in EF],
                  filtered={"hnsw.iterative_scan": "strict_order", "hnsw.max_scan_tuples": 2000000,
                            "hnsw.scan_mem_multiplier": 10}),
        Contender("HNSW half", "vector", "hnsw ({column} halfvec_l2_ops)",
                  [(f"ef {e}", {"hnsw.ef_search": e}) for e in EF], cast="halfvec",
                  filtered={"hnsw.iterative_scan": "strict_order", "hnsw.max_scan_tuples": 2000000,
                            "hnsw.scan_mem_multiplier": 10}),
        Contender("IVFFlat", "vector", "ivfflat ({column} vector_l2_ops) WITH (lists = {lists})",
                  [(f"probes {p}", {"ivfflat.probes": p}) for p in PROBES],
                  filtered={"ivfflat.iterative_scan": "relaxed_order", "ivfflat.max_probes": 32768}),
    ]


def copy_rows(connection, table, rows, first=0):
    """(id, a, x real[]) by COPY BINARY; a is 0 to 999, each a thousandth of the rows."""
    n, dims = rows.shape
    kind = np.dtype([("fields", ">i2"), ("l1", ">i4"), ("id", ">i4"), ("l2", ">i4"), ("a", ">i4"), ("l3", ">i4"),
                     ("ndim", ">i4"), ("flags", ">i4"), ("oid", ">i4"), ("dim", ">i4"), ("low", ">i4"),
                     ("x", [("l", ">i4"), ("v", ">f4")], (dims,))])
    with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for at in range(0, n, 10000):
            part = np.zeros(min(10000, n - at), kind)
            part["fields"], part["l1"], part["l2"], part["l3"] = 3, 4, 4, 20 + 8 * dims
            part["id"] = first + at + np.arange(len(part))
            part["a"] = part["id"].astype(np.int64) * 7919 % 1000
            part["ndim"], part["oid"], part["dim"], part["low"] = 1, 700, dims, 1
            part["x"]["l"] = 4
            part["x"]["v"] = rows[at:at + len(part)]
            copy.write(part.tobytes())
        copy.write(b"\xff\xff")


def store(connection, data):
    """The rows and queries of a data set, as the contenders take them."""
    for name, rows in (("base", data.base), ("query", data.queries), ("extra", data.extra)):
        connection.execute(f"DROP TABLE IF EXISTS {data.name}_{name} CASCADE")
        connection.execute(f"CREATE TABLE {data.name}_{name} (id integer PRIMARY KEY, a integer, x real[])")
        copy_rows(connection, f"{data.name}_{name}", rows, len(data.base) if name == "extra" else 0)
    for kind in ("dml_vector", "vector"):
        for name in ("query", "extra"):
            table = f"{data.name}_{kind}_{name}"
            connection.execute(f"DROP TABLE IF EXISTS {table}")
            connection.execute(f"CREATE TABLE {table} AS SELECT id, a, x::{kind} AS x FROM {data.name}_{name}")
            connection.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (id)")
            connection.execute(f"VACUUM ANALYZE {table}")
