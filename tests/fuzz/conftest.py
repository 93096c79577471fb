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
from harness.sources import embedded
from harness.sources.image_set import ImageSet
from harness.workspace import Workspace

FEW = 400
CASES = int(os.environ.get("HEMOBENCH_FUZZ", FEW))
# Hundredths of all cases by file; within a file its tests share alike.  Freezing, the board and the command line cost
# most.  They add up to a little more than 100, since some tests run out of cases that differ.
SHARES = {
    "test_zips": 29,
    "test_sources": 22,
    "test_contest_files": 8,
    "test_predictions": 16,
    "test_frozen": 10,
    "test_command_line": 12,
    "test_board": 6,
}
LONGEST = 20.0  # seconds that one case may take on a busy machine; most take milliseconds


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
        before = self._elsewhere()
        started = time.perf_counter()
        try:
            yield
        except (HarnessError, *also) as error:
            if isinstance(error, HarnessError):
                self._check_words(error)
        except BaseException:
            self.unhandled += 1
            raise
        took = time.perf_counter() - started
        if took > LONGEST or self._elsewhere() != before:
            self.unhandled += 1
        assert took < LONGEST, f"{took:.1f} s"
        assert self._elsewhere() == before, "something was left outside"

    def _check_words(self, error: HarnessError) -> None:
        try:
            assert error.message.strip(), "an error without words"
            assert len(error.message) < 20_000
        except AssertionError:
            self.unhandled += 1
            raise

    def _elsewhere(self) -> list[str]:
        """Return what lies around, but for the case's own folder: copies in the system's temporary folder too."""
        return sorted(
            str(path.relative_to(self.around))
            for top in self.around.iterdir()
            if top != self.folder
            for path in (top, *top.rglob("*"))
        )


@pytest.fixture(scope="session")
def few_pictures() -> ImageSet:
    """160 pictures of the embedded source at a quarter of their size: what they show does not matter here."""
    contest = read_contest(SHIPPED / "blood-cells.toml")
    drawn = embedded.load(EmbeddedSource(n_images=160, seed=5), contest.class_names, contest.image_shape)
    return dataclasses.replace(drawn, images=np.ascontiguousarray(drawn.images[:, ::4, ::4]))


@pytest.fixture(scope="session")
def tiny_workspace(tmp_path_factory: pytest.TempPathFactory, few_pictures: ImageSet) -> Path:
    """A workspace in which a contest of these pictures is frozen, ``tiny``; to be copied, not written."""
    contest = msgspec.structs.replace(
        read_contest(SHIPPED / "blood-cells.toml"), name="tiny", image_shape=(24, 24, 3), source=FolderSource()
    )
    workspace = tmp_path_factory.mktemp("tiny") / "workspace"
    freeze(Workspace(workspace), contest, few_pictures)
    return workspace


@pytest.fixture
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """The counter of this test, with a folder of its own; temporary files of the system are watched, too."""
    for name in ("case", "temporary", "neighbour"):
        (tmp_path / name).mkdir()
    (tmp_path / "neighbour" / "file").write_bytes(b"stays")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    made = Target(tmp_path / "case", tmp_path)
    yield made
    request.node.user_properties.append(("fuzz", (made.cases, made.unhandled)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if item.path.parent == Path(__file__).parent and is_hypothesis_test(item.obj)]
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
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for report in terminalreporter.stats.get("", []):  # teardowns, which hold the final numbers
        for name, value in report.user_properties:
            if name == "fuzz":
                row = counts[Path(report.location[0]).stem.removeprefix("test_").replace("_", " ")]
                row[0] += value[0]
                row[1] += value[1]
    if not counts:
        return
    terminalreporter.section("fuzzing")
    rows = [(name, *counts[name]) for name in sorted(counts)]
    rows.append(("all", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    for name, cases, unhandled in (("target", "cases", "unhandled"), *rows):
        terminalreporter.write_line(f"{name:<20} {cases:>8} {unhandled:>10}")
