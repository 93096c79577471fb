"""Goal: make system calls by the 32-bit numbers, which a filter of 64-bit numbers does not know.

Every x86-64 kernel understands int 0x80, and some x32.
"""

import ctypes
import mmap
import os
import struct

from kit import Chance, attempt

WITHOUT_ISOLATION = "calls that are counted by other numbers"
SYS_PTRACE_32, SYS_GETPID_X32 = 26, 0x40000000 + 39


def native(code):
    page = mmap.mmap(
        -1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    )
    page.write(code)
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    function.kept = page
    return function


class Attack(Chance):
    def __init__(self):
        for what, code in (
            ("int 0x80", b"\xcd\x80\xc3"),
            ("x32", b"\x0f\x05\xc3"),
        ):
            number = 20 if what == "int 0x80" else SYS_GETPID_X32  # getpid, in either numbering
            with attempt(f"call the kernel by {what}"):
                if os.uname().machine != "x86_64":
                    raise OSError("another architecture has no such door")
                result = native(b"\xb8" + struct.pack("=I", number) + code)()
                if result < 0:
                    raise OSError(-result, os.strerror(-result))


class Honest(Chance):
    """Asks for its own number."""

    def __init__(self):
        assert os.getpid()
