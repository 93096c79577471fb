"""Who may be shown what of an entry: the one place that decides, asked by every door.

A door is whatever lets something out: a verb on the terminal, the page with its CSV and JSON, an export, a log.  Each
says who looks, as a `Role`, and shows no more than `Visibility` allows.  Who runs the contest looks as the owner only
where that is asked for, with ``--reveal-private``; else the terminal shows what everybody may see.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from harness.board.closing import Closing, read_closing
from harness.board.deadline import Deadline, read_deadline
from harness.board.rows import Entry
from harness.errors import UsageError
from harness.freeze.frozen import Frozen
from harness.workspace import Workspace

if TYPE_CHECKING:
    from harness.score.card import ScoreCard

Half = Literal["public", "private"]  # of the hidden test


class Role(StrEnum):
    """Who looks."""

    OWNER = "owner"  # of the machine: who runs the contest
    TEAM = "team"  # whose entry it is
    EVERYBODY = "everybody"
    ENTRY = "entry"  # the entry itself, while it runs


class State(StrEnum):
    """What an entry is at the moment."""

    OPEN = "open"
    WITHHELD = "withheld"  # by the Ladder: its public score is no clear gain
    CLOSED = "closed"
    LATE = "late"
    DISQUALIFIED = "disqualified"  # taken out of the ranks, whether the contest is open or closed


AT_HOME = ("val", "val_shifted")  # whose labels are published
WITH_PUBLIC = (*AT_HOME, "public")
ALL = (*WITH_PUBLIC, "private")
NOTHING: tuple[str, ...] = ()
# The splits whose scores are shown, and all that is counted on them: recalls, confusions, families, comparisons.
SCORES: dict[tuple[State, Role], tuple[str, ...]] = {
    (State.OPEN, Role.OWNER): ALL,
    (State.OPEN, Role.TEAM): WITH_PUBLIC,
    (State.OPEN, Role.EVERYBODY): WITH_PUBLIC,
    (State.WITHHELD, Role.OWNER): ALL,
    (State.WITHHELD, Role.TEAM): AT_HOME,
    (State.WITHHELD, Role.EVERYBODY): AT_HOME,
    (State.CLOSED, Role.OWNER): ALL,
    (State.CLOSED, Role.TEAM): ALL,
    (State.CLOSED, Role.EVERYBODY): ALL,
    (State.LATE, Role.OWNER): ALL,
    (State.LATE, Role.TEAM): ALL,
    (State.LATE, Role.EVERYBODY): ALL,
    (State.DISQUALIFIED, Role.OWNER): ALL,
    (State.DISQUALIFIED, Role.TEAM): WITH_PUBLIC,  # as it was told while the contest was open
    (State.DISQUALIFIED, Role.EVERYBODY): AT_HOME,
    **{(state, Role.ENTRY): NOTHING for state in State},  # it gets images, and no label or score
}
# The splits of which single images are shown with their label and what an entry said of them.  Hidden images stay
# hidden when the contest is closed: the next one may use them.
PREDICTIONS = {Role.OWNER: ALL, Role.TEAM: AT_HOME, Role.EVERYBODY: AT_HOME, Role.ENTRY: NOTHING}
# An entry can print the images that it sees: what it printed since it was handed hidden ones is the owner's alone.
LOGS = {Role.OWNER: ALL, Role.TEAM: AT_HOME, Role.EVERYBODY: NOTHING, Role.ENTRY: NOTHING}
# Why an entry was disqualified may name others.
REASONS = {Role.OWNER: True, Role.TEAM: True, Role.EVERYBODY: False, Role.ENTRY: False}


@dataclass(frozen=True)
class Visibility:
    """What one reader may be shown of a frozen contest.

    Attributes
    ----------
    role : Role
    closing : Closing or None
        None while the contest is open.
    ladder : bool
        Whether the contest has the Ladder: then a public score shows once an entry was submitted, not before.
    transductive : {'ranked', 'apart', 'unranked'}
        How entries rank that have not shown to label each image by itself; see `harness.contest_rules.BoardRules`.
    deadline : Deadline
        What is handed in after it has no rank; its scores show like others.
    """

    role: Role
    closing: Closing | None = None
    ladder: bool = False
    transductive: Literal["ranked", "apart", "unranked"] = "ranked"
    deadline: Deadline = field(default_factory=Deadline)

    def state(self, entry: Entry) -> State:
        """Return what an entry is at the moment."""
        if entry.disqualified:
            return State.DISQUALIFIED
        if self.closing:
            return State.LATE if self.closing.is_late(entry) else State.CLOSED
        return State.WITHHELD if entry.withheld else State.OPEN

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits of which something is shown at all, the one that decides last."""
        return SCORES[State.CLOSED if self.closing else State.OPEN, self.role]

    @property
    def by(self) -> Half:
        """The half of the hidden test that ranks."""
        return "private" if self.private else "public"

    @property
    def private(self) -> bool:
        """Whether anything of the private half is shown."""
        return "private" in self.splits

    def scores(self, entry: Entry) -> tuple[str, ...]:
        """Return the splits whose scores are shown of an entry, the one that decides last."""
        return SCORES[self.state(entry), self.role]

    def withholds(self, entry: Entry) -> bool:
        """Say whether the public score of an entry is not shown, though others' are."""
        return "public" not in self.scores(entry)

    def shown(self, entry: Entry) -> Entry:
        """Return an entry with the scores that are shown, and no other."""
        splits = self.scores(entry)
        return replace(entry, scores={key: score for key, score in entry.scores.items() if key[0] in splits})

    def shows_all(self, entry: Entry, splits: Iterable[str]) -> bool:
        """Say whether what is counted on all of `splits` is shown of an entry."""
        return set(splits) <= set(self.scores(entry))

    def ranks_as_all(self, entry: Entry) -> bool:
        """Say whether the rules let an entry rank with all others, by how it labels."""
        return self.transductive == "ranked" or entry.n_changed == 0

    @property
    def ranks_withheld(self) -> bool:
        """Whether entries that the Ladder withholds have a rank, too: where the score that ranks them is shown."""
        return self.by in SCORES[State.CLOSED if self.closing else State.WITHHELD, self.role]

    @property
    def reasons(self) -> bool:
        """Whether it is told why an entry was disqualified."""
        return REASONS[self.role]

    @property
    def predictions(self) -> tuple[str, ...]:
        """The splits of which single images are shown, with their label and what an entry said of them."""
        return PREDICTIONS[self.role]

    def log(self, handed: Sequence[str]) -> bool:
        """Say whether it is shown what an entry printed that had been `handed` the images of these splits."""
        return bool(LOGS[self.role]) and set(handed) <= set(LOGS[self.role])

    def card(self, card: ScoreCard, splits: tuple[str, ...]) -> ScoreCard:
        """Return what is shown of a card, of the scores those of `splits`."""
        return card.only(splits, log=self.log(AT_HOME), hidden_log=self.log(ALL))

    def check_unrecorded(self, contest: str, splits: Sequence[str]) -> None:
        """Refuse to score a zip, without a submission, on splits of which an open contest then tells nothing.

        Raises
        ------
        UsageError
        """
        state = State.CLOSED if self.closing else State.WITHHELD if self.ladder else State.OPEN
        if refused := set(splits) - set(SCORES[state, self.role]):
            half = " and ".join(sorted(refused, reverse=True))
            raise UsageError(
                f"{contest} is open: its {half} score is not told without a submission.",
                "Leave --split out; who runs the contest adds --reveal-private.",
            )

    def check_predictions(self, contest: str, splits: Sequence[str]) -> None:
        """Refuse to show single images of splits that are hidden from whoever looks.

        Raises
        ------
        UsageError
        """
        if refused := set(splits) - set(self.predictions):
            raise UsageError(
                f"Single images of {' and '.join(sorted(refused, reverse=True))} of {contest} are not shown.",
                f"Ask for {' and '.join(AT_HOME)} alone; who runs the contest reveals the hidden ones.",
            )


def visible_to(role: Role, workspace: Workspace, frozen: Frozen) -> Visibility:
    """Return what a reader may be shown of a frozen contest now.

    Raises
    ------
    BoardError
        It was closed, and how cannot be read.
    """
    contest = frozen.contest
    closing, rules = read_closing(workspace, contest.name, frozen.lock_hash), contest.board
    return Visibility(role, closing, rules.ladder, rules.transductive, read_deadline(workspace, frozen))


def looking(reveal_private: bool) -> Role:
    """Return as whom the terminal looks."""
    return Role.OWNER if reveal_private else Role.EVERYBODY
