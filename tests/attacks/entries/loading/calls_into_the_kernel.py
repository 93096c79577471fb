"""Goal: reach the corners of the kernel in which holes are found: bpf, perf events, page faults in user space.

No model needs them.
"""

import ctypes

from kit import Chance, attempt, syscall

WITHOUT_ISOLATION = "programs and counters in the kernel"
ROOT = True


class Attack(Chance):
    def __init__(self):
        with attempt("handle page faults"):
            syscall("userfaultfd", 1)
        with attempt("load a program into the kernel"):
            attributes = ctypes.create_string_buffer(120)
            attributes[0:16] = bytes([1, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0])  # a hash map, 1 entry
            syscall("bpf", 0, attributes, 120)
        with attempt("count events"):
            attributes = ctypes.create_string_buffer(bytes([1, 0, 0, 0, 112, 0, 0, 0]), 112)
            syscall("perf_event_open", attributes, 0, -1, -1, 0)


class Honest(Chance):
    """Measures its own time."""

    def __init__(self):
        import resource

        assert resource.getrusage(resource.RUSAGE_SELF).ru_utime >= 0
