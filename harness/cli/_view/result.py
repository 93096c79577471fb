"""How a score card is shown to a person."""

from __future__ import annotations

import click

from harness.analysis.preview import Preview
from harness.cli._view import screen
from harness.cli._view.table import Table, print_table
from harness.format import SHORT, interval, percent
from harness.records import of_card
from harness.score.card import ScoreCard
from harness.score.estimate import Estimate


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
        if card.log.strip():
            click.echo("Last log lines:", err=True)
            for line in screen.quoted(card.log.strip().splitlines()[-12:]):
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
    return Table(
        [screen.Column("%", key=True), *(screen.Column(SHORT[split], number=True) for split in card.scores)],
        rows,
        of_card(card),
    )


def _cell(estimate: Estimate) -> str:
    return f"{percent(estimate.value)} {interval(estimate.low, estimate.high)}"
