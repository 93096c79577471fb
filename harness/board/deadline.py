"""Until when an entry is in time: the deadline of the rules in force, grace, and what single teams were given more.

What counts is when an entry was handed in, not when it was judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from harness.board.ledger import events
from harness.board.receipts import Extended
from harness.board.team_name import team_key
from harness.contest import HandInRules
from harness.freeze.frozen import Frozen
from harness.workspace import Workspace


@dataclass(frozen=True)
class Deadline:
    """The deadline of a contest.

    Attributes
    ----------
    rules : HandInRules
    extensions : mapping of str to datetime
        By `team_key`.
    """

    rules: HandInRules = field(default_factory=HandInRules)
    extensions: Mapping[str, datetime] = field(default_factory=dict)

    def of(self, team: str) -> datetime | None:
        """Return the last moment at which a team's entries are in time, UTC; None where they always are.

        Examples
        --------
        >>> noon = datetime(2026, 12, 1, 12, tzinfo=UTC)
        >>> deadline = Deadline(HandInRules(deadline=noon, grace_min=15), {"red": noon + timedelta(days=1)})
        >>> print(deadline.of("Blue"), deadline.of("Red"), Deadline().of("Red"))
        2026-12-01 12:15:00+00:00 2026-12-02 12:15:00+00:00 None
        """
        if self.rules.deadline is None or self.rules.late == "none":
            return None
        last = max(self.rules.deadline, self.extensions.get(team_key(team), self.rules.deadline))
        return last.astimezone(UTC) + timedelta(minutes=self.rules.grace_min)

    @property
    def last(self) -> datetime | None:
        """The last moment at which anybody's entries are in time, UTC; None where they always are."""
        moments = [moment for team in ("", *self.extensions) if (moment := self.of(team))]
        return max(moments, default=None)

    def is_late(self, team: str, when: str | datetime) -> bool:
        """Say whether what a team handed in then, UTC, is late."""
        last = self.of(team)
        return last is not None and (datetime.fromisoformat(when) if isinstance(when, str) else when) > last


def read_deadline(workspace: Workspace, frozen: Frozen) -> Deadline:
    """Return the deadline of a contest, `frozen` under the rules in force; one of another freeze is the same."""
    rules = frozen.contest.hand_in
    if rules.deadline is None:
        return Deadline(rules)
    given = [one for one in events(workspace.ledger, Extended) if one.contest == frozen.contest.name]
    return Deadline(rules, {team_key(one.team): datetime.fromisoformat(one.until) for one in given})
