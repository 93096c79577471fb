"""A class that looks at the live board while entries come in: how long an answer takes.

Each reader is a browser: it asks for the state every two seconds, and for the page anew when that is another one.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from harness.workspace import Workspace
from tests.benchmarks.page import Measured, measured
from tests.conftest import CommandLine, contest_text
from tests.report.entries import Desk

EVERY_S = 2.0  # as the page's own script asks
ENTRIES, MORE = 60, 5  # on the board before, and in seconds between those that come in meanwhile


class Class:
    """Readers of one address, each in a thread."""

    def __init__(self, address: str) -> None:
        self.host = urlsplit(address).netloc
        self.seconds: dict[str, list[float]] = {"/state": [], "/": []}
        self.failed = 0
        self.stop = threading.Event()

    def ask(self, path: str) -> bytes:
        """Ask once, and note how long the whole answer took."""
        began = time.perf_counter()
        with contextlib.closing(http.client.HTTPConnection(self.host, timeout=60)) as connection:
            connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            body = answer.read()
        self.seconds[path].append(time.perf_counter() - began)
        return body

    def read(self, number: int) -> None:
        """Be one reader until the class is over; who begins when is drawn."""
        self.stop.wait(random.Random(number).uniform(0, EVERY_S))
        version = ""
        while not self.stop.is_set():
            try:
                now = json.loads(self.ask("/state"))["version"]
                if now != version:
                    version = now
                    self.ask("/")
            except OSError:
                self.failed += 1
            self.stop.wait(EVERY_S)


def readers(*, small: bool) -> Iterator[Measured]:
    """Measure answers to 200 readers, while an entry comes in every few seconds."""
    n, lasts = (20, 6) if small else (200, 60)
    with tempfile.TemporaryDirectory() as folder:
        contest = Path(folder) / "small.toml"
        contest.write_text(contest_text("small", "A small contest", n_images=480, more=""))
        hemobench = CommandLine(Path(folder) / "workspace")
        hemobench("freeze", "--contest", contest)
        desk = Desk(Workspace(hemobench.workspace))
        for number in range(ENTRIES):
            desk.record(f"team {number % 40}", 0.3 + 0.01 * number, number=number)
        process = hemobench.start("serve", "--port", "0")
        try:
            assert process.stdout is not None
            looking = Class(process.stdout.readline().split()[-1])
            threads = [threading.Thread(target=looking.read, args=(number,)) for number in range(n)]
            for thread in threads:
                thread.start()
            for number in range(lasts // MORE):
                desk.record(f"team {number}", 0.9, number=ENTRIES + number)
                time.sleep(MORE)
            looking.stop.set()
            for thread in threads:
                thread.join()
        finally:
            process.terminate()
            process.communicate()
            shutil.rmtree(folder, ignore_errors=True)
    for path, item in (("/state", "is there anything new"), ("/", "the page")):
        values = sorted(1000 * value for value in looking.seconds[path])
        late = values[int(0.95 * len(values))]
        note = f"{len(values)} answers, 95 % within {late:.0f} ms, {looking.failed} failed"
        yield measured(item, values, note)
