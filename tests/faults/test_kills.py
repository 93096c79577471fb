"""SIGKILL at random moments: what was reported is there, nothing is half there, and the next command works.

`python -m tests.benchmarks.load --kills 100` does the same at length and prints a table.
"""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parent.parent.parent


def kill_at(process, seconds):
    """Kill a process after a while, and return its exit code: 0 when it was done before."""
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    return process.returncode


def test_a_killed_freeze_pack_submit_audit_or_making_of_the_board_loses_nothing_and_leaves_nothing_half_done():
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.load", "--submissions", "0", "--kills", "1", "--seed", "5", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    campaigns = json.loads(done.stdout)["kills"]
    assert {one["verb"] for one in campaigns} == {"freeze", "pack", "submit", "audit", "board made anew"}
    assert [fault for one in campaigns for fault in one["faults"]] == []
    assert all(one["kills"] + one["ended"] == 1 for one in campaigns)


@pytest.mark.slow
def test_a_hundred_kills_lose_nothing_and_leave_nothing_half_done():
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.load", "--submissions", "60", "--kills", "20", "--seed", "11"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)


@pytest.mark.slow
def test_a_killed_training_is_taken_up_or_begun_again_and_its_run_is_whole(hemobench):
    """Kills fall later and later, on the submit or on its training; the last submit is left alone."""
    words = ("submit", "scratch-v1", "-m", "trained", "--preset", "quick", "--weights", "none")
    moments = random.Random(3)
    reported = 0
    for number, seconds in enumerate((4, 9, 14, 20, 28)):
        process = hemobench.start(*words)
        time.sleep(seconds + moments.random())
        training = psutil.Process(process.pid).children() if process.poll() is None else []
        victim = training[0] if training and number % 2 else process
        victim.send_signal(signal.SIGKILL)
        _, err = process.communicate(timeout=60)
        reported += process.returncode == 0
        assert "Traceback" not in err
        assert not psutil.wait_procs(training, timeout=120)[1], "no training goes on without its submit"
    hemobench(*words)
    rows = json.loads(hemobench("leaderboard", "--json").stdout)
    assert len(rows) >= reported + 1
    assert all(row["outcome"] == "scored" for row in rows)
    (run,) = (hemobench.workspace / "runs" / "small").glob("scratch-v1-*/run.json")
    assert json.loads(run.read_text())["val_accuracy"]["value"] == rows[-1]["val"]
    assert not list((hemobench.workspace / "runs").rglob(".part-*"))
    hemobench("verify")
    hemobench("ledger", "audit")


@pytest.mark.slow
def test_a_killed_report_leaves_the_board_as_it_was(hemobench):
    hemobench("submit", "majority", "-m", "x")
    before = hemobench("leaderboard", "--json").stdout
    moments = random.Random(4)
    for _ in range(10):
        kill_at(hemobench.start("leaderboard", "--format", "csv"), moments.random() * 0.3)
    assert hemobench("leaderboard", "--json").stdout == before
    hemobench("ledger", "audit")
