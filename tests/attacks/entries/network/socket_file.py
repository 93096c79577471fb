"""Goal: talk to a service of this machine through its socket file.

Docker's is one: whoever reaches it is root.
"""

import socket

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "the service"


class Attack(Chance):
    def __init__(self):
        for path in (facts.unix, "/var/run/docker.sock", "/run/dbus/system_bus_socket"):
            with attempt(f"connect to {path}"):
                socket.socket(socket.AF_UNIX).connect(path)


class Honest(Chance):
    """Sends an image through a pipe of multiprocessing."""

    def __init__(self):
        import multiprocessing

        here, there = multiprocessing.Pipe()
        here.send([1, 2, 3])
        assert there.recv() == [1, 2, 3]
