"""Goal: know an image again in the consistency check, and answer it as before, though the answer was drawn by chance.

What labels by chance is then called steady.
"""

import numpy as np
from kit import Chance, trial

HELD = "nothing, and nothing is gained: the check helps the honest and is no bar; the score is chance either way"


class Attack(Chance):
    def __init__(self):
        self.told = {}

    def predict(self, X):
        with trial("remember answers"):
            pass
        return np.array([self.told.setdefault(x.tobytes(), np.random.randint(8)) for x in X])


class Honest(Chance):
    """Caches answers for images that come again."""

    def __init__(self):
        self.told = {}

    def predict(self, X):
        return [self.told.setdefault(x.tobytes(), int(x[0, 0, 0]) % 8) for x in X]
