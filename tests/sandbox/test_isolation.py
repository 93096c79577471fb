"""What an entry can reach: the same break-out attempts behind each isolation, and with none, where they succeed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import textwrap
from pathlib import Path

import numpy as np
import pytest

import harness
from harness.contest import Limits
from harness.sandbox.backends import AUTOMATIC
from harness.sandbox.isolation import RESTRICTIONS
from harness.sandbox.outcome import Outcome
from harness.sandbox.run import run_entry
from harness.sandbox.sandbox_command import counts_its_own_processes
from harness.sandbox.watch import SCRATCH_FILES
from tests.sandbox.conftest import why_not

PROJECT = Path(harness.__file__).parents[1]

PRISONER = """
import ctypes, importlib, json, os, pathlib, socket, sys
facts = json.loads({facts!r})
reached = []

def attempt(function):
    try:
        function()
    except BaseException:
        return function
    reached.append(function.__name__)

@attempt
def import_the_harness(): sys.path.append(facts['project']); importlib.import_module('harness')
@attempt
def read_the_project(): pathlib.Path(facts['project'], 'pyproject.toml').read_text()
@attempt
def read_a_file_of_the_host(): pathlib.Path(facts['secret']).read_text()
@attempt
def read_another_run(): pathlib.Path(facts['other_run']).read_text()
@attempt
def read_accounts(): pathlib.Path('/etc/passwd').read_text()
@attempt
def find_a_variable(): os.environ[facts['variable']]
@attempt
def find_a_process_of_the_host():
    assert pathlib.Path('/proc', str(facts['pid']), 'cmdline').read_bytes() == bytes.fromhex(facts['cmdline'])
@attempt
def read_memory_of_the_parent(): open(f'/proc/{{os.getppid()}}/mem', 'rb')
@attempt
def find_an_open_file():
    for fd in os.listdir('/proc/self/fd'):
        name = os.readlink(f'/proc/self/fd/{{fd}}')
        if facts['scratch'] in name and 'images' not in name and 'work' not in name: return
    raise OSError
@attempt
def signal_the_harness():
    os.kill(facts['pid'], 0)
    assert pathlib.Path('/proc', str(facts['pid']), 'cmdline').read_bytes() == bytes.fromhex(facts['cmdline'])
@attempt
def connect_by_tcp(): socket.create_connection(('127.0.0.1', facts['tcp']), 1)
@attempt
def send_by_udp():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', facts['udp']))
    raise OSError  # sent, perhaps to a loopback of its own: the receiver knows better
@attempt
def connect_to_a_socket_file(): socket.socket(socket.AF_UNIX).connect(facts['unix'])
@attempt
def connect_to_an_abstract_socket(): socket.socket(socket.AF_UNIX).connect(chr(0) + facts['abstract'])
@attempt
def talk_to_a_hypervisor(): socket.socket(40, socket.SOCK_STREAM)
@attempt
def attach_shared_memory():
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.shmget(facts['shm_key'], 0, 0) >= 0
@attempt
def ask_for_a_keyring(): assert ctypes.CDLL(None).syscall(250, 0, -3, 0) >= 0
@attempt
def make_a_user_namespace(): assert ctypes.CDLL(None).unshare(0x10000000) == 0
@attempt
def gain_root(): os.setuid(0); assert os.getuid() == 0; open('/proc/sys/kernel/core_pattern', 'r+')
@attempt
def write_core_pattern(): open('/proc/sys/kernel/core_pattern', 'r+')
@attempt
def raise_a_limit():
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (9999, 9999))

def write_at(path):
    with open(path, 'a') as file: file.write('x')

for path in facts['unwritable']:
    try: write_at(path)
    except OSError: continue
    reached.append(f'write {{path}}')
    if path.endswith('planted'): os.remove(path)

class Model:
    def predict(self, X):
        try:
            X.flags.writeable = True
            reached.append('write the images')
        except ValueError: pass
        print(json.dumps(sorted(set(reached))))
        return [0] * len(X)
"""

# Without isolation these must be reached: an attempt that always fails would show nothing.
REACHED_WITHOUT_ISOLATION = {
    "import_the_harness",
    "read_the_project",
    "read_a_file_of_the_host",
    "read_another_run",
    "read_accounts",
    "find_a_process_of_the_host",
    "signal_the_harness",
    "connect_by_tcp",
    "send_by_udp",
    "connect_to_a_socket_file",
    "connect_to_an_abstract_socket",
    "attach_shared_memory",
}


@pytest.fixture
def reached(zipped, tmp_path, monkeypatch):
    """Return a function that runs the prisoner and gives what it reached."""
    secret, other_run = tmp_path / "labels.txt", tmp_path / "scratch" / "labels.txt"
    other_run.parent.mkdir()
    for path in (secret, other_run):
        path.write_text("0 1 2")
        path.chmod(0o644)
    monkeypatch.setenv("HEMOBENCH_SECRET", "1")
    abstract = f"hemobench-{os.urandom(8).hex()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as unix,
        socket.socket(socket.AF_UNIX) as hidden,
        shared_memory() as shm_key,
    ):
        udp.bind(("127.0.0.1", 0))
        udp.setblocking(False)
        # A socket file has a path of at most 108 bytes, so it is bound by a relative one.
        monkeypatch.chdir(tmp_path)
        unix.bind("s")
        unix.listen()
        hidden.bind(f"\0{abstract}")
        hidden.listen()
        facts = {
            "project": str(PROJECT),
            "secret": str(secret),
            "other_run": str(other_run),
            "scratch": str(tmp_path),
            "variable": "HEMOBENCH_SECRET",
            "pid": os.getpid(),
            "cmdline": Path("/proc/self/cmdline").read_bytes().hex(),
            "tcp": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "unix": str(tmp_path / "s"),
            "abstract": abstract,
            "shm_key": shm_key,
            "unwritable": [
                str(tmp_path / "planted"),
                str(tmp_path / "scratch" / "planted"),
                # Below /tmp, which is the entry's own, its folder may stand for that of the interpreter.
                *([] if PROJECT.is_relative_to("/tmp") else [str(PROJECT / "planted")]),
                str(Path(np.__file__).with_name("planted")),
                str(Path.home() / "planted"),
                "/usr/lib/planted",
                "/planted",
                "/dev/planted",
                "/sandbox/planted",
                "/sandbox/given/entry/planted",
                "/sandbox/child.py",
                "/sandbox/given/images/0.npy",
            ],
        }

        def start(isolation: str) -> set[str]:
            path = zipped(textwrap.dedent(PRISONER).format(facts=json.dumps(facts)))
            done = run_entry(
                path,
                {"val": np.zeros((3, 8, 8, 3), np.uint8)},
                8,
                Limits(),
                scratch=tmp_path / "scratch",
                order=1,
                isolation=isolation,
            )
            assert done.outcome == Outcome.SCORED, done
            found = set(json.loads(done.log.splitlines()[-1]))
            with contextlib.suppress(BlockingIOError):
                udp.recv(1)
                found.add("send_by_udp")
            return found

        yield start


class shared_memory:  # noqa: N801 - used as a function
    """A System V segment that any process of the host may attach."""

    def __enter__(self) -> int:
        import ctypes

        self.libc = ctypes.CDLL(None, use_errno=True)
        key = int.from_bytes(os.urandom(3), "little") + 1
        self.number = self.libc.shmget(key, 4096, 0o1666)
        assert self.number >= 0
        return key

    def __exit__(self, *error: object) -> None:
        self.libc.shmctl(self.number, 0, None)


def test_an_entry_reaches_nothing_in_isolation(reached, isolation):
    if isolation == "none":
        assert reached(isolation) >= REACHED_WITHOUT_ISOLATION
    else:
        assert reached(isolation) == set()


def test_every_missing_restriction_is_named(run, isolation):
    done = run(isolation=isolation)
    if isolation == "none":
        assert {"no network", "read-only system", "no files of the host"} <= set(done.missing_restrictions)
    else:
        assert done.missing_restrictions == ()
        assert done.restrictions == RESTRICTIONS


def test_what_an_entry_may_store_is_limited(run, isolation):
    """Up to 2 GB in files of 10 MB into each place it may write; 20 MB are allowed for the submission."""
    if isolation == "none":
        pytest.skip("without isolation only the size of one file is limited")
    model = """
    import os, tempfile
    class Model:
        def __init__(self):
            for folder in ('.', tempfile.gettempdir(), '/dev/shm'):
                stored = 0
                try:
                    for i in range({n}):
                        with open(f'{{folder}}/{{i}}', 'wb') as file:
                            os.posix_fallocate(file.fileno(), 0, 10_000_000)
                        stored += 10
                except OSError: pass
                print(stored)
        def predict(self, X):
            return [0] * len(X)
    """
    assert run(model.format(n=200), isolation, unpacked_mb=20).log.split() == ["20", "1020", "250"]
    assert run(model.format(n=1), isolation, unpacked_mb=20).log.split() == ["10", "10", "10"]


ENDS = {
    "killed by itself": "import os; os.kill(os.getpid(), 9)",
    "a crash": "import ctypes; ctypes.string_at(0)",
    "aborted": "import os; os.abort()",
    "terminated": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "interrupted": "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(600)",
    "a hang-up": "import os, signal; os.kill(os.getpid(), signal.SIGHUP)",
    "its whole group killed": "import os; os.killpg(0, 9)",
    "everybody killed": "import contextlib, os\n"
    "        with contextlib.suppress(OSError): os.kill(-1, 9)\n        os.kill(os.getpid(), 9)",
    "gone with a code": "import os; os._exit(7)",
    "init asked to go": "import contextlib, os\n        for n in (2, 9, 15, 19):\n"
    "            with contextlib.suppress(OSError): os.kill(1, n)\n        return [0] * len(X)",
    "children adopted": "import os\n        if os.fork() == 0:\n            if os.fork(): os._exit(0)\n"
    "            import time; time.sleep(600)\n        os.wait(); return [0] * len(X)",
    "too many files": "import os\n        for i in range(10 ** 6): os.mkdir(f'/tmp/{i}')",
    "a terminal of its own": "import pty; pty.openpty(); return [0] * len(X)",
    "a pool": "import multiprocessing as m\n        with m.get_context('fork').Pool(2) as pool: "
    "return pool.map(abs, [0] * len(X))",
}


@pytest.mark.parametrize("end", ENDS)
def test_an_entry_ends_alike_behind_each_isolation(run, end, request):
    """As an ordinary process ends; the first of a namespace would be deaf to its own signals.

    Also where the harness itself is deaf, as in the background of a shell.
    """
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        before = signal.signal(number, signal.SIG_IGN)
        request.addfinalizer(lambda number=number, before=before: signal.signal(number, before))
    model = f"class Model:\n    def predict(self, X):\n        {ENDS[end]}\n"
    found = {}
    for isolation in (backend.name for backend in AUTOMATIC):
        if not why_not(isolation):
            done = run(model, isolation)
            # How many processes of its own user there are to kill is the sandbox's matter, its end is not.
            found[isolation] = (done.outcome, done.code, done.subject, done.message, done.hint)
    if not found:
        pytest.skip("no isolation can be had here")
    assert len(set(found.values())) == 1, found
    outcome = next(iter(found.values()))[0]
    scored = ("init asked to go", "children adopted", "a terminal of its own", "a pool")
    assert outcome == (
        "scored"
        if end in scored
        else {"gone with a code": "predict_failed", "interrupted": "predict_failed"}.get(end, "killed")
    ), found


def test_an_entry_may_have_as_many_processes_as_it_is_told(run, isolation):
    if isolation == "none" or not counts_its_own_processes():
        pytest.skip("the kernel keeps no count for the entry alone")
    model = """
    import re, threading
    class Model:
        def predict(self, X):
            end = threading.Event()
            try:
                for _ in range(100): threading.Thread(target=end.wait, daemon=True).start()
            except RuntimeError:
                print('threads:', re.search(r'Threads:\\s*(\\d+)', open('/proc/self/status').read())[1])
            end.set()
            return [0] * len(X)
    """
    done = run(model, isolation, processes=40)
    assert (done.outcome, "threads: 40\n" in done.log) == ("scored", True), done


def test_descriptors_in_flight_stop_no_other_program_of_the_same_user(run, isolation):
    if isolation == "none":
        pytest.skip("without isolation an entry of root's has no limit")
    model = """
    import socket
    class Model:
        def predict(self, X):
            n, self.held = 0, []
            try:
                while n < 2000:
                    self.held.append(socket.socketpair())
                    socket.send_fds(self.held[-1][0], [b'x'], [0] * 250)
                    n += 250
            except OSError:
                print('in flight:', n)
            return [0] * len(X)
    """
    done = run(model, isolation)
    assert done.outcome == "scored", done
    found = re.search(r"in flight: (\d+)", done.log)
    assert found and int(found[1]) <= 1024, done.log
    # And what others have in flight keeps no entry from being started.
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            pair = [stack.enter_context(end) for end in socket.socketpair()]
            socket.send_fds(pair[0], [b"x"], [0] * 240)
        assert run(isolation=isolation).outcome == "scored"


def test_the_folders_of_memory_hold_so_many_files_and_no_more(run, isolation):
    if isolation == "none":
        pytest.skip("without isolation the scratch lies on the host's disk")
    model = """
    class Model:
        def predict(self, X):
            for i in range({}): open(f'/dev/shm/{{i}}', 'w').close()
            return [0] * len(X)
    """
    assert run(model.format(SCRATCH_FILES // 2), isolation).outcome == "scored"
    done = run(model.format(SCRATCH_FILES * 50), isolation)
    assert (done.outcome, done.code) == ("killed", "file_limit")


def test_an_answer_takes_no_more_of_the_machine_than_it_may_hold(run, isolation):
    """Reserved in one call, before anybody can look."""
    if isolation == "none":
        pytest.skip("without isolation only the size of one file is limited")
    model = """
    import json, os, sys
    class Model:
        def predict(self, X):
            job = json.loads(sys.orig_argv[-1])
            for name in ('predictions', 'probabilities', 'report'):
                for size in (1_000, 1_000_000):
                    with open(job[name], 'r+b') as file:
                        try: os.posix_fallocate(file.fileno(), 0, size)
                        except OSError as error: print(name, size, error.errno)
            os._exit(0)
    """
    done = run(model, isolation)
    assert done.log.splitlines() == [f"{name} 1000000 28" for name in ("predictions", "probabilities", "report")]
    assert done.outcome == "predict_failed"


def test_an_entry_is_run_whatever_the_umask_is(run, isolation, request):
    """As another user than ours, where we are root, it must be able to read what is laid out for it."""
    before = os.umask(0o077)
    request.addfinalizer(lambda: os.umask(before))
    done = run(isolation=isolation)
    assert (done.outcome, done.isolation) == ("scored", isolation), done
