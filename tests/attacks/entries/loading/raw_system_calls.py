"""Goal: make system calls by machine code of one's own, past the C library and everything patched in it.

What the interpreter forbids is open to native code.
"""

import ctypes
import mmap
import os
import struct

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "the labels' file, opened by machine code"
ARM = os.uname().machine == "aarch64"


def opener(path):
    """Return a function in machine code: openat(AT_FDCWD, path, O_RDONLY)."""
    if ARM:
        raise OSError("written for x86-64")
    text = ctypes.create_string_buffer(path.encode())
    code = (
        b"\x48\xc7\xc7\x9c\xff\xff\xff"  # mov rdi, -100
        + b"\x48\xbe" + struct.pack("=Q", ctypes.addressof(text))  # mov rsi, path
        + b"\x31\xd2\xb8\x01\x01\x00\x00\x0f\x05\xc3"  # xor edx, edx; mov eax, 257; syscall; ret
    )  # fmt: skip
    page = mmap.mmap(
        -1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    )
    page.write(code)
    function = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    function.kept = (page, text)
    return function


class Attack(Chance):
    def __init__(self):
        with attempt("open the labels by machine code"):
            if (file := opener(facts.labels)()) < 0:
                raise OSError(-file, os.strerror(-file))


class Honest(Chance):
    """Calls a function of the C library."""

    def __init__(self):
        assert ctypes.CDLL(None).abs(-3) == 3
