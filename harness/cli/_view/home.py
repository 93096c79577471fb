"""Where one stands: what ``hemobench`` says without a verb."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness import api
from harness.errors import WorkspaceError
from harness.format import percent
from harness.words import counted


def standing(workspace: Path) -> Iterator[str]:
    """Yield sentences on the contest and its entries, and last what to type next."""
    from harness.examples import EXAMPLES, SUBMISSIONS, submission_names
    from harness.workspace import Workspace

    if Workspace(workspace).active() is None:
        yield f"No contest is frozen in {workspace}."
        if any((workspace / "contests.d").glob("*.toml")):
            yield "Next: hemobench contest list, then hemobench freeze --contest NAME"
        else:
            yield "Next: hemobench freeze; of images of your own: hemobench contest new --help"
        return
    try:
        frozen = api.open_contest(workspace)
        board = api.leaderboard(workspace)
    except WorkspaceError as error:
        yield error.message
        yield f"Next: {error.hint.removeprefix('Type: ') or 'hemobench verify'}"
        return
    yield f"Contest: {frozen.contest.title} ({frozen.contest.name}), {'closed' if board.closing else 'open'}."
    n_entries = board.n_ranked + board.n_others + len(board.baselines) + len(board.apart)
    lead = ""
    if board.ranked and (score := getattr(board.ranked[0], board.by)) is not None:
        best = board.ranked[0].entry.name
        lead = f"; best {best}, {percent(score.value)} % {board.by} {board.metric.replace('_', ' ')}"
    yield f"Entries: {counted(n_entries, 'entry')}{lead}." if n_entries else "Entries: none yet."
    own = {*submission_names(SUBMISSIONS)} - {*submission_names(EXAMPLES)}
    fresh = sorted(own - {standing.entry.name for standing in board.standings})
    if frozen.lock.from_kit:
        yield "Of a kit: the hidden test is with the organiser. Next: hemobench score ZIP"
    elif board.closing:
        yield "Next: hemobench report -o report.html"
    elif fresh:
        yield f'Next: hemobench submit {fresh[0]} -m "what is new in it"'
    elif not n_entries:
        yield 'Next: hemobench submit majority -m "the share to beat"'
    elif own:
        yield "Next: hemobench leaderboard"
    else:
        yield "Next: hemobench new myteam"
