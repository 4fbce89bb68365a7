"""One judge for every embedding: retrieval, classification and verification, from their definitions."""
import numpy as np

PAIRS = 100000      # of each kind, at most, for verification
AT = 500            # queries that are taken together


def ranked(gallery, labels, queries, query_labels, same):
    """For each query (are the neighbours of its class?, its R), nearest first; same: the query is gallery row i."""
    norm = (gallery.astype(np.float64) ** 2).sum(1) / 2
    count = np.bincount(labels, minlength=max(labels.max(), query_labels.max()) + 1)
    for at in range(0, len(queries), AT):
        part = queries[at:at + AT]
        score = norm - part.astype(np.float64) @ gallery.T.astype(np.float64)
        if same:
            score[np.arange(len(part)), at + np.arange(len(part))] = np.inf
        r = count[query_labels[at:at + AT]] - (1 if same else 0)
        most = min(max(int(r.max()), 5), len(gallery) - (1 if same else 0))
        near = np.argpartition(score, most - 1, axis=1)[:, :most]
        order = np.take_along_axis(score, near, 1).argsort(1, kind="stable")
        near = np.take_along_axis(near, order, 1)
        for i in range(len(part)):
            yield labels[near[i]], query_labels[at + i], int(r[i])


def retrieval(gallery, labels, queries, query_labels, same):
    """recall@1, 5-NN accuracy, R-precision, MAP@R; queries without a row of their class are left out."""
    sums = np.zeros(4)
    n = 0
    for near, own, r in ranked(gallery, labels, queries, query_labels, same):
        if r < 1:
            continue
        right = near == own
        votes = near[:5]
        count = [(votes == c).sum() for c in votes]
        hits = right[:r]
        precision = np.cumsum(hits) / np.arange(1, r + 1)
        sums += (right[0], votes[int(np.argmax(count))] == own, hits.mean(), (precision * hits).sum() / r)
        n += 1
    return dict(zip(("recall@1", "5-NN accuracy", "R-precision", "MAP@R"), sums / max(n, 1)))


def verification(x, y, seed=0):
    """ROC AUC and equal error rate over random pairs of rows."""
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, len(y), (2, 40 * PAIRS))
    keep = a != b
    a, b = a[keep], b[keep]
    chosen = np.concatenate([np.flatnonzero(y[a] == y[b])[:PAIRS], np.flatnonzero(y[a] != y[b])[:PAIRS]])
    a, b = a[chosen], b[chosen]
    distance = np.concatenate([np.linalg.norm(x[a[i:i + 20000]] - x[b[i:i + 20000]], axis=1)
                               for i in range(0, len(a), 20000)])
    genuine = (y[a] == y[b])[distance.argsort(kind="stable")]
    accepted = np.cumsum(genuine) / genuine.sum()
    false = np.cumsum(~genuine) / (~genuine).sum()
    auc = np.trapz(np.concatenate([[0], accepted]), np.concatenate([[0], false]))
    at = np.argmin(np.abs(false - (1 - accepted)))
    return {"ROC AUC": auc, "EER": (false[at] + 1 - accepted[at]) / 2}


def scores(train, labels, test, test_labels, open_set):
    """Closed: test rows among the training rows.  Open: test rows (of other classes) among themselves."""
    if open_set:
        result = retrieval(test, test_labels, test, test_labels, True)
    else:
        result = retrieval(train, labels, test, test_labels, False)
    result.update(verification(test, test_labels))
    return result
