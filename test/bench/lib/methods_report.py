"""The pages of test/bench/methods from what it measured: benchmarks_methods.md, a page of each data set, pictures."""
import os
import statistics

import methods_draw

COLUMNS = ["MAP@R", "R-precision", "recall@1", "5-NN accuracy", "ROC AUC", "EER"]
NAMES = {"iris": "iris", "wine": "wine", "breast_cancer": "breast cancer", "digits": "digits", "fashion": "Fashion-MNIST"}
NEAR = 0.01         # a score that is less than this below the other one is as good
QUIET = 0.5         # load average of a machine that does nothing else; with one training 1 more
METHODS = "methods.md"


def title(section):
    return f"{NAMES[section['data']]}, {'open' if section['open'] else 'closed'} set"


def picture(section):
    return f"methods_{section['data']}_{'open' if section['open'] else 'closed'}.svg"


def page(data):
    return f"benchmarks_methods_{data}.md"


def table(lines, head, rows):
    lines += ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    lines.append("")


def number(value, form):
    return "" if value is None else form % value


def quick(seconds):
    """Two digits, and no more than milliseconds."""
    return "" if seconds is None else "%.3f" % seconds if seconds < 0.1 else "%.2f" % seconds if seconds < 1 else "%.1f" % seconds


def times(ratio):
    """Two digits."""
    return "" if ratio is None else "%.2g" % ratio if ratio < 10 else "%.0f" % ratio


def is_ours(training):
    return training["method"].startswith("dml ")


def done(section, ours, same=False):
    """Trainings that finished; same: ours with the peers' number of epochs."""
    return [t for t in section["trainings"] if t["scores"] and t["of"] and is_ours(t) == ours and t.get("same", False) == same]


def without(section):
    return section["trainings"][0]["scores"]


def of_ours(section, peers_training):
    """Ours of the same method, with as many epochs where the peer has epochs; None: it did not finish."""
    found = [t for t in done(section, True, True) + done(section, True) if t["of"] == peers_training["of"]]
    return found[0] if found else None


def pairs(section):
    """(ours, the peer's) of each method that both finished."""
    return [(of_ours(section, t), t) for t in done(section, False) if of_ours(section, t)]


def shown(training):
    name = training["method"]
    if training.get("chosen"):
        return f"**{name}** ({training['chosen']})"
    return f"**{name}**" if is_ours(training) else name


def rows_of(section):
    """Every training: a method of ours and beneath it the peers'."""
    for t in section["trainings"]:
        if not t["scores"]:
            yield [shown(t), t["error"]] + [""] * (len(COLUMNS) + 3)
            continue
        mine = None if is_ours(t) or t["of"] is None else of_ours(section, t)
        ratio = t["seconds"] / mine["seconds"] if mine and t["seconds"] else None
        yield ([shown(t)] + ["%.3f" % t["scores"][c] for c in COLUMNS]
               + [number(t.get("epochs"), "%d"), quick(t.get("seconds")), times(ratio), number(t.get("mb"), "%.0f")])


def preamble(lines, result):
    about = result["about"]
    peers = about["peers"]
    lines += [f"{about['cpu']}, {about['cores']} cores, {about['memory_gb']:.0f} GB; dml {about['dml']} (dml.simd = {about['simd']}) in PostgreSQL "
              f"{about['postgres']}; " + ", ".join(f"{name} {version}" for name, version in peers.items()) + ".", ""]
    noise = max([about["load"]] + [s["load"] - 1 for s in result["sections"]])
    if noise > QUIET:
        lines += [f"**The machine was not quiet: up to {noise:.0f} other processes ran.** Seconds are processor time, which that lengthens, but "
                  "less than it does the clock's.", ""]


def best(trainings, metric):
    return max(trainings, key=lambda t: t["scores"][metric])


def score(training, metric):
    return f"{training['scores'][metric]:.3f} {training['method'].replace('dml ', '')}"


def summary(lines, sections):
    for metric in ("MAP@R", "5-NN accuracy"):
        rows = []
        for s in sections:
            auto = next((t for t in done(s, True) if t["of"] == "auto"), None)
            theirs = done(s, False)
            rows.append([f"[{title(s)}]({page(s['data'])})", "%.3f" % without(s)[metric],
                         f"{auto['scores'][metric]:.3f} ({auto['chosen']})" if auto else "",
                         score(best([t for t in done(s, True) if t["of"] != "auto"], metric), metric), score(best(theirs, metric), metric) if theirs else "",
                         "%d of %d" % (sum(a["scores"][metric] > b["scores"][metric] - NEAR for a, b in pairs(s)), len(pairs(s)))])
        lines += [f"### {metric}", ""]
        table(lines, ["", "no learning", "ours: `auto`", "ours: the best", "peers: the best", "ours as good as the peer's"], rows)
    rows = []
    for s in sections:
        ratios = sorted(b["seconds"] / a["seconds"] for a, b in pairs(s) if b["seconds"])
        memory = sorted(b["mb"] / a["mb"] for a, b in pairs(s) if a["mb"] >= 1)
        failed = [t for t in s["trainings"] if not t["scores"]]
        rows.append([title(s), str(len(done(s, True))), str(len(done(s, False))),
                     times(statistics.median(ratios)) if ratios else "",
                     f"{times(ratios[0])} to {times(ratios[-1])}" if ratios else "",
                     "%d of %d" % (sum(r > 1 for r in ratios), len(ratios)),
                     "%.1f" % statistics.median(memory) if memory else "",
                     "%d; %d" % (sum(is_ours(t) for t in failed), sum(not is_ours(t) for t in failed))])
    lines += ["### Time and memory", ""]
    table(lines, ["", "methods: ours", "peers", "peer's seconds / ours, median", "from .. to", "ours quicker", "peer's memory / ours, median",
                  "failed or over the limit: ours; peers"], rows)


def main_page(result):
    about, sections = result["about"], result["sections"]
    shapes = about["shapes"]
    small, fashion = shapes["small"], shapes["fashion"]
    whole = {s["data"] for s in sections}
    half = [d for d in whole if d not in result["too_few"] and len([s for s in sections if s["data"] == d]) < 2]
    lines = ["# Every method on the same data", "",
             "`test/bench/methods` made this page. Each method of [`dml_methods`](methods.md) and what metric-learn, scikit-learn and "
             "pytorch-metric-learning (PML) have of the same name learn from the same rows, and one judge measures all embeddings.", ""]
    preamble(lines, result)
    lines += ["* **Closed set**: rows of classes that were learned are asked among the rows learned from: 30 of 100 rows of each class. **Open set**: "
              "every second class is learned; rows of the other classes are asked among themselves."
              + (" It needs two classes on either side; without them: " + ", ".join(NAMES[n] for n in result["too_few"]) + "."
                 if result["too_few"] else "")
              + (" Not measured in this run: " + ", ".join(NAMES[d] for d in half) + "." if half else "")]
    if "fashion" in whole:
        lines += [f"* Fashion-MNIST is {about['fashion']:,} of its 60,000 training rows, drawn at random, and {about['asked']:,} of its test rows; with "
                  f"all of them a run takes hours. Networks learn from it in {fashion['epochs']} epochs at most, ours and the peers'."]
    lines += ["* Ours: default settings. In the closed set these stop where recall@1 of rows held back, and beside it a tenth of their MAP@R, is best, mostly after fewer epochs than PML has, and then "
              "learn from all rows; all of that and reading the table is in the seconds. A network that PML has, too, is learned once more with *as many epochs* as PML's and without "
              "holding back: ratios, and whether ours is as good, are of that. "
              f"`auto`: `time_limit` {about['limit']} s.",
              f"* PML: the settings that its losses come with, over the network that ours takes for data of that size ({small['hidden']} relu, "
              f"{small['dims']}" + "".join(f"; {NAMES[d]} {shapes[d]['hidden']} relu, {shapes[d]['dims']}" for d in shapes if d in whole)
              + f"), batches of {small['batch']}, {small['epochs']} epochs of the small "
              "sets, AdamW with warm-up and cosine; columns standardised, pixels in one scale. metric-learn and scikit-learn: standardised columns.",
              f"* Seconds of the processor, one thread; trainings under half a second are the median of 3, others one run. A training that takes more than "
              f"{about['limit']} s or 6 GB is ended, and is then not tried on the sets behind it, which are larger. MB: the most that the process had beyond "
              "what it had before.",
              "* The best of many methods is chosen by the figures that are shown, so a part of its lead is luck: one standard error of an accuracy "
              "of 0.9 is 0.04 with 53 rows asked (wine), 0.013 with 539 (digits), 0.004 with 5,000.", "",
              "![No learning, auto, the best of ours and of the peers](methods.svg)", "", "## Summary", ""]
    summary(lines, sections)
    lines += [f"*Ours as good*: of the methods that both sides have, those in which ours scores no more than {NEAR} less. *auto* judges by rows held "
              "back from those learned from, the others' best by the rows asked.", "", "## Method by method", "",
              "MAP@R with each method; the line is no learning. The tables behind are on the pages "
              + ", ".join(f"[{NAMES[d]}]({page(d)})" for d in dict.fromkeys(s["data"] for s in sections)) + ".", ""]
    for s in sections:
        lines += [f"### {title(s)}", "", f"![MAP@R of every method, {title(s)}]({picture(s)})", ""]
    return lines


def data_page(result, data):
    lines = [f"# Every method on {NAMES[data]}", "",
             "`test/bench/methods` made this page; [what was measured, and how](benchmarks_methods.md). Under each method of ours the peers' of the same "
             "name. *epochs*: of linear methods of ours their iterations. *ratio*: the peer's seconds over ours. EER and ROC AUC are of verification: pairs of rows asked.", ""]
    preamble(lines, result)
    for s in result["sections"]:
        if s["data"] != data:
            continue
        lines += [f"## {'Open' if s['open'] else 'Closed'} set: {s['rows']:,} rows of {s['columns']} and {s['classes']} classes to learn from, "
                  f"{s['asked']:,} of {s['asked_classes']} asked", ""]
        table(lines, ["method"] + COLUMNS + ["epochs", "seconds", "ratio", "MB"], rows_of(s))
        lines += [f"![MAP@R of every method, {title(s)}]({picture(s)})", ""]
    return lines


def save(folder, name, lines):
    with open(os.path.join(folder, name), "w") as file:
        file.write("\n".join(lines).rstrip("\n") + "\n")


def write(result, folder):
    sections = result["sections"]
    save(folder, "benchmarks_methods.md", main_page(result))
    for data in dict.fromkeys(s["data"] for s in sections):
        save(folder, page(data), data_page(result, data))
    for s in sections:
        methods_draw.bars(os.path.join(folder, picture(s)), title(s), "MAP@R", without(s)["MAP@R"], done(s, True),
                          done(s, True, True), done(s, False))
    methods_draw.overview(os.path.join(folder, "methods.svg"), ["MAP@R", "5-NN accuracy"], [
        (title(s).replace(", ", "\n"), {m: [without(s)[m]] + [
            max([t["scores"][m] for t in done(s, ours) if not only or t["of"] == only], default=0)
            for ours, only in ((True, "auto"), (True, None), (False, None))] for m in ("MAP@R", "5-NN accuracy")}) for s in sections])
