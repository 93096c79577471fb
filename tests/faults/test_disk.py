"""A disk that is full or read-only costs a sentence, never a half file or a row."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LEFT = (0, 100_000, *(pytest.param(left, marks=pytest.mark.slow) for left in (20_000, 1_200_000, 3_000_000)))


def leftovers(workspace):
    """Files and folders of writers that were not tidied up."""
    patterns = ("**/*.hemobench-part", "**/.building-*", "**/run-*", "**/.*.part", "**/*.npz.tmp", "**/.board.*")
    return [path for pattern in patterns for path in workspace.glob(pattern)]


def one_sentence(shown: subprocess.CompletedProcess[str]) -> None:
    """An error is one line that begins so, with one line or two on what to do, and nothing else."""
    lines = shown.stderr.splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.startswith("Error: ")]
    assert len(lines) - at <= 2, shown.stderr
    assert "None" not in lines[at]


def run(hemobench, *words):
    process = hemobench.start(*words)
    out, err = process.communicate(timeout=900)
    assert process.returncode in (0, 1), err
    assert "Traceback" not in err, err
    return subprocess.CompletedProcess(words, process.returncode, out, err)


@pytest.mark.parametrize("left", LEFT)
def test_every_verb_on_a_full_disk_ends_with_a_sentence_and_works_once_there_is_room(
    on_disk, disk, small_contest, left
):
    (zip_path,) = on_disk.workspace.glob("zips/*.zip")
    out = disk.path / "out.zip"
    disk.fill(left)
    verbs: tuple[tuple[object, ...], ...] = (
        ("submit", "majority", "-m", "while full"),
        ("submit", "random", "-m", "while full"),
        ("score", zip_path),
        ("ledger", "replay", 1),
        ("pack", "submissions/random", "-o", out),
        ("freeze", "--contest", small_contest),
    )
    reported = ["before"]
    for words in verbs:
        shown = run(on_disk, *words)
        if shown.returncode:
            one_sentence(shown)
        elif words[0] == "submit":
            reported.append("while full")
    for words in (("leaderboard",), ("ledger", "audit"), ("verify",)):
        assert run(on_disk, *words).returncode == 0, "what only reads goes on"
    assert leftovers(on_disk.workspace) == []
    assert not out.exists() or out.stat().st_size > 400
    disk.empty()
    on_disk("submit", "majority", "-m", "after")
    on_disk("verify")
    assert json.loads(on_disk("ledger", "audit", "--json").stdout)["findings"] == []
    rows = json.loads(on_disk("leaderboard", "--json").stdout)
    assert [row["message"] for row in sorted(rows, key=lambda row: row["id"])] == [*reported, "after"]


def test_a_disk_that_fills_up_at_any_step_of_recording_loses_nothing(on_disk, disk, tmp_path):
    """The sandbox's scratch lies elsewhere, so that the disk is full when zip, card, receipt or row are written."""
    for path in on_disk.workspace.glob("scratch"):
        for inner in path.iterdir():
            inner.unlink()
        path.rmdir()
    (tmp_path / "scratch").mkdir()
    (on_disk.workspace / "scratch").symlink_to(tmp_path / "scratch")
    reported, refused = ["before"], 0
    for number, left in enumerate(range(36_864, 160_000, 16_384)):
        disk.fill(left)
        shown = run(on_disk, "submit", "majority", "-m", f"number {number}")
        if shown.returncode == 0:
            reported.append(f"number {number}")
        else:
            one_sentence(shown)
            refused += 1
        assert leftovers(on_disk.workspace) == []
        disk.empty()
    assert refused and len(reported) > 1, "both happened"
    on_disk("submit", "majority", "-m", "after")
    assert json.loads(on_disk("ledger", "audit", "--json").stdout)["findings"] == []
    messages = {row["message"] for row in json.loads(on_disk("leaderboard", "--json").stdout)}
    assert {*reported, "after"} <= messages
    cards = len(list(on_disk.workspace.glob("cards/*/*.json")))
    assert cards == len(messages), "no card without its row"


def test_a_damaged_board_on_a_full_disk_is_read_from_the_ledger_and_made_again_once_there_is_room(on_disk, disk):
    board = on_disk.workspace / "board.sqlite3"
    before = on_disk("leaderboard", "--json").stdout
    board.write_bytes(b"x" * 9000)
    disk.fill(8192)
    assert run(on_disk, "leaderboard", "--json").stdout == before
    assert board.read_bytes() == b"x" * 9000
    assert leftovers(on_disk.workspace) == []
    disk.empty()
    assert on_disk("leaderboard", "--json").stdout == before
    on_disk("ledger", "audit")


def test_a_read_only_workspace_can_be_read_scored_and_audited(on_disk, disk, small_contest):
    (zip_path,) = on_disk.workspace.glob("zips/*.zip")
    disk.remount("ro")
    (row,) = json.loads(on_disk("leaderboard", "--json").stdout)
    assert row["message"] == "before"
    assert "as it was frozen" in on_disk("verify").stdout
    assert json.loads(on_disk("ledger", "audit", "--json").stdout)["findings"] == []
    assert json.loads(on_disk("score", zip_path, "--json").stdout)["outcome"] == "scored"
    assert "equal" in on_disk("ledger", "replay", 1).stdout
    for words in (
        ("submit", "majority", "-m", "x"),
        ("freeze", "--contest", small_contest),
        ("pack", "submissions/random", "-o", disk.path / "x.zip"),
    ):
        shown = run(on_disk, *words)
        assert shown.returncode == 1
        one_sentence(shown)
        assert "--workspace" in shown.stderr
    disk.remount("rw")
    on_disk("submit", "majority", "-m", "after")


def test_a_read_only_workspace_without_a_board_has_no_entries_yet(hemobench, disk):
    shutil.copytree(hemobench.workspace, disk.path / "a workspace", symlinks=True)
    disk.remount("ro")
    assert "No entries yet" in type(hemobench)(disk.path / "a workspace")("leaderboard").stderr
    disk.remount("rw")


def test_results_that_cannot_be_written_out_are_no_success(hemobench):
    hemobench("submit", "majority", "-m", "x")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "harness.cli", "leaderboard", "--format", "csv"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=hemobench.environment(),
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: No space left"), done.stderr
