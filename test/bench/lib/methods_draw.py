"""How good each method's embedding is, as bars: docs/methods_SET_PROTOCOL.svg."""
import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

OURS, PEER, NONE = "#c0392b", "#7fb3d5", "#555555"


def bars(path, title, metric, found):
    """found: (name, value) of every method that finished; ours begin with "dml "."""
    plt.rcParams.update({"svg.hashsalt": "dml", "svg.fonttype": "none", "font.size": 8})
    found = sorted(found, key=lambda pair: pair[1])
    figure, axes = plt.subplots(figsize=(7.5, 0.6 + 0.16 * len(found)))
    colors = [NONE if name == "no learning" else OURS if name.startswith("dml ") else PEER for name, _ in found]
    axes.barh(range(len(found)), [value for _, value in found], color=colors, height=0.75)
    axes.set_yticks(range(len(found)), [name.replace("pytorch-metric-learning", "PML") for name, _ in found])
    axes.set_ylim(-0.6, len(found) - 0.4)
    for name, value in found:
        if name == "no learning":
            axes.axvline(value, color=NONE, linewidth=0.8, linestyle=":")
    axes.set_xlabel(metric)
    axes.set_title(title)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
