"""What is planted around a run, to be reached or damaged: files, listeners, shared memory, a key, a terminal."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import os
import secrets
import shutil
import socket
import tty
from pathlib import Path
from typing import Any, Self

import numpy as np

from harness.workspace import Workspace
from tests.attacks.besieged import ROOT
from tests.attacks.command import VARIABLE

IPC_CREAT, IPC_RMID, SHM_BYTES = 0o1000, 0, 4096
SYS_ADD_KEY, SYS_KEYCTL = {"x86_64": (248, 250), "aarch64": (217, 219)}.get(os.uname().machine, (0, 0))

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
libc.shmdt.argtypes = [ctypes.c_void_p]


class Plants(contextlib.ExitStack):
    """Things worth breaking into, and their state; a context manager that takes them away again.

    Attributes
    ----------
    token : str
        The secret that lies in all of them, and that no entry may bring out.
    mark : str
        Stands in the name of all that entries are invited to plant.
    facts : dict
        What the attacker is told.
    """

    def __init__(self, folder: Path, besieged: Path) -> None:
        super().__init__()
        self.folder = folder.resolve()
        self.besieged = besieged
        self.token = f"SECRET{secrets.token_hex(12)}"
        self.mark = f"siege-{secrets.token_hex(6)}"
        self.facts: dict[str, Any] = {}

    def __enter__(self) -> Self:
        super().__enter__()
        self.folder.chmod(0o755)  # isolation is to hold, not the modes of a test's own folders
        self._plant_files()
        self._listen()
        self._plant_shared_memory()
        self._plant_key()
        self._open_terminal()
        return self

    def _plant_files(self) -> None:
        self.workspace = Workspace(self.folder / "a workspace")
        shutil.copytree(self.besieged, self.workspace.path, symlinks=True)
        neighbour = self.workspace.scratch / "run-neighbour"  # another run, alive: its lock is held
        for folder in (neighbour, *(self.folder / name for name in ("home", "cron", "package", "site-packages"))):
            folder.mkdir(parents=True)
            (folder / "canary").write_text(self.token)
        lock = self.enter_context((neighbour / "alive.lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        (self.folder / "tmp").mkdir()
        self.callback(self._remove_notes)
        self.facts |= {
            "mark": self.mark,
            "workspace": str(self.workspace.path),
            "board": str(self.workspace.board),
            "ledger": str(self.workspace.ledger),
            "zips": str(self.workspace.zips()),
            "scratch": str(self.workspace.scratch),
            "neighbour": str(neighbour),
            "home": str(self.folder / "home"),
            "cron": str(self.folder / "cron"),
            "project": str(ROOT),
            "variable": VARIABLE,
            "canaries": [str(self.folder / name / "canary") for name in ("home", "cron")] + [str(neighbour / "canary")],
        }

    def _remove_notes(self) -> None:
        for path in Path("/tmp").glob(f"{self.mark}*"):
            path.unlink(missing_ok=True)

    def _listen(self) -> None:
        """Open one door of each kind; whoever knocks has got through."""
        tcp = self.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = self.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        unix = self.enter_context(socket.socket(socket.AF_UNIX))
        abstract = self.enter_context(socket.socket(socket.AF_UNIX))
        datagrams = self.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        path = f"/tmp/{self.mark}.sock"  # a socket's path has at most 108 bytes, and a test's folder may have more
        for door, name in ((unix, path), (datagrams, f"{path}.dgram")):
            door.bind(name)
            self.callback(Path(name).unlink, missing_ok=True)
            Path(name).chmod(0o777)
        abstract.bind(f"\0{self.mark}")
        for listener in (unix, abstract):
            listener.listen()
        self.doors = {
            "TCP": tcp, "UDP": udp, "a socket file": unix, "a datagram socket file": datagrams,
            "an abstract socket": abstract,
        }  # fmt: skip
        for door in self.doors.values():
            door.setblocking(False)
        self.facts |= {"tcp": tcp.getsockname()[1], "udp": udp.getsockname()[1], "abstract": self.mark}
        self.facts |= {"unix": path, "datagrams": f"{path}.dgram"}

    def _plant_shared_memory(self) -> None:
        """Leave a System V segment and a POSIX one, open to all, as a careless program would."""
        key = secrets.randbits(30) + 1
        self.segment = libc.shmget(key, SHM_BYTES, IPC_CREAT | 0o666)
        assert self.segment >= 0
        self.callback(libc.shmctl, self.segment, IPC_RMID, None)
        self.posix = Path("/dev/shm", self.mark)
        self.posix.write_text(self.token)
        self.posix.chmod(0o666)
        self.callback(self.posix.unlink)
        address = libc.shmat(self.segment, None, 0)
        ctypes.memmove(address, self.token.encode(), len(self.token))
        libc.shmdt(address)
        # Where an entry is invited to leave segments of its own.
        self.facts |= {
            "shm_key": key,
            "shm_name": self.mark,
            "new_shm_key": key + 1,
            "new_shm_name": f"{self.mark}-new",
        }
        self.callback(self._remove_new_segments)

    def _remove_new_segments(self) -> None:
        Path("/dev/shm", self.facts["new_shm_name"]).unlink(missing_ok=True)
        if (new := libc.shmget(self.facts["new_shm_key"], 0, 0)) >= 0:
            libc.shmctl(new, IPC_RMID, None)

    def _plant_key(self) -> None:
        """Put a key into the session's keyring, which children inherit, whatever user they become."""
        arguments = (b"user", self.mark.encode(), self.token.encode(), ctypes.c_size_t(len(self.token)), -3)
        key = libc.syscall(SYS_ADD_KEY, *arguments) if SYS_ADD_KEY else -1
        if key > 0:
            self.callback(libc.syscall, SYS_KEYCTL, 3, key)  # revoke

    def _open_terminal(self) -> None:
        """Open a terminal on which somebody might sit."""
        self.master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(self.master, False)
        self.facts["terminal"] = os.ttyname(slave)
        self.callback(os.close, self.master)
        self.callback(os.close, slave)

    def disturbed(self) -> list[str]:
        """Return what was heard at the doors and on the terminal."""
        found = []
        for name, door in self.doors.items():
            with contextlib.suppress(BlockingIOError):
                door.recv(1) if door.type == socket.SOCK_DGRAM else door.accept()[0].close()
                found.append(f"came through {name}")
        with contextlib.suppress(BlockingIOError):
            os.read(self.master, 100)
            found.append("wrote on a terminal")
        return found

    def inventory(self) -> dict[str, Any]:
        """Return the state of everything that no run may change, by name."""
        found: dict[str, Any] = {}
        skipped = {self.folder / name for name in ("out", "err", "stranger.zip", "trained.zip")}
        stranger = self.folder / "stranger"
        for path in (self.folder, *self.folder.rglob("*")):
            if (
                path not in skipped
                and stranger not in (path, *path.parents)
                and not self._is_written_by_the_command(path)
            ):
                found[str(path)] = _state(path)
        for folder in (ROOT / "harness", Path(np.__file__).parents[1]):
            found |= {str(path): "planted" for path in folder.glob(f"*{self.mark}*")}
        found |= {str(path): _state(path) for path in Path("/dev/shm").glob(f"*{self.mark}*")}
        found |= {str(path): "planted" for path in Path("/tmp").glob(f"{self.mark}*")}
        address = libc.shmat(self.segment, None, 0)
        found["System V segment"] = ctypes.string_at(address, SHM_BYTES)
        libc.shmdt(address)
        found["System V segments planted"] = libc.shmget(self.facts["new_shm_key"], 0, 0) >= 0
        return found

    def _is_written_by_the_command(self, path: Path) -> bool:
        """Tell whether the command itself may write it: the board, and new files beside those that were there."""
        relative = path.relative_to(self.folder).as_posix()
        if not relative.startswith("a workspace/"):
            return False
        written = ("board.sqlite3", "ledger.jsonl", ".ledger.lock", "scratch/.lock", "zips/.packing/.lock")
        if relative.removeprefix("a workspace/").startswith(written):
            return True
        if relative in ("a workspace/kept", "a workspace/runs") or relative.endswith("/.fitting/.lock"):
            return True
        homes = ("a workspace/zips/", "a workspace/cards/", "a workspace/kept/", "a workspace/runs/")
        return relative.startswith(homes) and not (self.besieged / Path(relative).relative_to("a workspace")).exists()


def _state(path: Path) -> tuple[Any, ...]:
    """Return kind, mode and owner; of files also size, time and content, of links their target."""
    status = path.lstat()
    state: tuple[Any, ...] = (oct(status.st_mode), status.st_uid)
    if path.is_symlink():
        return (*state, str(path.readlink()))
    if path.is_file():
        return (*state, status.st_size, status.st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
    return state
