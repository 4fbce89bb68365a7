"""Part 4: embedding in the database, row by row and in batches, beside PyTorch."""
import os

import numpy as np

import bench

# what a table may keep a row of pixels in
KINDS = {"smallint[]": "pixels", "real[]": "pixels::real[]", "dml_vector": "pixels::real[]::dml_vector"}


def seconds(connection, query):
    return bench.timed(lambda: connection.execute(query).fetchone())[0]


def scan(connection, table, call, sample):
    """Processor seconds of a scan that calls something for every row."""
    pid = connection.info.backend_pid
    began = bench.processor(pid)
    connection.execute(f"SELECT count({call}) FROM {table} WHERE id < {sample}")
    return bench.processor(pid) - began


def run(report, connection, peers, fashion, work, quick, repeats):
    rows = len(fashion[1])
    sample = min(2000 if quick else 10000, rows)
    connection.execute("SELECT dml_train('embed', 'fashion', 'pixels', 'class', method => 'cosface', "
                       "network => '256 relu, 64', epochs => 1, options => '{\"validation\": 0}')")
    np.savez(os.path.join(work, "embed.npz"), x=fashion[0], y=fashion[1], xt=fashion[2][:1])
    for peer in peers:
        peer.ask(do="load", name="embed", file=os.path.join(work, "embed.npz"))
    for number, kind in enumerate(KINDS.values()):
        connection.execute(f"DROP TABLE IF EXISTS embed_{number}")
        connection.execute(f"CREATE TABLE embed_{number} AS SELECT id, {kind} AS x FROM fashion WHERE id < {sample}")
        connection.execute(f"VACUUM ANALYZE embed_{number}")
    connection.execute("SET max_parallel_workers_per_gather = 0")
    figures = {}

    def note(name, value):
        figures.setdefault(name, []).append(value)

    for _ in range(repeats):
        for number, kind in enumerate(KINDS):
            read = "dml_dims(x)" if kind == "dml_vector" else "x[784]"
            table = f"embed_{number}"
            fetched = scan(connection, table, read, sample)
            note(f"dml_embed of a {kind} in a scan, us a row",
                 (scan(connection, table, "dml_embed('embed', x)", sample) - fetched) / sample * 1e6)
            note(f"reading a {kind} in a scan, out of TOAST, us a row",
                 (fetched - scan(connection, table, "id", sample)) / sample * 1e6)
        connection.execute("DROP TABLE IF EXISTS photo")
        connection.execute("CREATE TABLE photo AS TABLE fashion")
        spent = seconds(connection, "SELECT seconds FROM dml_materialize('photo', 'embedding', 'embed')")
        note("dml_materialize of a smallint[], us a row (table rewritten, trigger made)", spent / rows * 1e6)
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
    report.line("\nNetwork `256 relu, 64` on 784 numbers; scans in processor time.\n")
    report.table(["", "median", "target"])
    for name, values in sorted(figures.items(), key=lambda item: not item[0].startswith("dml_embed")):
        target = next((t for start, t in targets.items() if name.startswith(start)), "")
        report.table(None, [name, f"{bench.median(values):.2f}", target])
    connection.execute("RESET max_parallel_workers_per_gather")
    for number in range(len(KINDS)):
        connection.execute(f"DROP TABLE embed_{number}")
    connection.execute("SELECT dml_drop_model('embed')")
