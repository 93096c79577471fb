"""Which lines are the true receipts: the ledger and the board hold a copy each, and the hashes decide."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from harness.board import ledger, rows
from harness.board.ledger import START, Line, Scored
from harness.board.recorder import card_file, kept_card
from harness.errors import BoardError
from harness.score.estimate import Estimate
from harness.workspace import Workspace


@dataclass
class Books:
    """Ledger and board as they were found, at one moment; what cannot be read is left out and said."""

    lines: list[Line]
    torn: bytes
    rows: list[rows.Row] = field(default_factory=list)
    events: list[tuple[int, str]] = field(default_factory=list)  # number and line of receipts that are no score's
    last_id: int = 0
    damage: str = ""  # why the board could not be read to its end

    @property
    def in_ledger(self) -> dict[int, Line]:
        """The lines that are receipts, by their number; of two with one number, the first."""
        return self._by_number(self.lines)

    @property
    def on_board(self) -> dict[int, Line]:
        """The copies that the board holds of receipts, by number."""
        copies = [*(row.line for row in self.rows if row.line is not None), *(line for _, line in self.events)]
        return self._by_number(Line(line.encode()) for line in copies)

    def _by_number(self, lines: Iterable[Line]) -> dict[int, Line]:
        # A greater number was invented, and would be a long way to walk back.
        most = len(self.lines) + len(self.rows) + len(self.events)
        found: dict[int, Line] = {}
        for line in lines:
            with contextlib.suppress(BoardError):
                if 1 <= line.receipt.number <= most:
                    found.setdefault(line.receipt.number, line)
        return found


def read_books(workspace: Workspace, *, held: bool = False) -> Books:
    """Read ledger and board, neither of which needs to be whole; `held`: the caller is the `only_writer` already."""
    with contextlib.nullcontext() if held else _quiet(workspace):
        books = Books(*ledger.read_lines(workspace.ledger))
        try:
            with rows.read_board(workspace.board) as board:
                for (found,) in board.execute("PRAGMA integrity_check(1)"):
                    books.damage = "" if found == "ok" else found
                books.last_id = rows.last_id(board)
                books.events = rows.read_events(board)
                for row in rows.read_rows(board):
                    books.rows.append(row)
        except BoardError as error:
            if isinstance(error.__cause__, sqlite3.Error):
                books.damage = str(error.__cause__)
            else:
                raise
    return books


@contextlib.contextmanager
def _quiet(workspace: Workspace) -> Iterator[None]:
    """Hold the ledger, so that no submission comes between its two files; where nothing can be written, none does."""
    with contextlib.ExitStack() as held:
        if workspace.ledger.exists() or workspace.board.exists():  # looking at nothing must not make a workspace of it
            with contextlib.suppress(BoardError):
                held.enter_context(ledger.only_writer(workspace.ledger))
        yield


@dataclass(frozen=True)
class Chain:
    """The true receipts by number, as far as they can be told, and the hash that each unknown one must have."""

    lines: dict[int, Line]
    unknown: dict[int, str]  # number -> SHA-256, empty where that is not known either

    @property
    def is_whole(self) -> bool:
        return not self.unknown

    @property
    def scores(self) -> dict[int, tuple[Line, Scored]]:
        """The receipts of scores by number, in its order, each with its line."""
        return {number: (line, line.score) for number, line in sorted(self.lines.items()) if line.score}

    @property
    def events(self) -> dict[int, Line]:
        """The other receipts by number, in its order."""
        return {number: line for number, line in sorted(self.lines.items()) if not line.score}

    def holds(self, head: str) -> bool:
        """Say whether `head`, or what it begins with, is the hash of one of the receipts."""
        return any(line.sha256.startswith(head) for line in self.lines.values())

    @property
    def head(self) -> str:
        """SHA-256 of the last receipt; of a ledger that has none yet, 64 zeros."""
        return self.lines[max(self.lines)].sha256 if self.lines else START


def true_chain(workspace: Workspace, books: Books, expect: str | None = None) -> Chain:
    """Return the receipts that follow from each other.

    From the last receipt back, each one names the hash of the one before, and whichever copy has that hash is the true
    one.  The last has nothing after it: where its two copies differ, that start is taken from which more is found
    whole, counting receipts and their agreement with the cards; `expect`, a hash that was written down, outweighs all.
    """
    copies = (books.in_ledger, books.on_board)
    last = max((number for copy in copies for number in copy), default=0)
    starts = {copy[last].text: copy[last] for copy in copies if last in copy}
    if not starts:
        return Chain({}, {})
    chains = [_walk_back(start, copies) for start in starts.values()]

    def faults(chain: Chain) -> tuple[bool, int]:
        misses = expect is not None and not chain.holds(expect)
        disagreeing = sum(not agrees_with_card(workspace, receipt) for _, receipt in chain.scores.values())
        return misses, len(chain.unknown) + disagreeing

    return min(chains, key=faults) if len(chains) > 1 else chains[0]


def _walk_back(start: Line, copies: tuple[Mapping[int, Line], ...]) -> Chain:
    lines, unknown = {start.receipt.number: start}, {}
    previous = start.receipt.previous
    for number in range(start.receipt.number - 1, 0, -1):
        candidates = [copy[number] for copy in copies if number in copy]
        agreed = len(candidates) == len(copies) and len({line.text for line in candidates}) == 1
        if previous:
            true = next((line for line in candidates if line.sha256 == previous), None)
        else:  # beyond a gap nothing is proven; what both copies say is the best there is
            true = candidates[0] if agreed else None
        if true is None:
            unknown[number] = previous
            previous = candidates[0].receipt.previous if agreed else ""
        else:
            lines[number] = true
            previous = true.receipt.previous
    if previous and previous != START:
        unknown[0] = START
    return Chain(lines, unknown)


def agrees_with_card(workspace: Workspace, receipt: Scored) -> bool:
    """Say whether the kept card, where it can be read, tells the same outcome and scores as the receipt."""
    try:
        card: Any = msgspec.json.decode((workspace.path / receipt.card).read_bytes())
        scores = {
            split: {name: Estimate(**estimate) for name, estimate in score["metrics"].items()}
            for split, score in card["scores"].items()
        }
        return bool((card["outcome"], card["lock"], scores) == (receipt.outcome, receipt.lock, receipt.scores))
    except (OSError, msgspec.MsgspecError, KeyError, TypeError, AttributeError):
        return True  # it says nothing against the receipt


def find_card(workspace: Workspace, receipt: Scored, books: Books) -> str | None:
    """Return the true card of a receipt, from its file or from the board, as compact JSON; None where both are lost."""
    if (kept := kept_card(workspace, receipt)) is not None:
        return kept
    for row in books.rows:
        if row.entry.receipt == receipt.number and card_hash(row.card) == receipt.card_sha256:
            return row.card
    return None


def card_hash(card: str) -> str:
    """Return the SHA-256 that the file of a card has, from the card as the board holds it."""
    try:
        return Line(card_file(card)).sha256
    except msgspec.MsgspecError:
        return "no JSON"
