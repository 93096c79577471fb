"""Balanced error of a submission under each hidden corruption alone, at severities 1 to 5, as BloodMNIST-C has them.

    python -m tests.benchmarks.single_corruptions WORKSPACE SUBMISSION_FOLDER

On the clean validation images, since the hidden ones are kept only as the shift left them.  The model is run in this
process: it is for one's own.  For comparison: AlexNet's balanced error on BloodMNIST-C is 11.3 % on average over its
corruptions and severities, 1.8 % on clean images (Di Salvo et al.: MedMNIST-C, arXiv 2406.17536).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness import api
from harness.freeze.corruptions import HIDDEN

SEVERITIES = range(1, 6)


def balanced_error(labels: NDArray[np.int64], said: NDArray[np.int64]) -> float:
    """Return one less the mean recall of the classes, in percent."""
    return 100 * float(1 - np.mean([(said[labels == label] == label).mean() for label in np.unique(labels)]))


def main() -> None:
    val = api.open_contest(Path(sys.argv[1])).load("val")
    os.chdir(sys.argv[2])
    sys.path.insert(0, str(Path.cwd()))
    from model import Model  # type: ignore[import-not-found]

    model = Model()
    clean = balanced_error(val.labels, model.predict(val.images))
    print(f"clean: {clean:.1f} % balanced error, n = {len(val.labels):,}")
    print(f"{'corruption':16}" + "".join(f"{severity:>7}" for severity in SEVERITIES) + "   mean")
    means = []
    for corruption in HIDDEN:
        errors = []
        for severity in SEVERITIES:
            rng = np.random.default_rng(severity)
            images = np.stack([corruption.apply(image, severity, rng) for image in val.images])
            errors.append(balanced_error(val.labels, model.predict(images)))
        means.append(float(np.mean(errors)))
        print(f"{corruption.name:16}" + "".join(f"{error:7.1f}" for error in errors) + f"{means[-1]:7.1f}", flush=True)
    print(f"mean over corruptions and severities: {np.mean(means):.1f} %")


if __name__ == "__main__":
    main()
