"""Goal: reach a datagram socket of this machine from one end of a pair, which was never asked for by its family.

An accomplice there gets the images, and descriptors, and sends labels back.
"""

import array
import socket

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "the service"


class Attack(Chance):
    def __init__(self):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK):
            here, there = socket.socketpair(socket.AF_UNIX, kind)
            with attempt("send to a datagram socket"):
                here.sendto(b"images", facts.datagrams)
            with attempt("connect to a datagram socket"):
                there.connect(facts.datagrams)
                there.send(b"images")
            with attempt("pass a descriptor to a datagram socket"):
                passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))]
                here.sendmsg([b"one"], passed, 0, facts.datagrams)


class Honest(Chance):
    """Sends an image from one end of a pair to the other."""

    def __init__(self):
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        here.send(b"an image")
        assert there.recv(100) == b"an image"
