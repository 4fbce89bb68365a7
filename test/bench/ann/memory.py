"""hnswlib and faiss: the same search without a database, one thread, as the bound."""
import json
import os
import sys
import time

import faiss
import hnswlib

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

import arguments  # noqa: E402
import data as datasets  # noqa: E402

K = 10
EF = [10, 20, 40, 80, 160, 320]
PROBES = [1, 2, 4, 8, 16, 32, 64]


def asked(data, search):
    """(recall, queries a second) of a function from a query to row numbers."""
    found = [search(q) for q in data.queries]
    began = time.perf_counter()
    for q in data.queries:
        search(q)
    return data.recall(found), len(data.queries) / (time.perf_counter() - began)


def curves(data):
    graph = hnswlib.Index("l2", data.dims)
    graph.init_index(len(data.base), M=16, ef_construction=64)
    graph.set_num_threads(1)
    graph.add_items(data.base, num_threads=2)
    lists = []
    for ef in EF:
        graph.set_ef(max(ef, K))
        lists.append((*asked(data, lambda q: graph.knn_query(q, K, num_threads=1)[0][0].astype(int)), f"ef {ef}"))

    faiss.omp_set_num_threads(2)
    n_lists = max(10, len(data.base) // 1000)
    quantizer = faiss.IndexFlatL2(data.dims)
    index = faiss.IndexIVFPQFastScan(quantizer, data.dims, n_lists, data.dims // 2, 4)
    refined = faiss.IndexRefineFlat(index)
    refined.train(data.base)
    refined.add(data.base)
    faiss.omp_set_num_threads(1)
    refined.k_factor = 10
    scans = []
    for probes in PROBES:
        index.nprobe = probes
        scans.append((*asked(data, lambda q: refined.search(q[None], K)[1][0]), f"probes {probes}"))
    return {"hnswlib in memory": lists, "faiss IVFPQ fast scan in memory": scans}


def main():
    """memory.py FILE and the arguments of test/bench/index: the curves of each data set as JSON."""
    given = arguments.parse(sys.argv[2:])
    found = {}
    if "memory" in given.parts:
        for name in given.data:
            found[name] = curves(datasets.load(name, given.quick))
    with open(sys.argv[1], "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
