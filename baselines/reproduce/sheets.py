"""Images beside the page: what each augmentation does and, for the teacher, where each model fails when hidden."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from baselines.augment.catalogue import AUGMENTATIONS
from baselines.figures.augmented import gallery
from baselines.figures.confusion import confusion
from baselines.quiet import quiet
from baselines.reproduce.measure import Bench, Measured
from baselines.reproduce.trials import TABLE, Trial


def augmentation_gallery(bench: Bench, path: Path) -> None:
    """Draw one row of training images, a class each, for every augmentation; loads Keras."""
    with quiet():
        from baselines.inspection import augmented_versions
    train = bench.frozen.load("train")
    rng = np.random.default_rng(0)
    rows = []
    for name in AUGMENTATIONS:
        originals, versions = augmented_versions(name, train, bench.frozen.contest.n_classes, rng, m=1)
        rows.append((name, originals if name == "none" else versions[0]))
    path.parent.mkdir(parents=True, exist_ok=True)
    gallery(path, rows, "What each augmentation makes of an image")


def hidden_confusions(bench: Bench, measured: Mapping[Trial, Measured], folder: Path, splits: tuple[str, ...]) -> None:
    """Draw, for each row of the table, the confusion matrix of the hidden test: for the teacher, not for the page."""
    folder.mkdir(parents=True, exist_ok=True)
    for trial, done in measured.items():
        if trial in TABLE:
            matrix = np.array([done.card.scores[split].confusion for split in splits], np.int64).sum(axis=0)
            title = f"{trial.model}, hidden test ({' and '.join(splits)})"
            confusion(folder / f"{trial.model}.png", matrix, bench.frozen.contest.class_names, title)
