"""The queue of a class: in which order hand-ins are judged, and about when each will be done."""

from __future__ import annotations

import heapq
import itertools
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from harness.board.artifacts import artifacts_of
from harness.board.ledger import scores_newest_first
from harness.board.team_name import team_key
from harness.freeze.frozen import Frozen
from harness.workspace import Workspace

T = TypeVar("T")
LAST = 200  # entries from which a rate is taken


def fair(items: Iterable[T], team: Callable[[T], str], is_new: Callable[[T], bool]) -> list[T]:
    """Put what came by time into the order in which it is done: the first new one of each team, then the second ...

    What is not new keeps its place behind what its team handed in before.

    Examples
    --------
    >>> fair(["a1", "a2", "b1", "a3", "b2", "c1"], team=lambda one: one[0], is_new=lambda one: one != "a1")
    ['a1', 'a2', 'b1', 'c1', 'a3', 'b2']
    """
    had: Counter[str] = Counter()
    rounds: defaultdict[int, list[T]] = defaultdict(list)
    for one in items:
        rounds[had[team(one)]].append(one)
        had[team(one)] += is_new(one)
    return [one for number in sorted(rounds) for one in rounds[number]]


def rates(workspace: Workspace, frozen: Frozen, *, closed: bool) -> dict[str, float]:
    """Return the seconds that entries took on this contest, the median by team, and of all by ``""``.

    They are those of the score cards of the last entries that were really run; in the `closed` division with both
    trainings.  Empty where there is none.
    """
    found: defaultdict[str, list[float]] = defaultdict(list)
    of_contest = (
        one
        for one in scores_newest_first(workspace.ledger)
        if one.lock == frozen.lock_hash and one.contest == frozen.contest.name and bool(one.trained_from) == closed
    )
    for receipt in itertools.islice(of_contest, LAST):
        card = artifacts_of(workspace, receipt).card
        if card and not card.kept_from and (took := card.seconds.get("wall", 0.0) + card.seconds.get("fit", 0.0)):
            found[""].append(took)
            found[team_key(receipt.name)].append(took)
    return {team: statistics.median(seconds) for team, seconds in found.items()}


def expected(teams: Sequence[str], rates: Mapping[str, float], n_workers: int) -> list[float]:
    """Return after how many seconds each of a queue will be on record, which it is in their order.

    Examples
    --------
    >>> expected(["a", "b", "a", "c"], {"": 2.0, "b": 5.0}, n_workers=2)
    [2.0, 5.0, 5.0, 6.0]
    >>> expected(["a"], {}, n_workers=2)
    []
    """
    if "" not in rates:
        return []
    free, found, last = [0.0] * n_workers, list[float](), 0.0
    for team in teams:
        end = heapq.heappop(free) + rates.get(team_key(team), rates[""])
        heapq.heappush(free, end)
        last = max(last, end)
        found.append(last)
    return found
