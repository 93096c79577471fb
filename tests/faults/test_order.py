"""What a power cut may lose: the order in which things reach the disk, as the system calls tell it."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness import workspace as module
from harness.board import ledger
from harness.board.ledger import Line
from harness.errors import WorkspaceError
from harness.workspace import PART, atomic_file, move_durably, write_atomic

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def calls(monkeypatch):
    """The names of what is made durable or renamed, in turn."""
    seen: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def told_fsync(handle):
        name = Path(f"/proc/self/fd/{handle}").readlink().name
        seen.append(f"fsync {'part' if name.endswith(PART) else name}")
        fsync(handle)

    def told_replace(path, target):
        seen.append(f"rename to {Path(target).name}")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", told_fsync)
    monkeypatch.setattr(Path, "replace", told_replace)
    return seen


def test_a_file_is_durable_before_it_has_its_name_and_its_folder_after(tmp_path, calls):
    home = tmp_path / "home"
    write_atomic(home / "a.json", b"{}")
    assert calls == [f"fsync {tmp_path.name}", "fsync part", "rename to a.json", "fsync home"], "its own name first"
    calls.clear()
    write_atomic(home / "a.json", b"{}")
    assert calls == ["fsync part", "rename to a.json", "fsync home"]
    calls.clear()
    (home / "b").write_bytes(b"x")
    move_durably(home / "b", home / "c")
    assert calls == ["fsync b", "rename to c", "fsync home"]


def test_a_receipt_is_durable_before_append_returns(tmp_path, calls):
    path = tmp_path / "ledger.jsonl"
    ledger.append(path, Line(b"{}"))
    assert calls == ["fsync ledger.jsonl", f"fsync {tmp_path.name}"], "the first one makes the file, too"
    calls.clear()
    ledger.append(path, Line(b"{}"))
    assert calls == ["fsync ledger.jsonl"]


def test_a_file_whose_writer_fails_is_not_there_and_the_old_one_is(tmp_path):
    path = tmp_path / "a.json"
    write_atomic(path, b"old")
    with pytest.raises(RuntimeError), atomic_file(path) as file:
        file.write(b"new, and cut")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]
    with pytest.raises(WorkspaceError, match="No space"), atomic_file(path):
        raise OSError(28, "No space left on device")
    assert path.read_bytes() == b"old"


def test_the_part_of_a_killed_writer_is_swept_and_that_of_a_living_one_is_not(tmp_path):
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom harness.workspace import atomic_file\n"
        "with atomic_file(Path(sys.argv[1])) as file:\n    print('writing', flush=True)\n    time.sleep(60)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "slow"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert writer.stdout is not None and writer.stdout.readline() == "writing\n"
    write_atomic(tmp_path / "quick", b"1")
    assert len(list(tmp_path.glob(f".*{PART}"))) == 1, "its writer lives"
    writer.send_signal(signal.SIGKILL)
    writer.communicate(timeout=60)
    write_atomic(tmp_path / "quick", b"2")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["quick"]


def test_a_part_that_was_swept_before_it_was_locked_is_begun_again(tmp_path, monkeypatch):
    lock = module.fcntl.flock
    met: list[str] = []

    def swept(file, how):
        if not met:  # another process is quicker, once
            met.append(file.name)
            Path(file.name).unlink()
        lock(file, how)

    monkeypatch.setattr(module.fcntl, "flock", swept)
    write_atomic(tmp_path / "a", b"1")
    assert (tmp_path / "a").read_bytes() == b"1" and met


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_submit_makes_zip_labels_card_receipt_and_row_durable_in_this_order(hemobench, tmp_path):
    hemobench("submit", "random", "-m", "before")
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-y", "-o", trace, "-e", "trace=fsync,fdatasync,rename,renameat,renameat2"]
    command += [sys.executable, "-m", "harness.cli", "submit", "majority", "-m", "traced"]
    done = subprocess.run(
        command, cwd=ROOT, env=hemobench.environment(), capture_output=True, text=True, timeout=900, check=False
    )
    if "ptrace" in done.stderr:
        pytest.skip("processes may not be traced here")
    assert done.returncode == 0, done.stderr
    home = re.escape(str(hemobench.workspace.resolve()))
    steps = {
        "zip synced": r"fsync\(\d+<.*/entry\.zip>",
        "zip named": rf"rename\(.*, \"{home}/zips/\w+\.zip\"",
        "zip's folder synced": rf"fsync\(\d+<{home}/zips>",
        "labels synced": rf"fsync\(\d+<{home}/cards/small/.*{PART}>",
        "labels named": rf"rename\(.*, \"{home}/cards/small/.*\.npz\"",
        "labels' folder synced": rf"fsync\(\d+<{home}/cards/small>",
        "card synced": rf"fsync\(\d+<{home}/cards/small/.*{PART}>",
        "card named": rf"rename\(.*, \"{home}/cards/small/.*\.json\"",
        "card's folder synced": rf"fsync\(\d+<{home}/cards/small>",
        "receipt synced": rf"fsync\(\d+<{home}/ledger\.jsonl>",
        "row synced": rf"f(data)?sync\(\d+<{home}/board\.sqlite3>",
    }
    lines = iter(trace.read_text().splitlines())
    for step, pattern in steps.items():
        assert any(re.search(pattern, line) for line in lines), f"{step}: not in its turn"
