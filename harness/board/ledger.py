"""The ledger: one receipt for each score and each event, in the order in which they came, bound to the one before.

``ledger.jsonl`` holds one receipt a line, JSON; its ``kind`` says what of.  A receipt states the SHA-256 of the line
before it, so that who knows the last line's hash, the head, can tell whether any line was changed since.  A score's
receipt says everything that a row of the board says, and names card, zip and predictions by their hashes; the card
itself stays a file of its own, since its log is long and the chain is to be walked quickly.

The ledger is written before the board: the board is a cache of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import msgspec

from harness.board.receipts import FORMAT, Disqualified, Kind, Receipt, Reinstated, Rescored, Rescoring, Scored
from harness.errors import BoardError, UsageError
from harness.workspace import OWNER_FILE, make_folder, sync_folder, write_atomic

START = "0" * 64  # stands where the first receipt would name the line before it
BLOCK = 1 << 16  # bytes read at once from the end
LONGEST_WHY = 200  # characters of a reason
E = TypeVar("E", bound=Receipt)


@dataclass(frozen=True)
class Line:
    """A line of the ledger, without its newline, as it stands there."""

    text: bytes

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.text).hexdigest()

    @cached_property
    def receipt(self) -> Receipt:
        """What the line says.

        Raises
        ------
        BoardError
            It is no receipt.
        """
        try:
            receipt = msgspec.json.decode(self.text, type=Kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BoardError(f"A line of the ledger is no receipt: {error}.", "Type: hemobench ledger audit") from error
        if receipt.format != FORMAT:
            raise BoardError(
                f"A receipt has format {receipt.format}, this version of hemobench reads {FORMAT}.",
                "Use the version of hemobench that wrote it.",
            )
        return receipt

    @property
    def score(self) -> Scored | None:
        """What the line says where it is the receipt of a score."""
        return self.receipt if isinstance(self.receipt, Scored) else None

    @classmethod
    def of(cls, receipt: Receipt) -> Line:
        """Write a receipt as a line: the same receipt gives the same bytes.

        Examples
        --------
        >>> receipt = Scored(
        ...     format=1, number=1, previous=START, entry=1, created_at="2026-05-04T12:00:00+00:00", name="a",
        ...     message="b", contest="c", lock="d", outcome="killed", zip_sha256="e", weights="none", scorer="f",
        ...     order=0, scores={}, predictions={}, card="cards/c/g.json", card_sha256="h", labels="",
        ...     labels_sha256="", environment={}, isolation="none", restrictions=(), missing_restrictions=(),
        ... )
        >>> Line.of(receipt).receipt == receipt
        True
        """
        return cls(msgspec.json.encode(receipt, order="deterministic"))


@contextlib.contextmanager
def only_writer(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the ledger at `path`, and the board with it, for writing; others wait their turn.

    Raises
    ------
    BoardError
        The workspace cannot be written.
    BlockingIOError
        Another process holds it, and `wait` is False.
    """
    lock = path.with_name(".ledger.lock")
    try:
        make_folder(lock.parent, private=True)
        file = lock.open("w")
    except OSError as error:
        raise BoardError(
            f"Cannot write the ledger {path}: {error.strerror}.", "Make room or rights, or choose another --workspace."
        ) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def read_lines(path: Path) -> tuple[list[Line], bytes]:
    """Return all lines, first to last, and what follows the last newline: a line torn by a power cut, else nothing."""
    try:
        *lines, torn = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return [], b""
    except OSError as error:
        raise _unreadable(path, error) from error
    return [Line(line) for line in lines], torn


def _unreadable(path: Path, error: OSError) -> BoardError:
    return BoardError(f"Cannot read the ledger {path}: {error.strerror or error}.", "See to its rights.")


def lines_from(path: Path, start: int = 0) -> Iterator[tuple[Line, int]]:
    """Yield the lines from the byte `start` on, and where each begins; a torn last line never was."""
    try:
        with path.open("rb", buffering=1 << 20) as file:
            file.seek(start)
            for content in file:
                if content.endswith(b"\n"):
                    yield Line(content[:-1]), start
                start += len(content)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unreadable(path, error) from error


def newest_lines(path: Path) -> Iterator[Line]:
    """Yield the lines from the last one back, reading no more of the file than is asked for; a torn one is left out."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        start = file.seek(0, os.SEEK_END)
        pending, torn = b"", True
        while start:
            size = min(BLOCK, start)
            start = file.seek(start - size)
            pending, *lines = (file.read(size) + pending).split(b"\n")
            for line in reversed(lines):
                if not torn:
                    yield Line(line)
                torn = False
        if not torn:
            yield Line(pending)


@dataclass(frozen=True)
class State:
    """What an entry was worth at one time: its receipt as it then stood, and whether its zip was run for it."""

    scored: Scored
    ran: bool = True


def states_newest_first(path: Path) -> Iterator[list[State]]:
    """Yield, for the scores from the last one back, what each is worth now, and was before: as it was recorded last."""
    since: dict[int, list[tuple[str, Rescoring]]] = {}
    for line in newest_lines(path):
        receipt = line.receipt
        if isinstance(receipt, Rescored):
            for one in receipt.entries:
                since.setdefault(one.entry, []).append((receipt.lock, one))
        elif isinstance(receipt, Scored):
            again = [State(receipt.rescored(*one), one[1].ran) for one in since.pop(receipt.entry, ())]
            yield [*again, State(receipt)]


def scores_newest_first(path: Path) -> Iterator[Scored]:
    """Yield the receipts of scores from the last one back, each as it stands since it was rescored last."""
    return (states[0].scored for states in states_newest_first(path))


def events(path: Path, *kinds: type[E]) -> Iterator[E]:
    """Yield the receipts of these kinds, of all contests, oldest first.

    They are few, and every verb asks for them: the bytes of other lines are passed over, not read as JSON.
    """
    starts = tuple(f'{{"kind":"{kind.__struct_config__.tag}",'.encode() for kind in kinds)
    for line, _ in lines_from(path):
        if line.text.startswith(starts):
            assert isinstance(line.receipt, kinds)
            yield line.receipt


def disqualified(path: Path) -> dict[int, Disqualified]:
    """Return the entries that are disqualified now, by id, each with the receipt that says why."""
    return fold_disqualified(events(path, Disqualified, Reinstated))


def fold_disqualified(receipts: Iterable[Receipt]) -> dict[int, Disqualified]:
    """Return the entries that are disqualified after these receipts, oldest first; see `disqualified`."""
    found: dict[int, Disqualified] = {}
    for receipt in receipts:
        if isinstance(receipt, Disqualified):
            found[receipt.entry] = receipt
        elif isinstance(receipt, Reinstated):
            found.pop(receipt.entry, None)
    return found


def checked_why(why: str, example: str) -> str:
    """Return a reason as it is put on record.

    Raises
    ------
    UsageError
        It is empty, longer than `LONGEST_WHY`, or not printable; `example` is one that is not.
    """
    if not why.strip() or not why.isprintable() or len(why) > LONGEST_WHY:
        raise UsageError(
            f"The reason {why!r} cannot be kept, expected 1 to {LONGEST_WHY} printable characters.",
            f'For instance: --why "{example}"',
        )
    return why.strip()


def append(path: Path, line: Line) -> int:
    """Add a line, make it durable, and return the byte where it begins: wholly, or not at all, by the `only_writer`.

    Raises
    ------
    BoardError
        The disk is full or cannot be written; the ledger is as it was.
    """
    try:
        new = not path.exists()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, OWNER_FILE), "ab", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            try:
                content = line.text + b"\n"
                while content:  # a disk that fills up takes a part, and fails at the next
                    content = content[file.write(content) :]
                os.fsync(file.fileno())
            except BaseException:
                file.truncate(size)
                raise
        if new:
            sync_folder(path.parent)
    except OSError as error:
        raise BoardError(
            f"Cannot write the receipt to {path}: {error.strerror or error}.",
            "Nothing was recorded. Make room or rights, then submit again.",
        ) from error
    return size


def set_torn_aside(path: Path) -> Path | None:
    """Move what follows the last newline into a file of its own, and return that file; None where nothing does.

    A line without its end was never reported: the machine stopped while it was written.
    """
    try:
        with path.open("r+b") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - 1))
            if file.read() in (b"", b"\n"):
                return None
            file.seek(0)
            content = file.read()
            whole = content.rfind(b"\n") + 1
            torn = content[whole:]
            aside = path.with_name(f"ledger.torn-{hashlib.sha256(torn).hexdigest()[:8]}.txt")
            write_atomic(aside, torn, private=True)
            file.truncate(whole)
            os.fsync(file.fileno())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BoardError(
            f"Cannot repair the ledger {path}: {error.strerror or error}.", "Make room or rights, then try again."
        ) from error
    return aside
