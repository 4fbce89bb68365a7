"""The curves of recall and rate as SVG."""
import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

COLORS = {"dml": "#c0392b", "HNSW": "#2471a3", "HNSW half": "#5dade2", "IVFFlat": "#239b56"}


def curves(path, data, found):
    plt.rcParams.update({"svg.hashsalt": "dml", "svg.fonttype": "none", "font.size": 10})
    figure, axes = plt.subplots(figsize=(7.5, 4.5))
    for name, curve in found.items():
        points = sorted((1 - min(recall, 0.9999), rate) for recall, rate, _ in curve if recall > 0.7)
        axes.plot([p[0] for p in points], [p[1] for p in points], marker="o", markersize=3,
                  color=COLORS.get(name, "#999999"), linestyle="-" if name in COLORS else ":",
                  linewidth=2 if name == "dml" else 1.2, label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.invert_xaxis()
    ticks = [0.3, 0.1, 0.05, 0.01, 0.005, 0.001, 0.0001]
    axes.set_xticks(ticks, [f"{1 - t:g}" for t in ticks])
    axes.minorticks_off()
    axes.set_xlabel("recall of the ten nearest")
    axes.set_ylabel("queries a second")
    axes.set_title(f"{data.name}: {len(data.base):,} rows of {data.dims} dimensions, one client")
    axes.grid(True, alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
