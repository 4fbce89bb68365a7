"""Part 4: embedding in the database, row by row and in batches, beside PyTorch."""
import os

import numpy as np

import bench


def seconds(connection, query):
    return bench.timed(lambda: connection.execute(query).fetchone())[0]


def run(report, connection, peers, fashion, work, quick, repeats):
    rows = len(fashion[1])
    sample = 2000 if quick else 10000
    connection.execute("SELECT dml_train('embed', 'fashion', 'pixels', 'class', method => 'cosface', "
                       "network => '256 relu, 64', epochs => 1, options => '{\"validation\": 0}')")
    np.savez(os.path.join(work, "embed.npz"), x=fashion[0], y=fashion[1], xt=fashion[2][:1])
    for peer in peers:
        peer.ask(do="load", name="embed", file=os.path.join(work, "embed.npz"))
    connection.execute("SET max_parallel_workers_per_gather = 0")
    figures = {}

    def note(name, value):
        figures.setdefault(name, []).append(value)

    for _ in range(repeats):
        scan = seconds(connection, f"SELECT count(pixels[784]) FROM fashion WHERE id < {sample}")
        whole = seconds(connection, f"SELECT count(dml_embed('embed', pixels)) FROM fashion WHERE id < {sample}")
        note("dml_embed a row, in a scan, us", (whole - scan) / sample * 1e6)
        connection.execute("DROP TABLE IF EXISTS photo")
        connection.execute("CREATE TABLE photo AS TABLE fashion")
        spent = seconds(connection, "SELECT seconds FROM dml_materialize('photo', 'embedding', 'embed')")
        note("dml_materialize, us a row (table rewritten, trigger made)", spent / rows * 1e6)
        connection.execute("SELECT dml_dematerialize('photo', 'embedding')")
        with bench.connect() as other:
            other.execute("SELECT 1")
            value = "(SELECT pixels FROM fashion WHERE id = 1)"
            floor = seconds(other, f"SELECT {value}")
            note("first dml_embed of a session, ms", (seconds(other, f"SELECT dml_embed('embed', {value})") - floor) * 1e3)
        for peer in peers:
            for batch, n in ((1, sample), (1024, rows)):
                answer = peer.ask(do="embed", data="embed", hidden=256, dims=64, batch=batch, rows=n)
                note(f"{peer.title}, {'single rows' if batch == 1 else 'batches of 1,024'}, us a row",
                     answer["seconds"] / n * 1e6)
    targets = {"dml_embed": "25", "dml_materialize": "8 (the embedding alone)", "first": "5"}
    report.line()
    report.table(["", "median", "target"])
    for name, values in figures.items():
        target = next((t for start, t in targets.items() if name.startswith(start)), "")
        report.table(None, [name, f"{bench.median(values):.2f}", target])
    connection.execute("RESET max_parallel_workers_per_gather")
    connection.execute("SELECT dml_drop_model('embed')")
