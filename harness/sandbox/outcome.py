"""How an entry's run ends: exactly one word, kept with the entry for ever, and what the run left."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.sandbox.entry_file import EntryFile


class Outcome(StrEnum):
    """The end of a run.  Anything but `SCORED` has no score at all, which is not a score of 0."""

    SCORED = "scored"
    REFUSED = "refused"  # the zip was not let in; nothing of it ran
    FIT_FAILED = "fit_failed"  # its ``fit.py``, in the closed division: nothing came of it
    IMPORT_FAILED = "import_failed"  # `from model import Model`
    LOAD_FAILED = "load_failed"  # `Model()`
    PREDICT_FAILED = "predict_failed"  # `predict(X)` raised, or left the process
    BAD_OUTPUT = "bad_output"  # `predict(X)` returned something that is no label per image
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    KILLED = "killed"  # a signal ended it, or it started too many processes


class Repeat(msgspec.Struct, frozen=True):
    """What the consistency check found: of `n` images, `n_changed` got another label in other company."""

    n: int
    n_changed: int


@dataclass(frozen=True)
class RequestFailure:
    """Why a request that was not needed gave nothing: a code for programs, and a sentence."""

    code: str
    message: str


@dataclass(frozen=True)
class EntryRun:
    """How one run ended and what it left.

    Attributes
    ----------
    outcome : Outcome
    code : str
        The reason in one word, for programs: of `answer_checks.py`, `child.py` or `resolve_outcome.py`; empty when
        scored.
    subject : str
        The file, package or signal that it is about, where there is one.
    message, hint : str
        What was got and expected, and what to do; empty when scored.  One line, printable characters only.
    predictions : dict of str to ndarray of shape (n,), int64
        Labels by request, each from 0 to n_classes - 1; empty unless scored.
    probabilities : dict of str to ndarray of shape (n, n_classes), float32
        By split, rows sum to 1; of every split, or empty: where nobody asked, where the entry offers none, or where
        they cannot be used.
    failed : dict of str to RequestFailure
        Why a request that was not needed gave nothing.
    order : int
        Seed of the order in which the images were handed over.
    repeat : Repeat or None
        None where there was no consistency check, or where it failed.
    log : str
        What the entry printed before any hidden image was within its reach, the middle left out where it was longer
        than the limit.  As the entry wrote it: to be escaped before it reaches a terminal or a page.
    hidden_log : str
        The same, of what it printed from then on: it may be made of hidden images.  Nothing else here is in the words
        of an entry that had been given them.
    isolation : str
        The name of a backend; empty when nothing ran.
    restrictions, missing_restrictions : tuple of str
        Those in force and those that were not, of `isolation.RESTRICTIONS`; both empty when nothing ran.
    control_group : bool
        Whether the kernel, too, kept the account of memory and processes: see `cgroup`.
    notes : tuple of str
        What was ignored in the zip.
    seconds : dict of str to float
        ``load``, with what was imported ahead, and one per request, as the entry's process measured them; ``wall``,
        since the entry was handed over, as we did.
    peak_memory_mb : float
        Largest resident memory of all its processes together, looked at every 50 ms, where shared pages count in each;
        or, where that is more, of the process that ran the entry, as this told it.
    environment : dict of str to str
        Versions of ``python`` and of the packages the entry imported; ``device``, ``cpu`` or ``gpu``.
    runtime, runtime_lock : str
        The environment it ran in, and the SHA-256 of its packages: see `harness.runtimes.runtime.Runtime`; empty when
        nothing ran.
    declared : EntryFile
        What the entry says of itself.
    kept_from : str
        When this run was, UTC, where it is one that was kept; empty where it has just been.
    around : str
        `harness.sandbox.kept.hash_around` of another machine, where it ran on one; empty: on this one.
    """

    outcome: Outcome
    code: str = ""
    subject: str = ""
    message: str = ""
    hint: str = ""
    predictions: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    probabilities: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    failed: dict[str, RequestFailure] = field(default_factory=dict)
    order: int = 0
    repeat: Repeat | None = None
    log: str = ""
    hidden_log: str = ""
    isolation: str = ""
    restrictions: tuple[str, ...] = ()
    missing_restrictions: tuple[str, ...] = ()
    control_group: bool = False
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    peak_memory_mb: float = 0.0
    environment: dict[str, str] = field(default_factory=dict)
    runtime: str = ""
    runtime_lock: str = ""
    declared: EntryFile = field(default_factory=EntryFile)
    kept_from: str = ""
    around: str = ""
