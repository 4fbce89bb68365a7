"""Rows that come and go: INSERT one by one, COPY, WAL a row, VACUUM."""
import bench
import contender

ROWS = 10000
ROUNDS = 5          # of INSERTs, in which all take turns


def wal(connection):
    return connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone()[0]


def run(report, connection, data, contenders, arguments):
    one_by_one = 200 if arguments.quick else 1000
    report.line("\n### Changes\n")
    report.line(f"{one_by_one:,} rows by INSERT, one a statement, with synchronous_commit off: the median of {ROUNDS} rounds, in turns. {ROWS:,} rows by COPY. "
                "WAL is without full-page images and without the records of a table that has no index. VACUUM runs after a tenth of the rows was deleted.\n")
    report.table(["", "INSERT, rows/s", "dml is faster by", "COPY, s", "dml is faster by", "WAL bytes a row", "dml writes less by",
                  "VACUUM, s", "dml is faster by"])
    connection.execute("ALTER SYSTEM SET full_page_writes = off")
    connection.execute("SELECT pg_reload_conf()")
    inserted = inserts(connection, data, contenders, one_by_one)
    rows = [(inserted[c.name], *figures(connection, data, c)) for c in contenders]
    connection.execute("ALTER SYSTEM RESET full_page_writes")
    connection.execute("SELECT pg_reload_conf()")
    ours = rows[0]
    for c, row in zip(contenders, rows):
        report.table(None, [c.name, f"{row[0]:,.0f}", f"{ours[0] / row[0]:.1f} x", f"{row[1]:.2f}", f"{row[1] / ours[1]:.1f} x",
                            f"{row[2]:,.0f}", f"{row[2] / ours[2]:.1f} x", f"{row[3]:.2f}", f"{row[3] / ours[3]:.1f} x"])


def inserts(connection, data, contenders, one_by_one):
    """Rows a second, one statement each."""
    rates = {c.name: [] for c in contenders}
    for c in contenders:
        table = c.table(data)
        connection.execute(f"DROP SEQUENCE IF EXISTS {table}_next")
        connection.execute(f"CREATE SEQUENCE {table}_next START {len(data.base)} CACHE 100")
        with open(f"/tmp/dml-data/{table}_insert.sql", "w") as file:
            file.write(f"INSERT INTO {table} SELECT id, a, x FROM {data.name}_{c.kind}_extra "
                       f"WHERE id = (SELECT nextval('{table}_next')::integer);\n")
    connection.execute("CHECKPOINT")
    for _ in range(ROUNDS):
        for c in contenders:
            rates[c.name].append(contender.pgbench(f"/tmp/dml-data/{c.table(data)}_insert.sql", {}, transactions=one_by_one))
    return {name: bench.median(values) for name, values in rates.items()}


def figures(connection, data, c):
    """Seconds of COPY, bytes of WAL a row, seconds of VACUUM."""
    table = c.table(data)
    extra = f"{data.name}_{c.kind}_extra"
    connection.execute(f"COPY (SELECT * FROM {extra} ORDER BY id) TO '/tmp/{table}.copy' (FORMAT binary)")
    connection.execute(f"CREATE TABLE bare (LIKE {table})")
    before = wal(connection)
    connection.execute(f"COPY bare FROM '/tmp/{table}.copy' (FORMAT binary)")
    own = wal(connection) - before
    connection.execute("DROP TABLE bare")
    connection.execute("CHECKPOINT")
    before = wal(connection)
    copied = bench.timed(connection.execute, f"COPY {table} FROM '/tmp/{table}.copy' (FORMAT binary)")[0]
    log = (wal(connection) - before - own) / ROWS

    connection.execute(f"DELETE FROM {table} WHERE id % 10 = 3")
    connection.execute("CHECKPOINT")
    vacuumed = bench.timed(connection.execute, f"VACUUM (INDEX_CLEANUP on, PARALLEL 0) {table}")[0]
    return copied, log, vacuumed

