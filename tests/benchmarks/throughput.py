"""Time our training loop against a bare ``model.fit``, augmentations against none, and features computed once.

Run by ``make bench``.  Each pair is timed in turn in one process, so that a machine that slows down slows both; what is
printed are ratios.  It is a benchmark, never a test: no figure of it fails anything.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from baselines.augment.catalogue import AUGMENTATIONS
from baselines.augment.images import augment
from baselines.augment.learner import Learner
from baselines.augment.mixing import mixing_layer
from baselines.build import as_trained, build_model
from baselines.data import ahead
from baselines.entries import find
from baselines.job import Job
from baselines.optimizers.choice import make_optimizer
from baselines.recipe import Recipe
from baselines.run_folder import RunFolder
from baselines.train import run_phases
from baselines.weights import NONE, Weights
from harness.freeze.frozen import LabelledImages

N_TRAIN, N_VAL, CLASSES, ROUNDS, EPOCHS, BATCHES = 2000, 400, 8, 3, 4, 10


def images(n: int, rng: np.random.Generator) -> LabelledImages:
    return LabelledImages(rng.integers(0, 256, (n, 96, 96, 3), dtype=np.uint8), np.arange(n) % CLASSES)


def job(name: str, recipe: Recipe) -> Job:
    contest = SimpleNamespace(name="bench", image_shape=(96, 96, 3), n_classes=CLASSES)
    frozen = SimpleNamespace(contest=contest, lock_hash="0" * 64)
    return Job(find(name), frozen, "quick", Weights(NONE), 0, recipe, "")


def ours(name: str, recipe: Recipe, train: LabelledImages, val: LabelledImages) -> list[float]:
    """Seconds of each epoch of ``hemobench train``: steps, validation, submission and checkpoint."""
    ends = []
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run_phases(
            job(name, recipe), RunFolder(Path(folder) / "run"), train, val, [], np.random.default_rng(0),
            lambda line: None, lambda items, what, total: items, lambda epoch: ends.append(time.perf_counter()),
        )  # fmt: skip
    return np.diff([began, *ends]).tolist()


class Batches(keras.utils.PyDataset):
    """The training set for Keras's own loop, augmented as ours is."""

    def __init__(self, train: LabelledImages, recipe: Recipe) -> None:
        super().__init__()
        self.train, self.recipe, self.rng = train, recipe, np.random.default_rng(0)
        self.on_epoch_begin()

    def __len__(self) -> int:
        return len(self.train.labels) // self.recipe.batch_size

    def on_epoch_begin(self) -> None:
        self.order = self.rng.permutation(len(self.train.labels))

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.order[index * self.recipe.batch_size :][: self.recipe.batch_size]
        steps = AUGMENTATIONS[self.recipe.augment].images
        return augment(self.train.images[rows], steps, self.rng), self.train.labels[rows]


def bare(name: str, recipe: Recipe, train: LabelledImages, val: LabelledImages) -> list[float]:
    """Seconds of each epoch of Keras's `fit` with the same model, optimizer, augmentation and validation."""
    bench = job(name, recipe)
    model = as_trained(bench, build_model(bench))
    model.compile(make_optimizer(recipe), "sparse_categorical_crossentropy", metrics=["accuracy"])
    ends = []
    clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter()))
    began = time.perf_counter()
    model.fit(
        Batches(train, recipe), epochs=recipe.epochs, verbose=0, callbacks=[clock],
        validation_data=(val.images, val.labels), validation_batch_size=64,
    )  # fmt: skip
    return np.diff([began, *ends]).tolist()


def augmented(name: str, train: LabelledImages) -> Callable[[str], float]:
    """Compile the training step of a row, as `hemobench train` has it, and return what times it augmented."""
    recipe = Recipe(epochs=1, batch_size=64, learning_rate=1e-3, input_size=64)
    network = build_model(job(name, recipe))
    one_hot = np.eye(CLASSES, dtype=np.float32)[train.labels]
    learners = {}
    for mixing in dict.fromkeys(row.mixing for row in AUGMENTATIONS.values()):
        learners[mixing] = Learner(network, mixing_layer(mixing), np.ones(CLASSES, np.float32))
        learners[mixing].compile(make_optimizer(recipe))
        learners[mixing].train_on_batch([train.images[:64], one_hot[:64]])

    def seconds(augmentation: str) -> float:
        row, rng = AUGMENTATIONS[augmentation], np.random.default_rng(0)
        batches = rng.permutation(len(train.labels))[: BATCHES * 64].reshape(BATCHES, 64)
        began = time.perf_counter()
        inputs = ahead(lambda rows: augment(train.images[rows], row.images, rng), batches)
        for rows, X in zip(batches, inputs, strict=True):
            learners[row.mixing].train_on_batch([X, one_hot[rows]])
        return time.perf_counter() - began

    return seconds


def steady(seconds: list[float]) -> float:
    """The median epoch after the first one, which compiles."""
    return statistics.median(seconds[1:])


def main() -> None:
    rng = np.random.default_rng(0)
    train, val = images(N_TRAIN, rng), images(N_VAL, rng)
    print(f"{N_TRAIN:,} images, batches of 32, validation on {N_VAL}; medians of {ROUNDS} rounds in turn\n")
    print("training: images a second, ours / bare fit, whole epochs after the first")
    for name, size, augmentation in (
        ("scratch-v2", 64, "flips"),
        ("scratch-v2", 64, "randaugment"),
        ("mobilenet", 64, "flips"),
    ):
        recipe = Recipe(epochs=3, learning_rate=1e-3, input_size=size, augment=augmentation)
        pairs = [
            (steady(ours(name, recipe, train, val)), steady(bare(name, recipe, train, val))) for _ in range(ROUNDS)
        ]
        ratios = [theirs / mine for mine, theirs in pairs]
        rate = N_TRAIN / statistics.median(mine for mine, _ in pairs)
        told = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        print(
            f"  {name} {size}px {augmentation}: ratio {statistics.median(ratios):.2f} ({told}); ours {rate:.0f}/s",
            flush=True,
        )
    print(f"\ntraining, images a second: each augmentation / none, {BATCHES} batches of 64, medians of 5 in turn")
    for name in ("scratch-v2", "resnet-s"):
        seconds = augmented(name, train)
        for augmentation in AUGMENTATIONS:
            ratios = sorted(seconds("none") / seconds(augmentation) for _ in range(5))
            print(f"  {name} 64px {augmentation}: {ratios[2]:.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})", flush=True)
    few = images(N_TRAIN // 2, rng)
    print(f"\nfeatures of the frozen part, once / in each of {EPOCHS} epochs; {len(few.labels):,} images")
    for share in (1.0, 0.5):
        each = Recipe(epochs=EPOCHS, learning_rate=1e-3, frozen_share=share)
        once = Recipe(epochs=EPOCHS, learning_rate=1e-3, frozen_share=share, features_once=True)
        runs = [(ours("mobilenet", once, few, val), ours("mobilenet", each, few, val)) for _ in range(ROUNDS - 1)]
        whole = statistics.median(sum(slow) / sum(quick) for quick, slow in runs)
        epoch = statistics.median(steady(slow) / steady(quick) for quick, slow in runs)
        print(f"  mobilenet 96px, {share:.0%} frozen: {whole:.1f}× in all, {epoch:.1f}× an epoch", flush=True)


if __name__ == "__main__":
    main()
