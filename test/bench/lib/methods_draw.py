"""How good each method's embedding is, as bars: methods_SET_PROTOCOL.svg, and all sets in methods.svg."""
import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

NONE, AUTO, OURS, SAME, PEER = "#777777", "#f0a30a", "#c0392b", "#e59a92", "#7fb3d5"
plt.rcParams.update({"svg.hashsalt": "dml", "svg.fonttype": "none", "font.size": 8})


def save(figure, path):
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def bars(path, title, metric, without, ours, same, peers):
    """Rows for each method: ours, with the peers' epochs, the peers' of the same name; trainings as methods.py keeps them."""
    rows = []
    for mine in sorted(ours, key=lambda t: t["scores"][metric]):
        rows += [(t["method"], t["scores"][metric], PEER) for t in reversed(peers) if t["of"] == mine["of"]]
        rows += [(t["method"], t["scores"][metric], SAME) for t in same if t["of"] == mine["of"]]
        name = mine["method"] + (f" ({mine['chosen']})" if mine.get("chosen") else "")
        rows.append((name, mine["scores"][metric], AUTO if mine["of"] == "auto" else OURS))
    figure, axes = plt.subplots(figsize=(7.5, 0.8 + 0.15 * len(rows)))
    axes.barh(range(len(rows)), [value for _, value, _ in rows], color=[color for _, _, color in rows], height=0.8)
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlim(0, 1)
    axes.axvline(without, color=NONE, linewidth=1, linestyle="--")
    axes.set_xlabel(f"{metric} (dashed: no learning)")
    axes.set_title(title)
    axes.tick_params(axis="y", length=0)
    save(figure, path)


def overview(path, metrics, found):
    """found: (title, {metric: values of no learning, auto, the best of ours, of the peers})."""
    figure, rows = plt.subplots(len(metrics), figsize=(max(7.5, 1.15 * len(found)), 2.3 * len(metrics)), squeeze=False)
    names = ["no learning", "dml auto", "dml, the best method", "the best of the peers"]
    for axes, metric in zip(rows[:, 0], metrics):
        for i, (name, color) in enumerate(zip(names, (NONE, AUTO, OURS, PEER))):
            axes.bar([at + (i - 1.5) * 0.2 for at in range(len(found))], [values[metric][i] for _, values in found], 0.2,
                     color=color, label=name)
        axes.set_xticks(range(len(found)), [title for title, _ in found])
        axes.set_ylim(0, 1)
        axes.set_ylabel(metric)
    rows[0, 0].legend(ncol=4, loc="upper center", bbox_to_anchor=(0.5, 1.25), frameon=False)
    save(figure, path)
