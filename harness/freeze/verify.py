"""Recompute everything a lock states, and name what differs."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.contest import SHIPPED
from harness.errors import WorkspaceError
from harness.freeze.frozen import LOCK, PUBLIC_SPLITS, Frozen, read_arrays
from harness.freeze.hashing import hash_array, hash_file
from harness.freeze.lock import ArrayHash, Lock, Written, current_versions, read_lock


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not as the lock states it."""

    what: str  # a file, or the name of a library
    got: str
    expected: str


def verify(frozen: Frozen) -> list[Difference]:
    """Compare a frozen contest with its lock: files, arrays, counts, rights, versions, and the lock itself.

    Returns
    -------
    list of Difference
        Empty when nothing differs.

    Raises
    ------
    WorkspaceError
        The lock cannot be read: then there is nothing to compare with.
    """
    folder = frozen.folder
    try:
        lock, written = read_lock(folder / LOCK)
    except (OSError, msgspec.MsgspecError) as error:
        raise WorkspaceError(f"{folder / LOCK} cannot be read: {error}.", "Freeze the contest again.") from error
    return [
        *_lock_itself(lock, written),
        *_files(folder, lock),
        *_counts(folder, lock),
        *_rights(folder),
        *_versions(lock),
    ]


def _lock_itself(lock: Lock, written: Written) -> list[Difference]:
    differences = []
    for name in ("digest", "rules_digest"):
        got, expected = getattr(lock, name), getattr(written, name)
        if got != expected:
            differences.append(Difference(f"{LOCK}: {name}", got[:12], expected[:12]))
    published = SHIPPED / f"{lock.contest.name}.lock.json"
    if published.is_file():
        theirs, told = read_lock(published)
        if theirs.contest.identity == lock.contest.identity and told.digest != lock.digest:
            differences.append(
                Difference(f"{LOCK}: digest published for {lock.contest.name}", lock.digest[:12], told.digest[:12])
            )
    return differences


def _files(folder: Path, lock: Lock) -> list[Difference]:
    differences = []
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {LOCK}
    for name in sorted(present - set(lock.files)):
        differences.append(Difference(name, "a file", "no such file in the lock"))
    for name, expected in lock.files.items():
        if name not in present:
            differences.append(Difference(name, "missing", f"a file with SHA-256 {expected[:12]}…"))
        elif (got := hash_file(folder / name)) != expected:
            differences.append(Difference(name, f"SHA-256 {got[:12]}…", f"{expected[:12]}…"))
    # The digest states what the arrays hold and not the files' bytes, which differ between machines: whoever changes
    # a file could change its hash in the lock, too.
    for name in sorted(present & lock.arrays.keys()):
        differences += _arrays(folder, name, lock)
    return differences


def _arrays(folder: Path, name: str, lock: Lock) -> list[Difference]:
    """Say which array of a file differs, where that can be read."""
    expected = lock.arrays[name]
    try:
        arrays = read_arrays(folder / name)
    except WorkspaceError as error:
        return [Difference(name, f"unreadable ({error.__cause__})", "an .npz file")]
    differences = []
    for key in sorted(expected.keys() | arrays.keys()):
        got = hash_array(arrays[key]) if key in arrays else None
        if got != expected.get(key):
            differences.append(Difference(f"{name}: {key}", _say(got), _say(expected.get(key))))
    return differences


def _say(array: ArrayHash | None) -> str:
    return "no such array" if array is None else f"{array.dtype} {array.shape} {array.sha256[:12]}…"


def _counts(folder: Path, lock: Lock) -> list[Difference]:
    frozen = Frozen(folder)
    try:
        labels: dict[str, NDArray[np.int64]] = {name: frozen.load(name).labels for name in PUBLIC_SPLITS}
        if not lock.from_kit:
            hidden, public = frozen.hidden_labels()
            labels |= {"public": hidden[public], "private": hidden[~public]}
    except WorkspaceError:
        return []  # the array's own difference has been named already
    differences = _groups(folder, lock)
    for split in sorted(labels if lock.from_kit else labels.keys() | lock.counts.keys()):
        found, expected = labels.get(split, np.empty(0, np.int64)), lock.counts.get(split, {})
        counts = {name: int((found == number).sum()) for number, name in enumerate(lock.contest.class_names)}
        counts["no class"] = len(found) - sum(counts.values())
        for name in sorted(counts.keys() | expected.keys()):
            if counts.get(name, 0) != expected.get(name, 0):
                what = f"{split}: images of {name}"
                differences.append(Difference(what, str(counts.get(name, 0)), str(expected.get(name, 0))))
    return differences


def _groups(folder: Path, lock: Lock) -> list[Difference]:
    if not lock.groups:
        return []

    def read(name: str) -> NDArray:
        return read_arrays(folder / name).get("groups", np.empty(0, np.str_))

    names: dict[str, NDArray] = {split: read(f"public/{split}.npz") for split in PUBLIC_SPLITS}
    if not lock.from_kit:
        hidden, (_, public) = read("private/labels.npz"), Frozen(folder).hidden_labels()
        if len(hidden) == len(public):
            names |= {"public": hidden[public], "private": hidden[~public]}
    counts = {split: len(np.unique(of)) for split, of in names.items()}
    return [
        Difference(f"{split}: groups", str(counts.get(split, 0)), str(lock.groups.get(split, 0)))
        for split in sorted(counts if lock.from_kit else counts.keys() | lock.groups.keys())
        if counts.get(split, 0) != lock.groups.get(split, 0)
    ]


def _rights(folder: Path) -> list[Difference]:
    mode = stat.S_IMODE((folder / "private").stat().st_mode) if (folder / "private").is_dir() else 0o700
    return [] if mode == 0o700 else [Difference("private/: mode", f"{mode:04o}", "0700")]


def _versions(lock: Lock) -> list[Difference]:
    now = current_versions()
    return [
        Difference(f"version of {name}", now.get(name, "missing"), expected)
        for name, expected in lock.versions.items()
        if now.get(name) != expected
    ]
