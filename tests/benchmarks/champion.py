"""What each step from the report's VGG16 to the champion is worth, and which augmentation protects against what.

    python -m tests.benchmarks.champion WORKSPACE    # docs/champion.json, its tables in docs/champion.md, its figures

Entries of that workspace's board count by their messages, ``step: NUMBER NAME``, ``only: FAMILY`` or
``full, seed NUMBER, VIEWS``; of equal messages the last one.  Kinds that the workspace has none of stay as they are in
docs/champion.json.  It reads the private half, so it is run when all choices are made.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from baselines.augment.operations import OPERATIONS
from baselines.figures.style import BLUE, INK, QUIET, page
from baselines.run_folder import Run
from harness import api
from harness.analysis.corruptions import Groups, group, read_chains
from harness.board import ledger
from harness.board.artifacts import artifacts_of
from harness.format import interval, percent, points, points_interval
from harness.freeze.frozen import Frozen
from harness.score.evaluate import labels_of
from harness.score.stats import paired_interval, wilson_interval
from harness.workspace import Workspace
from tests.benchmarks.page import PREDICTED, read_results

DOCS = Path(__file__).parent.parent.parent / "docs"
MESSAGE = re.compile(r"(step: \d |only: |full, seed \d, )")
TICKS = (0.3, 1, 3, 10, 30, 100, 300, 1_000, 3_000)
TOGETHER = "mean of the seeds"


def measure(workspace: Path) -> dict[str, Any]:
    """Return what the entries of `workspace` reached on the hidden images, both halves together."""
    frozen, home = api.open_contest(workspace), Workspace(workspace)
    groups = group(read_chains(frozen))
    receipts = {
        receipt.message: receipt
        for receipt in reversed(list(ledger.scores_newest_first(home.ledger)))
        if MESSAGE.match(receipt.message) and receipt.outcome == "scored"
    }
    runs = read_runs(home.path / "runs" / frozen.contest.name)
    seconds = {(run.recipe_key, run.seed): run.seconds for run in runs}
    full_seconds = {run.seed: run.seconds for run in runs if (run.model, run.preset) == ("champion", "full")}
    looks = sum(receipt.outcome == "scored" for receipt in ledger.scores_newest_first(home.ledger))
    rows: list[dict[str, Any]] = []
    averaged: dict[str, list[dict[str, NDArray[np.float32]]]] = {}
    before: NDArray[np.bool_] | None = None
    for message, receipt in sorted(receipts.items()):
        kind, _, name = message.partition(", " if message.startswith("full") else ": ")
        kept = artifacts_of(home, receipt)
        right = right_when_hidden(kept.labels, frozen)
        card = kept.card
        assert card is not None
        row = {
            "kind": kind,
            "name": name,
            "lock": frozen.lock_hash,
            "hidden": [float(right.mean()), *wilson_interval(int(right.sum()), len(right))],
            "n": len(right),
            "val": card.scores["val"].metrics["accuracy"].value,
            "val_shifted": card.scores["val_shifted"].metrics["accuracy"].value,
            "predict_seconds": round(sum(card.seconds.values()), 1),
            "zip_bytes": card.zip_bytes,
            "zip_sha256": card.zip_sha256,
            "train_seconds": seconds.get((receipt.recipe, receipt.seed)),
            "families": by_family(right, groups),
        }
        if kind == "step":
            row["gain"] = None if before is None else list(paired_interval(right, before))
            before = right
        if kind == "full":
            row["predictions_sha256"] = {split: receipt.predictions[split] for split in ("public", "private")}
            row["train_seconds"] = full_seconds.get(int(name[len("seed ")]))
            averaged.setdefault(name.partition(", ")[2], []).append(kept.probabilities)
        rows.append(row)
    rows += [together(views, kept, frozen, groups) for views, kept in averaged.items() if len(kept) > 1]
    return {"contest": frozen.contest.name, "looks": {frozen.lock_hash: looks}, "rows": rows}


def together(
    views: str, kept: Sequence[dict[str, NDArray[np.float32]]], frozen: Frozen, groups: Groups
) -> dict[str, Any]:
    """Return what the mean of several entries' probabilities reaches; it was never an entry."""
    labels = {
        split: np.mean([one[split] for one in kept], axis=0).argmax(axis=1).astype(np.int64)
        for split in ("val", "val_shifted", "public", "private")
    }
    right = right_when_hidden(labels, frozen)
    return {
        "kind": "full",
        "name": f"{TOGETHER}, {views}",
        "lock": frozen.lock_hash,
        "hidden": [float(right.mean()), *wilson_interval(int(right.sum()), len(right))],
        "n": len(right),
        **{split: float((labels[split] == frozen.load(split).labels).mean()) for split in ("val", "val_shifted")},
        "families": by_family(right, groups),
    }


def read_runs(runs: Path) -> list[Run]:
    """Return what each training of a contest says of itself."""
    return [msgspec.json.decode(path.read_bytes(), type=Run) for path in sorted(runs.glob("*/run.json"))]


def right_when_hidden(labels: dict[str, NDArray[np.int64]], frozen: Frozen) -> NDArray[np.bool_]:
    """Return which hidden images have their right label, in the order of ``shift.json``."""
    truth = labels_of(frozen)
    right = np.zeros(sum(len(truth[split][1]) for split in ("public", "private")), bool)
    for split in ("public", "private"):
        rows, wanted = truth[split]
        right[rows] = labels[split] == wanted
    return right


def by_family(right: NDArray[np.bool_], groups: Groups) -> dict[str, list[int]]:
    """Return hits and images by family of corruption."""
    return {
        name: [int(right[members].sum()), int(members.sum())]
        for name, members in zip(groups.families.names, groups.by_family, strict=True)
    }


def steps_table(found: dict[str, Any]) -> str:
    """Return the steps as a Markdown table: accuracies in percent, gains in points with their paired interval."""
    lines = ["| step | val % | shifted val % | hidden % (95 %) | gain, points (95 %) |", "|---|--:|--:|---|---|"]
    for row in found["rows"]:
        if row["kind"] != "step":
            continue
        value, low, high = row["hidden"]
        gain = row["gain"]
        told = f"{points(gain[0])} ({points_interval(gain[1], gain[2])})" if gain else "–"
        cells = (row["name"], percent(row["val"]), percent(row["val_shifted"]))
        lines.append(f"| {' | '.join(cells)} | {percent(value)} ({interval(low, high)}) | {told} |")
    return "\n".join(lines)


def families_table(found: dict[str, Any]) -> str:
    """Return the accuracy of the last step by family of corruption as a Markdown table."""
    last = [row for row in found["rows"] if row["kind"] == "step"][-1]
    lines = ["| family | n | hidden % (95 %) |", "|---|--:|---|"]
    for name, (hits, n) in last["families"].items():
        lines.append(f"| {name} | {n:,} | {percent(hits / n)} ({interval(*wilson_interval(hits, n))}) |")
    return "\n".join(lines)


def seeds_table(found: dict[str, Any]) -> str:
    """Return the full preset from each seed, mean and sample standard deviation, in percent, as a Markdown table."""
    lines = ["| | val % | shifted val % | hidden % (95 %) | worst family | training, s |", "|---|--:|--:|---|---|--:|"]
    full = [row for row in found["rows"] if row["kind"] == "full"]
    for views in ("one view", "eight views"):
        rows = [row for row in full if row["name"].endswith(f", {views}")]
        for row in rows:
            value, low, high = row["hidden"]
            worst, (hits, n) = min(row["families"].items(), key=lambda item: item[1][0] / item[1][1])
            cells = [row["name"], percent(row["val"]), percent(row["val_shifted"])]
            cells += [f"{percent(value)} ({interval(low, high)})", f"{worst} {percent(hits / n)}"]
            lines.append(f"| {' | '.join([*cells, seconds_of(row)])} |")
        alone = [row for row in rows if not row["name"].startswith(TOGETHER)]
        spread = [
            f"{percent(np.mean(values))} ± {100 * np.std(values, ddof=1):.2f}"
            for values in (
                [row["val"] for row in alone],
                [row["val_shifted"] for row in alone],
                [row["hidden"][0] for row in alone],
            )
        ]
        lines.append(f"| **{len(alone)} seeds, {views}: mean ± sd** | {' | '.join(spread)} | | |")
    return "\n".join(lines)


def seconds_of(row: dict[str, Any]) -> str:
    """Return the seconds of a training, where it is known, as text."""
    return f"{row['train_seconds']:,.0f}" if row.get("train_seconds") else "–"


def only_table(found: dict[str, Any]) -> str:
    """Return what each family of augmentation reached alone as a Markdown table."""
    lines = ["| trained with | val % | shifted val % | hidden % (95 %) |", "|---|--:|--:|---|"]
    for row in sorted_alone(found):
        value, low, high = row["hidden"]
        cells = (row["name"], percent(row["val"]), percent(row["val_shifted"]))
        lines.append(f"| {' | '.join(cells)} | {percent(value)} ({interval(low, high)}) |")
    return "\n".join(lines)


def sorted_alone(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of one family each: without any first, with all last."""
    alone = [row for row in found["rows"] if row["kind"] == "only"]
    return sorted(alone, key=lambda row: ("flips", *OPERATIONS, "all six").index(row["name"]))


def with_tables(page: str, found: dict[str, Any]) -> str:
    """Return the text of docs/champion.md with its tables written anew."""
    tables = {"steps": steps_table(found), "seeds": seeds_table(found)}
    tables |= {"families": families_table(found), "only": only_table(found)}
    for name, table in tables.items():
        before, mark, rest = page.partition(f"<!-- {name} -->\n")
        page = before + mark + table + "\n" + rest[rest.index("<!-- end -->") :]
    return page


def heat_map(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Draw the accuracy of each entry on the images of each family of corruption, in percent."""
    families = list(rows[0]["families"])
    shares = np.array([[100 * hits / n for hits, n in row["families"].values()] for row in rows])
    note = (
        "The row speedrun, trained with one family of augmentation each: accuracy in percent on the hidden images that "
        "hold a corruption, among others of their chain."
    )
    with page(path, 10.5, 1.2 + 0.36 * len(rows), "What protects against what", note) as figure:
        axes = figure.subplots()
        axes.imshow(shares, cmap="viridis", aspect="auto", vmin=20, vmax=100)
        for (row, column), share in np.ndenumerate(shares):
            axes.text(column, row, f"{share:.0f}", ha="center", va="center", color="white" if share < 70 else INK)
        axes.set_xticks(range(len(families)), [name.replace("_", "\n") for name in families], size=8)
        axes.set_yticks(range(len(rows)), [row["name"] for row in rows])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)


def staircase(path: Path, steps: Sequence[dict[str, Any]]) -> None:
    """Draw the hidden accuracy of each step with its interval."""
    values = np.array([[100 * share for share in row["hidden"]] for row in steps])
    note = f"Accuracy on all {steps[0]['n']:,} hidden images, with 95 % Wilson intervals; one training each."
    with page(path, 8.6, 1.0 + 0.42 * len(steps), "From flips alone to the champion", note) as figure:
        axes = figure.subplots()
        places = np.arange(len(steps))
        spans = np.abs(values[:, 1:] - values[:, :1]).T
        axes.errorbar(values[:, 0], places, xerr=spans, fmt="o", color=BLUE, capsize=3)
        for place, value in zip(places, values[:, 0], strict=True):
            axes.annotate(f"{value:.1f}", (value, place), (0, 6), textcoords="offset points", ha="center")
        axes.set_yticks(places, [row["name"] for row in steps])
        axes.set_ylim(len(steps) - 0.4, -0.7)
        axes.set_xlim(0, 100)
        axes.set_xlabel("hidden accuracy, %")
        axes.grid(axis="x")


Point = tuple[str, float, float, str]  # name, seconds or milliseconds, accuracy in percent, colour


def training_points(rows: Sequence[dict[str, Any]], reported: dict[str, Any]) -> list[Point]:
    """Return hidden accuracy against seconds of training: `rows` and the report's, of docs/reproduction.json."""
    points = [(row["name"], row["seconds"], 100 * row["hidden"]["value"], INK) for row in reported["rows"]]
    return points + [(name_of(row), row["train_seconds"], 100 * row["hidden"][0], BLUE) for row in rows]


def predicting_points(found: dict[str, Any], reported: dict[str, Any]) -> list[Point]:
    """Return hidden accuracy against milliseconds an image, as docs/benchmarks.json has them."""
    took = {row.item: row.value for row in read_results()["predict"].rows if row.value}
    accuracies = {row["name"]: (100 * row["hidden"]["value"], INK) for row in reported["rows"]}
    rows = {(row["kind"], row["name"]): 100 * row["hidden"][0] for row in found["rows"]}
    steps = [value for (kind, name), value in sorted(rows.items()) if kind == "step" and name.startswith("4 ")]
    accuracies |= {"speedrun": (rows["only", "flips"], BLUE), "champion": (steps[0], BLUE)}
    for views, name in (("one view", "champion, full"), ("eight views", "champion, full, eight views")):
        of_seeds = [
            value for (kind, seed), value in rows.items() if kind == "full" and re.fullmatch(rf"seed \d, {views}", seed)
        ]
        accuracies[name] = (float(np.mean(of_seeds)), BLUE)
    return [(name, took[name], *accuracies[name]) for name in PREDICTED]


def pareto(path: Path, points: Sequence[Point], title: str, of_x: str, note: str) -> None:
    """Draw accuracy against a time, the best for their time joined by a line."""
    best = [one for one in points if not any(o[1] <= one[1] and o[2] > one[2] for o in points)]
    with page(path, 8.6, 4.6, title, note) as figure:
        axes = figure.subplots()
        axes.step(*zip(*sorted(one[1:3] for one in best), strict=True), where="post", color=QUIET, linewidth=1)
        axes.set_xscale("log")
        least, most = min(one[1] for one in points), max(one[1] for one in points)
        ticks = [tick for tick in TICKS if least / 2 <= tick <= most * 2]
        axes.set_xlim(least / 2, most * 2)
        axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axes.set_xticks([], minor=True)
        axes.set_ylim(0, 108)
        axes.set_xlabel(f"{of_x}, log scale")
        axes.set_ylabel("hidden accuracy, %")
        axes.grid()
        for _, x, accuracy, colour in points:
            axes.plot(x, accuracy, "o", color=colour, markersize=5)
        figure.draw_without_rendering()  # so that places on the page are known
        places = axes.transData.transform([point[1:3] for point in points])
        taken = [Bbox((place - 4, place + 4)) for place in places]
        for point in sorted(points, key=lambda point: (point not in best, point[3] != BLUE)):
            label(axes, point, taken)


def label(axes: Axes, point: Point, taken: list[Bbox]) -> None:
    """Write the name of a point beside it where there is room, and add the place to those taken; else leave it out."""
    name, x, accuracy, colour = point
    for dx, dy, side in ((-5, 5, "right"), (5, -13, "left"), (5, 5, "left"), (-5, -13, "right")):
        text = axes.annotate(name, (x, accuracy), (dx, dy), textcoords="offset points", ha=side, color=colour, size=8)
        box = text.get_window_extent()
        inside = axes.bbox.x0 < box.x0 and box.x1 < axes.bbox.x1 and box.y1 < axes.bbox.y1 and axes.bbox.y0 < box.y0
        if inside and not any(box.overlaps(other) for other in taken):
            taken.append(box)
            return
        text.remove()


def name_of(row: dict[str, Any]) -> str:
    """Return what a figure calls a row that has no preset of the report."""
    return f"speedrun, {row['name']}" if row["kind"] == "only" else row["name"].partition(" ")[2]


def main() -> None:
    found, before = measure(Path(sys.argv[1])), json.loads(DOCS.joinpath("champion.json").read_text(encoding="utf-8"))
    kinds = {row["kind"] for row in found["rows"]}
    found["rows"] = [row for row in before["rows"] if row["kind"] not in kinds] + found["rows"]
    found["looks"] = before["looks"] | found["looks"]
    DOCS.joinpath("champion.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    text = DOCS.joinpath("champion.md").read_text(encoding="utf-8")
    DOCS.joinpath("champion.md").write_text(with_tables(text, found), encoding="utf-8")
    folder = DOCS / "champion"
    folder.mkdir(exist_ok=True)
    steps = [row for row in found["rows"] if row["kind"] == "step"]
    alone = sorted_alone(found)
    staircase(folder / "steps.png", steps)
    if alone:
        heat_map(folder / "families.png", alone)
    timed = [row for row in steps + [row for row in alone if row["name"] == "all six"] if row["train_seconds"]]
    reported = json.loads(DOCS.joinpath("reproduction.json").read_text(encoding="utf-8"))
    note = (
        f"Black: quick presets of the report's models, public half, n = {reported['n_hidden']:,}. Blue: rows of this "
        f"page, all hidden images, n = {steps[0]['n']:,}. "
    )
    what = "seconds of training"
    rough = f"{note}One training each, on two shared cores: seconds are rough."
    pareto(folder / "pareto.png", training_points(timed, reported), "Accuracy against training time", what, rough)
    what = "milliseconds of processor time to predict an image"
    times = f"{note}Times are those of docs/benchmarks.md."
    pareto(folder / "predict.png", predicting_points(found, reported), "Accuracy against predicting time", what, times)
    print(steps_table(found))


if __name__ == "__main__":
    main()
