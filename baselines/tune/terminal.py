"""What people see of a search: two bars while it runs, and the table of its trials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import fill
from typing import TYPE_CHECKING, TypeVar

import click

from baselines.tune.trial import EndedTrial
from harness.cli._view import screen
from harness.format import interval, percent
from harness.progress import silent
from harness.words import counted

if TYPE_CHECKING:
    from types import TracebackType

    from baselines.tune.report import Summary, TrialRow

T = TypeVar("T")
SHOWN = 5  # trials in the table: each takes several lines of 80 columns


def tell(line: str) -> None:
    """Write a sentence to stderr, within 80 columns."""
    # Only between words: what is longer than a line is a path or a command, to be copied.
    click.echo(fill(line, 80, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False), err=True)


class Lines:
    """Plain lines on stderr, for a file or a pipe."""

    track = staticmethod(silent)

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def tell(self, line: str) -> None:
        tell(line)

    def ended(self, trial: EndedTrial, best: EndedTrial | None) -> None:
        self.tell(outcome(trial, best))


class Bars:
    """A bar over the trials, with the best so far, and below it one of what is being computed.

    Parameters
    ----------
    done, total : int
        Trials.
    """

    def __init__(self, done: int, total: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        # One display with two bars: before Rich 14.1 there cannot be two displays.
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        self.progress = Progress(*columns, console=screen.console, transient=True)
        self.trials = self.progress.add_task("trials", completed=done, total=total)

    def __enter__(self) -> Bars:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def tell(self, line: str) -> None:
        self.progress.console.print(line, markup=False)

    def track(self, items: Iterable[T], what: str, total: int) -> Iterator[T]:
        task = self.progress.add_task(what, total=total)
        try:
            for item in items:
                yield item
                self.progress.advance(task)
        finally:
            self.progress.remove_task(task)

    def ended(self, trial: EndedTrial, best: EndedTrial | None) -> None:
        self.tell(outcome(trial, best))
        said = f"trials, best {percent(best.val_accuracy)} %" if best and best.val_accuracy else "trials"
        self.progress.update(self.trials, advance=1, description=said)


def outcome(trial: EndedTrial, best: EndedTrial | None) -> str:
    """Return one line on a trial that has ended, and the best so far."""
    accuracy = f"{percent(trial.val_accuracy)} %" if trial.val_accuracy is not None else ""
    came = {
        "complete": f"val {accuracy}",
        "pruned": f"pruned after epoch {trial.epochs}, val {accuracy}",
        "failed": f"failed: {trial.error}",
    }[trial.state]
    again = f" (the recipe of trial {trial.repeats} again)" if trial.repeats else ""
    so_far = f"; best {percent(best.val_accuracy or 0.0)} %, trial {best.number}" if best else ""
    return f"Trial {trial.number}: {came}{again}{so_far}"


def show(summary: Summary) -> None:
    """Print the best trials, how many there are of each kind, and how to use the best one."""
    out = screen.output()
    best = [row for row in summary.trials if row.repeats is None][:SHOWN]
    # What is compared with, wherever it stands.
    best += [row for row in summary.trials if not row.changes and row.repeats is None and row not in best]
    places = {row.number: place for place, row in enumerate(summary.trials, start=1)}
    columns = (
        screen.Column("rank", number=True),
        screen.Column("trial", number=True, key=True),
        screen.Column("val %", number=True),
        screen.Column("trained"),
        screen.Column(f"unlike {summary.start}"),
    )
    rows = [
        (
            str(places[row.number]) if row.state == "complete" else "–",
            str(row.number),
            accuracy(row),
            (row.state, counted(row.epochs, "epoch")),
            " ".join(row.changes) or "nothing: this is it",
        )
        for row in best
    ]
    if best:
        screen.table(columns, rows)
    counts = summary.counts
    said = [f"{counts['complete']} complete, {counts['pruned']} pruned, {counts['failed']} failed"]
    said += [f"{counts['repeated']} repeated an earlier recipe and were not trained"] * bool(counts["repeated"])
    said += [f"{counts['interrupted']} interrupted and taken up again"] * bool(counts["interrupted"])
    lines = [f"{counted(len(summary.trials), 'trial')}: {'; '.join(said)}."]
    if len(summary.trials) > len(best):
        lines[0] += " All of them: --json"
    if summary.best is not None and summary.n_measured > 1:
        lines.append(
            f"Mind: {percent(summary.best.val_accuracy)} % is the highest of {summary.n_measured} recipes, all "
            f"measured on the same {summary.best.val_n:,} validation images. The highest of many is partly chance, so "
            "it is too good, and its interval does not allow for that. The hidden test, which no trial has seen, says "
            "how good the recipe is."
        )
    if summary.importances:
        first = ", ".join(f"{name} {100 * share:.0f} %" for name, share in list(summary.importances.items())[:3])
        lines.append(f"What the accuracy hung on ({summary.method}): {first}, …")
    else:
        lines.append(f"No importances: {summary.why_no_importances}.")
    for line in lines:
        out.print(line, markup=False)
    # What is to be copied stands in one piece, however long it is.
    places_of = {"Figure": summary.figure, "Study": summary.study}
    if summary.best is not None:
        places_of = {"Recipe": summary.best.recipe_file, **places_of}
    for what, path in places_of.items():
        if path:
            click.echo(f"{what}: {path}")
    if summary.best is not None:
        click.echo(f"Use it: {summary.best.train}\nThen: {summary.best.submit}", err=True)


def accuracy(row: TrialRow) -> tuple[str, ...]:
    """Return the lines of a cell: a pruned trial was not measured to its end, so it has no interval."""
    if row.val_accuracy is None:
        return ("–",)
    return (percent(row.val_accuracy), *([interval(*row.val_interval)] if row.val_interval else []))
