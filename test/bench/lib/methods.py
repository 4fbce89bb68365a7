"""Every method of ours and of the peers on the same splits; test/bench/methods calls it.

closed: 70 of 100 rows to learn from (Fashion-MNIST: its own split), the others asked among them.
open: every second class to learn from; the rows of the other classes are asked among themselves."""
import argparse
import json
import os
import subprocess
import sys
import warnings

import numpy as np

import bench
import judge
import methods_draw
import methods_peer

SETS = ["iris", "wine", "breast_cancer", "digits", "fashion"]
COLUMNS = ["5-NN accuracy", "recall@1", "R-precision", "MAP@R", "ROC AUC", "EER"]
SHAPES = {"fashion": dict(hidden=256, dims=64, batch=250, epochs=5)}
SMALL = dict(hidden=128, dims=32, batch=250, epochs=100)
QUICK = {"auto", "lda", "supcon", "metric-learn LMNN", "pytorch-metric-learning SupCon"}


class Peer:
    """The process of methods_peer.py."""

    def __init__(self, work):
        self.process = subprocess.Popen([sys.executable, methods_peer.__file__], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=open(os.path.join(work, "methods_peer.log"), "w"), text=True)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def divided(name, open_set):
    """(x, y, test x, test y), labels from 0."""
    if name == "fashion":
        x, y, xt, yt = bench.fashion()
        if open_set:
            keep, ask = y % 2 == 0, yt % 2 == 1
            return x[keep], y[keep] // 2, xt[ask], yt[ask] // 2
        return x, y, xt, yt
    x, y = bench.small(name)
    if open_set:
        keep = y % 2 == 0
        return x[keep], y[keep] // 2, x[~keep], y[~keep] // 2
    return bench.split(x, y, seed=0)


def memory(pid):
    """The most memory of its own that a process had, MB (what it shares with others left out)."""
    with open(f"/proc/{pid}/status") as file:
        sizes = {line.split(":")[0]: line.split()[1] for line in file if line.startswith(("VmHWM", "RssShmem", "RssFile"))}
    return (int(sizes["VmHWM"]) - int(sizes["RssShmem"]) - int(sizes["RssFile"])) / 1024


def ours(name, open_set, limit):
    """One training by default settings in a session of its own: (row of dml_train, peak MB), embeddings."""
    with bench.connect() as connection:
        connection.execute("SET client_min_messages = error")
        connection.execute("SELECT dml_norm('[1]')")
        pid = connection.info.backend_pid
        before = memory(pid)
        row = connection.execute(
            "SELECT seconds, method, network, reason FROM dml_train('bench', 'data', 'pixels', 'class', method => %s, "
            "open_set => %s, time_limit => %s)", (name, open_set, float(limit))).fetchone()
        used = memory(pid) - before
        return row, used, [bench.embeddings(connection, "bench", t) for t in ("data", "data_test")]


def candidates(connection, arguments):
    mine = [row[0] for row in connection.execute(
        "SELECT name FROM dml_methods WHERE supervision LIKE '%label%' OR supervision IN ('any', 'none') ORDER BY name")]
    theirs = list(methods_peer.CLASSICAL) + ["pytorch-metric-learning " + name for name in methods_peer.DEEP]
    if arguments.quick:
        mine, theirs = [[m for m in part if m in QUICK] for part in (mine, theirs)]
    return mine, theirs


def run(report, connection, peer, name, open_set, arguments):
    x, y, xt, yt = divided(name, open_set)
    if len(np.unique(y)) < 2 or len(np.unique(yt)) < 2:
        return
    bench.store(connection, "data", x, y, "smallint" if x.dtype == np.uint8 else "real")
    bench.store(connection, "data_test", xt, yt, "smallint" if x.dtype == np.uint8 else "real")
    file, out = (os.path.join(arguments.work, part) for part in ("methods.npz", "methods_out.npz"))
    np.savez(file, x=x, y=y, xt=xt)
    report.line(f"\n### {name}, {'open set' if open_set else 'closed set'}: {len(y):,} rows of {x.shape[1]} to learn from, "
                f"{len(yt):,} to ask\n")
    report.table(["method"] + COLUMNS + ["seconds", "MB"])
    drawn = []

    def note(method, seconds, used, train, test):
        result = judge.scores(train.astype(np.float32), y, test.astype(np.float32), yt, open_set)
        drawn.append((method.replace("*", ""), result["MAP@R"]))
        report.table(None, [method] + [f"{result[c]:.3f}" for c in COLUMNS]
                     + [f"{seconds:.2f}" if seconds is not None else "", f"{used:.0f}" if used is not None else ""])

    note("no learning", None, None, x, xt)
    mine, theirs = candidates(connection, arguments)
    for method in mine:
        try:
            row, used, (train, test) = ours(method, open_set, arguments.limit)
        except Exception as error:
            report.table(None, [f"dml {method}", str(error).split("\n")[0]] + [""] * (len(COLUMNS) + 1))
            continue
        note(f"**dml {method}**" + (f" ({row[1]})" if method == "auto" else ""), row[0], used, train, test)
    for method in theirs:
        answer = peer.ask(name=method, file=file, out=out, limit=arguments.limit, **SHAPES.get(name, SMALL))
        if "error" in answer:
            report.table(None, [method, answer["error"]] + [""] * (len(COLUMNS) + 1))
            continue
        found = np.load(out)
        note(method, answer["seconds"], answer["peak_mb"], found["train"], found["test"])
    picture = f"methods_{name}_{'open' if open_set else 'closed'}.svg"
    methods_draw.bars(os.path.join(arguments.work, picture), f"{name}, {'open' if open_set else 'closed'} set", "MAP@R", drawn)
    report.line(f"\n![MAP@R of every method, {name}, {'open' if open_set else 'closed'} set]({picture})")


def words(text):
    return text.split(",")


def main():
    parser = argparse.ArgumentParser(prog="test/bench/methods")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=words, default=SETS)
    parser.add_argument("--protocols", type=words, default=["closed", "open"])
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    if arguments.quick:
        arguments.data = [name for name in arguments.data if name != "fashion"]

    connection = bench.connect()
    connection.execute("CREATE EXTENSION IF NOT EXISTS dml")
    connection.execute("SET client_min_messages = error")
    peer = Peer(arguments.work)
    report = bench.Report(os.path.join(arguments.work, "benchmarks_methods.md"))
    cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    report.line("# Every method on the same data\n")
    report.line(f"{cpu}, {os.cpu_count()} cores, one thread. Ours with default settings; metric-learn and scikit-learn on "
                "standardised columns, pytorch-metric-learning with its own settings over the network that ours takes by default for "
                f"data of that size, both with what they have by default. A training that takes more than {arguments.limit} s is ended. "
                "`test/bench/methods` made this page.\n")
    report.line("Closed set: rows of classes that were learned, asked among the rows learned from. Open set: rows of classes that "
                "were not, among themselves. Verification (ROC AUC, equal error rate) is over pairs of the rows asked.")
    for name in arguments.data:
        for protocol in arguments.protocols:
            run(report, connection, peer, name, protocol == "open", arguments)
    peer.process.stdin.close()
    peer.process.wait()


if __name__ == "__main__":
    main()
