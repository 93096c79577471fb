"""A frozen contest whose files were damaged or replaced: it is read, or said to be damaged, by every step after it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import api
from harness.analysis.predictions import diagnose
from harness.freeze.frozen import LOCK, Frozen, read_arrays
from harness.freeze.hashing import hash_file
from harness.freeze.lock import read_lock
from tests.fuzz.conftest import do_all
from tests.fuzz.mutations import DEEP, TEXT, damaged, other_document

ARRAYS = ("public/train.npz", "public/val.npz", "public/val_shifted.npz", "private/hidden.npz", "private/labels.npz")


@pytest.fixture
def workspace(target, tiny_workspace) -> Path:
    """A workspace of the test's own, with a kept card's predictions beside it."""
    place = target.folder / "workspace"
    shutil.copytree(tiny_workspace, place, symlinks=True)
    frozen = api.open_contest(place)
    counts = {split: sum(frozen.lock.counts[split].values()) for split in ("val", "val_shifted", "public", "private")}
    np.savez(place / "predicted.npz", **{split: np.zeros(n, np.int64) for split, n in counts.items()})
    return place


@contextlib.contextmanager
def changed(path: Path, content: bytes) -> Iterator[None]:
    original = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(original)


def read_everything(workspace: Path) -> None:
    """Do what later steps do with a frozen contest; each may end in an error for people."""
    steps: list[Callable[[], object]] = [
        lambda: api.open_contest(workspace).lock.digest,
        lambda: api.verify(workspace),
        *(lambda split=split: api.open_contest(workspace).load(split) for split in ("train", "val", "val_shifted")),
        lambda: api.open_contest(workspace).hidden_images(),
        lambda: diagnose(api.open_contest(workspace), read_arrays(workspace / "predicted.npz")),
        lambda: api.leaderboard(workspace),
    ]
    do_all(steps)


@given(data=st.data())
def test_a_changed_lock_is_read_or_refused(target, workspace, data):
    lock = api.open_contest(workspace).folder / LOCK
    original = lock.read_bytes()
    content = data.draw(
        st.one_of(
            other_document(original),
            damaged(original),
            DEEP.map(lambda deep: original[:-3] + b', "more": ' + b"[" * deep + b"\n}\n"),
            st.sampled_from([b"", b"null", b"[]", b'"digest"', b"{}", b'{"digest": 1}']),
        )
    )
    with changed(lock, content), target.case():
        read_everything(workspace)


@given(data=st.data())
def test_a_changed_array_is_read_or_refused(target, workspace, data):
    path = api.open_contest(workspace).folder / data.draw(st.sampled_from(ARRAYS))
    original = path.read_bytes()
    content = data.draw(damaged(original) | damaged(original[-900:]).map(lambda end: original[:-900] + end))
    with changed(path, content), target.case():
        read_everything(workspace)


OTHER_ARRAYS = st.sampled_from(
    [
        {"images": np.zeros((3, 24, 24, 3), np.uint8)},
        {"labels": np.zeros(3, np.int64)},
        {"images": np.zeros(3), "labels": np.zeros((3, 3)), "public": np.zeros(3)},
        {"labels": np.full(9, 99), "public": np.ones(9, bool)},
        {"labels": np.full(9, -99), "public": np.ones(9, bool), "images": np.zeros((9, 24, 24, 3))},
        {"labels": np.array(["platelet"] * 9), "public": np.ones(9, bool)},
        {"labels": np.array(1), "public": np.array(True), "images": np.array(1)},
        {"val": np.zeros(13), "public": np.zeros((14, 2)), "private": np.array(["a"] * 13)},
        {},
    ]
)


@given(name=st.sampled_from([*ARRAYS, "card.npz"]), other=OTHER_ARRAYS)
def test_other_arrays_in_a_file_are_refused_also_where_the_lock_was_made_to_fit(target, workspace, name, other):
    folder = api.open_contest(workspace).folder
    path = workspace / name if name == "card.npz" else folder / name
    original, lock = path.read_bytes(), (folder / LOCK).read_bytes()
    np.savez(path, **other)
    expected = read_lock(folder / LOCK)[0].files.get(name, "")
    (folder / LOCK).write_bytes(lock.replace(expected.encode() or b"\0", hash_file(path).encode()))
    try:
        with target.case():
            read_everything(workspace)
    finally:
        path.write_bytes(original)
        (folder / LOCK).write_bytes(lock)


@given(content=st.one_of(TEXT.map(str.encode), st.binary(max_size=20), damaged(b"tiny\n"), st.just(b"x" * 70_000)))
def test_any_active_file_names_a_contest_or_is_refused(target, workspace, content):
    with changed(workspace / "active", content), target.case():
        read_everything(workspace)
        assert api.open_contest(workspace).contest.name == "tiny"


@given(points_to=st.sampled_from(["", "nowhere", "current", "..", "../../..", "../../active", "/dev", "/etc"]) | TEXT)
def test_wherever_the_link_to_the_current_freeze_points_the_contest_is_read_or_refused(target, workspace, points_to):
    link = workspace / "contests" / "tiny" / "current"
    whole = link.readlink()
    link.unlink()
    with contextlib.suppress(OSError, ValueError):
        link.symlink_to(points_to)
    try:
        with target.case():
            read_everything(workspace)
    finally:
        link.unlink(missing_ok=True)
        link.symlink_to(whole)


@given(name=TEXT)
def test_any_name_of_a_contest_is_known_or_refused(target, workspace, name):
    with target.case():
        assert isinstance(api.open_contest(workspace, name), Frozen)
