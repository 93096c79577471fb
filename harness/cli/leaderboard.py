"""``hemobench leaderboard``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import contest_option, format_option, workspace_option
from harness.format import interval, percent, points, sample
from harness.words import TRANSDUCTIVE, VERIFIED

if TYPE_CHECKING:
    from harness.board.ranking import Leaderboard, Standing
    from harness.cli._view.table import Table
    from harness.score.estimate import Estimate


@click.command(short_help="Show who stands where.")
@contest_option
@click.option("--top", type=click.IntRange(min=1), metavar="N", help="List the N best alone.")
@click.option("--reveal-private", is_flag=True, help="Add the private score, and order by it.")
@click.option("--all", "everything", is_flag=True, help="List entries without a rank, too.")
@workspace_option
@format_option
def leaderboard(
    contest: str | None, top: int | None, reveal_private: bool, everything: bool, workspace: Path, form: str
) -> None:
    """Show who stands where, by the public score and the contest's first metric.

    Scores are in percent with 95 % intervals; the gap is val minus public. Of equal scores the earlier stands first.
    When the contest is closed each team ranks once, by the better private score of its finals.

    \b
    Example:
      hemobench leaderboard --top 20
      hemobench leaderboard --format markdown
    """
    from harness import api
    from harness.board.in_force import read_rescorings
    from harness.workspace import Workspace

    for_programs = form in ("csv", "json")
    listed = everything or (for_programs and top is None)  # a program gets all there is
    frozen = api.open_contest(workspace, contest)
    board = api.leaderboard(workspace, contest, reveal_private=reveal_private, top=top, others=listed)
    if for_programs or board.n_ranked + board.n_others + len(board.baselines) + len(board.apart):
        from harness.cli._view import screen
        from harness.cli._view.table import print_table

        print_table(_table(board, frozen.contest.title), form)
        if form == "table":
            click.echo(screen.wrapped(" ".join(_notes(board))), err=True)
            for one in read_rescorings(Workspace(workspace), frozen):
                screen.message(f"Rescored at {one.when}, receipt {one.number}: {one.why}.")
    elif frozen.lock.from_kit:
        click.echo("Of a kit: board and hidden test are with the organiser. Type: hemobench score ZIP", err=True)
    else:
        click.echo("No entries yet. Type: hemobench submit majority -m first", err=True)
    if reveal_private and not board.closing:
        click.secho("With private scores: not for entrants while the contest is open.", fg="yellow", err=True)


def _table(board: Leaderboard, title: str) -> Table:
    from harness.cli._view.screen import Column
    from harness.cli._view.table import Table
    from harness.records import of_board

    private = board.by == "private"
    # The column that decides the rank carries its interval; with the private score there is no room for the weights.
    names = ["#", *(["was"] if board.closing else []), "id", "entry", "public %", *(["private %"] if private else [])]
    names += ["val %", "gap", *([] if private else ["weights"])]
    rows = []
    for standing in board.standings:
        entry = standing.entry
        rows.append(
            [
                str(standing.rank or (f"({standing.rank_apart})" if standing.rank_apart else "–")),
                *([_was(board, standing)] if board.closing else []),
                str(entry.id),
                _named(standing),
                _percent(standing.public, with_interval=not private),
                *([_percent(standing.private, with_interval=True)] if private else []),
                _percent(standing.val),
                points(standing.gap),
                *([] if private else [entry.weights.removeprefix("sha256:")[:8]]),
            ]
        )
    sized = _sized(board)
    return Table(
        [Column(name, number=name not in ("entry", "weights"), key=name in ("#", "id", "entry")) for name in names],
        rows,
        of_board(board),
        title=_title(board, title),
        note=f"{_scored(board)}, n = {sized}; 95 % intervals." if sized else "",
    )


def _title(board: Leaderboard, title: str) -> str:
    """Say what the scores are of, by which metric and on how many images."""
    sized = _sized(board)
    return f"{title}: {board.metric.replace('_', ' ')}" + (f", {board.by} n = {sized}" if sized else "")


def _was(board: Leaderboard, standing: Standing) -> str:
    """The rank of a team by its public score at the close."""
    rank = board.closing.public_rank(standing.entry.name) if board.closing and standing.rank else None
    return str(rank or "–")


def _named(standing: Standing) -> str:
    """The name, with what is to be known of the entry behind it."""
    entry = standing.entry
    why = entry.outcome if standing.note == "not scored" else standing.note
    if not why and entry.baseline:
        why = "baseline"
    if not why and entry.n_changed:
        why = "transductive"
    same = f"same files as {standing.same_as}" if standing.same_as else ""
    more = ", ".join(word for word in (why, "verified" if entry.verified else "", same) if word)
    return f"{entry.name} ({more})" if more else entry.name


def _notes(board: Leaderboard) -> list[str]:
    notes = []
    if board.ranked:
        notes.append(f"Ranked by {board.metric.replace('_', ' ')}, 95 % interval behind each {board.by} score.")
    if board.closing:
        notes.append(f"Closed at {board.closing.when}; was: rank by the public score then.")
    if board.n_ranked > len(board.ranked):
        notes.append(f"The best {len(board.ranked)} of {board.n_ranked:,}.")
    if board.transductive != "ranked" or any(standing.entry.n_changed for standing in board.standings):
        notes.append(TRANSDUCTIVE[board.transductive])
    if any(standing.entry.verified for standing in board.standings):
        notes.append(f"Verified: {VERIFIED}.")
    if board.baselines:
        notes.append("Baselines stand outside the ranks.")
    if any(standing.same_as for standing in board.standings):
        notes.append("Same files: what one zip holds, another team's held before.")
    if board.n_others and not board.others:
        notes.append(f"{board.n_others:,} without a rank: --all lists them.")
    return notes


def _sized(board: Leaderboard) -> str:
    scores = (standing.private if board.by == "private" else standing.public for standing in board.ranked)
    return next((sample(score.n, score.n_groups) for score in scores if score), "")


def _scored(board: Leaderboard) -> str:
    return f"{board.metric.replace('_', ' ').capitalize()} on the {board.by} half of the hidden test"


def _percent(score: Estimate | None, *, with_interval: bool = False) -> str:
    if score is None:
        return "–"
    value = percent(score.value)
    return f"{value} ({interval(score.low, score.high)})" if with_interval else value
