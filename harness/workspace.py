"""The folder in which everything that is made lives: frozen contests, runs, zips, the board."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from harness.errors import WorkspaceError


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
    def scratch(self) -> Path:
        return self.path / "scratch"

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

    def active(self) -> str | None:
        """Return the name of the contest that was frozen or chosen last, or None."""
        try:
            return (self.path / "active").read_text().strip() or None
        except FileNotFoundError:
            return None

    def activate(self, name: str) -> None:
        write_atomic(self.path / "active", f"{name}\n".encode())


def write_atomic(path: Path, content: bytes) -> None:
    """Write `content` so that a reader sees the old file or the new one, also after a power cut.

    Raises
    ------
    WorkspaceError
        The folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise WorkspaceError(
            f"Cannot write {path}: {error.strerror}.", "Make room or rights, or choose another --workspace."
        ) from error


def sync_folder(path: Path) -> None:
    """Make renames inside a folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
