"""A real cluster: a scheduler and workers, each a process of its own on this machine."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

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


@pytest.fixture
def cluster(tmp_path) -> Iterator[RealCluster]:
    """One without workers yet."""
    pytest.importorskip("distributed")
    folder = tmp_path / "cluster"
    folder.mkdir()
    made = RealCluster(folder)
    made.start_scheduler()
    yield made
    for name in list(made.processes):
        made.kill(name)


class Ear:
    """A door to an address that keeps every byte which comes in by it."""

    def __init__(self, address: str) -> None:
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        self.behind = (host, int(port))
        self.connections: list[list[bytes]] = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.open = [self.listening]
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self) -> str:
        return "tcp://{}:{}".format(*self.listening.getsockname())

    def hears(self, needle: bytes) -> bool:
        return any(needle in b"".join(sent) for sent in self.connections)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                front, _ = self.listening.accept()
                back = socket.create_connection(self.behind)
                self.open += [front, back]
                self.connections.append([])
                for source, target, heard in ((front, back, self.connections[-1]), (back, front, [])):
                    threading.Thread(target=self._pass_on, args=(source, target, heard), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, heard: list[bytes]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 20):
                heard.append(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def ear() -> Iterator[Callable[[str], Ear]]:
    made: list[Ear] = []

    def listen(address: str) -> Ear:
        made.append(Ear(address))
        return made[-1]

    yield listen
    for end in (end for one in made for end in one.open):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)  # wakes who reads it
        end.close()


@pytest.fixture
def zips(tmp_path) -> Callable[..., Path]:
    """Return a function that writes a zip, and gives its path."""

    def write(name: str, model: str, **others: str) -> Path:
        path = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file, content in {"model.py": model, **others}.items():
                archive.writestr(file, content)
        return path

    return write
