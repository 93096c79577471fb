"""Time training: against Keras's own loop, augmented against not, by precision, and as a share of the machine's peak.

Whatever is compared runs in turn in one process, so that a machine that slows down slows both.
"""

from __future__ import annotations

import math
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import msgspec
import numpy as np

from baselines.augment.catalogue import AUGMENTATIONS, Mixing
from baselines.augment.images import augment as augmented
from baselines.augment.learner import Learner
from baselines.augment.mixing import mixing_layer
from baselines.build import as_trained, build_model
from baselines.data import ahead
from baselines.device import count_gpus
from baselines.entries import find
from baselines.job import Job
from baselines.optimizers.choice import make_optimizer
from baselines.recipe import Recipe
from baselines.run_folder import RunFolder
from baselines.train import run_phases
from baselines.weights import NONE, Weights
from harness.freeze.frozen import LabelledImages
from tests.benchmarks.page import AUGMENTED, NETWORKS, PREDICTED, Measured, measured, seconds

CLASSES, SIDE, TINY = 8, 2048, 64
# Images of an epoch: a second or two on two cores.
IMAGES = {"scratch-v2": 1024, "resnet-s": 384, "speedrun": 768, "champion": 384, "mobilenet": 384, "vgg16": 192}


def images(n: int) -> LabelledImages:
    rng = np.random.default_rng(0)
    return LabelledImages(rng.integers(0, 256, (n, 96, 96, 3), dtype=np.uint8), np.arange(n) % CLASSES)


def recipe_of(name: str, epochs: int = 1) -> Recipe:
    """Return the quick recipe of a row, from random weights, for so many epochs on all images."""
    quick = find(name).preset("quick", has_weights=False).recipe
    return msgspec.structs.replace(quick, epochs=epochs, train_limit=None, init_images=None)


def job(name: str, recipe: Recipe) -> Job:
    contest = SimpleNamespace(name="bench", image_shape=(96, 96, 3), n_classes=CLASSES)
    frozen = SimpleNamespace(contest=contest, lock_hash="0" * 64)
    return Job(find(name), frozen, "quick", Weights(NONE), 0, recipe, "")


def ours(bench: Job, data: LabelledImages, val: LabelledImages, epoch_over: Callable[[], None]) -> None:
    """Train as ``hemobench train`` does: steps, validation, submission and checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        run_phases(
            bench, RunFolder(Path(folder) / "run"), data, val, [], np.random.default_rng(0),
            lambda line: None, lambda items, what, total: items, lambda epoch: epoch_over(),
        )  # fmt: skip


class Batches(keras.utils.PyDataset):
    """The training set for Keras's own loop, augmented as ours is."""

    def __init__(self, data: LabelledImages, recipe: Recipe) -> None:
        super().__init__()
        self.data, self.recipe, self.rng = data, recipe, np.random.default_rng(0)
        self.on_epoch_begin()

    def __len__(self) -> int:
        return len(self.data.labels) // self.recipe.batch_size

    def on_epoch_begin(self) -> None:
        self.order = self.rng.permutation(len(self.data.labels))

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.order[index * self.recipe.batch_size :][: self.recipe.batch_size]
        steps = AUGMENTATIONS[self.recipe.augment].images
        return augmented(self.data.images[rows], steps, self.rng), self.data.labels[rows]


def bare(bench: Job, data: LabelledImages, val: LabelledImages, epoch_over: Callable[[], None]) -> None:
    """Train by Keras's `fit`, with the same model, optimizer, augmentation and validation."""
    model, recipe = as_trained(bench, build_model(bench)), bench.recipe
    model.compile(make_optimizer(recipe), "sparse_categorical_crossentropy", metrics=["accuracy"])
    clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epoch_over())
    model.fit(
        Batches(data, recipe), epochs=recipe.epochs, verbose=0, callbacks=[clock],
        validation_data=(val.images, val.labels), validation_batch_size=64,
    )  # fmt: skip


def alternate(*loops: Callable[[Callable[[], None]], None]) -> list[list[float]]:
    """Run two loops, an epoch of the one, then one of the other, and return the seconds of each one's epochs.

    A loop calls what it is given when an epoch is over, and is held there while the other runs.
    """
    turns = [threading.Semaphore(1), threading.Semaphore(0)]
    took: list[list[float]] = [[], []]
    ended = [False, False]

    def run(mine: int) -> None:
        other = 1 - mine
        turns[mine].acquire()
        began = time.perf_counter()

        def epoch_over() -> None:
            nonlocal began
            took[mine].append(time.perf_counter() - began)
            turns[other].release()
            if not ended[other]:
                turns[mine].acquire()
            began = time.perf_counter()

        try:
            loops[mine](epoch_over)
        finally:
            ended[mine] = True
            turns[other].release()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(run, mine) for mine in range(2)]:
            done.result()
    return took


def train(small: bool) -> Iterator[Measured]:
    for name in NETWORKS:
        n = TINY if small else IMAGES[name]
        bench, data, val = job(name, recipe_of(name, 2 if small else 4)), images(n), images(64)
        mine, theirs = alternate(
            lambda over: ours(bench, data, val, over),  # noqa: B023
            lambda over: bare(bench, data, val, over),  # noqa: B023
        )
        pairs = list(zip(mine[1:], theirs[1:], strict=True))  # the first one compiles
        rate = n / statistics.median(mine[1:])
        recipe = bench.recipe
        note = f"{rate:.0f} images/s, {recipe.input_size or 96} px, {recipe.augment}, {bench.precision.policy}"
        yield measured(name, [other / one for one, other in pairs], note)


class Steps:
    """Training steps of a row, as ``hemobench train`` takes them; compiled at first use, one for each mixing."""

    def __init__(self, name: str, n_batches: int, precision: str = "auto") -> None:
        self.recipe = msgspec.structs.replace(recipe_of(name), augment="none", precision=precision)
        bench = job(name, self.recipe)
        self.network = as_trained(bench, build_model(bench))
        self.learners: dict[Mixing | None, Learner] = {}
        self.n, size = n_batches * self.recipe.batch_size, self.recipe.batch_size
        self.data = images(self.n)
        self.batches = np.arange(self.n).reshape(n_batches, size)
        self.one_hot = np.eye(CLASSES, dtype=np.float32)[self.data.labels]

    def seconds(self, augmentation: str = "none") -> float:
        row, rng = AUGMENTATIONS[augmentation], np.random.default_rng(0)
        if row.mixing not in self.learners:
            learner = Learner(self.network, mixing_layer(row.mixing), np.ones(CLASSES, np.float32))
            learner.compile(make_optimizer(self.recipe))
            self.learners[row.mixing] = learner
            self.seconds(augmentation)  # compiles
        began = time.perf_counter()
        made = ahead(lambda rows: augmented(self.data.images[rows], row.images, rng), self.batches)
        for rows, X in zip(self.batches, made, strict=True):
            self.learners[row.mixing].train_on_batch([X, self.one_hot[rows]])
        return time.perf_counter() - began


def augment(small: bool) -> Iterator[Measured]:
    for name, names in AUGMENTED.items():
        steps = Steps(name, 1 if small else 16 if name == "scratch-v2" else 4)
        for augmentation in ("none", *names):
            steps.seconds(augmentation)
        took = [{key: steps.seconds(key) for key in ("none", *names)} for _ in range(1 if small else 3)]
        for augmentation in names:
            rate = steps.n / statistics.median(one[augmentation] for one in took)
            ratios = [one["none"] / one[augmentation] for one in took]
            yield measured(f"{name}, {augmentation}", ratios, f"{rate:.0f} images/s")


def precision(small: bool) -> Iterator[Measured]:
    for name in NETWORKS:
        chosen = job(name, recipe_of(name)).precision
        if chosen.policy == "float32":
            yield Measured(name, note=f"auto is float32 here: {chosen.why}")
            continue
        n_batches = 2 if small else IMAGES[name] // recipe_of(name).batch_size
        plain, quick = Steps(name, n_batches, "float32"), Steps(name, n_batches)
        plain.seconds(), quick.seconds()
        ratios = [plain.seconds() / quick.seconds() for _ in range(1 if small else 5)]
        yield measured(name, ratios, f"auto is {chosen.policy} here: {chosen.why}")


def predict(small: bool) -> Iterator[Measured]:
    batch = images(64).images
    calls = [passes(name, batch) for name in PREDICTED]
    for call in calls:
        call()  # compiles
    rounds = [[processor_ms(call) / len(batch) for call in calls] for _ in range(1 if small else 5)]
    for name, column in zip(PREDICTED, zip(*rounds, strict=True), strict=True):
        yield measured(name, column)
    first, second = PREDICTED.index("champion, full"), PREDICTED.index("mobilenet")
    yield measured("champion, full, over mobilenet", [took[first] / took[second] for took in rounds])


def processor_ms(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return 1e3 * (time.process_time() - began)


def passes(name: str, batch: np.ndarray) -> Callable[[], object]:
    """Return what predicts a batch once by a row of `PREDICTED`, in as many views as its submission looks at."""
    row, *more = name.split(", ")
    recipe = find(row).preset(more[0] if more else "quick", has_weights=False).recipe
    network = build_model(job(row, msgspec.structs.replace(recipe, init_images=None)))
    views = 8 if more[1:] else recipe.views
    return lambda: [network.predict_on_batch(batch) for _ in range(views)]


def peak(small: bool) -> Iterator[Measured]:
    matrix = keras.random.uniform((SIDE, SIDE), seed=0)

    def product() -> float:
        """Return operations a second."""
        return 2 * SIDE**3 / seconds(lambda: keras.ops.convert_to_numpy(keras.ops.matmul(matrix, matrix)))

    all_steps = {name: Steps(name, 1 if small else 4, "float32") for name in NETWORKS if name != "champion"}
    product()
    for steps in all_steps.values():
        steps.seconds()
    peaks, shares = [], []
    for _ in range(1 if small else 5):
        peaks.append(max(product() for _ in range(3)))
        shares.append(
            [
                100 * 3 * operations(steps.network) * steps.n / steps.seconds() / peaks[-1]
                for steps in all_steps.values()
            ]
        )
    yield measured("product of two matrices", [one / 1e9 for one in peaks])
    for (name, steps), column in zip(all_steps.items(), zip(*shares, strict=True), strict=True):
        yield measured(name, column, f"{operations(steps.network) / 1e6:,.0f} MFLOP forward, float32")


def operations(network: keras.Model) -> int:
    """Return the multiplications and additions of a forward pass of one image, of convolutions and dense layers."""
    return sum(
        2 * math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1])
        for layer in layers_of(network)
        if hasattr(layer, "kernel")
    )


def layers_of(network: keras.Model) -> Iterator[keras.layers.Layer]:
    for layer in network.layers:
        yield from layers_of(layer) if isinstance(layer, keras.Model) else (layer,)


def features(small: bool) -> Iterator[Measured]:
    epochs, n = (2, TINY) if small else (4, 1024)
    data, val = images(n), images(64)
    for share, what in ((1.0, "all of it frozen"), (0.5, "half of it frozen")):
        each = Recipe(epochs=epochs, learning_rate=1e-3, frozen_share=share)
        benches = [job("mobilenet", msgspec.structs.replace(each, features_once=once)) for once in (False, True)]
        ratios = []
        for _ in range(1 if small else 3):
            slow, quick = (seconds(lambda: ours(bench, data, val, lambda: None)) for bench in benches)  # noqa: B023
            ratios.append(slow / quick)
        yield measured(f"mobilenet, {what}", ratios, f"{epochs} epochs of {n:,} images, 96 px")


def gpu(small: bool) -> Sequence[Measured]:
    if not count_gpus():
        print("  There is no GPU here.")
        return []
    rows = []
    for name in NETWORKS:
        steps = Steps(name, 2 if small else 40)
        steps.seconds()
        many = np.tile(steps.data.images, (1 if small else 4, 1, 1, 1))
        steps.network.predict(many, batch_size=256, verbose=0)
        note = f"{steps.recipe.input_size or 96} px, {job(name, steps.recipe).precision.policy}"
        rounds = range(1 if small else 5)
        trained = [steps.n / steps.seconds() for _ in rounds]
        predicted = [
            len(many) / seconds(lambda: steps.network.predict(many, batch_size=256, verbose=0))  # noqa: B023
            for _ in rounds
        ]
        rows += [measured(f"{name}, train", trained, note), measured(f"{name}, predict", predicted, note)]
    return rows
