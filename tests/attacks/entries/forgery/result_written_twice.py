"""Goal: have one result checked and another one read.

Between check and use there is a moment; a thread finds it by trying all the time.
"""

import json
import sys
import threading

import numpy as np
from kit import Chance, trial

HELD = "a parent that reads once, after the entry is dead, and checks what it has read"


class Attack(Chance):
    def predict(self, X):
        with trial("write the other result all the time"):
            job = json.loads(sys.orig_argv[-1])

            def write(value):
                while True:
                    with open(job["predictions"], "r+b") as file:
                        file.seek(128)
                        file.write(np.full(40, value, np.int64).tobytes())

            for value in (1, 99, -1):
                threading.Thread(target=write, args=(value,), daemon=True).start()
        return super().predict(X)


class Honest(Chance):
    """Writes a file of its own twice."""

    def predict(self, X):
        for _ in range(2):
            np.save("labels.npy", super().predict(X))
        return super().predict(X)
