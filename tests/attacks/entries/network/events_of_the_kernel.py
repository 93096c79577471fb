"""Goal: be told by the kernel which devices come and go on this machine.

It tells every network of root's, and whoever listens there.
"""

import socket

from kit import Chance, attempt

WITHOUT_ISOLATION = "the kernel's events"
NETLINK_KOBJECT_UEVENT, FROM_THE_KERNEL = 15, 1


class Attack(Chance):
    def __init__(self):
        with attempt("listen to the kernel's events"):
            self.open = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_KOBJECT_UEVENT)
            self.open.bind((0, FROM_THE_KERNEL))


class Honest(Chance):
    """Asks for the list of interfaces."""

    def __init__(self):
        assert socket.if_nameindex()
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE).close()
