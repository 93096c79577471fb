"""The page of the reproduction, as Markdown and as HTML, from one set of tables; its figures lie beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import jinja2

from baselines.figures.ablation import intervals, scatter
from baselines.reproduce.causes import spread
from baselines.reproduce.row import Row
from baselines.reproduce.table import Summary
from baselines.run_folder import Accuracy
from harness.format import interval, p_value, points
from harness.format import percent as in_percent
from harness.words import markdown
from harness.workspace import write_atomic

TEMPLATES = Path(__file__).parent / "templates"
GALLERY = ("augmentations.png", "What each augmentation makes of a training image; each row is one.")


@dataclass(frozen=True)
class Table:
    """A table of text; the columns in `numbers` are set to the right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...]


def percent(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def measured(accuracy: Accuracy) -> str:
    """Write an accuracy in percent with its 95 % interval.

    Examples
    --------
    >>> measured(Accuracy(0.9, 0.8256, 0.9448, 100))
    '90.0 (82.6–94.5)'
    """
    return f"{in_percent(accuracy.value, 1)} ({interval(accuracy.low, accuracy.high)})"


def said(row: Row) -> tuple[str, str, str]:
    """What the report says of a row, in its own digits; of both variants, so that each stands beside it."""
    reported = row.reported
    return percent(reported.val_accuracy), percent(reported.val_loss, 4), percent(reported.hidden_accuracy, 0)


def main_table(summary: Summary) -> Table:
    head = (
        "model", "weights", "val % reported", "val % measured", "loss reported", "loss measured",
        "hidden % reported", "hidden % measured", "gap",
    )  # fmt: skip
    rows = []
    for row in summary.rows:
        val, loss, hidden = said(row)
        weights = row.weights if row.weights in ("imagenet", "none") else row.weights.removeprefix("sha256:")[:8]
        rows.append(
            (row.name, weights, val, measured(row.val), loss, percent(row.val_loss, 4), hidden, measured(row.hidden),
             points(row.gap))
        )  # fmt: skip
    return Table(head, tuple(rows), (2, 3, 4, 5, 6, 7, 8))


def claims_table(summary: Summary) -> Table:
    head = (
        "claim",
        "the report",
        "trained on",
        "val % of each",
        "val, points",
        "shifted val, points",
        "hidden, points",
    )
    rows = tuple(
        (
            claim.text + ("" if claim.where == summary.contest else f" (contest {claim.where})"),
            claim.reported,
            " / ".join(f"{n:,}" for n in dict.fromkeys(claim.n_trained)),
            f"{100 * claim.one.value:.1f} / {100 * claim.other.value:.1f}",
            spread(claim.val),
            spread(claim.val_shifted),
            spread(claim.hidden),
        )
        for claim in summary.claims
    )
    return Table(head, rows, (2, 3, 4, 5, 6))


def optimizers_table(summary: Summary) -> Table:
    def of(pair: tuple[float, float]) -> str:
        return f"{100 * pair[0]:.1f} ± {100 * pair[1]:.1f}"

    rows = tuple(
        (result.name, result.settings, str(result.n), of(result.val), of(result.val_shifted), of(result.hidden))
        for result in summary.optimizers
    )
    return Table(("optimizer", "settings", "seeds", "val %", "shifted val %", "hidden %"), rows, (2, 3, 4, 5))


def seed_noise(summary: Summary) -> float | None:
    """Return the difference on the hidden test that two seeds of one recipe exceed once in twenty times, if known.

    1.96 √2 times the standard deviation over the seeds of the recipe that the claims change: Adam's.
    """
    spread = [result.hidden[1] for result in summary.optimizers if result.name == "adam"]
    return 1.96 * sqrt(2) * spread[0] if spread else None


def verdicts(summary: Summary) -> list[str]:
    """One sentence for each claim: what was measured of it, and whether another seed could have made it."""
    found, noise = [], seed_noise(summary)
    for claim in summary.claims:
        gap = claim.hidden
        better, by = (claim.first, gap) if gap.value > 0 else (claim.second, gap.turned())
        if not gap.is_clear:
            verdict = f"on the hidden test no difference can be told: {spread(gap)} points for {claim.first}."
        elif noise is not None and by.value <= noise:
            verdict = (
                f"of these two models {better} is better on the hidden test, by {spread(by)} points, but another seed "
                "alone could make as much."
            )
        else:
            verdict = f"on the hidden test {better} is better, by {spread(by)} points."
        found.append(f"{claim.text} (report: {claim.reported}): {verdict}")
    return found


def draw(summary: Summary, folder: Path) -> list[tuple[str, str]]:
    """Draw the figures of the page into `folder`, and return their file names with what they show."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = []
    for split, title, file in (("hidden", "Hidden accuracy", "hidden.png"), ("val", "Validation accuracy", "val.png")):
        rows = [
            (row.name, *(100 * getattr(getattr(row, split), end) for end in ("value", "low", "high")))
            for row in summary.rows
        ]
        values = {row.name: getattr(row.reported, REPORTED[split]) for row in summary.rows}
        reported = {name: value for name, value in values.items() if value is not None}
        if rows:
            intervals(folder / file, rows, f"{title}, measured and reported", "accuracy, %", reported)
            figures.append((file, f"{title} with 95 % intervals; open diamonds are the report's."))
    pairs = [
        (row.name, row.reported.hidden_accuracy, 100 * row.hidden.value)
        for row in summary.rows
        if row.reported.hidden_accuracy is not None
    ]
    if pairs:
        scatter(folder / "reported.png", pairs, "Hidden accuracy, reported and measured", "reported, %", "measured, %")
        figures.append(("reported.png", "Hidden accuracy as measured, against the report's."))
    if summary.claims:
        rows = [
            (claim.text, *(100 * value for value in (claim.hidden.value, claim.hidden.low, claim.hidden.high)))
            for claim in summary.claims
        ]
        intervals(
            folder / "claims.png",
            rows,
            "What each remedy gains on the hidden test",
            "points of accuracy",
            differences=True,
        )
        figures.append(("claims.png", "What the first of each pair gains over the second, with 95 % intervals."))
    return figures


REPORTED = {"hidden": "hidden_accuracy", "val": "val_accuracy"}


def write_page(summary: Summary, path: Path, sheets: Sequence[tuple[str, str]] = ()) -> None:
    """Write ``PATH.md``, ``PATH.html`` and ``PATH.json``, and the figures into a folder called as the page.

    Parameters
    ----------
    sheets : sequence of (str, str)
        Images that lie in that folder already: file name, and what it shows.

    Raises
    ------
    WorkspaceError
        They cannot be written.
    """
    import msgspec

    folder = path.with_suffix("")
    figures = [(f"{folder.name}/{file}", text) for file, text in [*draw(summary, folder), *sheets]]
    tables = {
        "main": main_table(summary),
        "claims": claims_table(summary),
        "optimizers": optimizers_table(summary),
    }
    loader = jinja2.FileSystemLoader(TEMPLATES)
    for suffix in (".md", ".html"):
        environment = jinja2.Environment(
            loader=loader,
            autoescape=suffix == ".html",
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.filters |= {"p_value": lambda p: p_value(p, 2), "markdown": markdown}
        text = environment.get_template(f"page{suffix}").render(
            summary=summary, tables=tables, figures=figures, verdicts=verdicts(summary), noise=seed_noise(summary)
        )
        write_atomic(path.with_suffix(suffix), text.encode())
    write_atomic(path.with_suffix(".json"), msgspec.json.format(msgspec.json.encode(summary), indent=1) + b"\n")
