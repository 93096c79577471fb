"""Where the pretrained weights of a model come from, and what the run then calls them."""

from __future__ import annotations

import hashlib
import os
import queue
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import TrainError, UsageError
from harness.progress import Track, silent
from harness.workspace import write_atomic

NONE = "none"
IMAGENET = "imagenet"
MEGABYTE = 1 << 20
PATIENCE_S = 5.0  # for each megabyte of a download, the first one with all it takes to reach the host


@dataclass(frozen=True)
class Pretrained:
    """The weights that a model may start from, without its top.

    Attributes
    ----------
    name : str
        ``<name>_notop.weights.h5`` is looked for in the folder ``HEMOBENCH_WEIGHTS``.
    url, md5 : str
        Keras's own file; the MD5 is the one Keras checks, empty where it checks none.
    megabytes : int
    licence : str
    """

    name: str
    url: str
    md5: str
    megabytes: int
    licence: str


@dataclass(frozen=True)
class Weights:
    """What a model starts from.

    Attributes
    ----------
    label : str
        ``imagenet``, ``none``, or ``sha256:`` with the first 12 digits of a file of unknown origin.
    path : Path or None
        None: the model starts from its initialisation.
    sha256 : str
        Of the file; empty without one.
    why : str
        One line for people.
    """

    label: str
    path: Path | None = None
    sha256: str = ""
    why: str = ""


def find_weights(
    model: str, pretrained: Pretrained | None, wanted: str, *, track: Track = silent, offline: bool = False
) -> Weights:
    """Return the weights that `wanted` stands for.

    Parameters
    ----------
    wanted : str
        ``auto``, ``imagenet``, ``none`` or a path.  ``auto`` and ``imagenet`` look in the folder of
        ``HEMOBENCH_WEIGHTS``, then in Keras's cache, then try Keras's own download; where all fail, ``auto`` starts
        from nothing and ``imagenet`` is an error.
    offline : bool
        Look on this machine alone.

    Raises
    ------
    UsageError
        The model takes no weights.
    TrainError
        The file or the download is not to be had.
    """
    if wanted == NONE or (pretrained is None and wanted == "auto"):
        return Weights(NONE, why="starts from random initialisation.")
    if pretrained is None:
        raise UsageError(f"{model} has no pretrained weights, so --weights {wanted} has no effect.", "Leave it out.")
    if wanted not in ("auto", IMAGENET):
        return _from_file(Path(wanted), pretrained)
    if folder := os.environ.get("HEMOBENCH_WEIGHTS"):
        path = Path(folder) / f"{pretrained.name}_notop.weights.h5"
        if path.is_file():
            return _from_file(path, pretrained)
    cached = keras_cache() / pretrained.url.rpartition("/")[2]
    if cached.is_file() and pretrained.md5 in ("", _digest(cached, "md5")):
        return _from_file(cached, pretrained)
    try:
        if offline:
            raise OSError("nothing is downloaded now")
        download(pretrained, cached, track=track)
    except OSError as error:
        if wanted == IMAGENET:
            raise TrainError(
                f"The ImageNet weights of {model} are not on this machine and cannot be downloaded: {error}.",
                f"Put {cached.name} into {cached.parent}, or name a file: --weights PATH",
            ) from error
        return Weights(NONE, why="no ImageNet weights on this machine, none to download: random initialisation.")
    return _from_file(cached, pretrained)


def keras_cache() -> Path:
    """Return the folder in which Keras itself keeps weights."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models"


def download(pretrained: Pretrained, path: Path, *, track: Track = silent) -> None:
    """Fetch Keras's own file to `path`, whole or not at all.

    Raises
    ------
    OSError
        There is no way to the host, it does not send a megabyte in `PATIENCE_S` seconds, or the file is not the one.
    """
    # A thread, because no timeout of a socket bounds the look-up of a name.
    arrived: queue.Queue[bytes | OSError | None] = queue.Queue(maxsize=8)
    threading.Thread(target=_fetch, args=(pretrained.url, arrived), daemon=True).start()

    def chunks() -> Iterator[bytes]:
        while True:
            try:
                chunk = arrived.get(timeout=PATIENCE_S)
            except queue.Empty:
                raise OSError(f"no answer within {PATIENCE_S:.0f} s") from None
            if isinstance(chunk, OSError):
                raise OSError(f"{getattr(chunk, 'reason', chunk)}") from chunk
            if chunk is None:
                return
            yield chunk

    source = chunks()
    first = next(source, b"")  # before the bar: most machines that fail, fail here
    content = first + b"".join(track(source, "ImageNet weights, MB", pretrained.megabytes - 1))
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if pretrained.md5 not in ("", found):
        raise OSError(f"what arrived has the MD5 {found}, expected {pretrained.md5}")
    write_atomic(path, content)


def _fetch(url: str, arrived: queue.Queue[bytes | OSError | None]) -> None:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as response:
            while chunk := response.read(MEGABYTE):
                arrived.put(chunk)
        arrived.put(None)
    except (OSError, ValueError) as error:
        arrived.put(error if isinstance(error, OSError) else OSError(str(error)))


def _from_file(path: Path, pretrained: Pretrained) -> Weights:
    if not path.is_file():
        raise TrainError(f"There is no weights file {path}.", "Expected: auto, imagenet, none, or the path of a file.")
    sha256 = _digest(path, "sha256")
    genuine = _digest(path, "md5") == pretrained.md5
    label = IMAGENET if genuine else f"sha256:{sha256[:12]}"
    return Weights(label, path, sha256, f"starts from {path.name} ({label}).")


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
