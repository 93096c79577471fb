"""Whether an entry may be put on record now, as what, and whether it is in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from harness.board import rows
from harness.board.in_force import in_force
from harness.board.recorder import Recorder
from harness.board.rules import check_limits, name_on_board
from harness.board.visibility import Role, Visibility, visible_to
from harness.errors import BoardError
from harness.freeze.frozen import Frozen


@dataclass(frozen=True)
class Admission:
    """That an entry may be put on record now: under which rules, and how the board spells its team."""

    frozen: Frozen
    name: str
    baseline: bool  # one of the harness' own: outside limits and ranks
    visible: Visibility  # to its team
    now: datetime
    handed_in: datetime | None = None  # where that was elsewhere, and before

    @property
    def is_late(self) -> bool:
        """Whether it comes after the close or the deadline."""
        came = self.handed_in or self.now
        return bool(self.visible.closing) or (not self.baseline and self.visible.deadline.is_late(self.name, came))

    def notes(self, name: str) -> list[str]:
        """Say what a team, which calls itself `name`, should know before its entry is trained and run."""
        notes = []
        if self.name != name:
            notes.append(f"On the board {name} is called {self.name}: the entry is recorded under that name.")
        if self.is_late:
            why = "is closed" if self.visible.closing else "is past its deadline"
            notes.append(f"{self.frozen.contest.name} {why}: this entry will be late.")
        return notes


def admit(
    recorder: Recorder,
    frozen: Frozen,
    name: str,
    *,
    baseline: bool = False,
    handed_in: datetime | None = None,
    digest: str = "",
    closed: bool = False,
) -> Admission:
    """Refuse an entry that the rules in force let nobody submit now; see `harness.board.rules.check_limits`.

    What was handed in elsewhere, and is on record with this SHA-256 of its zip, is refused, too; in the `closed`
    division that of the zip that was trained.

    Raises
    ------
    BoardError
    """
    frozen.must_have_hidden()
    now, frozen = datetime.now(UTC), in_force(recorder.workspace, frozen)
    spelt = name if baseline else name_on_board(recorder.board, frozen, name)
    if not baseline:
        place = (recorder.board, frozen.contest.name, frozen.lock_hash, spelt)
        if handed_in and (known := rows.of_team_and_zip(*place, digest, closed=closed)):
            raise BoardError(f"{spelt} has this zip on record already, as entry {known}.", "Nothing is to be done.")
        check_limits(recorder.board, frozen, spelt, handed_in or now)
    return Admission(frozen, spelt, baseline, visible_to(Role.TEAM, recorder.workspace, frozen), now, handed_in)
