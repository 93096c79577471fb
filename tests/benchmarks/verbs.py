"""Time verbs as a person meets them, a process each: the light ones, and those that read a board of 100,000 entries."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from itertools import cycle
from pathlib import Path

import msgspec

from harness.board.ledger import Line, read_lines
from harness.workspace import Workspace
from tests.benchmarks.page import Measured, in_turn, measured
from tests.conftest import contest_text
from tests.report.entries import Desk

KINDS, TEAMS = 160, 400


def hemobench(workspace: Path, *words: object) -> None:
    """Run a verb in a process of its own; what it prints is shown only where it fails."""
    command = [sys.executable, "-m", "harness.cli", *map(str, words)]
    environment = os.environ | {"HEMOBENCH_WORKSPACE": str(workspace)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


@cache
def frozen_workspace(small: bool) -> Path:
    """Freeze the embedded contest, or a small one, once for all topics, and return its workspace."""
    folder = Path(tempfile.mkdtemp(prefix="hemobench-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    hemobench(folder, "freeze", *(["--contest", contest_of(folder, 160)] if small else []))
    return folder


def startup(small: bool) -> Sequence[Measured]:
    verbs = [("--help",), ("leaderboard",), ("verify",)]
    calls = [lambda words=words: hemobench(frozen_workspace(small), *words) for words in verbs]
    in_turn(1, *calls)  # compiles what is imported, and makes the board
    rounds = in_turn(1 if small else 5, lambda: subprocess.run([sys.executable, "-c", "pass"], check=True), *calls)
    first, *others = [[1000 * one for one in column] for column in zip(*rounds, strict=True)]
    note = f"`python -c pass`: {measured('', first).value:.0f} ms"
    return [measured(f"`hemobench {words[0]}`", times, note) for words, times in zip(verbs, others, strict=True)]


def contest_of(folder: Path, n_images: int) -> Path:
    path = folder / "small.toml"
    path.write_text(contest_text("small", "A small contest", n_images=n_images, more=""))
    return path


def board(small: bool) -> Sequence[Measured]:
    with tempfile.TemporaryDirectory(prefix="hemobench-bench-") as folder:
        home = Workspace(Path(folder))
        hemobench(home.path, "freeze", "--contest", contest_of(home.path, 480))
        fill(home, 1_000 if small else 100_000)
        anew = in_turn(1, lambda: hemobench(home.path, "leaderboard", "--top", 20))
        page = Path(folder) / "report.html"
        rounds = in_turn(
            1 if small else 3,
            lambda: hemobench(home.path, "leaderboard", "--top", 20),
            lambda: hemobench(home.path, "report", "-o", page),
        )
    columns = zip(*rounds, strict=True)
    names = ("`leaderboard --top 20`", "`report`")
    return [
        measured("`leaderboard --top 20`, the board made anew", [one for (one,) in anew]),
        *(measured(name, column) for name, column in zip(names, columns, strict=True)),
    ]


def fill(home: Workspace, n: int) -> None:
    """Put `n` entries of many teams on record; few have files of their own, the others share those of the worse half.

    The board is left to be made from the ledger.
    """
    desk = Desk(home)
    for number in range(KINDS):
        desk.record(f"team {number % TEAMS}", 0.4 + 0.5 * number / KINDS, number=number)
    lines, _ = read_lines(home.ledger)
    worse = cycle([line.score for line in lines[: KINDS // 2] if line.score])
    previous = lines[-1].sha256
    with home.ledger.open("ab") as file:
        for number in range(len(lines) + 1, n + 1):
            kept = next(worse)
            changed = msgspec.structs.replace(
                kept, number=number, entry=number, previous=previous, name=f"team {number % TEAMS}"
            )
            line = Line.of(changed)
            file.write(line.text + b"\n")
            previous = line.sha256
    for path in home.path.glob("board.sqlite3*"):
        path.unlink()
