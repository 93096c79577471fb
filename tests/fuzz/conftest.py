"""How many cases each target gets, what counts as handled, and the table at the end."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, is_hypothesis_test, settings

from harness.contest import SHIPPED, EmbeddedSource, FolderSource, read_contest
from harness.errors import HarnessError
from harness.freeze.store import freeze
from harness.limited import OUR_FAULT
from harness.sources import embedded
from harness.sources.image_set import ImageSet
from harness.workspace import Workspace
from tests.reading import LastingReader

FEW = 400
CASES = int(os.environ.get("HEMOBENCH_FUZZ", FEW))
# Hundredths of all cases by file; within a file its tests share alike.  Freezing, the board and the command line cost
# most.  They add up to a little more than 100, since some tests run out of cases that differ.
SHARES = {
    "test_readers": 30,
    "test_zips": 20,
    "test_sources": 14,
    "test_contest_files": 6,
    "test_predictions": 12,
    "test_frozen": 7,
    "test_command_line": 9,
    "test_board": 4,
}
LONGEST = 300.0  # seconds, by the clock: a busy machine ends nothing, what waits for ever does
LONGEST_CPU_S = 5.0  # of this process and of the one that reads


@pytest.fixture(autouse=True)
def every_case_is_read_in_one_process(reads_in_one_process: None) -> None:
    """A case costs a millisecond, not 100."""


def do_all(steps: Iterable[Callable[[], object]]) -> None:
    """Take every step, though some end in an error for people; then raise the first of those."""
    failed = []
    for step in steps:
        try:
            step()
        except HarnessError as error:
            failed.append(error)
    if failed:
        raise failed[0]


@dataclass
class Target:
    """Runs the cases of one test and counts them.

    Attributes
    ----------
    folder : Path
        Where the case may write.
    around : Path
        Holds `folder` and what else must stay as it is.
    """

    folder: Path
    around: Path
    lasting: LastingReader
    slowest: float = 0.0
    cases: int = 0
    unhandled: int = 0

    def fresh(self) -> Path:
        """Return `folder`, emptied."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        return self.folder

    @contextmanager
    def case(self, *also: type[BaseException]) -> Iterator[None]:
        """Run one case: it must end by itself, or in an error for people, in time, and leave nothing elsewhere.

        Parameters
        ----------
        also : exception types
            What it may end in besides `HarnessError`.
        """
        self.cases += 1
        expected: tuple[type[BaseException], ...] = (HarnessError, *also)
        before = self._elsewhere()
        started, cpu_before = time.perf_counter(), time.process_time() + self.lasting.cpu_s()
        try:
            yield
        except expected as error:
            if isinstance(error, HarnessError):
                self._check_words(error)
                self._check_no_fault(error)
        except BaseException:
            self.unhandled += 1
            raise
        took = time.perf_counter() - started
        cpu = time.process_time() + self.lasting.cpu_s() - cpu_before
        self.slowest = max(self.slowest, cpu)
        if took > LONGEST or cpu > LONGEST_CPU_S or self._elsewhere() != before:
            self.unhandled += 1
        assert cpu < LONGEST_CPU_S, f"{cpu:.1f} s of processor time"
        assert took < LONGEST, f"{took:.1f} s"
        assert self._elsewhere() == before, "something was left outside"

    def _check_words(self, error: HarnessError) -> None:
        try:
            assert error.message.strip(), "an error without words"
            assert len(error.message) < 20_000
        except AssertionError:
            self.unhandled += 1
            raise

    def _check_no_fault(self, error: HarnessError) -> None:
        """A reader that stopped with an error that is none for people is the traceback of before."""
        if error.hint == OUR_FAULT:
            self.unhandled += 1
            raise AssertionError(error.message) from error

    def _elsewhere(self) -> list[str]:
        """Return what lies around, but for the case's own folder: copies in the system's temporary folder too."""
        return sorted(
            str(path.relative_to(self.around))
            for top in self.around.iterdir()
            if top != self.folder
            for path in (top, *top.rglob("*"))
        )


@pytest.fixture(scope="session")
def few_images() -> ImageSet:
    """160 images of the embedded source at a quarter of their size: what they show does not matter here."""
    contest = read_contest(SHIPPED / "blood-cells.toml")
    drawn = embedded.load(EmbeddedSource(n_images=160, seed=5), contest.class_names, contest.image_shape)
    return dataclasses.replace(drawn, images=np.ascontiguousarray(drawn.images[:, ::4, ::4]))


@pytest.fixture(scope="session")
def tiny_workspace(tmp_path_factory: pytest.TempPathFactory, few_images: ImageSet) -> Path:
    """A workspace in which a contest of these images is frozen, ``tiny``; to be copied, not written."""
    contest = msgspec.structs.replace(
        read_contest(SHIPPED / "blood-cells.toml"), name="tiny", image_shape=(24, 24, 3), source=FolderSource()
    )
    workspace = tmp_path_factory.mktemp("tiny") / "workspace"
    freeze(Workspace(workspace), contest, few_images)
    return workspace


@pytest.fixture
def target(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lasting: LastingReader
) -> Iterator[Target]:
    """The counter of this test, with a folder of its own; temporary files of the system are watched, too."""
    for name in ("case", "temporary", "neighbour"):
        (tmp_path / name).mkdir()
    (tmp_path / "neighbour" / "file").write_bytes(b"stays")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    made = Target(tmp_path / "case", tmp_path, lasting)
    yield made
    request.node.user_properties.append(("fuzz", (made.cases, made.unhandled, made.slowest)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if isinstance(item, pytest.Function) and item.path.parent == Path(__file__).parent]
    ours = [item for item in here if is_hypothesis_test(item.obj)]
    for item in ours:
        siblings = len({other.name for other in ours if other.path == item.path})
        settings(
            max_examples=-(-CASES * SHARES[item.path.stem] // (100 * siblings)),  # rounded up
            derandomize=CASES == FEW,
            print_blob=True,
            database=None,
            deadline=None,  # `Target.case` has its own: the first case of a target also imports what it needs
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )(item.obj)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print cases and unhandled ones by target; in one process only, since workers keep their own account."""
    counts: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0.0])
    for report in terminalreporter.stats.get("", []):  # teardowns, which hold the final numbers
        for name, value in report.user_properties:
            if name == "fuzz":
                row = counts[Path(report.location[0]).stem.removeprefix("test_").replace("_", " ")]
                row[0] += value[0]
                row[1] += value[1]
                row[2] = max(row[2], value[2])
    if not counts:
        return
    terminalreporter.section("fuzzing")
    rows: list[tuple] = [(name, *counts[name]) for name in sorted(counts)]
    rows.append(("all", sum(row[1] for row in rows), sum(row[2] for row in rows), max(row[3] for row in rows)))
    terminalreporter.write_line(f"{'target':<20} {'cases':>8} {'unhandled':>10} {'slowest, CPU s':>15}")
    for name, cases, unhandled, slowest in rows:
        terminalreporter.write_line(f"{name:<20} {cases:>8} {unhandled:>10} {slowest:>15.2f}")
