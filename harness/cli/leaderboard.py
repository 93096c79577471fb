"""``hemobench leaderboard``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import contest_option, json_option, workspace_option

if TYPE_CHECKING:
    from harness.board.ranking import Leaderboard, Standing
    from harness.board.rows import Score

SPLITS = ("public", "private", "val", "val_shifted")


@click.command(short_help="Show who stands where.")
@contest_option
@click.option("--top", type=click.IntRange(min=1), metavar="N", help="List the N best alone.")
@click.option("--reveal-private", is_flag=True, help="Add the private score, and order by it.")
@click.option("--all", "everything", is_flag=True, help="List entries without a rank, too.")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values instead.")
@click.option("--markdown", is_flag=True, help="Print a Markdown table instead, for a README.")
@workspace_option
@json_option
def leaderboard(
    contest: str | None,
    top: int | None,
    reveal_private: bool,
    everything: bool,
    as_csv: bool,
    markdown: bool,
    workspace: Path,
    as_json: bool,
) -> None:
    """Show who stands where, by the public score and the contest's first metric.

    Scores are in percent with 95 % intervals; the gap is val minus public. Of equal scores the earlier stands first.
    When the contest is closed each team ranks once, by the better private score of its finals.

    \b
    Example:
      hemobench leaderboard --top 20
    """
    from harness import api

    if as_csv + as_json + markdown > 1:
        raise click.UsageError("--csv, --json and --markdown do not go together: choose one.")
    listed = everything or ((as_csv or as_json) and top is None)  # a program gets all there is
    board = api.leaderboard(workspace, contest, by="private" if reveal_private else None, top=top, others=listed)
    private = board.by == "private"
    if as_json or as_csv:
        rows = [_facts(standing, board) for standing in board.standings]
        if as_json:
            import json

            click.echo(json.dumps(rows))
        else:
            from harness.spreadsheet import as_csv as csv_of

            columns = _columns(private)
            click.echo(csv_of(columns, ([row[column] for column in columns] for row in rows)), nl=False)
    elif not board.n_ranked + board.n_others:
        click.echo("No entries yet. Type: hemobench submit majority -m first", err=True)
    elif markdown:
        _write_markdown(board)
    else:
        _show(board, api.open_contest(workspace, contest).contest.title)
    if reveal_private and not board.closing:
        click.secho("With private scores: not for entrants while the contest is open.", fg="yellow", err=True)


def _columns(private: bool) -> tuple[str, ...]:
    splits = [split for split in SPLITS if private or split != "private"]
    facts = [f"{split}{part}" for split in splits for part in ("", "_low", "_high", "_n")]
    return (
        "rank",
        "entry",
        "id",
        "metric",
        *facts,
        "gap",
        "weights",
        "date",
        "message",
        "outcome",
        "note",
        "zip_sha256",
    )


def _facts(standing: Standing, board: Leaderboard) -> dict[str, Any]:
    """One row for a program: scores by the metric that ranks, 0 to 1, unrounded, None where there is none."""
    entry = standing.entry
    facts: dict[str, Any] = dict.fromkeys(_columns(board.by == "private"))
    facts |= {
        "rank": standing.rank,
        "entry": entry.name,
        "id": entry.id,
        "metric": board.metric,
        "gap": standing.gap,
        "weights": entry.weights,
        "date": entry.created_at,
        "message": entry.message,
        "outcome": entry.outcome,
        "note": standing.note,
        "zip_sha256": entry.zip_sha256,
    }
    for split in SPLITS:
        score: Score | None = getattr(standing, split)
        if score is not None and split in facts:
            facts |= {split: score.value, f"{split}_low": score.low, f"{split}_high": score.high}
            facts[f"{split}_n"] = score.n
    return facts


def _show(board: Leaderboard, title: str) -> None:
    from harness.cli._view import screen

    private = board.by == "private"
    # The column that decides the rank carries its interval; with the private score there is no room for the weights.
    names = ["#", *(["was"] if board.closing else []), "id", "entry", "public %", *(["private %"] if private else [])]
    names += ["val %", "gap", *([] if private else ["weights"])]
    columns = [
        screen.Column(name, number=name not in ("entry", "weights"), key=name in ("#", "id", "entry")) for name in names
    ]
    rows = []
    for standing in board.standings:
        entry = standing.entry
        cells = [
            str(standing.rank or "–"),
            *([_was(board, standing)] if board.closing else []),
            str(entry.id),
            f"{entry.name} ({_why(standing)})" if standing.note else entry.name,
            _percent(standing.public, with_interval=not private),
            *([_percent(standing.private, with_interval=True)] if private else []),
            _percent(standing.val),
            _points(standing.gap),
            *([] if private else [entry.weights.removeprefix("sha256:")[:8]]),
        ]
        rows.append(cells)
    screen.table(columns, rows, _title(board, title))
    click.echo(screen.wrapped(" ".join(_notes(board))), err=True)


def _title(board: Leaderboard, title: str) -> str:
    """Say what the scores are of, by which metric and on how many pictures."""
    n = _n(board)
    return f"{title}: {board.metric.replace('_', ' ')}" + ("" if n is None else f", {board.by} n = {n:,}")


def _was(board: Leaderboard, standing: Standing) -> str:
    """The rank of a team by its public score at the close."""
    rank = board.closing.public_rank(standing.entry.name) if board.closing and standing.rank else None
    return str(rank or "–")


def _why(standing: Standing) -> str:
    return standing.entry.outcome if standing.note == "not scored" else standing.note


def _notes(board: Leaderboard) -> list[str]:
    notes = []
    if board.ranked:
        notes.append(f"Ranked by {board.metric.replace('_', ' ')}, 95 % interval behind each {board.by} score.")
    if board.closing:
        notes.append(f"Closed at {board.closing.when}; was: rank by the public score then.")
    if board.n_ranked > len(board.ranked):
        notes.append(f"The best {len(board.ranked)} of {board.n_ranked:,}.")
    if board.n_others and not board.others:
        notes.append(f"{board.n_others:,} without a rank: --all lists them.")
    return notes


def _n(board: Leaderboard) -> int | None:
    scores = (standing.private if board.by == "private" else standing.public for standing in board.ranked)
    return next((score.n for score in scores if score), None)


def _write_markdown(board: Leaderboard) -> None:
    """Print the board as a table for a README: numbers to the right, and names that stay text."""
    from harness.words import markdown

    private = board.by == "private"
    columns = ["#", "entry", *(["private % (95 %)"] if private else []), "public %" if private else "public % (95 %)"]
    columns += ["val %", "gap", "weights"]
    lines = [columns, ["--:", "---", *["--:"] * (4 if private else 3), "---"]]
    for standing in board.standings:
        entry = standing.entry
        lines.append(
            [
                str(standing.rank or "–"),
                markdown(f"{entry.name} ({_why(standing)})" if standing.note else entry.name),
                *([_percent(standing.private, with_interval=True, bracket="({})")] if private else []),
                _percent(standing.public, with_interval=not private, bracket="({})"),
                _percent(standing.val),
                _points(standing.gap),
                markdown(entry.weights.removeprefix("sha256:")[:8]),
            ]
        )
    for line in lines:
        click.echo(f"| {' | '.join(line)} |")
    if (n := _n(board)) is not None:
        click.echo(f"\n{_scored(board)}, n = {n:,}; 95 % intervals.")


def _scored(board: Leaderboard) -> str:
    return f"{board.metric.replace('_', ' ').capitalize()} on the {board.by} half of the hidden test"


def _points(gap: float | None) -> str:
    return "–" if gap is None else f"{100 * gap:+.1f}".replace("-", "−")


def _percent(score: Score | None, *, with_interval: bool = False, bracket: str = "{}") -> str:
    from harness.cli._view import screen

    if score is None:
        return "–"
    value = screen.percent(score.value)
    return f"{value} {bracket.format(screen.interval(score.low, score.high))}" if with_interval else value
