"""The images a training learns from, and those it chooses its best epoch by."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from baselines.job import Job, val_share
from harness.freeze.frozen import LabelledImages

T = TypeVar("T")
U = TypeVar("U")


def training_images(job: Job, rng: np.random.Generator) -> tuple[LabelledImages, LabelledImages]:
    """Return the training and the validation set that the job's recipe makes of the contest's public images.

    The contest's own validation images are in the validation set whatever the recipe says, and what is a copy of one
    goes there too: no recipe may train on what `Run.val_accuracy` is measured by.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides which images are moved, dealt or left out, and draws the noise.
    """
    recipe, frozen = job.recipe, job.frozen
    train, val = frozen.load("train"), frozen.load("val")
    if recipe.duplicates == "left":
        removed, known = frozen.load("removed"), {image.tobytes() for image in val.images}
        copies = np.array([image.tobytes() in known for image in removed.images], bool)
        back, rest = cut(chosen(removed, ~copies), val_share(frozen), rng)
        train, val = joined(train, rest), joined(val, joined(back, chosen(removed, copies)))
    if recipe.val_share is not None:
        n_all = len(train.labels) + len(val.labels)
        moved, train = cut(train, (recipe.val_share * n_all - len(val.labels)) / len(train.labels), rng)
        val = joined(val, moved)
    if recipe.train_limit is not None:
        train, _ = cut(train, min(1.0, recipe.train_limit / len(train.labels)), rng)
    if recipe.val_noise:
        noisy = val.images + rng.normal(0, recipe.val_noise, val.images.shape)
        val = LabelledImages(np.clip(np.rint(noisy), 0, 255).astype(np.uint8), val.labels)
    return train, val


def ahead(make: Callable[[T], U], items: Iterable[T], n: int = 4) -> Iterator[U]:
    """Yield ``make(item)`` for each item in turn, up to `n` of them made by a thread before they are asked for.

    One thread makes them all, in order, so that what they draw from one generator never depends on its speed.

    Examples
    --------
    >>> list(ahead(str.upper, "abc"))
    ['A', 'B', 'C']
    """
    waiting: deque[Future[U]] = deque()
    pool = ThreadPoolExecutor(1)
    try:
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) > n:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def chosen(data: LabelledImages, rows: NDArray) -> LabelledImages:
    return LabelledImages(data.images[rows], data.labels[rows])


def joined(one: LabelledImages, other: LabelledImages) -> LabelledImages:
    return LabelledImages(np.concatenate([one.images, other.images]), np.concatenate([one.labels, other.labels]))


def cut(data: LabelledImages, share: float, rng: np.random.Generator) -> tuple[LabelledImages, LabelledImages]:
    """Return a part of `data` drawn so that each class keeps its share, to an image, and the rest, in their order."""
    n = round(share * len(data.labels))
    # Rank each image within its class, as a share of the class: the lowest ranks are stratified.
    position = np.empty(len(data.labels))
    for label in np.unique(data.labels):
        members = rng.permutation(np.flatnonzero(data.labels == label))
        position[members] = (np.arange(len(members)) + 0.5) / len(members)
    order = np.argsort(position, kind="stable")
    first, rest = (np.sort(rows) for rows in (order[:n], order[n:]))
    return chosen(data, first), chosen(data, rest)


def class_weights(labels: NDArray[np.int64], n_classes: int) -> NDArray[np.float32]:
    """Return n / (n_classes · n of the class) for each class, of mean 1 over the images.

    Examples
    --------
    >>> class_weights(np.array([0, 0, 0, 1]), 2).round(2)
    array([0.67, 2.  ], dtype=float32)
    """
    counts = np.maximum(np.bincount(labels, minlength=n_classes), 1)
    return (len(labels) / (n_classes * counts)).astype(np.float32)
