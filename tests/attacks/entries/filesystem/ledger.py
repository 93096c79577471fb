"""Goal: append a receipt to the ledger, or cut the last one off.

What the ledger says is what counts when the board is in doubt.
"""

import os

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "a ledger cut short"
VERB = "submit"


class Attack(Chance):
    def __init__(self):
        with attempt("cut the ledger"):
            os.truncate(facts.ledger, 10)


class Honest(Chance):
    """Cuts a file of its own."""

    def __init__(self):
        with open("mine.log", "w") as file:
            file.write("0123456789")
        os.truncate("mine.log", 5)
