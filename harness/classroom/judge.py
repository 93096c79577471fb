"""From a download to the board: each new zip of a class judged once, the first of each team, then the second ...

The ledger is the truth: what a team has on record by content is not run again, so that whoever types the command once
more, after a kill or with tomorrow's download, goes on from there.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, Unpack

from harness.board import rows
from harness.board.in_force import in_force
from harness.board.recorder import open_to_read
from harness.board.rules import check_limits, name_on_board
from harness.classroom.handins import HandIn, HandIns
from harness.classroom.queue import expected, fair, rates
from harness.entry_source import EntrySource
from harness.errors import HarnessError, LimitError
from harness.freeze.frozen import Frozen
from harness.freeze.hashing import hash_file
from harness.score.evaluate import Terms
from harness.submit import Submitted, WorkTerms, submit_each
from harness.workspace import Workspace

MESSAGE = "handed in"
State = Literal["new", "recorded", "known", "same zip", "over the limits", "no entry", "not recorded"]


class JudgeTerms(Terms, WorkTerms, total=False):
    """How the zips are run: see `harness.submit.SubmitTerms`."""

    closed: int | None


@dataclass(frozen=True)
class Judged:
    """What became of one thing that was handed in.

    Attributes
    ----------
    place : str
        In the download; for the teacher alone.
    team : str
        On the board; empty where nobody knows whose it is.
    state : str
        ``new`` is to be judged, ``recorded`` has just been, ``known`` was on record before; ``same zip`` was handed in
        by the same team before, in the same download; what is ``not recorded`` met an error of this machine, not of
        its own.
    digest : str
        SHA-256 of the zip.
    entry : int or None
        Its id on the board.
    told, hint : str
        Why it is no entry.
    turn : int or None
        Its place in the queue, from 1, where it is to be judged.
    expected_s : float or None
        After how many seconds it will be on record, by the time that entries took before; None where none was run.
    """

    place: str
    team: str
    state: State
    hand_in: HandIn | None = None
    digest: str = ""
    entry: int | None = None
    submitted: Submitted | None = None
    told: str = ""
    hint: str = ""
    turn: int | None = None
    expected_s: float | None = None


def plan(
    workspace: Workspace, frozen: Frozen, given: HandIns, *, closed: bool = False, n_workers: int = 1
) -> list[Judged]:
    """Return what is to become of all that was handed in, nothing being run: problems first, then as `fair` has it.

    Limits count by the time of hand-in, and of equal scores the one that was handed in first ranks first, so that both
    are those of any other order.  Which are over the limits is said as far as it is sure: where the rules leave failed
    entries out, only the run tells which those are.  In the `closed` division it is their code that is trained.
    """
    frozen = in_force(workspace, frozen)
    problems = [Judged(one.place, one.team, "no entry", told=one.what, hint=one.hint) for one in given.problems]
    found: list[Judged] = []
    seen: dict[tuple[str, str], str] = {}
    planned: defaultdict[str, list[str]] = defaultdict(list)
    with open_to_read(workspace) as board:
        spelt = {one.team: name_on_board(board, frozen, one.team) for one in given.found}
        for one in given.found:
            digest, team = hash_file(one.zip_path), spelt[one.team]
            judged = Judged(one.place, team, "new", one, digest)
            known = rows.of_team_and_zip(board, frozen.contest.name, frozen.lock_hash, team, digest, closed=closed)
            if (team, digest) in seen:
                told = f"The same zip lies in {seen[team, digest]}."
                # Where only the run tells what counts, the earlier one may turn out to be over the limits.
                sure = known or frozen.contest.board.failed_free == 0
                judged = replace(judged, state="same zip" if sure else "new", entry=known, told=told)
            elif known:
                judged = replace(judged, state="known", entry=known, told=_as_recorded(board, known, one))
            else:
                judged = _within_limits(judged, one, planned[team], board, frozen)
            if judged.state != "over the limits":  # another day it may be within
                seen.setdefault((team, digest), one.place)
            found.append(judged)
    found = fair(found, lambda one: one.team, lambda one: one.state == "new")
    new = [at for at, one in enumerate(found) if one.state == "new"]
    times = expected([found[at].team for at in new], rates(workspace, frozen, closed=closed), n_workers)
    for turn, at in enumerate(new, start=1):
        found[at] = replace(found[at], turn=turn, expected_s=times[turn - 1] if times else None)
    return [*problems, *found]


def _as_recorded(board: sqlite3.Connection, entry: int, one: HandIn) -> str:
    """Say what time counts, where this download has another than is on record."""
    came = datetime.fromisoformat(rows.read_some(board, [entry])[0].created_at).astimezone(UTC)
    if abs(came - one.handed_in) < timedelta(minutes=1):  # worksheets tell no seconds
        return ""
    return f"On record as handed in {came:%Y-%m-%d %H:%M} UTC, which counts."


def _within_limits(
    judged: Judged, one: HandIn, planned: list[str], board: sqlite3.Connection, frozen: Frozen
) -> Judged:
    if frozen.contest.board.failed_free == 0:
        try:
            check_limits(board, frozen, judged.team, one.handed_in, planned)
        except LimitError as error:
            return replace(judged, state="over the limits", told=error.message, hint=error.hint)
    planned.append(one.handed_in.isoformat(timespec="seconds"))
    return judged


def judge(
    workspace: Workspace, frozen: Frozen, planned: Sequence[Judged], **terms: Unpack[JudgeTerms]
) -> Iterator[Judged]:
    """Judge what is new of a plan, put it on record, and yield all of the plan in its order, each when it is done."""
    new = [one for one in planned if one.state == "new"]
    sources = [
        EntrySource(one.team, zip_path=one.hand_in.zip_path, handed_in=one.hand_in.handed_in)
        for one in new
        if one.hand_in
    ]
    results = submit_each(workspace, frozen, sources, MESSAGE, **terms) if sources else iter(())
    entries: dict[tuple[str, str], int] = {}
    for one in planned:
        if one.state == "new":
            judged = _judged(workspace, frozen, one, next(results))
            if earlier := entries.get((one.team, one.digest)):
                judged = replace(one, state="same zip", entry=earlier)
            elif judged.entry:
                entries[one.team, one.digest] = judged.entry
            yield judged
        else:
            yield replace(one, entry=one.entry or entries.get((one.team, one.digest)))


def _judged(workspace: Workspace, frozen: Frozen, one: Judged, result: Submitted | HarnessError) -> Judged:
    if isinstance(result, Submitted):
        return replace(one, state="recorded", entry=result.entry, submitted=result)
    with open_to_read(workspace) as board:
        known = rows.of_team_and_zip(board, frozen.contest.name, frozen.lock_hash, one.team, one.digest)
    if known:  # whoever judges at the same time was first
        return replace(one, state="known", entry=known)
    state: State = "over the limits" if isinstance(result, LimitError) else "not recorded"
    return replace(one, state=state, told=result.message, hint=result.hint)
