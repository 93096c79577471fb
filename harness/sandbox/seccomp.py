"""The filter of system calls that is put on an entry: made here, on this side, and set by `restrict.py`."""

from __future__ import annotations

import resource
import socket
import struct
from typing import Any

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
EPERM, ENOSYS, EAFNOSUPPORT, DONE = 1, 38, 97, 0

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
FIRST_UNKNOWN = 463  # system calls since Linux 6.13; no C library needs one of them
# Numbers on x86-64 and on 64-bit ARM; and how seccomp names the architecture.
CLONE, SOCKET, KEYCTL, PRCTL, FCNTL = (56, 220), (41, 198), (250, 219), (157, 167), (72, 25)
SETRLIMIT, PRLIMIT = (160, 164), (302, 261)
F_SETLEASE, F_NOTIFY, F_SETDELEG = 1024, 1026, 1040
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
# A network and a file system of its own leave these nothing of the host to reach; others may lead round both.
SOCKETS = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)
NETLINK_ROUTE = 0  # of AF_NETLINK this alone, for lists of interfaces: another tells of the host's devices


def job(machine: str) -> dict[str, Any]:
    """Return ``syscalls`` of a job of `restrict.py`; without a filter where there is no list for this architecture."""
    if machine not in ARCHITECTURES:
        return {"keyctl": 0, "filter": ""}
    return {"keyctl": KEYCTL[ARCHITECTURES[machine][0]], "filter": seccomp_filter(machine).hex()}


def seccomp_filter(machine: str) -> bytes:
    """Return the program that denies `DENIED`, `ABSENT`, new user namespaces and all socket families but `SOCKETS`.

    And what reaches the host without opening anything of it: leases on its files, and crashes, which it handles.

    A classic BPF program: instructions of 8 bytes (code, jump if true, jump if false, operand) over the structure
    ``seccomp_data`` (number of the call at byte 0, architecture at 4, arguments of 8 bytes from 16 on).
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
        # What is newer than this list was not looked at; the x32 calls of x86-64 would go round every number below.
        instruction(at_least, FIRST_UNKNOWN, 0, 1),
        instruction(answer, deny | ENOSYS),
    ]
    for numbers in DENIED.values():
        program += [instruction(equal, numbers[column], 0, 1), instruction(answer, deny | EPERM)]
    for numbers in ABSENT.values():
        program += [instruction(equal, numbers[column], 0, 1), instruction(answer, deny | ENOSYS)]

    def when(call: tuple[int, int], *then: bytes) -> list[bytes]:
        return [instruction(equal, call[column], 0, len(then)), *then]

    first, second, third, third_high = (instruction(load, at) for at in (16, 24, 32, 36))
    allowed, denied, done = (instruction(answer, word) for word in (allow, deny | EPERM, deny | DONE))
    # Who could unsay that it dies with its parent might outlive the harness.  Told that it is done, nobody minds.
    program += when(PRCTL, first, instruction(equal, PR_SET_PDEATHSIG, 0, 1), done, allowed)
    program += when(CLONE, first, instruction(any_bit, CLONE_NEWUSER, 0, 1), denied, allowed)
    # Whoever opens a leased file waits until the lease is given up, for 45 s: the harness itself may.
    program += when(
        FCNTL,
        second,
        *(instruction(equal, F_SETLEASE, 2), instruction(equal, F_SETDELEG, 1), instruction(equal, F_NOTIFY, 0, 1)),
        *(denied, allowed),
    )
    # The limit on core dumps stays as it is, see `sandbox_command.py`; to read it, null is given for a new one.
    program += when(SETRLIMIT, first, instruction(equal, resource.RLIMIT_CORE, 0, 1), done, allowed)
    program += when(
        PRLIMIT,
        *(second, instruction(equal, resource.RLIMIT_CORE, 0, 5)),
        *(third, instruction(equal, 0, 0, 2), third_high, instruction(equal, 0, 1, 0)),
        *(done, allowed),
    )
    program += when(
        SOCKET,
        first,
        *(instruction(equal, family, len(SOCKETS) - i + 3, 0) for i, family in enumerate(SOCKETS)),
        *(instruction(equal, socket.AF_NETLINK, 0, 2), third, instruction(equal, NETLINK_ROUTE, 1, 0)),
        *(instruction(answer, deny | EAFNOSUPPORT), allowed),
    )
    program.append(allowed)
    return b"".join(program)
