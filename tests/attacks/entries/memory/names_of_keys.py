"""Goal: read the names of the user's keys, which tell of accounts and of encrypted disks, from /proc/keys."""

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "the key's name"
ROOT = True  # as with the key itself


class Attack(Chance):
    def __init__(self):
        for path in ("/proc/keys", "/proc/key-users"):
            with attempt(f"read {path}"), open(path) as file:
                assert file.read(), "empty"
        with attempt("find the key"), open("/proc/keys") as file:
            assert facts.mark in file.read(), "not in sight"


class Honest(Chance):
    """Reads what is its own in /proc."""

    def __init__(self):
        with open("/proc/self/status") as file:
            assert file.read()
