"""Train one baseline on the public part of a frozen contest, into a run folder that survives its process.

The loop is our own: with Keras's `fit` the state of a training lies in the model, the optimizer, each callback and a
shuffling, and a training taken up again differs from one that ran through.  Here an epoch is a function of the seed,
its number and the weights before it.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np
from numpy.typing import NDArray

from baselines.entries import Baseline, PresetName
from baselines.initialisation import normalise_channels
from baselines.recipe import Recipe
from baselines.run_folder import Run, RunFolder, ValAccuracy, run_key, save_atomic
from baselines.schedule import Epoch, best_epoch, is_over, learning_rate
from baselines.weights import NONE, Weights
from harness.api import Frozen
from harness.errors import TrainError
from harness.freeze.frozen import LabelledImages
from harness.progress import Track, silent
from harness.score.stats import wilson_interval

PREDICT_BATCH = 64  # pictures; what a CPU's caches and a small GPU's memory hold of VGG16


@dataclass(frozen=True)
class Job:
    """One training, decided on: model, recipe, seed and weights, and what they are for."""

    baseline: Baseline
    frozen: Frozen
    preset_name: PresetName
    weights: Weights
    seed: int
    recipe: Recipe
    cuts: str

    @property
    def key(self) -> str:
        return run_key(
            self.frozen.lock_hash, self.baseline.name, self.recipe, self.seed, self.weights.label, self.weights.sha256
        )


def plan(baseline: Baseline, frozen: Frozen, preset_name: PresetName, weights: Weights, seed: int) -> Job:
    """Return the job that these choices make."""
    preset = baseline.preset(preset_name, has_weights=weights.label != NONE)
    return Job(baseline, frozen, preset_name, weights, seed, preset.recipe, preset.cuts)


def default_preset() -> PresetName:
    """Return ``full`` where Keras sees a GPU, else ``quick``."""
    return "full" if keras.distribution.list_devices("gpu") else "quick"


def train(job: Job, folder: RunFolder, *, tell: Callable[[str], None] = print, track: Track = silent) -> Run:
    """Train, from the last complete epoch of `folder` on where it holds one.

    Ctrl-C ends the run: the best epoch so far stays as its submission, and the record says ``by hand``; where no epoch
    is complete, the interrupt is passed on.

    Parameters
    ----------
    tell : callable
        Gets a line for each epoch.

    Raises
    ------
    TrainError
        The weights do not fit, the loss is no number, or the folder cannot be written.
    """
    began, val = time.monotonic(), job.frozen.load("val")
    history = folder.read_history()
    earlier = sum(row.seconds for row in history)
    stopped: Literal["finished", "early", "by hand"]
    keras.utils.set_random_seed(job.seed)
    model = build_model(job)
    try:
        run_epochs(job, folder, model, history, val, tell, track)
        stopped = "finished" if len(history) == job.recipe.epochs else "early"
    except KeyboardInterrupt:
        history = folder.read_history()
        if not history:
            raise
        stopped = "by hand"
    best, n = best_epoch(history), len(val.labels)
    run = Run(
        model=job.baseline.name,
        contest=job.frozen.contest.name,
        lock_hash=job.frozen.lock_hash,
        preset=job.preset_name,
        cuts=job.cuts,
        recipe=job.recipe,
        seed=job.seed,
        weights=job.weights.label,
        weights_sha256=job.weights.sha256,
        parameters=model.count_params(),
        val_accuracy=ValAccuracy(best.val_accuracy, *wilson_interval(round(best.val_accuracy * n), n), n),
        best_epoch=best.epoch,
        epochs=len(history),
        stopped=stopped,
        seconds=round(earlier + time.monotonic() - began, 1),
        device=device(),
        versions=versions(),
    )
    folder.write_run(run)
    if stopped != "by hand":
        folder.forget_checkpoints()
    return run


def build_model(job: Job) -> keras.Model:
    """Build the job's model, with its weights.

    Raises
    ------
    TrainError
        The weights are not for this model.
    """
    contest = job.frozen.contest
    try:
        return job.baseline.build(job.recipe, contest.image_shape, contest.n_classes, job.weights.path, job.seed)
    except (ValueError, OSError, KeyError) as error:
        if job.weights.path is None:
            raise
        reason = str(error).strip().splitlines()[0][:160]
        raise TrainError(
            f"{job.weights.path} holds no weights of {job.baseline.name} without its top: {reason}",
            "Give a file made by Keras for this model with include_top=False, or leave out --weights.",
        ) from error


def split_at_frozen(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Return the part of a chain of layers before the first that learns, and the rest; both share its weights."""
    first = next(number for number, layer in enumerate(model.layers) if layer.trainable_weights)
    boundary = model.layers[first - 1].output
    return keras.Model(model.input, boundary), keras.Model(boundary, model.output)


def run_epochs(
    job: Job,
    folder: RunFolder,
    model: keras.Model,
    history: list[Epoch],
    val: LabelledImages,
    tell: Callable[[str], None],
    track: Track,
) -> None:
    """Train epoch after epoch; each is on disk before the next one begins, and `history` grows by it."""
    if is_over(job.recipe, history):
        return
    recipe, n_classes = job.recipe, job.frozen.contest.n_classes
    rng = np.random.default_rng([job.seed, 0])
    data = stratified(job.frozen.load("train"), recipe.train_limit, rng)
    if recipe.init_pictures and job.weights.path is None and not history:
        normalise_channels(model, data.images[rng.permutation(len(data.images))[: recipe.init_pictures]])
    learner = model
    images: NDArray = data.images
    val_images: NDArray = val.images
    if recipe.features_once:
        frozen_part, learner = split_at_frozen(model)
        tell(f"Runs the frozen layers once on {len(images) + len(val_images):,} pictures.")
        images = predict(frozen_part, images, track, "features, batches")
        val_images = predict(frozen_part, val_images, track, "validation features, batches")
    optimizer = keras.optimizers.get(recipe.optimizer)
    learner.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    optimizer.build(learner.trainable_variables)
    if history:
        learner.load_weights(folder.checkpoint(len(history)))
    weight_of = class_weights(data.labels, n_classes) if recipe.class_weights else np.ones(n_classes, np.float32)

    # Whole batches only: another shape would be compiled anew, and a tiny batch has no statistics to normalise by.
    size = min(recipe.batch_size, len(images))
    n_batches = len(images) // size
    while not is_over(recipe, history):
        began, number = time.monotonic(), len(history) + 1
        rng = np.random.default_rng([job.seed, number])
        reseed_dropout(learner, rng)
        order = rng.permutation(len(images))
        losses, hits = np.zeros(n_batches), np.zeros(n_batches)
        batches = order[: n_batches * size].reshape(n_batches, size)
        for done, batch in enumerate(track(batches, f"epoch {number}/{recipe.epochs}, batches", n_batches)):
            rate = learning_rate(recipe, history, (number - 1 + done / n_batches) / recipe.epochs)
            optimizer.learning_rate = rate
            X = flipped(images[batch], rng) if recipe.augment == "flips" else images[batch]
            y = data.labels[batch]
            losses[done], hits[done] = learner.train_on_batch(X, y, sample_weight=weight_of[y])
        if not np.isfinite(losses).all():
            raise TrainError(f"The loss of epoch {number} is not a number.", "Lower the learning rate of the recipe.")
        y_prob = predict(learner, val_images, track, "validation, batches")
        epoch = Epoch(
            epoch=number,
            learning_rate=rate,
            train_loss=float(losses.mean()),
            train_accuracy=float(hits.mean()),
            val_loss=cross_entropy(val.labels, y_prob),
            val_accuracy=float((y_prob.argmax(axis=1) == val.labels).mean()),
            seconds=round(time.monotonic() - began, 1),
        )
        # In this order: the row of the history is what makes the epoch complete.
        if best_epoch([*history, epoch]) is epoch:
            folder.write_submission(lambda path: model.save(path, include_optimizer=False))
        save_atomic(folder.checkpoint(number), learner.save_weights)
        folder.write_history([*history, epoch])
        history.append(epoch)
        folder.forget_checkpoints(but=number)
        tell(
            f"epoch {number}/{recipe.epochs}: train {100 * epoch.train_accuracy:.1f} %, "
            f"val {100 * epoch.val_accuracy:.1f} % (loss {epoch.val_loss:.3f}), {epoch.seconds:.0f} s"
        )


def reseed_dropout(model: keras.Model, rng: np.random.Generator) -> None:
    """Set the random state of all layers that have one; a weights file does not hold it."""
    for layer in model.layers:
        if isinstance(generator := getattr(layer, "seed_generator", None), keras.random.SeedGenerator):
            generator.state.assign(rng.integers(0, 2**32, size=2, dtype=np.uint32))


def stratified(data: LabelledImages, limit: int | None, rng: np.random.Generator) -> LabelledImages:
    """Return `limit` pictures drawn so that each class keeps its share, to a picture; all where there are no more."""
    if limit is None or len(data.labels) <= limit:
        return data
    # Rank each picture within its class, as a share of the class: the lowest `limit` ranks are stratified.
    position = np.empty(len(data.labels))
    for label in np.unique(data.labels):
        members = rng.permutation(np.flatnonzero(data.labels == label))
        position[members] = (np.arange(len(members)) + 0.5) / len(members)
    chosen = np.sort(np.argsort(position, kind="stable")[:limit])
    return LabelledImages(data.images[chosen], data.labels[chosen])


def flipped(images: NDArray, rng: np.random.Generator) -> NDArray:
    """Return each picture in one of the eight positions of a square (four of an oblong), drawn from `rng`.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, channels)
    """
    left_right, up_down, diagonal = rng.random((3, len(images))) < 0.5
    images = images.copy()
    images[left_right] = images[left_right][:, :, ::-1]
    images[up_down] = images[up_down][:, ::-1]
    if images.shape[1] == images.shape[2]:
        images[diagonal] = images[diagonal].swapaxes(1, 2)
    return images


def class_weights(labels: NDArray[np.int64], n_classes: int) -> NDArray[np.float32]:
    """Return n / (n_classes · n of the class) for each class, of mean 1 over the pictures.

    Examples
    --------
    >>> class_weights(np.array([0, 0, 0, 1]), 2).round(2)
    array([0.67, 2.  ], dtype=float32)
    """
    counts = np.maximum(np.bincount(labels, minlength=n_classes), 1)
    return (len(labels) / (n_classes * counts)).astype(np.float32)


def predict(model: keras.Model, images: NDArray, track: Track, what: str) -> NDArray[np.float32]:
    """Return the model's output for all pictures, batch by batch."""
    starts = range(0, len(images), PREDICT_BATCH)
    return np.concatenate(
        [
            keras.ops.convert_to_numpy(model.predict_on_batch(images[start : start + PREDICT_BATCH]))
            for start in track(starts, what, len(starts))
        ]
    )


def cross_entropy(labels: NDArray[np.int64], y_prob: NDArray[np.float32]) -> float:
    """Return the mean of -ln p of the true class, p cut at 1e-7 as Keras does.

    Examples
    --------
    >>> round(cross_entropy(np.array([0, 1]), np.array([[1, 0], [0.5, 0.5]], dtype=np.float32)), 4)
    0.3466
    """
    return float(-np.log(np.clip(y_prob[np.arange(len(labels)), labels], 1e-7, 1)).mean())


def device() -> str:
    """Return what computed, in words."""
    gpus = keras.distribution.list_devices("gpu")
    return f"{len(gpus)} GPU" if gpus else f"CPU, {os.cpu_count()} cores, {platform.machine()}"


def versions() -> dict[str, str]:
    """Return the versions on which the bits of a training depend."""
    backend = keras.config.backend()
    backend_module = __import__(backend)
    return {
        "python": platform.python_version(),
        "keras": keras.version(),
        backend: backend_module.__version__,
        "numpy": np.__version__,
    }
