"""The board, its ledger and the kept cards, damaged or changed by hand: read, made again, or said to be damaged."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import api
from tests.fuzz.conftest import do_all
from tests.fuzz.mutations import DEEP, TEXT, damaged, other_document

MODELS = {
    "zero": "class Model:\n    def predict(self, X):\n        return [0] * len(X)\n",
    "light": "class Model:\n    def predict(self, X):\n        return X.mean((1, 2, 3)).astype(int) % 8\n",
    "broken": "raise ValueError('no')\n",
}


@pytest.fixture(scope="module")
def board_workspace(tmp_path_factory, tiny_workspace) -> Path:
    """A workspace with three entries on its board; to be copied, not written."""
    place = tmp_path_factory.mktemp("board")
    shutil.copytree(tiny_workspace, place / "workspace", symlinks=True)
    for name, content in MODELS.items():
        with zipfile.ZipFile(place / f"{name}.zip", "w") as archive:
            archive.writestr(zipfile.ZipInfo("model.py"), content)
        api.submit(place / "workspace", str(place / f"{name}.zip"), f"the entry {name}")
    assert [row.entry.name for row in api.leaderboard(place / "workspace").standings][-1] == "broken"
    return place / "workspace"


def fresh(target, board_workspace: Path) -> Path:
    shutil.rmtree(target.folder)
    shutil.copytree(board_workspace, target.folder, symlinks=True)
    return target.folder


def use(workspace: Path) -> None:
    """Audit the board, look at it, and make it again; each may end in an error for people."""
    steps: list[Callable[[], object]] = [lambda: api.audit(workspace), lambda: api.leaderboard(workspace)]
    steps += [(workspace / "board.sqlite3").unlink, lambda: api.leaderboard(workspace, reveal_private=True)]
    do_all(steps)


@given(data=st.data())
def test_any_bytes_in_place_of_the_board_are_read_or_refused(target, board_workspace, data):
    path = fresh(target, board_workspace) / "board.sqlite3"
    whole = path.read_bytes()
    path.write_bytes(data.draw(damaged(whole) | damaged(whole, keep=100) | st.binary(max_size=200)))
    with target.case():
        use(target.folder)


CELLS = st.one_of(TEXT, st.binary(max_size=9), st.integers(-(2**63), 2**63 - 1), st.floats(), st.none())
COLUMNS = [
    *(("entries", name) for name in ("id", "name", "message", "contest", "lock", "outcome", "zip_sha256", "weights")),
    *(("entries", name) for name in ("created_at", "receipt", "recipe", "seed", "precision", "withheld")),
    *(("scores", name) for name in ("entry", "split", "metric", "value", "low", "high", "n")),
]
STATEMENTS = [
    "DROP TABLE scores",
    "DROP TABLE entries",
    "DROP TABLE head",
    "DELETE FROM head",
    "INSERT INTO head SELECT * FROM head",
    "UPDATE head SET start = start + 1",
    "UPDATE head SET start = -1",
    "UPDATE head SET number = 1",
    "DELETE FROM entries",
    "DELETE FROM scores WHERE split = 'val'",
    "PRAGMA user_version = 0",
    "PRAGMA user_version = 1",
    "PRAGMA user_version = 99",
    "ALTER TABLE entries RENAME COLUMN name TO title",
    "CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries; END",
    "INSERT INTO scores SELECT entry, 'other', metric, value, low, high, n, n_groups FROM scores WHERE split = 'val'",
]


@given(
    changes=st.lists(st.tuples(st.sampled_from(COLUMNS), CELLS), max_size=2), more=st.sampled_from(["", *STATEMENTS])
)
def test_a_board_that_was_changed_by_hand_is_read_or_refused(target, board_workspace, changes, more):
    path = fresh(target, board_workspace) / "board.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as board:
        for (table, column), cell in changes:
            with contextlib.suppress(sqlite3.Error, UnicodeEncodeError), board:
                board.execute(
                    f"UPDATE {table} SET {column} = ? WHERE rowid IN (SELECT max(rowid) FROM {table})", [cell]
                )
        with contextlib.suppress(sqlite3.Error), board:
            board.execute(more)
    with target.case():
        use(target.folder)


@given(data=st.data())
def test_a_changed_ledger_is_read_or_refused(target, board_workspace, data):
    path = fresh(target, board_workspace) / "ledger.jsonl"
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    other = data.draw(
        st.one_of(
            damaged(whole),
            other_document(lines[-1]).map(lambda line: b"".join(lines[:-1]) + line + b"\n"),
            other_document(lines[0]).map(lambda line: line + b"\n" + b"".join(lines[1:])),
            st.permutations(lines).map(b"".join),
            DEEP.map(lambda deep: whole + b'{"number": ' + b"[" * deep + b"\n"),
            st.binary(max_size=50),
        )
    )
    path.write_bytes(other)
    with target.case():
        use(target.folder)


@given(data=st.data())
def test_a_changed_card_is_read_or_refused(target, board_workspace, data):
    card = data.draw(st.sampled_from(sorted((fresh(target, board_workspace) / "cards" / "tiny").iterdir())))
    whole = card.read_bytes()
    changes = [damaged(whole), st.binary(max_size=30)]
    card.write_bytes(data.draw(st.one_of(*changes, *([other_document(whole)] if card.suffix == ".json" else []))))
    with target.case():
        use(target.folder)
        api.diagnose(target.folder, card)


def test_a_board_whose_schema_is_no_text_is_made_again(target, board_workspace):
    path = fresh(target, board_workspace) / "board.sqlite3"
    whole = path.read_bytes()
    assert b"tablescoresscores" in whole
    path.write_bytes(
        whole.replace(b"tablescoresscores", b"table\x80coresscores").replace(b"TABLE scores", b"TABLE (cores")
    )
    assert len(api.leaderboard(target.folder).standings) == len(MODELS)
    assert (target.folder / "board.damaged.sqlite3").exists()
