"""How an entry's run ends: exactly one of these words, kept with the entry for ever."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """The end of a run.  Anything but `SCORED` has no score at all, which is not a score of 0."""

    SCORED = "scored"
    REFUSED = "refused"  # the zip was not let in; nothing of it ran
    IMPORT_FAILED = "import_failed"  # `from model import Model`
    LOAD_FAILED = "load_failed"  # `Model()`
    PREDICT_FAILED = "predict_failed"  # `predict(X)` raised, or left the process
    BAD_OUTPUT = "bad_output"  # `predict(X)` returned something that is no label per picture
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    KILLED = "killed"  # a signal ended it, or it started too many processes
