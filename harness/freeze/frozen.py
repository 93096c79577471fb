"""A frozen contest as later steps see it: a handle that reads files when asked for them."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from harness.contest import NAME, OWNER_STATES, Contest, with_rules
from harness.errors import WorkspaceError
from harness.freeze.lock import Lock, Written, read_lock
from harness.workspace import Workspace

if TYPE_CHECKING:  # NumPy is imported where an array is read: the leaderboard reads the lock alone
    import numpy as np
    from numpy.typing import NDArray

PublicSplit = Literal["train", "val", "val_shifted", "removed"]
PUBLIC_SPLITS: tuple[PublicSplit, ...] = ("train", "val", "val_shifted")
LOCK = "contest.lock.json"


@dataclass(frozen=True)
class LabelledImages:
    """Images of shape (n, h, w, 3), uint8, with labels of shape (n,), int64."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Frozen:
    """A handle on one frozen contest; its arrays are read when asked for.

    Attributes
    ----------
    folder : Path
    changes : mapping of str to object
        Rules that differ from those of the lock, by name: `contest` has them, `lock` is as it was frozen.
    """

    folder: Path
    changes: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @cached_property
    def _read(self) -> tuple[Lock, Written]:
        path = self.folder / LOCK
        try:
            return read_lock(path)
        except (OSError, msgspec.MsgspecError) as error:
            raise WorkspaceError(
                f"{path} is damaged, or was written by another version of hemobench: {error}.",
                "Freeze the contest again: hemobench freeze --contest NAME",
            ) from error

    @property
    def lock(self) -> Lock:
        return self._read[0]

    @cached_property
    def contest(self) -> Contest:
        return with_rules(self.lock.contest, self.changes) if self.changes else self.lock.contest

    @property
    def lock_hash(self) -> str:
        """SHA-256 of the contest's content, 64 hex digits."""
        return self._read[1].digest

    def source_text(self, name: str) -> str:
        """Return the licence or citation of the images, where the contest file has none what the source says."""
        return str(getattr(self.contest.source, name, None) or self.lock.source.get(name, OWNER_STATES))

    def load(self, split: PublicSplit) -> LabelledImages:
        """Read a public split.

        Raises
        ------
        WorkspaceError
            Its file is missing or damaged.
        """
        path = self.folder / "public" / f"{split}.npz"
        arrays = read_arrays(path, images=("uint8", 4), labels=("int64", 1))
        if len(arrays["images"]) != len(arrays["labels"]):
            raise _damaged(path, f"images: {len(arrays['images'])}, labels: {len(arrays['labels'])}")
        return LabelledImages(arrays["images"], arrays["labels"])

    def must_have_hidden(self) -> None:
        """Raise a `WorkspaceError` where the hidden test is with the organiser alone."""
        if self.lock.from_kit:
            raise WorkspaceError(
                f"{self.contest.name} was made from a kit, which has no hidden test.",
                "Scored at home are validation and shifted validation: hemobench score ZIP. For the rest send the zip "
                "to the organiser.",
            )

    def hidden_images(self) -> NDArray[np.uint8]:
        """Read the hidden images, without their labels.

        Raises
        ------
        WorkspaceError
            They are damaged, or not here, as in a contest of a kit.
        """
        self.must_have_hidden()
        return read_arrays(self.folder / "private" / "hidden.npz", images=("uint8", 4))["images"]

    def hidden_ids(self) -> NDArray[np.str_]:
        """Read the ids of the hidden images; none where the hidden test is not here."""
        import numpy as np

        if self.lock.from_kit:
            return np.empty(0, np.str_)
        return read_arrays(self.folder / "private" / "labels.npz")["ids"]

    def hidden_labels(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Read the labels of the hidden images, and which of them are in the public half; else as `hidden_images`."""
        self.must_have_hidden()
        path = self.folder / "private" / "labels.npz"
        arrays = read_arrays(path, labels=("int64", 1), public=("bool", 1))
        if len(arrays["labels"]) != len(arrays["public"]):
            raise _damaged(path, "its arrays are of unequal length")
        return arrays["labels"], arrays["public"]

    def groups(self) -> dict[str, NDArray[np.intp]]:
        """Return the group of each image by number, shape (n,), for each split here but ``train``; empty without any.

        Numbers of the two halves of the hidden test are different ones.
        """
        import numpy as np

        if not self.lock.groups:
            return {}

        def read(name: str) -> NDArray[np.intp]:
            path = self.folder / name
            arrays = read_arrays(path, labels=("int64", 1))
            if len(arrays.get("groups", ())) != len(arrays["labels"]):
                raise _damaged(path, "it has no group for each image")
            return np.unique(arrays["groups"], return_inverse=True)[1].astype(np.intp)

        val = read("public/val.npz")
        found = {"val": val, "val_shifted": val}
        if not self.lock.from_kit:
            _, public = self.hidden_labels()
            hidden = read("private/labels.npz")
            found |= {"public": hidden[public], "private": hidden[~public]}
        return found


def frozen_names(workspace: Workspace) -> list[str]:
    """Return the names of the contests that are frozen in a workspace, in alphabetical order."""
    return sorted(link.parent.name for link in workspace.path.glob("contests/*/current") if link.exists())


def find_freeze(workspace: Workspace, contest: str, lock: str) -> Frozen | None:
    """Return the freeze with this lock, also where a later one is in force; None where it is not here."""
    if NAME.fullmatch(contest):  # it would be a path
        for folder in sorted(workspace.contest(contest).glob(f"{glob.escape(lock[:12])}*")):
            if (folder / LOCK).is_file() and Frozen(folder).lock_hash == lock:
                return Frozen(folder)
    return None


def read_arrays(path: Path, **expected: tuple[str, int]) -> dict[str, NDArray]:
    """Read all arrays of an ``.npz`` file.

    Parameters
    ----------
    path : Path
    expected : tuple of str and int
        By key, the dtype and the number of axes of an array that must be there.

    Raises
    ------
    WorkspaceError
        The file is missing or damaged, or an array is not as expected.
    """
    import numpy as np

    from harness.sources.npz import DAMAGED, UNREADABLE

    try:
        # Opened here, since NumPy leaves open what turns out to be no whole zip.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except FileNotFoundError:
        raise WorkspaceError(f"{path} is missing.", "Freeze the contest again: hemobench freeze") from None
    except (*DAMAGED, *UNREADABLE, KeyError) as error:
        raise _damaged(path, str(error)) from error
    for key, (dtype, ndim) in expected.items():
        found = arrays.get(key)
        if found is None or found.dtype != dtype or found.ndim != ndim:
            what = "no such array" if found is None else f"{found.dtype} of shape {found.shape}"
            raise _damaged(path, f"{key} is {what}, expected {dtype} with {ndim} axes")
    return arrays


def _damaged(path: Path, why: str) -> WorkspaceError:
    return WorkspaceError(f"{path} is damaged: {why}.", "See: hemobench verify")


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
            f"No contest is frozen in {workspace.path}.",
            "Type: hemobench freeze --contest blood-cells; of an organiser's starting kit: hemobench freeze --kit DIR",
        )
    if not NAME.fullmatch(name):  # it would be a path
        raise WorkspaceError(f"{name[:80]!r} is no name of a contest.", "See: hemobench contest list")
    current = workspace.contest(name) / "current"
    try:
        folder = (current / LOCK).resolve(strict=True).parent
    except (OSError, RuntimeError):  # RuntimeError: links that lead in a circle
        raise WorkspaceError(
            f"Contest {name!r} is not frozen in {workspace.path}.", f"Type: hemobench freeze --contest {name}"
        ) from None
    return Frozen(folder)
