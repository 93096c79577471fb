"""The zips of a rehearsal: honest networks, and planted entries, whose code lies in ``planted/``, a folder each."""

from __future__ import annotations

import functools
import hashlib
import io
import runpy
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.freeze.frozen import Frozen
from harness.pack import plain_member

PLANTED = Path(__file__).parent / "planted"
PUBLIC_SPLITS = ("train", "val", "val_shifted")
RIDGE = 1e-4  # of the last layer's fit, a share of the images

Arrays = dict[str, NDArray]


@dataclass(frozen=True)
class PublicData:
    """What every team has: the public images, and what its entries know of them.

    Attributes
    ----------
    images : ndarray of shape (n, height, width, 3), uint8
        Of all public splits, one behind the other.
    labels : ndarray of shape (n,), int64
    n_train : int
        The first are the training set.
    n_classes : int
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    n_train: int
    n_classes: int

    @classmethod
    def of(cls, frozen: Frozen) -> PublicData:
        splits = [frozen.load(split) for split in PUBLIC_SPLITS]  # type: ignore[arg-type]
        images = np.concatenate([split.images for split in splits])
        labels = np.concatenate([split.labels for split in splits])
        return cls(images, labels, len(splits[0].labels), frozen.contest.n_classes)

    @functools.cached_property
    def features(self) -> NDArray[np.float32]:
        """What the honest entry sees of the training images, by its own code, shape (n_train, 48)."""
        found: NDArray[np.float32] = runpy.run_path(str(PLANTED / "honest" / "model.py"))["features"](
            self.images[: self.n_train]
        )
        return found

    @functools.cached_property
    def known(self) -> Arrays:
        """What the entries without a network bring along."""
        label = np.bincount(self.labels[: self.n_train]).argmax()
        return {"label": np.array(label), "n_classes": np.array(self.n_classes)}


def train(data: PublicData, rng: np.random.Generator, units: int, share: float) -> Arrays:
    """Train a network of one hidden layer: its first weights are drawn, the last fitted by ridge regression.

    Parameters
    ----------
    data : PublicData
    rng : numpy.random.Generator
        Draws the first weights and the images.
    units : int
    share : float
        Of the training images, 0 to 1.

    References
    ----------
    G.-B. Huang, Q.-Y. Zhu, C.-K. Siew, "Extreme learning machine: theory and applications", Neurocomputing 70 (2006)
    489-501.
    """
    rows = rng.permutation(data.n_train)[: max(data.n_classes, int(share * data.n_train))]
    seen, y = data.features[rows].astype(np.float64), data.labels[rows]
    mean, spread = seen.mean(axis=0), seen.std(axis=0) + 1e-6
    drawn = rng.normal(0, 0.3 / np.sqrt(seen.shape[1]), (seen.shape[1], units))
    weights = drawn / spread[:, None]
    bias = rng.normal(0, 0.5, units) - mean @ weights
    hidden = np.tanh(seen @ weights + bias)
    normal = hidden.T @ hidden + RIDGE * len(rows) * np.eye(units)
    head = np.linalg.solve(normal, hidden.T @ np.eye(data.n_classes)[y])
    made = {"hidden": weights, "bias": bias, "head": head, "mean": mean, "spread": spread}
    return {name: array.astype(np.float32) for name, array in made.items()}


def copied(network: Arrays, rng: np.random.Generator) -> Arrays:
    """Return another's network with its units in another order and its layers under other names."""
    order = rng.permutation(len(network["bias"]))
    return {"alpha": network["hidden"][:, order], "beta": network["bias"][order], "gamma": network["head"][order]}


def write_zip(kind: str, target: Path, data: PublicData, network: Arrays, rng: np.random.Generator) -> None:
    """Write the zip of an entry, the same bytes each time; `kind` is a folder of ``planted``.

    Parameters
    ----------
    network : dict of str to ndarray
        Of its team, or the one that it copies.
    rng : numpy.random.Generator
        Draws what a copy changes.
    """
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(plain_member("model.py"), (PLANTED / kind / "model.py").read_bytes())
        for name, arrays in _files(kind, data, network, rng).items():
            np.savez(file := io.BytesIO(), allow_pickle=False, **arrays)
            archive.writestr(plain_member(name), file.getvalue())


def _files(kind: str, data: PublicData, network: Arrays, rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    match kind:
        case "honest" | "divided_by_255":
            return {"weights.npz": {name: network[name] for name in ("hidden", "bias", "head")}}
        case "batch_dependent":
            return {"weights.npz": network}
        case "copied":
            return {"brain.npz": copied(network, rng)}
        case "memoriser":
            keys = [hashlib.blake2b(image.tobytes(), digest_size=8).hexdigest() for image in data.images]
            return {"known.npz": {**data.known, "keys": np.array(keys), "labels": data.labels}}
        case "log_exfiltrator":
            return {"known.npz": {"keys": np.array([zlib.crc32(image.tobytes()) for image in data.images])}}
        case "slow":
            return {}
        case _:
            return {"known.npz": data.known}
