"""Walk the chain of receipts and compare with it everything that is kept: rows, cards, zips, predictions."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache as remember
from pathlib import Path
from typing import Any

import msgspec

from harness.board import cache, rows
from harness.board.cache import REMAKE
from harness.board.closing import Closing, read_closing_file
from harness.board.ledger import START
from harness.board.receipts import Disqualified, Receipt, Reinstated, Rescored, RulesChanged, Scored
from harness.board.rescored import contradictions
from harness.board.rows import Entry, entry_of
from harness.board.stored import Stored, read_stored
from harness.board.visibility import Role, Visibility
from harness.contest import rules_of
from harness.errors import BoardError, HarnessError, UsageError
from harness.freeze.frozen import find_freeze
from harness.words import counted, plain
from harness.workspace import Workspace

FROM_COPY = "Put the file back from a copy of the workspace."


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
        ledger that was rewritten together with the board and the cards looks like a true one.

    Raises
    ------
    UsageError
        `expect` is no hash.
    BoardError
        The ledger cannot be read at all.
    """
    if expect is not None:
        expect = checked_hash(expect)
    store = read_stored(workspace)
    closings = list(_read_closings(workspace))
    closed = {closing.lock: closing for closing in closings}
    for receipt in store.receipts.values():
        if isinstance(receipt, Rescored) and receipt.before in closed:
            closed.setdefault(receipt.lock, closed[receipt.before])
    findings = [
        *_ledger(store),
        *_head(store, closings, expect),
        *_rows(store, closed),
        *_rules(workspace, store),
        *_disqualifications(store),
        *_rescorings(workspace, store),
        *_files(workspace, store, closed),
        *_closings(workspace, store),
    ]
    return Audit(
        receipts=len(store.lines),
        head=store.head,
        rows=len(store.entries),
        findings=tuple(findings),
        notes=tuple(_notes(workspace, store)),
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
            "An audit prints the head: hemobench ledger audit",
        )
    return text


def _ledger(store: Stored) -> Iterator[Finding]:
    in_order = True
    for place, line in enumerate(store.lines, start=1):
        try:
            if line.receipt.number != place and in_order:  # one that is missing displaces all that follow
                in_order = False
                yield Finding(f"ledger, line {place}", f"receipt {line.receipt.number}", f"receipt {place}", FROM_COPY)
        except BoardError as error:
            yield Finding(f"ledger, line {place}", error.message, "a receipt", FROM_COPY)
    first = store.receipts.get(1)
    if first and first.previous != START:
        yield Finding("receipt 1, previous", _short(first.previous), _short(START), FROM_COPY)
    for number in sorted(store.doubtful):
        named = f"{_short(store.receipts[number + 1].previous)}, which receipt {number + 1} names"
        yield Finding(_of(store.receipts[number]), _short(store.hashes[number]), named, FROM_COPY)


def _head(store: Stored, closings: Sequence[Closing], expect: str | None) -> Iterator[Finding]:
    if store.disagree:
        yield Finding(
            f"receipt {store.seen.number}",
            _short(store.hashes.get(store.seen.number, "missing")),
            f"{_short(store.seen.sha256)}, which the board has seen",
            "The ledger was changed: put it back from a copy of the workspace. Where it is right: " + REMAKE,
        )
    heads = [*store.hashes.values(), *(one.seal for one in closings)]
    if expect is not None and not any(one.startswith(expect) for one in heads):
        yield Finding(
            "head",
            f"{_short(store.head)} after {counted(len(store.lines), 'receipt')}",
            f"a chain that holds {_short(expect)}",
            "Mistyped, or the ledger or a closing was rewritten since: then put a copy of the workspace back.",
        )


def _rows(store: Stored, closed: Mapping[str, Closing]) -> Iterator[Finding]:
    """Yield where a row and its receipt differ: the row is wrong, unless something contradicts the receipt."""
    if store.trouble:
        return
    by_id = {entry.id: entry for entry in store.entries}
    for receipt in store.scores:
        entry = by_id.pop(receipt.entry, None)
        row, stated = f"row {receipt.entry} ({receipt.name})", store.row_of(receipt)
        if entry is None:
            if receipt.number <= store.seen.number:
                yield Finding(row, "removed", f"a row of receipt {receipt.number}", REMAKE)
        elif store.disagree or receipt.number in store.doubtful:
            yield from _differences(store, receipt, closed, _of(receipt), _shown(stated), _shown(entry), FROM_COPY)
        else:
            yield from _differences(store, receipt, closed, row, _shown(entry), _shown(stated), REMAKE)
    for entry in by_id.values():
        yield Finding(f"row {entry.id} ({plain(entry.name)})", "no receipt", "a receipt", REMAKE)


def _differences(
    store: Stored, receipt: Scored, closed: Mapping[str, Closing], what: str, got: Any, expected: Any, hint: str
) -> Iterator[Finding]:
    """Yield what differs; of a score that nobody may see yet only that it does."""
    for path, was, should in differing(got, expected):
        _, _, split = path.partition("scores.")
        row = store.row_of(receipt)
        shown = Visibility(Role.EVERYBODY, closed.get(row.lock)).scores(row)
        if split and split.partition(".")[0] not in shown:
            was, should = "another value", "the value on record, not told yet"
        yield Finding(f"{what}: {path}", was, should, hint)


def _rules(workspace: Workspace, store: Stored) -> Iterator[Finding]:
    """Yield the changes that do not follow from the rules before them, and the cards of rules never in force."""
    histories: dict[tuple[str, str], list[dict[str, Any]]] = {}  # by contest and lock, the rules one after the other
    for receipt in store.receipts.values():
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
                    what = f"{_of(receipt)}: {rule}, changed from"
                    yield Finding(what, _say(change.old), f"{_say(now.get(rule))}, in force before", FROM_COPY)
            history.append(now | {rule: change.new for rule, change in receipt.changes.items()})
        elif isinstance(receipt, Scored) and (ran := _read_card(workspace, receipt).rules) and ran not in history:
            for what, got, expected in differing(ran, now):
                yield Finding(f"{receipt.card} (receipt {receipt.number}): rules.{what}", got, expected, FROM_COPY)


def _disqualifications(store: Stored) -> Iterator[Finding]:
    """Yield the events that cannot be: of no entry before them, or that change nothing."""
    scored: dict[int, Scored] = {}
    out: set[int] = set()
    for receipt in store.receipts.values():
        if isinstance(receipt, Scored):
            scored[receipt.entry] = receipt
        elif isinstance(receipt, Disqualified | Reinstated):
            of, going = scored.get(receipt.entry), isinstance(receipt, Disqualified)
            states = store.states(of) if of else []
            stood = [(one.contest, one.lock) for since, one in states if since.number < receipt.number]
            if not stood or stood[-1] != (receipt.contest, receipt.lock):
                yield Finding(_of(receipt), f"entry {receipt.entry}", "an entry of that contest before it", FROM_COPY)
            elif (receipt.entry in out) == going:
                was = "disqualified" if going else "not disqualified"
                yield Finding(_of(receipt), f"entry {receipt.entry}, {was} before", "a change", FROM_COPY)
            (out.add if going else out.discard)(receipt.entry)


def _rescorings(workspace: Workspace, store: Stored) -> Iterator[Finding]:
    """Yield what a rescoring says that does not follow from what is on record of its entries."""
    scored = {receipt.entry: receipt for receipt in store.scores}
    for receipt in store.receipts.values():
        if isinstance(receipt, Rescored):
            for what, got, expected in contradictions(workspace, receipt, scored, store.states):
                yield Finding(f"{_of(receipt)}: {what}", got, expected, FROM_COPY)


def _frozen_rules(workspace: Workspace, contest: str, lock: str) -> list[dict[str, Any]]:
    with contextlib.suppress(HarnessError):  # a damaged lock is a matter for `verify`
        if frozen := find_freeze(workspace, contest, lock):
            return [rules_of(frozen.contest)]
    return []


class _Measured(msgspec.Struct):
    metrics: dict[str, dict[str, float]] = {}


class _Card(msgspec.Struct):
    """What a card says that is compared with other things on record."""

    outcome: str = ""
    lock: str = ""
    zip_sha256: str = ""
    rules: dict[str, Any] = {}
    scores: dict[str, _Measured] = {}


def _read_card(workspace: Workspace, receipt: Scored) -> _Card:
    try:
        return msgspec.json.decode((workspace.path / receipt.card).read_bytes(), type=_Card)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Card()  # told of with the files


def _say(value: Any) -> str:
    return plain(msgspec.json.encode(value).decode())


def _files(workspace: Workspace, store: Stored, closed: Mapping[str, Closing]) -> Iterator[Finding]:
    digest = remember(_hash)  # one zip may have been submitted often
    for first in store.scores:
        zipped = f"zips/{first.zip_sha256}.zip"
        if (got := digest(workspace.path / zipped)) != first.zip_sha256:
            what = f"{zipped} (receipt {first.number})"
            yield Finding(what, _short(got), _short(first.zip_sha256), FROM_COPY)
        for since, receipt in store.states(first):
            rerun = f"{FROM_COPY} Whether the entry still gives them: hemobench ledger replay {receipt.entry}"
            kept = [(receipt.card, receipt.card_sha256, FROM_COPY)]
            kept += [(receipt.labels, receipt.labels_sha256, rerun)] if receipt.labels else []
            for name, expected, hint in kept:
                if (got := digest(workspace.path / name)) != expected:
                    yield Finding(f"{name} (receipt {since.number})", _short(got), _short(expected), hint)
            if digest(workspace.path / receipt.card) == receipt.card_sha256:
                # The card is as it was when the receipt was written: what the receipt says else was changed since.
                card = _read_card(workspace, receipt)
                scores = {split: measured.metrics for split, measured in card.scores.items()}
                own = {name: getattr(receipt, name) for name in ("outcome", "lock", "zip_sha256")}
                said = own | {"scores": msgspec.to_builtins(receipt.scores)}
                on_card = {name: getattr(card, name) for name in own} | {"scores": scores}
                beside = f"{_of(since)}, beside its card" if since is first else f"{_of(since)}, beside {receipt.card}"
                yield from _differences(store, first, closed, beside, said, on_card, FROM_COPY)


def _read_closings(workspace: Workspace) -> Iterator[Closing]:
    for path in sorted(workspace.path.glob("closed/*/*.json")):
        with contextlib.suppress(BoardError):  # told as a finding
            yield read_closing_file(path)


def _closings(workspace: Workspace, store: Stored) -> Iterator[Finding]:
    """Yield what a closing says that cannot be: a receipt not in the chain, or finals that no team had at the close."""
    scored = {receipt.entry: receipt for receipt in store.scores if receipt.outcome == "scored"}
    for path in sorted(workspace.path.glob("closed/*/*.json")):
        what = f"closing {path.relative_to(workspace.path)}"
        try:
            closing = read_closing_file(path)
        except BoardError as error:
            yield Finding(what, error.message, "when the contest was closed", FROM_COPY)
            continue
        if path != workspace.closed(closing.contest, closing.lock):
            yield Finding(what, f"{closing.contest}, lock {closing.lock[:12]}", "the contest it lies with", FROM_COPY)
        found = store.hashes.get(closing.receipts, "no such receipt" if closing.receipts else START)
        if found != closing.head:
            yield Finding(f"{what}: receipt {closing.receipts}", _short(found), _short(closing.head), FROM_COPY)
        for team, ids in closing.finals.items():
            for number in ids:
                one = scored.get(number)
                locks = [state.lock for _, state in store.states(one)] if one else []
                mine = one and (one.name, one.contest) == (team, closing.contest) and closing.lock in locks
                if not (one and mine) or closing.is_late(entry_of(one)):
                    told = f"entry {number}, {'late' if one and mine else 'not one of that team'}"
                    yield Finding(f"{what}: finals of {plain(team)}", told, "its entries in time", FROM_COPY)


def _notes(workspace: Workspace, store: Stored) -> Iterator[str]:
    if store.torn:
        yield (
            f"The ledger ends in a torn line of {counted(len(store.torn), 'byte')}, as a power cut leaves it. "
            "It was never reported; the next submit sets it aside."
        )
    for torn in sorted(workspace.path.glob("ledger.torn-*.txt")):
        yield f"A torn line was set aside in {torn.name}."
    if (aside := cache.aside_of(workspace.board)).exists():
        yield f"A damaged board was set aside in {aside.name}; remove it when you know what damaged it."
    waiting = len([number for number in store.receipts if number > store.seen.number])
    if store.trouble:
        yield f"{workspace.board.name} {store.trouble}; the next leaderboard or submit makes it from the ledger."
    elif waiting:
        told = counted(waiting, "receipt is", "receipts are")
        yield f"{told} not on the board yet; the next leaderboard or submit adds what is missing."
    for closing in _read_closings(workspace):
        yield f"{closing.contest} was closed at {closing.when}; its seal is {closing.seal}."
    known = sum(len(store.states(receipt)) for receipt in store.scores)
    strays = sum(1 for _ in workspace.path.glob("cards/*/*.json")) - known
    if strays > 0:
        yield f"{counted(strays, 'card belongs', 'cards belong')} to no receipt: of stopped submits."


def _shown(entry: Entry) -> dict[str, Any]:
    """What a row tells, to be compared; scores by split, then by metric."""
    told = {name: getattr(entry, name) for name in (*rows.FACTS, "came", "receipt", "disqualified", "rescored")}
    scores: dict[str, dict[str, Any]] = {}
    for (split, metric), score in entry.scores.items():
        scores.setdefault(split, {})[metric] = msgspec.to_builtins(score)
    return {**told, "scores": scores}


def _of(receipt: Receipt) -> str:
    return f"receipt {receipt.number} ({receipt.about})"


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
