"""Where isolation cannot be had, or would be in the wrong place, nothing of an entry is run."""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.sandbox.layout import open_to_entries
from tests.attacks.besieged import ROOT
from tests.attacks.ideas import Idea, read_idea

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
ENOSYS = 38
LANDLOCK = (444, 445, 446)  # the same on every architecture
SECCOMP = {"x86_64": 317, "aarch64": 277}.get(os.uname().machine, 317)
PRCTL = {"x86_64": 157, "aarch64": 167}.get(os.uname().machine, 157)


def lacking(*calls: int, prctl: int = -1) -> Callable[[], None]:
    """Return what makes a process, and all it starts, see a kernel without these calls, or one kind of prctl."""

    def instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
        return struct.pack("=HBBI", code, if_true, if_false, operand)

    load, equal, answer = 0x20, 0x15, 0x06
    allow, deny = 0x7FFF0000, 0x00050000 | ENOSYS
    program = [instruction(load, 0)]
    for number in calls:
        program += [instruction(equal, number, 0, 1), instruction(answer, deny)]
    program += [instruction(equal, PRCTL, 0, 3), instruction(load, 16)]
    program += [instruction(equal, prctl & 0xFFFFFFFF, 0, 1), instruction(answer, deny), instruction(answer, allow)]
    text = b"".join(program)

    def close() -> None:
        libc = ctypes.CDLL(None)
        buffer = ctypes.create_string_buffer(text, len(text))
        header = struct.pack("@HP", len(program), ctypes.addressof(buffer))
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        assert libc.prctl(PR_SET_SECCOMP, 2, header, 0, 0) == 0

    return close


@pytest.fixture
def by_path() -> Idea:
    return read_idea(ROOT / "tests" / "attacks" / "entries" / "labels" / "by_path.py")


def score(idea: Idea, workspace: Path, folder: Path, isolation: str, preexec: Callable[[], None] | None = None):
    """Run the attack that reads the labels by their path, on a workspace and perhaps on another kernel."""
    private = (workspace / "contests" / "roomy" / "current" / "private").resolve()
    facts = {"hidden": str(private / "hidden.npz"), "labels": str(private / "labels.npz")}
    (folder / "stranger.zip").write_bytes(idea.zip("Attack", facts))
    return subprocess.run(
        [
            *(sys.executable, "-m", "harness.cli", "score", folder / "stranger.zip", "--isolation", isolation),
            *("--contest", "roomy", "--workspace", workspace, "--json"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=preexec,
    )


def is_refused(done: subprocess.CompletedProcess[str]) -> bool:
    return done.returncode == 1 and done.stdout == "" and "No entry can run here" in done.stderr


@pytest.mark.parametrize(
    "kernel",
    [
        pytest.param(lacking(*LANDLOCK), id="without Landlock"),
        pytest.param(lacking(SECCOMP, prctl=PR_SET_SECCOMP), id="without seccomp"),
    ],
)
def test_namespaces_alone_are_no_isolation(by_path, isolation, besieged, tmp_path, kernel):
    """bubblewrap keeps to its own means where either is missing; the fallback does without neither."""
    done = score(by_path, besieged, tmp_path, isolation, kernel)
    assert "REACHED" not in done.stdout
    if isolation == "namespaces":
        assert is_refused(done), done
    else:
        assert done.returncode == 0, done


@pytest.mark.parametrize("linked", [False, True], ids=["by its own name", "through a link"])
def test_a_workspace_among_the_interpreters_files_is_refused(by_path, isolation, besieged, tmp_path, linked):
    """An entry may read all of the environment; a workspace in it lies open, under whatever name."""
    inside = Path(sys.prefix, f"siege-{secrets.token_hex(6)}")
    other_name = tmp_path / "elsewhere"
    other_name.symlink_to(inside)
    try:
        shutil.copytree(besieged, inside, symlinks=True)
        assert is_refused(score(by_path, other_name if linked else inside, tmp_path, isolation))
    finally:
        shutil.rmtree(inside)
    assert score(by_path, besieged, tmp_path, isolation).returncode == 0, "elsewhere it is let in"


def test_a_workspace_below_an_interpreter_that_is_reached_through_a_link_is_refused(tmp_path, monkeypatch):
    """The link stands in the interpreter's own name: neither name lies below the other."""
    real = tmp_path / "disk" / "environment"
    real.mkdir(parents=True)
    link = tmp_path / "environment"
    link.symlink_to(real)
    monkeypatch.setattr(sys, "prefix", str(link))
    assert open_to_entries(real / "workspace" / "scratch") == str(link)
    assert open_to_entries(tmp_path / "disk" / "workspace") is None
