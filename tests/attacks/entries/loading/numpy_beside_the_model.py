"""Goal: have the harness import a numpy.py of the entry's.

Whoever sets the path before the import gets the entry's.
"""

from kit import Chance, trial

HELD = "a script that has imported what it needs before the entry's folder is on the path"
FILES = {"numpy.py": "raise RuntimeError('REACHED: the numpy of the entry')"}


class Attack(Chance):
    def __init__(self):
        with trial("import numpy"):
            import numpy

            assert numpy.zeros(3).sum() == 0


class Honest(Chance):
    """Uses the real one."""

    def __init__(self):
        import numpy as np

        assert np.ones(3).sum() == 3
