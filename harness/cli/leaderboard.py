"""``hemobench leaderboard``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import contest_option, json_option, workspace_option

if TYPE_CHECKING:
    from harness.board.ranking import Standing
    from harness.board.rows import Score


@click.command(short_help="Show who stands where.")
@contest_option
@click.option("--reveal-private", is_flag=True, help="Add the private score, and order by it.")
@click.option("--all", "everything", is_flag=True, help="List entries that were not scored, too.")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values instead.")
@workspace_option
@json_option
def leaderboard(
    contest: str | None, reveal_private: bool, everything: bool, as_csv: bool, workspace: Path, as_json: bool
) -> None:
    """Show who stands where, by the public score.

    Scores are in percent with 95 % intervals; the gap is val minus public. Of equal scores the earlier stands first.

    \b
    Example:
      hemobench leaderboard --csv > board.csv
    """
    from harness import api

    if as_csv and as_json:
        raise click.UsageError("--csv and --json do not go together: choose one.")
    standings = api.leaderboard(workspace, contest, by="private" if reveal_private else "public")
    if as_json or as_csv:
        rows = [_facts(standing, reveal_private) for standing in standings]
        if as_json:
            import json

            click.echo(json.dumps(rows))
        else:
            import csv
            import sys

            writer = csv.DictWriter(sys.stdout, fieldnames=list(_columns(reveal_private)), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return
    _show(standings, api.open_contest(workspace, contest).contest.title, reveal_private, everything)


def _columns(reveal_private: bool) -> tuple[str, ...]:
    splits = ("public", *(("private",) if reveal_private else ()), "val", "val_shifted")
    facts = [f"{split}{part}" for split in splits for part in ("", "_low", "_high", "_n")]
    return ("rank", "entry", "id", *facts, "gap", "weights", "date", "message", "outcome", "zip_sha256")


def _facts(standing: Standing, reveal_private: bool) -> dict[str, Any]:
    """One row for a program: shares 0 to 1, unrounded, None where there is no score."""
    entry = standing.entry
    facts: dict[str, Any] = dict.fromkeys(_columns(reveal_private))
    facts |= {
        "rank": standing.rank,
        "entry": entry.name,
        "id": entry.id,
        "gap": standing.gap,
        "weights": entry.weights,
        "date": entry.created_at,
        "message": entry.message,
        "outcome": entry.outcome,
        "zip_sha256": entry.zip_sha256,
    }
    for split in ("public", "private", "val", "val_shifted"):
        score: Score | None = getattr(standing, split)
        if score is not None and split in facts:
            facts |= {split: score.value, f"{split}_low": score.low, f"{split}_high": score.high}
            facts[f"{split}_n"] = score.n
    return facts


def _show(standings: list[Standing], title: str, reveal_private: bool, everything: bool) -> None:
    from rich.text import Text

    from harness.cli import screen

    # The column that decides the rank carries its interval; with the private score there is no room for the date.
    columns = ["#", "entry", "public %", *(["private %"] if reveal_private else []), "val %", "gap", "weights"]
    columns += [] if reveal_private else ["date"]
    shown = screen.table(*columns, right=("#", "public %", "private %", "val %", "gap"), title=title)
    ranked = [standing for standing in standings if standing.rank is not None]
    for standing in standings if everything else ranked:
        entry = standing.entry
        cells: list[str | Text] = [
            str(standing.rank or "–"),
            # Text, not a string: a name in square brackets must not be taken for markup.
            Text(entry.name if standing.rank else f"{entry.name} ({entry.outcome})"),
            _percent(standing.public, with_interval=not reveal_private),
            *([_percent(standing.private, with_interval=True)] if reveal_private else []),
            _percent(standing.val),
            "–" if standing.gap is None else f"{100 * standing.gap:+.1f}",
            Text(entry.weights.removeprefix("sha256:")[:8]),
            *([] if reveal_private else [entry.created_at[:10]]),
        ]
        shown.add_row(*cells)
    console = screen.output()
    if not standings:
        click.echo("No entries yet. Type: hemobench submit majority -m first", err=True)
        return
    console.print(shown)
    n = next((standing.public.n for standing in ranked if standing.public), 0)
    unscored = len(standings) - len(ranked)
    notes = [f"Public: n = {n:,}, 95 % interval behind each score."] if n else []
    if unscored and not everything:
        notes.append(f"{unscored} not scored: --all lists them.")
    click.echo(" ".join(notes), err=True)


def _percent(score: Score | None, *, with_interval: bool = False) -> str:
    from harness.cli import screen

    if score is None:
        return "–"
    value = screen.percent(score.value)
    return f"{value} {screen.interval(score.low, score.high)}" if with_interval else value
