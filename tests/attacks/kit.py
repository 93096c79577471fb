"""What travels in every zip of this suite: the facts of the machine, and words for what came of an attempt."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

facts = SimpleNamespace(**json.loads(Path(__file__).with_name("facts.json").read_text()))


@contextlib.contextmanager
def attempt(what: str) -> Iterator[None]:
    """Say that the block got through, or what stopped it; either way the entry goes on."""
    os.write(1, f"TRIED: {what}\n".encode())
    try:
        yield
    except BaseException as error:
        # One write: the log is a pipe that other processes of the entry share.
        os.write(1, f"STOPPED: {what}: {type(error).__name__}: {str(error)[:120]}\n".encode(errors="replace"))
    else:
        os.write(1, f"REACHED: {what}\n".encode())


@contextlib.contextmanager
def trial(what: str) -> Iterator[None]:
    """Do what is no break-in in itself; whether it gained anything is seen from outside."""
    os.write(1, f"TRIED: {what}\n".encode())
    with contextlib.suppress(Exception):
        yield


def answers(hidden: str, labels: str) -> dict[bytes, int]:
    """Return the label of each hidden image, by its bytes: places tell nothing, their order is drawn anew."""
    with np.load(hidden) as images, np.load(labels) as truth:
        return {x.tobytes(): int(y) for x, y in zip(images["images"], truth["labels"], strict=True)}


class Chance:
    """Answers 0 to everything, unless it has come to know better."""

    known: ClassVar[dict[bytes, int]] = {}

    def predict(self, X: Any) -> Any:
        return np.array([self.known.get(x.tobytes(), 0) for x in X])


# System calls by number on x86-64 and on 64-bit ARM: the C library has no function for some, and checks others first.
CALLS = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "unshare": (272, 97),
    "setns": (308, 268),
    "clone": (56, 220),
    "clone3": (435, 435),
    "mount": (165, 40),
    "umount2": (166, 39),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "io_uring_setup": (425, 425),
    "userfaultfd": (323, 282),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "syslog": (103, 116),
    "memfd_create": (319, 279),
    "shmget": (29, 194),
    "getpid": (39, 172),
    "openat": (257, 56),
    "quotactl": (179, 60),
}


def syscall(name: str, *arguments: Any) -> int:
    """Call the kernel itself and raise `OSError` where it says no."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    number = CALLS[name][os.uname().machine == "aarch64"]
    given = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    result = int(libc.syscall(ctypes.c_long(number), *given))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
