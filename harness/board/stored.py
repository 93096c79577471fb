"""Ledger and board as they were found, neither of which needs to be whole: what an audit looks at."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from functools import cached_property

from harness.board import cache, ledger, rows
from harness.board.cache import Head
from harness.board.ledger import START, Line, fold_disqualified
from harness.board.receipts import Disqualified, Receipt, Rescored, Rescoring, Scored
from harness.board.rows import Entry, entry_of, time_of
from harness.errors import BoardError
from harness.workspace import Workspace


@dataclass
class Stored:
    """Ledger and board as they were found, at one moment.

    `doubtful` are the numbers of receipts that something else contradicts: the next one's hash, or the board's head.
    """

    lines: list[Line]
    torn: bytes
    receipts: dict[int, Receipt] = field(default_factory=dict)  # by number; of two with one number, the first
    hashes: dict[int, str] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    seen: Head = field(default_factory=Head)  # the last receipt that the board has seen
    trouble: str = ""  # why there is no board
    doubtful: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        for line in self.lines:
            with contextlib.suppress(BoardError):
                if line.receipt.number not in self.receipts:
                    self.receipts[line.receipt.number] = line.receipt
                    self.hashes[line.receipt.number] = line.sha256
        for number, receipt in self.receipts.items():
            if number - 1 in self.hashes and self.hashes[number - 1] != receipt.previous:
                self.doubtful.add(number - 1)

    @property
    def scores(self) -> list[Scored]:
        return [receipt for receipt in self.receipts.values() if isinstance(receipt, Scored)]

    @cached_property
    def disqualified(self) -> dict[int, Disqualified]:
        """The entries that are disqualified by what the board has seen, by id."""
        return fold_disqualified(one for number, one in self.receipts.items() if number <= self.seen.number)

    @cached_property
    def rescorings(self) -> dict[int, list[tuple[Rescored, Rescoring]]]:
        """By the id of an entry, how it was rescored, oldest first."""
        found: dict[int, list[tuple[Rescored, Rescoring]]] = {}
        for receipt in self.receipts.values():
            if isinstance(receipt, Rescored):
                for one in receipt.entries:
                    found.setdefault(one.entry, []).append((receipt, one))
        return found

    def states(self, receipt: Scored) -> list[tuple[Receipt, Scored]]:
        """Return what the receipt of a score has stood for, oldest first, each with the receipt since which it does."""
        again = self.rescorings.get(receipt.entry, ())
        return [(receipt, receipt), *((since, receipt.rescored(since.lock, one)) for since, one in again)]

    def row_of(self, receipt: Scored) -> Entry:
        """Return the row that a receipt stands for on a board that has seen as much."""
        states = self.states(receipt)
        since, now = next((one for one in reversed(states) if one[0].number <= self.seen.number), states[0])
        again = 0 if since is receipt else since.number
        return entry_of(now, now.entry in self.disqualified, self.times[receipt.number], again)

    @cached_property
    def times(self) -> dict[int, str]:
        """When each entry came, by its receipt's number."""
        found, last = dict[int, str](), dict[str, str]()
        for one in self.scores:
            found[one.number] = time_of(one, last.get(one.contest, ""))
            last[one.contest] = max(found[one.number], last.get(one.contest, ""))
        return found

    @property
    def head(self) -> str:
        return self.lines[-1].sha256 if self.lines else START

    @property
    def disagree(self) -> bool:
        """Whether the board was made from another ledger than this one."""
        return self.hashes.get(self.seen.number, START if not self.seen.number else "") != self.seen.sha256


def read_stored(workspace: Workspace) -> Stored:
    """Read ledger and board, neither of which needs to be whole, while no submission comes between them."""
    with contextlib.ExitStack() as locked:
        if workspace.ledger.exists() or workspace.board.exists():  # looking at nothing must not make a workspace of it
            with contextlib.suppress(BoardError):  # where nothing can be written, nothing comes between
                locked.enter_context(ledger.only_writer(workspace.ledger))
        store = Stored(*ledger.read_lines(workspace.ledger))
        usable, damage = cache.is_usable(workspace.board)
        if usable:
            try:
                with cache.connected(workspace.board) as board:
                    (damage,) = board.execute("PRAGMA integrity_check(1)").fetchone()
                    if damage == "ok":
                        store.seen = cache.read_head(board) or Head()
                        store.entries = rows.read_all(board)
                        return store
            except BoardError as error:
                damage = str(error.__cause__)
        store.trouble = f"is damaged ({damage})" if damage else "is missing" if store.lines else ""
    return store
