"""Walk the chain of receipts and compare with it everything that is kept: rows, cards, zips, predictions."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Container, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from harness.board import rows
from harness.board.chain import Books, Chain, card_hash, find_card, read_books, true_chain
from harness.board.closing import Closing, read_closing_file, told_splits
from harness.board.ledger import START, Line, Receipt, RulesChanged, Scored
from harness.board.recorder import hash_rows
from harness.contest import rules_of
from harness.errors import BoardError, HarnessError, UsageError
from harness.freeze.frozen import find_freeze
from harness.words import counted, plain
from harness.workspace import Workspace

RESTORE = "hemobench restore"
FROM_BACKUP = "Put the file back from a copy of the workspace."


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not as its receipt says, or a receipt that is not as the next one says."""

    what: str
    got: str
    expected: str
    hint: str  # what to type, or to do


class Audit(msgspec.Struct, frozen=True):
    """What an audit saw: the head is to be written down, since it stands for all receipts so far."""

    receipts: int
    head: str
    rows: int
    rows_before: int  # of `rows`, those from before the ledger
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


def audit(workspace: Workspace, *, expect: str | None = None) -> Audit:
    """Compare ledger, board and kept files with each other.

    Parameters
    ----------
    workspace : Workspace
        Nothing in it is changed.
    expect : str, optional
        A head that an earlier audit printed, at least 12 hex digits: it must still be in the chain.  Without it, a
        ledger that was rewritten together with the board and the cards cannot be told from a true one.

    Raises
    ------
    UsageError
        `expect` is no hash.
    BoardError
        The ledger cannot be read at all.
    """
    if expect is not None:
        expect = checked_hash(expect)
    books = read_books(workspace)
    chain = true_chain(workspace, books, expect)
    old = rows_before(books, chain)
    closings = list(_read_closings(workspace))
    closed = {closing.lock for closing in closings}
    findings = [
        *_ledger(books, chain, closed),
        *_head(chain, closings, expect),
        *_board(workspace, books, chain),
        *_rows(books, chain, old, closed),
        *_events(books, chain),
        *_rules(workspace, chain),
        *_files(workspace, books, chain),
        *_closings(workspace, books, chain),
    ]
    return Audit(
        receipts=max(chain.lines, default=0),
        head=chain.head,
        rows=len(books.rows),
        rows_before=len(old),
        findings=tuple(findings),
        notes=tuple(_notes(workspace, books, chain, old)),
    )


def checked_hash(text: str) -> str:
    """Return a head as it is compared, in lower case.

    Raises
    ------
    UsageError
        It is no hash.
    """
    text = text.strip().lower()
    if not 12 <= len(text) <= 64 or set(text) - set("0123456789abcdef"):
        raise UsageError(
            f"{text!r} is no head of a ledger, expected 64 hex digits, or the first 12 or more of them.",
            "An audit prints the head: hemobench audit",
        )
    return text


def rows_before(books: Books, chain: Chain) -> list[rows.Row]:
    """Return the rows that had their place before the first receipt."""
    first = next((receipt.entry for _, receipt in chain.scores.values()), books.last_id + 1)
    return [row for row in books.rows if row.entry.receipt is None and 0 < row.entry.id < first]


def _ledger(books: Books, chain: Chain, closed: Container[str]) -> Iterator[Finding]:
    found = books.in_ledger
    in_order = True
    for place, line in enumerate(books.lines, start=1):
        try:
            if line.receipt.number != place and in_order:  # one that is missing displaces all that follow
                in_order = False
                yield Finding(f"ledger, line {place}", f"receipt {line.receipt.number}", f"receipt {place}", RESTORE)
        except BoardError as error:
            yield Finding(
                f"ledger, line {place}", error.message, "a receipt", RESTORE if place in chain.lines else FROM_BACKUP
            )
    for number in sorted(chain.unknown):
        if number:
            line_or_none = found.get(number)
            yield Finding(
                f"receipt {number}",
                _short(line_or_none.sha256) if line_or_none else "missing",
                _short(chain.unknown[number]) or "one that the next receipt names",
                "Neither ledger nor board holds the true one. Put ledger.jsonl back from a copy of the workspace.",
            )
        elif 1 in chain.lines:
            yield Finding("receipt 1, previous", _short(chain.lines[1].receipt.previous), _short(START), FROM_BACKUP)
    for number, true in sorted(chain.lines.items()):
        if number not in found:
            yield Finding(
                f"receipt {number} ({true.receipt.about})", "missing in the ledger", _short(true.sha256), RESTORE
            )
        elif found[number].text != true.text:
            got, expected = msgspec.to_builtins(found[number].receipt), msgspec.to_builtins(true.receipt)
            for what, was, should in differing(got, expected) or [("bytes", found[number].sha256, true.sha256)]:
                yield _told(true.receipt, closed, f"receipt {number} ({true.receipt.about}): {what}", what, was, should)


def _head(chain: Chain, closings: Sequence[Closing], expect: str | None) -> Iterator[Finding]:
    if expect is None or chain.holds(expect) or any(one.seal.startswith(expect) for one in closings):
        return
    yield Finding(
        "head",
        f"{_short(chain.head)} after {counted(max(chain.lines, default=0), 'receipt')}",
        f"a chain that holds {_short(expect)}",
        "Mistyped, or the ledger or a closing was rewritten since: then put a copy of the workspace back.",
    )


def _board(workspace: Workspace, books: Books, chain: Chain) -> Iterator[Finding]:
    if books.damage:
        yield Finding(f"board {workspace.board.name}", books.damage, "a whole SQLite file", RESTORE)
        return
    waiting = _waiting(books, chain)
    if len(waiting) > 1 or (waiting and not workspace.board.exists()):  # a stopped process leaves one
        yield Finding(
            f"board {workspace.board.name}", f"no row for {counted(len(waiting), 'receipt')}", "a row for each", RESTORE
        )


def _waiting(books: Books, chain: Chain) -> list[Line]:
    """The receipts that were never on the board."""
    if books.damage:
        return []
    scores = [line for line, receipt in chain.scores.values() if receipt.entry > books.last_id]
    newest = max((*(row.entry.receipt or 0 for row in books.rows), *(number for number, _ in books.events)), default=0)
    return scores + [line for number, line in chain.events.items() if number > newest]


def _rows(books: Books, chain: Chain, old: list[rows.Row], closed: Container[str]) -> Iterator[Finding]:
    by_receipt = {row.entry.receipt: row for row in books.rows if row.entry.receipt is not None}
    by_id = {row.entry.id: row for row in books.rows if row.entry.receipt not in chain.lines}
    known = {row.entry.id for row in old}
    for number, (line, receipt) in chain.scores.items():
        row = by_receipt.get(number) or by_id.get(receipt.entry)
        if row is not None:
            known.add(row.entry.id)
            yield from _row(row, line, receipt, closed)
        elif receipt.entry <= books.last_id and not books.damage:
            told = f"row {receipt.entry} ({receipt.name})"
            yield Finding(told, "removed", f"a row of receipt {number}", RESTORE)
    if not books.damage:
        yield from _old_rows(chain, old)
    for entry in (row.entry for row in books.rows if row.entry.id not in known):
        told = "no receipt" if entry.receipt is None else f"receipt {entry.receipt}, which is not in the chain"
        yield Finding(f"row {entry.id} ({plain(entry.name)})", told, "a receipt", RESTORE)


def _told(receipt: Receipt, closed: Container[str], what: str, field: str, got: str, expected: str) -> Finding:
    """Return what differs; of a score that nobody may see yet only that it does."""
    _, _, split = field.partition("scores.")
    held = isinstance(receipt, Scored) and receipt.held
    if split and receipt.lock not in closed and split.partition(".")[0] not in told_splits(held, None):
        got, expected = "another value", "the value of its receipt, not told yet"
    return Finding(what, got, expected, RESTORE)


def _row(row: rows.Row, line: Line, receipt: Scored, closed: Container[str]) -> Iterator[Finding]:
    what = f"row {row.entry.id} ({receipt.name})"
    if row.entry.receipt != receipt.number:
        yield Finding(f"{what}: receipt", str(row.entry.receipt or "none"), str(receipt.number), RESTORE)
    for field, got, expected in differing(shown_by_row(row.entry), shown_by_receipt(receipt)):
        yield _told(receipt, closed, f"{what}: {field}", field, got, expected)
    if card_hash(row.card) != receipt.card_sha256:
        yield Finding(f"{what}: card", _short(card_hash(row.card)), _short(receipt.card_sha256), RESTORE)
    if row.line is None or Line(row.line.encode()).text != line.text:
        got = _short(Line((row.line or "").encode()).sha256)
        yield Finding(f"{what}: copy of its receipt", got, _short(line.sha256), RESTORE)


def _events(books: Books, chain: Chain) -> Iterator[Finding]:
    """Yield the events whose copy on the board is another, or none, and the copies of no event."""
    if books.damage:
        return
    copies = {number: Line(line.encode()) for number, line in books.events}
    waiting = {line.receipt.number for line in _waiting(books, chain)}
    for number in sorted((chain.events.keys() | copies.keys()) - waiting):
        got, true = copies.get(number), chain.events.get(number)
        if got is None or true is None or got.text != true.text:
            about = f" ({true.receipt.about})" if true else ""
            yield Finding(
                f"copy of receipt {number}{about}",
                _short(got.sha256) if got else "removed",
                _short(true.sha256) if true else "no such event",
                RESTORE,
            )


def _rules(workspace: Workspace, chain: Chain) -> Iterator[Finding]:
    """Yield the changes that do not follow from the rules before them, and the cards of rules never in force."""
    histories: dict[tuple[str, str], list[dict[str, Any]]] = {}  # by contest and lock, the rules one after the other
    for number, line in sorted(chain.lines.items()):
        receipt = line.receipt
        place = (receipt.contest, receipt.lock)
        if place not in histories:
            histories[place] = _frozen_rules(workspace, *place)
        history = histories[place]
        if not history:
            continue  # that freeze is not here
        now = history[-1]
        if isinstance(receipt, RulesChanged):
            for rule, change in receipt.changes.items():
                if now.get(rule) != change.old:
                    what = f"receipt {number} ({receipt.about}): {rule}, changed from"
                    yield Finding(what, _say(change.old), f"{_say(now.get(rule))}, in force before", FROM_BACKUP)
            history.append(now | {rule: change.new for rule, change in receipt.changes.items()})
        elif isinstance(receipt, Scored) and (ran := _card_rules(workspace, receipt)) and ran not in history:
            for what, got, expected in differing(ran, now):
                yield Finding(f"{receipt.card} (receipt {number}): rules.{what}", got, expected, FROM_BACKUP)


def _frozen_rules(workspace: Workspace, contest: str, lock: str) -> list[dict[str, Any]]:
    with contextlib.suppress(HarnessError):  # a damaged lock is a matter for `verify`
        if frozen := find_freeze(workspace, contest, lock):
            return [rules_of(frozen.contest)]
    return []


class _Ran(msgspec.Struct):
    """What a card says of the rules that its entry ran under."""

    rules: dict[str, Any] = {}


def _card_rules(workspace: Workspace, receipt: Scored) -> dict[str, Any]:
    try:
        return msgspec.json.decode((workspace.path / receipt.card).read_bytes(), type=_Ran).rules
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}  # told of with the files


def _say(value: Any) -> str:
    return plain(msgspec.json.encode(value).decode())


def _old_rows(chain: Chain, old: list[rows.Row]) -> Iterator[Finding]:
    first = chain.lines.get(1)
    if first is None:
        return
    receipt, what = first.receipt, "rows from before the ledger"
    if len(old) != receipt.rows_before:
        yield Finding(what, counted(len(old), "row"), counted(receipt.rows_before, "row"), RESTORE)
    elif old and (got := hash_rows(old)) != receipt.rows_before_sha256:
        yield Finding(what, f"content {_short(got)}", f"content {_short(receipt.rows_before_sha256)}", RESTORE)


def _files(workspace: Workspace, books: Books, chain: Chain) -> Iterator[Finding]:
    digest = cache(_hash)  # one zip may have been submitted often
    for number, (_, receipt) in chain.scores.items():
        rerun = f"{FROM_BACKUP} Whether the entry still gives them: hemobench replay {receipt.entry}"

        def mend(receipt: Scored = receipt) -> str:
            return RESTORE if find_card(workspace, receipt, books) is not None else FROM_BACKUP

        kept = [(receipt.card, receipt.card_sha256, "")]
        kept += [(receipt.labels, receipt.labels_sha256, rerun)] if receipt.labels else []
        kept += [(f"zips/{receipt.zip_sha256}.zip", receipt.zip_sha256, FROM_BACKUP)]
        for name, expected, hint in kept:
            if (got := digest(workspace.path / name)) != expected:
                yield Finding(f"{name} (receipt {number})", _short(got), _short(expected), hint or mend())


def _read_closings(workspace: Workspace) -> Iterator[Closing]:
    for path in sorted(workspace.path.glob("closed/*/*.json")):
        with contextlib.suppress(BoardError):  # told as a finding
            yield read_closing_file(path)


def _closings(workspace: Workspace, books: Books, chain: Chain) -> Iterator[Finding]:
    """Yield what a closing says that cannot be: a receipt not in the chain, or finals that no team had at the close."""
    scored = {
        row.entry.id: row.entry
        for row in books.rows
        if row.entry.outcome == "scored" or row.entry.receipt in chain.lines
    }
    for path in sorted(workspace.path.glob("closed/*/*.json")):
        what = f"closing {path.relative_to(workspace.path)}"
        try:
            closing = read_closing_file(path)
        except BoardError as error:
            yield Finding(what, error.message, "when the contest was closed", FROM_BACKUP)
            continue
        if path != workspace.closed(closing.contest, closing.lock):
            yield Finding(what, f"{closing.contest}, lock {closing.lock[:12]}", "the contest it lies with", FROM_BACKUP)
        line = chain.lines.get(closing.receipts)
        found = line.sha256 if line else (START if not closing.receipts else "no such receipt")
        if found != closing.head:
            yield Finding(f"{what}: receipt {closing.receipts}", _short(found), _short(closing.head), FROM_BACKUP)
        for team, ids in closing.finals.items():
            for number in ids:
                entry = scored.get(number)
                mine = entry and (entry.name, entry.contest, entry.lock) == (team, closing.contest, closing.lock)
                if not (entry and mine) or closing.is_late(entry):
                    told = f"entry {number}, {'late' if entry and mine else 'not one of that team'}"
                    yield Finding(f"{what}: finals of {plain(team)}", told, "its entries in time", FROM_BACKUP)


def _notes(workspace: Workspace, books: Books, chain: Chain, old: list[rows.Row]) -> Iterator[str]:
    if books.torn:
        yield (
            f"The ledger ends in a torn line of {counted(len(books.torn), 'byte')}, as a power cut leaves it. "
            "It was never reported; the next submit sets it aside."
        )
    for torn in sorted(workspace.path.glob("ledger.torn-*.txt")):
        yield f"A torn line was set aside in {torn.name}."
    waiting = _waiting(books, chain)
    if len(waiting) == 1:
        yield (
            f"Receipt {waiting[0].receipt.number} is not on the board yet, its process was stopped; the next "
            "leaderboard or submit adds it."
        )
    for closing in _read_closings(workspace):
        yield f"{closing.contest} was closed at {closing.when}; its seal is {closing.seal}."
    if old:
        told = "compared with the hash in the first receipt" if chain.lines else "nothing to compare them with"
        yield f"{counted(len(old), 'row is', 'rows are')} from before the ledger: {told}."
    strays = sum(1 for _ in workspace.path.glob("cards/*/*.json")) - len(chain.scores)
    if strays > 0:
        yield (
            f"{counted(strays, 'card belongs', 'cards belong')} to no receipt: of stopped submits, or from before the "
            "ledger."
        )


def shown_by_row(entry: rows.Entry) -> dict[str, Any]:
    """What a row tells, as `shown_by_receipt` has it."""
    told = {name: getattr(entry, name) for name in rows.FACTS}
    scores: dict[str, dict[str, Any]] = {}
    for (split, metric), score in entry.scores.items():
        scores.setdefault(split, {})[metric] = msgspec.to_builtins(score)
    return {"entry": entry.id, **told, "scores": scores}


def shown_by_receipt(receipt: Scored) -> dict[str, Any]:
    """What the row of a score's receipt must tell."""
    told = {name: getattr(receipt, name) for name in rows.FACTS}
    return {"entry": receipt.entry, **told, "scores": msgspec.to_builtins(receipt.scores)}


def differing(got: Any, expected: Any, at: str = "") -> list[tuple[str, str, str]]:
    """Return where two nested dictionaries differ: the path, what is there, and what should be.

    Examples
    --------
    >>> differing({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "c": 2})
    [('a.b', '1', '3')]
    """
    if got == expected:
        return []
    if not (isinstance(got, dict) and isinstance(expected, dict)):
        return [(at, plain(str(got)), plain(str(expected)))]
    keys = [*expected, *(key for key in got if key not in expected)]
    return [
        one
        for key in keys
        for one in differing(got.get(key, "nothing"), expected.get(key, "nothing"), f"{at}.{key}".removeprefix("."))
    ]


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"unreadable ({error.strerror})"


def _short(text: str) -> str:
    """A hash by its beginning; other words as they are."""
    return f"{text[:12]}…" if len(text) == 64 else text
