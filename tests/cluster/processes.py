"""A real cluster: a scheduler and workers, each a process of its own on this machine."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

START_S = 120


@dataclass
class RealCluster:
    """Processes that the test may kill, by id."""

    folder: Path
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)

    def start(self, name: str, *words: str, env: dict[str, str] | None = None) -> None:
        log = (self.folder / f"{name}.log").open("w")
        command = [sys.executable, "-m", "dask", *words, "--no-dashboard"]
        self.processes[name] = subprocess.Popen(
            command,
            cwd=self.folder,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONWARNINGS": "ignore", **(env or {})},
        )
        log.close()

    def start_scheduler(self) -> None:
        (self.folder / "scheduler.json").unlink(missing_ok=True)
        self.start("scheduler", "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", "scheduler.json")
        self.wait(lambda: (self.folder / "scheduler.json").exists() and self.address)

    def start_worker(self, name: str, *words: str, env: dict[str, str] | None = None) -> None:
        """Start a worker in a folder of its own, which shows when it runs an entry."""
        given = ["--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--name", name]
        given += ["--local-directory", str(self.folder / name), *words]
        self.start(name, "worker", self.address, *given, env=env)

    def wait_for_workers(self, *names: str) -> None:
        self.wait(lambda: all("Registered to" in (self.folder / f"{name}.log").read_text() for name in names))

    @property
    def address(self) -> str:
        with contextlib.suppress(json.JSONDecodeError):  # it is being written
            return json.loads((self.folder / "scheduler.json").read_text())["address"]
        return ""

    def running(self, name: str) -> bool:
        """Return whether a worker has an entry in its sandbox."""
        return any((self.folder / name).glob("dask-scratch-space/*/hemobench/run-*/given/entry"))

    def wait(self, happened: Callable[[], object]) -> None:
        give_up = time.monotonic() + START_S
        while not happened():
            assert time.monotonic() < give_up, [path.read_text()[-2000:] for path in self.folder.glob("*.log")]
            time.sleep(0.05)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        for name in list(self.processes):
            self.kill(name)
