"""The reproduction on a terminal: the same tables, shorter."""

from __future__ import annotations

from collections.abc import Sequence

import click

from baselines.reproduce.causes import spread
from baselines.reproduce.page import percent, verdicts
from baselines.reproduce.table import Summary
from baselines.run_folder import Accuracy
from harness.cli._view import screen
from harness.format import points


def narrow(accuracy: Accuracy) -> str:
    """Write an accuracy in percent with half the width of its 95 % interval.

    Examples
    --------
    >>> narrow(Accuracy(0.9, 0.8256, 0.9448, 100))
    '90.0 ±6.0'
    """
    return f"{100 * accuracy.value:.1f} ±{50 * (accuracy.high - accuracy.low):.1f}"


def show(summary: Summary) -> None:
    """Print what was reported and measured, and in a line each what was found."""
    if summary.rows:
        _table(
            ("model", "val", "said", "hidden", "said", "gap"),
            [
                (
                    row.name,
                    narrow(row.val),
                    percent(row.reported.val_accuracy),
                    narrow(row.hidden),
                    percent(row.reported.hidden_accuracy, 0),
                    points(row.gap),
                )
                for row in summary.rows
            ],
            "Measured %, and what the report said",
        )
        n = summary.rows[0].val.n
        told = f"val: n = {n:,}; hidden ({summary.hidden_split}): n = {summary.n_hidden:,}; ± half a 95 % interval."
        click.echo(screen.wrapped(told))
    if summary.claims:
        rows = [(claim.text, spread(claim.val), spread(claim.hidden)) for claim in summary.claims]
        _table(("claim", "val, points", "hidden, points"), rows, "The report's claims")
    if summary.optimizers:
        optimizers = [
            (
                result.name,
                str(result.n),
                *(f"{100 * mean:.1f} ± {100 * sd:.1f}" for mean, sd in (result.val, result.hidden)),
            )
            for result in summary.optimizers
        ]
        _table(("optimizer", "seeds", "val %", "hidden %"), optimizers, "Optimizers, mean ± sd")
    for verdict in verdicts(summary):
        click.echo(screen.wrapped(f"- {verdict}", "  "))
    for label, reason in summary.failed.items():
        click.echo(screen.wrapped(f"{label}: {reason}"), err=True)
    if summary.missing:
        click.echo(screen.wrapped(f"Not measured yet: {', '.join(summary.missing)}"), err=True)


def _table(columns: Sequence[str], rows: Sequence[tuple[str, ...]], title: str) -> None:
    """Print a table whose first column names its rows."""
    screen.table([screen.Column(name, number=at > 0, key=at == 0) for at, name in enumerate(columns)], rows, title)
