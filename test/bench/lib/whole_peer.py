"""The way round by Python: rows out of PostgreSQL, train, embeddings into a column again.

Three ways of moving the data, from what most people write to the fastest there is:
	plain	SELECT into Python lists, executemany of UPDATE
	text	COPY as text out and in, UPDATE from a temporary table
	binary	COPY BINARY both ways, decoded and encoded by numpy without a loop
"""
import time

import numpy as np
import psycopg
import torch


def read_plain(connection):
    rows = connection.execute("SELECT id, pixels, class FROM photo").fetchall()
    return (np.array([row[0] for row in rows]), np.array([row[1] for row in rows], dtype=np.float32),
            np.array([row[2] for row in rows]))


def read_text(connection):
    with connection.cursor().copy("COPY (SELECT id, class, array_to_string(pixels, ',') FROM photo) TO STDOUT "
                                  "WITH (DELIMITER ',', FORMAT csv, QUOTE '\"')") as copy:
        text = b"".join(copy)
    table = np.fromstring(text.replace(b'"', b"").replace(b"\n", b","), dtype=np.float32, sep=",").reshape(-1, 786)
    return table[:, 0].astype(np.int64), table[:, 2:], table[:, 1].astype(np.int64)


def read_binary(connection):
    with connection.cursor().copy("COPY (SELECT id, class, pixels FROM photo) TO STDOUT WITH (FORMAT binary)") as copy:
        data = b"".join(copy)
    # per row: fields, then length and value each; the array has a header of 20 bytes and a length per element
    row = np.dtype([("fields", ">i2"), ("l1", ">i4"), ("id", ">i4"), ("l2", ">i4"), ("class", ">i4"), ("l3", ">i4"),
                    ("header", "V20"), ("pixel", [("length", ">i4"), ("value", ">i2")], 784)])
    table = np.frombuffer(data, dtype=row, offset=19, count=(len(data) - 21) // row.itemsize)
    return (table["id"].astype(np.int64), table["pixel"]["value"].astype(np.float32), table["class"].astype(np.int64))


def write_plain(connection, id, z):
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE photo SET embedding = %s WHERE id = %s",
                           [(row.tolist(), int(i)) for i, row in zip(id, z)])


UPDATE = "UPDATE photo SET embedding = incoming.z FROM incoming WHERE photo.id = incoming.id"


def write_text(connection, id, z):
    connection.execute("CREATE TEMPORARY TABLE incoming (id integer, z real[])")
    with connection.cursor().copy("COPY incoming FROM STDIN") as copy:
        for i, row in zip(id, z):
            copy.write("%d\t{%s}\n" % (i, ",".join(map(repr, row.tolist()))))
    connection.execute(UPDATE)


def write_binary(connection, id, z):
    connection.execute("CREATE TEMPORARY TABLE incoming (id integer, z real[])")
    d = z.shape[1]
    row = np.dtype([("fields", ">i2"), ("l1", ">i4"), ("id", ">i4"), ("l2", ">i4"), ("ndim", ">i4"), ("nulls", ">i4"),
                    ("type", ">i4"), ("d", ">i4"), ("lower", ">i4"),
                    ("element", [("length", ">i4"), ("value", ">f4")], d)])
    table = np.zeros(len(z), dtype=row)
    table["fields"], table["l1"], table["id"], table["l2"] = 2, 4, id, 20 + 8 * d
    table["ndim"], table["type"], table["d"], table["lower"] = 1, 700, d, 1
    table["element"]["length"], table["element"]["value"] = 4, z
    with connection.cursor().copy("COPY incoming FROM STDIN WITH (FORMAT binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        copy.write(table.tobytes())
        copy.write(b"\xff\xff")
    connection.execute(UPDATE)


WAYS = {"plain": (read_plain, write_plain), "text": (read_text, write_text), "binary": (read_binary, write_binary)}


def run(train, embed, connect, way, loss, hidden, dims, batch, epochs):
    read, write = WAYS[way]
    began = time.perf_counter()
    with psycopg.connect(connect) as connection:
        id, x, y = read(connection)
        got = time.perf_counter()
        x = torch.from_numpy(x.astype(np.float32))
        mean = x.mean(0)
        x = (x - mean) / float(x.var(0).mean().sqrt())
        net, _, _ = train(x, y, loss, hidden, dims, batch, epochs)
        trained = time.perf_counter()
        z = embed(net, x)
        connection.execute("ALTER TABLE photo ADD COLUMN embedding real[]")
        write(connection, id, z)
    end = time.perf_counter()
    return {"seconds": end - began, "read": got - began, "train": trained - got, "write": end - trained}
