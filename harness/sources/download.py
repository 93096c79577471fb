"""A pinned file from the network: fetched once, resumed where it was cut, let in only with the right hash."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pooch
import requests

from harness.errors import SourceError
from harness.progress import Track, silent
from harness.workspace import make_folder

BLOCK = 64 * 2**10  # bytes written at once: no more than this is lost when a connection breaks
MEGABYTE = 10**6
TIMEOUT_S = (10, 60)  # to connect; between two blocks


def fetch(url: str, name: str, md5: str, cache: Path, *, track: Track = silent) -> Path:
    """Return the file `name` in `cache`, downloaded from `url` unless it is there already with that hash.

    A file of that name with another hash is replaced, but only by a whole one with the right hash.

    Parameters
    ----------
    url, name : str
    md5 : str, 32 hexadecimal digits
    cache : Path, made if need be
    track : Track, one item for each megabyte

    Raises
    ------
    SourceError
        No connection, an answer that is not the file, a download that breaks off, or a wrong hash.
    """
    make_folder(cache, private=True)  # the workspace's own folder may be made by this
    downloader = _Resuming(cache / f"{name}.part", name, track)
    by_hand = f"Or fetch {url} in another way, and add --source PATH/{name} to the command."
    try:
        # pooch compares hashes: before it downloads at all, and before the new file takes the place of the old.
        return Path(pooch.retrieve(url, f"md5:{md5}", fname=name, path=cache, downloader=downloader))
    except requests.HTTPError as error:
        raise SourceError(f"The server does not give {name}: {error}.", f"Try again later. {by_hand}") from error
    except requests.RequestException as error:
        if kept := downloader.kept():
            raise SourceError(
                f"The download of {name} broke off; its first {kept} bytes are kept.",
                f"Type the same command again to resume. {by_hand}",
            ) from error
        raise SourceError(
            f"No connection to {url.split('/')[2]}, so {name} could not be downloaded.",
            f"Type the same command again where there is a network. {by_hand}",
        ) from error
    except ValueError as error:  # pooch's answer to a wrong hash
        raise SourceError(
            f"What {url} gave for {name} has another MD5 than {md5}, so it was thrown away.",
            f"Type the same command again for a fresh download. {by_hand}",
        ) from error


@dataclass(frozen=True)
class _Resuming:
    """A downloader for pooch that gathers the file in `part`, which survives a cut connection and a killed process."""

    part: Path
    name: str
    track: Track

    def __call__(self, url: str, output_file: str, _pooch: object) -> None:
        while True:
            before = self.kept()
            try:
                self._continue(url)
                break
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
                if self.kept() <= before:  # as long as bytes arrive, it is worth going on
                    raise
        self.part.replace(output_file)

    def kept(self) -> int:
        """Return how many bytes of the file are here."""
        return self.part.stat().st_size if self.part.exists() else 0

    def _continue(self, url: str) -> None:
        kept = self.kept()
        # Bytes as they are: a server that compresses on the way would count other ranges.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={kept}-"} if kept else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
            span = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+)", answer.headers.get("Content-Range", ""))
            if kept and answer.status_code == requests.codes.requested_range_not_satisfiable:
                # Nothing lies beyond what is kept: it is whole, or else of another file, and then useless.
                if not (span and int(span[2]) == kept):
                    self.part.unlink()
                    self._continue(url)
                return
            answer.raise_for_status()
            resumes = answer.status_code == requests.codes.partial_content and span and span[1] == str(kept)
            left = int(answer.headers.get("Content-Length", 0))
            with self.part.open("ab" if resumes else "wb") as file:
                megabytes = _write(answer.iter_content(BLOCK), file)
                for _ in self.track(megabytes, f"downloading {self.name} (MB)", left // MEGABYTE):
                    pass


def _write(blocks: Iterable[bytes], file: IO[bytes]) -> Iterator[int]:
    """Write `blocks` to `file`, and yield the count of whole megabytes each time it grows."""
    written = 0
    for block in blocks:
        file.write(block)
        before, written = written, written + len(block)
        yield from range(before // MEGABYTE + 1, written // MEGABYTE + 1)
