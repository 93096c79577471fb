"""How a process restricts itself, with no way back, before it becomes something else.

Run by path, with one argument, a JSON object; needs nothing but the standard library:

``argv``        what to become in the end
``root``        null, or a file system to build and to change root to (needs namespaces of our own): ``at``, an empty
                folder; ``memory``, ``[folder, bytes, mode]`` each; ``links``, ``[target, place]``; ``binds``,
                ``[host, seen, writable]``; ``devices``; empty ``folders``; ``hidden`` ones; ``start``, where to begin.
                An init is then put above what follows, so that signals do to it what they do anywhere
``limits``      resource limits by name, ``{"NOFILE": 768, ...}``, soft and hard alike
``uid``         a user to change to, or null (only root can)
``landlock``    null, or ``{"read": [...], "write": [...]}``: every other path becomes unreachable
``syscalls``    null, or what `seccomp.py` makes, which denies system calls that no model needs: ``filter``, its program
                in hexadecimal digits, and ``keyctl``, the number of that call
``required``    true: fail where ``landlock`` or ``syscalls`` cannot be had, instead of going on without
``answers``     files to make, for ``argv`` to write
``scratch``     folders of limited size that ``argv`` may write
``tell``        the descriptor of a socket that gets one line of JSON, the restrictions made here, and with it a
                descriptor for each of ``answers`` and then of ``scratch``; it stays open for ``argv``
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import resource
import signal
import socket
import stat
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 4, 22, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
CAPABILITIES_3 = 0x20080522  # the version of capset's structure that has 64 bits
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
MNT_DETACH = 2
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE = 442, -100, 0x8000
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4
ROOT_BYTES = 16_000_000  # of the file system that holds nothing but the places of mounts
TMPFS_FILES = 200_000  # an empty file costs the kernel a kilobyte that no size limit counts
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
DEVICE_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}
# Those of /proc that some kernels let root write.
SETTINGS = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus")
KEYCTL_JOIN_SESSION_KEYRING = 1
ENOSYS = 38

# Landlock has the same numbers on every architecture.
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
READ_RIGHTS = 1 << 0 | 1 << 2 | 1 << 3  # execute, read file, read folder
FILE_RIGHTS = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15  # those that make sense on a file that is no folder
DEVICE_MAKING = 1 << 6 | 1 << 11
# Rights known since ABI 1, 2 (link or rename across folders), 3 (truncate) and 5 (ioctl on devices).
RIGHTS_OF_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}


def call(function: Any, *arguments: Any) -> int:
    """Call a C function and raise `OSError` when it returns a negative number."""
    result = function(*(ctypes.c_long(value) if isinstance(value, int) else value for value in arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)


def restrict_paths(libc: ctypes.CDLL, read: list[str], write: list[str]) -> None:
    """Leave only the paths named, and no TCP, no foreign abstract socket, no signal to a process outside."""
    abi = call(libc.syscall, LANDLOCK_CREATE_RULESET, None, 0, 1)
    handled = max(rights for since, rights in RIGHTS_OF_ABI.items() if since <= abi)
    # The structure grew with the ABI: paths, then (4) TCP bind and connect, then (6) abstract sockets and signals.
    attributes = struct.pack("=QQQ", handled, 3, 3)[: 8 if abi < 4 else 16 if abi < 6 else 24]
    ruleset = call(libc.syscall, LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    for paths, rights in ((read, READ_RIGHTS), (write, handled & ~DEVICE_MAKING)):
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
                allowed = rights & handled if Path(path).is_dir() else rights & handled & FILE_RIGHTS
                call(libc.syscall, LANDLOCK_ADD_RULE, ruleset, 1, struct.pack("=Qi", allowed, fd), 0)
                os.close(fd)
    call(libc.syscall, LANDLOCK_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


class NewRoot:
    """A file system made from nothing on the folder ``at``, and then the only one there is.

    Parameters
    ----------
    libc : ctypes.CDLL
    job : dict
        ``root`` of the job.
    """

    def __init__(self, libc: ctypes.CDLL, job: dict[str, Any]) -> None:
        self.libc, self.job, self.at = libc, job, os.path.realpath(job["at"])

    def enter(self) -> None:
        """Build it and change root to it; nothing of the old one is left within reach."""
        self.mount(None, "/", flags=MS_REC | MS_PRIVATE)
        self.mount("tmpfs", self.at, "tmpfs", MS_NOSUID | MS_NODEV, f"size={ROOT_BYTES},mode=755")
        self.mount("proc", self.folder("/proc"), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        for path in SETTINGS:
            if os.path.exists(self.place(path)):  # noqa: PTH110 - paths are text here, as the kernel takes them
                self.bind(self.place(path), path)
        self.devices()
        for path, size, mode in self.job["memory"]:
            options = f"size={size},mode={mode:o},nr_inodes={TMPFS_FILES}"
            self.mount("tmpfs", self.folder(path), "tmpfs", MS_NOSUID | MS_NODEV, options)
        for target, path in self.job["links"]:
            Path(self.place(path)).symlink_to(target)
        for host, seen, writable in self.job["binds"]:
            self.bind(host, seen, writable=writable)
        for path in self.job["folders"]:
            self.folder(path)
        for path in self.job["hidden"]:
            self.mount("tmpfs", self.folder(path), "tmpfs", MS_NOSUID | MS_NODEV, "size=4k,mode=755")
            self.restrict(path, MOUNT_ATTR_RDONLY)
        self.restrict("/dev", MOUNT_ATTR_RDONLY)
        self.restrict("/", MOUNT_ATTR_RDONLY)
        # The old root lands on top of the new one, and is taken off: no folder for it is needed.
        os.chdir(self.at)
        call(self.libc.pivot_root, b".", b".")
        call(self.libc.umount2, b".", MNT_DETACH)
        os.chdir(self.job["start"])

    def place(self, path: str) -> str:
        """Return where a path of the new root lies now.

        Raises
        ------
        ValueError
            A link on the way would lead out of it.
        """
        found = f"{self.at}{path}".rstrip("/")
        if not f"{os.path.realpath(os.path.dirname(found))}/{found.rpartition('/')[2]}".startswith(self.at):  # noqa: PTH120
            raise ValueError(f"{path} would lie outside")
        return found

    def folder(self, path: str) -> str:
        """Make a folder and those above it, readable to everybody, and return where it lies now."""
        place = self.place(path)
        os.makedirs(place, 0o755, exist_ok=True)  # noqa: PTH103
        return place

    def mount(self, source: str | None, at: str, kind: str | None = None, flags: int = 0, options: str = "") -> None:
        """Call ``mount(2)``."""
        given = [None if text is None else os.fsencode(text) for text in (source, at, kind)]
        try:
            call(self.libc.mount, *given, flags, options.encode())
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror}: mounting {source} on {at}") from None

    def bind(self, host: str, seen: str, *, writable: bool = False, device: bool = False) -> None:
        """Show a file or folder of the host."""
        source = os.path.realpath(host)
        if stat.S_ISDIR(os.stat(source).st_mode):  # noqa: PTH116
            place = self.folder(seen)
        else:
            self.folder(os.path.dirname(seen))  # noqa: PTH120
            place = self.place(seen)
            os.close(os.open(place, os.O_CREAT | os.O_RDONLY | os.O_NOFOLLOW, 0o644))
        self.mount(source, place, flags=MS_BIND | MS_REC)
        attributes = MOUNT_ATTR_NOSUID | (0 if device else MOUNT_ATTR_NODEV) | (0 if writable else MOUNT_ATTR_RDONLY)
        self.restrict(seen, attributes, AT_RECURSIVE)

    def restrict(self, path: str, attributes: int, flags: int = 0) -> None:
        """Set attributes of a mount."""
        given = struct.pack("=QQQQ", attributes, 0, 0, 0)
        place = os.fsencode(self.place(path))
        call(self.libc.syscall, MOUNT_SETATTR, AT_FDCWD, place, flags, given, len(given))

    def devices(self) -> None:
        """Make ``/dev``: devices that anybody may use, terminals of its own, and those handed in."""
        self.mount("tmpfs", self.folder("/dev"), "tmpfs", MS_NOSUID, f"size={ROOT_BYTES},mode=755")
        for path in (*DEVICES, *self.job["devices"]):
            self.bind(path, path, writable=True, device=True)
        options = "newinstance,ptmxmode=0666,mode=620"
        self.mount("devpts", self.folder("/dev/pts"), "devpts", MS_NOSUID | MS_NOEXEC, options)
        for name, target in DEVICE_LINKS.items():
            Path(self.place(f"/dev/{name}")).symlink_to(target)


def become_init(libc: ctypes.CDLL, uid: int | None) -> None:
    """Go on as a child; the process itself stays above it as init, and ends as the child ends.

    The first process of a PID namespace is deaf to signals that have no handler, its own included: an entry in its
    place would not die of what kills it elsewhere.
    """
    child = os.fork()
    if not child:
        return
    silence = os.open("/dev/null", os.O_RDWR)
    for end in range(3):
        os.dup2(silence, end)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    change_user(uid)
    # Before it is the entry's equal: its memory and descriptors are at no time for the entry to open.
    call(libc.prctl, PR_SET_DUMPABLE, 0, 0, 0, 0)
    end_with_parent(libc)
    drop_capabilities(libc)
    call(libc.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    while True:
        with contextlib.suppress(InterruptedError):
            ended, status = os.waitpid(-1, 0)
            if ended == child:
                code = os.waitstatus_to_exitcode(status)
                os._exit(code if code >= 0 else 128 - code)


def change_user(uid: int | None) -> None:
    """Become a user with no group but its own; only root can, and gives up all its rights with it."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


def end_with_parent(libc: ctypes.CDLL) -> None:
    """Be killed when the parent is; to be asked for anew after each change of user."""
    with contextlib.suppress(AttributeError, OSError):  # where there is no such call, an entry may outlive the harness
        call(libc.prctl, PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def drop_capabilities(libc: ctypes.CDLL) -> None:
    """Give up every capability, those that would be passed on included."""
    with contextlib.suppress(OSError):  # a kernel without ambient ones holds none
        call(libc.prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    call(libc.capset, struct.pack("=Ii", CAPABILITIES_3, 0), bytes(24))


def open_ends(answers: Iterable[str], scratch: Iterable[str]) -> list[int]:
    """Make the files of the answers, and return a descriptor for each, then one for each folder of `scratch`.

    Who holds them reads what was written there, whatever is put in the place of the files, and sees how full the
    folders are.
    """
    found = []
    for path in answers:
        found.append(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))
        os.fchmod(found[-1], 0o666)  # the entry may be another user than the one that makes them
    return found + [os.open(path, os.O_PATH | os.O_DIRECTORY) for path in scratch]


def keep_to(name: str, value: int) -> None:
    """Set a resource limit, soft and hard alike."""
    kind = getattr(resource, f"RLIMIT_{name}")
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def restrict_syscalls(libc: ctypes.CDLL, keyctl: int, program: bytes) -> list[str]:
    """Take a session keyring of our own, then deny the system calls that `program` denies."""
    if not program:
        raise OSError(ENOSYS, f"no list of system calls for {platform.machine()}")
    with contextlib.suppress(OSError):  # a kernel without keyrings has nothing to hide
        call(libc.syscall, keyctl, KEYCTL_JOIN_SESSION_KEYRING, None)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    call(libc.prctl, PR_SET_SECCOMP, 2, header, 0, 0)
    return ["no keyrings", "no ptrace", "system-call filter"]


def main(job: dict[str, Any]) -> None:
    """Restrict this process as `job` says, in the one order that works, tell what is in force, and become ``argv``."""
    told: list[str] = []
    libc = ctypes.CDLL(None, use_errno=True)
    with contextlib.suppress(OSError):  # when memory runs out, the kernel takes the entry and not the harness
        Path("/proc/self/oom_score_adj").write_text("1000")
    # What the harness was started with is not the entry's: in the background of a shell it would be deaf to SIGINT.
    # And what has no handler does not reach an init.
    os.umask(0o022)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals():
        with contextlib.suppress(OSError):  # SIGKILL and SIGSTOP
            signal.signal(number, signal.SIG_DFL)
    if job["root"] is not None:
        NewRoot(libc, job["root"]).enter()
        become_init(libc, job["uid"])
    ends = open_ends(job["answers"], job["scratch"])
    limits = dict(job["limits"])
    open_files = limits.pop("NOFILE")
    for name, value in limits.items():
        keep_to(name, value)
    change_user(job["uid"])
    end_with_parent(libc)
    if job["landlock"] is not None or job["syscalls"] is not None:
        drop_capabilities(libc)
        call(libc.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        told.append("no new privileges")
    # Where they are not required, what a kernel without Landlock or seccomp leaves out is not told of.
    tolerated: tuple[type[OSError], ...] = () if job["required"] else (OSError,)
    if job["landlock"] is not None:
        with contextlib.suppress(*tolerated):
            restrict_paths(libc, job["landlock"]["read"], job["landlock"]["write"])
    if job["syscalls"] is not None:
        with contextlib.suppress(*tolerated):
            told += restrict_syscalls(libc, job["syscalls"]["keyctl"], bytes.fromhex(job["syscalls"]["filter"]))
    line = json.dumps(told).encode() + b"\n"
    with socket.socket(fileno=os.dup(job["tell"])) as to:
        socket.send_fds(to, [line], ends)
    for end in ends:
        os.close(end)
    # By this limit the kernel counts also what is in flight between all processes of a user: an entry beside this one
    # may have filled it.
    keep_to("NOFILE", open_files)
    os.set_inheritable(job["tell"], True)
    os.execv(job["argv"][0], job["argv"])


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except OSError as error:
        sys.exit(f"the sandbox cannot be built: {error}")
