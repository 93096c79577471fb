"""What holds hidden labels or scores is its owner's alone, whatever the umask."""

import os
import stat
from pathlib import Path

import pytest

from harness.board.recorder import open_recorder
from harness.workspace import Workspace, make_folder
from tests.conftest import CommandLine


@pytest.fixture
def umask():
    """One that takes nothing away."""
    before = os.umask(0)
    yield 0
    os.umask(before)


def open_to_others(*roots: Path) -> list[str]:
    """Return what others than its owner may enter, read or write, also in a folder that is shut: it may be moved."""
    found = []
    for root in roots:
        for path in (root, *root.rglob("*")):
            if not path.is_symlink() and stat.S_IMODE(path.lstat().st_mode) & 0o077:
                found.append(path.relative_to(root.parent).as_posix())
    return found


SECRET = (
    "board.sqlite3",
    "ledger",
    "cards",
    "closed",
    "finals",
    "private",
    "hidden",
    "labels",
    "zips",
    "scratch",
    "kept",
)


def test_a_workspace_shuts_others_out_of_board_ledger_cards_and_labels(umask, small_contest, tmp_path):
    hemobench = CommandLine(tmp_path / "a workspace")
    hemobench("freeze", "--contest", small_contest)
    hemobench("submit", "majority", "-m", "x")
    hemobench("submit", "majority", "-m", "again")
    hemobench("select", 1)
    hemobench("contest", "close", "--yes")
    (hemobench.workspace / "board.sqlite3").write_bytes(b"damaged")
    hemobench("leaderboard")
    hemobench("submit", "random", "-m", "late")
    assert stat.S_IMODE(hemobench.workspace.stat().st_mode) == 0o700
    opened = open_to_others(hemobench.workspace)
    named = [name for name in opened if any(word in name.split("/", 1)[1] for word in SECRET)]
    # The zips are shut in by their folder, and hold no label; a lock is an empty file.
    assert [name for name in named if not name.endswith((".zip", ".lock"))] == []
    for name in ("cards", "closed", "finals", "zips", "contests", "cards/small", "kept"):
        assert stat.S_IMODE((hemobench.workspace / name).stat().st_mode) == 0o700
    assert len(list(hemobench.workspace.rglob("*.npz"))) > 6 and (hemobench.workspace / "ledger.jsonl").is_file()


def test_the_files_that_sqlite_makes_are_its_owner_s(umask, tmp_path):
    with open_recorder(Workspace(tmp_path / "new")) as recorder:
        recorder.board.execute("BEGIN IMMEDIATE")
        recorder.board.execute("UPDATE head SET start = 1")
        assert "board.sqlite3-journal" in {path.name for path in (tmp_path / "new").iterdir()}
        assert open_to_others(tmp_path / "new") in ([], ["new/.ledger.lock"]), "which is empty"
        recorder.board.execute("ROLLBACK")


def test_exports_with_labels_and_reports_with_private_scores_are_their_owner_s(umask, hemobench, tmp_path):
    out = tmp_path / "out"
    hemobench("codabench", "export", out / "course")
    hemobench("kaggle", "export", out / "kaggle")
    hemobench("submit", "majority", "-m", "x")
    hemobench("report", "-o", out / "all.html", "--csv", "--json", "--reveal-private")
    made = [out / name for name in ("course", "course.zip", "kaggle", "all.html", "all.csv", "all.json")]
    assert open_to_others(*made) == []
    assert (out / "course" / "reference_data" / "private_labels" / "labels.npy").is_file()
    hemobench("report", "-o", out / "open.html")
    hemobench("contest", "publish", out / "site")
    assert stat.S_IMODE((out / "open.html").stat().st_mode) == 0o666 & ~umask, "what is public stays so"
    assert stat.S_IMODE((out / "site").stat().st_mode) == 0o755


def test_a_folder_that_is_there_keeps_its_mode(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine").chmod(0o755)
    make_folder(tmp_path / "mine" / "inner", private=True)
    assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "mine" / "inner").stat().st_mode) == 0o700
