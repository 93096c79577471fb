"""A workspace in Git: text alone, a clone of it is the same contest and board, and two branches can be joined."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import CommandLine

AUTHOR = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder: Path, *words: object, code: int = 0) -> str:
    environment = os.environ | AUTHOR | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    command = ["git", "-c", "init.defaultBranch=main", *map(str, words)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-m", message)


@pytest.fixture
def owned(hemobench, small_contest) -> CommandLine:
    """A workspace with its contest file and an entry, committed."""
    own = hemobench.workspace / "contests.d"
    own.mkdir()
    (own / "small.toml").write_text(small_contest.read_text())
    hemobench("submit", "majority", "-m", "x")
    git(hemobench.workspace, "init")
    commit(hemobench.workspace, "first")
    return hemobench


def clone(owned: CommandLine, folder: Path) -> CommandLine:
    git(folder.parent, "clone", owned.workspace, folder)
    return CommandLine(folder)


def test_only_small_texts_are_committed_and_no_image_weight_or_hidden_label(owned):
    held = git(owned.workspace, "ls-files").split("\n")[:-1]
    tops = {name.partition("/")[0] for name in held}
    assert tops == {".gitattributes", ".gitignore", "cards", "contests", "contests.d", "ledger.jsonl"}
    for name in held:
        (owned.workspace / name).read_text(encoding="utf-8")
        assert (owned.workspace / name).stat().st_size < 200_000
    (owned.workspace / "roster.csv").write_text("name\nAda\n")
    assert not git(owned.workspace, "status", "--porcelain")


def test_a_clone_frozen_again_is_the_same_contest_and_board(owned, tmp_path):
    other = clone(owned, tmp_path / "clone")
    other("freeze", "--contest", "small")
    assert other("leaderboard", "--json").stdout == owned("leaderboard", "--json").stdout
    assert not git(other.workspace, "status", "--porcelain"), "the lock is the same to the byte"
    other("submit", "random", "-m", "y")
    commit(other.workspace, "second")
    git(owned.workspace, "pull", "--ff-only", other.workspace)
    assert [row["id"] for row in json.loads(owned("leaderboard", "--json").stdout)] == [1, 2]


def test_two_branches_of_a_ledger_are_joined_by_submitting_one_again(owned, tmp_path):
    other = clone(owned, tmp_path / "clone")
    other("freeze", "--contest", "small")
    other("submit", "random", "-m", "theirs")
    commit(other.workspace, "theirs")
    owned("submit", "nearest-centroid", "-m", "ours")
    commit(owned.workspace, "ours")
    before = (owned.workspace / "ledger.jsonl").read_bytes()
    assert "ledger.jsonl" in git(owned.workspace, "pull", "--no-rebase", other.workspace, code=1)
    assert (owned.workspace / "ledger.jsonl").read_bytes() == before, "a chain, and no chain with marks in it"
    commit(owned.workspace, "joined")
    (theirs,) = {path.name for path in other.workspace.glob("zips/*.zip")} - {
        path.name for path in owned.workspace.glob("zips/*.zip")
    }
    owned("submit", other.workspace / "zips" / theirs, "--name", "random", "-m", "theirs")
    rows = json.loads(owned("leaderboard", "--json").stdout)
    assert {row["entry"] for row in rows} == {"majority", "nearest-centroid", "random"}
    owned("ledger", "audit")


def test_what_its_owner_wrote_for_git_stays(hemobench, small_contest):
    (hemobench.workspace / ".gitignore").write_text("*\n")
    hemobench("freeze", "--contest", small_contest)
    assert (hemobench.workspace / ".gitignore").read_text() == "*\n"
