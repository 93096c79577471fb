"""A frozen contest as later steps see it: a handle that reads files when asked for them."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from harness.contest import Contest
from harness.errors import WorkspaceError
from harness.freeze.lock import Lock, read_lock
from harness.workspace import Workspace

if TYPE_CHECKING:  # NumPy is imported where an array is read: the leaderboard reads the lock alone
    import numpy as np
    from numpy.typing import NDArray

PublicSplit = Literal["train", "val", "val_shifted", "removed"]
PUBLIC_SPLITS: tuple[PublicSplit, ...] = ("train", "val", "val_shifted")
LOCK = "contest.lock.json"


@dataclass(frozen=True)
class LabelledImages:
    """Pictures of shape (n, h, w, 3), uint8, with labels of shape (n,), int64."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Frozen:
    """A handle on one frozen contest; its arrays are read when asked for."""

    folder: Path

    @cached_property
    def _read(self) -> tuple[Lock, str]:
        path = self.folder / LOCK
        try:
            return read_lock(path)
        except (msgspec.MsgspecError, KeyError) as error:
            raise WorkspaceError(
                f"{path} is damaged, or was written by another version of hemobench: {error}.",
                "Freeze the contest again: hemobench freeze --contest NAME",
            ) from error

    @property
    def lock(self) -> Lock:
        return self._read[0]

    @property
    def contest(self) -> Contest:
        return self.lock.contest

    @property
    def lock_hash(self) -> str:
        """SHA-256 of the contest's content, 64 hex digits."""
        return self._read[1]

    def load(self, split: PublicSplit) -> LabelledImages:
        """Read a public split.

        Raises
        ------
        WorkspaceError
            Its file is missing or damaged.
        """
        arrays = read_arrays(self.folder / "public" / f"{split}.npz")
        return LabelledImages(arrays["images"], arrays["labels"])

    def hidden_images(self) -> NDArray[np.uint8]:
        """Read the hidden pictures, without their labels."""
        return read_arrays(self.folder / "private" / "hidden.npz")["images"]


def read_arrays(path: Path) -> dict[str, NDArray]:
    """Read all arrays of an ``.npz`` file.

    Raises
    ------
    WorkspaceError
        The file is missing or damaged.
    """
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except FileNotFoundError:
        raise WorkspaceError(f"{path} is missing.", "Freeze the contest again: hemobench freeze") from None
    except (OSError, ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile) as error:
        raise WorkspaceError(f"{path} is damaged: {error}.", "See: hemobench verify") from error


def open_frozen(workspace: Workspace, name: str | None = None) -> Frozen:
    """Return the freeze in force of contest `name`, or of the active contest.

    Raises
    ------
    WorkspaceError
        Nothing is frozen under that name.
    """
    name = name or workspace.active()
    if name is None:
        raise WorkspaceError(
            f"No contest is frozen in {workspace.path}.", "Type: hemobench freeze --contest blood-cells"
        )
    current = workspace.contest(name) / "current"
    if not (current / LOCK).is_file():
        raise WorkspaceError(
            f"Contest {name!r} is not frozen in {workspace.path}.", f"Type: hemobench freeze --contest {name}"
        )
    return Frozen(current.resolve())
