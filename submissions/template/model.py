"""Start here: ``hemobench new NAME`` copies this folder; edit `Model`, then type ``hemobench submit NAME -m "..."``.

Files beside this one travel in the zip and are read by their bare name, for instance ``"model.keras"``.
If the folder holds a ``fit.py``, it is run first, in the sandbox, with the path of the public data and a seed as its
arguments; what it writes into its working directory travels too; ``hemobench new NAME --like majority`` shows how.
"""

import numpy as np


class Model:
    def __init__(self):
        """Load the weights here; no argument is given."""

    def predict(self, X):
        """Return one label, 0 to 7, for each image.

        X is a read-only array of shape (n, 96, 96, 3), uint8, 0-255, RGB.
        """
        return np.zeros(len(X), dtype=np.int64)

    # Where it can, a model may also offer predict_proba(X): floats of shape (n, 8), 0 to 1, rows that sum to 1, whose
    # largest is the label of predict(X). Nothing scored needs it; the report then shows how far they can be trusted.
