"""A run on disk: what was trained, how far it is, and the submission that comes of it.

    submission/model.py, model.keras    what is packed: the best epoch so far
    history.csv                         one row for each complete epoch; the row is what makes it complete
    epoch-0003.weights.h5               weights and optimizer after the last complete epoch, until the run has ended
    run.json                            written when the run has ended
    figures/                            what to look at, drawn when the run has ended

Features of frozen layers lie beside the runs of a contest, in ``.features``.

Every file is written aside and renamed, so that a process killed at any moment leaves an epoch done or not begun.
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.precision import Policy
from baselines.recipe import Recipe
from baselines.schedule import Epoch
from harness.errors import TrainError
from harness.score.stats import wilson_interval
from harness.workspace import sync_folder, write_atomic

TEMPLATE = Path(__file__).parent / "template" / "model.py"


class Accuracy(msgspec.Struct, frozen=True):
    """Share of right labels among `n` images, with its 95 % Wilson interval; 0 to 1."""

    value: float
    low: float
    high: float
    n: int

    @staticmethod
    def of(right: NDArray[np.bool_]) -> Accuracy:
        """Return the accuracy where `right`, of shape (n,), tells which labels were."""
        hits, n = int(right.sum()), len(right)
        return Accuracy(hits / n, *wilson_interval(hits, n), n)


class Adapted(msgspec.Struct, frozen=True):
    """Accuracy on a sample of shifted validation images, with the statistics of batch normalisation as trained, and
    with those of the shifted images themselves; what the second gains is what the statistics cost.

    References
    ----------
    Y. Li et al., "Revisiting Batch Normalization For Practical Domain Adaptation" (2016), arXiv 1603.04779.
    """

    trained: Accuracy
    shifted: Accuracy


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """``run.json``: everything that one needs to know of a run, or to repeat it."""

    model: str
    contest: str
    lock_hash: str
    preset: str
    cuts: str  # what the preset leaves out
    recipe: Recipe
    precision: Policy  # what the recipe's `precision` came to; float32 is what was submitted, in any case
    changed_labels: float | None  # share of the validation images that have another label in it than in float32
    seed: int
    weights: str  # imagenet, none, or sha256:<12 digits>
    weights_sha256: str  # of the file; empty without one
    parameters: int
    train_images: int
    val_accuracy: Accuracy  # of the best epoch, on the contest's own validation images
    val_loss: float  # mean cross-entropy there
    train_accuracy: Accuracy  # of the best epoch, on a sample of what was learnt from
    adapted: Adapted | None  # None: the model has no batch normalisation in its backbone
    best_epoch: int
    epochs: int
    stopped: Literal["finished", "early", "by hand"]
    seconds: float  # of training, wall clock, all sittings together
    step_seconds: float  # from the first batch to the last, with each epoch's validation, without compiling
    device: str
    versions: dict[str, str]

    @property
    def recipe_key(self) -> str:
        """Ten hex digits that runs share which differ by their seed alone."""
        used = in_precision(self.recipe, self.precision)
        shared = [self.lock_hash, self.model, used, self.weights, self.weights_sha256]
        return hashlib.sha256(msgspec.json.encode(shared)).hexdigest()[:10]


def in_precision(recipe: Recipe, policy: Policy) -> Recipe:
    """Return a recipe with what ``auto`` came to: keys are of that, so that no run is taken up in another precision,
    and that ``auto`` and what it comes to are one run.
    """
    return msgspec.structs.replace(recipe, precision=policy)


def run_key(lock_hash: str, model: str, recipe: Recipe, seed: int, weights: str, weights_sha256: str) -> str:
    """Return ten hex digits that differ when anything that shapes the model differs; of a recipe `in_precision`."""
    content = msgspec.json.encode([lock_hash, model, recipe, seed, weights, weights_sha256])
    return hashlib.sha256(content).hexdigest()[:10]


@dataclass(frozen=True)
class RunFolder:
    """Paths and files of one run; nothing is created by asking for a path."""

    path: Path

    @property
    def submission(self) -> Path:
        return self.path / "submission"

    @property
    def figures(self) -> Path:
        return self.path / "figures"

    @property
    def features(self) -> Path:
        return self.path.parent / ".features"

    @property
    def model(self) -> Path:
        return self.submission / "model.keras"

    def checkpoint(self, epoch: int) -> Path:
        return self.path / f"epoch-{epoch:04d}.weights.h5"

    @contextlib.contextmanager
    def locked(self, on_wait: Callable[[], None]) -> Iterator[None]:
        """Keep other processes out of the folder; call `on_wait` where one is in it and has to be waited for."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = (self.path.parent / f".{self.path.name}.lock").open("w")
        except OSError as error:
            raise TrainError(
                f"Cannot write to {self.path.parent}: {error.strerror}.", "Choose another --workspace."
            ) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait()
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def finished(self) -> Run | None:
        """Return the record of a run that has ended by itself, or None."""
        run = self.read_run()
        return run if run and run.stopped != "by hand" and self.model.is_file() else None

    def read_run(self) -> Run | None:
        """Return ``run.json``, or None where there is none yet."""
        path = self.path / "run.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=Run)
        except FileNotFoundError:
            return None
        except (msgspec.MsgspecError, ValueError) as error:
            raise TrainError(f"{path} is damaged: {error}.", "Train anew: add --retrain") from error

    def write_run(self, run: Run) -> None:
        write_atomic(self.path / "run.json", msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")

    def read_history(self) -> list[Epoch]:
        """Return the complete epochs, first to last; none where the run has not begun."""
        path = self.path / "history.csv"
        try:
            rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
            return [msgspec.convert(row, Epoch, strict=False) for row in rows]
        except FileNotFoundError:
            return []
        except (msgspec.ValidationError, UnicodeDecodeError) as error:
            raise TrainError(f"{path} is damaged: {error}.", "Train anew: add --retrain") from error

    def write_history(self, history: Sequence[Epoch]) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, Epoch.__struct_fields__, lineterminator="\n")
        writer.writeheader()
        writer.writerows(msgspec.structs.asdict(row) for row in history)
        write_atomic(self.path / "history.csv", text.getvalue().encode())

    def write_submission(self, save: Callable[[Path], Any], views: int = 1) -> None:
        """Put the model that `save` writes to a path it is given, and the ``model.py`` that loads it, in place.

        Parameters
        ----------
        views : int
            Positions of each image over which ``model.py`` averages.
        """
        line, code = b"VIEWS = 1", TEMPLATE.read_bytes()
        assert code.count(line) == 1
        write_atomic(self.submission / "model.py", code.replace(line, b"VIEWS = %d" % views))
        save_atomic(self.model, save)

    def forget_checkpoints(self, but: int | None = None) -> None:
        """Remove all checkpoints but that of one epoch, and what killed processes left half written."""
        for path in self.path.glob("epoch-*.weights.h5"):
            if but is None or path != self.checkpoint(but):
                path.unlink(missing_ok=True)
        for path in [*self.path.glob(".part-*"), *self.submission.glob(".part-*")]:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove the run; where that is interrupted, no run.json is left to vouch for the rest."""
        for name in ("run.json", "history.csv"):
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)


def save_atomic(path: Path, save: Callable[[Path], Any]) -> None:
    """Let `save` write a file and put it in place whole; Keras chooses the format by the suffix, so that stays.

    Raises
    ------
    TrainError
        The file cannot be written.
    """
    temporary = path.with_name(f".part-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise TrainError(
            f"Cannot write {path}: {error.strerror or error}.", "Make room; then repeat the command."
        ) from error
