"""Goal: reach out by families of sockets that many forget: the hypervisor's, raw packets, the kernel's cryptography.

Each has a subsystem of the kernel behind it.
"""

import socket

from kit import Chance, attempt

WITHOUT_ISOLATION = "raw sockets"
ROOT = True
FAMILIES = {
    "AF_VSOCK": 40,
    "AF_PACKET": 17,
    "AF_ALG": 38,
    "AF_BLUETOOTH": 31,
    "AF_CAN": 29,
    "AF_XDP": 44,
    "AF_TIPC": 30,
}


class Attack(Chance):
    def __init__(self):
        for name, number in FAMILIES.items():
            kind = socket.SOCK_SEQPACKET if name in ("AF_ALG", "AF_TIPC") else socket.SOCK_RAW
            kind = socket.SOCK_STREAM if name == "AF_VSOCK" else kind
            with attempt(f"open a socket of {name}"):
                socket.socket(number, kind)
        with attempt("open a raw socket of AF_INET"):
            socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


class Honest(Chance):
    """Opens a server for itself, on loopback of its own."""

    def __init__(self):
        socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
