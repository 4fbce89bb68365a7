"""Runs the parts and writes the report; inside calls it."""
import json
import os
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

import arguments  # noqa: E402
import bench  # noqa: E402
import change  # noqa: E402
import contender  # noqa: E402
import data as datasets  # noqa: E402
import search  # noqa: E402


def build(report, connection, data, contenders, repeats):
    """Seconds of CREATE INDEX with no worker and with two, and what it takes on disk."""
    report.line("\n### Build\n")
    report.table(["", "one process, s", "ours is faster by", "two workers, s", "ours is faster by", "size, MB", "ours is smaller by"])
    seconds, sizes = {}, {}
    for workers in (0, 2):
        for c in contenders:
            quick = 1 if c.name.startswith("HNSW") else repeats     # minutes each
            seconds[c.name, workers] = bench.median([c.create(connection, data, workers) for _ in range(quick)])
            sizes[c.name] = c.size(connection, data)
    for c in contenders:
        report.table(None, [c.name] + [cell for workers in (0, 2) for cell in (
            f"{seconds[c.name, workers]:.2f}", f"{seconds[c.name, workers] / seconds['dml', workers]:.1f} x")]
            + [f"{sizes[c.name] / 1e6:.1f}", f"{sizes[c.name] / sizes['dml']:.1f} x"])


def conditions(connection, given):
    """On what it is measured, and how busy that is before a part begins."""
    cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    sets = [s for s in ("avx512_vnni", "avx2", "asimd") if s in open("/proc/cpuinfo").read()]
    versions = connection.execute("SELECT current_setting('server_version'), extversion FROM pg_extension "
                                  "WHERE extname = 'vector'").fetchone()
    return (f"*{cpu} ({sets[0] if sets else 'no vectors'}), {os.cpu_count()} cores, load average before it "
            f"{os.getloadavg()[0]:.1f}; PostgreSQL {versions[0]}, pgvector {versions[1]}; medians of {given.repeats} runs of {given.seconds} s."
            + (f" Without {', '.join(given.without)}." if given.without else "") + "*")


def main():
    given = arguments.parse(sys.argv[1:])
    connection = bench.connect()
    for extension in ("dml", "vector", "pg_prewarm"):
        connection.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    with open("/dml/memory.json") as file:
        memory = json.load(file)
    for name in given.data:
        data = datasets.load(name, given.quick)
        bench.Report(f"/dml/out/index_{name}_head.md").line(f"\n## {name}: {len(data.base):,} rows of {data.dims} dimensions")
        contender.store(connection, data)
        contenders = [c for c in contender.contenders() if c.name not in given.without]
        for c in contenders:
            c.load(connection, data)
        if "build" not in given.parts:
            for c in contenders:
                c.create(connection, data, 2)
        for part in (p for p in arguments.PARTS if p in given.parts and p != "memory"):
            where = conditions(connection, given)
            report = bench.Report(f"/dml/out/index_{name}_{part}.md")
            for c in contenders if part in ("search", "change") else []:    # building, and a part of cold caches, came before
                connection.execute(f"SELECT pg_prewarm('{c.table(data)}'), pg_prewarm('{c.index(data)}')")
            if part == "build":
                build(report, connection, data, contenders, given.repeats)
            elif part == "search":
                search.run(report, connection, data, contenders, memory.get(name, {}), given)
            elif part == "filter":
                search.filtered(report, connection, data, contenders, given)
            elif part == "cold":
                connection = search.cold(report, connection, data, contenders)
            else:
                change.run(report, connection, data, contenders, given)
            report.line("\n" + where)
        for c in contenders:
            connection.execute(f"DROP TABLE {c.table(data)}")


if __name__ == "__main__":
    main()
