"""A machine's worth of things to break into, planted around one run of the real command, and the judge of that run.

Nothing here asks the entry what it did, but for lines ``REACHED: …`` in its log: some is seen from inside alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tty
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from harness.sandbox.outcome import Outcome
from harness.workspace import Workspace
from tests.attacks.ideas import Idea

ROOT = Path(__file__).parents[2]
CONTEST = """
name = "{name}"
title = "A contest under siege"
version = 1
class_names = [
  "basophil", "eosinophil", "erythroblast", "immature_granulocyte", "lymphocyte", "monocyte", "neutrophil", "platelet",
]
image_shape = [96, 96, 3]
[source]
kind = "embedded"
n_images = 240
seed = 5
[limits]
time_s = {0}
memory_mb = {1}
processes = 64
unpacked_mb = 20
log_kb = 16
"""
LIMITS = {"roomy": (60, 600), "tight": (2, 600), "large": (120, 4000)}  # seconds, MB
# 48 pictures: guessing the largest class gives 0.2, and six in ten right by chance happens once in 10**8 runs.
CHANCE = 0.6
PATIENCE_S = 45.0  # beyond the contest's own limit: start, clearing away, and a machine busy with other tests
CLEARED_S = 3.0  # for what was killed to vanish
PR_SET_CHILD_SUBREAPER = 36
IPC_CREAT, IPC_RMID, SHM_BYTES = 0o1000, 0, 4096
SYS_ADD_KEY, SYS_KEYCTL = {"x86_64": (248, 250), "aarch64": (217, 219)}.get(os.uname().machine, (0, 0))

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
libc.shmdt.argtypes = [ctypes.c_void_p]


@dataclass
class Trial:
    """What came of one run.

    Attributes
    ----------
    breaches : list of str
        What was reached or damaged that should not have been; empty when everything held.
    outcome : str
        The one word; empty where the command gave none.
    said : list of str
        Lines of the entry's log that `kit.py` wrote.
    """

    breaches: list[str] = field(default_factory=list)
    outcome: str = ""
    message: str = ""
    said: list[str] = field(default_factory=list)
    log: str = ""
    missing_walls: list[str] = field(default_factory=list)
    seconds: float = 0.0


def besieged_workspace(folder: Path) -> Path:
    """Make a workspace in which both contests are frozen and another entry stands on the board."""
    workspace = folder / "a workspace"
    for name, limits in LIMITS.items():
        file = folder / f"{name}.toml"
        file.write_text(CONTEST.format(*limits, name=name))
        for words in (
            ("freeze", "--contest", str(file)),
            ("submit", "majority", "-m", "it was here before", "--contest", name),
        ):
            subprocess.run(
                [sys.executable, "-m", "harness.cli", *words],
                cwd=ROOT,
                env=os.environ | {"HEMOBENCH_WORKSPACE": str(workspace)},
                check=True,
                capture_output=True,
            )
    return workspace


def run(idea: Idea, side: str, isolation: str, besieged: Path) -> Trial:
    """Run one side of an idea on a copy of `besieged` and judge what happened."""
    with tempfile.TemporaryDirectory(prefix="hemobench-siege-") as folder, Arena(Path(folder), besieged) as arena:
        return arena.run(idea, side, isolation)


class Arena(contextlib.ExitStack):
    """The plants around one run; a context manager that takes them away again."""

    def __init__(self, folder: Path, besieged: Path) -> None:
        super().__init__()
        self.folder = folder.resolve()
        self.besieged = besieged
        self.token = f"SECRET{secrets.token_hex(12)}"  # what no entry may bring out
        self.mark = f"siege-{secrets.token_hex(6)}"  # in the name of all that entries plant
        self.facts: dict[str, Any] = {}

    def __enter__(self) -> Arena:
        super().__enter__()
        self.folder.chmod(0o755)  # the walls are to hold, not the modes of a test's own folders
        self._plant_files()
        self._listen()
        self._plant_shared_memory()
        self._plant_key()
        self._open_terminal()
        return self

    # -- what is planted ------------------------------------------------------------------------------------------

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
            "variable": "HEMOBENCH_CANARY",
            "canaries": [str(self.folder / name / "canary") for name in ("home", "cron")] + [str(neighbour / "canary")],
        }

    def _listen(self) -> None:
        """Open one door of each kind; whoever knocks has got through."""
        tcp = self.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = self.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        unix = self.enter_context(socket.socket(socket.AF_UNIX))
        abstract = self.enter_context(socket.socket(socket.AF_UNIX))
        path = f"/tmp/{self.mark}.sock"  # a socket's path has at most 108 bytes, and a test's folder may have more
        self.callback(lambda: Path(path).unlink(missing_ok=True))
        unix.bind(path)
        Path(path).chmod(0o777)
        abstract.bind(f"\0{self.mark}")
        for listener in (unix, abstract):
            listener.listen()
        self.doors = {"TCP": tcp, "UDP": udp, "a socket file": unix, "an abstract socket": abstract}
        for door in self.doors.values():
            door.setblocking(False)
        self.facts |= {"tcp": tcp.getsockname()[1], "udp": udp.getsockname()[1], "unix": path, "abstract": self.mark}

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

    # -- the run --------------------------------------------------------------------------------------------------

    def run(self, idea: Idea, side: str, isolation: str) -> Trial:
        """Run the command and judge it."""
        if side == "Honest":
            calm = {"kill": "score"}.get(idea.verb, idea.verb), {"tight": "roomy"}.get(idea.contest, idea.contest)
            idea = replace(idea, verb=calm[0], contest=calm[1])
        contest = self.workspace.contest(idea.contest) / "current"
        self.facts |= {
            "contest": str(contest.resolve()),
            "labels": str(contest.resolve() / "private" / "labels.npz"),
            "hidden": str(contest.resolve() / "private" / "hidden.npz"),
            "memorised": np.load(contest / "private" / "labels.npz")["labels"].tolist(),
            # Without walls the attacker is led to copies.
            "package": str(self.folder / "package" if isolation == "none" else ROOT / "harness"),
            "site_packages": str(
                self.folder / "site-packages" if isolation == "none" else Path(np.__file__).parents[1]
            ),
        }
        before, started = self._inventory(), time.monotonic()
        with descendants() as leftovers:
            out, err, code, breaches = self._run_command(idea, side, isolation)
            breaches += [f"process alive afterwards: {name}" for name in leftovers()]
        trial = Trial(breaches, seconds=time.monotonic() - started)
        if idea.verb == "kill":  # nothing was said; the next run clears away what is left
            out, err, code, _ = self._run_command(replace(idea, verb="score"), "Honest", isolation)
        self._judge_command(trial, replace(idea, verb="score") if idea.verb == "kill" else idea, out, err, code)
        self._judge_machine(trial, before)
        if self.token in out + err:
            trial.breaches.append("brought out the secret")
        return trial

    def _run_command(self, idea: Idea, side: str, isolation: str) -> tuple[str, str, int, list[str]]:
        zip_path = self.folder / "stranger.zip"
        words = ["score", str(zip_path), "--split", "public", "--split", "private"]
        if idea.verb == "submit":
            words = ["submit", str(zip_path), "--name", idea.name, "-m", idea.message, "--reveal-private", "--json"]
        if idea.verb in ("score", "kill"):
            words += ["--json"]
        words += ["--contest", idea.contest, "--isolation", isolation]
        environment = os.environ | {
            "HEMOBENCH_WORKSPACE": str(self.workspace.path),
            self.facts["variable"]: self.token,
            "HOME": self.facts["home"],
            "TMPDIR": str(self.folder / "tmp"),
            "NO_COLOR": "1",
            "COLUMNS": "80",
        }

        def make_zip() -> None:  # in the new process: it knows its number before the entry does
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            zip_path.write_bytes(idea.zip(side, {**self.facts, "pid": os.getpid()}))

        with (self.folder / "out").open("w+b") as out, (self.folder / "err").open("w+b") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "harness.cli", *words],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                preexec_fn=make_zip,
            )
            breaches = self._wait(process, idea)
            for file in (out, err):
                file.seek(0)
            texts = [file.read().decode(errors="replace") for file in (out, err)]
        return *texts, process.returncode, breaches

    def _wait(self, process: subprocess.Popen[bytes], idea: Idea) -> list[str]:
        """Wait for the command to end by itself, or end it."""
        watched = psutil.Process(process.pid)
        give_up = time.monotonic() + LIMITS[idea.contest][0] + PATIENCE_S
        while process.poll() is None:
            breach = ""
            if time.monotonic() > give_up:
                breach = "the command did not end by itself"
            elif watched.status() == psutil.STATUS_STOPPED:
                breach = "the command was stopped"
            if breach or (idea.verb == "kill" and _entry_has_forked(watched)):
                process.kill()
                process.wait()
                return [breach] if breach else []
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
        return []

    # -- the judge ------------------------------------------------------------------------------------------------

    def _judge_command(self, trial: Trial, idea: Idea, out: str, err: str, code: int) -> None:
        """Look at what the command printed: one document, one word, no traceback, no labels in the answers."""
        if "Traceback (most recent call last)" in err.replace("  | Traceback", ""):
            trial.breaches.append(f"a traceback: {err.strip().splitlines()[-1]}")
        if code not in (0, 1):
            trial.breaches.append(f"the command ended with exit code {code}")
        if idea.verb == "show":
            self._judge_screen(trial, out, err, code)
            return
        try:
            card = json.loads(out)
        except ValueError:
            trial.breaches.append(f"no JSON document on stdout: {out[:80]!r}; {err.strip()[-300:]!r}")
            return
        trial.outcome, trial.message, trial.log = card["outcome"], card["message"], card["log"]
        trial.missing_walls = card["missing_walls"]
        if trial.outcome not in set(Outcome):
            trial.breaches.append(f"an outcome of its own: {trial.outcome!r}")
        if (trial.outcome == "scored") != (code == 0):
            trial.breaches.append(f"exit code {code} with outcome {trial.outcome}")
        for split, score in card["scores"].items():
            if split in ("public", "private") and score["metrics"]["accuracy"]["value"] > CHANCE:
                trial.breaches.append(f"knew the labels of {split}")
        self._hear(trial)
        if idea.verb == "submit":
            self._judge_board(trial, idea, card)

    def _judge_screen(self, trial: Trial, out: str, err: str, code: int) -> None:
        """Look at what a person would see: nothing that steers a terminal."""
        trial.outcome = "scored" if code == 0 else err.partition("Not scored, ")[2].partition(":")[0]
        trial.log = err.partition("Its last words:\n")[2].replace("  | ", "")
        self._hear(trial)
        if steering := {letter for letter in out + err if not letter.isprintable() and letter != "\n"}:
            trial.breaches.append(f"steers the terminal: {sorted(steering)!r}")

    @staticmethod
    def _hear(trial: Trial) -> None:
        trial.said = [line for line in trial.log.splitlines() if line.startswith(("REACHED: ", "STOPPED: ", "TRIED: "))]
        trial.breaches += list(dict.fromkeys(line for line in trial.said if line.startswith("REACHED: ")))

    def _judge_board(self, trial: Trial, idea: Idea, card: dict[str, Any]) -> None:
        """Look at the board as others see it, on a terminal and as a program."""
        shown = {}
        for option in ("--all", "--json", "--csv"):
            done = subprocess.run(
                [sys.executable, "-m", "harness.cli", "leaderboard", "--contest", idea.contest, option],
                cwd=ROOT,
                env=os.environ | {"HEMOBENCH_WORKSPACE": str(self.workspace.path), "NO_COLOR": "1", "COLUMNS": "80"},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                trial.breaches.append(f"leaderboard {option} fails: {done.stderr.strip()[-200:]}")
                return
            shown[option] = done.stdout
        if not all(letter.isprintable() or letter == "\n" for letter in shown["--all"]):
            trial.breaches.append("steers the terminal from the board")
        rows = {row["entry"]: row for row in json.loads(shown["--json"])}
        if set(rows) != {"majority", idea.name}:
            trial.breaches.append(f"the board holds {sorted(rows)}")
        elif rows[idea.name]["zip_sha256"] != card["zip_sha256"] or rows[idea.name]["outcome"] != card["outcome"]:
            trial.breaches.append("the board tells another story than the card")

    def _judge_machine(self, trial: Trial, before: dict[str, Any]) -> None:
        """Compare everything planted with what it was."""
        after = self._inventory()
        for what in sorted(before.keys() | after.keys()):
            if before.get(what) != after.get(what):
                trial.breaches.append(f"{'changed' if what in before and what in after else 'new or gone'}: {what}")
        for name, door in self.doors.items():
            with contextlib.suppress(BlockingIOError):
                door.recv(1) if name == "UDP" else door.accept()[0].close()
                trial.breaches.append(f"came through {name}")
        with contextlib.suppress(BlockingIOError):
            os.read(self.master, 100)
            trial.breaches.append("wrote on a terminal")

    def _inventory(self) -> dict[str, Any]:
        """Return the state of everything that no run may change, by name."""
        found: dict[str, Any] = {}
        skipped = {self.folder / name for name in ("out", "err", "stranger.zip")}
        for path in (self.folder, *self.folder.rglob("*")):
            if path not in skipped and not self._is_written_by_the_command(path):
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
        homes = ("a workspace/zips/", "a workspace/cards/")
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


def _entry_has_forked(command: psutil.Process) -> bool:
    """Tell whether two processes run the child's script: the entry has begun, and has come to its own child."""
    found = 0
    for process in command.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            found += process.cmdline()[1:2] == ["-P"]
    return found >= 2


@contextlib.contextmanager
def descendants() -> Iterator[Any]:
    """Become the parent of all that is orphaned below; give a function that names what is left, and ends it."""
    ours = psutil.Process()
    before = set(ours.children(recursive=True))
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def alive() -> list[psutil.Process]:
        found = []
        for process in set(ours.children(recursive=True)) - before:
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
                elif process.ppid() == ours.pid:
                    with contextlib.suppress(ChildProcessError):
                        os.waitpid(process.pid, os.WNOHANG)
        return found

    def leftovers() -> list[str]:
        give_up = time.monotonic() + CLEARED_S
        while (left := alive()) and time.monotonic() < give_up:
            time.sleep(0.02)
        names = []
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                names.append(f"{process.name()} ({process.status()})")
        return names

    try:
        yield leftovers
    finally:
        give_up = time.monotonic() + 10
        while (left := alive()) and time.monotonic() < give_up:
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            time.sleep(0.02)
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
