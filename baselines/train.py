"""Train one baseline on the public part of a frozen contest, into a run folder that survives its process.

The loop is our own: with Keras's `fit` the state of a training lies in the model, the optimizer, each callback and a
shuffling, and a training taken up again differs from one that ran through.  Here an epoch is a function of the seed,
its number and the weights before it.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from functools import partial
from typing import Literal

import keras
import numpy as np
from numpy.typing import NDArray

from baselines.augment.catalogue import AUGMENTATIONS
from baselines.augment.images import augment
from baselines.augment.learner import Learner, reseed
from baselines.augment.mixing import mixing_layer
from baselines.build import as_trained, build_model
from baselines.data import ahead, class_weights, training_images
from baselines.device import device
from baselines.features import features, predict
from baselines.initialisation import normalise
from baselines.inspection import cross_entropy, inspect
from baselines.job import Job
from baselines.models.freezing import freeze, split_at_frozen
from baselines.optimizers.choice import averaged, make_optimizer
from baselines.precision import LABELS_HELD
from baselines.recipe import Recipe, phases
from baselines.run_folder import Run, RunFolder, save_atomic
from baselines.saving import save_model
from baselines.schedule import Epoch, best_epoch, is_over, learning_rate
from harness.errors import DivergedError
from harness.freeze.frozen import LabelledImages
from harness.progress import Track, silent


def train(
    job: Job,
    folder: RunFolder,
    *,
    tell: Callable[[str], None] = print,
    track: Track = silent,
    after_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> Run:
    """Train, from the last complete epoch of `folder` on where it holds one.

    Ctrl-C ends the run: the best epoch so far stays as its submission, and the record says ``by hand``; where no epoch
    is complete, the interrupt is passed on.

    Parameters
    ----------
    tell : callable
        Gets a line for each epoch.
    after_epoch : callable
        Gets each epoch when it is on disk; what it raises ends the training.

    Raises
    ------
    TrainError
        The weights do not fit, the loss is no number, or the folder cannot be written.
    """
    began = time.monotonic()
    history = folder.read_history()
    earlier = sum(row.seconds for row in history)
    stopped: Literal["finished", "early", "by hand"]
    keras.utils.clear_session()  # Keras numbers layers by what a process has built, and the names are saved
    keras.utils.set_random_seed(job.seed)
    rng = np.random.default_rng([job.seed, 0])
    data, val = training_images(job, rng)
    try:
        run_phases(job, folder, data, val, history, rng, tell, track, after_epoch)
        stopped = "finished" if len(history) == job.recipe.epochs else "early"
    except KeyboardInterrupt:
        history = folder.read_history()
        if not history:
            raise
        stopped = "by hand"
    seconds = earlier + time.monotonic() - began
    best = best_epoch(history)
    seen = inspect(job, folder, data, history, best, track)
    if seen.changed_labels is not None:
        share = f"{100 * seen.changed_labels:.2f} % of the validation labels"
        tell(f"Submitted in float32, which changes {share}.")
        if seen.changed_labels >= LABELS_HELD:
            tell(f"That is {100 * LABELS_HELD:g} % or more: --set precision=float32 trains in what is submitted.")
    run = Run(
        model=job.baseline.name,
        contest=job.frozen.contest.name,
        lock_hash=job.frozen.lock_hash,
        preset=job.preset_name,
        cuts=job.cuts,
        recipe=job.recipe,
        precision=job.precision.policy,
        changed_labels=seen.changed_labels,
        seed=job.seed,
        weights=job.weights.label,
        weights_sha256=job.weights.sha256,
        parameters=seen.parameters,
        train_images=len(data.labels),
        val_accuracy=seen.val_accuracy,
        val_loss=seen.val_loss,
        train_accuracy=seen.train_accuracy,
        adapted=seen.adapted,
        best_epoch=best.epoch,
        epochs=len(history),
        stopped=stopped,
        seconds=round(seconds, 1),
        step_seconds=round(sum(row.seconds - row.compile_seconds for row in history), 1),
        device=device(),
        versions=versions(),
    )
    folder.write_run(run)
    if stopped != "by hand":
        folder.forget_checkpoints()
    return run


def run_phases(
    job: Job,
    folder: RunFolder,
    data: LabelledImages,
    val: LabelledImages,
    history: list[Epoch],
    rng: np.random.Generator,
    tell: Callable[[str], None],
    track: Track,
    after_epoch: Callable[[Epoch], None],
) -> None:
    """Train phase after phase; `history` grows by each epoch once that is on disk."""
    recipe, last = job.recipe, phases(job.recipe)[-1]
    before_last = recipe.epochs - last.epochs
    if len(history) > before_last and is_over(last, history[before_last:]):
        return
    # What is submitted is float32, so that it says the same on every machine; the weights are so already.
    submitted = build_model(job)
    if recipe.init_images:
        # Also when taken up again: what is frozen is in no checkpoint, and the draw is the same.
        normalise(submitted, data.images[rng.permutation(len(data.images))[: recipe.init_images]])
    model = as_trained(job, submitted)
    end = 0
    for phase in phases(recipe):
        start, end = end, end + phase.epochs
        if len(history) > end:
            continue  # a later phase has begun, and its checkpoint holds what this one taught
        freeze(model, phase)
        session = Session(job, phase, model, submitted, folder, data.labels)
        if len(history) > start:
            session.learner.load_weights(folder.checkpoint(len(history)))
        if not is_over(phase, history[start:]):
            session.run(data, val, history, start, tell, track, after_epoch)


class Session:
    """One phase of a training: the part of the model that learns, and how.

    Parameters
    ----------
    model : keras.Model
        With what is frozen set.
    submitted : keras.Model
        What is saved: `model` itself, or its twin in float32.
    labels : ndarray of shape (n,), int64
        Of the training set, for the weights of the classes.
    """

    def __init__(
        self,
        job: Job,
        phase: Recipe,
        model: keras.Model,
        submitted: keras.Model,
        folder: RunFolder,
        labels: NDArray[np.int64],
    ) -> None:
        self.job, self.phase, self.folder = job, phase, folder
        self.model, self.submitted = model, submitted
        self.frozen: keras.Model | None = None
        self.network = model
        if phase.features_once:
            self.frozen, self.network = split_at_frozen(model)
        n_classes = job.frozen.contest.n_classes
        weights = class_weights(labels, n_classes) if phase.class_weights else np.ones(n_classes, np.float32)
        self.augmentation = AUGMENTATIONS[phase.augment]
        self.optimizer = make_optimizer(phase)
        self.learner = Learner(self.network, mixing_layer(self.augmentation.mixing), weights, phase.label_smoothing)
        self.learner.compile(self.optimizer)
        self.optimizer = self.learner.optimizer  # mixed_float16 wraps it
        self.optimizer.build(self.learner.trainable_variables)

    def run(
        self,
        data: LabelledImages,
        val: LabelledImages,
        history: list[Epoch],
        start: int,
        tell: Callable[[str], None],
        track: Track,
        after_epoch: Callable[[Epoch], None],
    ) -> None:
        """Train epoch after epoch; each is on disk before the next one begins."""
        phase, job, folder = self.phase, self.job, self.folder
        n_classes = job.frozen.contest.n_classes
        images: NDArray = data.images
        val_images: NDArray = val.images
        if self.frozen is not None:
            tell(f"Runs the frozen layers once on {len(images) + len(val_images):,} images.")
            images = features(self.frozen, images, folder.features, track, "features, batches")
            val_images = features(self.frozen, val_images, folder.features, track, "validation features, batches")
        one_hot = np.eye(n_classes, dtype=np.float32)[data.labels]
        # Whole batches only: another shape would be compiled anew, and a tiny batch has no statistics to normalise by.
        size = min(phase.batch_size, len(images))
        n_batches = len(images) // size
        n_epochs = job.recipe.epochs

        def augmented(rng: np.random.Generator, rows: NDArray) -> NDArray:
            return augment(images[rows], self.augmentation.images, rng)

        first = len(history) + 1  # of this sitting: its first step compiles
        while not is_over(phase, history[start:]):
            began, number = time.monotonic(), len(history) + 1
            rng = np.random.default_rng([job.seed, number])
            reseed(self.learner, rng)
            batches = rng.permutation(len(images))[: n_batches * size].reshape(n_batches, size)
            losses, hits, took = (np.zeros(n_batches) for _ in range(3))
            inputs = ahead(partial(augmented, rng), batches)
            for done, X in enumerate(track(inputs, f"epoch {number}/{n_epochs}, batches", n_batches)):
                rate = learning_rate(phase, history[start:], (number - 1 - start + done / n_batches) / phase.epochs)
                self.optimizer.learning_rate = rate
                step_began = time.monotonic()
                losses[done], hits[done] = self.learner.train_on_batch([X, one_hot[batches[done]]])
                took[done] = time.monotonic() - step_began
            if not np.isfinite(losses).all():
                raise DivergedError(
                    f"The loss of epoch {number} is not a number.", "Lower it: --set learning_rate=1e-4, for instance."
                )
            with averaged(self.optimizer, self.learner.trainable_variables):
                y_prob = predict(self.network, val_images, track, "validation, batches")
                epoch = Epoch(
                    epoch=number,
                    learning_rate=rate,
                    train_loss=float(losses.mean()),
                    train_accuracy=float(hits.mean()),
                    val_loss=cross_entropy(val.labels, y_prob),
                    val_accuracy=float((y_prob.argmax(axis=1) == val.labels).mean()),
                    seconds=round(time.monotonic() - began, 1),
                    compile_seconds=round(float(took[0] - np.median(took)), 1) if number == first else 0.0,
                )
                # In this order: the row of the history is what makes the epoch complete.
                if best_epoch([*history, epoch]) is epoch:
                    if self.submitted is not self.model:
                        self.submitted.set_weights(self.model.get_weights())
                    folder.write_submission(partial(save_model, self.submitted), views=job.recipe.views)
            save_atomic(folder.checkpoint(number), self.learner.save_weights)
            folder.write_history([*history, epoch])
            history.append(epoch)
            folder.forget_checkpoints(but=number)
            tell(
                f"epoch {number}/{n_epochs}: train {100 * epoch.train_accuracy:.1f} %, "
                f"val {100 * epoch.val_accuracy:.1f} % (loss {epoch.val_loss:.3f}), {epoch.seconds:.0f} s"
            )
            after_epoch(epoch)


def versions() -> dict[str, str]:
    """Return the versions on which the bits of a training depend."""
    backend = keras.config.backend()
    backend_module = __import__(backend)
    return {
        "python": platform.python_version(),
        "keras": keras.version(),
        backend: str(backend_module.__version__),
        "numpy": np.__version__,
    }
