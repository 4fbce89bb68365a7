"""Every method of ours and of the peers on the same splits; test/bench/methods calls it.

closed: 70 of 100 rows to learn from (Fashion-MNIST: its own split), the others asked among them.
open: every second class to learn from; the rows of the other classes are asked among themselves.
What was measured is kept in methods.json, and methods_report.py makes the pages of it."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import warnings

import numpy as np

import bench
import judge
import methods_peer
import methods_report

SETS = ["iris", "wine", "breast_cancer", "digits", "fashion"]
PIXELS = ("digits", "fashion")
SMALL = dict(hidden=128, dims=32, batch=250, epochs=100)
SHAPES = {"digits": dict(SMALL, dims=64), "fashion": dict(hidden=256, dims=64, batch=250, epochs=5)}
QUICK = {"auto", "lda", "supcon", "lmnn"}
ASKED = 5000        # rows of Fashion-MNIST, at most
SHORT = 0.5         # a training that takes less is repeated
# another name of one that is here, and terms of sums, which say nothing about neighbours alone
NOT_ALONE = {"covariance", "norm", "zero_mean", "uniformity", "orthogonal", "center", "center_invariant", "instance",
             "intra_pair_variance"}
NUMBERS = {"mlkr", "kernel_regression", "rank_n_contrast", "log_ratio"}  # take the label for a number, so that an unseen class is nothing to them


class Peer:
    """The process of methods_peer.py."""

    def __init__(self, work):
        self.process = subprocess.Popen([sys.executable, methods_peer.__file__], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=open(os.path.join(work, "methods_peer.log"), "w"), text=True)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def divided(name, open_set, rows):
    """(x, y, test x, test y), labels from 0."""
    if name == "fashion":
        x, y, xt, yt = bench.fashion()
        chosen = np.random.default_rng(0).permutation(len(y))[:rows]
        x, y, xt, yt = x[chosen], y[chosen], xt[:ASKED], yt[:ASKED]
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


def train(name, open_set, limit, epochs, options):
    """One training in a session of its own: (its method, its epochs), processor seconds, peak MB, embeddings."""
    with bench.connect() as connection:
        connection.execute("SET client_min_messages = error")
        connection.execute("SELECT dml_norm('[1]')")
        pid = connection.info.backend_pid
        began, before = bench.processor(pid), memory(pid)
        row = connection.execute(
            "SELECT method, epochs FROM dml_train('bench', 'data', 'pixels', 'class', method => %s, "
            "open_set => %s, time_limit => %s, epochs => %s, options => %s)",
            (name, open_set, float(limit), epochs, options)).fetchone()
        seconds, used = bench.processor(pid) - began, memory(pid) - before
        return row, seconds, used, [bench.embeddings(connection, "bench", t) for t in ("data", "data_test")]


def ours(name, gradient, same, open_set, arguments, data):
    """same: as many epochs as the peers, none of the rows held back."""
    epochs = SHAPES.get(data, SMALL)["epochs"] if same or data == "fashion" and gradient else None
    options = '{"validation": 0}' if same else "{}"
    answer = train(name, open_set, arguments.limit, epochs, options)
    seconds = [answer[1]]
    while seconds[0] < SHORT and len(seconds) < 3:
        seconds.append(train(name, open_set, arguments.limit, epochs, options)[1])
    return answer[0], statistics.median(seconds), answer[2], answer[3]


def candidates(connection, quick):
    """(method, whether it has a network) in the order of the registry's names; auto first."""
    found = connection.execute(
        "SELECT name, kind = 'gradient' FROM dml_methods WHERE supervision ~ 'label|target|any|none' "
        "ORDER BY name <> 'auto', name").fetchall()
    return [row for row in found if row[0] not in NOT_ALONE and (not quick or row[0] in QUICK)]


def run(connection, peer, name, open_set, over, arguments):
    """The section of one data set and protocol; None where it has too few classes.  over: what took too long already."""
    x, y, xt, yt = divided(name, open_set, arguments.fashion)
    section = {"data": name, "open": open_set, "rows": len(y), "columns": x.shape[1], "asked": len(yt), "trainings": [],
               "classes": len(np.unique(y)), "asked_classes": len(np.unique(yt))}
    if section["classes"] < 2 or section["asked_classes"] < 2:
        return None
    kind = "smallint" if x.dtype == np.uint8 else "real"
    bench.store(connection, "data", x, y, kind)
    bench.store(connection, "data_test", xt, yt, kind)
    file, out = (os.path.join(arguments.work, part) for part in ("methods.npz", "methods_out.npz"))
    np.savez(file, x=x, y=y, xt=xt)

    def note(method, of, train, test, **more):
        scores = {} if train is None else judge.scores(train.astype(np.float32), y, test.astype(np.float32), yt, open_set)
        section["trainings"].append(dict(method=method, of=of, scores=scores, **more))
        print(name, "open" if open_set else "closed", method, scores.get("MAP@R", more.get("error")), more.get("seconds"), flush=True)

    note("no learning", None, x, xt)
    for method, gradient in candidates(connection, arguments.quick):
        if open_set and method in NUMBERS:
            continue
        for same in (False, True):
            if same and not any(other.startswith("PML") for other in methods_peer.PEERS.get(method, [])):
                continue
            shown = "dml " + method + (", as many epochs" if same else "")
            try:
                row, seconds, used, (train_z, test_z) = ours(method, gradient, same, open_set, arguments, name)
                note(shown, method, train_z, test_z, seconds=seconds, mb=used, same=same,
                     chosen=row[0] if method == "auto" else None, epochs=row[1] or None)
            except Exception as error:
                note(shown, method, None, None, same=same, error=str(error).split("\n")[0])
        for other in methods_peer.PEERS.get(method, []):
            if other in over:
                note(other, method, None, None, error=over[other])
                continue
            answer = peer.ask(name=other, file=file, out=out, limit=arguments.limit, pixels=name in PIXELS, short=SHORT,
                              **SHAPES.get(name, SMALL))
            if "error" in answer:
                if answer.get("slow"):
                    over[other] = "%s on %s" % (answer["error"], name.replace("_", " "))
                note(other, method, None, None, error=answer["error"])
                continue
            found = np.load(out)
            note(other, method, found["train"], found["test"], seconds=answer["seconds"], mb=answer["peak_mb"],
                 epochs=SHAPES.get(name, SMALL)["epochs"] if other.startswith("PML") else None)
    section["load"] = os.getloadavg()[0]
    return section


def about(connection, peer, arguments):
    """What ran where."""
    cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    total = next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemTotal"))
    return {"cpu": cpu, "cores": os.cpu_count(), "memory_gb": total / 2**20, "limit": arguments.limit, "load": os.getloadavg()[0],
            "postgres": connection.execute("SHOW server_version").fetchone()[0].split()[0],
            "dml": connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'dml'").fetchone()[0],
            "simd": connection.execute("SELECT current_setting('dml.simd', true)").fetchone()[0],
            "fashion": arguments.fashion, "asked": ASKED, "shapes": dict(small=SMALL, **SHAPES), "peers": peer.ask(name="about")}


def measure(arguments):
    connection = bench.connect()
    connection.execute("CREATE EXTENSION IF NOT EXISTS dml")
    connection.execute("SET client_min_messages = error")
    connection.execute("SELECT dml_norm('[1]')")
    peer = Peer(arguments.work)
    result = {"about": about(connection, peer, arguments), "sections": [], "too_few": []}
    over = {}
    for name in arguments.data:
        for protocol in arguments.protocols:
            section = run(connection, peer, name, protocol == "open", over, arguments)
            if section is None:
                result["too_few"].append(name)
                continue
            result["sections"].append(section)
            with open(os.path.join(arguments.work, "methods.json"), "w") as file:
                json.dump(result, file, indent=1)
    peer.close()


def words(text):
    return text.split(",")


def main():
    parser = argparse.ArgumentParser(prog="test/bench/methods")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=words, default=SETS)
    parser.add_argument("--protocols", type=words, default=["closed", "open"])
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--fashion", type=int, default=20000)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--report", action="store_true")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    if arguments.quick:
        arguments.data = [name for name in arguments.data if name != "fashion"]
    if not arguments.report:
        measure(arguments)
    with open(os.path.join(arguments.work, "methods.json")) as file:
        methods_report.write(json.load(file), arguments.work)


if __name__ == "__main__":
    main()
