"""Run a zip in the sandbox and score what comes out: the only place where predictions meet labels."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.ahead import Prepared, at_once
from harness.contest import rules_of
from harness.errors import WorkspaceError
from harness.freeze.frozen import Frozen
from harness.freeze.hashing import hash_array, hash_file
from harness.runtimes.runtime import Runtimes
from harness.sandbox import run as sandbox
from harness.sandbox.kept import KeptRuns
from harness.sandbox.outcome import EntryRun, Outcome
from harness.score.card import ScoreCard, score_split, scorer_version

if TYPE_CHECKING:
    from harness.cluster.client import Cluster

SPLITS = ("val", "val_shifted", "public", "private")
HALVES = ("public", "private")  # of the hidden images, which an entry sees together
KEPT = (
    "Nothing ran: these are the answers that the same zip gave on {}, on the same images, under the same limits and "
    "isolation, with the same packages. To run it: --fresh"
)


class Evaluation(msgspec.Struct, frozen=True):
    """A score card, and what the entry answered, by split.

    Attributes
    ----------
    card : ScoreCard
    predictions : dict of str to ndarray of shape (n,), int64
        The labels that were scored.
    probabilities : dict of str to ndarray of shape (n, n_classes), float32
        Of the same images, rows sum to 1; empty where the entry gave none that can be used.
    """

    card: ScoreCard
    predictions: dict[str, NDArray[np.int64]]
    probabilities: dict[str, NDArray[np.float32]] = {}

    @property
    def kept(self) -> dict[str, NDArray[Any]]:
        """The arrays that are kept beside the card: ``val`` and, where there are any, ``val_probabilities``."""
        return self.predictions | {f"{split}_probabilities": rows for split, rows in self.probabilities.items()}


class Terms(TypedDict, total=False):
    """How an entry is run.

    ``isolation``, ``device`` and ``runtime`` are those of `harness.sandbox.run.prepare_entry`.  ``fresh``: also where
    the answers to the same question are kept.
    """

    isolation: sandbox.Choice
    device: sandbox.Device
    fresh: bool
    runtime: str | None


@contextlib.contextmanager
def prepare_evaluation(
    frozen: Frozen,
    zip_path: Path,
    *,
    scratch: Path,
    runtimes: Path | None = None,
    kept: Path | None = None,
    splits: tuple[str, ...] = SPLITS,
    also: tuple[str, ...] = (),
    probabilities: bool = True,
    isolation: sandbox.Choice = "auto",
    device: sandbox.Device = "auto",
    fresh: bool = False,
    runtime: str | None = None,
    order: int | None = None,
    elsewhere: Cluster | None = None,
) -> Iterator[Callable[[], Evaluation]]:
    """Prepare to score `zip_path` on `splits` of a frozen contest; the function that is given does the rest.

    The labels are read after the submission's last process is dead.

    Parameters
    ----------
    frozen : Frozen
    zip_path, scratch : Path
    runtimes : Path, optional
        The folder of the runtimes that were built; of those the contest's rules allow some.
    kept : Path, optional
        The folder of kept runs; where it is not given, none is looked for and none is kept.
    splits : tuple of str
    also : tuple of str
        Further splits that the entry answers for and that are not scored: nothing of them stands on the card.
    probabilities : bool
        Whether an entry that offers `predict_proba` is asked for them, which about doubles its time.
    isolation, device, fresh, runtime
        See `Terms`.
    order : int, optional
        Seed of the order in which the entry gets the images, to repeat a run; drawn by the system where not given,
        since an entry must not foresee it.
    elsewhere : Cluster, optional
        Where it is run; by default here.  Its answers meet the labels here.

    Raises
    ------
    WorkspaceError
        There is no such zip, or the frozen contest is damaged.
    """
    if not zip_path.is_file():
        raise WorkspaceError(f"There is no zip {zip_path}.", "Build one: hemobench pack FOLDER -o ZIP")
    contest = frozen.contest
    answered = (*splits, *(split for split in also if split not in splits))
    shown = tuple(dict.fromkeys("hidden" if split in HALVES else split for split in SPLITS if split in answered))
    digest, size = hash_file(zip_path), zip_path.stat().st_size
    question: dict[str, Any] = {"zip": digest, "lock": frozen.lock_hash, "scorer": scorer_version(), "splits": shown}
    question |= {"probabilities": probabilities, "runtime": runtime}
    there = Runtimes(runtimes, contest.runtimes)
    runs = KeptRuns(kept, question, contest.limits, device, there) if kept else None
    if runs and not fresh and (known := runs.find(isolation)):
        yield lambda: _meet(frozen, known, digest, size, splits, answered)
        return
    asked: dict[str, Any] = {
        "order": secrets.randbits(53) if order is None else order,  # 53: a JSON reader may hold numbers as doubles
        "hidden": ("hidden",),
        "probabilities": probabilities,
        "isolation": isolation,
        "device": device,
        "runtimes": there,
        "runtime": runtime,
    }
    images = {split: partial(_images, frozen, split) for split in shown}
    prepared: Prepared[EntryRun]
    if elsewhere:
        run_there = partial(elsewhere.run_entry, zip_path, images, frozen.lock_hash)
        prepared = contextlib.nullcontext(partial(run_there, contest.n_classes, contest.limits, **asked))
    else:
        shown_here = {split: load() for split, load in images.items()}
        prepared = sandbox.prepare_entry(
            zip_path, shown_here, contest.n_classes, contest.limits, scratch=scratch, **asked
        )
    with prepared as finish:

        def both() -> Evaluation:
            run = finish()
            if runs and hash_file(zip_path) == digest:  # else it was changed meanwhile
                runs.keep(run)
            return _meet(frozen, run, digest, size, splits, answered)

        yield both


evaluate = at_once(prepare_evaluation)


def unscored(frozen: Frozen, run: EntryRun, zip_path: Path) -> Evaluation:
    """Return what there is to say of an entry that ended before it was shown an image."""
    return _meet(frozen, run, hash_file(zip_path), zip_path.stat().st_size, (), ())


def _images(frozen: Frozen, split: str) -> NDArray[np.uint8]:
    return frozen.hidden_images() if split == "hidden" else frozen.load(split).images  # type: ignore[arg-type]


def _meet(
    frozen: Frozen, run: EntryRun, digest: str, size: int, splits: tuple[str, ...], answered: tuple[str, ...]
) -> Evaluation:
    """Return what the answers of a run are worth, by the labels: no process of it lives any more."""
    contest = frozen.contest
    scores, predictions, likely = {}, {}, {}
    if run.outcome is Outcome.SCORED:
        truth, groups = labels_of(frozen), frozen.groups()
        for split in answered:
            where, y_true = truth[split]
            shown = "hidden" if split in HALVES else split
            predictions[split] = run.predictions[shown][where]
            if shown in run.probabilities:
                likely[split] = run.probabilities[shown][where]
            if split not in splits:
                continue
            scores[split] = score_split(contest, y_true, predictions[split], groups.get(split))
    card = ScoreCard(
        outcome=str(run.outcome),
        code=run.code,
        message=run.message,
        hint=run.hint,
        notes=(*run.notes, KEPT.format(run.kept_from)) if run.kept_from else run.notes,
        contest=contest.name,
        contest_version=contest.version,
        rules=rules_of(contest),
        lock=frozen.lock_hash,
        zip_sha256=digest,
        zip_bytes=size,
        scorer=scorer_version(),
        scores=scores,
        predictions={split: hash_labels(predictions[split]) for split in scores},
        order=run.order,
        repeat=run.repeat,
        isolation=run.isolation,
        restrictions=run.restrictions,
        missing_restrictions=run.missing_restrictions,
        control_group=run.control_group,
        environment=run.environment,
        seconds=run.seconds,
        peak_memory_mb=run.peak_memory_mb,
        runtime=run.runtime,
        runtime_lock=run.runtime_lock,
        declared=run.declared,
        kept_from=run.kept_from,
        log=run.log,
        hidden_log=run.hidden_log,
    )
    return Evaluation(card, predictions, likely)


def hash_labels(labels: NDArray) -> str:
    """Return the SHA-256 of labels as int64, little-endian: what a card and a receipt name them by."""
    return hash_array(labels.astype(np.int64)).sha256


def labels_of(frozen: Frozen) -> dict[str, tuple[NDArray[np.bool_] | slice, NDArray[np.int64]]]:
    """Return, for each split, where its images lie in the predictions, and their labels."""
    everything = slice(None)
    found: dict[str, tuple[NDArray[np.bool_] | slice, NDArray[np.int64]]] = {
        "val": (everything, frozen.load("val").labels),
        "val_shifted": (everything, frozen.load("val_shifted").labels),
    }
    if not frozen.lock.from_kit:
        labels, public = frozen.hidden_labels()
        found |= {"public": (public, labels[public]), "private": (~public, labels[~public])}
    return found
