"""The reproduction on a terminal: the same tables in 80 columns."""

from __future__ import annotations

import click

from baselines.reproduce.causes import points, spread
from baselines.reproduce.page import percent, verdicts
from baselines.reproduce.table import Summary
from baselines.run_folder import Accuracy
from harness.cli import screen


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
    from rich.text import Text

    console = screen.output()
    columns = ["val", "said", "hidden", "said ", "gap"]
    table = screen.table("model", *columns, right=tuple(columns), title="Measured %, and what the report said")
    for row in summary.rows:
        reported = row.reported
        table.add_row(
            Text(row.name),
            narrow(row.val),
            percent(reported.val_accuracy),
            narrow(row.hidden),
            percent(reported.hidden_accuracy, 0),
            points(row.gap),
        )
    console.print(table)
    if summary.rows:
        n = summary.rows[0].val.n
        click.echo(
            f"val: n = {n:,}; hidden ({summary.hidden_split}): n = {summary.n_hidden:,}; ± half a 95 % interval."
        )
    if summary.claims:
        columns = ["val, points", "hidden, points"]
        table = screen.table("claim", *columns, right=tuple(columns), title="The report's claims")
        for claim in summary.claims:
            table.add_row(Text(claim.text), spread(claim.val), spread(claim.hidden))
        console.print(table)
    if summary.optimizers:
        columns = ["seeds", "val %", "hidden %"]
        table = screen.table("optimizer", *columns, right=tuple(columns), title="Optimizers, mean ± sd")
        for result in summary.optimizers:
            pairs = (f"{100 * mean:.1f} ± {100 * sd:.1f}" for mean, sd in (result.val, result.hidden))
            table.add_row(result.name, str(result.n), *pairs)
        console.print(table)
    for verdict in verdicts(summary):
        console.print(Text(f"- {verdict}"))
    for label, reason in summary.failed.items():
        click.echo(f"{label}: {reason}", err=True)
    if summary.missing:
        click.echo(f"Not measured yet: {', '.join(summary.missing)}", err=True)
