"""What an entry is shown: the images of each split in an order of their own, and a sample of them a second time.

After that, where it offers them and somebody wants them, it is asked for probabilities.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.sandbox.outcome import EntryRun, Outcome, Repeat

# The consistency check: enough images to notice one in twenty that changes, and few enough to cost seconds.  Two sizes,
# since TensorFlow compiles a network anew for each.
AGAIN, N_AGAIN, AGAIN_BATCHES = "again", 64, (1, 31)
PREDICT, PREDICT_PROBA = "predict", "predict_proba"


@dataclass(frozen=True)
class PredictionRequest:
    """Images that are shown to an entry, what it is asked about them, and how they are handed to it.

    Attributes
    ----------
    name : str
    images : ndarray of shape (n, height, width, 3)
        uint8, 0-255, unless something else is to be tried.
    batches : tuple of int
        Sizes of the batches, used in turn; empty: all images at once.
    needed : bool
        False: a failure here is told in `EntryRun.failed` and ends nothing.
    method : {'predict', 'predict_proba'}
        For labels or for probabilities; these are never needed.
    hidden : bool
        Whether these images are handed over only when every request for labels before has been answered: from then on
        whatever the entry says may be made of them.
    """

    name: str
    images: NDArray[Any]
    batches: tuple[int, ...] = ()
    needed: bool = True
    method: str = PREDICT
    hidden: bool = False

    @property
    def key(self) -> str:
        """The name by which its seconds and its failure are told; `name` tells a split's two requests not apart."""
        return self.name if self.method == PREDICT else f"{self.method} {self.name}"

    @property
    def doing(self) -> str:
        """The line of code that it is."""
        return f"{self.method}(X) on {self.name}"


def n_images(requests: Sequence[PredictionRequest], method: str) -> int:
    """Return how many answers the requests that ask for `method` are to give together."""
    return sum(len(one.images) for one in requests if one.method == method)


class PredictionPlan:
    """The requests of one run in an order drawn from a seed, and the way back from their labels.

    An entry learns nothing from the place of an image, and one that labels each image by itself gives the same
    labels in any order.

    Parameters
    ----------
    images : mapping of str to ndarray of shape (n, height, width, 3), uint8
        Images by split.
    seed : int
    hidden : collection of str
        Splits whose images are hidden; they follow the others in `images`.
    probabilities : bool
        Whether the entry is asked for them, once more on all images of all splits.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> plan = PredictionPlan({"val": rng.integers(0, 256, (20, 4, 4, 3), np.uint8)}, seed=1)
    >>> [(one.name, len(one.images), one.needed) for one in plan.requests]
    [('val', 20, True), ('again', 20, False)]
    """

    def __init__(
        self,
        images: Mapping[str, NDArray[np.uint8]],
        seed: int,
        *,
        hidden: Collection[str] = (),
        probabilities: bool = False,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.seed = seed
        self.orders = {split: rng.permutation(len(batch)) for split, batch in images.items()}
        self.requests = [
            PredictionRequest(split, batch[self.orders[split]], hidden=split in hidden)
            for split, batch in images.items()
        ]
        n_each = {split: min(len(batch), N_AGAIN // len(images)) for split, batch in images.items()}
        chosen = [
            (split, int(at)) for split, n in n_each.items() for at in rng.choice(len(images[split]), n, replace=False)
        ]
        self.chosen = [chosen[at] for at in rng.permutation(len(chosen))]
        if chosen:
            again = np.stack([images[split][at] for split, at in self.chosen])
            some_hidden = any(one.hidden for one in self.requests)
            self.requests.append(PredictionRequest(AGAIN, again, AGAIN_BATCHES, needed=False, hidden=some_hidden))
        if probabilities:
            splits = self.requests[: len(images)]
            self.requests += [replace(one, needed=False, method=PREDICT_PROBA) for one in splits]

    def put_back(self, run: EntryRun) -> EntryRun:
        """Return `run` with its answers in the images' own order, and what the consistency check found."""
        run = replace(run, order=self.seed)
        if run.outcome is not Outcome.SCORED:
            return run
        back = {split: np.argsort(order) for split, order in self.orders.items()}
        predictions = {split: run.predictions[split][order] for split, order in back.items()}
        probabilities = {split: rows[back[split]] for split, rows in run.probabilities.items()}
        repeat, notes = None, run.notes
        if AGAIN in run.predictions:
            first = np.array([predictions[split][at] for split, at in self.chosen])
            repeat = Repeat(len(first), int((first != run.predictions[AGAIN]).sum()))
            if repeat.n_changed:
                notes += (
                    f"Order-dependent: {repeat.n_changed} of {repeat.n} images got another label when shown again in "
                    "another order, in batches of 1 and 31. What that means for its rank: hemobench contest rules",
                )
        elif AGAIN in run.failed:
            notes += (f"Shown again in batches of 1 and 31, the images got no labels: {run.failed[AGAIN].message}",)
        asked = [one.key for one in self.requests if one.method == PREDICT_PROBA]
        notes += tuple(
            f"No probabilities, the score stands: {run.failed[key].message}" for key in asked if key in run.failed
        )
        return replace(run, predictions=predictions, probabilities=probabilities, repeat=repeat, notes=notes)
