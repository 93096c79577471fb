"""How a score card is shown to a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from harness.cli._view import screen
from harness.cli._view.table import Table, print_table
from harness.errors import HarnessError
from harness.format import SHORT, interval, percent
from harness.records import of_card, of_cards
from harness.score.card import ScoreCard
from harness.score.estimate import Estimate

if TYPE_CHECKING:
    from harness.analysis.preview import Preview

Scored = tuple[ScoreCard, "Preview | None"]


def show_forecast(preview: Preview, measured: Estimate | None = None) -> None:
    """Print on stderr what the public score is predicted to be, and what came by the same metric, where told."""
    found = preview.forecast
    told = (
        f"Predicted public {preview.metric.replace('_', ' ')}: {percent(found.value, 1)} % (95 % prediction interval "
        f"{interval(found.low, found.high)}; method: {preview.title})."
    )
    if measured is not None:
        held = found.holds(measured.value)
        told += f" Measured: {percent(measured.value)} %, {'within' if held else 'outside'} the prediction interval."
    click.echo(screen.wrapped(told), err=True)


def show_scored(card: ScoreCard, ahead: Preview | None, form: str) -> None:
    """Print what one zip scored, and what its public score is predicted to be."""
    if form == "json":
        click.echo(msgspec.json.encode(_document(card, ahead)))
        return
    show_card(card, form)
    if ahead:
        show_forecast(ahead)


def show_each(zip_paths: Sequence[Path], found: Iterable[Scored | HarnessError], form: str) -> bool:
    """Say of each zip how it ended, as soon as it has; then print them all, and return whether each was scored.

    Whoever stops it by hand gets what is done.
    """
    documents: list[dict[str, Any]] = []
    done: list[tuple[str, ScoreCard, Preview | None]] = []
    try:
        for number, (result, path) in enumerate(zip(found, zip_paths, strict=True), start=1):
            told = f"{number} of {len(zip_paths)}, {path}: "
            if isinstance(result, HarnessError):
                documents.append({"zip": str(path), "error": result.message, "hint": result.hint})
                screen.message(f"{told}not run: {result.message} {result.hint}")
                continue
            card, ahead = result
            documents.append({"zip": str(path), **_document(card, ahead)})  # first: Ctrl-C may come while it prints
            done.append((str(path), card, ahead))
            screen.message(f"{told}{ended(card)}")
            for note in card.notes:
                screen.message(note)
    finally:
        if form == "json":
            click.echo(msgspec.json.encode(documents))
        elif any(card.scores for _, card, _ in done):
            print_table(_table_of_many(done), form)
    return len(done) == len(zip_paths) and all(card.outcome == "scored" for _, card, _ in done)


def ended(card: ScoreCard) -> str:
    """Return in one line how a run ended: its scores by the metric that ranks, or why it has none."""
    if card.outcome != "scored":
        return f"{card.outcome}. {card.message} {card.hint}"
    metric = next(iter(next(iter(card.scores.values())).metrics))
    scores = (f"{SHORT[split]} {percent(score.metrics[metric].value)} %" for split, score in card.scores.items())
    return f"{metric.replace('_', ' ')} {', '.join(scores)}"


def _document(card: ScoreCard, ahead: Preview | None) -> dict[str, Any]:
    return {**msgspec.to_builtins(card), "forecast": msgspec.to_builtins(ahead)}


def _table_of_many(done: Sequence[tuple[str, ScoreCard, Preview | None]]) -> Table:
    """Return a row a zip: its scores by the metric that ranks, and its predicted public score."""
    first = next(card for _, card, _ in done if card.scores)
    metric = next(iter(next(iter(first.scores.values())).metrics))
    rows = []
    for name, card, ahead in done:
        cells = [_cell(card.scores[split].metrics[metric]) if card.scores else "–" for split in first.scores]
        predicted = ahead and f"{percent(ahead.forecast.value, 1)} {interval(ahead.forecast.low, ahead.forecast.high)}"
        rows.append((name, card.outcome, *cells, predicted or "–"))
    columns = [screen.Column("zip", key=True), screen.Column("outcome")]
    columns += [screen.Column(SHORT[split], number=True) for split in first.scores]
    title = f"{metric.replace('_', ' ')}, % (95 %)"
    return Table(
        [*columns, screen.Column("predicted public", number=True)],
        rows,
        of_cards((name, card) for name, card, _ in done),
        title[0].upper() + title[1:],
    )


def show_card(card: ScoreCard, form: str = "table") -> None:
    """Print the scores as a table on stdout, in the form that was asked for, or why there are none on stderr."""
    if card.missing_restrictions:
        click.secho(
            f"Missing restrictions: {', '.join(card.missing_restrictions)}. Run only zips that you trust.",
            fg="red",
            err=True,
        )
    for note in card.notes:
        click.echo(screen.wrapped(note), err=True)
    if card.outcome != "scored":
        screen.message(f"Not scored, {card.outcome}: {card.message}")
        if card.hint:
            screen.message(card.hint)
        if card.whole_log.strip():
            click.echo("Last log lines:", err=True)
            for line in screen.quoted(card.whole_log.strip().splitlines()[-12:]):
                click.echo(line, err=True)
        return
    print_table(_table(card), form)
    wall = card.seconds.get("wall", 0.0)
    click.echo(
        f"95 % intervals beside each score. {wall:.0f} s, {card.peak_memory_mb:.0f} MB, isolation: {card.isolation}.",
        err=True,
    )


def _table(card: ScoreCard) -> Table:
    first = next(iter(card.scores.values()))
    scores = card.scores.values()
    rows: list[tuple[str, ...] | None] = [
        (metric.replace("_", " "), *(_cell(score.metrics[metric]) for score in scores)) for metric in first.metrics
    ]
    rows += [None, ("recall of", *("" for _ in scores))]
    for name in first.recall:
        cells = (_cell(score.recall[name]) if name in score.recall else "–" for score in scores)
        rows.append((f"  {name.replace('_', ' ')}", *cells))
    rows += [None, ("images (n)", *(str(score.n) for score in scores))]
    groups = [next(iter(score.metrics.values())).n_groups for score in scores]
    if any(groups):
        rows.append(("groups", *map(str, groups)))
    return Table(
        [screen.Column("%", key=True), *(screen.Column(SHORT[split], number=True) for split in card.scores)],
        rows,
        of_card(card),
    )


def _cell(estimate: Estimate) -> str:
    return f"{percent(estimate.value)} {interval(estimate.low, estimate.high)}"
