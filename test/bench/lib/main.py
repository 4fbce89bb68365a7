"""Runs the parts and writes the report; test/bench/train calls it."""
import argparse
import os
import warnings

import bench
import closed
import embed
import steps
import whole

PARTS = ["steps", "whole", "closed", "embed"]


def words(text):
    return text.split(",")


def main():
    parser = argparse.ArgumentParser(prog="test/bench/train")
    parser.add_argument("--envs", help=argparse.SUPPRESS)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--peers", type=words)
    parser.add_argument("--parts", type=words, default=PARTS)
    parser.add_argument("--losses", type=words)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")

    report = bench.Report(os.path.join(arguments.work, "train.md"))
    quick = arguments.quick
    repeats = 1 if quick else arguments.repeats
    connection = bench.connect()
    connection.execute("CREATE EXTENSION IF NOT EXISTS dml")
    connection.execute("SET client_min_messages = warning")
    connection.execute("SELECT dml_norm('[1]')")    # loads the library, and with it its settings
    peers = [bench.Peer(name, os.path.join(arguments.envs, "peer-" + name, "bin", "python"), arguments.work)
             for name in arguments.peers]
    cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    kernels = connection.execute("SELECT current_setting('dml.simd', true)").fetchone()[0]
    report.line("# Training and embedding, ours beside its peers\n")
    report.line(f"{cpu}, {os.cpu_count()} cores, dml.simd = {kernels}; medians of {repeats}; "
                + ", ".join(f"{peer.name}: {peer.title}, pytorch-metric-learning {peer.about['metric_learning']}"
                            for peer in peers))
    load = os.getloadavg()[0]
    if load > 0.5:
        report.line(f"\n**The machine was not quiet: load average {load:.1f}.**")

    fashion = bench.fashion(6000 if quick else None)
    digits = bench.split(*bench.small("digits"), seed=0)
    for name, (x, y, xt, yt) in {"fashion": fashion, "digits": digits}.items():
        bench.store(connection, name, x, y, "smallint")
        bench.store(connection, name + "_test", xt, yt, "smallint")

    if "steps" in arguments.parts:
        report.line("\n## Steps")
        steps.run(report, connection, peers, {"fashion": fashion, "digits": digits}, arguments.work, quick, repeats,
                  arguments.losses)
    if "whole" in arguments.parts:
        report.line("\n## The whole way: table, 5 epochs, embedded column")
        whole.run(report, connection, peers, quick, repeats)
    if "closed" in arguments.parts:
        report.line("\n## Closed forms and classical methods")
        closed.run(report, connection, fashion, quick, repeats)
    if "embed" in arguments.parts:
        report.line("\n## Embedding")
        embed.run(report, connection, peers, fashion, arguments.work, quick, repeats)
    for peer in peers:
        peer.close()


if __name__ == "__main__":
    main()
