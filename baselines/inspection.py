"""What a trained model knows and where it fails, measured on its best epoch, in numbers and figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from baselines.augment.catalogue import AUGMENTATIONS
from baselines.augment.images import augment
from baselines.augment.learner import reseed
from baselines.augment.mixing import mixing_layer
from baselines.build import as_trained
from baselines.data import cut
from baselines.features import predict
from baselines.figures.augmented import augmented
from baselines.figures.confusion import confusion
from baselines.figures.curves import curves
from baselines.figures.labels import label_distribution
from baselines.figures.mistakes import mistakes
from baselines.initialisation import set_statistics
from baselines.job import Job
from baselines.models.pretrained import HEAD
from baselines.run_folder import Accuracy, Adapted, RunFolder
from baselines.schedule import Epoch
from harness.freeze.frozen import LabelledImages
from harness.progress import Track
from harness.score.metrics import confusion_matrix

SAMPLE = 500  # images of the training set, and of the shifted validation set: an interval of ±4 points at 70 %
ADAPTATION_BATCH = 128  # images whose statistics stand in for those of training


@dataclass(frozen=True)
class Seen:
    """What `inspect` measured."""

    parameters: int
    val_accuracy: Accuracy
    val_loss: float
    train_accuracy: Accuracy
    adapted: Adapted | None
    changed_labels: float | None


def inspect(
    job: Job, folder: RunFolder, train: LabelledImages, history: Sequence[Epoch], best: Epoch, track: Track
) -> Seen:
    """Measure the model that `folder` submits, and draw its figures.

    Parameters
    ----------
    train : LabelledImages
        What was learnt from.
    """
    model = keras.saving.load_model(folder.model, compile=False)
    rng = np.random.default_rng([job.seed, 0, 1])
    val = job.frozen.load("val")
    y_prob = predict(model, val.images, track, "confusion, batches")
    changed_labels = None
    if (trained := as_trained(job, model)) is not model:
        labels = predict(trained, val.images, track, f"{job.precision.policy}, batches").argmax(axis=1)
        changed_labels = float((labels != y_prob.argmax(axis=1)).mean())
    sample, _ = cut(train, min(1.0, SAMPLE / len(train.labels)), rng)
    train_prob = predict(model, sample.images, track, "confusion, batches")
    shifted, _ = cut(job.frozen.load("val_shifted"), min(1.0, SAMPLE / len(val.labels)), rng)
    seen = Seen(
        parameters=model.count_params(),
        val_accuracy=Accuracy.of(y_prob.argmax(axis=1) == val.labels),
        val_loss=cross_entropy(val.labels, y_prob),
        train_accuracy=Accuracy.of(train_prob.argmax(axis=1) == sample.labels),
        changed_labels=changed_labels,
        adapted=adapt(model, shifted, rng, track),
    )
    draw(job, folder, history, best, val, y_prob, sample, train_prob, rng)
    return seen


def cross_entropy(labels: NDArray[np.int64], y_prob: NDArray[np.float32]) -> float:
    """Return the mean of -ln p of the true class, p cut at 1e-7 as Keras does.

    Examples
    --------
    >>> round(cross_entropy(np.array([0, 1]), np.array([[1, 0], [0.5, 0.5]], dtype=np.float32)), 4)
    0.3466
    """
    return float(-np.log(np.clip(y_prob[np.arange(len(labels)), labels], 1e-7, 1)).mean())


def adapt(model: keras.Model, shifted: LabelledImages, rng: np.random.Generator, track: Track) -> Adapted | None:
    """Measure what the statistics of batch normalisation cost on shifted images; the model is left changed."""
    normal = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    if all(layer.name.startswith(HEAD) for layer in normal):
        return None
    before = predict(model, shifted.images, track, "shifted, batches").argmax(axis=1) == shifted.labels
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0  # EfficientNet's own lies between the layers whose statistics are taken
    set_statistics(model, normal, shifted.images[rng.permutation(len(shifted.images))[:ADAPTATION_BATCH]])
    after = predict(model, shifted.images, track, "adapted, batches").argmax(axis=1) == shifted.labels
    return Adapted(Accuracy.of(before), Accuracy.of(after))


def draw(
    job: Job,
    folder: RunFolder,
    history: Sequence[Epoch],
    best: Epoch,
    val: LabelledImages,
    y_prob: NDArray[np.float32],
    sample: LabelledImages,
    train_prob: NDArray[np.float32],
    rng: np.random.Generator,
) -> None:
    """Draw the report's three figures, a sheet of augmented images and one of the worst mistakes."""
    contest, lock, name, home = job.frozen.contest, job.frozen.lock, job.baseline.name, folder.figures
    names = contest.class_names
    home.mkdir(parents=True, exist_ok=True)
    after = {label: sum(lock.counts[split][label] for split in SPLITS) for label in names}
    dropped = Counter(names[finding.label] for finding in lock.findings if finding.action == "dropped")
    before = {label: after[label] + dropped[label] for label in names}
    label_distribution(home / "labels.png", names, before, after, contest.title)
    curves(home / "curves.png", history, name, best.epoch, job.recipe.head_epochs)
    for split, labels, said in (("train", sample.labels, train_prob), ("validation", val.labels, y_prob)):
        matrix = confusion_matrix(labels, said.argmax(axis=1), contest.n_classes)
        confusion(home / f"confusion-{split}.png", matrix, names, f"{name}, {split}")
    mistakes(home / "mistakes.png", val.images, val.labels, y_prob, names, f"{name}: worst mistakes in validation")
    if job.recipe.augment != "none":
        originals, versions = augmented_versions(job.recipe.augment, sample, contest.n_classes, rng)
        row = AUGMENTATIONS[job.recipe.augment]
        augmented(home / "augmented.png", originals, versions, f"Augmentation {row.name}", row.summary)


SPLITS = ("train", "val", "public", "private")


def augmented_versions(
    name: str, sample: LabelledImages, n_classes: int, rng: np.random.Generator, n: int = 8, m: int = 5
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return `n` images, and `m` versions of each as the augmentation `name` makes them.

    Returns
    -------
    ndarray of shape (n, height, width, 3), uint8
    ndarray of shape (m, n, height, width, 3), float32, 0-255
    """
    augmentation = AUGMENTATIONS[name]
    # One image a class, as far as they go.
    rows = np.unique(sample.labels, return_index=True)[1][:n]
    originals = sample.images[rows]
    mixing = mixing_layer(augmentation.mixing)
    one_hot = np.eye(n_classes, dtype=np.float32)[sample.labels[rows]]
    versions = []
    for _ in range(m):
        version = augment(originals, augmentation.images, rng).astype(np.float32)
        if mixing is not None:
            reseed(mixing, rng)
            mixed = mixing({"images": version, "labels": one_hot}, training=True)
            version = keras.ops.convert_to_numpy(mixed["images"])
        versions.append(version)
    return originals, np.stack(versions)
