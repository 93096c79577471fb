"""The folder in which everything that is made lives: frozen contests, runs, zips, the board."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import BinaryIO

from harness.errors import DISK_REMEDY, WorkspaceError
from harness.tree import temporary_folder

PART = ".hemobench-part"  # ends the name of a file that is being written
OWNER_FILE, OWNER_FOLDER = 0o600, 0o700  # modes of what holds hidden labels or scores

# What a repository of a workspace holds: text. Images and zips stay outside, and are known by the hashes in it. A
# ledger has one owner: Git leaves it as it is on the branch that is merged into, and says that it conflicts.
GIT_FILES = {
    ".gitignore": (
        "# Written once by hemobench; yours to change. Text alone, for its owner alone: hidden scores are in it.\n"
        "*\n!*/\n!/.git*\n!/contests.d/*.toml\n!/contests/*/*/contest.lock.json\n"
        "!/ledger.jsonl\n!/cards/*/*.json\n!/closed/*/*.json\n!/finals/*/*.json\n"
    ),
    ".gitattributes": "/ledger.jsonl -merge\n",
}


@dataclass(frozen=True)
class Workspace:
    """Paths inside one workspace folder; nothing is created by asking for a path."""

    path: Path

    @property
    def own_contests(self) -> Path:
        """Contest files of this workspace, beside those shipped."""
        return self.path / "contests.d"

    @property
    def board(self) -> Path:
        return self.path / "board.sqlite3"

    @property
    def ledger(self) -> Path:
        return self.path / "ledger.jsonl"

    @property
    def roster(self) -> Path:
        """Who is in the class, as the table was handed in."""
        return self.path / "roster.csv"

    @property
    def scratch(self) -> Path:
        return self.path / "scratch"

    @property
    def runtimes(self) -> Path:
        """Environments that were built for entries."""
        return self.path / "runtimes"

    @property
    def kept_runs(self) -> Path:
        """Answers of entries, by all that they hang on; whoever removes the folder has them run again."""
        return self.path / "kept"

    @property
    def downloads(self) -> Path:
        return self.path / "downloads"

    def contest(self, name: str) -> Path:
        """The folder of one contest: a folder per freeze, and ``current``, which points to the last."""
        return self.path / "contests" / name

    def runs(self, contest: str) -> Path:
        return self.path / "runs" / contest

    def zips(self) -> Path:
        return self.path / "zips"

    def cards(self, contest: str) -> Path:
        return self.path / "cards" / contest

    def closed(self, contest: str, lock: str) -> Path:
        """The file that says when a frozen contest was closed, and what counted."""
        return self.path / "closed" / contest / f"{lock[:12]}.json"

    def finals(self, contest: str, lock: str) -> Path:
        """The file of the entries that teams chose to count at the close."""
        return self.path / "finals" / contest / f"{lock[:12]}.json"

    def active(self) -> str | None:
        """Return the name of the contest that was frozen or chosen last, or None."""
        try:
            return (self.path / "active").read_text(encoding="utf-8", errors="replace").strip() or None
        except FileNotFoundError:
            return None

    def activate(self, name: str) -> None:
        write_atomic(self.path / "active", f"{name}\n".encode())

    def write_git_files(self) -> None:
        """Say to Git what of the workspace it may hold, unless its owner has said so."""
        for name, text in GIT_FILES.items():
            if not (self.path / name).exists():
                write_atomic(self.path / name, text.encode())


@contextlib.contextmanager
def scratch_of(workspace: Workspace) -> Iterator[Path]:
    """Give the scratch of a workspace, or one among the system's temporary files where the workspace is read-only."""
    if not workspace.path.exists() or os.access(workspace.path, os.W_OK):
        yield workspace.scratch
        return
    with temporary_folder("hemobench-scratch-") as folder:
        yield folder


def write_atomic(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write `content` so that a reader sees the old file or the new one, also after a power cut.

    What is `private`, since it holds hidden labels or scores, is for its owner alone, and so are folders made for it.

    Raises
    ------
    WorkspaceError
        The folder cannot be written.
    """
    with atomic_file(path, private=private) as file:
        file.write(content)


@contextlib.contextmanager
def atomic_file(path: Path, *, remedy: str = DISK_REMEDY, private: bool = False) -> Iterator[BinaryIO]:
    """Give a file that takes the place of `path` when the block ends well: whole and durable, or not at all.

    A part that a killed process has left in the folder is removed by the next one that writes there: who writes holds
    a lock on its part, and the kernel drops that lock with the process.

    Raises
    ------
    WorkspaceError
        The folder cannot be written, or the disk is full.
    """
    part = None
    try:
        make_folder(path.parent, private=private)
        _sweep_parts(path.parent)
        with _locked_part(path.parent, OWNER_FILE if private else 0o666) as file:
            part = Path(file.name)
            yield file
            file.flush()
            os.fsync(file.fileno())
            part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise WorkspaceError(f"Cannot write {path}: {error.strerror or error}.", remedy) from error
    finally:
        if part:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


def _locked_part(folder: Path, mode: int) -> BinaryIO:
    while True:
        part = folder / f".{secrets.token_hex(8)}{PART}"
        file = open(part, "xb", opener=lambda name, flags: os.open(name, flags, mode))  # noqa: SIM115
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # swept by another process before it was locked


def _sweep_parts(folder: Path) -> None:
    for part in folder.glob(f".*{PART}"):
        # Its writer lives and holds the lock, or another process sweeps too.
        with contextlib.suppress(OSError), part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()


def move_durably(source: Path, target: Path) -> None:
    """Give a file of the same disk another name, in whose place it is then found whole, also after a power cut."""
    with source.open("rb") as file:
        os.fsync(file.fileno())
    source.replace(target)
    sync_folder(target.parent)


def make_folder(path: Path, *, private: bool = False) -> None:
    """Make a folder and its parents where they are missing, durably: what is synced in it is then found again."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(OWNER_FOLDER if private else 0o777, exist_ok=True)  # another process may be as quick
        sync_folder(folder.parent)


def sync_folder(path: Path) -> None:
    """Make renames inside a folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def free_place(folder: Path, stem: str) -> Path:
    """Return a name that no card has: a clock that was set back may tell the same moment twice."""
    names = (folder / f"{stem}{f'-{n}' if n > 1 else ''}.json" for n in count(1))
    return next(path for path in names if not path.exists() and not path.with_suffix(".npz").exists())
