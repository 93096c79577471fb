"""The rules in force: those a contest was frozen with, and every change of them since, in the order of the ledger."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

from harness.board import ledger
from harness.board.receipts import Rescored, RulesChanged
from harness.contest import Contest, contest_files, read_contest, rules_of
from harness.errors import BoardError, HarnessError
from harness.freeze.frozen import Frozen, frozen_names, open_frozen
from harness.workspace import Workspace


def open_in_force(workspace: Workspace, name: str | None = None) -> Frozen:
    """Return the freeze in force of contest `name`, or of the active contest, under the rules in force."""
    return in_force(workspace, open_frozen(workspace, name))


def known_contests(workspace: Workspace) -> list[Contest]:
    """Return the contests that can be frozen, those shipped and those of the workspace, and all that are frozen.

    Those that are frozen have the rules in force.
    """
    stated = [read_contest(path) for path in contest_files(workspace.own_contests).values()]
    frozen: dict[str, Contest] = {}
    for name in frozen_names(workspace):
        with contextlib.suppress(HarnessError):  # a damaged freeze is a matter for `verify`
            frozen[name] = open_in_force(workspace, name).contest
    names = {contest.name for contest in stated}
    return [
        *(frozen.get(contest.name, contest) for contest in stated),
        *(contest for name, contest in frozen.items() if name not in names),
    ]


def in_force(workspace: Workspace, frozen: Frozen) -> Frozen:
    """Return a frozen contest under the rules in force now.

    Raises
    ------
    BoardError
        The ledger cannot be read, or holds a value that no rule can have.
    """
    changes = folded(read_changes(workspace, frozen))
    if not changes:
        return frozen
    ruled = Frozen(frozen.folder, changes)
    try:
        _ = ruled.contest
    except msgspec.ValidationError as error:
        raise BoardError(
            f"The ledger holds a rule of {frozen.contest.name} that none can be: {error}.",
            "See which line it is: hemobench ledger audit",
        ) from error
    return ruled


def read_changes(workspace: Workspace, frozen: Frozen) -> list[RulesChanged]:
    """Return every change of the rules of a frozen contest, oldest first."""
    place = (frozen.contest.name, frozen.lock_hash)
    return [one for one in ledger.events(workspace.ledger, RulesChanged) if (one.contest, one.lock) == place]


def read_rescorings(workspace: Workspace, frozen: Frozen) -> list[Rescored]:
    """Return how the board of a frozen contest was rescored, oldest first."""
    place = (frozen.contest.name, frozen.lock_hash)
    return [one for one in ledger.events(workspace.ledger, Rescored) if (one.contest, one.lock) == place]


def folded(changes: list[RulesChanged]) -> dict[str, Any]:
    """Return the rules that were changed, by name, with their last value."""
    return {rule: change.new for one in changes for rule, change in one.changes.items()}


def stated_rules(workspace: Workspace, frozen: Frozen) -> dict[str, Any]:
    """Return the rules as the contest file stated them when it was frozen last, whatever was changed by hand since."""
    stated = [one for one in read_changes(workspace, frozen) if one.by == "contest file"]
    return rules_of(frozen.lock.contest) | folded(stated)
