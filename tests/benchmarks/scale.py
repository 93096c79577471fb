"""Time many NumPy zips on one worker, on two and on a cluster, and see that all boards are one.

Run as ``python -m tests.benchmarks.scale``, in some minutes; it prints the table of docs/scale.md.  Seconds are those
of the clock, and of processors: these say how many cores a class needs, whatever else the machine does meanwhile.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import signal
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.load import Hemobench
from tests.cluster.processes import RealCluster
from tests.conftest import contest_text

CONTEST = contest_text("small", "A small contest", n_images=480, more="[limits]\nsubmissions_per_day = 100000\n")
MODEL = """
import numpy as np
class Model:
    def predict(self, X):
        return (X[:, {row}, 7, 0].astype(int) + X.mean(axis=(1, 2, 3)).astype(int)) % 8
"""


def write_zips(home: Path, n: int) -> list[Path]:
    paths = [home / f"team-{number:03d}.zip" for number in range(n)]
    for number, path in enumerate(paths):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model.py", MODEL.format(row=number % 96) + f"# {number}\n")
    return paths


def board(hemobench: Hemobench) -> list[dict]:
    """Return what the board says, but for when it was."""
    return [{**row, "date": ""} for row in hemobench.json("leaderboard")]


def submit(hemobench: Hemobench, paths: list[Path], *words: object, then: Callable[[], object] | None = None) -> None:
    """Submit zips; after a quarter of the rows do `then`."""
    process = hemobench.start("submit", *paths, "-m", "x", *words)
    seen = 0
    for line in process.stderr or ():
        seen += " of " in line.split(",")[0]
        if then and seen == len(paths) // 4:
            then()
            then = None
            if process.poll() is not None:
                break
    process.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zips", type=int, default=100)
    n = parser.parse_args().zips
    with tempfile.TemporaryDirectory(prefix="hemobench-scale-") as folder:
        home = Path(folder)
        (home / "small.toml").write_text(CONTEST)
        frozen = Hemobench(home / "frozen")
        assert frozen("freeze", "--contest", home / "small.toml")[0] == 0
        paths, boards = write_zips(home, n), {}
        real = RealCluster(home)
        real.start_scheduler()
        for name in ("one", "two"):
            real.start_worker(name)
        real.wait_for_workers("one", "two")

        def kill_a_worker() -> None:
            real.kill("one")
            real.start_worker("three")

        def kill_the_driver(hemobench: Hemobench) -> None:
            process = hemobench.start("submit", *paths, "-m", "x", *there)
            while len(hemobench.json("leaderboard")) < n // 4:
                time.sleep(0.2)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            done = len(hemobench.json("leaderboard"))
            submit(hemobench, paths[done:], *there)

        there = ("--cluster", real.address)
        ways: dict[str, Callable[[Hemobench], None]] = {
            "1 worker": lambda one: submit(one, paths, "--workers", 1),
            "2 workers": lambda one: submit(one, paths, "--workers", 2),
            "cluster, 2 workers": lambda one: submit(one, paths, *there),
            "cluster, a worker killed": lambda one: submit(one, paths, *there, then=kill_a_worker),
            "cluster, the driver killed": kill_the_driver,
        }
        print(
            "| way | seconds | a zip | processor seconds a zip | rows | board |\n|---|---:|---:|---:|---:|---|",
            flush=True,
        )
        try:
            for number, (way, run) in enumerate(ways.items()):
                shutil.copytree(frozen.workspace, home / str(number), symlinks=True)
                hemobench = Hemobench(home / str(number))
                began, used = time.perf_counter(), _processor_s()
                run(hemobench)
                seconds, cpu = time.perf_counter() - began, _processor_s() - used
                boards[way] = board(hemobench)
                same = "the same" if boards[way] == boards["1 worker"] else "ANOTHER"
                told = f"{cpu / n:.2f}" if "cluster" not in way else "–"
                print(
                    f"| {way} | {seconds:.0f} | {seconds / n:.2f} | {told} | {len(boards[way])} | {same} |", flush=True
                )
        finally:
            real.end()


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
