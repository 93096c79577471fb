"""What the board says for grades: the entries that count, how they compare, and which baselines they beat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

import numpy as np

from harness.analysis.compare import LEVEL, Pairs
from harness.analysis.predictions import VisiblePredictions, truth_of
from harness.board import rows
from harness.board.artifacts import read_artifacts
from harness.board.ledger import disqualified
from harness.board.ranking import read_leaderboard
from harness.board.recorder import open_to_read
from harness.board.rows import Entry
from harness.board.team_name import team_key
from harness.board.visibility import Visibility
from harness.classroom.grades.scheme import Scheme
from harness.classroom.grades.sheet import Attempt, Evidence
from harness.classroom.late import taken_off
from harness.classroom.roster import Roster, Student
from harness.errors import ClassError, WorkspaceError, did_you_mean
from harness.freeze.frozen import Frozen
from harness.workspace import Workspace


def gather(
    workspace: Workspace, frozen: Frozen, scheme: Scheme, roster: Roster, visible: Visibility
) -> tuple[Roster, Evidence, list[str]]:
    """Return the students, what the board says of their teams, and notes of what it says of nobody's.

    Once the contest is closed the finals of each team count, by the private half; before, its entries whose public
    score is shown.  What came after the deadline, and before the close, counts less what the rules take off: once the
    contest is closed the best by the public score.

    Parameters
    ----------
    workspace, frozen
    scheme : Scheme
    roster : Roster
        Without students, each name on the board that is no baseline stands for one.
    visible : Visibility
        What may be shown: no score of another split is looked at.

    Raises
    ------
    ClassError
        A baseline is not on the board.
    WorkspaceError
        Labels of an entry that has to be compared are not kept.
    """
    entries, others, out = _counted(workspace, frozen, visible)
    baselines = {one.baseline: _baseline(one.baseline, [*others, *entries]) for one in scheme.beats}
    if own := [f"{name!r} ({entry.name})" for name, entry in baselines.items() if roster.in_team(entry.name)]:
        raise ClassError(
            f"The scheme has for a baseline what a team of the roster handed in: {', '.join(own)}.",
            "Name an entry of yours under [[beats]].",
        )
    apart = {team_key(entry.name) for entry in baselines.values()}
    entries = [entry for entry in entries if team_key(entry.name) not in apart]
    if not roster.students:
        names = dict.fromkeys(entry.name for entry in entries)
        roster = Roster(tuple(Student(name, name, team=name, ids=(name,)) for name in names))
    metric = frozen.contest.metrics[0].name
    attempts = list(_attempts(entries, roster, metric, visible))
    strangers = dict.fromkeys(entry.name for entry in entries if not roster.in_team(entry.name))
    notes = [f"{name} on the board is no team of the roster." for name in strangers]
    notes += [f"Entry {entry.id}, {entry.name}, is disqualified: {why}." for entry, why in out]
    by_id = {entry.id: entry for entry in entries}
    compared = [by_id[attempt.entry] for attempt in attempts]
    better = _compare(workspace, frozen, compared, visible).better if scheme.score.groups else None
    everybody = [*compared, *baselines.values()]
    scores = [entry.scores[visible.by, metric] for entry in everybody]
    p = _compare(workspace, frozen, everybody, visible).p if baselines else np.ones((0, 0))
    ahead = {
        name: [
            bool(p[number, at] <= LEVEL and scores[number].value > scores[at].value) for number in range(len(attempts))
        ]
        for at, name in enumerate(baselines, start=len(attempts))
    }
    of_baselines = {name: scores[at] for at, name in enumerate(baselines, start=len(attempts))}
    return roster, Evidence(attempts, better, ahead, of_baselines, metric, visible.by), notes


def _counted(
    workspace: Workspace, frozen: Frozen, visible: Visibility
) -> tuple[list[Entry], list[Entry], list[tuple[Entry, str]]]:
    """Return the entries that may count for a team and those that are baselines, both best first and as they are shown.

    Last come those that are disqualified, each with the reason.
    """
    name, lock, metric = frozen.contest.name, frozen.lock_hash, frozen.contest.metrics[0].name
    with open_to_read(workspace) as board:
        found = read_leaderboard(board, name, lock, metric, visible)
        ranked = [one.entry for one in (*found.ranked, *found.baselines)]
        if visible.closing:
            finals = {number for ids in visible.closing.finals.values() for number in ids}
            ranked += rows.read_some(board, sorted(finals - {entry.id for entry in ranked}))
        reasons = {number: receipt.why for number, receipt in disqualified(workspace.ledger).items()}
        out = [one for one in rows.read_some(board, sorted(reasons)) if (one.contest, one.lock) == (name, lock)]
    ranked += _best_late((one.entry for one in found.others), {entry.id for entry in ranked}, visible, metric)
    key = (visible.by, metric)
    shown = [visible.shown(entry) for entry in ranked if not entry.disqualified]
    best = sorted((one for one in shown if key in one.scores), key=lambda one: (-one.scores[key].value, one.id))
    teams, baselines = ([one for one in best if one.baseline == is_baseline] for is_baseline in (False, True))
    return teams, baselines, [(entry, reasons[entry.id]) for entry in out]


def _best_late(entries: Iterable[Entry], known: set[int], visible: Visibility, metric: str) -> list[Entry]:
    """Return of each team the best late entry, by the public score, of each lateness."""
    key = ("public", metric)
    best: dict[tuple[str, Decimal], Entry] = {}
    for entry in entries:
        off, why = _lateness(visible, entry)
        in_time = not (visible.closing and visible.closing.is_late(entry))
        if why and in_time and key in entry.scores and entry.id not in known:
            place = (team_key(entry.name), off)
            if place not in best or entry.scores[key].value > best[place].scores[key].value:
                best[place] = entry
    return list(best.values())


def _lateness(visible: Visibility, entry: Entry) -> tuple[Decimal, str]:
    return taken_off(visible.deadline, entry.name, datetime.fromisoformat(entry.created_at))


def _baseline(name: str, entries: Sequence[Entry]) -> Entry:
    """Return the entry called `name`, or with this id: of several the first."""
    for entry in entries:
        if str(entry.id) == name or team_key(entry.name) == team_key(name):
            return entry
    raise ClassError(
        f"The scheme asks who beats {name!r}, which has no score on the board.",
        did_you_mean(name, {entry.name for entry in entries}) + f" To put a baseline there: hemobench submit {name}",
    )


def _attempts(entries: Iterable[Entry], roster: Roster, metric: str, visible: Visibility) -> Iterator[Attempt]:
    """Yield of each team of the roster the best entry of each lateness; `entries` come best first."""
    seen = set()
    for entry in entries:
        students = roster.in_team(entry.name)
        if not students:
            continue
        late, late_why = _lateness(visible, entry)
        attempt = Attempt(
            students[0].team,
            entry.name,
            entry.id,
            entry.scores[visible.by, metric],
            submitted_at=entry.created_at,
            zip_sha256=entry.zip_sha256,
            late=late,
            late_why=late_why,
        )
        if (attempt.team, attempt.late) not in seen:
            seen.add((attempt.team, attempt.late))
            yield attempt


def _compare(workspace: Workspace, frozen: Frozen, entries: Sequence[Entry], visible: Visibility) -> Pairs:
    """Compare all pairs on the half that decides.

    Raises
    ------
    WorkspaceError
        Labels of one are not kept: nobody could say whether it is worse.
    """
    contest = frozen.contest
    truth = truth_of(frozen, (visible.by,))
    predictions = VisiblePredictions(entries, read_artifacts(workspace, entries), truth, visible)
    if lost := [entry for row, entry in enumerate(entries) if row not in predictions.rows]:
        named = ", ".join(f"{entry.id} ({entry.name})" for entry in lost)
        raise WorkspaceError(
            f"The labels of these entries are not kept as they were scored: {named}.",
            f"See what is gone: hemobench ledger audit. To run one again: hemobench ledger replay {lost[0].id}",
        )
    return predictions.compare(contest.metrics[0].name, contest.n_classes, frozen.lock_hash)
