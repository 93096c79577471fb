"""How many zips run at a time, and that none is worth less for those beside it."""

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from harness.contest import Limits
from harness.sandbox import machine
from harness.sandbox.outcome import Outcome
from harness.score.workers import Lanes


@pytest.mark.parametrize(
    ("cores", "memory_gb", "gpus", "device", "n"),
    [
        (2, 64, [], "auto", 1),
        (16, 64, [], "auto", 6),  # about 10 GB each: its memory, and the files that it may keep in memory
        (16, 640, [], "auto", 8),
        (1, 4, [], "auto", 1),
        (16, 640, ["/dev/nvidia0"], "auto", 1),
        (16, 640, ["/dev/nvidia0"], "cpu", 8),
    ],
)
def test_as_many_run_as_cores_and_memory_allow(monkeypatch, cores, memory_gb, gpus, device, n):
    monkeypatch.setattr(machine, "n_cores", lambda: cores)
    monkeypatch.setattr(machine, "gpu_devices", lambda: gpus)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=memory_gb * 10**9))
    assert machine.n_at_once(Limits(), device) == n


@pytest.fixture
def lanes():
    """Two lanes, and what was evaluated in them: each zip ends in the outcome that it names, after a moment."""
    running, found = [], []

    def evaluate(frozen, zip_path, **terms):
        running.append(zip_path.stem)
        time.sleep(0.05)
        found.append((zip_path.stem, len(running)))
        time.sleep(0.05)
        running.remove(zip_path.stem)
        return SimpleNamespace(card=SimpleNamespace(outcome=str(zip_path.stem).partition("-")[0]))

    with Lanes(2, evaluate_by=evaluate) as made:
        yield made, found


def test_what_ran_out_of_time_beside_others_is_run_again_with_nobody_beside_it(lanes):
    made, found = lanes
    names = [f"{Outcome.SCORED}-{number}" for number in range(4)]
    names[1:1] = [f"{Outcome.TIMED_OUT}-1", f"{Outcome.OUT_OF_MEMORY}-2"]
    begun = [made.begin(None, Path(f"{name}.zip")) for name in names]
    finish = [one.__enter__() for one in begun]
    assert [one().card.outcome for one in finish] == [name.partition("-")[0] for name in names]
    for one in begun:
        one.__exit__(None, None, None)
    assert sorted(name for name, _ in found) == sorted([*names, *names[1:3]])
    for name in names[1:3]:
        assert [beside for other, beside in found if other == name][-1] == 1


def test_two_lanes_are_two_entries_at_a_time():
    both = threading.Barrier(2, timeout=60)

    def evaluate(frozen, zip_path, **terms):
        both.wait()
        return SimpleNamespace(card=SimpleNamespace(outcome=Outcome.SCORED))

    with (
        Lanes(2, evaluate_by=evaluate) as made,
        made.begin(None, Path("a.zip")) as one,
        made.begin(None, Path("b.zip")) as other,
    ):
        assert one().card.outcome == other().card.outcome == Outcome.SCORED


def test_who_leaves_stops_what_is_under_way():
    started, stopped = threading.Event(), threading.Event()

    def evaluate(frozen, zip_path, **terms):
        started.set()
        try:
            while True:
                time.sleep(0.01)
        except KeyboardInterrupt:
            stopped.set()
            raise

    with Lanes(1, evaluate_by=evaluate) as made, made.begin(None, Path("a.zip")), made.begin(None, Path("b.zip")):
        assert started.wait(60)
    assert stopped.is_set()
