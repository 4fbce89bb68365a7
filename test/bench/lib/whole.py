"""Part 2: from a table to an embedded column, by Python and inside the database."""
import os

import bench

LOSS = "cosface"


def fresh(connection):
    """The table as both sides find it: cached, vacuumed, without an embedding."""
    connection.execute("DROP TABLE IF EXISTS photo")
    connection.execute("CREATE TABLE photo AS TABLE fashion")
    connection.execute("ALTER TABLE photo ADD PRIMARY KEY (id)")
    connection.execute("VACUUM ANALYZE photo")


def ours(connection, epochs):
    connection.execute(
        "SELECT dml_train('whole', 'photo', 'pixels', 'class', method => %s, network => '256 relu, 64', epochs => %s, "
        "options => '{\"batch\": 250, \"rows_per_class\": 25, \"validation\": 0}')", (LOSS, epochs))
    connection.execute("SELECT dml_materialize('photo', 'embedding', 'whole')")


def run(report, connection, peers, quick, repeats):
    epochs = 1 if quick else 5
    mine, others = [], {}
    for _ in range(max(1, repeats // 2)):
        fresh(connection)
        mine.append(bench.timed(ours, connection, epochs)[0])
        connection.execute("SELECT dml_dematerialize('photo', 'embedding')")
        connection.execute("SELECT dml_drop_model('whole')")
        for peer in peers:
            for way in ("plain", "text", "binary"):
                fresh(connection)
                answer = peer.ask(do="whole", connect=os.environ["BENCH_CONNECT"], way=way, loss=LOSS, hidden=256,
                                  dims=64, batch=250, epochs=epochs)
                others.setdefault((peer.title, way), []).append(answer)
    own = bench.median(mine)
    report.line()
    report.table(["", "seconds", "read", "train", "embed and write", "ratio"])
    report.table(None, ["ours: dml_train, dml_materialize", f"{own:.2f}", "", "", "", ""])
    for (title, way), answers in others.items():
        middle = {key: bench.median([a[key] for a in answers]) for key in answers[0]}
        report.table(None, [f"{title}, {way}"] + [f"{middle[k]:.2f}" for k in ("seconds", "read", "train", "write")]
                     + [f"{middle['seconds'] / own:.1f}"])
