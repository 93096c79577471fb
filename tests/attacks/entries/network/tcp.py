"""Goal: talk to a service of this machine by TCP.

Databases and notebooks listen on loopback, without a password.
"""

import socket

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "the service"


class Attack(Chance):
    def __init__(self):
        for host in ("127.0.0.1", "localhost", "0.0.0.0", "::ffff:127.0.0.1"):
            with attempt(f"connect to {host}"):
                socket.create_connection((host, facts.tcp), 1).sendall(b"labels")


class Honest(Chance):
    """Talks to itself over a pair of sockets."""

    def __init__(self):
        here, there = socket.socketpair()
        here.sendall(b"hello")
        assert there.recv(5) == b"hello"
