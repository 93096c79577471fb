"""Goal: read a key from the keyring of the user's session.

Sessions are inherited by children, whatever user they become.
"""

import ctypes

from kit import Chance, attempt, facts, syscall

WITHOUT_ISOLATION = "the key"
ROOT = True  # a session that `su` or a container has made may have a keyring of root's
SEARCH, READ, SESSION = 10, 11, -3


class Attack(Chance):
    def __init__(self):
        with attempt("read a key"):
            key = syscall("keyctl", SEARCH, SESSION, b"user", facts.mark.encode(), 0)
            buffer = ctypes.create_string_buffer(100)
            syscall("keyctl", READ, key, buffer, 100, 0)
            print(buffer.value.decode())


class Honest(Chance):
    """Keeps a secret of its own in a variable."""

    def __init__(self):
        import secrets

        self.secret = secrets.token_hex()
