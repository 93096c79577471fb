"""Every error a person may see, on one page: what was got, what was expected, what to type next."""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path


class HarnessError(Exception):
    """A fault that a person can repair.

    Parameters
    ----------
    message : str
        What was got and what was expected, in one sentence.
    hint : str
        What to do or to type next.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(HarnessError):
    """The command was typed with words that do not exist or do not go together."""

    exit_code = 2


class ContestError(HarnessError):
    """A contest file is missing or says something it must not."""


class SourceError(HarnessError):
    """A source of images cannot be read, or holds what a contest cannot use."""


class FreezeError(HarnessError):
    """A contest cannot be frozen from these images."""


class WorkspaceError(HarnessError):
    """The workspace lacks what the verb reads, or holds files that have changed."""


class PackError(HarnessError):
    """A folder cannot be made into a submission."""


class RefusedZip(HarnessError):
    """A zip that is not let in; it becomes the outcome ``refused``, before anything of it runs."""


class IsolationError(HarnessError):
    """This machine cannot build the isolation that was asked for."""


class ClusterError(HarnessError):
    """A cluster cannot be reached, or no worker of it can run entries."""


class BoardError(HarnessError):
    """The board cannot be read or written."""


class LimitError(BoardError):
    """A team has submitted as often as the contest allows."""


class ReceiptError(BoardError):
    """A score has its receipt, but its row could not be written yet: nothing is lost, the next verb writes it."""


class ReplayError(HarnessError):
    """An entry cannot be run again as it was."""


class BundleError(HarnessError):
    """A bundle, or a zip that goes with it, cannot be opened or does not hold what it is asked for."""


class UnreadableError(HarnessError):
    """A stranger's file ended the process that was to read it.

    Parameters
    ----------
    end : {'time', 'memory', 'depth', 'size', 'reply', 'crash', 'fault'}
        How; 'size': too much came out of it, 'reply': it holds too much to be told, 'fault': by an error of ours.
    """

    def __init__(self, message: str, hint: str = "", *, end: str = "crash") -> None:
        super().__init__(message, hint)
        self.end = end


class ServeError(HarnessError):
    """The board cannot be served."""


class ClassError(HarnessError):
    """A roster or a folder of hand-ins cannot be read."""


class TrainError(HarnessError):
    """A baseline cannot be trained as asked."""


class DivergedError(TrainError):
    """The loss of a training is no number any more: a fault of its recipe, which another recipe need not have."""


DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG)
DISK_REMEDY = "Make room or rights, or choose another --workspace."


def disk_trouble(error: OSError) -> str | None:
    """Return in a few words how a disk is full, read-only or failing; None where `error` is of another kind.

    Examples
    --------
    >>> disk_trouble(OSError(errno.ENOSPC, "No space left on device", "a.npz"))
    'No space left on device: a.npz'
    >>> disk_trouble(OSError("8192 requested and 0 written"))  # how NumPy says it
    'No space left on device'
    >>> disk_trouble(FileNotFoundError(errno.ENOENT, "No such file or directory"))
    """
    if error.errno is None and str(error).endswith("written"):
        return os.strerror(errno.ENOSPC)
    if error.errno in DISK_ERRORS:
        return f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)
    return None


# By the top module of what an extra of pyproject.toml brings.
EXTRAS = {"keras": "cpu", "matplotlib": "cpu", "pandas": "analysis", "scipy": "analysis", "sklearn": "analysis"}


def extra_for(module: str) -> str | None:
    """Return the extra that brings a module, None where it is of no extra.

    Examples
    --------
    >>> extra_for("scipy.special"), extra_for("keras"), extra_for("nothing")
    ('analysis', 'cpu', None)
    """
    return EXTRAS.get(module.partition(".")[0])


@contextlib.contextmanager
def writing_to(place: Path) -> Iterator[None]:
    """Turn what the system says of a full or read-only disk into one sentence."""
    try:
        yield
    except OSError as error:
        reason = disk_trouble(error) or error.strerror or error
        raise WorkspaceError(f"Cannot write to {place}: {reason}.", DISK_REMEDY) from error


def did_you_mean(word: str, known: Iterable[str], near: float = 0.6) -> str:
    """Return a sentence that names the nearest known words, else all of them; `near` is difflib's ratio, from 0 to 1.

    Examples
    --------
    >>> did_you_mean("vgg61", ["vgg16", "majority"])
    'Did you mean vgg16?'
    >>> did_you_mean("x", ["vgg16", "majority"])
    'Known: majority, vgg16.'
    """
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=3, cutoff=near)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"Known: {', '.join(names)}." if names else ""
