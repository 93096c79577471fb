"""The board as it stands now, made ready to be handed out, and made anew when it has changed."""

from __future__ import annotations

import gzip
import hashlib
import math
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Protocol

import harness
from harness.analysis.document import Report
from harness.errors import HarnessError, disk_trouble
from harness.freeze.frozen import Frozen
from harness.report.images import thumbnails
from harness.report.page import Live, Page, as_csv, as_json, compose, compose_trouble

LOOK_S = 1.0  # how often the board is looked at
NOT_OF_NOW = "The board cannot be read at the moment; whoever runs it is told why."
AGAIN_S = 10  # after which what could not be read is read again


@dataclass(frozen=True)
class Content:
    """What was gathered last without trouble.

    Attributes
    ----------
    version : str
        Names the content: another one is another content.
    since : str
        When it was first gathered, UTC, ISO 8601.
    """

    version: str
    since: str
    report: Report
    images: dict[tuple[str, int], str]
    csv: bytes
    json: bytes


@dataclass(frozen=True)
class Shown:
    """What a browser gets at one moment; `trouble` says in a sentence why it is not of now, "" where it is."""

    page: Page
    content: Content | None
    trouble: str = ""

    @cached_property
    def html(self) -> bytes:
        """The page as it is sent."""
        return self.page.html.encode()

    @cached_property
    def zipped(self) -> bytes:
        """The same, compressed: a class that looks at once shares one line."""
        return gzip.compress(self.html, compresslevel=6, mtime=0)

    @property
    def state(self) -> dict[str, str | int]:
        """What the page asks for every few seconds."""
        content = self.content
        return {
            "version": content.version if content else "",
            "since": content.since if content else "",
            "entries": content.report.n_scored + content.report.n_unscored if content else 0,
            "trouble": self.trouble,
        }


class Source(Protocol):
    """Where a report comes from; `harness.analysis.build.BoardSource` is one."""

    def look(self) -> object:
        """Return what differs when there may be another report."""

    def read(self) -> tuple[Frozen, Report]:
        """Build the report as it is now."""


class LiveBoard:
    """The board of one contest, for those who look while scores come in.

    `shown` is replaced as a whole, so that threads read it without a lock.

    Parameters
    ----------
    source : Source
        Where the report comes from.
    for_others : bool
        Whether others than the machine's owner look: then what is amiss, which names places of the machine, is in
        `trouble` alone, and what is shown says only that something is.

    Attributes
    ----------
    trouble : str
        Why what is shown is not of now, in a sentence for the owner.
    """

    def __init__(self, source: Source, *, for_others: bool = False) -> None:
        self.source, self.for_others = source, for_others
        self.trouble = ""
        self.shown = Shown(compose_trouble("The board is being read."), None, "The board is being read.")
        self._seen: object = None
        self._again = math.inf

    def refresh(self) -> bool:
        """Gather anew if a file has changed since the last time; return whether something else is shown now.

        A board that cannot be read is told of in a sentence, beside what was last shown, and read again a little later:
        a full disk, say, changes no file of ours.
        """
        seen = self.source.look()
        if seen == self._seen and time.monotonic() < self._again:
            return False
        before = self.shown
        content, trouble = before.content, ""
        try:
            content = self._gather()
        except HarnessError as error:
            trouble = f"{error.message} {error.hint}".strip()
        except OSError as error:
            trouble = f"{disk_trouble(error) or error}."
        except Exception:  # a fault of ours must not end what is shown to a class
            trouble = "A fault of hemobench; the terminal that serves says which."
            if trouble != self.trouble:
                traceback.print_exc()
        self.trouble = trouble
        if trouble and self.for_others:
            trouble = NOT_OF_NOW
        # Noted after the gathering, but as it was before: what changed meanwhile is looked at the next time.
        self._seen, self._again = seen, time.monotonic() + AGAIN_S if trouble else math.inf
        if content is before.content and trouble == before.trouble:
            return False
        shown = Shown(_page(content, trouble), content, trouble)
        _ = shown.zipped  # now, not while somebody waits
        self.shown = shown
        return True

    def changes(self) -> Iterator[Shown]:
        """Look every second, for ever, and yield what is shown each time that it is something else."""
        while True:
            time.sleep(LOOK_S)
            if self.refresh():
                yield self.shown

    def _gather(self) -> Content:
        frozen, report = self.source.read()
        json = as_json(report)
        version = hashlib.sha256(harness.__version__.encode() + json).hexdigest()[:16]
        before = self.shown.content
        if before and before.version == version:
            return before
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return Content(version, now, report, thumbnails(frozen, report), as_csv(report).encode(), json)


def _page(content: Content | None, trouble: str) -> Page:
    if content is None:
        return compose_trouble(trouble)
    return compose(content.report, content.images, Live(content.version, content.since, trouble))
