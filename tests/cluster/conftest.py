"""What tests of clusters share."""

import contextlib
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.processes import RealCluster


@pytest.fixture
def cluster(tmp_path) -> Iterator[RealCluster]:
    """One without workers yet."""
    pytest.importorskip("distributed")
    folder = tmp_path / "cluster"
    folder.mkdir()
    made = RealCluster(folder)
    made.start_scheduler()
    yield made
    made.end()


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
