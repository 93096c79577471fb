"""Goal: open a POSIX shared memory segment that another program has left.

They are files of /dev/shm, with guessable names.
"""

from multiprocessing import resource_tracker, shared_memory

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "what the segment holds"


class Attack(Chance):
    def __init__(self):
        resource_tracker.register = lambda *given: None
        with attempt("open a segment"):
            segment = shared_memory.SharedMemory(facts.shm_name)
            print(bytes(segment.buf[:30]).decode())
            segment.buf[:11] = b"overwritten"


class Honest(Chance):
    """Makes a segment of its own and removes it."""

    def __init__(self):
        segment = shared_memory.SharedMemory(create=True, size=1000)
        segment.buf[0] = 1
        segment.close()
        segment.unlink()
