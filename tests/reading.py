"""One process in place of the many that read strangers' files, for tests that are about what is read, not by whom."""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import psutil
import pytest

from harness.limited import Reader

P = ParamSpec("P")
T = TypeVar("T")


class LastingReader(Reader):
    """One process that reads for all tests, where each verb starts its own and waits 0.1 s for it."""

    def __init__(self, folder: Path) -> None:
        self.memory = os.memfd_create("reading")
        super().__init__(pass_fds=(self.memory,))
        self.folder = folder
        self.started_in = Path()
        self.turn = threading.RLock()
        self.ended_cpu = 0.0

    def __call__(self, *_: object, **__: object) -> LastingReader:
        return self

    def __exit__(self, *_: object) -> None:
        """Stay."""

    # Threads of a verb take turns, where each would have a process of its own.
    def call(self, what: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self.turn:
            return super().call(what, function, *args, **kwargs)

    def each(self, what: str, function: Callable[P, Iterator[T]], *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        with self.turn:
            yield from super().each(what, function, *args, **kwargs)

    def end(self) -> None:
        self.ended_cpu = self.cpu_s()
        super().end()

    def cpu_s(self) -> float:
        """Return the processor time of the processes so far."""
        if self._process is None:
            return self.ended_cpu
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(self._process.pid).cpu_times()
            return self.ended_cpu + times.user + times.system
        return self.ended_cpu

    def _ask(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self._process and Path.cwd() != self.started_in:  # a path may be named from there
            self.end()
        super()._ask(function, args, kwargs)

    def _start(self) -> subprocess.Popen[bytes]:
        self.started_in = Path.cwd()
        before, tempfile.tempdir = tempfile.tempdir, str(self.folder)
        try:
            return super()._start()
        finally:
            tempfile.tempdir = before


def read_all_by(reader: LastingReader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `reader` read whatever this process wants read."""
    for module in ("sandbox.run", "sources.shared", "sources.survey", "classroom.similar.survey"):
        importlib.import_module(f"harness.{module}")  # first imported later, they would keep the patched name for good
    codabench = "platforms.codabench"
    for module in ("limited", "sandbox.unpack", "sandbox.repair", f"{codabench}.bundle", f"{codabench}.lint"):
        monkeypatch.setattr(f"harness.{module}.Reader", reader)
    for module in ("arrays", "array_survey", "folder", "survey"):
        monkeypatch.setattr(
            f"harness.sources.{module}.reader_of", lambda bounds: contextlib.nullcontext((reader, reader.memory))
        )
