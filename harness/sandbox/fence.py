"""The walls a process closes around itself, and can never open again, before it becomes something else.

Run by path, with one argument, a JSON object; needs nothing but the standard library:

``argv``        what to become in the end
``limits``      resource limits by name, ``{"NOFILE": 1024, ...}``, soft and hard alike
``uid``         a user to change to, or null (only root can)
``writable``    null, or files: every other file of the file system becomes read-only (needs namespaces of our own)
``mounts``      ``[folder, bytes]`` pairs: a tmpfs of that size is mounted on each, after that
``landlock``    null, or ``{"read": [...], "write": [...]}``: every other path becomes unreachable
``syscalls``    true: deny system calls no model needs (keyrings, ptrace, mount, new namespaces, bpf, ...)
``required``    true: fail where ``landlock`` or ``syscalls`` cannot be had, instead of going on without
``sockets``     the socket families left when ``syscalls`` is true
``tell``        a file descriptor that gets one line of JSON, the walls closed here; it stays open for ``argv``
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 22, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
MS_NOSUID, MS_NODEV, MS_BIND = 2, 4, 4096
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1
TMPFS_FILES = 200_000  # an empty file costs the kernel a kilobyte that no size limit counts
KEYCTL_JOIN_SESSION_KEYRING = 1
CLONE_NEWUSER = 0x10000000
EPERM, ENOSYS, EAFNOSUPPORT, DONE = 1, 38, 97, 0

# Landlock has the same numbers on every architecture.
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
READ_RIGHTS = 1 << 0 | 1 << 2 | 1 << 3  # execute, read file, read folder
FILE_RIGHTS = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15  # those that make sense on a file that is no folder
DEVICE_MAKING = 1 << 6 | 1 << 11
# Rights known since ABI 1, 2 (link or rename across folders), 3 (truncate) and 5 (ioctl on devices).
RIGHTS_OF_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}

# System calls by number on x86-64 and on 64-bit ARM.
DENIED = {
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_by_handle_at": (304, 265),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "syslog": (103, 116),
    "kcmp": (312, 272),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "fanotify_init": (300, 262),
    "name_to_handle_at": (303, 264),
    "chroot": (161, 51),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "swapon": (167, 224),
    "reboot": (169, 142),
    "clock_settime": (227, 112),
    "settimeofday": (164, 170),
    "kexec_file_load": (320, 294),
}
# Those that a program tries and does without where the kernel says that it does not have them.  clone3 hides its flags
# behind a pointer: the C library falls back to clone.  The others hold memory that is in no process's resident size.
ABSENT = {
    "clone3": (435, 435),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
}
# Numbers on x86-64 and on 64-bit ARM; and how seccomp names the architecture.
CLONE, SOCKET, KEYCTL, PRCTL = (56, 220), (41, 198), (250, 219), (157, 167)
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


def call(function: Any, *arguments: Any) -> int:
    """Call a C function and raise `OSError` when it returns a negative number."""
    result = function(*(ctypes.c_long(value) if isinstance(value, int) else value for value in arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)


def close_landlock(libc: ctypes.CDLL, read: list[str], write: list[str]) -> list[str]:
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
    return ["read-only system", "no files of the host"]


def close_mounts(libc: ctypes.CDLL, writable: list[str]) -> None:
    """Make all file systems of this mount namespace read-only, but for some files: modes and times of files included.

    Landlock alone knows no right to change a file's mode, owner or times.
    """
    for path in writable:
        call(libc.mount, os.fsencode(path), os.fsencode(path), None, MS_BIND, None)
    for path, flags, (on, off) in (
        ("/", AT_RECURSIVE, (MOUNT_ATTR_RDONLY, 0)),
        *((path, 0, (0, MOUNT_ATTR_RDONLY)) for path in writable),
    ):
        attributes = struct.pack("=QQQQ", on, off, 0, 0)
        call(libc.syscall, MOUNT_SETATTR, AT_FDCWD, os.fsencode(path), flags, attributes, len(attributes))


def seccomp_filter(machine: str, sockets: list[int]) -> bytes:
    """Return the program that denies `DENIED`, `ABSENT`, new user namespaces and all but some socket families.

    A classic BPF program: instructions of 8 bytes (code, jump if true, jump if false, operand) over the structure
    ``seccomp_data`` (number of the call at byte 0, architecture at 4, first argument at 16).
    """
    column, architecture = ARCHITECTURES[machine]
    load, equal, at_least, any_bit, answer = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, deny = 0x7FFF0000, 0x00050000

    def instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
        return struct.pack("=HBBI", code, if_true, if_false, operand)

    program = [
        instruction(load, 4),
        instruction(equal, architecture, 1, 0),
        instruction(answer, deny | EPERM),
        instruction(load, 0),
        instruction(at_least, 0x40000000, 0, 1),  # the x32 calls of x86-64 would go round every number below
        instruction(answer, deny | EPERM),
    ]
    for numbers in DENIED.values():
        program += [instruction(equal, numbers[column], 0, 1), instruction(answer, deny | EPERM)]
    for numbers in ABSENT.values():
        program += [instruction(equal, numbers[column], 0, 1), instruction(answer, deny | ENOSYS)]
    program += [
        # Who could unsay that it dies with its parent might outlive the harness.  Told that it is done, nobody minds.
        instruction(equal, PRCTL[column], 0, 4),
        instruction(load, 16),
        instruction(equal, PR_SET_PDEATHSIG, 0, 1),
        instruction(answer, deny | DONE),
        instruction(answer, allow),
        instruction(equal, CLONE[column], 0, 4),
        instruction(load, 16),
        instruction(any_bit, CLONE_NEWUSER, 0, 1),
        instruction(answer, deny | EPERM),
        instruction(answer, allow),
        instruction(equal, SOCKET[column], 0, len(sockets) + 2),
        instruction(load, 16),
        *(instruction(equal, family, len(sockets) - i, 0) for i, family in enumerate(sockets)),
        instruction(answer, deny | EAFNOSUPPORT),
        instruction(answer, allow),
    ]
    return b"".join(program)


def close_syscalls(libc: ctypes.CDLL, sockets: list[int]) -> list[str]:
    """Take a session keyring of our own, then deny the system calls of `seccomp_filter`."""
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise OSError(ENOSYS, f"no list of system calls for {machine}")
    with contextlib.suppress(OSError):  # a kernel without keyrings has nothing to hide
        call(libc.syscall, KEYCTL[ARCHITECTURES[machine][0]], KEYCTL_JOIN_SESSION_KEYRING, None)
    program = seccomp_filter(machine, sockets)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    call(libc.prctl, PR_SET_SECCOMP, 2, header, 0, 0)
    return ["no keyrings", "no ptrace", "system-call filter"]


def main(job: dict[str, Any]) -> None:
    """Close the walls of `job` in the one order that works, tell which stand, and become ``argv``."""
    walls: list[str] = []
    libc = ctypes.CDLL(None, use_errno=True)
    with contextlib.suppress(OSError):  # when memory runs out, the kernel takes the entry and not the harness
        Path("/proc/self/oom_score_adj").write_text("1000")
    if job["writable"] is not None:
        close_mounts(libc, job["writable"])
    for folder, size in job["mounts"]:
        options = f"size={size},mode=1777,nr_inodes={TMPFS_FILES}".encode()
        call(libc.mount, b"tmpfs", os.fsencode(folder), b"tmpfs", MS_NOSUID | MS_NODEV, options)
    for name, value in job["limits"].items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    if job["uid"] is not None:
        os.setgroups([])
        os.setresgid(job["uid"], job["uid"], job["uid"])
        os.setresuid(job["uid"], job["uid"], job["uid"])
    with contextlib.suppress(AttributeError, OSError):  # where there is none, an entry may outlive a killed harness
        call(libc.prctl, PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if job["landlock"] is not None or job["syscalls"]:
        call(libc.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        walls.append("no new privileges")
        with contextlib.suppress(OSError):  # `unshare --keep-caps` holds capabilities in the ambient set
            call(libc.prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    # Where they are not required, a kernel that lacks Landlock or seccomp leaves a wall that is not told of.
    tolerated: tuple[type[OSError], ...] = () if job["required"] else (OSError,)
    if job["landlock"] is not None:
        with contextlib.suppress(*tolerated):
            walls += close_landlock(libc, job["landlock"]["read"], job["landlock"]["write"])
    if job["syscalls"]:
        with contextlib.suppress(*tolerated):
            walls += close_syscalls(libc, job["sockets"])
    os.write(job["tell"], json.dumps(walls).encode() + b"\n")
    os.set_inheritable(job["tell"], True)
    os.execv(job["argv"][0], job["argv"])


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
