"""Rates at equal recall: plain, filtered, from cold caches, and in memory as the bound."""
import math
import os
import subprocess

import bench
import draw

TARGETS = [0.9, 0.95, 0.99, 0.999]
SHARES = [(0.1, 1), (1, 10), (10, 100), (50, 500)]      # per cent, and a < this
COLD_QUERIES = 200


def rates(data, pairs, arguments, where=""):
    """The median rate of each (contender, setting), asked in turns."""
    found = {}
    for _ in range(arguments.repeats):
        for c, label, setting in pairs:
            found.setdefault((c.name, label), []).append(c.rate(data, setting, arguments.seconds, where))
    return {key: bench.median(values) for key, values in found.items()}


def best(points, target):
    """The largest rate at a recall: of the (recall, rate) that reach it, and of the lines between neighbours that
    pass it (logarithms of the misses and of the rate); None: none reaches it."""
    found = [rate for recall, rate in points if recall >= target]
    points = sorted(points)
    for (below, fast), (above, slow) in zip(points, points[1:]):
        if below < target < above:
            miss = [math.log(max(1 - r, 1e-5)) for r in (below, target, above)]
            share = (miss[1] - miss[0]) / (miss[2] - miss[0])
            found.append(math.exp(math.log(fast) * (1 - share) + math.log(slow) * share))
    return max(found, default=None)


def cell(rate):
    return "-" if rate is None else f"{rate:,.0f}"


def ratio(ours, peers):
    peers = [p for p in peers if p]
    if ours is None:
        return "-"
    return f"{ours / max(peers):.1f} x" if peers else "no peer reaches it"


def run(report, connection, data, contenders, in_memory, arguments):
    """The curves of recall and rate, the table of rates at equal recall, exact search."""
    pairs = [(c, label, setting) for c in contenders for label, setting in c.settings]
    recall = {(c.name, label): data.recall(c.found(connection, data, setting)) for c, label, setting in pairs}
    rate = rates(data, pairs, arguments)
    curves = {c.name: [(recall[c.name, label], rate[c.name, label], label) for label, _ in c.settings] for c in contenders}
    curves.update(in_memory)
    draw.curves(f"/dml/out/recall_{data.name}.svg", data, curves)

    report.line("\n### Search: queries a second at equal recall\n")
    report.table(["recall at least"] + list(curves) + ["dml against the better of pgvector"])
    points = {name: [p[:2] for p in curve] for name, curve in curves.items()}
    for target in TARGETS:
        rate_of = {name: best(p, target) for name, p in points.items()}
        report.table(None, [target] + [cell(r) for r in rate_of.values()]
                     + [ratio(rate_of["dml"], [rate_of[c.name] for c in contenders if c.name != "dml"])])
    report.line(f"\n![Queries a second by recall, {data.name}](recall_{data.name}.svg)\n")
    report.table(["", "setting: recall, queries/s"])
    for name, curve in curves.items():
        report.table(None, [name, " · ".join(f"{label}: {r:.4f}, {q:,.0f}" for r, q, label in curve)])
    exact(report, connection, data, contenders, arguments)


def exact(report, connection, data, contenders, arguments):
    """dml.recall = 1 beside reading the table."""
    ours = contenders[0]
    peer = next(c for c in contenders if c.kind == "vector" and not c.cast)
    scan = {"enable_indexscan": "off", "enable_bitmapscan": "off"}
    pairs = [(ours, "exact", {"dml.recall": 1}), (ours, "scan", scan), (peer, "scan", scan)]
    rate = rates(data, pairs, arguments)
    found = data.recall(ours.found(connection, data, {"dml.recall": 1}))
    report.line("\n### Exact search\n")
    report.table(["", "queries/s", "recall", "against reading the table"])
    report.table(None, ["dml, dml.recall = 1", cell(rate["dml", "exact"]), f"{found:.4f}",
                        f"{rate['dml', 'exact'] / rate['dml', 'scan']:.1f} x"])
    report.table(None, ["dml, sequential scan", f"{rate['dml', 'scan']:.1f}", "1", ""])
    report.table(None, ["pgvector, sequential scan", f"{rate[peer.name, 'scan']:.1f}", "1", ""])


def truth(connection, data, where):
    """The K-th distance among the rows that pass a filter, as Data wants it."""
    ours = f"{data.name}_dml"
    with connection.transaction():
        connection.execute("SET LOCAL enable_indexscan = off")
        connection.execute("SET LOCAL enable_bitmapscan = off")
        return [[row[0] for row in connection.execute(
            f"SELECT id FROM {ours} {where} ORDER BY v <-> (SELECT x FROM {data.name}_dml_vector_query WHERE id = %s) LIMIT 10",
            (q,), prepare=True)] for q in range(100)]


def filtered(report, connection, data, contenders, arguments):
    """WHERE a < n beside the distance; every table has a btree index on a besides, and ours has a in its own, too."""
    for c in contenders:
        connection.execute(f"CREATE INDEX {c.table(data)}_a ON {c.table(data)} (a)")
        connection.execute(f"ANALYZE {c.table(data)}")
    report.line("\n### Filtered search: queries a second at recall 0.95, all ten rows found\n")
    report.table(["rows that pass"] + [c.name for c in contenders] + ["dml against the better of pgvector"])
    for share, below in SHARES:
        where = f"WHERE a < {below}"
        right = truth(connection, data, where)
        result = {}
        for c in contenders:
            for label, setting in c.settings:
                setting = dict(setting, **c.filtered)
                found = c.found(connection, data, setting, where, 100)
                recall = sum(len(set(f) & set(r)) for f, r in zip(found, right)) / sum(len(r) for r in right)
                if recall >= 0.95:
                    result[c.name] = bench.median([c.rate(data, setting, arguments.seconds, where)
                                                   for _ in range(arguments.repeats)])
                    break
        report.table(None, [f"{share:g} %"] + [cell(result.get(c.name)) for c in contenders]
                     + [ratio(result.get("dml"), [result.get(c.name) for c in contenders if c.name != "dml"])])
    for c in contenders:
        connection.execute(f"DROP INDEX {c.table(data)}_a")     # what comes next is of one index


def cold(report, connection, data, contenders):
    """After a restart, with the system's cache dropped: what a search reads.  Returns the new connection."""
    report.line(f"\n### Cold: the first {COLD_QUERIES} queries after a restart with nothing cached\n")
    report.table(["", "setting", "recall", "pages read a query: index", "table", "ms a query"])
    for c in contenders:
        recall, label, setting = None, None, None
        for label, setting in c.settings:
            recall = data.recall(c.found(connection, data, setting))
            if recall >= 0.95:
                break
        connection.execute("CHECKPOINT")
        connection.close()
        subprocess.run(os.environ["BENCH_RESTART"].split(), check=True, stdout=subprocess.DEVNULL)
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("3")
        connection = bench.connect()
        seconds = bench.timed(c.found, connection, data, setting, "", COLD_QUERIES)[0]
        connection.close()              # statistics are handed in when a session ends
        connection = bench.connect()
        index, table = connection.execute(
            "SELECT sum(i.idx_blks_read), max(t.heap_blks_read + coalesce(t.toast_blks_read, 0)) "
            "FROM pg_statio_user_tables t JOIN pg_statio_user_indexes i USING (relid) "
            "WHERE t.relname = %s", (c.table(data),)).fetchone()
        report.table(None, [c.name, label, f"{recall:.3f}", f"{index / COLD_QUERIES:.1f}", f"{table / COLD_QUERIES:.1f}",
                            f"{seconds / COLD_QUERIES * 1000:.2f}"])
        connection.execute("SELECT pg_stat_reset()")
    return connection
