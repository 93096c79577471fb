"""Goal: find a secret among the variables of the environment.

Tokens and passwords live there on many machines.
"""

import os

from kit import Chance, facts, trial

HELD = "an environment that the harness writes from nothing"


class Attack(Chance):
    def __init__(self):
        with trial("read the environment"):
            print(dict(os.environ), os.environ[facts.variable])


class Honest(Chance):
    """Sets a variable for a library and reads it again."""

    def __init__(self):
        os.environ["OMP_NUM_THREADS"] = "1"
        assert os.environ["OMP_NUM_THREADS"] == "1"
