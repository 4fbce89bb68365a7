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


def head(report, connection, data, given, load):
    """What was measured, on what, and whether the machine was quiet before it began."""
    cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    sets = [s for s in ("avx512_vnni", "avx2", "asimd") if s in open("/proc/cpuinfo").read()]
    versions = connection.execute("SELECT current_setting('server_version'), extversion FROM pg_extension "
                                  "WHERE extname = 'vector'").fetchone()
    report.line(f"\n## {data.name}: {len(data.base):,} rows of {data.dims} dimensions\n")
    report.line(f"{cpu} ({sets[0] if sets else 'no vectors'}), {os.cpu_count()} cores; PostgreSQL {versions[0]}, "
                f"pgvector {versions[1]}; medians of {given.repeats} runs of {given.seconds} s.")
    if given.without:
        report.line(f"\nWithout {', '.join(given.without)}: left out of this run.")
    if load > 0.5:
        report.line(f"\n**The machine was not quiet: load average {load:.1f}.**")


def main():
    given = arguments.parse(sys.argv[1:])
    connection = bench.connect()
    for extension in ("dml", "vector", "pg_prewarm"):
        connection.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    with open("/dml/memory.json") as file:
        memory = json.load(file)
    for name in given.data:
        load = os.getloadavg()[0]
        data = datasets.load(name, given.quick)
        report = bench.Report(f"/dml/out/index_{name}.md")
        head(report, connection, data, given, load)
        contender.store(connection, data)
        contenders = [c for c in contender.contenders() if c.name not in given.without]
        for c in contenders:
            c.load(connection, data)
        if "build" in given.parts:
            build(report, connection, data, contenders, given.repeats)
        else:
            for c in contenders:
                c.create(connection, data, 2)
        for c in contenders:
            connection.execute(f"SELECT pg_prewarm('{c.index(data)}')")
        if "search" in given.parts:
            search.run(report, connection, data, contenders, memory.get(name, {}), given)
        if "filter" in given.parts:
            search.filtered(report, connection, data, contenders, given)
        if "cold" in given.parts:
            connection = search.cold(report, connection, data, contenders)
        if "change" in given.parts:
            change.run(report, connection, data, contenders, given)
        for c in contenders:
            connection.execute(f"DROP TABLE {c.table(data)}")


if __name__ == "__main__":
    main()
