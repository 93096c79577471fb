"""A board is scored again after a repaired freeze: from what entries had answered, and nothing of before is lost."""

import shutil

import msgspec
import numpy as np
import pytest

from harness import api
from harness.board.audit import audit
from harness.freeze.hashing import hash_array, hash_file
from harness.freeze.lock import write_lock
from harness.freeze.store import put_in_force
from harness.score.evaluate import labels_of
from tests.conftest import CommandLine

WHY = "three labels were wrong"
FILES = ("public/train.npz", "public/val.npz", "public/val_shifted.npz", "private/hidden.npz", "private/labels.npz")


def repaired(desk, edit, **contest):
    """Freeze the contest of a desk anew, its arrays as `edit` leaves them, by file, then by key."""
    old = desk.frozen

    def write(building):
        shutil.copytree(old.folder, building, dirs_exist_ok=True)
        arrays = {name: dict(np.load(building / name)) for name in FILES}
        edit(arrays)
        for name, content in arrays.items():
            np.savez(building / name, allow_pickle=False, **content)
        lock = msgspec.structs.replace(
            old.lock,
            contest=msgspec.structs.replace(old.lock.contest, **contest),
            arrays={name: {key: hash_array(one) for key, one in of.items()} for name, of in arrays.items()},
            files=old.lock.files | {name: hash_file(building / name) for name in FILES},
        )
        write_lock(lock, building / "contest.lock.json")
        return lock

    return put_in_force(desk.workspace, old.contest.name, write)


def three_wrong(arrays):
    """Three public hidden images, one of each of the first classes, get the label of the next class."""
    labels, public = arrays["private/labels.npz"]["labels"], arrays["private/labels.npz"]["public"]
    rows = np.flatnonzero(public)[:3]
    labels[rows] = (labels[rows] + 1) % 8


@pytest.fixture
def board(desk):
    """Two entries: the first is right by the labels of today, the second by those that are wrong in three images."""
    truth = {split: y_true for split, (_, y_true) in labels_of(desk.frozen).items()}
    right = truth | {"public": truth["public"].copy()}
    right["public"][:3] = (right["public"][:3] + 1) % 8
    desk.record("ada", said=right, number=1)
    desk.record("bob", said=truth, number=2)
    desk.record("cy", number=3, outcome="load_failed", why="no file")
    return desk


def found_by_audit(desk):
    """What an audit finds; entries of a desk have no zips."""
    return [one.what for one in audit(desk.workspace).findings if not one.what.startswith("zips/")]


def ranks(desk, **terms):
    return [(one.rank, one.entry.id, one.note) for one in api.leaderboard(desk.workspace.path, **terms).standings]


def test_entries_are_carried_over_to_repaired_labels_and_the_better_one_leads(board):
    before = ranks(board)
    assert before == [(1, 2, ""), (2, 1, ""), (None, 3, "not scored")]
    repaired(board, three_wrong)
    assert ranks(board) == []
    hemobench = CommandLine(board.workspace.path)
    receipts, cards = board.workspace.ledger.read_bytes(), sorted(board.workspace.path.rglob("cards/*/*"))
    told = hemobench("contest", "rescore", "--why", WHY, "--dry-run")
    assert "3 hidden images" in told.stdout and "ada" in told.stdout
    assert board.workspace.ledger.read_bytes() == receipts
    assert sorted(board.workspace.path.rglob("cards/*/*")) == cards and ranks(board) == []
    done = msgspec.json.decode(hemobench("contest", "rescore", "--why", WHY, "--json").stdout)
    n = len(labels_of(board.frozen)["public"][1])
    assert [(one["entry"], one["rank"], one["how"]) for one in done["changed"]] == [
        (1, [2, 1], "kept predictions"),
        (2, [1, 2], "kept predictions"),
        (3, [None, None], "kept predictions"),
    ]
    assert done["changed"][0]["score"] == [pytest.approx(1 - 3 / n), 1.0]
    assert ranks(board) == [(1, 1, ""), (2, 2, ""), (None, 3, "not scored")]
    assert all(path.exists() for path in cards)
    assert found_by_audit(board) == []
    board.workspace.board.unlink()
    assert ranks(board) == [(1, 1, ""), (2, 2, ""), (None, 3, "not scored")]
    assert found_by_audit(board) == []
    assert "nothing to rescore" in hemobench("contest", "rescore", "--why", WHY).stderr
