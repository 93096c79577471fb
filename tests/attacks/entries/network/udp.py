"""Goal: send what was learnt out by UDP.

No answer is needed, and no connection.
"""

import socket

from kit import Chance, facts, trial

WITHOUT_ISOLATION = "the receiver"


class Attack(Chance):
    def __init__(self):
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::ffff:127.0.0.1")):
            with trial(f"send to {host}"):
                socket.socket(family, socket.SOCK_DGRAM).sendto(b"labels", (host, facts.udp))


class Honest(Chance):
    """Asks for the name of the machine it believes to be on."""

    def __init__(self):
        assert socket.gethostname()
