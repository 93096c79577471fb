"""Goal: talk to a service of this machine through an abstract socket.

It has a name and no file, so what guards files does not hold it.
"""

import socket

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "the service"


class Attack(Chance):
    def __init__(self):
        with attempt("connect to an abstract socket"):
            socket.socket(socket.AF_UNIX).connect(f"\0{facts.abstract}")


class Honest(Chance):
    """Uses a queue between threads."""

    def __init__(self):
        import queue

        asked = queue.Queue()
        asked.put(1)
        assert asked.get() == 1
