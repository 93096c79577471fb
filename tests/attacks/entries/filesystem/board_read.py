"""Goal: read the private scores of others from the board.

They are not to be known before the contest is closed.
"""

import sqlite3

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "the private scores of all"


class Attack(Chance):
    def __init__(self):
        with attempt("read the board"), sqlite3.connect(f"file:{facts.board}?mode=ro&immutable=1", uri=True) as board:
            assert board.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


class Honest(Chance):
    """Uses a database in memory."""

    def __init__(self):
        sqlite3.connect(":memory:").execute("CREATE TABLE notes (text)")
