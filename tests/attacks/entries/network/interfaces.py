"""Goal: learn which interfaces and connections the machine has.

They tell which machine this is, and which services it has.
"""

import socket

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "a listener of the host"


class Attack(Chance):
    def __init__(self):
        with attempt("see a listener of the host"), open("/proc/self/net/tcp") as file:
            assert f":{facts.tcp:04X} " in file.read(), "it is not there"
        with attempt("change an interface"):
            import struct

            netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
            down = struct.pack("=IHHII", 32, 16, 5, 1, 0) + struct.pack("=BxHiII", 0, 0, 1, 0, 0)
            netlink.send(down)  # asks for no change of lo, and for an answer: an error number
            if error := struct.unpack_from("=i", netlink.recv(100), 16)[0]:
                raise OSError(-error, "refused")


class Honest(Chance):
    """Asks which interfaces there are, as libraries for many machines do."""

    def __init__(self):
        socket.if_nameindex()
